"""``faceleak demo``: a small release gate on real faces, from nothing but what scikit-image ships.

Real faces stand in for generated ones: 50 people are the "training set", 25 others play the generated pictures.
In the leaky set five training faces come back, altered as a generator or a thief would alter them.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from faceleak_check.errors import UsageError

__all__ = ["COPIES", "Copy", "Findings", "read_findings", "run_demo", "write_demo"]

_SIDE = 112
_SHEET = "lfw_subset.npy"
_MARK = ".faceleak-demo"
_DATA = ("training", "unseen", "generated-clean", "generated-leaky")
_STRANGERS = range(50, 75)
_UNSEEN = range(75, 100)
_PATCHES = range(100, 110)
THRESHOLD = 0.96


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A training face that comes back in the leaky set.

    Attributes:
        person: Row of the face.
        place: Number of its picture in the leaky set.
        kind: What was done to it, in words.
        alter: What is done to it.
    """

    person: int
    place: int
    kind: str
    alter: Callable[[Image.Image], Image.Image]

    @property
    def generated(self) -> str:
        """Its name in the leaky set."""
        return f"sample-{self.place:03}.png"

    @property
    def source(self) -> str:
        """Its name in the training set."""
        return f"person-{self.person:03}/face.png"


def _relit(face: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(face).enhance(1.25)


def _turned(face: Image.Image) -> Image.Image:
    return face.rotate(5, resample=Image.Resampling.BICUBIC)


def _cropped(face: Image.Image) -> Image.Image:
    edge = round(0.04 * _SIDE)
    box = (edge, edge, _SIDE - edge, _SIDE - edge)
    return face.crop(box).resize(face.size, Image.Resampling.BICUBIC)


def _recompressed(face: Image.Image) -> Image.Image:
    file = io.BytesIO()
    face.save(file, "JPEG", quality=35)
    return Image.open(file).convert("RGB")


COPIES = (
    Copy(person=4, place=3, kind="mirrored", alter=ImageOps.mirror),
    Copy(person=11, place=9, kind="25% brighter", alter=_relit),
    Copy(person=23, place=16, kind="turned by 5 degrees", alter=_turned),
    Copy(person=36, place=21, kind="cropped by 8%", alter=_cropped),
    Copy(person=42, place=33, kind="saved as JPEG at quality 35", alter=_recompressed),
)


def write_demo(folder: Path) -> None:
    """Writes the four sets and the two policies.

    Args:
        folder: Is made; may exist only if an earlier demo made it.

    Raises:
        UsageError: The folder holds something else, cannot be written, or scikit-image is not installed.
    """
    faces = _faces()
    if folder.exists() and not (folder / _MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} exists and no demo made it: name another folder, as in: faceleak demo my-demo"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
        for name in _DATA:
            shutil.rmtree(folder / name, ignore_errors=True)
        _write_sets(folder, faces)
        for name, text in _texts().items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(
            f"{folder} cannot be written: {reason}; name another folder, or free some space"
        ) from None


def _faces() -> list[Image.Image]:
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise UsageError(
            "the demo needs the faces that scikit-image ships: pip install 'faceleak-check[demo]'"
        )
    sheet = np.load(Path(package.origin).parent / "data" / _SHEET, allow_pickle=False)
    small = [Image.fromarray(np.round(255 * face).astype(np.uint8)).convert("RGB") for face in sheet]
    return [face.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR) for face in small]


def _write_sets(folder: Path, faces: list[Image.Image]) -> None:
    for person in range(_STRANGERS.start):
        _save(faces[person], folder / "training" / f"person-{person:03}" / "face.png")
    for person in _UNSEEN:
        _save(faces[person], folder / "unseen" / f"person-{person:03}" / "face.png")
    others = [faces[number] for number in [*_STRANGERS, *_PATCHES]]
    for number, picture in enumerate(others):
        _save(picture, folder / "generated-clean" / f"sample-{number:03}.png")
    leaky = list(others)
    for copy in COPIES:
        leaky.insert(copy.place, copy.alter(faces[copy.person]))
    for number, picture in enumerate(leaky):
        _save(picture, folder / "generated-leaky" / f"sample-{number:03}.png")


