"""The thresholds of other false match rates that a figure is drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made_sets import embedded, images, names, people

from faceleak_check.calibrating import Calibrator
from faceleak_check.calibration_sets import CalibrationSets, compared
from faceleak_check.checks.statistics import impostors, thresholds
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.pinned import PinnedThreshold, PinnedThresholds
from faceleak_check.policy.types import Threshold
from faceleak_check.records import EmbedderSpec, ErrorRate, Outcome, Verdict
from faceleak_check.reports.plain import verdict_record

SPEC = EmbedderSpec(
    name="network",
    weights_sha256="a" * 64,
    licence="MIT",
    dimension=64,
    input_size=112,
    colour_order="RGB",
    normalisation="RGB / 255",
)


def labelled(name: str = "training", n_people: int = 40) -> EmbeddedSet:
    return embedded(name, images(name, names(name, n_people, 3)), people(n_people, 3, seed=1))


def sets(source: EmbeddedSet, **others: Any) -> CalibrationSets:
    return CalibrationSets(name="own", spec=SPEC, source=source, **others)


def test_thirteen_rates_fall_from_a_tenth_to_a_decade_below_the_thresholds_own() -> None:
    calibrator, those = Calibrator(), sets(labelled())
    asked = calibrator.resolved(Threshold(fmr=1e-4), those)
    points = calibrator.error_rates(asked.cosine, those)
    rates = [point.fmr for point in points]
    assert len(rates) == 13
    assert rates[0] == 0.1
    assert rates[-1] == pytest.approx(1e-5, rel=0.01)
    assert rates == sorted(rates, reverse=True)
    assert np.diff(np.log(rates)) == pytest.approx(np.log(1e-4) / 12, rel=0.01)
    cosines = [point.cosine for point in points]
    assert cosines == sorted(cosines)
    assert all(point.low <= point.cosine <= point.high for point in points)
    # 40 people are 780 pairs: 3 in 780 is the lowest rate that is read off
    assert [point.extrapolated for point in points] == [rate < 3 / 780 for rate in rates]


def test_a_point_is_the_threshold_of_its_rate() -> None:
    calibrator, those = Calibrator(), sets(labelled())
    cosine = calibrator.resolved(Threshold(fmr=1e-3), those).cosine
    for point in calibrator.error_rates(cosine, those):
        exact = calibrator.resolved(Threshold(fmr=point.fmr), those)
        assert point == ErrorRate(
            fmr=point.fmr,
            cosine=exact.cosine,
            low=exact.low,
            high=exact.high,
            extrapolated=exact.extrapolated,
        )


def test_the_rate_at_the_threshold_is_the_same_with_and_without_points() -> None:
    found = compared(labelled()).pairs
    for cosine in (-1.0, 0.0, 0.2, 0.4, 0.9, 1.0):
        estimate, points = thresholds.rates_around(found, cosine)
        assert estimate == thresholds.rate_at(found, cosine)
        assert 1 <= len(points) <= 13
        assert thresholds.rates_around(found, cosine, n_points=0) == (estimate, ())


def test_no_rate_is_below_what_the_set_bears() -> None:
    found = compared(labelled(n_people=10)).pairs
    _, points = thresholds.rates_around(found, 1.0)
    assert points[-1].rate == thresholds.lowest_rate(found) == 1e-3 / 45
    assert len(points) == 13


def test_no_rate_is_below_the_share_of_equal_images() -> None:
    """No threshold up to 1 keeps a lower one."""
    found = impostors.probes(np.append(np.ones(10), np.linspace(0.1, 0.9, 190)), [()] * 200)
    _, points = thresholds.rates_around(found, 0.95)
    assert points[-1].rate == 0.05
    for point in points:
        assert (found.similarities >= point.cosine).mean() <= point.rate


def test_a_cosine_that_many_reach_has_its_figure_about_it() -> None:
    _, points = thresholds.rates_around(compared(labelled()).pairs, -0.05)
    assert points[0].rate == 0.5
    assert points[-1].rate < 0.1


@pytest.mark.parametrize("cosine", [-1.5, 1.01])
def test_what_is_no_cosine_is_refused(cosine: float) -> None:
    with pytest.raises(ValueError, match=rf"^{cosine:g} is no cosine: it must lie between -1 and 1$"):
        thresholds.rates_around(compared(labelled()).pairs, cosine)


def test_nobody_named_or_too_few_people_give_no_figure() -> None:
    nobody = embedded("training", images("training", [()] * 40), people(40, seed=1))
    assert Calibrator().error_rates(0.4, sets(nobody)) == ()
    assert Calibrator().error_rates(0.4, sets(labelled(n_people=5))) == ()


def test_chance_and_figure_come_from_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []
    around = thresholds.rates_around

    def counted(found: Any, cosine: float) -> Any:
        calls.append(cosine)
        return around(found, cosine)

    monkeypatch.setattr(thresholds, "rates_around", counted)
    calibrator, those = Calibrator(), sets(labelled())
    for _ in range(2):
        assert calibrator.chance(0.4, those, 10) is not None
        assert calibrator.error_rates(0.4, those)
    assert calls == [0.4]


def pin(rate: float, cosine: float, **keys: Any) -> PinnedThreshold:
    given: dict[str, Any] = {
        "kind": "fmr",
        "rate": rate,
        "cosine": cosine,
        "low": cosine - 0.01,
        "high": cosine + 0.01,
        "confidence": 0.95,
        "extrapolated": rate < 0.01,
        "embedder": "own",
        "embedder_sha256": SPEC.sha256,
        "dataset": "training",
        "dataset_sha256": "b" * 64,
        "n_people": 10,
        "n_images": 40,
        "n_comparisons": 700,
    }
    return PinnedThreshold(**(given | keys))


def pinned(*those: PinnedThreshold) -> PinnedThresholds:
    return PinnedThresholds(file="t.yaml", path=Path("/t.yaml"), sha256="c" * 64, thresholds=those)


def test_pinned_thresholds_are_the_figure_where_there_are_several() -> None:
    own = (pin(0.001, 0.5), pin(0.1, 0.3))
    others = (
        pin(0.01, 0.4, dataset="lfw"),
        pin(0.01, 0.4, embedder_sha256="d" * 64),
        pin(0.01, 0.4, kind="fpir", source="training", source_sha256="b" * 64),
    )
    found = Calibrator().error_rates(0.5, sets(labelled(), pinned=pinned(*own, *others)))
    assert [(point.fmr, point.cosine, point.extrapolated) for point in found] == [
        (0.1, 0.3, False),
        (0.001, 0.5, True),
    ]
    assert (found[0].low, found[0].high) == pytest.approx((0.29, 0.31))
    assert Calibrator().error_rates(0.5, sets(labelled(), pinned=pinned(own[0], *others))) == ()
    assert Calibrator().error_rates(0.5, sets(labelled(), pinned=pinned())) == ()
    # any labelled set will do for an FMR, as for the threshold itself
    strangers = Calibrator().error_rates(0.5, sets(labelled("faces"), pinned=pinned(*own)))
    assert [point.fmr for point in strangers] == [0.1, 0.001]


def test_the_evidence_holds_small_rates_to_nine_digits() -> None:
    points = (
        ErrorRate(fmr=0.1, cosine=0.21, low=0.2, high=0.22, extrapolated=False),
        ErrorRate(fmr=1.23456789012e-12, cosine=0.96, low=0.9512345678901, high=0.98, extrapolated=True),
    )
    verdict = Verdict(outcome=Outcome.PASS, policy="p", check="leak_rate", case="c", error_rates=points)
    assert verdict_record(verdict)["error_rates"] == [
        {"fmr": 0.1, "cosine": 0.21, "low": 0.2, "high": 0.22, "extrapolated": False},
        {"fmr": 1.23456789e-12, "cosine": 0.96, "low": 0.951234568, "high": 0.98, "extrapolated": True},
    ]
