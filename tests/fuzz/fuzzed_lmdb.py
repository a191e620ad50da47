"""LMDB: pages and entries of two libraries, with small pictures in the leaves and large ones in pages of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from kinds import Kind, Whole
from lmdb_files import NEW, OLD, write_lmdb
from mutations import Spot
from planted import dataset, found_in, pictures

__all__ = ["KINDS"]


@cache
def _larger(place: int) -> Mapping[str, bytes]:
    """Pictures that do not fit a leaf, the leak among them with a long end behind its picture."""
    padding = np.random.default_rng(5).integers(0, 256, 6000, dtype=np.uint8).tobytes()
    return {name: data + padding for name, data in pictures(place).items()}


def _wholes(folder: Path) -> Sequence[Whole]:
    wholes = []
    for library in (OLD, NEW):
        for place, files in ((3, pictures(3)), (6, pictures(6)), (2, _larger(2))):
            name = f"{library} {place}.mdb"
            entries = {key.encode(): data for key, data in files.items()}
            first = dict([*entries.items()][:5])
            path = folder / name
            write_lmdb(path, first, library=library, subdir=False)
            named = {"more": {b"person": files["p0/0.png"]}} if place == 6 else None
            # a second time, so that there is an older state, too
            write_lmdb(path, entries, library=library, subdir=False, databases=named)
            data, leak = path.read_bytes(), [*files.values()][place]
            start = data.rfind(leak)
            wholes.append(Whole(name=name, data=data, spared=Spot(start=start, end=start + len(leak))))
    return wholes


def _judged(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "set.mdb"
    path.write_bytes(data)
    return found_in(dataset(path, "lmdb"))


KINDS = (Kind(name="lmdb", wholes=_wholes, judge=_judged),)
