from __future__ import annotations

from dataclasses import replace

import pytest

from faceleak_check.checks.judge import judge
from faceleak_check.checks.recall import measured_recall, recall_warnings, widened
from faceleak_check.checks.statistics.rates import wilson_interval
from faceleak_check.errors import InconclusiveError
from faceleak_check.records import Measurement, NeighbourSearch, Outcome

RATE = Measurement(
    value=0.002,
    limit=0.005,
    unit="share",
    n=5000,
    rule="cosine >= 0.8",
    pairs=(),
    interval=wilson_interval(10, 5000),
    confidence_asked=True,
)
SEARCH = NeighbourSearch(
    index="ivf",
    n_templates=20_000,
    n_lists=566,
    n_probed=35,
    n_sampled=512,
    n_found=480,
    recall=0.91,
    confidence=0.95,
)


def test_recall_is_the_lower_end_of_its_interval() -> None:
    assert measured_recall(512, 512, 0.95) == pytest.approx(0.99255, abs=1e-5)
    assert measured_recall(480, 512, 0.95) == wilson_interval(480, 512, 0.95).low
    assert measured_recall(480, 512, 0.99) < measured_recall(480, 512, 0.95) < 480 / 512


def test_recall_of_a_search_that_finds_nothing_cannot_be_measured() -> None:
    with pytest.raises(InconclusiveError) as error:
        measured_recall(0, 37, 0.95)
    assert str(error.value) == (
        "the recall of the approximate search cannot be measured: it found the nearest source image of none of 37 "
        "generated images\n"
        "Write `search: {index: exact}`, or leave `index` out."
    )


def test_a_rate_reaches_as_high_as_if_every_leak_were_found() -> None:
    assert RATE.interval is not None
    wide = widened(RATE, SEARCH)
    assert wide == replace(RATE, interval=replace(RATE.interval, high=RATE.interval.high / 0.91))
    assert judge(RATE)[0] is judge(wide)[0] is Outcome.PASS
    poor = widened(RATE, replace(SEARCH, recall=0.5))
    outcome, reason = judge(poor)
    assert outcome is Outcome.INCONCLUSIVE
    assert reason == (
        "10 of 5,000 generated images leak (0.2%); the policy allows at most 0.5%; 95% confidence: 0.109% to 0.736%, "
        "which straddles the limit: only more images can settle it"
    )
    assert RATE.interval.low == widened(RATE, replace(SEARCH, recall=1e-9)).interval.low  # type: ignore[union-attr]
    assert widened(RATE, replace(SEARCH, recall=1e-9)).interval.high == 1  # type: ignore[union-attr]


def test_an_exact_search_changes_nothing() -> None:
    exact = NeighbourSearch(index="exact", n_templates=2000)
    assert widened(RATE, exact) is RATE
    assert widened(RATE, None) is RATE
    assert recall_warnings(exact) == recall_warnings(None) == ()


def test_what_a_reader_must_know() -> None:
    (warning,) = recall_warnings(SEARCH)
    assert warning == (
        "the search is approximate: it found the nearest source image of 480 of 512 generated images, so up to 1.099 "
        "times as many may leak, which the interval allows for"
    )
