"""The waivers of a policy, as the review shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faceleak_check.reports.waivers import fails, headline

__all__ = ["WaiverSection", "waiver_section"]

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiverSection:
    """The waivers of a policy.

    Attributes:
        file: The file as the policy names it; empty where it names none.
        sha256: Its digest.
        matched: Those in force, as the file holds them.
        unmatched: Those whose pair leaks no more.
        expired: Those that are over.
        trouble: Why there is no verdict for them; empty where they keep none from being given.
    """

    file: str
    sha256: str
    matched: tuple[Record, ...]
    unmatched: tuple[Record, ...]
    expired: tuple[Record, ...]
    trouble: str

    def packed(self) -> str:
        """Those in force as the text of a script element."""
        return json.dumps(list(self.matched), ensure_ascii=False).replace("<", "\\u003c")


def waiver_section(policy: Record) -> WaiverSection:
    """What a policy's record tells of its waivers."""
    record = policy["waivers"] or {}
    return WaiverSection(
        file=record.get("file", ""),
        sha256=record.get("sha256", ""),
        matched=tuple(record.get("matched", ())),
        unmatched=tuple(record.get("unmatched", ())),
        expired=tuple(record.get("expired", ())),
        trouble=headline(policy["waivers"]) if fails(policy["waivers"]) else "",
    )
