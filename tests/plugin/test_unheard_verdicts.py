"""Everything that pytest, its plugins and a user's conftest.py can do to a case: no verdict gets lost on the way."""

from __future__ import annotations

import pytest
from gate_project import CHECKS, Project, Result, failure

CASE = "leak_count[generated-vs-training]"
OTHER = "leak_rate[generated-vs-training]"
LOST = f"""\
{CASE} has no verdict, and pytest reports no failure:
the case was skipped, or a plugin or a conftest.py took it out. Leave a case out
with -k, -m, --deselect or a node id, or take it out of the policy."""
OVERRULED = f"""\
the verdict on {CASE} is 'leak', and pytest reports
no failure: the case was marked xfail, or a plugin or a conftest.py changed its
report. A leak is accepted with a waiver and not with a mark."""
MARKED = """\
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.{})
"""
CHANGED = """\
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    report.outcome = "passed"
    return report
"""
SKIPPED = "import pytest\ndef pytest_runtest_setup():\n    pytest.skip('not today')\n"
TAKEN_OUT = "def pytest_collection_modifyitems(items):\n    items[:] = items[1:]\n"
SWALLOWED = "def pytest_runtest_protocol(item):\n    return 'leak_count' in item.name or None\n"


@pytest.fixture
def leaky(project: Project) -> Project:
    """A leak in the first of two cases; the second allows it."""
    project.leak()
    project.policy("release.yaml", "leak_count", f"leak_rate: {CHECKS['leak_rate']}%".replace("0%", "50%"))
    return project


def outcome_of(project: Project) -> str:
    (policy,) = project.evidence()["policies"]
    return str(policy["outcome"])


def said(result: Result) -> str:
    return failure(result.stdout.str(), "release.yaml").rstrip()


def test_a_failure_elsewhere_hides_no_unheard_leak(leaky: Project) -> None:
    leaky.write("test_own.py", "def test_own():\n    assert 0\n")
    leaky.write(
        "conftest.py",
        CHANGED.replace("pytest_runtest_makereport():", "pytest_runtest_makereport(item):").replace(
            'report.outcome = "passed"',
            'report.outcome = "passed" if "leak_count" in item.name else report.outcome',
        ),
    )
    result = leaky.run("--faceleak-policy=release.yaml", "--junitxml=out.xml", "test_own.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    suites = {
        one.get("name"): (one.get("failures"), one.get("errors")) for one in leaky.junit().iter("testsuite")
    }
    assert suites == {"pytest": ("1", "0"), "release.yaml": ("0", "1")}
    assert said(result) == OVERRULED


@pytest.mark.parametrize(
    ("conftest", "outcome", "text"),
    [
        (MARKED.format("xfail"), "leak", OVERRULED),
        (CHANGED, "leak", OVERRULED),
        (MARKED.format("skipif(item is items[0], reason='x')"), "inconclusive", LOST),
        (TAKEN_OUT, "inconclusive", LOST),
        (SWALLOWED, "inconclusive", LOST),
    ],
    ids=["xfail", "changed report", "skip", "taken out", "swallowed"],
)
def test_a_verdict_that_nobody_heard_is_an_error(
    leaky: Project, conftest: str, outcome: str, text: str
) -> None:
    leaky.write("conftest.py", conftest)
    result = leaky.gate()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert outcome_of(leaky) == outcome
    assert said(result) == text
    (suite,) = leaky.junit().iter("testsuite")
    assert (suite.get("name"), suite.get("errors")) == ("release.yaml", "1")
    (error,) = suite.iter("error")
    assert error.text == text


def test_all_cases_skipped_is_no_pass(leaky: Project) -> None:
    leaky.write("conftest.py", SKIPPED)
    result = leaky.gate()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(skipped=2, errors=2)


def test_no_option_takes_the_policies_out_of_a_run_that_names_them(leaky: Project) -> None:
    leaky.write("test_own.py", "def test_own(): pass\n")
    result = leaky.gate("test_own.py", "-p", "no:faceleak-session")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=2, failed=1)


