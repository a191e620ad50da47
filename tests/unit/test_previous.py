from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceleak_check.errors import InconclusiveError
from faceleak_check.previous import compared_with, read_previous, with_previous
from faceleak_check.records import (
    Calibration,
    Counts,
    EmbedderSpec,
    Interval,
    Measurement,
    Outcome,
    Previous,
    ScreenedGroup,
    ScreenMethod,
    ScreenSpec,
    ScreenSummary,
    SetSummary,
    Unit,
    Verdict,
)
from faceleak_check.reports.plain import verdict_record
from faceleak_check.seals import digest_of, sealed

SPEC = EmbedderSpec(
    name="network",
    weights_sha256="a" * 64,
    licence="MIT",
    dimension=64,
    input_size=112,
    colour_order="RGB",
    normalisation="RGB / 255",
)
CASE = "leak_rate[generated-vs-training]"


def summary(name: str, digit: str, labels: str | None = None) -> SetSummary:
    counts = Counts(n_seen=50, n_embedded=50, n_unreadable=0)
    return SetSummary(name=name, sha256=digit * 64, counts=counts, labels_sha256=labels)


def measurement(value: float = 0.02, limit: float = 0.1, unit: Unit = "share", **keys: Any) -> Measurement:
    return Measurement(value=value, limit=limit, unit=unit, n=50, rule="cosine >= 0.9", pairs=(), **keys)


def verdict(**keys: Any) -> Verdict:
    given: dict[str, Any] = {
        "outcome": Outcome.PASS,
        "policy": "release",
        "check": "leak_rate",
        "case": CASE,
        "reasons": ("1 of 50 generated images leaks (2%); the policy allows at most 10%",),
        "measurement": measurement(),
        "sets": {"generated": summary("generated", "1"), "source": summary("training", "2", "3" * 64)},
        "embedder": SPEC,
    }
    return Verdict(**(given | keys))


def evidence(*cases: Mapping[str, Any], version: object = 3) -> dict[str, Any]:
    return {"evidence_version": version, "policies": [{"cases": list(cases)}]}


def written(folder: Path, data: object) -> Path:
    file = folder / "evidence.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return file


def earlier(folder: Path, *verdicts: Verdict) -> Path:
    return written(folder, evidence(*map(verdict_record, verdicts)))


def problem(file: Path, now: Verdict) -> tuple[str, str]:
    with pytest.raises(InconclusiveError) as found:
        read_previous(file, now)
    return found.value.message, found.value.detail


# ------------------------------------------------------------------------------------- the earlier figure


def test_the_figure_of_the_same_case_is_read(tmp_path: Path) -> None:
    then = verdict(
        measurement=measurement(1 / 3), sets={**verdict().sets, "generated": summary("generated", "9")}
    )
    other = verdict(case="leak_rate[other-vs-training]", measurement=measurement(0.9))
    file = earlier(tmp_path, other, then)
    assert read_previous(file, verdict()) == Previous(
        value=0.333333333,
        evidence_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        generated_sha256="9" * 64,
    )


def test_of_several_policies_the_one_with_the_case_is_taken(tmp_path: Path) -> None:
    data = evidence(verdict_record(verdict(case="leak_count[a-vs-b]")))
    data["policies"] += [{"cases": [verdict_record(verdict())]}, {"cases": []}]
    assert read_previous(written(tmp_path, data), verdict()).value == 0.02


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_evidence_of_older_programs_is_read(tmp_path: Path, version: int) -> None:
    """The first ones had no error rates, no agreement and fewer facts of a model."""
    record = verdict_record(verdict())
    for key in ("thresholds", "agreement", "chance", "hubs", "histograms", "previous"):
        record.pop(key, None)
    record["embedder"] = {name: record["embedder"][name] for name in ("name", "weights_sha256", "dimension")}
    assert read_previous(written(tmp_path, evidence(record, version=version)), verdict()).value == 0.02


