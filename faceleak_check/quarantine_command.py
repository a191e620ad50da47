"""``faceleak quarantine``: the generated files to remove for a policy to pass, and the proof that it then does.

The list goes to standard output or to files; all that is said about it goes to standard error.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from faceleak_check.policy.schema import Policy
    from faceleak_check.protocols import Progress
    from faceleak_check.quarantine.leaks import Leak
    from faceleak_check.quarantine.lists import RemovedFile
    from faceleak_check.quarantine.moving import Quarantine
    from faceleak_check.store.roots import Root

__all__ = ["quarantine"]

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """Where the list goes."""

    write: Path | None
    csv: Path | None
    move_to: Path | None


def quarantine(
    evidence: Annotated[Path, typer.Argument(help="The evidence.json of a run, or its folder.")],
    policy: Annotated[
        str | None,
        typer.Option(help="Its policy file; where it is left out, the one that the evidence names."),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="File to write the names to, in place of standard output.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="File to write a table to: name, digest, path, cases, cosine."),
    ] = None,
    move_to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to move the files to; nothing is deleted.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="Root folder of the template store, or its URL.")] = None,
) -> None:
    """List the generated files to remove for the policy to pass, and prove that it passes without them."""
    from faceleak_check.shared_folder import store_root

    wanted = _Wanted(write=write, csv=csv, move_to=move_to)
    with _telling() as (tell, progress):
        if not _run(evidence, policy, wanted, store_root(store), tell, progress):
            raise typer.Exit(1)


def _run(path: Path, file: str | None, wanted: _Wanted, root: Root, tell: Tell, progress: Progress) -> bool:
    """Whether the policy passes without the files that are listed, and they were moved if that was asked for."""
    from faceleak_check.quarantine.belonging import policy_of
    from faceleak_check.quarantine.leaks import leaks_in_evidence
    from faceleak_check.quarantine.moving import Quarantine
    from faceleak_check.quarantine.words import lines_on_evidence, lines_on_missing_tables
    from faceleak_check.reports.opening import open_evidence

    evidence = open_evidence(path)
    policy, record = policy_of(evidence, file)
    place = None if wanted.move_to is None else Quarantine(wanted.move_to, policy, evidence.sha256)
    if record["outcome"] in ("pass", "waived"):
        tell(f"{record['file']} passed: there is nothing to remove.")
        _write(wanted, [])
        return True
    accepted = policy.waivers.pairs(datetime.now(UTC).date())
    leaks = [
        one for one in leaks_in_evidence(evidence, record) if (one.generated, one.source) not in accepted
    ]
    if not leaks and not record["not_run"]:
        _tell_all(lines_on_evidence(record), tell)
        return False
    _tell_all(lines_on_missing_tables(evidence, record), tell)
    passed, files = _proved(policy, record, leaks, place, root, tell, progress)
    _write(wanted, files)
    return passed and (place is None or _move(place, files, policy, tell))


def _proved(
    policy: Policy,
    record: Mapping[str, Any],
    leaks: Sequence[Leak],
    place: Quarantine | None,
    root: Root,
    tell: Tell,
    progress: Progress,
) -> tuple[bool, list[RemovedFile]]:
    """Whether the policy passes on what is left, and the files that are not."""
    from faceleak_check.pipeline import Gate
    from faceleak_check.quarantine.belonging import listed_sets
    from faceleak_check.quarantine.lists import removed_files
    from faceleak_check.quarantine.proof import prove
    from faceleak_check.quarantine.words import lines_on_proof

    listed = listed_sets(policy, record, {} if place is None else place.moved_before(), root, progress)
    proof = prove(Gate(store=root, progress=progress), policy, leaks, tell)
    files = removed_files(proof.removal, policy, listed)
    _tell_all(lines_on_proof(proof, len(files)), tell)
    return proof.result.passed, files


def _tell_all(lines: Iterable[str], tell: Tell) -> None:
    for line in lines:
        tell(line)


def _write(wanted: _Wanted, files: Sequence[RemovedFile]) -> None:
    from faceleak_check.quarantine.lists import csv_list, plain_list
    from faceleak_check.whole_files import write_whole, writing_where_asked

    if wanted.csv is not None:
        with writing_where_asked(wanted.csv):
            write_whole(wanted.csv, csv_list(files).encode())
    if wanted.write is not None:
        with writing_where_asked(wanted.write):
            write_whole(wanted.write, plain_list(files).encode())
    else:
        typer.echo(plain_list(files), nl=False)


def _move(place: Quarantine, files: Sequence[RemovedFile], policy: Policy, tell: Tell) -> bool:
    """Whether all files lie in their new place."""
    cannot = place.cannot_move(files)
    for name, why in cannot.items():
        tell(f"Files of {name!r} cannot be moved: {why}. The list names them.")
    there = [one for one in files if one.path is not None]
    if there:
        n_moved = place.move(there)
        n_before = len(there) - n_moved
        also = f", and {n_before:,} lay there already" if n_before else ""
        tell(f"Moved {n_moved:,} {'file' if n_moved == 1 else 'files'} to {place.folder}{also}.")
    if not cannot:
        tell(f"Now run: pytest --faceleak-policy {shlex.quote(policy.shown_as)}")
    return not cannot


@contextlib.contextmanager
def _telling() -> Iterator[tuple[Tell, Progress]]:
    """What says a line on standard error, and a progress bar there where it is a terminal."""
    from faceleak_check.reports.layout import safe
    from faceleak_check.reports.progress import ProgressBar
    from faceleak_check.silence import silent

    bar = ProgressBar(sys.stderr) if sys.stderr.isatty() else None

    def tell(line: str) -> None:
        if bar is not None:
            bar.close()
        typer.echo(safe(line), err=True)

    try:
        yield tell, bar or silent
    finally:
        if bar is not None:
            bar.close()
