"""Runs with pytest-xdist and without it."""

from __future__ import annotations

import hashlib
import os

import pytest
from gate_project import ALL, NOTE, Project, failure, summary

CASES = [f"{check}[generated-vs-training]" for check in ALL]

ONE_WORKER_DIES = """\
import os, signal

def pytest_runtest_setup(item):
    if "leak_rate" in item.name and os.environ.get("PYTEST_XDIST_WORKER"):
        os.kill(os.getpid(), signal.SIGKILL)
"""
BLOCKED = """\
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("xdist", "execnet"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def junit_cases(
    project: Project,
) -> list[tuple[str | None, str | None, list[str], list[tuple[str | None, ...]]]]:
    return sorted(
        (
            case.get("classname"),
            case.get("name"),
            [child.tag for child in case],
            [(one.get("name"), one.get("value")) for one in case.iter("property")],
        )
        for case in project.junit().iter("testcase")
    )


@pytest.fixture
def leaky(project: Project) -> Project:
    project.leak()
    project.policy("release.yaml", *ALL, "leak_count: threshold: {cosine: 0.9}, at_most: 2")
    return project


def test_two_workers_give_the_same_verdicts_and_embed_once(leaky: Project, tmp_path: object) -> None:
    leaky.gate("--faceleak-evidence=alone").assert_outcomes(failed=4, passed=1)
    alone = junit_cases(leaky)
    status, output = leaky.run_apart(
        "--faceleak-policy=release.yaml",
        "--junitxml=out.xml",
        "--faceleak-evidence=two",
        "-n2",
        FACELEAK_STORE=f"{tmp_path}/another store",
    )
    assert status == pytest.ExitCode.TESTS_FAILED
    assert junit_cases(leaky) == alone
    files = {
        folder: {
            str(path.relative_to(leaky.path / folder)): path.read_bytes()
            for path in sorted((leaky.path / folder).rglob("*.*"))
            if path.name not in ("run.json", "report.html")  # the page shows its times
        }
        for folder in ("alone", "two")
    }
    assert len(files["alone"]) == 8
    assert files["two"] == files["alone"]
    assert sum(case["n_embedded"] for case in leaky.run_record("two")["cases"].values()) == 12
    text = failure(output, "leak_count[generated-vs-training]").splitlines()
    assert text[0].startswith("[gw")
    assert "\n".join(text[1:]) == (
        f"""\
LEAK: 1 of 7 generated images leaks; the policy allows at most 0

rule       cosine >= 0.9
generated  generated: 7 seen, 7 compared
source     training: 6 seen, 6 compared
embedder   fake-pixels

leaks, worst first (1 of 1):
  cosine  kind  generated image  source image
  1.0000  copy  g9.png           p3/1.png
all pairs, in the evidence folder:
  pairs/release.leak_count.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:8: leak_count[generated-vs-training]"""
    )
    assert summary(output).splitlines()[:5] == [
        "release.yaml (release)",
        "  outcome      case                                       value  limit",
        "  LEAK         leak_count[generated-vs-training]              1  <= 0",
        "  LEAK         leak_rate[generated-vs-training]           14.3%  <= 0%",
        "               interval 95%: 2.57% to 51.3%",
    ]


@pytest.mark.parametrize("arguments", [("-n0",), ("-p", "no:xdist")])
def test_without_workers(leaky: Project, arguments: tuple[str, ...]) -> None:
    status, output = leaky.run_apart("--faceleak-policy=release.yaml", *arguments)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert output.splitlines()[-1].startswith("========================= 4 failed, 1 passed in ")


def test_without_xdist_installed(leaky: Project) -> None:
    """Hidden from imports and from the list of installed packages."""
    leaky.write("blocked/sitecustomize.py", BLOCKED)
    leaky.write("test_own.py", "def test_own():\n    import xdist\n")
    status, output = leaky.run_apart(
        "--faceleak-policy=release.yaml",
        "test_own.py",
        PYTHONPATH=str(leaky.path / "blocked"),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTEST_ADDOPTS="-p faceleak_check.plugin",
    )
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "E           ModuleNotFoundError: No module named 'xdist'" in output.splitlines()
    assert output.splitlines()[-1].startswith("========================= 5 failed, 1 passed in ")


def test_a_killed_worker_is_never_a_pass(project: Project) -> None:
    project.policy("release.yaml", *ALL)
    project.write("conftest.py", ONE_WORKER_DIES)
    status, output = project.run_apart("--faceleak-policy=release.yaml", "--junitxml=out.xml", "-n2")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "worker 'gw" in output
    assert "crashed while running 'release.yaml::leak_rate[generated-vs-training]'" in output
    (policy,) = project.evidence()["policies"]
    assert policy["outcome"] == "inconclusive"
    assert policy["not_run"] == ["leak_rate[generated-vs-training]"]
    assert "  NOT RUN      leak_rate[generated-vs-training]" in summary(output).splitlines()
    (broken,) = project.junit().xpath("//testcase[error]/@name")
    assert broken == "leak_rate[generated-vs-training]"


def test_an_invalid_policy_under_xdist(project: Project) -> None:
    project.policy("release.yaml", "leak_count: threshold: {cosine: 3}, at_most: 0")
    status, output = project.run_apart("--faceleak-policy=release.yaml", "-n2")
    assert status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert failure(output, "release.yaml") == (
        "release.yaml:8:78: checks[0].leak_count.threshold.cosine: found 3, "
        "expected a cosine between -1 and 1, such as 0.94"
    )


def test_a_name_that_is_no_utf8_passes_between_processes(project: Project) -> None:
    source = (project.path / "training/p3/1.png").read_bytes()
    (project.path / "generated" / os.fsdecode(b"bad \xff\xfe.png")).write_bytes(source)
    (project.path / "generated" / os.fsdecode(b"broken \xff.png")).write_bytes(source[:60])
    project.policy(keys="exclusions: {at_most: 50%}\n")
    status, output = project.run_apart("--faceleak-policy=release.yaml", "-n1")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert r"  1.0000  copy  bad \xff\xfe.png  p3/1.png" in output.splitlines()
    (case,) = project.evidence()["policies"][0]["cases"]
    assert case["measurement"]["worst_pairs"][0]["generated"] == r"bad \xff\xfe.png"
    assert case["sets"]["generated"]["excluded"] == [
        {
            "id": r"broken \xff.png",
            "rule": "unreadable",
            "reason": "the PNG file is cut short",
            "sha256": hashlib.sha256(source[:60]).hexdigest(),
            "value": None,
        }
    ]
