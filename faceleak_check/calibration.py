"""``faceleak calibrate``: the thresholds of a policy's error rates, as a table and as a file to pin."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.errors import InconclusiveError
from faceleak_check.policy.pinned import PinnedThreshold
from faceleak_check.policy.schema import Case, NamedEmbedder, Policy
from faceleak_check.policy.types import Threshold
from faceleak_check.preparing import Preparation
from faceleak_check.protocols import Progress
from faceleak_check.records import Calibration, SetSummary, Suspect
from faceleak_check.reports.layout import WIDTH
from faceleak_check.reports.leaves import printable
from faceleak_check.reports.terminal import safe
from faceleak_check.store.roots import Root

__all__ = ["CalibrationTable", "calibrate", "pinned_thresholds", "table_lines"]

FMR_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
FPIR_RATES = (1e-1, 1e-2, 1e-3)
_NOBODY = (
    "Write `labels:` under the source, or name a labelled set with `calibration:` or a set of other people with "
    "`control:` in a check that has a threshold."
)
_SUSPECTS_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Row:
    """One rate of a table.

    Attributes:
        rate: The error rate.
        found: Its threshold; None where it is out of reach.
        problem: Why it is.
    """

    rate: float
    found: Calibration | None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class CalibrationTable:
    """The thresholds of one embedder on one set.

    Attributes:
        kind: ``fmr`` or ``fpir``.
        embedder: The embedder's name in the policy.
        embedder_sha256: Digest of its spec.
        on: The set that the thresholds were found on.
        source: For ``fpir``, the gallery; else None.
        rows: The rates, falling.
    """

    kind: Literal["fmr", "fpir"]
    embedder: str
    embedder_sha256: str
    on: SetSummary
    source: SetSummary | None
    rows: tuple[Row, ...]


def calibrate(policy: Policy, store: Root, progress: Progress) -> tuple[CalibrationTable, ...]:
    """All thresholds that a policy's sets can give: FMR for each labelled set, FPIR for each source.

    Args:
        policy: The policy.
        store: Root folder of the template store.
        progress: Told how far long work is.

    Raises:
        InconclusiveError: A dataset or a model cannot be had, or no set can give any threshold.
    """
    preparation = Preparation(store, progress, [], policy.execution)
    tables: dict[tuple[str, ...], CalibrationTable] = {}
    for case in policy.cases:
        for named, threshold in _asked(case):
            sets = preparation.calibration_sets(policy, case, named)
            for kind in ("fmr", "fpir"):
                if table := _table(kind, preparation, sets, threshold, tables):
                    tables[_key(table)] = table
    if not any(row.found for table in tables.values() for row in table.rows):
        problems = dict.fromkeys(row.problem for table in tables.values() for row in table.rows)
        raise InconclusiveError(
            "no set of this policy can give a threshold", detail="\n".join(problems or [_NOBODY])
        )
    return tuple(tables.values())


def _asked(case: Case) -> Iterator[tuple[NamedEmbedder, Threshold | None]]:
    """The embedders of a case whose thresholds may be error rates."""
    if case.embedder is None or case.source is None or case.check_name == "near_copy":
        return
    threshold = getattr(case.check, "threshold", None)
    yield case.embedder, threshold if isinstance(threshold, Threshold) else None
    for other in case.agreement:
        yield other.embedder, other.threshold


def _key(table: CalibrationTable) -> tuple[str, ...]:
    return table.kind, table.embedder, table.on.name, table.source.name if table.source else ""


def _table(
    kind: Literal["fmr", "fpir"],
    preparation: Preparation,
    sets: CalibrationSets,
    threshold: Threshold | None,
    known: dict[tuple[str, ...], CalibrationTable],
) -> CalibrationTable | None:
    on = (
        sets.labelled
        if kind == "fmr"
        else sets.control or (sets.source if sets.source.summary.n_people else None)
    )
    if on is None:
        return None
    usual = FMR_RATES if kind == "fmr" else FPIR_RATES
    asked = getattr(threshold, kind, None)
    source = sets.source.summary if kind == "fpir" else None
    before = known.get((kind, sets.name, on.summary.name, source.name if source else ""))
    rates = {*usual, *([asked] if asked else []), *(row.rate for row in (before.rows if before else ()))}
    if before is not None and len(rates) == len(before.rows):
        return None
    rows = tuple(_row(kind, rate, preparation, sets) for rate in sorted(rates, reverse=True))
    return CalibrationTable(
        kind=kind,
        embedder=sets.name,
        embedder_sha256=sets.spec.sha256,
        on=on.summary,
        source=source,
        rows=rows,
    )


def _row(kind: str, rate: float, preparation: Preparation, sets: CalibrationSets) -> Row:
    try:
        [found] = preparation.calibrator.table(kind, [rate], sets)
    except InconclusiveError as error:
        return Row(rate=rate, found=None, problem=error.message)
    return Row(rate=rate, found=found)


def pinned_thresholds(tables: Sequence[CalibrationTable]) -> list[PinnedThreshold]:
    """What a policy can pin: all thresholds that were found."""
    return [
        PinnedThreshold(
            kind=table.kind,
            rate=row.rate,
            cosine=row.found.cosine,
            low=row.found.low,
            high=row.found.high,
            confidence=row.found.confidence,
            extrapolated=row.found.extrapolated,
            embedder=table.embedder,
            embedder_sha256=table.embedder_sha256,
            dataset=table.on.name,
            dataset_sha256=table.on.sha256,
            source=table.source.name if table.source else "",
            source_sha256=table.source.sha256 if table.source else None,
            n_people=row.found.n_people,
            n_images=row.found.n_images,
            n_comparisons=row.found.n_comparisons,
        )
        for table in tables
        for row in table.rows
        if row.found is not None
    ]


def table_lines(table: CalibrationTable) -> Iterator[str]:
    """A table as text of 80 columns."""
    first = next((row.found for row in table.rows if row.found is not None), None)
    yield f"{table.embedder}: {table.kind.upper()}, {first.origin if first else f'on {table.on.name!r}'}"
    if first is not None:
        yield (
            f"  {first.n_people:,} people, {first.n_images:,} images, {first.n_comparisons:,} comparisons; "
            f"intervals of {100 * first.confidence:.6g}%"
        )
    for row in table.rows:
        first_line, *others = textwrap.wrap(_threshold(row), WIDTH - 11, break_long_words=False)
        yield f"  {row.rate:<8.6g} {first_line}"
        yield from (f"{'':11}{line}" for line in others)
    yield from _suspect_lines(first.suspects if first else ())


def _threshold(row: Row) -> str:
    if row.found is None:
        return row.problem.partition(": ")[2]
    told = ", extrapolated" if row.found.extrapolated else ""
    return f"cosine {row.found.cosine:.6f}, {row.found.low:.4f} to {row.found.high:.4f}{told}"


def _suspect_lines(suspects: Sequence[Suspect]) -> Iterator[str]:
    if not suspects:
        return
    pairs = "1 pair" if len(suspects) == 1 else f"{len(suspects):,} pairs"
    yield f"  left out, as they seem to show one person under two names: {pairs} of people"
    for pair in suspects[:_SUSPECTS_SHOWN]:
        names = (safe(printable(image.id)) for image in (pair.one, pair.other))
        yield f"    {pair.similarity:.4f}  {'  '.join(names)}"
    if len(suspects) > _SUSPECTS_SHOWN:
        yield f"    and {len(suspects) - _SUSPECTS_SHOWN:,} more"
