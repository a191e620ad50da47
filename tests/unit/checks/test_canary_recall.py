from __future__ import annotations

import pytest

from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.checks.judge import brief, judge
from faceleak_check.policy.types import Threshold
from faceleak_check.records import CanaryKind, Outcome

CHECK = CanaryRecall(at_least=0.99, threshold=Threshold(cosine=0.8))


def ids(kind: str, n: int) -> list[str]:
    return [f"{kind}/{row}.png" for row in range(n)]


def test_all_caught_is_a_gate_that_is_awake() -> None:
    canaries = {"mirrored": ids("mirrored", 3), "blurred": ids("blurred", 3)}
    found, kinds = CHECK.measure_canaries(
        canaries, {*canaries["mirrored"], *canaries["blurred"]}, {"mirrored": 0.95, "blurred": 0.9}
    )
    assert (found.value, found.limit, found.unit, found.n, found.rule) == (
        1.0,
        0.99,
        "share",
        6,
        "cosine >= 0.8",
    )
    assert kinds == (
        CanaryKind(kind="mirrored", n=3, n_caught=3, lowest=0.95),
        CanaryKind(kind="blurred", n=3, n_caught=3, lowest=0.9),
    )
    assert judge(found) == (
        Outcome.PASS,
        "6 of 6 canaries (100%) were caught; the policy asks for at least 99%",
    )
    assert (found.pairs, found.interval) == ((), None)


def test_a_canary_that_was_missed_is_no_leak_but_leaves_everything_open() -> None:
    canaries = {
        "mirrored": ids("mirrored", 100),
        "blurred": ids("blurred", 100),
        "cropped": ["cropped/0.png"],
    }
    caught = {*canaries["mirrored"], *canaries["blurred"][2:]}
    found, kinds = CHECK.measure_canaries(canaries, caught, {"mirrored": 0.95, "blurred": 0.5})
    assert judge(found) == (
        Outcome.INCONCLUSIVE,
        "198 of 201 canaries (98.5%) were caught, missed: 2 blurred, 1 cropped; the policy asks for at least 99%",
    )
    assert [(kind.n_caught, kind.missed) for kind in kinds] == [
        (100, ()),
        (98, ("blurred/0.png", "blurred/1.png")),
        (0, ("cropped/0.png",)),
    ]
    assert kinds[2].lowest is None
    assert brief(found) == "98.5% < 99%"


@pytest.mark.parametrize(("n_caught", "outcome"), [(99, Outcome.PASS), (98, Outcome.INCONCLUSIVE)])
def test_a_limit_that_is_met_exactly_is_kept(n_caught: int, outcome: Outcome) -> None:
    canaries = {"mirrored": ids("mirrored", 100)}
    found, _ = CHECK.measure_canaries(canaries, set(canaries["mirrored"][:n_caught]), {})
    assert judge(found)[0] is outcome
    assert judge(found)[1].endswith("missed: 1 mirrored; the policy asks for at least 99%") is (
        n_caught == 99
    )


def test_what_was_caught_and_is_no_canary_does_not_count() -> None:
    found, _ = CHECK.measure_canaries({"mirrored": ids("mirrored", 2)}, {"mirrored/0.png", "other"}, {})
    assert found.value == 0.5


def test_thirty_images_are_altered_where_the_policy_does_not_say() -> None:
    assert (CHECK.n, CanaryRecall(at_least=0.9).threshold) == (30, None)
