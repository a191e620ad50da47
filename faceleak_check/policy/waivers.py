"""Waivers: pairs that a person has looked at and takes responsibility for.

::

    version: 1
    waivers:
      - generated: 6f1e…   # content digests of the two images, from the evidence
        source: 9c0a…
        reason: Not the same person; compared by eye with both originals
        owner: A. Reviewer
        date: 2026-11-22
        expires: 2027-05-22
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from faceleak_check.errors import PolicyError, Problem
from faceleak_check.policy.names import Sha256, Text, Version
from faceleak_check.policy.source import read_source
from faceleak_check.policy.types import check_keys
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import found
from faceleak_check.short_digests import short

__all__ = ["Follows", "Waiver", "WaiverDocument", "Waivers", "read_waivers"]

Follows = Literal["fail", "warn"]
"""What follows where a waiver no longer fits."""

_MAX_BYTES = 16 << 20
"""Ten thousand waivers take four million bytes, more than any policy."""


def _day(value: object) -> dt.date:
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else _refuse(value)
    except ValueError:
        return _refuse(value)


def _refuse(value: object) -> dt.date:
    raise ValueError(f"found {found(value)}, expected a day such as 2026-11-22") from None


Day = Annotated[dt.date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Said = Annotated[Text, WithJsonSchema({"type": "string", "pattern": r"\S"})]


@check_keys
class Waiver:
    """One pair that is accepted for a time.

    Attributes:
        generated: SHA-256 of the generated image.
        source: SHA-256 of the source image.
        reason: Why it is accepted.
        owner: Who answers for it.
        date: When it was decided.
        expires: Its last day.
    """

    generated: Sha256
    source: Sha256
    reason: Said
    owner: Said
    date: Day
    expires: Day

    def __post_init__(self) -> None:
        for key in ("reason", "owner"):
            if not getattr(self, key).strip():
                raise ValueError(f"the {key} is empty")
        if self.expires < self.date:
            raise ValueError(f"expires on {self.expires}, before its date {self.date}")

    @property
    def pair(self) -> tuple[str, str]:
        """Digests of generated and source image."""
        return self.generated, self.source

    @property
    def described(self) -> str:
        """Which one it is, without the name of any image."""
        return f"{short(self.generated)} with {short(self.source)}, owner {self.owner}"


@check_keys
class WaiverDocument:
    """A file of waivers.

    Attributes:
        version: Version of the format, 1.
        waivers: The accepted pairs.
    """

    version: Version
    waivers: list[Waiver]


@dataclass(frozen=True, kw_only=True, slots=True)
class Waivers:
    """All waivers of a policy.

    Attributes:
        file: The file as the policy names it; empty where it names none.
        sha256: Digest of its bytes.
        on_expired: What follows where a waiver is over: ``fail`` makes the cases inconclusive.
        on_unmatched: What follows where a waiver's pair leaks in no case: ``fail`` makes the policy inconclusive.
        waivers: What it holds, in file order.
    """

    file: str = ""
    sha256: str = ""
    on_expired: Follows = "fail"
    on_unmatched: Follows = "fail"
    waivers: tuple[Waiver, ...] = ()

    def pairs(self, today: dt.date) -> frozenset[tuple[str, str]]:
        """Digests of generated and source image of each pair that is accepted today."""
        return frozenset(waiver.pair for waiver in self.waivers if today <= waiver.expires)

    def over(self, today: dt.date) -> tuple[Waiver, ...]:
        """The waivers whose last day has passed; they take nothing out."""
        return tuple(waiver for waiver in self.waivers if today > waiver.expires)

    def expired_on(self, today: dt.date) -> tuple[tuple[str, str], ...]:
        """A reason and a detail if there are waivers that are over and that is to fail."""
        gone = self.over(today) if self.on_expired == "fail" else ()
        if not gone:
            return ()
        lines = [
            f"{self.file}: {waiver.described}: expired on {waiver.expires}; renew it or take it out"
            for waiver in gone
        ]
        return ((_expired(len(gone)), "\n".join(lines)),)

    def expiry_warnings(self, today: dt.date) -> Iterator[str]:
        """A sentence without names if there are waivers that are over and that is to be told alone."""
        n_gone = len(self.over(today)) if self.on_expired == "warn" else 0
        if n_gone:
            pair, them = ("its pair counts", "it") if n_gone == 1 else ("their pairs count", "them")
            yield f"{_expired(n_gone)}, and {pair} again: renew {them}, or take {them} out"


def _expired(n: int) -> str:
    return "1 waiver has expired" if n == 1 else f"{n:,} waivers have expired"


def read_waivers(
    path: Path, shown_as: str, *, on_expired: Follows = "fail", on_unmatched: Follows = "fail"
) -> Waivers:
    """Reads a file of waivers.

    Args:
        path: The file.
        shown_as: How the policy names it.
        on_expired: See `Waivers`.
        on_unmatched: See `Waivers`.

    Raises:
        PolicyError: With every problem of the file.
    """
    expected = "the keys version and waivers"
    source = read_source(path, shown_as, {}, max_bytes=_MAX_BYTES, expected=expected)
    validator = Validator(source, path.parent)
    document = validator.build(WaiverDocument, source.data, ())
    if document is not None:
        _report_doubles(document, validator)
    problems: set[Problem] = {*source.problems, *validator.problems}
    if problems or document is None:
        raise PolicyError(problems)
    return Waivers(
        file=shown_as,
        sha256=source.text.sha256,
        on_expired=on_expired,
        on_unmatched=on_unmatched,
        waivers=tuple(document.waivers),
    )


def _report_doubles(document: WaiverDocument, validator: Validator) -> None:
    first: dict[tuple[str, str], int] = {}
    for n, waiver in enumerate(document.waivers):
        known = first.setdefault(waiver.pair, n)
        if known != n:
            line, _ = validator.source.place(("waivers", known))
            message = f"this pair is waived on line {line} already; keep one of the two"
            validator.report(("waivers", n), message, at_key=True)
