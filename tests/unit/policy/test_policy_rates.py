from __future__ import annotations

from collections.abc import Callable

import pytest
from policy_examples import SETS

from faceleak_check.policy.schema import Policy

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

LABELS = "write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under"
PIN = "or pin the threshold with 'thresholds: FILE'"
NO_TEMPLATES = "a match list has cosines and no templates; use a threshold such as {cosine: 0.5}"


def _check(sets: str, threshold: str, name: str = "leak_count") -> str:
    return SETS % f"{name}: {{generated: gen, {sets}, threshold: {{{threshold}}}, at_most: 1}}"


@pytest.mark.parametrize(
    ("sets", "threshold"),
    [
        ("source: train", "fmr: 1e-5"),
        ("source: train", "fpir: 0.1%"),
        ("source: bare, control: named", "fmr: 1e-5"),
        ("source: bare, calibration: named", "fmr: 1e-5"),
        ("source: bare, control: unseen, calibration: named", "fmr: 1e-5"),
        ("source: bare, control: unseen", "fpir: 1%"),
        ("source: bare", "cosine: 0.9"),
        ("source: bare", "euclidean: 0.9"),
    ],
)
def test_thresholds_that_can_be_found(parse: Parse, sets: str, threshold: str) -> None:
    kind, _, _ = threshold.partition(":")
    assert parse(_check(sets, threshold)).cases[0].check.threshold.kind == kind


@pytest.mark.parametrize(
    ("sets", "threshold", "expected"),
    [
        (
            "source: bare",
            "fmr: 1e-5",
            (
                "12:60: checks[0].leak_count.threshold.fmr: FMR 1e-05 is found on pictures of different people, "
                "and none "
                "of its sets has labels; name a labelled set with 'calibration', or "
                f"{LABELS} datasets.bare, {PIN}"
            ),
        ),
        (
            "source: bare, control: unseen",
            "fmr: 1e-5",
            (
                "12:77: checks[0].leak_count.threshold.fmr: FMR 1e-05 is found on pictures of different people, "
                "and none "
                "of its sets has labels; name a labelled set with 'calibration', or "
                f"{LABELS} datasets.bare or datasets.unseen, {PIN}"
            ),
        ),
        (
            "source: train, calibration: unseen",
            "fmr: 1e-5",
            (
                "12:62: checks[0].leak_count.calibration: thresholds are found on pictures of different people, "
                f"and 'unseen' has no labels; {LABELS} datasets.unseen"
            ),
        ),
        (
            "source: bare, calibration: named",
            "fpir: 0.5%",
            (
                "12:80: checks[0].leak_count.threshold.fpir: FPIR 0.005 is found on people who are not in the "
                "source set; "
                "name a set of people whom the generator never saw with 'control', or "
                f"{LABELS} datasets.bare, {PIN}"
            ),
        ),
        (
            "source: train",
            "fmr: 0",
            (
                "12:66: checks[0].leak_count.threshold.fmr: found 0, expected an error rate above 0 and below 1, "
                "such as 1e-5 or 0.1%"
            ),
        ),
        (
            "source: train",
            "fpir: 1",
            (
                "12:67: checks[0].leak_count.threshold.fpir: found 1, expected an error rate above 0 and below 1, "
                "such as 1e-5 or 0.1%: for one in a hundred write 1% or 0.01"
            ),
        ),
        (
            "source: train",
            "fpir: 5",
            "12:67: checks[0].leak_count.threshold.fpir: found 5, expected a share between 0 and 1: write 5% or 0.05",
        ),
        (
            "source: train",
            "fpir: 1%, fmr: 1%",
            (
                "12:60: checks[0].leak_count.threshold: found fmr and fpir, expected exactly one of cosine, euclidean, "
                "fmr, fpir"
            ),
        ),
    ],
)
def test_thresholds_that_cannot(problems: Problems, sets: str, threshold: str, expected: str) -> None:
    assert problems(_check(sets, threshold)) == [f"p.yaml:{expected}"]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (
            "leak_count: {matches: list, threshold: {fmr: 1%}, at_most: 1}",
            f"12:45: checks[0].leak_count.threshold.fmr: {NO_TEMPLATES}",
        ),
        (
            "leak_rate: {matches: list, threshold: {fpir: 1%}, at_most: 1%}",
            f"12:44: checks[0].leak_rate.threshold.fpir: {NO_TEMPLATES}",
        ),
        (
            "excess_risk: {matches: list, control: other, threshold: {euclidean: 1}, at_most: 1%}",
            f"12:62: checks[0].excess_risk.threshold.euclidean: {NO_TEMPLATES}",
        ),
        (
            "excess_risk: {matches: list, control: other, at_most: 1%}",
            f"12:5: checks[0].excess_risk: missing key 'threshold'; {NO_TEMPLATES}",
        ),
        (
            "excess_risk: {matches: list, control: other, treshold: {cosine: 0.5}, at_most: 1%}",
            (
                "12:50: checks[0].excess_risk: unknown key 'treshold' (did you mean 'threshold'?); expected: "
                "generated, "
                "source, control, matches, calibration, embedder, no_worse_than, threshold, at_most, confidence"
            ),
        ),
        (
            "canary_recall: {source: bare, at_least: 99%, threshold: {fpir: 1%}}",
            (
                "12:62: checks[0].canary_recall.threshold.fpir: FPIR 0.01 is found on people who are not in the source "
                "set; name a set of people whom the generator never saw with 'control', or "
                f"{LABELS} datasets.bare, {PIN}"
            ),
        ),
    ],
)
def test_thresholds_of_other_checks(problems: Problems, check: str, expected: str) -> None:
    assert problems(SETS % check) == [f"p.yaml:{expected}"]


