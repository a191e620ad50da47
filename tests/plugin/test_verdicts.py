"""The four verdicts, as pytest and the JUnit file tell them."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from gate_project import NOTE, Project, failure, summary
from lxml import etree

CASE = "leak_count[generated-vs-training]"
RATE = "leak_rate[generated-vs-training]"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def truncate(project: Project, *files: str) -> None:
    for file in files:
        path = project.path / file
        path.write_bytes(path.read_bytes()[:60])


def junit_case(project: Project) -> etree._Element:
    (case,) = project.junit().iter("testcase")
    return case


def children(case: etree._Element) -> list[str]:
    return [child.tag for child in case]


def properties(case: etree._Element, name: str) -> list[str | None]:
    return [one.get("value") for one in case.iter("property") if one.get("name") == f"faceleak.{name}"]


def test_a_pass_is_a_passed_test(project: Project) -> None:
    project.policy()
    result = project.gate()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert children(junit_case(project)) == ["properties"]
    assert properties(junit_case(project), "outcome") == ["pass"]
    assert project.outcomes() == {f"release.yaml::{CASE}": "pass"}


def test_a_leak_is_a_failed_test(project: Project) -> None:
    project.leak()
    project.policy()
    result = project.gate()
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert children(junit_case(project)) == ["properties", "failure"]
    assert properties(junit_case(project), "outcome") == ["leak"]
    assert project.outcomes() == {f"release.yaml::{CASE}": "leak"}


@pytest.mark.parametrize(
    ("n_generated", "n_leaks", "at_most", "outcome", "reason"),
    [
        (
            60,
            0,
            "10%",
            "pass",
            (
                "0 of 60 generated images leak (0%); the policy allows at most 10%; "
                "95% confidence: 0% to 6.02%"
            ),
        ),
        (
            60,
            1,
            "3%",
            "inconclusive",
            (
                "1 of 60 generated images leaks (1.67%); the policy allows at most 3%; "
                "95% confidence: 0.295% to 8.86%, which straddles the limit: only more images can settle it"
            ),
        ),
        (
            60,
            6,
            "1%",
            "leak",
            (
                "6 of 60 generated images leak (10%); the policy allows at most 1%; "
                "95% confidence: 4.66% to 20.1%"
            ),
        ),
    ],
)
def test_a_rate_with_confidence(
    project: Project, n_generated: int, n_leaks: int, at_most: str, outcome: str, reason: str
) -> None:
    project.write_set(project.path / "generated", [f"g{n}.png" for n in range(n_generated - n_leaks)], seed=3)
    for n in range(n_leaks):
        project.leak(f"leak{n}.png", f"p{n}/1.png")
    project.policy(
        "release.yaml", f"leak_rate: threshold: {{cosine: 0.9}}, at_most: {at_most}, confidence: 95%"
    )
    result = project.gate()
    n_of = {"pass": {"passed": 1}, "leak": {"failed": 1}, "inconclusive": {"errors": 1}}
    result.assert_outcomes(**n_of[outcome])
    (case,) = project.evidence()["policies"][0]["cases"]
    assert (case["outcome"], case["reasons"]) == (outcome, [reason])


def test_without_confidence_the_value_decides(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", "leak_rate: threshold: {cosine: 0.9}, at_most: 15%")
    project.gate().assert_outcomes(passed=1)


def test_no_unreadable_file_is_allowed_unless_the_policy_says_so(project: Project) -> None:
    truncate(project, "generated/g5.png")
    project.policy()
    result = project.gate()
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert children(junit_case(project)) == ["properties", "error"]
    assert properties(junit_case(project), "outcome") == ["inconclusive"]
    assert failure(result.stdout.str(), CASE) == (
        f"""\
INCONCLUSIVE: 1 of 6 images of 'generated' was left out (16.7%: 1 unreadable);
    exclusions.at_most allows 0%
also: 0 of 5 generated images leak; the policy allows at most 0; at 95%
    confidence up to 45.1% may leak
generated: 'g5.png': the PNG file is cut short

rule       cosine >= 0.9
generated  generated: 6 seen, 5 compared, 1 unreadable
source     training: 6 seen, 6 compared
embedder   fake-pixels
{NOTE}
release.yaml:8: leak_count[generated-vs-training]"""
    )


@pytest.mark.parametrize(("n_lost", "outcome"), [(1, "passed"), (2, "errors")])
def test_the_policys_cap_judges_exclusions(project: Project, n_lost: int, outcome: str) -> None:
    names = [f"g{n:02}.png" for n in range(20)]
    shutil.rmtree(project.path / "generated")
    project.write_set(project.path / "generated", names, seed=3)
    truncate(project, *(f"generated/{name}" for name in names[:n_lost]))
    project.policy(keys="exclusions: {at_most: 5%}\n")
    project.gate().assert_outcomes(**{outcome: 1})


def test_the_cap_holds_for_the_source_set_too(project: Project) -> None:
    truncate(project, "training/p3/1.png")
    project.policy()
    project.gate().assert_outcomes(errors=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert case["reasons"] == [
        "1 of 6 images of 'training' was left out (16.7%: 1 unreadable); exclusions.at_most allows 0%",
        "0 of 6 generated images leak; the policy allows at most 0; at 95% confidence up to 39.3% may leak",
    ]


def test_a_leak_is_a_leak_whatever_was_left_out(project: Project) -> None:
    project.leak()
    truncate(project, "generated/g5.png")
    project.policy()
    result = project.gate()
    result.assert_outcomes(failed=1)
    assert failure(result.stdout.str(), CASE).splitlines()[:4] == [
        "LEAK: 1 of 6 generated images leaks; the policy allows at most 0",
        "also: 1 of 7 images of 'generated' was left out (14.3%: 1 unreadable);",
        "    exclusions.at_most allows 0%",
        "generated: 'g5.png': the PNG file is cut short",
    ]


def test_nothing_left_to_compare(project: Project) -> None:
    truncate(project, *(f"generated/g{n}.png" for n in range(6)))
    project.policy(keys="exclusions: {at_most: 100%}\n")
    result = project.gate()
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), CASE) == (
        f"""\
