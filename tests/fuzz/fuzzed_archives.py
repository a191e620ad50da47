"""Archives: zip and gzip files have checksums of all that is in them; of a tar file the leak's own bytes are spared."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from archive_files import stored, tar_of, tgz_of, zip_of
from kinds import Kind, Whole
from mutations import Spot
from planted import N_PICTURES, dataset, found_in, pictures

__all__ = ["KINDS"]

_PLACES = (0, 3, 6)


def _zips(_: Path) -> Sequence[Whole]:
    return [
        Whole(name=f"{pack.__name__} {place}.zip", data=pack({"read.me": b"words", **pictures(place)}))
        for pack in (zip_of, stored)
        for place in _PLACES
    ]


def _tars(_: Path) -> Sequence[Whole]:
    forms = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
    return [_tar(f"{name} {place}.tar", place, form) for name, form in forms.items() for place in _PLACES]


def _tar(name: str, place: int, form: int) -> Whole:
    members = {
        ("long/" + "name" * 30 if n % 2 else "") + file: data
        for n, (file, data) in enumerate(pictures(place).items())
    }
    data = tar_of(members if form != tarfile.USTAR_FORMAT else pictures(place), format=form)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        leak = archive.getmembers()[place]
    return Whole(name=name, data=data, spared=Spot(start=leak.offset_data, end=leak.offset_data + leak.size))


def _gzips(_: Path) -> Sequence[Whole]:
    return [Whole(name=f"{place}.tar.gz", data=tgz_of(pictures(place))) for place in _PLACES]


def _judged(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / f"set{''.join(Path(whole.name).suffixes)}"
    path.write_bytes(data)
    # a tar file has no list of its members: of blocks that are lost between two of them nothing is left
    return found_in(dataset(path, "archive"), 1 if path.suffix == ".tar" else N_PICTURES)


KINDS = (
    Kind(name="zip", wholes=_zips, judge=_judged),
    Kind(name="tar", wholes=_tars, judge=_judged),
    Kind(name="tar.gz", wholes=_gzips, judge=_judged),
)