def test_a_figure_that_somebody_has_edited_is_no_bound(tmp_path: Path) -> None:
    data = sealed(evidence(verdict_record(verdict()), version=5))
    assert read_previous(written(tmp_path, data), verdict()).value == 0.02
    seal = data["sha256"]
    data["policies"][0]["cases"][0]["measurement"]["value"] = 0.5
    file = written(tmp_path, data)
    assert problem(file, verdict()) == (
        CANNOT,
        (
            f"{file}: it was changed after it was written: found contents of SHA-256 {digest_of(data)}, expected "
            f"{seal}, which the file itself names. Take the file as that run wrote it."
        ),
    )
    without = {key: value for key, value in data.items() if key != "sha256"}
    assert problem(written(tmp_path, without), verdict())[1].startswith(
        f"{file}: it was changed after it was written: found contents of SHA-256 {digest_of(data)}, expected None, "
    )
    older = written(tmp_path, data | {"evidence_version": 4})
    assert problem(older, verdict())[1].startswith(f"{file}: it was changed after it was written: ")
    data["policies"][0]["name"] = "\ud800"
    assert problem(written(tmp_path, data), verdict()) == (
        CANNOT,
        f"{file}: this is no evidence.json of faceleak-check, or it is damaged.",
    )


def test_a_list_of_matches_may_be_another_one(tmp_path: Path) -> None:
    then = verdict(embedder=None, sets={"matches": summary("ours", "1")})
    now = verdict(embedder=None, sets={"matches": summary("ours", "2")})
    assert read_previous(earlier(tmp_path, then), now).value == 0.02


# --------------------------------------------------------------------------------- what is not comparable


def calibrated(cosine: float) -> dict[str, Calibration]:
    found = Calibration(
        asked="FMR 0.001",
        cosine=cosine,
        low=0.1,
        high=0.9,
        confidence=0.95,
        extrapolated=False,
        origin="impostor pairs of 'training'",
        n_people=30,
        n_images=60,
        n_comparisons=1700,
    )
    return {"network": found}


OTHER = replace(SPEC, weights_sha256="b" * 64)


def screens(
    reject_above: float = 0.5, *, question: str = "a child", combine: Any = "any_of", n_images: int = 50
) -> tuple[ScreenSummary, ...]:
    spec = ScreenSpec(
        method="clip",
        model="ViT-B-32",
        weights_sha256="c" * 64,
        licence="MIT",
        question=question,
        preprocessing="none",
    )
    method = ScreenMethod(spec=spec, reject_above=reject_above, n_images=n_images)
    groups = {"generated": ScreenedGroup(n_looked_at=n_images, n_excluded=2, n_leaking=1)}
    return (ScreenSummary(rule="child", combine=combine, methods=(method,), groups=groups),)


DIFFERENCES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"embedder": OTHER}, {}, "another model"),
    ({"embedder": replace(SPEC, precision="bf16")}, {}, "another model"),
    ({"embedder": None}, {}, "another model"),
    ({}, {"embedder": None}, "another model"),
    ({"agreement": {"second": SPEC}}, {"agreement": {"second": OTHER}}, "another model"),
    ({"agreement": {"second": SPEC}}, {}, "another model"),
    ({}, {"agreement": {"second": SPEC}}, "another model"),
    ({"sets": {"source": summary("training", "7", "3" * 64)}}, {}, "another source set"),
    ({"sets": {}}, {}, "another source set"),
    (
        {"sets": {"source": summary("training", "2", "8" * 64)}},
        {},
        "other names of the people in the source set",
    ),
    (
        {"sets": {**verdict().sets, "control": summary("unseen", "5")}},
        {"sets": {**verdict().sets, "control": summary("unseen", "6")}},
        "another control set",
    ),
    ({"measurement": replace(measurement(), rule="cosine >= 0.8")}, {}, "another threshold"),
    ({"thresholds": calibrated(0.5)}, {"thresholds": calibrated(0.500001)}, "another threshold"),
    ({"thresholds": calibrated(0.5)}, {}, "another threshold"),
    (
        {"embedder": OTHER, "sets": {}, "measurement": replace(measurement(), rule="cosine >= 0.8")},
        {},
        "another model and another source set and another threshold",
    ),
    ({}, {"screens": screens()}, "other screens"),
    ({"screens": screens()}, {}, "other screens"),
    ({"screens": screens()}, {"screens": screens(0.3)}, "other screens"),
    ({"screens": screens()}, {"screens": screens(question="an adult")}, "other screens"),
    ({"screens": screens(combine="all_of")}, {"screens": screens()}, "other screens"),
]


