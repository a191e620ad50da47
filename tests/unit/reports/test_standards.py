"""What the report puts beside texts of law and standards."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from whole_verdicts import EVERY

from faceleak_check.policy.report_keys import StandardName
from faceleak_check.records import CheckKind, Verdict
from faceleak_check.registry import CHECKS
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.standard_topics import STANDARDS
from faceleak_check.reports.standards import NOT_MEASURED, StandardRow, standards_rows

ROOT = Path(__file__).parents[3]
NAMES: tuple[StandardName, ...] = get_args(StandardName)
CLAIM = re.compile(
    r"\bcompl(y|ies|ied|iant|iance)\b|\bconform|\bcertif(y|ies|ied)\b|\bsatisf|\bfulfil", re.IGNORECASE
)


def policy(*verdicts: Verdict, standards: tuple[str, ...] = NAMES) -> dict[str, Any]:
    return {"cases": [verdict_record(one) for one in verdicts], "standards": list(standards)}


def figures(rows: tuple[StandardRow, ...], standard: StandardName, clause: str) -> list[tuple[str, str]]:
    title = STANDARDS[standard].title
    return [(row.case, row.figure) for row in rows if (row.standard, row.clause) == (title, clause)]


WHOLE = standards_rows(policy(*EVERY.values()))


def test_every_name_of_a_policy_has_its_topics() -> None:
    assert tuple(STANDARDS) == NAMES
    assert [STANDARDS[name].title for name in NAMES] == [
        "GDPR, Recital 26",
        "EDPB Opinion 28/2024 on AI models",
        "ISO/IEC 27559:2022",
        "ISO/IEC 19795-1:2021",
    ]


def test_every_topic_has_a_row_whatever_was_measured() -> None:
    topics = {(one.title, topic.clause) for one in STANDARDS.values() for topic in one.topics}
    assert len(topics) == 23
    for rows in (WHOLE, standards_rows(policy())):
        assert {(row.standard, row.clause) for row in rows} == topics
    assert {row.figure for row in standards_rows(policy())} == {NOT_MEASURED}
    assert NOT_MEASURED == "not measured by this policy"


def test_topics_name_kinds_of_checks_that_there_are_and_every_check_is_of_one() -> None:
    named = {kind for one in STANDARDS.values() for topic in one.topics for kind in topic.kinds}
    assert named == set(get_args(CheckKind))
    assert {CHECKS.load(check).about.kind for check in CHECKS} == named


def test_only_the_texts_that_the_policy_lists() -> None:
    rows = standards_rows(policy(EVERY["calibrated"], standards=("iso-27559",)))
    assert {row.standard for row in rows} == {"ISO/IEC 27559:2022"}
    assert standards_rows(policy(EVERY["calibrated"], standards=())) == ()
    assert standards_rows(policy(EVERY["calibrated"], standards=("iso-99999",))) == ()


def test_value_limit_and_interval_of_the_checks_that_speak_to_a_topic() -> None:
    leak_rate = ("leak_rate[generated-vs-training]", "leak_rate: 0.02% > 0.01% (0.005% to 0.07%); leak")
    nothing = ("near_copy[generated-vs-training]", "near_copy: nothing could be measured; inconclusive")
    canaries = ("canary_recall[training]", "canary_recall: 95.1% < 99%; inconclusive")
    assert figures(WHOLE, "gdpr-recital-26", "singling out") == [leak_rate, nothing]
    assert figures(WHOLE, "gdpr-recital-26", "objective factors: technology") == [canaries]
    assert figures(WHOLE, "gdpr-recital-26", "objective factors: cost and time") == [("", NOT_MEASURED)]
    assert figures(WHOLE, "edpb-28-2024", "anonymity: extraction from the model") == [("", NOT_MEASURED)]
    assert figures(WHOLE, "edpb-28-2024", "anonymity: personal data obtained from queries") == [
        leak_rate,
        nothing,
    ]
    assert figures(WHOLE, "edpb-28-2024", "testing and resistance to attacks") == [
        ("membership_inference[generated-vs-training]", "membership_inference: 25% > 1%; leak"),
        nothing,
    ]
    assert figures(WHOLE, "iso-27559", "8.3 Mitigation: re-evaluation") == [
        (
            "leak_rate[generated-vs-training]",
            "leak_rate: 0.02% > 0.01% (0.005% to 0.07%); 4.5679e-05 in evidence eeeeeeeeeeee",
        )
    ]
    assert figures(WHOLE, "iso-19795-1", "uncertainty") == [
        ("leak_rate[generated-vs-training]", "leak_rate: 0.005% to 0.07% at 95% confidence")
    ]


def test_error_rates_with_threshold_interval_and_comparisons() -> None:
    found = "FMR 0.001% at cosine 0.9412 (95%: 0.9300 to 0.9512{}); 250,000 comparisons of 120 people"
    extrapolated = found.format(", extrapolated")
    assert figures(WHOLE, "iso-19795-1", "false match rate") == [
        ("leak_rate[generated-vs-training]", f"adaface-ir101: {extrapolated}"),
        ("membership_inference[generated-vs-training]", f"first: {found.format('')}"),
        ("membership_inference[generated-vs-training]", f"second: {extrapolated}"),
    ]
    assert figures(WHOLE, "iso-19795-1", "false positive identification rate") == [("", NOT_MEASURED)]


def test_what_several_cases_share_is_told_once() -> None:
    twice = standards_rows(policy(EVERY["calibrated"], EVERY["calibrated"], standards=("iso-19795-1",)))
    recogniser = "adaface-ir101, weights cccccccccccc, fp32"
    assert figures(twice, "iso-19795-1", "system under test") == [("", recogniser)]
    once = standards_rows(policy(EVERY["calibrated"], standards=("iso-19795-1",)))
    assert figures(once, "iso-19795-1", "system under test") == [
        ("leak_rate[generated-vs-training]", recogniser)
    ]
    assert [figure for _, figure in figures(twice, "iso-19795-1", "test population")] == [
        "generated 'generated': 10,000 images compared, people not named",
        "source 'training': 494 images compared, 120 people",
        "calibration 'strangers': 300 images compared, 30 people",
    ]
    assert [figure for _, figure in figures(twice, "iso-19795-1", "failures to acquire and to enrol")] == [
        "generated 'generated': none left out, of 10,000",
        "source 'training': none left out, of 494",
        "calibration 'strangers': none left out, of 300",
    ]


@pytest.mark.parametrize("rows", [WHOLE, standards_rows(policy())], ids=["measured", "not measured"])
def test_no_row_says_that_a_requirement_is_met(rows: tuple[StandardRow, ...]) -> None:
    words = [word for row in rows for word in (row.standard, row.clause, row.asks, row.figure)]
    assert [word for word in words if CLAIM.search(word)] == []
    assert CLAIM.search("The set complies with it.")


def test_neither_do_the_docs_which_say_evidence_towards() -> None:
    text = (ROOT / "docs/standards.md").read_text(encoding="utf-8")
    assert [found.group() for found in CLAIM.finditer(text)] == []
    assert "evidence\ntowards" in text
    assert "No legal advice" in text
    for one in STANDARDS.values():
        assert one.title.partition(" ")[0].rstrip(",") in text
