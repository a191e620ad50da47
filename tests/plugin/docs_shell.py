"""A project with little data in which the commands of the documentation run as they stand."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from faceleak_check.cli import main

__all__ = ["DATA", "POLICY", "Ran", "Shell", "set_its_paths"]

ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = re.compile(r"([A-Z_]+)=(.*)")
_BY_BASH = ("sed", "nohup", "cp", "mkdir")
DATA = {
    "generated": [f"g{n:02}.png" for n in range(40)],
    "training": [f"p{n // 3:02}/{n % 3}.png" for n in range(36)],
    "never-trained": [f"u{n // 3:02}/{n % 3}.png" for n in range(36)],
}
POLICY = """\
version: 1
name: release-gate
datasets:
  generated: {path: "${GENERATED:-../data/generated}"}
  training: {path: ../data/training, labels: parent_folder}
  unseen: {path: ../data/never-trained, labels: parent_folder}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.96}, at_most: 0}
  - leak_rate: {generated: generated, source: training, control: unseen, threshold: {fpir: 10%}, at_most: 50%}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """Exit status of a command, and all that it printed."""

    status: int
    output: str


def set_its_paths(policy: Path) -> None:
    """What a user does to the policy of `faceleak init`, with a stand-in for the network and few pictures."""
    text = policy.read_text(encoding="utf-8")
    for old, new in (
        ("path: path/to/generated", "path: ../data/generated"),
        ("path: path/to/training", "path: ../data/training"),
        ("name: dlib-resnet", "name: fake-pixels"),
        ("at_most: 0.1%\n      # Then", "at_most: 10%\n      # Then"),
        ("min_images: 1000", "min_images: 40"),
        ("at_least: 99%", "at_least: 1%"),
    ):
        assert old in text, f"faceleak init writes no {old!r} any more"
        text = text.replace(old, new, 1)
    policy.write_text(text, encoding="utf-8")


class Shell:
    """Runs one command after the other, `pytest` and `faceleak` in this process and all else in bash."""

    def __init__(
        self,
        pytester: pytest.Pytester,
        monkeypatch: pytest.MonkeyPatch,
        capsysbinary: pytest.CaptureFixture[bytes],
    ) -> None:
        self._pytester = pytester
        self._monkeypatch = monkeypatch
        self._captured = capsysbinary

    @staticmethod
    def knows(command: str) -> bool:
        """Whether this runs a command of that kind."""
        words = [word for word in shlex.split(command) if not _ENVIRONMENT.fullmatch(word)]
        return bool(words) and words[0] in ("cd", "export", "faceleak", "pytest", *_BY_BASH)

    def run(self, command: str) -> Ran:
        """Exit status and output of a command; its `export` and `cd` hold for those that follow."""
        if re.search(r"[>|;&]", re.sub(r"'[^']*'|\"[^\"]*\"", "", command)):
            return self._bash(command)
        words = shlex.split(command)
        with self._monkeypatch.context() as patch:
            while words and (given := _ENVIRONMENT.fullmatch(words[0])):
                patch.setenv(given[1], given[2])
                words.pop(0)
            match words:
                case ["export", *pairs]:
                    return self._export(pairs)
                case ["cd", folder]:
                    self._monkeypatch.chdir(folder)
                    return Ran(status=0, output="")
                case ["pytest", *arguments]:
                    return self._pytest(arguments)
                case ["faceleak", *arguments]:
                    return self._faceleak(arguments, patch)
        return self._bash(command)

    def _export(self, pairs: Sequence[str]) -> Ran:
        for pair in pairs:
            name, _, value = pair.partition("=")
            self._monkeypatch.setenv(name, value)
        return Ran(status=0, output="")

    def _pytest(self, arguments: Sequence[str]) -> Ran:
        result = self._pytester.runpytest_inprocess(*arguments)
        return Ran(status=int(result.ret), output="\n".join([*result.outlines, *result.errlines]))

    def _faceleak(self, arguments: Sequence[str], patch: pytest.MonkeyPatch) -> Ran:
        patch.setattr(sys, "argv", ["faceleak", *arguments])
        self._captured.readouterr()
        with pytest.raises(SystemExit) as left, contextlib.suppress(BrokenPipeError):
            main()
        written = self._captured.readouterr()
        return Ran(status=int(left.value.code or 0), output=(written.out + written.err).decode("utf-8"))

    def _bash(self, command: str) -> Ran:
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", f"{command}\nwait"],
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(status=ran.returncode, output=ran.stdout + ran.stderr)
