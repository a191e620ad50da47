"""Parquet datasets: the leak's own bytes are spared, or checksums of the pages cover them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from kinds import Kind, Whole
from mutations import Spot
from parquet_files import images_of, write_parquet
from planted import dataset, found_in, pictures

from faceleak_check.policy.schema import ParquetColumns

__all__ = ["KINDS"]

_PLAIN: dict[str, Any] = {"compression": "none", "use_dictionary": False}
_FORMS: dict[str, dict[str, Any]] = {
    "plain": _PLAIN,
    "groups": {**_PLAIN, "row_group_size": 2},
    "pages": {**_PLAIN, "data_page_version": "2.0", "write_statistics": False},
    "checked": {"compression": "zstd", "write_page_checksum": True},
}


def _wholes(folder: Path) -> Sequence[Whole]:
    wholes = []
    for place in (0, 3, 6):
        files = pictures(place)
        table = pa.table({"image": images_of([*files.values()], [*files]), "n": list(range(len(files)))})
        for name, options in _FORMS.items():
            path = write_parquet(folder / "whole.parquet", table, **options)
            data, leak = path.read_bytes(), [*files.values()][place]
            start = data.find(leak)
            spared = None if name == "checked" else Spot(start=start, end=start + len(leak))
            wholes.append(Whole(name=f"{name} {place}", data=data, spared=spared))
    return wholes


def _judged(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "set.parquet"
    path.write_bytes(data)
    return found_in(dataset(path, "parquet", image_columns=ParquetColumns(image="image")))


KINDS = (Kind(name="parquet", wholes=_wholes, judge=_judged),)
