"""What the waivers of a policy did in a run: which were needed, which match no leak, which are over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from faceleak_check.policy.waivers import Waiver, Waivers
from faceleak_check.records import Verdict

__all__ = ["WaiverUse", "matched_by", "waiver_use"]

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiverUse:
    """What became of each waiver of a policy.

    Attributes:
        waivers: The policy's waivers.
        matched: Those whose pair leaks.
        unmatched: Those that hold today and whose pair leaks in no case; empty where not every case was measured.
        expired: Those whose last day has passed.
    """

    waivers: Waivers
    matched: tuple[Waiver, ...] = ()
    unmatched: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether the policy is inconclusive for a waiver that matches no leak; an expired one makes its cases so."""
        return bool(self.unmatched) and self.waivers.on_unmatched == "fail"


def matched_by(waivers: Waivers, verdict: Verdict) -> frozenset[Pair]:
    """The waivers, each as the digests of its pair, whose pair leaks in a case.

    Also where the case passes without them, as within an allowance: the reviewer was right about the leak.

    Args:
        waivers: The policy's waivers.
        verdict: The verdict on a case.
    """
    named = {waiver.pair for waiver in waivers.waivers}
    if not named:
        return frozenset()
    measured = verdict.measurement
    pairs = list(verdict.waived)
    if measured is not None:
        pairs += [pair for pair in measured.pairs if measured.leaks or pair.similarity > measured.limit]
    return frozenset(named & {(pair.generated.sha256, pair.source.sha256) for pair in pairs})


def waiver_use(waivers: Waivers, today: dt.date, matched: Collection[Pair] | None) -> WaiverUse | None:
    """What became of the waivers; None where the policy names no file.

    Args:
        waivers: The policy's waivers.
        today: A waiver's last day still counts.
        matched: What `matched_by` says of all cases together; None where not every case was measured.
    """
    if not waivers.file:
        return None
    expired = waivers.over(today)
    hold = [waiver for waiver in waivers.waivers if today <= waiver.expires]
    return WaiverUse(
        waivers=waivers,
        matched=tuple(waiver for waiver in hold if waiver.pair in (matched or ())),
        unmatched=() if matched is None else tuple(one for one in hold if one.pair not in matched),
        expired=expired,
    )
