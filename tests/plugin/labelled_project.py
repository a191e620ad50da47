"""A project whose source and control name their people, so that thresholds can be stated as error rates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import numpy.typing as npt
import pytest
from gate_project import Project, Result, WriteSet, failure
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.floating[Any]]

SCHEMA = json.loads((files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8"))
N_PEOPLE = 12
N_IMAGES = 3
DATASETS = {
    "generated": "path: generated",
    "training": "path: training, labels: parent_folder",
    "unseen": "path: unseen, labels: parent_folder",
}
PAIR = "generated: generated, source: training"
TRIPLE = f"{PAIR}, control: unseen"


class LabelledProject(Project):
    """40 generated pictures that are like none of the 36 training and the 36 unseen ones, of 12 people each."""

    def __init__(self, pytester: pytest.Pytester, write_set: WriteSet) -> None:
        super().__init__(pytester, write_set)
        for folder in ("generated", "training"):
            shutil.rmtree(self.path / folder)
        write_set(self.path / "generated", [f"g{n:02}.png" for n in range(40)], seed=1)
        for seed, (folder, letter) in enumerate((("training", "p"), ("unseen", "u")), 2):
            people = [f"{letter}{person:02}/{n}.png" for person in range(N_PEOPLE) for n in range(N_IMAGES)]
            write_set(self.path / folder, people, seed=seed)

    def write_policy(
        self, *checks: str, keys: str = "", embedder: str = "fake-pixels", **datasets: str
    ) -> Path:
        """Writes ``release.yaml``: checks as ``leak_count: PAIR, ...``; datasets where their keys are not the usual."""
        asked = " ".join(checks)
        those = {name: value for name, value in DATASETS.items() if f": {name}" in asked} | datasets
        lines = [
            "version: 1",
            "name: release",
            "datasets:",
            *(f"  {name}: {{{value}}}" for name, value in those.items()),
            *([f"embedder: {{name: {embedder}}}"] if embedder else ()),
            *keys.splitlines(),
            "checks:",
        ]
        for check in checks:
            name, _, rest = check.partition(": ")
            lines.append(f"  - {name}: {{{rest}}}")
        return self.write("release.yaml", "".join(f"{line}\n" for line in lines))

    def judge(self, *checks: str, keys: str = "", embedder: str = "fake-pixels", **datasets: str) -> Result:
        """Writes the policy and runs it; the evidence fits its schema whatever comes of it."""
        self.write_policy(*checks, keys=keys, embedder=embedder, **datasets)
        result = self.gate()
        validate(self.evidence())
        return result

    def case(self) -> dict[str, Any]:
        """The only case, as the evidence tells it."""
        ((case,),) = (policy["cases"] for policy in self.evidence()["policies"])
        return dict(case)

    def text(self, result: Result) -> str:
        """What stands under the only case."""
        return self.shown(failure(result.stdout.str(), self.case()["case"]))

    def properties(self) -> list[tuple[str, str]]:
        """Of the only case, as the JUnit file holds them, without the digests of the policy and the sets."""
        found = [(one.get("name"), one.get("value")) for one in self.junit().iter("property")]
        return [
            (str(name).removeprefix("faceleak."), str(value))
            for name, value in found
            if not str(name).endswith("sha256")
        ]

    def in_junit(self, *texts: str) -> list[str]:
        """Those of these texts that stand in the JUnit file, and this project's folder if that does."""
        written = (self.path / "out.xml").read_text(encoding="utf-8")
        return [text for text in (str(self.path), *texts) if text in written]


def validate(evidence: object) -> None:
    """Whether evidence is as its schema says."""
    jsonschema.Draft202012Validator(SCHEMA).validate(evidence)


def unit(rows: Rows) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def draw(path: Path, template: Rows) -> None:
    """Writes the picture whose template by ``fake-pixels`` points this way; 192 numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = 127.5 + 127.5 * template / np.abs(template).max()
    Image.fromarray(np.round(pixels).astype(np.uint8).reshape(8, 8, 3)).save(path)


def save(path: Path, picture: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def save_people(folder: Path, faces: Sequence[Pixels], letter: str) -> None:
    """A folder for each face."""
    for n, face in enumerate(faces):
        save(folder / f"{letter}{n:02}/face.png", face)


def noisy(path: Path, *, seed: int) -> Pixels:
    """A picture with a little noise: to ``fake-pixels`` another one of the same person."""
    picture = np.asarray(Image.open(path)).astype(int)
    noise = np.random.default_rng(seed).integers(-25, 25, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)
