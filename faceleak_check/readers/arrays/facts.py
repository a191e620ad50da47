"""What is worked out once of an array of templates: the digest and the length of each row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.arrays.header import ArrayHeader
from faceleak_check.readers.arrays.rows import ArrayRows
from faceleak_check.readers.arrays.trouble import ArrayError, called
from faceleak_check.records import Digests

__all__ = ["RowFacts", "require_templates", "row_facts", "unit_rows"]

_SHORTEST = np.finfo(np.float32).tiny
_UNIT = 1e-5
"""How far from one the length of a row may be that is taken for one of length one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RowFacts:
    """What is known of each row.

    Attributes:
        digests: SHA-256 of its numbers as float32, lowest byte first, uint8, shape (n, 32).
        norms: Its length, float32, shape (n,); 0 where that cannot be told from zero, not a number where it is not
            finite.
    """

    digests: Digests
    norms: npt.NDArray[np.float32]

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which rows point anywhere, shape (n,)."""
        return self.norms > 0

    @property
    def are_unit(self) -> bool:
        """Whether all usable rows are of length one already."""
        norms = self.norms[self.usable]
        return bool((np.abs(norms - 1) <= _UNIT).all())


def require_templates(header: ArrayHeader, name: str) -> None:
    """Raises ArrayError where an array is none of templates.

    Args:
        header: What it is.
        name: What it is called in its file.
    """
    if len(header.shape) != 2 or not header.shape[1]:
        raise ArrayError(
            f"{called(name)} has shape {header.shape}, expected (n, dimension): a template in each row",
            "For pictures leave out `templates`.",
        )
    if header.kind.kind != "f" or header.kind.itemsize > 8:
        raise ArrayError(
            f"{called(name)} holds values of type {header.kind}, expected float16, float32 or float64",
            "Save the templates as they left the network: ARRAY.astype('float32').",
        )


def row_facts(array: ArrayRows, tell: Callable[[int], None]) -> RowFacts:
    """Reads all rows, some megabytes at a time.

    Args:
        array: An array of templates.
        tell: Told how many rows are done.

    Raises:
        DamagedArrayError: The array is not what was saved.
        FileError: It cannot be read.
    """
    digests = np.empty((len(array), 32), dtype=np.uint8)
    norms = np.empty(len(array), dtype=np.float32)
    for start, block in array.blocks():
        rows = _single(block)
        stop = start + len(rows)
        digests[start:stop] = _digests(rows)
        norms[start:stop] = _norms(rows)
        tell(stop)
    return RowFacts(digests=digests, norms=norms)


def unit_rows(block: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Rows of length one; what points nowhere stays as it is."""
    rows = _single(block).astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    usable = np.isfinite(lengths) & (lengths >= _SHORTEST)
    rows /= np.where(usable, lengths, 1)[:, None]
    return rows.astype(np.float32)


def _single(block: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    # what is too long for float32 is infinite, what is no number stays none, and both are told as such
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(block, dtype="<f4")


def _digests(rows: npt.NDArray[np.float32]) -> Digests:
    data, n_bytes, sha256 = rows.data.cast("B"), rows.shape[1] * 4, hashlib.sha256
    found = b"".join(
        [sha256(data[start : start + n_bytes]).digest() for start in range(0, len(data), n_bytes)]
    )
    return np.frombuffer(found, dtype=np.uint8).reshape(-1, 32)


def _norms(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    with np.errstate(over="ignore", under="ignore"):
        norms = lengths.astype(np.float32)
    norms[norms < _SHORTEST] = 0
    norms[~np.isfinite(norms)] = np.nan
    return np.asarray(norms)