@pytest.mark.parametrize(("then", "now", "what"), DIFFERENCES)
def test_evidence_made_with_something_else_is_refused(
    tmp_path: Path, then: dict[str, Any], now: dict[str, Any], what: str
) -> None:
    file = earlier(tmp_path, verdict(**then))
    assert problem(file, verdict(**now)) == (
        f"the earlier evidence was made with {what}",
        (
            f"{file}: figures of {CASE!r} can only be compared where model, source, threshold and screens are the "
            "same. Run the earlier release again with this policy, or take out `no_worse_than:`."
        ),
    )


def test_the_same_screens_may_look_at_other_images(tmp_path: Path) -> None:
    file = earlier(tmp_path, verdict(screens=screens(n_images=40)))
    assert read_previous(file, verdict(screens=screens(n_images=50))).value == 0.02


def test_the_same_error_rate_with_the_same_cosine_is_the_same_threshold(tmp_path: Path) -> None:
    one = verdict(thresholds=calibrated(0.1234567891234), agreement={"second": OTHER})
    assert read_previous(earlier(tmp_path, one), one).value == 0.02


# --------------------------------------------------------------------------------- what cannot be used

CANNOT = "the evidence that this release must be no worse than cannot be used"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    advice = "Correct `no_worse_than:`, or leave it out for a first release."
    assert problem(file, verdict()) == (CANNOT, f"{file}: No such file or directory. {advice}")
    assert problem(tmp_path, verdict()) == (CANNOT, f"{tmp_path}: Is a directory. {advice}")


