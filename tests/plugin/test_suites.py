"""One ``<testsuite>`` for each policy in the JUnit file, as readers of CI servers expect it."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from gate_project import Project
from junitparser.xunit2 import JUnitXml
from lxml import etree

from faceleak_check.suites import split_suites

OTHERS = """\
import pytest

def test_one(): pass
def test_two(): assert False
@pytest.mark.skip
def test_three(): pass
@pytest.fixture
def broken():
    yield
    raise ValueError("teardown")
def test_four(broken): pass
"""
NO_ROOM = """\
import errno
import os
from pathlib import Path

def pytest_sessionstart():
    replace = Path.replace

    def full(self, target):
        if Path(target).name == "out.xml":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    Path.replace = full
"""
Row = tuple[str, int, int, int, int]


@pytest.fixture
def both(project: Project) -> Project:
    """Two policies in different folders, and tests of the project's own."""
    project.leak()
    text = project.policy("other.yaml", "leak_rate", "top_k_similarity: k: 1, at_most: 1").read_text(
        encoding="utf-8"
    )
    project.write("policies/deep/other.yaml", text.replace("path: ", "path: ../../"))
    (project.path / "other.yaml").unlink()
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 1")
    project.write("test_others.py", OTHERS)
    return project


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the file is kept that several tests look at."""
    return tmp_path_factory.mktemp("kept") / "out.xml"


@pytest.fixture
def written(both: Project, kept: Path) -> Project:
    """After a run of all tests and policies."""
    if not kept.exists():
        both.run("--junitxml=out.xml", "test_others.py", *ASKED)
        shutil.copy(both.path / "out.xml", kept)
    shutil.copy(kept, both.path / "out.xml")
    return both


ASKED = ("--faceleak-policy=policies/deep/other.yaml", "--faceleak-policy=release.yaml")


def suites(project: Project, file: str = "out.xml") -> dict[str | None, Row]:
    """Number of tests, failures, errors and skipped ones of each suite, as its attributes tell."""
    found = {}
    for suite in project.junit(file).iter("testsuite"):
        n = {key: int(suite.attrib[key]) for key in ("tests", "failures", "errors", "skipped")}
        counted = {
            "tests": len(suite.findall("testcase")),
            "failures": len(suite.findall("testcase/failure")),
            "errors": len(suite.findall("testcase/error")),
            "skipped": len(suite.findall("testcase/skipped")),
        }
        assert n == counted
        found[suite.get("name")] = tuple(n.values())
    return found  # type: ignore[return-value]


def names(project: Project, suite: str) -> list[tuple[str | None, str | None]]:
    cases = project.junit().xpath(f"testsuite[@name='{suite}']/testcase")
    return [(case.get("classname"), case.get("name")) for case in cases]


EXPECTED = {
    "pytest": (4, 1, 1, 1),
    "policies/deep/other.yaml": (2, 1, 0, 0),
    "release.yaml": (2, 1, 0, 0),
}


def test_each_policy_has_its_suite_and_other_tests_stay_in_theirs(written: Project) -> None:
    both = written
    assert suites(both) == EXPECTED
    assert names(both, "policies/deep/other.yaml") == [
        ("policies.deep.other.yaml", "leak_rate[generated-vs-training]"),
        ("policies.deep.other.yaml", "top_k_similarity[generated-vs-training]"),
    ]
    schema = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
    schema.assertValid(etree.parse(both.path / "out.xml"))
    first, *others = both.junit().iter("testsuite")
    for suite in others:
        assert (suite.get("timestamp"), suite.get("hostname")) == (
            first.get("timestamp"),
            first.get("hostname"),
        )
        times = [float(case.attrib["time"]) for case in suite.iter("testcase")]
        assert float(suite.attrib["time"]) == pytest.approx(sum(times), abs=0.002)
    assert datetime.fromisoformat(first.attrib["timestamp"])


def test_junitparser_reads_it(written: Project) -> None:
    found = {suite.name: suite for suite in JUnitXml.fromfile(str(written.path / "out.xml"))}
    assert {
        name: (one.tests, one.failures, one.errors, one.skipped) for name, one in found.items()
    } == EXPECTED
    outcomes = {
        case.name: {one.name: one.value for one in case.properties()}["faceleak.outcome"]
        for case in found["release.yaml"]
    }
    assert outcomes == {
        "leak_count[generated-vs-training]": "leak",
        "leak_count[generated-vs-training#2]": "pass",
    }


def test_policies_alone_leave_no_empty_suite(both: Project) -> None:
    both.run("--junitxml=out.xml", *ASKED)
    assert suites(both) == {name: row for name, row in EXPECTED.items() if name != "pytest"}


def test_the_cases_are_those_that_pytest_wrote(written: Project) -> None:
    """Taken apart and put together again, nothing but the suites is another."""
    both = written
    both.run("--junitxml=plain.xml", "test_others.py", *ASKED, "-p", "no:faceleak-suites")

    def cases(file: str) -> list[tuple[str | None, ...]]:
        return sorted(
            (one.get("classname"), one.get("name"), *(f"{child.tag} {child.attrib}" for child in one))
            for one in both.junit(file).iter("testcase")
        )

    assert [suite.get("name") for suite in both.junit("plain.xml").iter("testsuite")] == ["pytest"]
    assert cases("out.xml") == cases("plain.xml")


def test_two_workers(both: Project) -> None:
    status, _ = both.run_apart("--junitxml=out.xml", "test_others.py", *ASKED, "-n2", "-p", "xdist")
    assert status == 1
    assert suites(both) == EXPECTED
    assert all(float(suite.attrib["time"]) >= 0 for suite in both.junit().iter("testsuite"))


def test_the_projects_own_settings_are_respected(both: Project) -> None:
    both.write("pytest.ini", "[pytest]\njunit_suite_name = ours\njunit_family = xunit1\n")
    both.run("--junitxml=out.xml", "--junitprefix=nightly", "test_others.py", *ASKED)
    assert suites(both) == {("ours" if name == "pytest" else name): row for name, row in EXPECTED.items()}
    (case, _) = both.junit().xpath("testsuite[@name='release.yaml']/testcase")
    assert (case.get("classname"), case.get("file"), case.get("line")) == (
        "nightly.release.yaml",
        "release.yaml",
        "7",
    )


def test_an_invalid_policy_is_an_error_of_its_own_suite(both: Project) -> None:
    both.policy("release.yaml", "leak_count: threshold: {cosine: 3}, at_most: 0")
    both.run("--junitxml=out.xml", *ASKED)
    assert suites(both) == {"policies/deep/other.yaml": (2, 0, 2, 0), "release.yaml": (1, 0, 1, 0)}
    assert names(both, "release.yaml") == [("", "release.yaml")]
    both.run("--junitxml=out.xml", *ASKED, "--continue-on-collection-errors")
    assert suites(both) == {"policies/deep/other.yaml": (2, 1, 0, 0), "release.yaml": (1, 0, 1, 0)}


def test_odd_names_of_policies(both: Project) -> None:
    odd = ["a[1].yaml", "release.yaml.yaml", "with space.yaml", "صورة.yaml"]
    for name in odd:
        shutil.copy(both.path / "release.yaml", both.path / name)
    both.run("--junitxml=out.xml", *(f"--faceleak-policy={name}" for name in ["release.yaml", *odd]))
    assert suites(both) == dict.fromkeys(["release.yaml", *odd], (2, 1, 0, 0))


def test_a_builtin_policy(both: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENERATED", str(both.path / "nowhere"))
    monkeypatch.setenv("TRAINING", str(both.path / "nowhere else"))
    both.run("--junitxml=out.xml", "--faceleak-policy=builtin:quickstart")
    (name,) = suites(both)
    assert name == "builtin:quickstart"


def test_who_could_read_the_file_still_can(both: Project) -> None:
    (both.path / "out.xml").write_text("", encoding="utf-8")
    (both.path / "out.xml").chmod(0o640)
    (both.path / "link.xml").symlink_to("out.xml")
    both.run("--junitxml=link.xml", *ASKED)
    assert (both.path / "link.xml").is_symlink()
    assert (both.path / "out.xml").stat().st_mode & 0o777 == 0o640
    assert set(suites(both)) == {"release.yaml", "policies/deep/other.yaml"}


def test_without_a_junit_file_there_is_none(both: Project) -> None:
    result = both.run(*ASKED, "-p", "no:junitxml")
    assert result.parseoutcomes() == {"failed": 2, "passed": 2}
    assert list(both.path.glob("*.xml")) == []


def test_a_disk_that_is_full_leaves_what_pytest_wrote(both: Project) -> None:
    both.write("conftest.py", NO_ROOM)
    status, output = both.run_apart("--junitxml=out.xml", *ASKED)
    assert status == 1
    assert suites(both) == {"pytest": (4, 2, 0, 0)}
    assert (
        "note: PROJECT/out.xml: the policies stand in one <testsuite>, as it cannot be written again: No space left on "
        "device"
    ) in both.shown(output)
    assert list(both.path.glob(".out.xml*")) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"<testsuite/>",
        b"<testsuites/>",
        b"<testsuites><testsuite/><testsuite/></testsuites>",
        b'<testsuites><testsuite><testcase classname="release.yam" name="l"/></testsuite></testsuites>',
    ],
)
def test_what_is_not_pytests_stays_as_it_is(data: bytes) -> None:
    assert split_suites(data, ["release.yaml"]) is None


# ----------------------------------------------------------------------------------- folders of this machine

OVERLAP = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: generated/../generated}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""
SHOWN = (
    "release.yaml:8:48: checks[0].leak_count.source: 'training' and 'generated' hold the same files: both are "
    "'PROJECT/generated'; keep them apart"
)
PUBLIC = SHOWN.replace(": both are 'PROJECT/generated'", "")


@pytest.mark.parametrize("workers", ["", "-n2"])
def test_datasets_that_share_files_name_their_folder_on_the_terminal_alone(
    project: Project, workers: str
) -> None:
    project.write("release.yaml", OVERLAP)
    project.write(
        "conftest.py",
        "def pytest_collectreport(report):\n    with open('log.txt', 'a') as file:\n"
        "        file.write(f'{report._to_json()}\\n')\n",
    )
    arguments = [
        "--faceleak-policy=release.yaml",
        "--junitxml=out.xml",
        *([workers, "-pxdist"] if workers else []),
    ]
    status, output = project.run_apart(*arguments)
    assert status != 0
    assert project.shown(output).count(SHOWN) == 1
    (error,) = project.junit().iter("error")
    assert error.text == PUBLIC
    assert str(project.path / "generated") not in (project.path / "out.xml").read_text(encoding="utf-8")
    if not workers:  # between processes it goes along, as the names of files do with a verdict
        assert str(project.path / "generated") not in (project.path / "log.txt").read_text(encoding="utf-8")
    (policy,) = project.evidence()["policies"]
    assert [project.shown(problem) for problem in policy["problems"]] == [SHOWN]
