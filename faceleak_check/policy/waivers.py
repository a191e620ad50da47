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
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from faceleak_check.errors import PolicyError, Problem
from faceleak_check.policy.names import Sha256, Text, Version
from faceleak_check.policy.source import read_source
from faceleak_check.policy.types import check_keys
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import found

__all__ = ["Waiver", "WaiverDocument", "Waivers", "read_waivers"]


def _day(value: object) -> dt.date:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else _refuse(value)
    except ValueError:
        return _refuse(value)


def _refuse(value: object) -> dt.date:
    raise ValueError(f"found {found(value)}, expected a day such as 2026-11-22") from None


Day = Annotated[dt.date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


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
    reason: Text
    owner: Text
    date: Day
    expires: Day

    def __post_init__(self) -> None:
        for key in ("reason", "owner"):
            if not getattr(self, key).strip():
                raise ValueError(f"the {key} is empty")
        if self.expires < self.date:
            raise ValueError(f"expires on {self.expires}, before its date {self.date}")


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
        waivers: What it holds.
    """

    file: str = ""
    waivers: tuple[Waiver, ...] = ()

    def pairs(self, today: dt.date) -> frozenset[tuple[str, str]]:
        """Digests of generated and source image of each pair that is accepted today."""
        return frozenset(
            (waiver.generated, waiver.source) for waiver in self.waivers if today <= waiver.expires
        )

    def expired_on(self, today: dt.date) -> tuple[tuple[str, str], ...]:
        """A reason and a detail if there are waivers that are over."""
        gone = [waiver for waiver in self.waivers if today > waiver.expires]
        if not gone:
            return ()
        lines = [
            f"{self.file}: {waiver.generated[:12]} with {waiver.source[:12]}, owner {waiver.owner}: "
            f"expired on {waiver.expires}; renew it or take it out"
            for waiver in gone
        ]
        reason = "1 waiver has expired" if len(gone) == 1 else f"{len(gone):,} waivers have expired"
        return ((reason, "\n".join(lines)),)


def read_waivers(path: Path, shown_as: str) -> Waivers:
    """Reads a file of waivers.

    Args:
        path: The file.
        shown_as: How the policy names it.

    Raises:
        PolicyError: With every problem of the file.
    """
    source = read_source(path, shown_as, {})
    validator = Validator(source, path.parent)
    document = validator.build(WaiverDocument, source.data, ())
    problems: set[Problem] = {*source.problems, *validator.problems}
    if problems or document is None:
        raise PolicyError(problems)
    return Waivers(file=shown_as, waivers=tuple(document.waivers))