RECORD = verdict_record(verdict())
ODD: tuple[object, ...] = (None, "much", [0.1], {}, 10**400)
DAMAGED: list[object] = [
    "",
    "no JSON",
    '{"evidence_version": 3',
    "[1, 2]",
    "3",
    "null",
    {},
    {"evidence_version": 3},
    {"evidence_version": 3, "policies": 7},
    {"evidence_version": 3, "policies": [7]},
    {"evidence_version": 3, "policies": [{"cases": None}]},
    {"policies": []},
    "[" * 100_000,
    '{"evidence_version": ' + "9" * 5000 + "}",
    evidence({name: value for name, value in RECORD.items() if name != "sets"}),
    evidence(RECORD | {"sets": 3}),
    evidence(RECORD | {"sets": {"source": "training"}}),
    evidence(RECORD | {"sets": {**RECORD["sets"], "generated": [1]}}),
    evidence(RECORD | {"thresholds": [1]}),
    evidence(RECORD | {"thresholds": {"network": {}}}),
    evidence(RECORD | {"embedder": 5}),
    evidence(RECORD | {"agreement": "none"}),
    evidence(RECORD | {"agreement": {"second": 5}}),
    *(evidence(RECORD | {"measurement": RECORD["measurement"] | {"value": value}}) for value in ODD),
    evidence(
        RECORD
        | {"measurement": {name: one for name, one in RECORD["measurement"].items() if name != "value"}}
    ),
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_told(tmp_path: Path, data: object) -> None:
    file = written(tmp_path, data)
    now = verdict(agreement={"second": SPEC}) if '"second"' in file.read_text() else verdict()
    assert problem(file, now) == (
        CANNOT,
        f"{file}: this is no evidence.json of faceleak-check, or it is damaged.",
    )


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    assert problem(file, verdict())[0] == CANNOT


@pytest.mark.parametrize(
    ("version", "shown"), [(6, "6"), (0, "0"), ("3", "'3'"), (None, "None"), ([3], "[3]")]
)
def test_evidence_of_another_format_is_told(tmp_path: Path, version: object, shown: str) -> None:
    file = written(tmp_path, evidence(RECORD, version=version))
    assert problem(file, verdict()) == (
        CANNOT,
        f"{file}: evidence of version {shown}; this program reads 1 to 5.",
    )


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_figure_that_is_no_number_is_told(tmp_path: Path, value: str) -> None:
    text = json.dumps(evidence(RECORD | {"measurement": RECORD["measurement"] | {"value": 0.123}}))
    file = written(tmp_path, text.replace("0.123", value))
    assert problem(file, verdict()) == (CANNOT, f"{file}: the figure of {CASE!r} is no number.")


def test_a_case_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = earlier(tmp_path, verdict(case="b[x-vs-y]"), verdict(case="a[x-vs-y]"))
    assert problem(file, verdict()) == (
        "the earlier evidence has no such case",
        f"{file}: found 0 cases {CASE!r}, expected one; there are: a[x-vs-y], b[x-vs-y].",
    )
    file = written(tmp_path, evidence())
    assert problem(file, verdict()) == (
        "the earlier evidence has no such case",
        f"{file}: found 0 cases {CASE!r}, expected one; there are: none.",
    )


def test_a_case_that_is_there_twice_is_told(tmp_path: Path) -> None:
    """Two policies may hold a case of the same name."""
    file = earlier(tmp_path, verdict(), verdict())
    assert problem(file, verdict()) == (
        "the earlier evidence has this case twice",
        f"{file}: found 2 cases {CASE!r}, expected one; there are: {CASE}, {CASE}.",
    )


@pytest.mark.parametrize("measured", [None, measurement(0.9)])
def test_a_case_that_was_inconclusive_is_no_bound(tmp_path: Path, measured: Measurement | None) -> None:
    """Also where there is a figure: of a set that was the wrong one, or of which too much was lost."""
    file = earlier(tmp_path, verdict(measurement=measured, outcome=Outcome.INCONCLUSIVE))
    assert problem(file, verdict()) == (
        "the earlier evidence has no figure for this case",
        f"{file}: {CASE!r} was inconclusive then. Name the evidence of a release that was measured.",
    )


# ------------------------------------------------------------------------------------- better and worse


def previous(value: float) -> Previous:
    return Previous(value=value, evidence_sha256="e" * 64, generated_sha256="f" * 64)


def at(value: float, low: float, high: float, *, asked: bool = True) -> Measurement:
    interval = Interval(low=low, high=high, confidence=0.95)
    return measurement(value, interval=interval, confidence_asked=asked)


@pytest.mark.parametrize(
    ("now", "then", "sentence"),
    [
        (measurement(0.02), 0.03, "no worse than the earlier release: 2% now, 3% in the earlier release"),
        (measurement(0.02), 0.02, "no worse than the earlier release: 2% now, 2% in the earlier release"),
        # the evidence holds nine decimals
        (
            measurement(1 / 3),
            0.333333333,
            "no worse than the earlier release: 33.3% now, 33.3% in the earlier release",
        ),
        (
            measurement(3, 5, "people"),
            4,
            "no worse than the earlier release: 3 now, 4 in the earlier release",
        ),
        (
            measurement(0.99, 0.95, at_least=True),
            0.98,
            "no worse than the earlier release: 99% now, 98% in the earlier release",
        ),
        (at(0.02, 0.01, 0.03), 0.02, "no worse than the earlier release: 2% now, 2% in the earlier release"),
    ],
)
@pytest.mark.parametrize("outcome", list(Outcome))
def test_no_worse_changes_nothing(now: Measurement, then: float, sentence: str, outcome: Outcome) -> None:
    assert compared_with(previous(then), now, outcome) == (outcome, sentence)


@pytest.mark.parametrize(
    ("now", "then", "sentence"),
    [
        (measurement(0.03), 0.02, "worse than the earlier release: 3% now, 2% in the earlier release"),
        (
            measurement(0.020001),
            0.02,
            "worse than the earlier release: 2.0001% now, 2% in the earlier release",
        ),
        (
            measurement(0.95, 0.96, "cosine"),
            0.94,
            "worse than the earlier release: 0.9500 now, 0.9400 in the earlier release",
        ),
        (measurement(5, 5, "images"), 4, "worse than the earlier release: 5 now, 4 in the earlier release"),
        # an interval counts only where a confidence was asked for
        (
            at(0.03, 0.01, 0.05, asked=False),
            0.02,
            "worse than the earlier release: 3% now, 2% in the earlier release",
        ),
        (
            at(0.03, 0.0201, 0.05),
            0.02,
            "worse than the earlier release: 3% now, 2% in the earlier release",
        ),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.WAIVED, Outcome.LEAK])
def test_worse_is_a_leak(now: Measurement, then: float, sentence: str, outcome: Outcome) -> None:
    assert compared_with(previous(then), now, outcome) == (Outcome.LEAK, sentence)


def test_a_gate_that_catches_less_is_worse_but_no_leak() -> None:
    recall = measurement(0.97, 0.95, at_least=True, missed=Outcome.INCONCLUSIVE)
    assert compared_with(previous(0.98), recall, Outcome.PASS) == (
        Outcome.INCONCLUSIVE,
        "worse than the earlier release: 97% now, 98% in the earlier release",
    )


@pytest.mark.parametrize(
    ("outcome", "then"),
    [
        (Outcome.PASS, Outcome.INCONCLUSIVE),
        (Outcome.WAIVED, Outcome.INCONCLUSIVE),
        (Outcome.LEAK, Outcome.LEAK),
        (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
    ],
)
def test_an_interval_that_holds_the_earlier_figure_leaves_it_open(outcome: Outcome, then: Outcome) -> None:
    for low in (0.01, 0.02):
        assert compared_with(previous(0.02), at(0.03, low, 0.05), outcome) == (
            then,
            "it cannot be told whether this is worse than the earlier release: 3% now, 2% in the earlier release",
        )


# ------------------------------------------------------------------------------------------- the verdict


def test_a_verdict_that_stays_tells_the_comparison_last(tmp_path: Path) -> None:
    file = earlier(tmp_path, verdict(measurement=measurement(0.05)))
    found = with_previous(verdict(), file)
    assert found == replace(
        verdict(),
        reasons=(
            *verdict().reasons,
            "no worse than the earlier release: 2% now, 5% in the earlier release",
        ),
        previous=read_previous(file, verdict()),
    )


def test_a_verdict_that_changes_tells_the_comparison_first(tmp_path: Path) -> None:
    found = with_previous(verdict(), earlier(tmp_path, verdict(measurement=measurement(0.01))))
    assert (found.outcome, found.reasons) == (
        Outcome.LEAK,
        ("worse than the earlier release: 2% now, 1% in the earlier release", *verdict().reasons),
    )


@pytest.mark.parametrize(
    ("outcome", "then"),
    [
        (Outcome.PASS, Outcome.INCONCLUSIVE),
        (Outcome.WAIVED, Outcome.INCONCLUSIVE),
        (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (Outcome.LEAK, Outcome.LEAK),
    ],
)
def test_evidence_that_cannot_be_used_lets_nothing_pass(
    tmp_path: Path, outcome: Outcome, then: Outcome
) -> None:
    file = tmp_path / "evidence.json"
    found = with_previous(verdict(outcome=outcome, details=("before",)), file)
    own = verdict().reasons
    assert found.outcome is then
    assert found.reasons == ((*own, CANNOT) if outcome is Outcome.LEAK else (CANNOT, *own))
    assert found.details == (
        "before",
        f"{file}: No such file or directory. Correct `no_worse_than:`, or leave it out for a first release.",
    )
    assert (found.previous, found.measurement) == (None, verdict().measurement)
