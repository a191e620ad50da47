"""Pairs, canaries and hubs as text under a failed case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from faceleak_check.reports.layout import WIDTH, aligned, fitted, padded, paragraphs, safe
from faceleak_check.short_digests import short

__all__ = ["canary_table", "hub_list", "pair_table"]

_PAIRS_SHOWN = 10
_HUBS_SHOWN = 5
_NAME_SHOWN = 12
_HUB_NAME_WIDTH = 40
_OTHERS_SHOWN = 5
_OTHERS_WIDTH = 40
_KIND_WIDTH = 8

Record = Mapping[str, Any]


def pair_table(measured: Record, *, names: bool) -> Iterator[str]:
    """The worst pairs.

    Args:
        measured: The record of a measurement with at least one pair.
        names: Whether to name files; without them images are shown by their digests.
    """
    pairs = measured["worst_pairs"][:_PAIRS_SHOWN]
    title = "leaks" if measured["pairs_are_leaks"] else "most similar pairs"
    yield f"{title}, worst first ({len(pairs):,} of {measured['n_pairs']:,}):"
    figures = _figures(pairs)
    images = [("generated image", "source image"), *(_images(pair, names=names) for pair in pairs)]
    room = WIDTH - 2 - cell_len(figures[0]) - 2 - 1
    widest, other = (max(cell_len(row[side]) for row in images) for side in (0, 1))
    left_width = min(widest, max(room // 2, room - other))
    for figure, (left, right) in zip(figures, images, strict=True):
        left_cell = padded(fitted(left, left_width), left_width)
        yield f"  {figure}{left_cell}  {fitted(right, room - left_width)}".rstrip()


def _figures(pairs: Sequence[Record]) -> list[str]:
    """Cosines, and the kinds of pairs where they are known, under their titles."""
    kinds = any(pair["kind"] for pair in pairs)
    # a column of kinds takes the place of another embedder's, so that names keep theirs
    n_others = _OTHERS_SHOWN - kinds
    others = pairs[0]["seconds"][:n_others]
    width = min(_NAME_SHOWN, (_OTHERS_WIDTH - _KIND_WIDTH * kinds) // max(len(others), 1) - 2)
    titles = ["cosine", *(fitted(safe(one["embedder"]), width) for one in others)]
    rows = [[f"{one['similarity']:.4f}" for one in (pair, *pair["seconds"][:n_others])] for pair in pairs]
    if kinds:
        titles = [*titles, "kind"]
        rows = [[*row, pair["kind"] or "-"] for row, pair in zip(rows, pairs, strict=True)]
    return aligned([titles, *rows])


def _images(pair: Record, *, names: bool) -> tuple[str, str]:
    if names:
        return safe(pair["generated"]), safe(pair["source"])
    return short(pair["generated_sha256"]), short(pair["source_sha256"])


def canary_table(canaries: Sequence[Record]) -> Iterator[str]:
    """How many canaries of each kind were caught; nothing where there were none."""
    if not canaries:
        return
    yield "canaries, altered copies of source images:"
    rows = [[safe(one["kind"]), f"{one['n_caught']:,} of {one['n']:,}", _lowest(one)] for one in canaries]
    rows = [[fitted(kind, WIDTH // 2), *cells] for kind, *cells in rows]
    yield from (f"  {row}".rstrip() for row in aligned([["kind", "caught", "lowest cosine"], *rows]))
    if any(one["missed"] for one in canaries):
        yield "those that were not caught: see 'canaries' in evidence.json"


def _lowest(one: Record) -> str:
    return "-" if one["lowest"] is None else f"{one['lowest']:.4f}"


def hub_list(hubs: Sequence[Record], *, names: bool) -> Iterator[str]:
    """The first hubs with what is known of each; nothing where there are none.

    Args:
        hubs: Their records.
        names: Whether to name files; without them images are shown by their digests.
    """
    if not hubs:
        return
    yield f"source images that are the best match of many ({len(hubs):,}):"
    for hub in hubs[:_HUBS_SHOWN]:
        name = safe(hub["source"]) if names else short(hub["source_sha256"])
        sentence = f"{fitted(name, _HUB_NAME_WIDTH)}: {hub['reason']}"
        yield from (f"  {line}" for line in paragraphs([sentence], width=WIDTH - 2))
    if len(hubs) > _HUBS_SHOWN:
        yield f"  and {len(hubs) - _HUBS_SHOWN:,} more: see 'hubs' in evidence.json"
