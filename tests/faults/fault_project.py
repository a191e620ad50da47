"""A small project with pictures of three sets and a policy, in which commands are disturbed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from forked import Forks, Ran
from PIL import Image

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.schema import EmbedderChoice

__all__ = ["GATE", "LEAKS", "POLICY", "SPEC", "FaultProject", "Pristine", "tree", "write_pictures"]

POLICY = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
  unseen: {path: unseen, labels: parent_folder}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
  - leak_rate: {generated: generated, source: training, control: unseen, threshold: {fpir: 5%}, at_most: 100%}
"""
GATE = ("pytest", "--faceleak-policy=release.yaml", "--junitxml=out.xml")
LEAKS = ("leak0.png", "more/leak1.png")
SPEC = FakePixels(EmbedderChoice(name="fake-pixels")).spec.sha256[:32]
"""Name of the folder in the store that holds the templates."""


def write_pictures(folder: Path, names: list[str], *, seed: int) -> None:
    """Small random pictures; no two seeds share one."""
    random = np.random.default_rng(seed)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / name)


class FaultProject:
    """A folder in which commands run; six pictures are like none of the training, two are copies of some."""

    def __init__(self, path: Path, forks: Forks) -> None:
        self.path = path
        self._forks = forks

    def run(self, *command: str, **fault: Any) -> Ran:
        return self._forks.run(self.path, *command, **fault)

    def gate(self, *arguments: str, **fault: Any) -> Ran:
        return self.run(*GATE, *arguments, **fault)

    def start(self, *command: str, **fault: Any) -> int:
        return self._forks.start(self.path, *command, **fault)

    def ended(self, process: int) -> Ran:
        return self._forks.ended(process)

    def without_leaks(self) -> None:
        for name in LEAKS:
            (self.path / "generated" / name).unlink()

    def one_check(self, keys: str = "", check: str = "leak_count", limits: str = "at_most: 0") -> None:
        """Writes a policy with one check, for which neither control nor screens are needed."""
        self.write(
            "release.yaml",
            "version: 1\nname: release\ndatasets:\n  generated: {path: generated}\n"
            f"  training: {{path: training, labels: parent_folder}}\nembedder: {{name: fake-pixels}}\n{keys}checks:\n"
            f"  - {check}: {{generated: generated, source: training, threshold: {{cosine: 0.9}}, {limits}}}\n",
        )

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, encoding="utf-8")

    def evidence(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.path / "faceleak-evidence/evidence.json").read_bytes())
        return data

    @property
    def outcome(self) -> str:
        """Of the only policy; empty where there is no evidence."""
        if not (self.path / "faceleak-evidence/evidence.json").exists():
            return ""
        return str(self.evidence()["policies"][0]["outcome"])

    def shown(self, ran: Ran) -> list[str]:
        """The lines of an output, with this project's folder written as PROJECT."""
        return ran.output.replace(str(self.path), "PROJECT").splitlines()


class Pristine:
    """Made once for all tests; each takes a copy.

    Args:
        path: Where it is kept.
        forks: Runs the commands.
    """

    def __init__(self, path: Path, forks: Forks) -> None:
        self._path = path
        self._forks = forks
        clean = path / "clean"
        write_pictures(clean / "generated", [f"g{n}.png" for n in range(6)], seed=1)
        for seed, letter in ((2, "p"), (3, "u")):
            names = [f"{letter}{person:02}/{n}.png" for person in range(12) for n in range(3)]
            write_pictures(clean / {"p": "training", "u": "unseen"}[letter], names, seed=seed)
        (clean / "generated/more").mkdir()
        for n, name in enumerate(LEAKS):
            shutil.copyfile(clean / f"training/p0{n}/1.png", clean / "generated" / name)
        (clean / "release.yaml").write_text(POLICY, encoding="utf-8")

    def copied(self, path: Path, *, ran: bool = False, passed: bool = False) -> FaultProject:
        """The project in a folder of its own.

        Args:
            path: The folder.
            ran: Whether a run was made in it.
            passed: Whether that run saw no leaks, which came later.
        """
        kept = self._path / ("passed" if passed else "ran" if ran else "clean")
        if not kept.exists():
            project = self.copied(self._path / "half")
            if passed:
                project.without_leaks()
            assert project.gate().status == int(not passed)
            shutil.copytree(self._path / "clean/generated", project.path / "generated", dirs_exist_ok=True)
            project.path.rename(kept)
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(kept, path)
        return FaultProject(path, self._forks)


def tree(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, str]:
    """The digest of every file in a folder, also of what is hidden."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith(but or ("\0",))
    }
