"""The exit codes of docs/ci.md, each one seen."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from gate_project import Project

PAGE = Path(__file__).parents[2] / "docs/ci.md"


def test_the_page_has_every_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`)? *\| (\d) \|", text[: text.index("## GitHub Actions")], re.MULTILINE)
    assert [int(code) for _, code in rows] == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert [name for name, _ in rows if name] == ["`pytest`", "`faceleak`"]


def test_0_where_all_pass(project: Project) -> None:
    project.policy()
    assert project.gate().ret == 0


def test_0_for_those_that_ran_though_others_did_not(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 2")
    assert project.gate("release.yaml::leak_count[generated-vs-training#2]").ret == 0
    assert project.evidence()["policies"][0]["outcome"] == "inconclusive"


def test_1_for_a_leak(project: Project) -> None:
    project.leak()
    project.policy()
    assert project.gate().ret == 1


def test_1_for_an_inconclusive_case(project: Project) -> None:
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("path: generated", "path: nowhere"))
    assert project.gate().ret == 1


def test_1_for_a_failing_test_of_your_own(project: Project) -> None:
    project.policy()
    project.write("test_own.py", "def test_own():\n    assert False\n")
    assert project.gate("test_own.py").ret == 1


def test_1_for_evidence_that_could_not_be_written(project: Project) -> None:
    project.policy()
    project.write(
        "conftest.py",
        "import shutil\ndef pytest_runtest_teardown():\n"
        "    shutil.rmtree('faceleak-evidence')\n    open('faceleak-evidence', 'w').close()\n",
    )
    assert project.gate().ret == 1


def test_2_for_an_invalid_policy_and_1_with_workers(project: Project) -> None:
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("version: 1", "version: 9"))
    assert project.gate().ret == 2
    assert project.run_apart("--faceleak-policy=release.yaml", "-n2")[0] == 1


def test_2_where_it_was_interrupted(project: Project) -> None:
    project.policy()
    project.write(
        "conftest.py",
        f"import os\ndef pytest_runtest_setup():\n    os.kill(os.getpid(), {signal.SIGINT:d})\n",
    )
    assert project.run_apart("--faceleak-policy=release.yaml")[0] == 2


def test_3_for_an_error_of_a_plugin(project: Project) -> None:
    project.policy()
    project.write("conftest.py", "def pytest_collection_modifyitems():\n    raise RuntimeError\n")
    assert project.gate().ret == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("--faceleak-policy=gone.yaml",),
        ("--faceleak-policy=release.yaml", "--no-such-option"),
        ("--faceleak-policy=release.yaml", "--faceleak-evidence=/proc/no/where"),
    ],
    ids=["policy", "option", "folder"],
)
def test_4_for_what_does_not_exist(project: Project, arguments: tuple[str, ...]) -> None:
    project.policy()
    assert project.run(*arguments).ret == 4


def test_5_where_nothing_is_left_to_run(project: Project) -> None:
    project.policy()
    assert project.gate("-k", "no-such-case").ret == 5
