"""The pairs of a case as the page's tables hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from faceleak_check.reports.page.chance import ChanceOfPairs, chance_sentence
from faceleak_check.reports.page.pictures import Pictures
from faceleak_check.reports.page.words import on_one_line
from faceleak_check.reports.thumbnails import N_PAIRS

__all__ = ["N_FIRST", "N_HELD", "N_PRINTED", "WAIVED", "PairRow", "PairTable", "merged", "pair_table"]

N_FIRST = 20
"""Rows that are there without JavaScript."""
N_HELD = 20_000
"""Pairs of a case that the page holds at most, waived ones besides: more would not open in a browser."""
N_PRINTED = 200
"""Pairs of a table that are printed at most."""
WAIVED = "Waived"
"""The status of a pair that a waiver takes out."""
_KINDS: Mapping[str | None, str] = {
    "copy": "Copy of the picture",
    "person": "Same person",
    None: "Not told",
}
_COSINE_DIGITS = 4

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairRow:
    """One pair.

    Attributes:
        generated: Name of the generated image.
        generated_sha256: Its digest.
        source: Name of the source image.
        source_sha256: Its digest.
        people: The people in the source image.
        cosine: Cosine of the two templates.
        seconds: What other embedders say, such as ``second: 0.7654``.
        chance: What chance alone gives, in words.
        n_chance: The same as a number; None where nothing tells.
        kind: Copy or same person, in words.
        status: Whether it counts, in words.
        generated_picture: Its place among the page's pictures; None where there is none.
        source_picture: The same of the source image.
    """

    generated: str
    generated_sha256: str
    source: str
    source_sha256: str
    people: tuple[str, ...]
    cosine: float
    seconds: tuple[str, ...]
    chance: str
    n_chance: float | None
    kind: str
    status: str
    generated_picture: int | None
    source_picture: int | None

    @property
    def is_waived(self) -> bool:
        """Whether a waiver takes it out."""
        return self.status == WAIVED

    @property
    def cosine_shown(self) -> str:
        """The cosine to four decimals."""
        return f"{self.cosine:.{_COSINE_DIGITS}f}"

    def packed(self) -> list[Any]:
        """The row for the page's data; ``pairs.js`` names the places."""
        return [
            self.generated,
            self.generated_sha256,
            self.source,
            self.source_sha256,
            list(self.people),
            self.cosine,
            list(self.seconds),
            self.chance,
            self.n_chance,
            self.kind,
            self.status,
            self.generated_picture,
            self.source_picture,
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairTable:
    """A table of pairs.

    Attributes:
        cases: Names of the cases whose pairs these are.
        is_of_leaks: Whether the pairs count against the release, or are only the most similar ones.
        rows: Those that the page holds, worst first, then the waived ones.
        n_pairs: How many there are, waived ones counted.
        file: The table that holds all of them, beside the evidence; empty where there is none.
        chance: What chance alone gives, as a sentence.
        chance_is_per_pair: Whether each pair's own cosine decides what chance gives.
        has_chance: Whether chance can be told at all.
    """

    cases: tuple[str, ...]
    is_of_leaks: bool
    rows: tuple[PairRow, ...]
    n_pairs: int
    file: str
    chance: str
    chance_is_per_pair: bool
    has_chance: bool

    @property
    def n_waived(self) -> int:
        """Rows that a waiver takes out."""
        return sum(row.is_waived for row in self.rows)

    @property
    def n_pictured(self) -> int:
        """Rows with a picture on at least one side."""
        return sum(row.generated_picture is not None or row.source_picture is not None for row in self.rows)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its pairs, in words."""
        return tuple(dict.fromkeys(row.kind for row in self.rows))

    @property
    def statuses(self) -> tuple[str, ...]:
        """Whether its pairs count, in words."""
        return tuple(dict.fromkeys(row.status for row in self.rows))

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody named in it, each once."""
        return tuple(sorted({person for row in self.rows for person in row.people}))

    def packed(self) -> str:
        """The rows as the text of a script element: JSON that no HTML can be read out of."""
        text = json.dumps([row.packed() for row in self.rows], ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c")


def pair_table(case: Record, pairs: Sequence[Record], pictures: Pictures) -> PairTable | None:
    """The table of a case's pairs; None where it has none.

    Args:
        case: The record of the case.
        pairs: All of its pairs, each with ``waived``.
        pictures: Takes in the pictures of the first pairs.
    """
    measured = case["measurement"]
    if not pairs or measured is None:
        return None
    chances = ChanceOfPairs(case)
    rows = [
        _row(pair, chances, _status(pair, measured), pictures if n < N_PAIRS else Pictures(None))
        for n, pair in enumerate(pairs)
    ]
    return PairTable(
        cases=(case["case"],),
        is_of_leaks=measured["pairs_are_leaks"],
        rows=tuple(rows),
        n_pairs=max(len(rows), measured["n_pairs"] + len(case["waived"])),
        file=case["pairs_file"]["file"] if case["pairs_file"] else "",
        chance=chance_sentence(case["chance"]),
        chance_is_per_pair=chances.is_per_pair,
        has_chance=chances.is_known,
    )


def _status(pair: Record, measured: Record) -> str:
    if pair["waived"]:
        return WAIVED
    if measured["pairs_are_leaks"]:
        return "Leak"
    return "Over the limit" if pair["similarity"] > measured["limit"] else "Within the limit"


def _row(pair: Record, chances: ChanceOfPairs, status: str, pictures: Pictures) -> PairRow:
    chance = chances.at(pair["similarity"])
    return PairRow(
        generated=on_one_line(pair["generated"]),
        generated_sha256=pair["generated_sha256"],
        source=on_one_line(pair["source"]),
        source_sha256=pair["source_sha256"],
        people=tuple(map(on_one_line, pair["source_people"])),
        cosine=round(pair["similarity"], 6),
        seconds=tuple(f"{one['embedder']}: {one['similarity']:.4f}" for one in pair["seconds"]),
        chance=chance.words,
        n_chance=chance.n_pairs,
        kind=_KINDS[pair["kind"]],
        status=status,
        generated_picture=pictures.place(pair["generated_sha256"], pair["generated_box"], is_real=False),
        source_picture=pictures.place(pair["source_sha256"], pair["source_box"], is_real=True),
    )


def merged(tables: Sequence[PairTable]) -> tuple[PairTable, ...]:
    """The tables, those of the same pairs as one: a leak's rate and number are of the same leaks."""
    found: list[PairTable] = []
    for table in tables:
        for place, other in enumerate(found):
            if (other.rows, other.n_pairs, other.chance) == (table.rows, table.n_pairs, table.chance):
                found[place] = replace(other, cases=(*other.cases, *table.cases))
                break
        else:
            found.append(table)
    return tuple(found)
