"""``faceleak review``: looks at the leaks of a run in the terminal and writes waivers."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceleak_check.errors import UsageError
from faceleak_check.presence import is_file, is_missing

if TYPE_CHECKING:
    from faceleak_check.review.pairs import ReviewedPair
    from faceleak_check.review.waivers_file import WaiversFile

__all__ = ["review"]

_HALF_A_YEAR = dt.timedelta(days=182)

Record = Mapping[str, Any]


def review(
    evidence: Annotated[Path, typer.Argument(help="The evidence.json of a run, or its folder.")],
    policy: Annotated[
        str | None, typer.Option(help="Which policy, where the evidence holds several: its file or its name.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="File of waivers to write or to add to; by default the policy's own, beside it."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Your name, which each waiver bears; asked for where it is left out.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Last day of the waivers; by default half a year from now."),
    ] = None,
) -> None:
    """Look at the leaks of a run one by one, in the terminal, and write waivers for those that are none."""
    from faceleak_check.reports.choosing import chosen_policy
    from faceleak_check.reports.opening import open_evidence
    from faceleak_check.review.pairs import pairs_to_review
    from faceleak_check.review.waivers_file import WaiversFile

    today = dt.datetime.now(dt.UTC).date()
    last_day = today + _HALF_A_YEAR if expires is None else _day(expires, today)
    opened = open_evidence(evidence)
    record = chosen_policy(opened, policy)
    file = WaiversFile(write or _default_file(record))
    pairs = pairs_to_review(opened, record)
    left = [pair for pair in pairs if not _holds(file, pair, today)]
    _introduce(record, file, pairs, left)
    _require_name(owner)
    if left:
        _require_terminal()
        _ask_about(left, file, owner, today, last_day)
        _conclude(record, file)


def _require_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "faceleak review asks questions, and there is no terminal to ask them in. Run it in one, or mark the "
            "pairs in the page report.html, or write the file of waivers by hand: docs/review.md shows its form"
        )


def _day(text: str, today: dt.date) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--expires {text!r} is no day; write it such as {today + _HALF_A_YEAR}") from None
    if day < today:
        raise UsageError(f"--expires {day} is over already; today is {today}")
    return day


def _default_file(record: Record) -> Path:
    """The file that the policy names, or one beside the policy where it is found here, or one here.

    Raises:
        UsageError: The evidence names a new file somewhere else, and who made the evidence is not known.
    """
    from faceleak_check.reports.layout import safe

    policy = Path(record["file"].removeprefix("builtin:"))
    folder = policy.parent if is_file(policy) else Path()
    file = folder / (record["waivers"]["file"] if record["waivers"] else f"{policy.stem}.waivers.yaml")
    place = file.resolve()
    if is_missing(file) and not any(place.is_relative_to(one.resolve()) for one in (folder, Path())):
        raise UsageError(
            f"the evidence names {safe(str(file))} as its file of waivers, which is not there and would lie outside of "
            "this folder and of the policy's: say with --write FILE where the waivers are to go"
        )
    return file


def _holds(file: WaiversFile, pair: ReviewedPair, today: dt.date) -> bool:
    waiver = file.waivers.get(pair.digests)
    return waiver is not None and today <= waiver.expires


def _introduce(
    record: Record, file: WaiversFile, pairs: list[ReviewedPair], left: list[ReviewedPair]
) -> None:
    _say(f"{record['file']}: {_many(len(pairs), 'leak')} to look at")
    n_waived = len(pairs) - len(left)
    if n_waived:
        _say(f"waived in {file.path} already, and not asked about again: {n_waived:,}")
    over = [pair for pair in left if pair.digests in file.waivers]
    if over:
        _say(f"with a waiver there that has expired, which an answer renews: {len(over):,}")
    if left and file.loses_comments(pair.digests for pair in over):
        _say(f"note: {file.path} may have to be written anew, and then its comments are lost")
    if not pairs:
        _say("No leak keeps this policy from passing.")


def _ask_about(
    left: list[ReviewedPair], file: WaiversFile, owner: str | None, today: dt.date, last_day: dt.date
) -> None:
    from faceleak_check.review.asking import Review

    name = _owner(owner)
    if name is None:
        return
    _say(f"Each answer is written to {file.path}, as {name}, until {last_day}.")
    Review(
        left, owner=name, today=today, expires=last_day, ask=_typed, tell=typer.echo, write=file.write
    ).run()


def _require_name(owner: str | None) -> None:
    from faceleak_check.policy.wording import one_line

    if owner is not None and not one_line(owner):
        raise UsageError("--owner is no name: one line of plain text is needed")


def _owner(owner: str | None) -> str | None:
    """The reviewer's name; None where the reviewer left instead of giving one."""
    from faceleak_check.policy.wording import one_line

    try:
        while owner is None or not one_line(owner):
            owner = _typed("your name, which each waiver bears: ").strip()
    except (EOFError, KeyboardInterrupt):
        _say("")
        return None
    return owner


def _typed(question: str) -> str:
    while True:
        try:
            return input(question)
        except UnicodeDecodeError:
            _say("That was no text in the terminal's encoding; type it again.")


def _conclude(record: Record, file: WaiversFile) -> None:
    if not file.n_written:
        _say("No waiver was written.")
        return
    _say(f"{file.path} has {_many(file.n_written, 'waiver')}.")
    if not record["waivers"]:
        _say(f"Name it in the policy, relative to it: waivers: {file.path.name}")
    _say("Then run the policy again: a pair counts as waived in the run that reads the file.")


def _say(line: str) -> None:
    from faceleak_check.reports.layout import safe

    typer.echo(safe(line))


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
