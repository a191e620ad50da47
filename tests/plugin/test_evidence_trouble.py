"""Evidence that cannot be written, and runs that stop before their end."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from gate_project import ALL, Project, errors, failure, summary

SCHEMA = json.loads(
    (files("faceleak_check") / "reports" / "evidence.schema.json").read_text(encoding="utf-8")
)
CASE = "leak_count[generated-vs-training]"


def test_an_interrupted_run_leaves_no_old_evidence(project: Project) -> None:
    project.policy("release.yaml", "leak_count", "leak_rate")
    project.gate().assert_outcomes(passed=2)
    project.write(
        "conftest.py",
        "def pytest_runtest_setup(item):\n    if 'leak_rate' in item.name:\n        raise KeyboardInterrupt\n",
    )
    status, _ = project.run_apart("--faceleak-policy", "release.yaml")
    assert status == pytest.ExitCode.INTERRUPTED
    (policy,) = project.evidence()["policies"]
    assert (policy["outcome"], policy["not_run"]) == ("inconclusive", ["leak_rate[generated-vs-training]"])
    assert project.run_record()["pytest_exit_status"] == 2
    assert len(list((project.path / "faceleak-evidence/pairs").iterdir())) == 1


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("", "ERROR: --faceleak-evidence is empty; name a folder, or leave the option out"),
        (
            "a-file",
            (
                "ERROR: the evidence cannot be written: File exists\n"
                "PROJECT/a-file: choose another folder with --faceleak-evidence DIR, or free some space."
            ),
        ),
        (
            "a-file/below",
            (
                "ERROR: the evidence cannot be written: Not a directory\n"
                "PROJECT/a-file/below: choose another folder with --faceleak-evidence DIR, or free some space."
            ),
        ),
        (
            "/proc/no/where",
            (
                "ERROR: the evidence cannot be written: No such file or directory\n"
                "/proc/no/where: choose another folder with --faceleak-evidence DIR, or free some space."
            ),
        ),
    ],
)
def test_a_folder_that_cannot_be_written_stops_the_run_before_any_work(
    project: Project, folder: str, expected: str
) -> None:
    project.write("a-file", "")
    project.policy()
    result = project.gate("--faceleak-evidence", folder)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.shown(errors(result)) == expected
    assert result.outlines == []
    assert not project.store.exists()


LIMITED = """\
import resource

def pytest_collection_finish():
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))

def pytest_runtest_logreport(report):
    {lift}

def pytest_collectreport(report):
    if report.nodeid == "faceleak-evidence":  # the JUnit file of this test must fit
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
LIFT = "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))"


@pytest.mark.parametrize("leaks", [False, True])
def test_pairs_that_cannot_be_written_never_pass(project: Project, leaks: bool) -> None:
    if leaks:
        project.leak()
    project.policy()
    project.gate()  # fills the store
    project.write("conftest.py", LIMITED.format(limit=1000, lift=LIFT))
    status, output = project.run_apart("--faceleak-policy=release.yaml", "--junitxml=out.xml")
    assert status == pytest.ExitCode.TESTS_FAILED
    lines = project.shown(failure(output, CASE)).splitlines()
    outcome = "LEAK" if leaks else "INCONCLUSIVE"
    measured = [
        [
            "also: 0 of 6 generated images leak; the policy allows at most 0; at 95%",
            "    confidence up to 39.3% may leak",
        ],
        ["also: 1 of 7 generated images leaks; the policy allows at most 0"],
    ][leaks]
    assert lines[: 2 + len(measured)] == [
        f"{outcome}: the evidence cannot be written: File too large",
        *measured,
        "PROJECT/faceleak-evidence: choose another folder with --faceleak-evidence DIR, or free some space.",
    ]
    (case,) = project.evidence()["policies"][0]["cases"]
    assert (case["outcome"], case["pairs_file"]) == (outcome.lower(), None)
    jsonschema.Draft202012Validator(SCHEMA).validate(project.evidence())
    (one,) = project.junit().xpath("//property[@name='faceleak.outcome']/@value")
    assert one == outcome.lower()
    assert list((project.path / "faceleak-evidence/pairs").iterdir()) == []


def test_evidence_that_cannot_be_written_fails_the_run_and_its_junit_file(project: Project) -> None:
    project.policy("release.yaml", *ALL)
    project.gate().assert_outcomes(passed=4)
    assert (project.path / "faceleak-evidence/evidence.json").stat().st_size > 10_000
    project.write("conftest.py", LIMITED.format(limit=10_000, lift="pass"))
    status, output = project.run_apart("--faceleak-policy=release.yaml", "--junitxml=out.xml")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert project.shown(summary(output)).splitlines()[-1] == (
        "ERROR: the evidence cannot be written: File too large"
    )
    assert (
        "PROJECT/faceleak-evidence: choose another folder with --faceleak-evidence DIR, or free some space."
        in project.shown(output).splitlines()
    )
    assert failure(output, "faceleak-evidence") == "the evidence cannot be written: File too large"
    others, suite = project.junit().iter("testsuite")
    assert (suite.get("tests"), suite.get("errors")) == ("4", "0")
    assert (others.get("name"), others.get("tests"), others.get("errors")) == ("pytest", "1", "1")
    (error,) = others.iter("error")
    assert error.text == "the evidence cannot be written: File too large"
    left = [path.name for path in (project.path / "faceleak-evidence").iterdir()]
    assert sorted(left) == ["manifests", "pairs", "run.json"]


def test_setup_only_does_not_let_a_leak_through(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", "leak_count")
    result = project.gate("--setup-only")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(errors=1)


@pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test", "--cache-show", "--setup-plan"])
def test_what_runs_nothing_leaves_the_evidence_alone(project: Project, option: str) -> None:
    project.policy("release.yaml", "leak_count")
    project.gate().assert_outcomes(passed=1)
    before = project.evidence()
    project.gate(option)
    assert project.evidence() == before
