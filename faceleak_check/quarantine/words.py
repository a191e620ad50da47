"""What a removal does, and why none helps, in lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.presence import is_missing
from faceleak_check.quarantine.proof import Proof
from faceleak_check.reports.opening import Evidence
from faceleak_check.reports.waivers import fails, headline, waivers_record

__all__ = ["lines_on_evidence", "lines_on_missing_tables", "lines_on_proof"]

Record = Mapping[str, Any]


def lines_on_missing_tables(evidence: Evidence, policy: Record) -> Iterator[str]:
    """A note for each case of which only the worst pairs are known.

    Args:
        evidence: The evidence.
        policy: The record of a policy in it.
    """
    for case in policy["cases"]:
        measured, table = case["measurement"], case["pairs_file"]
        if table is not None and not is_missing(evidence.folder / table["file"]):
            continue
        if measured is not None and measured["n_pairs"] > len(measured["worst_pairs"]):
            yield (
                f"note: the table of pairs of {case['case']} is not there, so the first round knows the worst "
                f"{len(measured['worst_pairs']):,} of {measured['n_pairs']:,} alone"
            )


def lines_on_evidence(policy: Record) -> Iterator[str]:
    """Why a policy does not pass in which nothing leaks.

    Args:
        policy: Its record.
    """
    yield "No leak keeps this policy from passing, so no removal can make it pass:"
    for case in policy["cases"]:
        if case["outcome"] not in ("pass", "waived"):
            yield from _case(case["case"], case["outcome"], case["reasons"], case["sets"])
    if fails(policy["waivers"]):
        yield f"  waivers: {headline(policy['waivers'])}"
    yield from (f"  {problem}" for problem in policy["problems"])


def lines_on_proof(proof: Proof, n_files: int) -> Iterator[str]:
    """What came out.

    Args:
        proof: The last round.
        n_files: Number of images in the list.
    """
    result, images = proof.result, "1 image" if n_files == 1 else f"{n_files:,} images"
    if result.passed:
        yield (
            f"Without {'this' if n_files == 1 else 'these'} {images} the policy passes."
            if n_files
            else ("The policy passes as it is: there is nothing to remove.")
        )
        return
    yield "No removal of generated files makes this policy pass:"
    for verdict in result.verdicts:
        if not verdict.passed:
            yield from _case(verdict.case, verdict.outcome, verdict.reasons, verdict.sets)
    if result.waivers is not None and result.waivers.fails:
        yield f"  waivers: {headline(waivers_record(result.waivers) or {})}"
    for name, dataset in result.policy.datasets.items():
        if dataset.without and dataset.expect is not None:
            yield f"  `expect:` of {name!r} counts files that are to be removed: change it with them."
    if n_files:
        yield f"The list names what leaks all the same: {images}."


def _case(name: str, outcome: str, reasons: Any, sets: Mapping[str, Any]) -> Iterator[str]:
    first, *others = reasons
    yield f"  {name}: {outcome.upper()}: {first}"
    yield from (f"    also: {other}" for other in others)
    if "matches" in sets:
        yield "    It compares a list of matches, which has no files: take rows out of the list."
    elif sets and "generated" not in sets:
        yield "    It looks at no generated set."
