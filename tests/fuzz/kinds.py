"""What a kind of file is to the fuzzer: valid files, words of its format, and a judge of what comes of damage."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutations import Spot, mutated

__all__ = ["KINDS", "FalsePassError", "Kind", "Whole", "kind_named", "require_words", "try_one"]

KINDS = {
    "policy": "fuzzed_policies",
    "waivers": "fuzzed_yaml",
    "thresholds": "fuzzed_yaml",
    "matches": "fuzzed_tables",
    "labels": "fuzzed_tables",
    "image": "fuzzed_images",
    "zip": "fuzzed_archives",
    "tar": "fuzzed_archives",
    "tar.gz": "fuzzed_archives",
    "rec": "fuzzed_recordio",
    "idx": "fuzzed_recordio",
    "lst": "fuzzed_recordio",
    "lmdb": "fuzzed_lmdb",
    "parquet": "fuzzed_parquet",
    "arrays": "fuzzed_arrays",
    "templates": "fuzzed_arrays",
    "evidence": "fuzzed_evidence",
    "old-evidence": "fuzzed_evidence",
    "pairs": "fuzzed_evidence",
    "statement": "fuzzed_evidence",
    "manifest": "fuzzed_evidence",
    "safetensors": "fuzzed_weights",
    "checkpoint": "fuzzed_weights",
    "onnx": "fuzzed_weights",
    "store": "fuzzed_store",
}
"""Each kind, and the module that knows it."""


class FalsePassError(AssertionError):
    """What was planted is gone, and nobody was told."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Whole:
    """A valid file.

    Attributes:
        name: What to call it.
        data: Its bytes.
        spared: Where the planted leak is; None where a checksum of the format covers it, or where there is none.
        cuts: Whether it may be cut short: not where nothing in the format tells how long it is.
    """

    name: str
    data: bytes
    spared: Spot | None = None
    cuts: bool = True


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kind:
    """A kind of file.

    Attributes:
        name: What to call it.
        wholes: Makes the valid files; files that belong to them may be written into the folder.
        judge: Reads a damaged file in that folder and says in a word what came of it. Raises where anything comes
            out but an answer or a refusal in our own words, or where the leak is lost without a word.
        tokens: Words of the format, where it is text.
    """

    name: str
    wholes: Callable[[Path], Sequence[Whole]]
    judge: Callable[[Path, Whole, bytes], str]
    tokens: tuple[bytes, ...] = ()


def kind_named(name: str) -> Kind:
    """The kind of that name; KeyError where there is none."""
    kinds: Sequence[Kind] = importlib.import_module(KINDS[name]).KINDS
    return next(kind for kind in kinds if kind.name == name)


def require_words(message: str) -> None:
    """A refusal is one line for people."""
    assert message
    assert len(message.splitlines()) == 1


def try_one(kind: Kind, wholes: Sequence[Whole], folder: Path, dice: random.Random) -> str:
    """Damages one of the files and judges what comes of it."""
    whole = dice.choice(wholes)
    data = mutated(dice, whole.data, tokens=kind.tokens, spared=whole.spared, cuts=whole.cuts)
    return kind.judge(folder, whole, data)
