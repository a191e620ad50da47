"""From a policy to the record that figures are drawn from, and to the texts beside them."""

from __future__ import annotations

from typing import Any

import pytest
from gate_project import Project
from labelled_project import PAIR, TRIPLE, LabelledProject, validate
from typer.testing import CliRunner

from faceleak_check.cli import app
from faceleak_check.reports.plots import error_rates_svg, histogram_svg, roc_svg
from faceleak_check.reports.standards import standards_rows

FMR = "threshold: {fmr: 1e-3}"


def rates(case: dict[str, Any]) -> list[float]:
    return [point["fmr"] for point in case["error_rates"]]


@pytest.mark.parametrize(
    "check",
    [
        f"leak_rate: {TRIPLE}, threshold: {{fpir: 10%}}, at_most: 50%",
        f"leak_count: {PAIR}, {FMR}, at_most: 40",
        f"excess_risk: {TRIPLE}, threshold: {{fpir: 10%}}, at_most: 50%",
        f"canary_recall: source: training, {FMR}, at_least: 1%, n: 3",
    ],
    ids=["fpir", "fmr", "excess", "canaries"],
)
def test_a_threshold_that_was_asked_for_as_a_rate_has_its_figure(
    labelled: LabelledProject, check: str
) -> None:
    labelled.judge(check)
    case = labelled.case()
    assert len(rates(case)) == 13
    assert rates(case)[0] == 0.1
    assert rates(case) == sorted(rates(case), reverse=True)
    cosine = case["thresholds"]["fake-pixels"]["cosine"]
    points = case["error_rates"]
    assert points[0]["cosine"] < cosine < points[-1]["cosine"]
    assert error_rates_svg(case)


@pytest.mark.parametrize(
    "check",
    [
        f"leak_count: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0",
        f"leak_count: {PAIR}, threshold: {{euclidean: 0.1}}, at_most: 0",
        f"membership_inference: {TRIPLE}, fpr: 10%, at_most: 100%",
        "coverage: dataset: training, min_images: 1",
    ],
    ids=["cosine", "euclidean", "members", "coverage"],
)
def test_any_other_threshold_has_none(labelled: LabelledProject, check: str) -> None:
    labelled.judge(check)
    case = labelled.case()
    assert case["error_rates"] == []
    assert error_rates_svg(case) == ""
    drawn = bool(histogram_svg(case)), bool(roc_svg(case))
    assert drawn == {"leak_count": (True, False), "membership_inference": (False, True)}.get(
        case["check"], (False, False)
    )


def test_canaries_that_take_over_a_threshold_leave_its_figure_where_it_is(labelled: LabelledProject) -> None:
    count = f"leak_count: {PAIR}, {FMR}, at_most: 40"
    labelled.write_policy(count, "canary_recall: source: training, at_least: 1%, n: 3")
    labelled.gate()
    validate(labelled.evidence())
    first, second = labelled.evidence()["policies"][0]["cases"]
    assert (len(rates(first)), rates(second)) == (13, [])
    assert first["thresholds"] == second["thresholds"]


def test_pinned_thresholds_are_the_figure(labelled: LabelledProject, monkeypatch: pytest.MonkeyPatch) -> None:
    check = f"leak_count: {PAIR}, {FMR}, at_most: 40"
    labelled.write_policy(check)
    monkeypatch.chdir(labelled.path)
    written = CliRunner().invoke(app, ["calibrate", "release.yaml", "--write", "pinned.yaml"])
    assert written.exit_code == 0, written.output
    labelled.judge(check, keys="thresholds: pinned.yaml")
    case = labelled.case()
    assert rates(case) == [0.1, 0.01, 0.001, 0.0001]
    assert case["error_rates"][2]["cosine"] == case["thresholds"]["fake-pixels"]["cosine"]


def test_best_matches_have_their_highest_marked(labelled: LabelledProject) -> None:
    labelled.leak("g99.png", "p03/1.png")
    labelled.judge(f"leak_count: {PAIR}, threshold: {{cosine: -1}}, at_most: 0")
    case = labelled.case()
    cosines = [pair["similarity"] for pair in case["measurement"]["worst_pairs"]]
    [histogram] = case["histograms"]
    assert histogram["marks"] == [{"k": 1, "similarity": cosines[0]}, {"k": 10, "similarity": cosines[9]}]


def test_standards_are_named_in_the_evidence_and_change_no_verdict(project: Project) -> None:
    project.leak()
    project.policy(keys="report: {standards: [iso-27559, edpb-28-2024]}\n")
    project.gate()
    validate(project.evidence())
    [policy] = project.evidence()["policies"]
    assert policy["standards"] == ["iso-27559", "edpb-28-2024"]
    figures = {row.figure for row in standards_rows(policy)}
    assert "leak_count: 1 > 0 images; leak" in figures
    project.policy()
    project.gate()
    [without] = project.evidence()["policies"]
    assert without["standards"] == []
    assert without["cases"] == policy["cases"]


def test_an_invalid_policy_has_no_standards(project: Project) -> None:
    project.policy(keys="report: {standards: [iso-1]}\n")
    project.gate()
    validate(project.evidence())
    [policy] = project.evidence()["policies"]
    assert policy["standards"] == []
    assert standards_rows(policy) == ()
