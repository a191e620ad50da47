"""Workers of pytest-xdist that die, memory that ends: no case is silently missing, and none of them passes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from fault_project import FaultProject

DIES = """\
import os, signal

def pytest_runtest_{when}(item):
    if "leak_rate" in item.name and os.environ.get("PYTEST_XDIST_WORKER"):
        os.kill(os.getpid(), signal.SIGKILL)
"""
DIES_AT_ONCE = """\
import os, signal

def pytest_collection_finish(session):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.kill(os.getpid(), signal.SIGKILL)
"""
CHECKS = ("leak_count", "leak_rate", "identity_exposure", "top_k_similarity")
CASES = [f"{check}[generated-vs-training]" for check in CHECKS]
NO_MEMORY = {
    "of Python": "MemoryError",
    "of NumPy": "lambda: __import__('numpy').ones(1 << 60, 'u1')",
    "of torch": (
        "lambda: RuntimeError('[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: '"
        ' "can\'t allocate memory: you tried to allocate 1099511627776 bytes. Error code 12 (Cannot allocate memory)")'
    ),
}
ENDS = """\
from faceleak_check.embedders.fake_pixels import FakePixels

def embed(self, chips):
    raise ({error})()  # NumPy raises it itself

FakePixels.embed = embed
"""


@pytest.fixture
def project(project: FaultProject) -> FaultProject:
    """Four cases that would pass."""
    project.without_leaks()
    project.one_check()
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    pair = "generated: generated, source: training"
    for check, limits in zip(
        CHECKS[1:], (*["threshold: {cosine: 0.9}, at_most: 0"] * 2, "k: 3, at_most: 0.9"), strict=True
    ):
        text += f"  - {check}: {{{pair}, {limits}}}\n"
    project.write("release.yaml", text)
    return project


def junit(project: FaultProject) -> dict[str, list[str]]:
    """What stands under each case in the JUnit file."""
    cases = ET.parse(project.path / "out.xml").getroot().iter("testcase")
    return {
        str(case.get("name")): [mark.tag for mark in case if mark.tag in ("error", "failure")]
        for case in cases
    }


WAYS = {
    "in set-up, and no other takes its place": (DIES.format(when="setup"), ("-n1", "--max-worker-restart=0")),
    "in its call": (DIES.format(when="call"), ("-n1", "--max-worker-restart=0")),
    "in its teardown": (DIES.format(when="teardown"), ("-n1", "--max-worker-restart=0")),
    "and the run stops at the first failure": (DIES.format(when="setup"), ("-n1", "--maxfail=1")),
    "of two": (DIES.format(when="setup"), ("-n2", "--max-worker-restart=0")),
    "before any case": (DIES_AT_ONCE, ("-n1", "--max-worker-restart=0")),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_that_dies(project: FaultProject, way: str, long: bool) -> None:
    if not long and way != "in its call":
        pytest.skip("takes three seconds: with --long")
    conftest, arguments = WAYS[way]
    project.write("conftest.py", conftest)
    ran = project.gate(*arguments)
    assert ran.status not in (0, 5), ran.output
    assert project.outcome == "inconclusive"
    (policy,) = project.evidence()["policies"]
    not_run = policy["not_run"]
    assert CASES[1] in not_run
    assert all(case["outcome"] == "pass" for case in policy["cases"])
    marks = junit(project)
    assert all(marks[case] for case in not_run), f"{marks}\n{ran.output}"
    assert sorted(case for case in marks if case in CASES) == sorted(CASES)
    assert all(f"  NOT RUN      {case}" in project.shown(ran) for case in not_run)


def test_cases_after_a_stop_stand_in_the_junit_file(project: FaultProject) -> None:
    """Without workers, too: ``-x`` ends a run at the first case that does not pass."""
    (project.path / "generated/leak.png").write_bytes((project.path / "training/p00/1.png").read_bytes())
    ran = project.gate("-x")
    assert ran.status == 1
    assert junit(project) == {CASES[0]: ["failure"], **{case: ["error"] for case in CASES[1:]}}
    texts = [error.text for error in ET.parse(project.path / "out.xml").getroot().iter("error")]
    assert texts == ["NOT RUN: the run was cut off before this case had a verdict"] * 3


def test_cases_that_were_not_asked_for_do_not(project: FaultProject) -> None:
    (project.path / "generated/leak.png").write_bytes((project.path / "training/p00/1.png").read_bytes())
    project.gate("-x", "-k", "leak_count")
    assert junit(project) == {CASES[0]: ["failure"]}
    project.gate("-x", f"release.yaml::{CASES[0]}")
    assert junit(project) == {CASES[0]: ["failure"]}


@pytest.mark.parametrize("whose", NO_MEMORY)
def test_memory_that_ends_while_images_are_embedded(project: FaultProject, whose: str) -> None:
    project.one_check()
    ran = project.gate(code=ENDS.format(error=NO_MEMORY[whose]))
    assert ran.status == 1
    lines = project.shown(ran)
    assert lines[lines.index("INCONCLUSIVE: this machine has not enough memory for it") + 1] == (
        "Run fewer workers (pytest -n), give the search less with `search: {memory: ...}`, or use another machine."
    )
    assert "Traceback" not in ran.output
    assert project.outcome == "inconclusive"
    embed = ("faceleak", "embed", "release.yaml", "training", "--write=t.npz")
    told = project.run(*embed, code=ENDS.format(error=NO_MEMORY[whose]))
    assert told.status == 2
    assert told.output.startswith("faceleak: this machine has not enough memory for it\n")
