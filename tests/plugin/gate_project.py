"""A project with two small sets and a policy, on which tests run a real pytest."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

POLICY = """\
version: 1
name: {name}
datasets:
  generated: {{path: generated}}
  training: {{path: training, labels: parent_folder}}
embedder: {{name: fake-pixels}}
{keys}checks:
{checks}"""

CHECKS = {
    "leak_count": "threshold: {cosine: 0.9}, at_most: 0",
    "leak_rate": "threshold: {cosine: 0.9}, at_most: 0",
    "identity_exposure": "threshold: {cosine: 0.9}, at_most: 0",
    "top_k_similarity": "k: 3, at_most: 0.9",
}
ALL = tuple(CHECKS)
NOTE = """\
note: 'fake-pixels' is no face recogniser but a stand-in for tests: this verdict
    says nothing about people"""
NOTE_OF_PASSED = """\
  note: 'fake-pixels' is no face recogniser but a stand-in for tests: this
        verdict says nothing about people"""
"""The same under the policy, where the verdict has no text of its own."""

WriteSet = Callable[..., Path]
Result = pytest.RunResult


class Project:
    """Six generated pictures that are like none of the six training pictures, until a test leaks some."""

    def __init__(self, pytester: pytest.Pytester, write_set: WriteSet) -> None:
        self.path = pytester.path
        self.store = Path(os.environ["FACELEAK_STORE"])
        self.write_set = write_set
        self._pytester = pytester
        write_set(self.path / "generated", [f"g{n}.png" for n in range(6)], seed=1)
        write_set(self.path / "training", [f"p{n}/1.png" for n in range(6)], seed=2)

    def policy(self, file: str = "release.yaml", *checks: str, keys: str = "") -> Path:
        """Writes a policy with these checks: names in `CHECKS`, or ``name: keys``."""
        lines = []
        for check in checks or ("leak_count",):
            name, _, rest = check.partition(": ")
            lines.append(f"  - {name}: {{generated: generated, source: training, {rest or CHECKS[name]}}}\n")
        return self.write(file, POLICY.format(name=Path(file).stem, keys=keys, checks="".join(lines)))

    def write(self, file: str, text: str) -> Path:
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def leak(self, generated: str = "g9.png", source: str = "p3/1.png") -> None:
        """Puts a copy of a training picture among the generated ones."""
        target = self.path / "generated" / generated
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.path / "training" / source, target)

    def install_embedder(self, name: str, target: str, source: str = "") -> None:
        """Registers an embedder as an installed package does, and makes the policy use it."""
        info = f"{name}_embedder-1.0.dist-info"
        self.write(
            f"installed/{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}-embedder\nVersion: 1.0\n"
        )
        self.write(f"installed/{info}/entry_points.txt", f"[faceleak_check.embedders]\n{name} = {target}\n")
        self.write(f"installed/{target.partition(':')[0]}.py", source)
        policy = (self.path / "release.yaml").read_text(encoding="utf-8")
        self.write("release.yaml", policy.replace("fake-pixels", name))

    def run(self, *arguments: str) -> Result:
        """Runs pytest in this process."""
        return self._pytester.runpytest_inprocess(*arguments)

    def gate(self, *arguments: str) -> Result:
        """Runs pytest on ``release.yaml``."""
        return self.run("--faceleak-policy", "release.yaml", "--junitxml=out.xml", *arguments)

    def collected(self, *arguments: str) -> list[str]:
        """The node ids that pytest collects."""
        result = self.run("--collect-only", "-q", *arguments)
        assert result.ret == pytest.ExitCode.OK
        return [line for line in result.outlines if "::" in line]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts pytest in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self.path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_apart(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit status and output of pytest in a process of its own."""
        process = self.start(*arguments, **environment)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def evidence(self, folder: str = "faceleak-evidence") -> dict[str, Any]:
        return self._json(f"{folder}/evidence.json")

    def run_record(self, folder: str = "faceleak-evidence") -> dict[str, Any]:
        return self._json(f"{folder}/run.json")

    def _json(self, file: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.path / file).read_text(encoding="utf-8"))
        return data

    def outcomes(self) -> Mapping[str, str]:
        """Outcome of each case by its node id, as the evidence tells it."""
        return {
            f"{policy['file']}::{case['case']}": case["outcome"]
            for policy in self.evidence()["policies"]
            for case in policy["cases"]
        }

    def n_embedded(self) -> int:
        return sum(case["n_embedded"] for case in self.run_record()["cases"].values())

    def junit(self, file: str = "out.xml") -> etree._Element:
        return etree.parse(self.path / file).getroot()

    def shown(self, text: str) -> str:
        """A text with this project's folder written as PROJECT."""
        return text.replace(str(self.path), "PROJECT")


def summary(output: str) -> str:
    """The block that the plugin adds to pytest's summary, without its title."""
    lines = output.splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip("=") == " faceleak-check ") + 1
    end = next(n for n in range(start, len(lines)) if lines[n].startswith(("evidence: ", "ERROR: ")))
    return "\n".join(lines[start : end + 1])


def failure(output: str, case: str) -> str:
    """What pytest prints under the title of a failed or broken case."""
    lines = output.splitlines()
    titles = (f" {case} ", f" ERROR at setup of {case} ", f" ERROR collecting {case} ")
    start = next(n for n, line in enumerate(lines) if line.strip("_") in titles) + 1
    end = next(n for n in range(start, len(lines)) if _is_title(lines[n]))
    return without_key("\n".join(lines[start:end]))


def without_key(text: str) -> str:
    """A text with the digests in the names of pairs files written as KEY."""
    return re.sub(r"\.[0-9a-f]{8}\.parquet", ".KEY.parquet", text)


def _is_title(line: str) -> bool:
    return line.startswith(("____", "====", "----", "- generated xml")) and len(line) >= 80


def errors(result: Result) -> str:
    """What pytest wrote to stderr."""
    return "\n".join(result.errlines).strip()
