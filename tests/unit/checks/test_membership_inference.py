from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made_sets import image

from faceleak_check.checks.judge import judge
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.checks.statistics.roc import membership
from faceleak_check.matches import Matches
from faceleak_check.records import Figure, Outcome

CHECK = MembershipInference(fpr=0.1, at_most=0.2)


def nearest(prefix: str, cosines: np.ndarray, n_images: int = 1, *, boxes: bool = False) -> Matches:
    """The generated image nearest to each real one, people with so many images each."""
    n = len(cosines)
    edges = np.arange(4 * n, dtype=np.float32).reshape(n, 1, 4)
    return Matches(
        generated=tuple(image(f"{prefix}{row}", f"{prefix}-{row // n_images}") for row in range(n)),
        source=tuple(image(f"g{row}") for row in range(n)),
        source_index=np.arange(n)[:, None],
        similarity=cosines[:, None],
        distance=1 - cosines[:, None],
        generated_box=edges if boxes else None,
        source_box=-edges if boxes else None,
    )


def cosines(n: int, *, seed: int, n_members: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).uniform(0.1, 0.5, n)
    values[:n_members] += 0.45
    return values


def test_members_are_told_by_the_generated_image_nearest_to_them() -> None:
    inside, outside = cosines(60, seed=1, n_members=12), cosines(50, seed=2)
    found, curve = CHECK.measure_members(nearest("s", inside), nearest("c", outside))
    expected = membership(inside, outside, 0.1)
    told = inside >= expected.threshold
    assert found.value == expected.tpr == told.mean()
    assert (found.n, found.unit, found.limit) == (60, "share", 0.2)
    assert found.interval == expected.tpr_interval
    assert np.mean(outside >= expected.threshold) <= 0.1
    assert {figure.name: figure.value for figure in found.figures} == {
        "auc": expected.auc,
        "threshold": expected.threshold,
    }
    auc = found.figures[0]
    assert (auc.low, auc.high, auc.confidence) == (
        expected.auc_interval.low,
        expected.auc_interval.high,
        0.95,
    )
    assert (curve.fpr, curve.tpr) == (expected.curve_fpr, expected.curve_tpr)


def test_the_rule_is_the_same_for_every_release() -> None:
    """It names no cosine: that comes from the generated images, and an earlier release had another one."""
    found = [
        CHECK.measure_members(nearest("s", cosines(60, seed=seed)), nearest("c", cosines(50, seed=9)))[0]
        for seed in (1, 2)
    ]
    assert {one.rule for one in found} == {"the cosine that 10% of the non-members reach"}


def test_the_sentence_names_the_rate() -> None:
    inside = np.concatenate([np.full(30, 0.9), np.full(30, 0.1)])
    found, _ = CHECK.measure_members(nearest("s", inside), nearest("c", cosines(50, seed=2)))
    assert judge(found) == (
        Outcome.LEAK,
        (
            "30 of 60 source images (50%) are told to be members at a false positive rate of 10%; "
            "the policy allows at most 20%"
        ),
    )


def test_pairs_are_turned_so_that_the_generated_image_stands_first() -> None:
    inside = np.linspace(0.6, 0.9, 40)
    found, _ = CHECK.measure_members(
        nearest("s", inside, boxes=True), nearest("c", cosines(50, seed=2), boxes=True)
    )
    assert [pair.source.id for pair in found.pairs] == [f"s{row}" for row in reversed(range(40))]
    worst = found.pairs[0]
    assert (worst.generated.id, worst.similarity, worst.distance) == ("g39", 0.9, 1 - np.float64(0.9))
    assert (worst.source_box, worst.generated_box) == (
        (156.0, 157.0, 158.0, 159.0),
        (-156.0, -157.0, -158.0, -159.0),
    )
    assert found.leaks


