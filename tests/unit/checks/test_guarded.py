"""What the guard says of a check of another package, sentence by sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faceleak_check.checks.guarded import guarded_check, unsound
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.errors import InconclusiveError
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Figure, ImageRef, Interval, Measurement, Outcome, Pair

SOUND = Measurement(value=1, limit=0.5, unit="images", n=2, rule="in words", pairs=())
SPAN = Interval(low=-0.5, high=0.5, confidence=0.95)
FAULT = "It is a fault of the part, and not of policy or data: tell its author."


def image(name: str, content: int) -> ImageRef:
    return ImageRef(id=f"{name}.png", sha256=f"{content:064x}")


TWO = Matches(
    generated=(image("g0", 0), image("g1", 1)),
    source=(image("s0", 10), image("s1", 11), image("s2", 12)),
    source_index=np.array([[0, 1], [2, -1]]),
    similarity=np.array([[0.9, 0.8], [0.7, -2.0]]),
)


class Check:
    """A sound check, but for what a test sets."""

    own_key = "its own"
    needs_whole_set: Any = True
    n_neighbours: Any = 2
    metric: Any = "euclidean"

    def __init__(self, **odd: Any) -> None:
        self.given: list[Matches] = []
        self.rows: Any = np.array([[True, False], [True, True]])
        self.found: Any = SOUND
        self.__dict__.update(odd)

    def leaking(self, matches: Matches) -> Any:
        self.given.append(matches)
        return self.rows

    def measure(self, matches: Matches) -> Any:
        self.given.append(matches)
        return self.found


class Failing:
    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


def refused(ask: Callable[[Any], Any], check: Any) -> tuple[str, str]:
    with pytest.raises(InconclusiveError) as caught:
        ask(guarded_check("theirs", check))
    assert type(caught.value) is InconclusiveError
    return caught.value.message, caught.value.detail


def test_our_own_checks_need_no_guard() -> None:
    own = LeakCount(threshold=Threshold(cosine=0.9), at_most=0)
    assert guarded_check("leak_count", own) is own


def test_a_sound_check_says_what_it_says() -> None:
    check = Check()
    guarded = guarded_check("theirs", check)
    assert guarded is not check
    assert (guarded.needs_whole_set, guarded.n_neighbours, guarded.metric) == (True, 2, "euclidean")
    assert guarded.own_key == "its own"
    assert not hasattr(guarded, "nobodys_key")
    assert guarded.measure(TWO) is SOUND
    assert guarded.leaking(TWO).tolist() == [[True, False], [True, False]]  # the last one has no neighbour
    assert check.given == [TWO, TWO]


@pytest.mark.parametrize(
    ("ask", "doing", "key"),
    [
        (lambda check: check.needs_whole_set, "say whether it needs the whole set", "needs_whole_set"),
        (lambda check: check.n_neighbours, "say how many neighbours it looks at", "n_neighbours"),
        (lambda check: check.metric, "say what is nearest", "metric"),
        (lambda check: check.leaking(TWO), "say which neighbours leak", "leaking"),
        (lambda check: check.measure(TWO), "measure", "measure"),
    ],
)
def test_what_fails_in_the_check_names_it(ask: Callable[[Any], Any], doing: str, key: str) -> None:
    problem, detail = refused(ask, Failing())
    assert problem == f"check 'theirs' failed to {doing} (KeyError)"
    assert detail.startswith("test_guarded.py:")
    assert detail.endswith(f" in __getattr__: KeyError: '{key}'\n{FAULT}")


@pytest.mark.parametrize(
    ("ask", "odd", "what", "found"),
    [
        (
            lambda check: check.n_neighbours,
            {"n_neighbours": 0},
            "asks for no neighbours",
            "n_neighbours 0, expected 1 or more",
        ),
        (
            lambda check: check.metric,
            {"metric": "manhattan"},
            "does not say what is nearest",
            "metric 'manhattan', expected cosine or euclidean",
        ),
        (
            lambda check: check.leaking(TWO),
            {"rows": np.ones((2, 2), dtype=np.int64)},
            "does not say which neighbours leak",
            "int64 of shape (2, 2), expected bool of shape (2, 2)",
        ),
        (
            lambda check: check.leaking(TWO),
            {"rows": np.ones(2, dtype=bool)},
            "does not say which neighbours leak",
            "bool of shape (2,), expected bool of shape (2, 2)",
        ),
        (
            lambda check: check.measure(TWO),
            {"found": 3},
            "gave a figure that cannot be judged",
            "int, expected a Measurement",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(
    ask: Callable[[Any], Any], odd: dict[str, Any], what: str, found: str
) -> None:
    assert refused(ask, Check(**odd)) == (
        f"check 'theirs' {what}",
        f"Found {found}. The check is broken: tell its author.",
    )


def pair(generated: ImageRef, source: ImageRef) -> Pair:
    return Pair(generated=generated, source=source, similarity=0.9)


@pytest.mark.parametrize(
    "sound",
    [
        {},
        {"interval": SPAN},
        {"interval": SPAN, "confidence_asked": True},
        {"interval": SPAN, "at_least": True},
        {"interval": replace(SPAN, low=0.5)},
        {"missed": Outcome.INCONCLUSIVE},
        {"unit": "people", "finding": "words"},
        {"figures": (Figure(name="auc", value=0.5),)},
        {"pairs": (pair(TWO.generated[0], TWO.source[1]), pair(TWO.generated[1], TWO.source[2]))},
    ],
)
def test_what_can_be_judged(sound: dict[str, Any]) -> None:
    assert unsound(replace(SOUND, **sound), TWO) == ""


@pytest.mark.parametrize(
    ("odd", "problem"),
    [
        ({"value": math.nan}, "a value of nan (float), expected a finite int or float"),
        ({"value": True}, "a value of True (bool), expected a finite int or float"),
        ({"value": "0.1"}, "a value of '0.1' (str), expected a finite int or float"),
        ({"limit": math.inf}, "a limit of inf (float), expected a finite int or float"),
        ({"limit": np.int64(3)}, "a limit of np.int64(3) (int64), expected a finite int or float"),
        (
            {"figures": (Figure(name="auc", value=math.nan),)},
            "a figure 'auc' of nan (float), expected a finite int or float",
        ),
        (
            {"figures": (Figure(name="auc", value=0.5), 0.5)},
            "figures of other types, expected Figure",
        ),
        ({"unit": "faces"}, "the unit 'faces', expected one of share, images, people, cosine"),
        ({"missed": Outcome.PASS}, "'pass' for a missed limit, expected leak or inconclusive"),
        ({"n": 1}, "a figure on 1 images, expected all 2 that it was given"),
        ({"rule": None}, "words of another type than str"),
        ({"finding": 3}, "words of another type than str"),
        ({"confidence_asked": True}, "no interval although confidence is asked for"),
        ({"interval": (0, 1)}, "an interval of type tuple, expected Interval"),
        (
            {"interval": SPAN, "confidence_asked": True, "at_least": True},
            "confidence asked for with a lowest limit, expected a highest one",
        ),
        ({"pairs": []}, "pairs that are no records (list), expected a tuple of Pair"),
        ({"pairs": (("g0", "s0"),)}, "pairs that are no records (tuple), expected a tuple of Pair"),
        (
            {"pairs": (pair(TWO.generated[0], TWO.source[0]), pair(TWO.generated[0], TWO.source[2]))},
            "a pair of 'g0.png' and 's2.png', expected pairs that it was given",
        ),
        (
            {"pairs": (pair(image("g9", 9), TWO.source[0]),)},
            "a pair of 'g9.png' and 's0.png', expected pairs that it was given",
        ),
        (
            {"pairs": (pair(TWO.generated[0], image("s9", 9)),)},
            "a pair of 'g0.png' and 's9.png', expected pairs that it was given",
        ),
    ],
)
def test_what_cannot_be_judged(odd: dict[str, Any], problem: str) -> None:
    assert unsound(replace(SOUND, **odd), TWO) == problem


@pytest.mark.parametrize(
    ("low", "high", "confidence"),
    [
        (-math.inf, 0.5, 0.95),
        (0.6, 0.5, 0.95),
        (0.1, math.inf, 0.95),
        (math.nan, 0.5, 0.95),
        (0.1, 0.5, 0.0),
        (0.1, 0.5, 1.0),
    ],
)
def test_an_interval_that_is_none(low: float, high: float, confidence: float) -> None:
    span = Interval(low=low, high=high, confidence=confidence)
    assert unsound(replace(SOUND, interval=span), TWO) == (
        f"an interval of {low!r} to {high!r} at {confidence!r}, expected low <= high"
    )


def test_a_set_of_thousands_is_told_readably() -> None:
    many = Matches(
        generated=tuple(image(f"g{row}", row) for row in range(1200)),
        source=TWO.source,
        source_index=np.zeros((1200, 1), dtype=np.int64),
        similarity=np.zeros((1200, 1)),
    )
    assert unsound(SOUND, many) == "a figure on 2 images, expected all 1,200 that it was given"


def test_another_picture_of_the_same_content_is_in_the_pair() -> None:
    """Copies of a picture are one content: any row of it may hold the neighbour."""
    twice = Matches(
        generated=(image("one", 5), image("same", 5)),
        source=(image("s0", 10), image("s1", 11)),
        source_index=np.array([[0], [1]]),
        similarity=np.array([[0.9], [0.8]]),
    )
    for source in twice.source:
        assert unsound(replace(SOUND, pairs=(pair(twice.generated[0], source),)), twice) == ""