INCONCLUSIVE: nothing is left to compare in 'generated'

generated  generated: 6 seen, 0 compared, 6 unreadable
source     training: 6 seen, 6 compared
embedder   fake-pixels
{NOTE}
release.yaml:9: leak_count[generated-vs-training]"""
    )
    (case,) = project.evidence()["policies"][0]["cases"]
    assert len(case["sets"]["generated"]["excluded"]) == 6


def test_an_invalid_policy_is_a_collection_error_with_every_problem(project: Project) -> None:
    project.policy("other.yaml")
    project.write(
        "release.yaml",
        "version: 1\nname: release\n"
        "datasets:\n  generated: {path: generated}\n  training: {pth: training}\n"
        "checks:\n  - leak_count: {generated: generatd, source: training, threshold: {cosine: 2}, at_mots: 0}\n",
    )
    result = project.gate("--faceleak-policy", "other.yaml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=2)
    text = """\
release.yaml:5:14: datasets.training: unknown key 'pth' (did you mean 'path'?); \
expected: path, format, labels, columns, arrays, templates, options, align, faces, expect
release.yaml:7:29: checks[0].leak_count.generated: unknown dataset 'generatd' (did you mean 'generated'?); \
there are: generated, training
release.yaml:7:77: checks[0].leak_count.threshold.cosine: found 2, expected a cosine between -1 and 1, \
such as 0.94
release.yaml:7:81: checks[0].leak_count: unknown key 'at_mots' (did you mean 'at_most'?); \
expected: generated, source, matches, control, calibration, embedder, agreement, no_worse_than, threshold, \
at_most"""
    assert failure(result.stdout.str(), "release.yaml") == text
    told = {case.get("name"): case.findtext("error") for case in project.junit().iter("testcase")}
    assert told == {"release.yaml": text, CASE: "NOT RUN: the run was cut off before this case had a verdict"}
    assert "Traceback" not in result.stdout.str()
    assert summary(result.stdout.str()) == (
        "release.yaml\n"
        "  INVALID      problems: 4, shown above\n"
        "other.yaml (other)\n"
        "  NOT RUN      leak_count[generated-vs-training]\n"
        "evidence: faceleak-evidence/evidence.json"
    )
    invalid, other = project.evidence()["policies"]
    assert (invalid["outcome"], invalid["problems"]) == ("inconclusive", text.splitlines())
    assert (other["outcome"], other["not_run"]) == ("inconclusive", [CASE])


BROKEN = """\
import faceleak_check.pipeline

def conclude(*arguments):
    raise RuntimeError("out of order")

faceleak_check.pipeline.conclude = conclude
"""


def test_a_program_error_is_an_error_with_a_short_traceback_and_no_verdict(project: Project) -> None:
    """A bug of ours; no path of a data set may come into the JUnit file."""
    project.policy()
    project.write("installed/broken.py", BROKEN)
    broken = ("-p", "broken", "--junitxml=out.xml", "--tb=long")
    status, output = project.run_apart("--faceleak-policy=release.yaml", *broken)
    assert status == pytest.ExitCode.TESTS_FAILED
    lines = failure(output, CASE).splitlines()
    assert re.fullmatch(r".*faceleak_check/collection\.py:\d+: in setup", lines[0])
    assert lines[-3:] == [
        "installed/broken.py:4: in conclude",
        '    raise RuntimeError("out of order")',
        "E   RuntimeError: out of order",
    ]
    assert not [line for line in lines if "site-packages/_pytest" in line or "site-packages/pluggy" in line]
    assert summary(output).splitlines()[1] == "  NOT RUN      leak_count[generated-vs-training]"
    assert str(project.path / "generated") not in (project.path / "out.xml").read_text()


def test_a_third_party_that_cannot_be_imported_is_inconclusive(project: Project) -> None:
    project.policy()
    project.install_embedder("gone", "gone:Gone", "import no_such_module\n")
    status, output = project.run_apart("--faceleak-policy=release.yaml")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert failure(output, CASE) == (
        "INCONCLUSIVE: embedder 'gone' cannot be loaded\n"
        "embedder 'gone' is installed as 'gone:Gone' but cannot be imported: "
        "No module named 'no_such_module'\n"
        "release.yaml:8: leak_count[generated-vs-training]"
    )