def test_the_thresholds_of_embedders_that_must_agree(problems: Problems, parse: Parse) -> None:
    """An embedder may have a name that is also a kind of threshold."""
    head = SETS.replace("checks:", "embedders: {fmr: {name: dlib-resnet}, b: {name: facenet-casia}}\nchecks:")
    check = (
        "leak_count: {generated: gen, source: %s, agreement: [fmr, b], "
        "threshold: {fmr: {cosine: 0.9}, b: {fpir: 1%%}}, at_most: 1}"
    )
    assert problems(head % (check % "bare")) == [
        (
            "p.yaml:13:105: checks[0].leak_count.threshold.b.fpir: FPIR 0.01 is found on people who are not in the "
            "source set; name a set of people whom the generator never saw with 'control', or "
            f"{LABELS} datasets.bare, {PIN}"
        )
    ]
    (case,) = parse(head % (check % "train")).cases
    assert [other.threshold.kind for other in case.agreement] == ["fpir"]


def test_a_set_with_a_problem_is_no_reason_for_another_one(problems: Problems) -> None:
    text = _check("source: bare, control: unsen", "fmr: 1e-5")
    assert problems(text) == [
        (
            "p.yaml:12:57: checks[0].leak_count.control: unknown dataset 'unsen' (did you mean 'unseen'?); "
            "there are: gen, train, bare, unseen, named, list, other"
        )
    ]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("leak_rate: {generated: generated, source: training, threshold: {fpir: 1%}, at_most: 1%}", True),
        ("leak_rate: {generated: generated, source: training, threshold: {fpir: 1%}, at_most: 1.1%}", False),
        ("leak_rate: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}", False),
    ],
)
def test_a_limit_that_chance_reaches_is_noted(parse: Parse, valid: str, check: str, told: bool) -> None:
    policy = parse(valid.partition("checks:")[0] + f"checks:\n  - {check}\n")
    line = policy.cases[0].line
    note = (
        f"line {line}: leak_rate[generated-vs-training] allows at most 1%, and its fpir of 1% alone gives as much by "
        "chance: allow more, or ask for a lower rate"
    )
    assert (note in policy.notes) is told
