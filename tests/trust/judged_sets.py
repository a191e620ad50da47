"""Two small sets of pictures with a leak between them, and policies on them, judged without a process of their own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from faceleak_check import PolicyResult, check

PAIR = "generated: generated, source: training"
TRIPLE = f"{PAIR}, control: unseen"
COUNT = f"leak_count: {{{PAIR}, threshold: {{cosine: 0.9}}, at_most: 0}}"
DATASETS = {
    "generated": "path: generated",
    "training": "path: training, labels: parent_folder",
    "unseen": "path: unseen, labels: parent_folder",
}


class JudgedSets:
    """40 generated pictures, 36 of 12 training people, 36 of 12 unseen people: none is like another. Seeds 1 to 3."""

    def __init__(self, path: Path, write_set: Callable[..., Path]) -> None:
        self.path = path
        write_set(path / "generated", [f"g{n:02}.png" for n in range(40)], seed=1)
        for seed, (folder, letter) in enumerate((("training", "p"), ("unseen", "u")), 2):
            names = [f"{letter}{person:02}/{n}.png" for person in range(12) for n in range(3)]
            write_set(path / folder, names, seed=seed)

    def leak(self, n: int = 1) -> None:
        """Puts a noisy picture of the first source people among the generated ones: near, and no copy."""
        for person in range(n):
            self.noisy(f"training/p{person:02}/0.png", f"generated/leak{person:02}.png", seed=person)

    def copy(self, source: str, target: str) -> None:
        (self.path / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.path / source, self.path / target)

    def noisy(self, source: str, target: str, *, seed: int) -> None:
        picture = np.asarray(Image.open(self.path / source)).astype(int)
        noise = np.random.default_rng(seed).integers(-25, 25, picture.shape)
        (self.path / target).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(picture + noise, 0, 255).astype(np.uint8)).save(self.path / target)

    def write(self, file: str, text: str) -> None:
        (self.path / file).write_text(text, encoding="utf-8")

    def policy(self, *checks: str, keys: str = "", embedder: str = "fake-pixels", **datasets: str) -> Path:
        asked = " ".join(checks)
        those = {name: value for name, value in DATASETS.items() if f": {name}" in asked} | datasets
        lines = ["version: 1", "name: release", "datasets:"]
        lines += [f"  {name}: {{{value}}}" for name, value in those.items()]
        lines += [f"embedder: {{name: {embedder}}}"] if embedder else []
        lines += [*keys.splitlines(), "checks:", *(f"  - {check}" for check in checks)]
        self.write("release.yaml", "".join(f"{line}\n" for line in lines))
        return self.path / "release.yaml"

    def judge(
        self, *checks: str, keys: str = "", embedder: str = "fake-pixels", **datasets: str
    ) -> PolicyResult:
        policy = self.policy(*checks, keys=keys, embedder=embedder, **datasets)
        return check(policy, store=self.path / "store")

    def reasons(self, *checks: str, **keys: str) -> list[tuple[str, str]]:
        """Outcome and first reason of each case."""
        result = self.judge(*checks, **keys)
        return [(str(verdict.outcome), verdict.reasons[0]) for verdict in result.verdicts]

    def match_list(self, file: str, *rows: tuple[str, str, float], head: str = "similarity") -> str:
        """Writes a list of matches; what its dataset is in the policy."""
        lines = [f"generated,source,{head}", *(",".join(map(str, row)) for row in rows)]
        self.write(file, "\n".join(lines) + "\n")
        columns = f"columns: {{generated: generated, source: source, similarity: {head}}}"
        return f"path: {file}, format: matches, {columns}"

    def waive(self, *pairs: Sequence[str]) -> None:
        """Writes ``waivers.yaml``; pairs are content digests."""
        told = "reason: looked at, owner: A. Reviewer, date: 2026-01-01, expires: 2099-01-01"
        lines = [f"  - {{generated: {one}, source: {other}, {told}}}" for one, other in pairs]
        self.write("waivers.yaml", "\n".join(["version: 1", "waivers:", *lines, ""]))

    def digest(self, file: str) -> str:
        return hashlib.sha256((self.path / file).read_bytes()).hexdigest()
