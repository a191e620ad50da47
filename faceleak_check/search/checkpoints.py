"""What a search keeps of what it has found so far, and under which key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from faceleak_check.kept_arrays import Arrays
from faceleak_check.records import Templates
from faceleak_check.search.figures import Nearest
from faceleak_check.search.places import Barred

__all__ = ["digest_of", "found_in", "kept_of", "key_of"]

_VERSION = 1
"""Of the rules by which a search answers; what was found by other rules has another key."""
_ROWS = 8192


def digest_of(templates: Templates) -> str:
    """A digest of all templates, row by row, in hexadecimal digits."""
    digest = hashlib.sha256(f"{len(templates)} {templates.dimension} ".encode())
    for start in range(0, len(templates), _ROWS):
        part = templates.part(slice(start, start + _ROWS))
        for array in (part.vectors, part.norms):
            digest.update(np.ascontiguousarray(array, dtype="<f4").data)
    return digest.hexdigest()


def key_of(queries: Templates, sources: str, rules: Mapping[str, object], barred: Barred | None) -> str:
    """What stands for a search: no bit of what decides its answer can change without changing it.

    Args:
        queries: The templates that are looked up.
        sources: Digest of those that are looked for.
        rules: By which rules: metric, number of neighbours, and so on.
        barred: Pairs that do not count.
    """
    digest = hashlib.sha256(
        json.dumps([_VERSION, sources, digest_of(queries), rules], sort_keys=True).encode()
    )
    for array in (barred.queries, barred.sources) if barred else ():
        digest.update(np.ascontiguousarray(array, dtype="<i8").data)
    return digest.hexdigest()


def kept_of(found: Nearest) -> Arrays:
    """What is kept of an answer."""
    return {"rows": found.rows, "similarity": found.similarity, "distance": found.distance}


def found_in(kept: Arrays | None, expected: Nearest) -> Nearest | None:
    """The answer that was kept; None where it is not of the kind that is expected."""
    wanted = {name: (array.dtype, array.shape) for name, array in kept_of(expected).items()}
    if kept is None or {name: (array.dtype, array.shape) for name, array in kept.items()} != wanted:
        return None
    return Nearest(**kept)
