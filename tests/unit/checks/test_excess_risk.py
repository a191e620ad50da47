from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hand_made_sets import image

from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.judge import judge
from faceleak_check.checks.statistics.excess import excess_risk, excess_risk_of_lists
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Interval, Measurement, Outcome

CHECK = ExcessRisk(threshold=Threshold(cosine=0.8), at_most=0.05)
Hits = Sequence[int]
"""The source row that each generated image hits, -1 where it hits nobody."""


def part(
    hits: Hits,
    people: Sequence[tuple[str, ...]],
    *,
    prefix: str = "s",
    synthetic: Sequence[tuple[str, ...]] | None = None,
) -> Matches:
    """Best matches in a part; images that hit nobody have a distant best match."""
    return Matches(
        generated=tuple(image(f"g{n}", *(synthetic[n] if synthetic else ())) for n in range(len(hits))),
        source=tuple(image(f"{prefix}{n}", *who) for n, who in enumerate(people)),
        source_index=np.array([[max(row, 0)] for row in hits], dtype=np.int64),
        similarity=np.array([[0.1 if row < 0 else 0.9 + row / 100] for row in hits]),
        distance=np.array([[9.0 if row < 0 else 0.4] for row in hits]),
    )


def same_interval(found: Measurement, low: float, high: float) -> bool:
    assert found.interval is not None
    return [found.interval.low, found.interval.high] == pytest.approx([low, high])


def test_it_is_what_the_source_is_hit_more_than_the_control() -> None:
    source, control = [0] * 10 + [1] * 10 + [-1] * 80, [0] * 4 + [-1] * 96
    people = [("ann",), ("ben",)]
    found = CHECK.measure_parts([part(source, people)], [part(control, people, prefix="c")])
    expected = excess_risk(np.array(source)[:, None], np.array(control)[:, None])
    assert found.value == pytest.approx((0.2 - 0.04) / (1 - 0.04)) == expected.value
    assert same_interval(found, expected.low, expected.high)
    assert (found.limit, found.unit, found.n, found.rule) == (0.05, "share", 100, "cosine >= 0.8")
    assert {figure.name: figure.value for figure in found.figures} == {
        "r_source": 0.2,
        "r_control": 0.04,
        "n_parts": 1,
    }
    assert not found.confidence_asked
    assert judge(found) == (
        Outcome.LEAK,
        "the excess risk is 16.7%: 20% hit, 4% of the control; the policy allows at most 5%",
    )


def test_the_pairs_are_the_hits_in_the_source_of_all_parts_the_worst_first() -> None:
    parts = [part([0, -1, 1, -1], [(), ()]), part([-1, 2, -1, -1], [(), (), ()], prefix="t")]
    found = CHECK.measure_parts(parts, [part([-1] * 4, [()], prefix="c")])
    assert [(pair.generated.id, pair.source.id) for pair in found.pairs] == [
        ("g1", "t2"),
        ("g2", "s1"),
        ("g0", "s0"),
    ]
    assert found.leaks