def test_intervals_are_of_people() -> None:
    """Ten images of each of ten people say less than one image of each of a hundred."""
    inside, outside = np.repeat(cosines(10, seed=1, n_members=4), 10), cosines(100, seed=2)
    others = nearest("c", outside)
    ten, _ = CHECK.measure_members(nearest("s", inside, 10), others)
    hundred, _ = CHECK.measure_members(nearest("s", inside), others)
    assert ten.value == hundred.value
    assert ten.interval is not None
    assert hundred.interval is not None
    assert ten.interval.high - ten.interval.low > hundred.interval.high - hundred.interval.low


@pytest.mark.parametrize(("n_inside", "n_outside"), [(5, 1), (1, 5), (5, 5)])
def test_people_of_both_sets_are_told_apart_by_their_names(n_inside: int, n_outside: int) -> None:
    inside, outside = cosines(60, seed=1, n_members=12), cosines(50, seed=2)
    found, _ = CHECK.measure_members(nearest("s", inside, n_inside), nearest("c", outside, n_outside))
    rows, others = np.arange(60) // n_inside, np.arange(50) // n_outside
    expected = membership(inside, outside, 0.1, rows, others, confidence=0.95)
    assert found.interval == expected.tpr_interval
    assert (found.figures[0].low, found.figures[0].high) == (
        expected.auc_interval.low,
        expected.auc_interval.high,
    )


def test_a_source_image_at_the_threshold_is_told() -> None:
    """Ten in a hundred of the unseen reach 0.9, and so do exactly those members that stand there."""
    inside = np.concatenate([np.full(7, 0.9), np.linspace(0.1, 0.5, 53)])
    outside = np.concatenate([np.full(10, 0.8), np.linspace(0.1, 0.5, 90)])
    found, _ = CHECK.measure_members(nearest("s", inside), nearest("c", outside))
    (threshold,) = (figure.value for figure in found.figures if figure.name == "threshold")
    at = np.concatenate([np.full(7, threshold), np.linspace(0.1, 0.5, 53)])
    again, _ = CHECK.measure_members(nearest("s", at), nearest("c", outside))
    assert (again.value, len(again.pairs)) == (7 / 60, 7)
    assert again.finding == (
        "7 of 60 source images ({value}) are told to be members at a false positive rate of 10%"
    )


@pytest.mark.parametrize(("confidence", "asked"), [(None, False), (0.9, True)])
def test_a_confidence_asked_for_is_that_of_the_interval(confidence: float | None, asked: bool) -> None:
    check = MembershipInference(fpr=0.1, at_most=0.2, confidence=confidence)
    found, _ = check.measure_members(nearest("s", cosines(60, seed=1)), nearest("c", cosines(50, seed=2)))
    assert found.interval is not None
    assert (found.interval.confidence, found.confidence_asked) == (confidence or 0.95, asked)


@pytest.mark.parametrize(
    ("n_members", "n_others", "words"),
    [
        (29, 50, "29 members are too few for membership inference: give at least 30 images"),
        (60, 29, "29 non-members are too few for membership inference: give at least 30 images"),
    ],
)
def test_too_few_images_are_an_error(n_members: int, n_others: int, words: str) -> None:
    with pytest.raises(ValueError) as found:  # noqa: PT011  the words are compared below
        CHECK.measure_members(
            nearest("s", cosines(n_members, seed=1)), nearest("c", cosines(n_others, seed=2))
        )
    assert str(found.value) == words


@pytest.mark.parametrize(("high", "doubted"), [(None, False), (0.49, True), (0.5, False), (0.9, False)])
def test_a_control_that_is_surely_nearer_than_the_source_is_doubted(
    high: float | None, doubted: bool
) -> None:
    measured = CHECK.measure_members(nearest("s", cosines(60, seed=1)), nearest("c", cosines(50, seed=2)))[0]
    auc = Figure(name="auc", value=0.4, high=high)
    sentence = (
        "the generated images are nearer to the control than to the source, so what leaks cannot stand out: "
        "is it a control?"
    )
    found = CHECK.doubt(replace(measured, figures=(measured.figures[1], auc)), 60)
    assert found == (sentence if doubted else "")