def test_a_plan_is_no_pass_in_the_junit_file(leaky: Project) -> None:
    result = leaky.gate("--setup-plan")
    result.assert_outcomes(skipped=2)
    (suite,) = leaky.junit().iter("testsuite")
    assert (suite.get("tests"), suite.get("skipped")) == ("2", "2")
    assert [skip.get("message") for skip in suite.iter("skipped")] == ["--setup-plan measures nothing"] * 2


def test_what_the_user_leaves_out_is_inconclusive_in_every_file(leaky: Project) -> None:
    """The exit code is that of what ran, as docs/ci.md says."""
    result = leaky.gate("--deselect", f"release.yaml::{CASE}")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, deselected=1)
    (policy,) = leaky.evidence()["policies"]
    (stated,) = leaky._json("faceleak-evidence/statement.json")["predicate"]["policies"]
    for told in (policy, stated):
        assert (told["outcome"], told["not_run"]) == ("inconclusive", [CASE])
    assert f"  NOT RUN      {CASE}" in result.outlines
    page = (leaky.path / "faceleak-evidence/report.html").read_text(encoding="utf-8")
    assert "not run" in page.lower()


@pytest.mark.parametrize("option", ["-x", "--maxfail=1", "--stepwise"])
def test_what_was_not_reached_is_no_pass(leaky: Project, option: str) -> None:
    result = leaky.gate(option)
    assert result.ret != pytest.ExitCode.OK
    (policy,) = leaky.evidence()["policies"]
    assert (policy["outcome"], policy["not_run"]) == ("leak", [OTHER])


def test_a_time_limit_that_strikes_is_an_error(leaky: Project) -> None:
    """As pytest-timeout does it: an exception, wherever the case just is."""
    leaky.write("conftest.py", "def pytest_runtest_setup(item):\n    raise TimeoutError\n")
    result = leaky.gate()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(errors=2)
    assert outcome_of(leaky) == "inconclusive"


def test_workers_tell_what_was_left_out_from_what_was_lost(leaky: Project) -> None:
    leaky.policy("release.yaml", "leak_count", "top_k_similarity: k: 1, at_most: 1", "identity_exposure")
    leaky.write(
        "conftest.py", TAKEN_OUT.replace("items[1:]", "[one for one in items if 'exp' not in one.name]")
    )
    asked = ("--faceleak-policy=release.yaml", "-n1", "--deselect", f"release.yaml::{CASE}")
    status, output = leaky.run_apart(*asked)
    assert status == pytest.ExitCode.TESTS_FAILED
    errors = [line.partition(" - ")[0] for line in output.splitlines() if line.startswith("ERROR ")]
    assert errors == ["ERROR release.yaml::identity_exposure[generated-vs-training]"]


def test_python_without_asserts_finds_the_leak(leaky: Project, *, long: bool) -> None:
    """-O takes all asserts out: none of ours decides a verdict."""
    if not long:
        pytest.skip("Python compiles all packages anew for it; run with --long")
    status, output = leaky.run_apart("--faceleak-policy=release.yaml", PYTHONOPTIMIZE="1")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert f"FAILED release.yaml::{CASE}" in output


def test_a_policy_in_a_test_sees_what_was_generated_since(leaky: Project) -> None:
    """A gate that remembers the first release would let the second one pass."""
    leaky.policy("release.yaml", "leak_count")
    (leaky.path / "generated/g9.png").rename(leaky.path / "g9.png")
    leaky.write(
        "test_releases.py",
        "import shutil\n"
        "def test_the_first(faceleak):\n    assert faceleak('release.yaml')\n"
        "def test_the_second(faceleak):\n"
        "    shutil.move('g9.png', 'generated/g9.png')\n"
        "    assert faceleak('release.yaml')\n",
    )
    result = leaky.run("test_releases.py")
    result.assert_outcomes(passed=1, failed=1)