def _save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def _texts() -> Mapping[str, str]:
    policy = files("faceleak_check").joinpath("demo.yaml").read_text(encoding="utf-8")
    clean, leaky = (policy.format(kind=kind, threshold=THRESHOLD) for kind in ("clean", "leaky"))
    return {"clean.yaml": clean, "leaky.yaml": leaky, "pytest.ini": "[pytest]\n", ".gitignore": "*\n"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What the evidence of both runs says.

    Attributes:
        clean: Leaks in the clean set: (generated, source) → cosine.
        leaky: Leaks in the leaky set.
        highest: Highest cosine of the clean set.
        n_no_face: Pictures of the leaky set in which no face was found.
    """

    clean: Mapping[tuple[str, str], float]
    leaky: Mapping[tuple[str, str], float]
    highest: float
    n_no_face: int

    @property
    def as_expected(self) -> bool:
        """Whether the gate found the five copies, the pictures without a face, and nothing else."""
        copies = {(copy.generated, copy.source) for copy in COPIES}
        return not self.clean and set(self.leaky) == copies and self.n_no_face == len(_PATCHES)


def run_demo(folder: Path, say: Callable[[str], None]) -> bool:
    """Writes the demo, runs pytest on both policies and tells in plain words what happened.

    Args:
        folder: Where to write it.
        say: Prints a line.

    Returns:
        Whether the gate found the five altered copies and nothing else.

    Raises:
        UsageError: The folder cannot be used, or scikit-image is not installed.
    """
    write_demo(folder)
    say(f"Wrote {folder}/: 50 training faces, a clean and a leaky generated set, two policies.")
    statuses = {}
    for kind in ("clean", "leaky"):
        say(f"\n$ cd {folder} && {_shown_command(kind)}")
        statuses[kind] = _run_gate(folder, kind)
    try:
        findings = read_findings(folder)
    except (OSError, KeyError, TypeError, ValueError):
        say("\nThe gate gave no verdict; what pytest printed above says why.")
        return False
    right = findings.as_expected and statuses == {"clean": 0, "leaky": 1}
    for line in _in_words(folder, findings, right=right):
        say(line)
    return right


def _run_gate(folder: Path, kind: str) -> int:
    environment = {
        name: value
        for name, value in os.environ.items()
        # the planted leaks are no news to GitHub
        if name not in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "GITHUB_ACTIONS")
    }
    command = [sys.executable, "-m", "pytest", *_arguments(kind), "--faceleak-store", ".store"]
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode  # noqa: S603  our own


def _arguments(kind: str) -> list[str]:
    evidence = ["--faceleak-evidence", f"{kind}-evidence"]
    return ["--faceleak-policy", f"{kind}.yaml", f"--junitxml={kind}.xml", *evidence]


def _shown_command(kind: str) -> str:
    return " ".join(["pytest", *_arguments(kind)])


def read_findings(folder: Path) -> Findings:
    """What both runs left in the demo's folder.

    Raises:
        OSError: There is no evidence.
        ValueError: The evidence cannot be read.
        KeyError: A case has no verdict.
        TypeError: A case has no measurement.
    """
    clean, leaky = (
        json.loads((folder / f"{kind}-evidence" / "evidence.json").read_text(encoding="utf-8"))["policies"][0]
        for kind in ("clean", "leaky")
    )
    highest = _measurement(clean, "top_k_similarity")["value"]
    n_no_face = leaky["cases"][0]["sets"]["generated"]["counts"]["n_excluded"].get("no_face", 0)
    return Findings(clean=_leaks(clean), leaky=_leaks(leaky), highest=highest, n_no_face=n_no_face)


def _leaks(policy: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    pairs = _measurement(policy, "leak_count")["worst_pairs"]
    return {(pair["generated"], pair["source"]): pair["similarity"] for pair in pairs}


def _measurement(policy: Mapping[str, Any], check: str) -> Mapping[str, Any]:
    measured: Mapping[str, Any] = {case["check"]: case for case in policy["cases"]}[check]["measurement"]
    return measured


def _in_words(folder: Path, findings: Findings, *, right: bool) -> Iterator[str]:
    yield "\nWhat happened"
    if findings.clean:
        yield f"  clean.yaml  should have passed and names {len(findings.clean)} leaks."
    else:
        yield "  clean.yaml  passed: no picture is as near to a training face as a copy of it would be"
        yield f"              (highest cosine {findings.highest:.4f}, the policy's limit is {THRESHOLD})."
    yield f"  leaky.yaml  failed: {len(findings.leaky)} pictures are training faces in disguise:"
    for copy in COPIES:
        cosine = findings.leaky.get((copy.generated, copy.source))
        found = "MISSED" if cosine is None else f"cosine {cosine:.4f}"
        yield f"              {copy.generated} is {copy.source}, {copy.kind}: {found}"
    for pair in sorted(set(findings.leaky) - {(copy.generated, copy.source) for copy in COPIES}):
        yield f"              {pair[0]} is called a copy of {pair[1]}: FALSE ALARM"
    yield f"  both        hold {findings.n_no_face} pictures without a face: counted as no_face, and not compared."
    yield "\nFiles to open"
    yield f"  {folder}/leaky.yaml                     the policy, with comments"
    yield f"  {folder}/leaky-evidence/report.html     the report: open it in a browser"
    yield f"  {folder}/leaky-evidence/evidence.json   every figure behind the verdicts"
    yield f"  {folder}/leaky.xml                      the JUnit file to hand in: no name, no face in it"
    yield f"  {folder}/generated-leaky/ and {folder}/training/   the pictures; look at a pair"
    yield "\nReal faces stand in for generated ones here: this shows the gate, not a generator."
    yield (
        "The gate works as it should."
        if right
        else "The gate did NOT work as it should: do not trust this installation."
    )
