"""What the waivers of a policy did, as a record of the evidence and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceleak_check.policy.waiver_use import WaiverUse
from faceleak_check.policy.waivers import Waiver
from faceleak_check.reports.layout import safe
from faceleak_check.short_digests import short

__all__ = [
    "UnmatchedText",
    "failing_line",
    "fails",
    "headline",
    "notes_on_waivers",
    "unmatched_text",
    "waivers_record",
]

_MOST_NAMED = 10

Record = Mapping[str, Any]


def waivers_record(use: WaiverUse | None) -> dict[str, Any] | None:
    """What became of the waivers as plain JSON data; None where the policy names no file."""
    if use is None:
        return None
    return {
        "file": use.waivers.file,
        "sha256": use.waivers.sha256,
        "on_expired": use.waivers.on_expired,
        "on_unmatched": use.waivers.on_unmatched,
        "matched": [_waiver(one) for one in use.matched],
        "unmatched": [_waiver(one) for one in use.unmatched],
        "expired": [_waiver(one) for one in use.expired],
    }


def _waiver(waiver: Waiver) -> dict[str, str]:
    return {
        "generated": waiver.generated,
        "source": waiver.source,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "date": waiver.date.isoformat(),
        "expires": waiver.expires.isoformat(),
    }


def fails(record: Record | None) -> bool:
    """Whether a policy is inconclusive for its waivers.

    Args:
        record: What `waivers_record` made.
    """
    return record is not None and bool(record["unmatched"]) and record["on_unmatched"] == "fail"


class UnmatchedText:
    """Waivers that match no leak as pytest prints them: the file on the terminal, digests wherever it becomes text."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.reprcrash = _Crash(message=headline(record))

    def toterminal(self, writer: Any) -> None:
        """Prints it with the name of the file."""
        for line in unmatched_text(self._record, names=True).splitlines():
            writer.line(line, yellow=line.startswith("INCONCLUSIVE:"))

    def __str__(self) -> str:
        """The same without the name of any file: this is what JUnit gets."""
        return unmatched_text(self._record, names=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Crash:
    """What pytest prints in its short summary."""

    message: str


def unmatched_text(record: Record, *, names: bool) -> str:
    """What stands under the error of waivers that match no leak.

    Args:
        record: What `waivers_record` made.
        names: Whether to name the file; without it the text may go to JUnit.
    """
    lines = [f"INCONCLUSIVE: {headline(record)}"]
    lines += [f"  {line}" for line in _named(record["unmatched"])]
    lines += ["", *_advice(record)]
    return "\n".join([*lines, *([f"in {safe(record['file'])}"] if names else [])])


def headline(record: Record) -> str:
    """How many waivers match no leak, in one sentence without names."""
    n = len(record["unmatched"])
    what = (
        "1 waiver matches no leak: its pair leaks"
        if n == 1
        else f"{n:,} waivers match no leak: their pairs leak"
    )
    return f"{what} in no case of this policy"


def _named(waivers: Sequence[Record]) -> Iterator[str]:
    """Each by the first digits of its two digests and its owner, as far as there are not too many."""
    for one in waivers[:_MOST_NAMED]:
        yield f"{short(one['generated'])} with {short(one['source'])}, owner {safe(one['owner'])}"
    if len(waivers) > _MOST_NAMED:
        yield f"and {len(waivers) - _MOST_NAMED:,} more, all in the evidence"


def _advice(record: Record) -> Iterator[str]:
    if not record["matched"]:
        yield "No waiver of the file matches a leak: is it the file of another policy?"
    yield "A waiver names two contents: one of the images was changed, is gone, is screened,"
    yield "or is less similar than the policy allows. Take the waiver out of the file, or"
    yield "write `on_unmatched: warn` under `waivers` in the policy."


def failing_line(record: Record | None) -> str:
    """The waivers that make a policy inconclusive, in a line of the summary; empty where there are none."""
    if record is None or not fails(record):
        return ""
    n = len(record["unmatched"])
    return f"waivers: {n:,} {'matches' if n == 1 else 'match'} no leak, shown above"


def notes_on_waivers(record: Record | None) -> Iterator[str]:
    """What is to be known of a policy's waivers besides, a sentence each; the file is named as in the policy.

    Args:
        record: What `waivers_record` made.
    """
    if record is None:
        return
    file = safe(record["file"])
    if record["matched"]:
        days = sorted(one["expires"] for one in record["matched"])
        n = len(days)
        yield f"{file}: {n:,} {'waiver matches' if n == 1 else 'waivers match'} a leak; the first ends on {days[0]}"
    if record["unmatched"] and record["on_unmatched"] == "warn":
        n = len(record["unmatched"])
        said = "1 waiver matches" if n == 1 else f"{n:,} waivers match"
        yield f"{file}: {said} no leak: {'; '.join(_named(record['unmatched']))}"
        if not record["matched"]:
            yield f"{file}: no waiver of it matches a leak: is it the file of another policy?"
    if record["expired"]:
        n = len(record["expired"])
        said = "1 waiver has" if n == 1 else f"{n:,} waivers have"
        yield f"{file}: {said} expired: {'; '.join(_named(record['expired']))}"