def test_people_in_several_parts_are_several_people() -> None:
    """Each part numbers its own images; the first of one part is nobody of another."""
    hits = np.full((200, 4), -1)
    hits[:40] = np.arange(160).reshape(40, 4)
    parts = [
        part([column[n] // 4 if column[n] >= 0 else -1 for n in range(200)], [()] * 40, prefix=f"p{k}-")
        for k, column in enumerate(hits.T)
    ]
    control = [part([-1] * 200, [()], prefix="c")]
    found = CHECK.measure_parts(parts, control)
    expected = excess_risk(hits, np.full((200, 1), -1))
    assert found.value == pytest.approx(expected.value)
    assert same_interval(found, expected.low, expected.high)


def test_one_person_behind_all_hits_leaves_more_open_than_many() -> None:
    control = [part([-1] * 100, [()], prefix="c")]
    hits = [*range(10), *[-1] * 90]
    one = CHECK.measure_parts([part(hits, [("ann",)] * 10)], control)
    many = CHECK.measure_parts([part(hits, [(f"p{n}",) for n in range(10)])], control)
    nobody_named = CHECK.measure_parts([part(hits, [()] * 10)], control)
    assert one.interval is not None
    assert many.interval is not None
    assert one.value == many.value == nobody_named.value
    assert one.interval.high > many.interval.high
    assert nobody_named.interval == many.interval


def test_images_of_one_synthetic_person_go_together() -> None:
    control = [part([-1] * 100, [()], prefix="c")]
    hits = [*range(10), *[-1] * 90]
    people = [(f"p{n}",) for n in range(10)]
    apart = CHECK.measure_parts([part(hits, people)], control)
    synthetic = [(f"id{n // 10}",) for n in range(100)]
    together = CHECK.measure_parts(
        [part(hits, people, synthetic=synthetic)],
        [part([-1] * 100, [()], prefix="c", synthetic=synthetic)],
    )
    assert apart.interval is not None
    assert together.interval is not None
    assert together.interval.high > apart.interval.high


def test_several_parts_are_told() -> None:
    parts = [part([0, *[-1] * 99], [()], prefix=f"p{k}-") for k in range(12)]
    found = CHECK.measure_parts(parts, [part([-1] * 100, [()], prefix="c")])
    assert found.value == pytest.approx(0.12)
    assert judge(found)[1] == (
        "the excess risk is 12%: 1% hit in each of 12 parts of the source as large as the control, 0% of the control; "
        "the policy allows at most 5%"
    )


def test_a_control_that_is_hit_more_gives_less_than_nothing() -> None:
    found = CHECK.measure_parts([part([-1] * 100, [()])], [part([0] * 4 + [-1] * 96, [()], prefix="c")])
    assert found.value == pytest.approx(-0.04 / 0.96)
    assert judge(found) == (
        Outcome.PASS,
        "the excess risk is -4.17%: 0% hit, 4% of the control; the policy allows at most 5%",
    )


@pytest.mark.parametrize(
    ("n_hits", "outcome"), [(0, Outcome.PASS), (30, Outcome.INCONCLUSIVE), (200, Outcome.LEAK)]
)
def test_with_confidence_the_interval_must_keep_the_limit(n_hits: int, outcome: Outcome) -> None:
    check = ExcessRisk(threshold=Threshold(cosine=0.8), at_most=0.05, confidence=0.99)
    hits = [*range(n_hits), *[-1] * (600 - n_hits)]
    found = check.measure_parts([part(hits, [()] * max(1, n_hits))], [part([-1] * 600, [()], prefix="c")])
    assert found.interval is not None
    assert (found.interval.confidence, found.confidence_asked) == (0.99, True)
    assert judge(found)[0] is outcome


def test_at_a_distance_the_distance_decides() -> None:
    check = ExcessRisk(threshold=Threshold(euclidean=0.5), at_most=0.05)
    assert check.metric == "euclidean"
    found = check.measure_parts([part([0, -1], [()])], [part([-1, -1], [()], prefix="c")])
    assert (found.value, found.rule) == (0.5, "Euclidean distance <= 0.5")


# -------------------------------------------------------------------------------------------------- lists


def test_of_two_lists_the_people_of_one_source_are_compared() -> None:
    """A list holds only the source images that it needs, each in its own order."""
    mine = part([0] * 10 + [1] * 10 + [-1] * 80, [("ann",), ("ben",)])
    other = part([0] * 3 + [1] * 2 + [-1] * 195, [("cy",), ("ann",)], prefix="t")
    found = CHECK.measure_lists(mine, other)
    expected = excess_risk_of_lists(
        np.array([0] * 10 + [1] * 10 + [-1] * 80), np.array([2] * 3 + [0] * 2 + [-1] * 195)
    )
    assert found.value == pytest.approx(expected.value) == pytest.approx((0.2 - 0.025) / 0.975)
    assert same_interval(found, expected.low, expected.high)
    assert (found.n, len(found.pairs)) == (100, 20)
    assert judge(found)[1] == (
        "the excess risk is 17.9%: 20% of the list hit, 2.5% of the control; the policy allows at most 5%"
    )


@pytest.mark.parametrize(("n_mine", "n_other"), [(5, 1), (1, 5), (5, 4)])
def test_images_of_one_synthetic_person_go_together_in_lists(n_mine: int, n_other: int) -> None:
    hits, others = [*range(20), *[-1] * 80], [*range(10), *[-1] * 90]
    people = [(f"p{n}",) for n in range(20)]
    mine = part(hits, people, synthetic=[(f"a{n // n_mine}",) for n in range(100)])
    other = part(others, people, synthetic=[(f"b{n // n_other}",) for n in range(100)])
    found = CHECK.measure_lists(mine, other)
    expected = excess_risk_of_lists(
        np.array(hits),
        np.array(others),
        source_groups=np.arange(100) // n_mine,
        control_groups=np.arange(100) // n_other,
    )
    sure = ExcessRisk(threshold=Threshold(cosine=0.8), at_most=0.05, confidence=0.8).measure_lists(
        mine, other
    )
    assert sure.interval is not None
    assert found.interval is not None
    assert (sure.interval.confidence, found.interval.confidence) == (0.8, 0.95)
    assert sure.interval.high < found.interval.high
    alone = excess_risk_of_lists(np.array(hits), np.array(others))
    assert same_interval(found, expected.low, expected.high)
    assert expected.high - expected.low > 1.1 * (alone.high - alone.low)


def test_without_names_one_image_is_one_person_in_both_lists() -> None:
    mine, other = [0] * 20 + [-1] * 80, [1] * 10 + [-1] * 90
    shared = part(other, [(), ()])  # its second image is the first one of the other list
    turned = Matches(
        generated=shared.generated,
        source=(image("x"), part(mine, [()]).source[0]),
        source_index=shared.source_index,
        similarity=shared.similarity,
    )
    found = CHECK.measure_lists(part(mine, [()]), turned)
    expected = excess_risk_of_lists(np.array(mine), np.array([0] * 10 + [-1] * 90))
    assert same_interval(found, expected.low, expected.high)


def test_where_all_hit_the_control_nothing_can_be_said() -> None:
    words = "^all 5 generated images hit the control, so no excess can be seen: raise the threshold$"
    with pytest.raises(ValueError, match=words):
        CHECK.measure_lists(part([0] * 5, [()]), part([0] * 5, [()], prefix="t"))


def test_the_threshold_is_an_fpir_of_1_percent_where_it_is_left_out() -> None:
    assert ExcessRisk(at_most=0.1).threshold == Threshold(fpir=0.01)


@pytest.mark.parametrize(("high", "doubted"), [(None, False), (-0.01, True), (0.0, False), (0.5, False)])
def test_a_control_that_is_surely_hit_more_often_than_the_source_is_doubted(
    high: float | None, doubted: bool
) -> None:
    measured = CHECK.measure_parts([part([0, -1], [()])], [part([-1, -1], [()], prefix="c")])
    span = None if high is None else Interval(low=-0.5, high=high, confidence=0.95)
    sentence = "the control is hit more often than the source, so what leaks cannot stand out from it: is it a control?"
    assert CHECK.doubt(replace(measured, interval=span), 2) == (sentence if doubted else "")
