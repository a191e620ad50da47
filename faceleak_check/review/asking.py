"""The dialogue of a review: one leak after the other, and what the reviewer says of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from faceleak_check.policy.waivers import Waiver
from faceleak_check.policy.wording import one_line
from faceleak_check.reports.layout import WIDTH, paragraphs, safe
from faceleak_check.review.pairs import ReviewedImage, ReviewedPair

__all__ = ["MARKS", "Review"]

MARKS: Mapping[str, str] = {"n": "Not the same person", "a": "Accepted"}
"""What a reviewer may say of a pair; the reason of the waiver begins with it."""

_QUESTION = "n = not the same person, a = accepted, s = skip, b = back, q = finish: "
_LONGEST = 2000

Ask = Callable[[str], str]
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """What to do with a pair: the mark of its waiver, or where to go."""

    word: str
    reason: str = ""


class Review:
    """Asks about leaks and writes down what is answered, after each answer.

    Args:
        pairs: The leaks, in the order in which they are shown.
        owner: Who answers.
        today: The day of the answers.
        expires: The last day of the waivers.
        ask: Prints a question and returns what is typed; raises EOFError or KeyboardInterrupt at the end.
        tell: Prints a line.
        write: Keeps the waivers of all answers so far.
    """

    def __init__(
        self,
        pairs: Sequence[ReviewedPair],
        *,
        owner: str,
        today: dt.date,
        expires: dt.date,
        ask: Ask,
        tell: Tell,
        write: Callable[[Sequence[Waiver]], None],
    ) -> None:
        self.answers: dict[tuple[str, str], Waiver] = {}
        self._pairs = pairs
        self._owner = owner
        self._today = today
        self._expires = expires
        self._ask = ask
        self._tell = tell
        self._write = write
        self._last_reason = ""

    def run(self) -> None:
        """Asks until all is answered or the reviewer has had enough; what was answered stays."""
        n = 0
        try:
            while n < len(self._pairs):
                n = self._after(n)
        except (EOFError, KeyboardInterrupt):
            self._tell("")

    def _after(self, n: int) -> int:
        """Shows a pair and asks about it; returns the row of the next one."""
        pair = self._pairs[n]
        for line in _lines(pair, n, len(self._pairs)):
            self._tell(line)
        known = self.answers.get(pair.digests)
        if known is not None:
            self._tell(f"answered   {safe(known.reason)}")
        answer = self._answered()
        if answer.word == "b":
            return max(0, n - 1)
        if answer.word == "q":
            return len(self._pairs)
        self._keep(pair, answer)
        return n + 1

    def _answered(self) -> _Answer:
        while True:
            word = self._ask(_QUESTION).strip().lower()
            if word in MARKS:
                return _Answer(word=word, reason=self._reason())
            if word in ("s", "b", "q"):
                return _Answer(word=word)
            self._tell("Type one of the letters n, a, s, b and q, then Enter.")

    def _reason(self) -> str:
        offered = f" [{safe(self._last_reason)}]" if self._last_reason else ""
        while True:
            reason = self._ask(f"reason{offered}: ").strip() or self._last_reason
            if one_line(reason) and len(reason) <= _LONGEST:
                self._last_reason = reason
                return reason
            self._tell("A waiver needs a reason: plain text on one line.")

    def _keep(self, pair: ReviewedPair, answer: _Answer) -> None:
        """Writes the waiver down, or takes an earlier one back."""
        before = self.answers.pop(pair.digests, None)
        if answer.word in MARKS:
            self.answers[pair.digests] = Waiver(
                generated=pair.generated.sha256,
                source=pair.source.sha256,
                reason=f"{MARKS[answer.word]}: {answer.reason}",
                owner=self._owner,
                date=self._today,
                expires=self._expires,
            )
        if before is not None or answer.word in MARKS:
            self._write(list(self.answers.values()))


def _lines(pair: ReviewedPair, row: int, n: int) -> Iterator[str]:
    """A pair, over as many lines as it takes."""
    kind = f", {pair.kind}" if pair.kind else ""
    yield ""
    yield f"leak {row + 1:,} of {n:,}: cosine {pair.similarity:.4f}{kind}"
    yield from _field("case", ", ".join(pair.cases))
    yield from _image("generated", pair.generated)
    yield from _image("source", pair.source)
    if pair.people:
        yield from _field("person", ", ".join(pair.people))


def _image(role: str, image: ReviewedImage) -> Iterator[str]:
    """Never broken by us: what is broken by the terminal can still be copied."""
    yield f"{role:<10} {safe(image.id)}"
    if image.path is not None:
        yield f"{'':<10} {safe(str(image.path))}"
    yield f"{'':<10} {image.sha256}"


def _field(name: str, text: str) -> Iterator[str]:
    yield from paragraphs([f"{name:<10} {text}"], indent=11, width=WIDTH)
