"""NumPy files of pixels and of templates: their headers are damaged, and the leak's own numbers are spared."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kinds import FalsePassError, Kind, Whole, require_words
from mutations import Spot
from planted import LEAK, N_PICTURES, dataset, found_in, pictures, silent

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import ArrayNames, TemplateOrigin
from faceleak_check.readers.arrays.templates import TemplateReader
from faceleak_check.readers.decode import decode

__all__ = ["KINDS"]

_TOKENS = (
    *(
        b"descr",
        b"shape",
        b"fortran_order",
        b"False",
        b"True",
        b"'|u1'",
        b"'<f4'",
        b"'>f4'",
        b"'O'",
        b"(7, 11,",
    ),
    *(
        b"1L",
        b"0",
        b"7",
        b"6",
        b"(",
        b")",
        b",",
        b"'",
        b"{",
        b"}",
        b"-",
        b"None",
        b"'<f4,(2,)f4'",
        b"b'x'",
        b"\\x",
    ),
)
_NAMES = ArrayNames(data="images", ids="names")


def _saved(save: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def _pixels(place: int) -> Any:
    return np.stack([decode(data) for data in pictures(place).values()])


def _spared(data: bytes, leak: Any) -> Spot:
    start = data.find(np.ascontiguousarray(leak).tobytes())
    return Spot(start=start, end=start + leak.nbytes)


def _arrays(_: Path) -> Sequence[Whole]:
    wholes = []
    for place in (0, 3, 6):
        pixels, names = _pixels(place), np.array([*pictures(place)])
        alone = _saved(np.save, pixels)
        wholes.append(Whole(name=f"{place}.npy", data=alone, spared=_spared(alone, LEAK)))
        wholes += [
            Whole(name=f"{save.__name__} {place}.npz", data=_saved(save, images=pixels, names=names))
            for save in (np.savez, np.savez_compressed)
        ]
    return wholes


def _judged_arrays(folder: Path, whole: Whole, data: bytes) -> str:
    suffix = Path(whole.name).suffix
    path = folder / f"set{suffix}"
    path.write_bytes(data)
    try:
        return found_in(dataset(path, "arrays", arrays=_NAMES if suffix == ".npz" else None))
    except FalsePassError:
        if suffix == ".npy" and _is_another_shape(data):
            return "another"
        raise


def _is_another_shape(data: bytes) -> bool:
    """Whether NumPy, too, reads the same numbers as pictures of other sides."""
    there = np.load(io.BytesIO(data), allow_pickle=False)
    return there.shape != (N_PICTURES, *LEAK.shape) and math.prod(there.shape) == N_PICTURES * LEAK.size


_ROWS = np.random.default_rng(8).standard_normal((N_PICTURES, 48)).astype(np.float32)
_UNIT = np.ascontiguousarray(_ROWS / np.linalg.norm(_ROWS, axis=1, keepdims=True))
_ORIGIN = TemplateOrigin(embedder="any", sha256="0" * 64)


def _templates(_: Path) -> Sequence[Whole]:
    wholes = []
    for name, rows in (("unit", _UNIT), ("plain", _ROWS), ("double", _ROWS.astype(np.float64))):
        data = _saved(np.save, rows)
        wholes.append(Whole(name=f"{name}.npy", data=data, spared=_spared(data, rows[3])))
    return wholes


def _judged_templates(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "set.npy"
    path.write_bytes(data)
    reader = TemplateReader(dataset(path, "arrays", templates=_ORIGIN))
    try:
        found = reader.scan(silent)
    except DatasetError as error:
        require_words(error.message)
        return "refused"
    if found.excluded:
        return "told"
    leak = np.load(io.BytesIO(whole.data))[3].astype("<f4").tobytes()
    if len(found.images) >= N_PICTURES and hashlib.sha256(leak).hexdigest() in found.images.contents:
        return "found"
    there = np.load(io.BytesIO(data), allow_pickle=False)
    if there.nbytes != len(whole.data) - whole.data.index(b"\n") - 1:
        raise FalsePassError(f"{len(found.images)} rows of {there.shape}")
    return "another"  # all numbers are there, and NumPy, too, reads them as others


KINDS = (
    Kind(name="arrays", wholes=_arrays, judge=_judged_arrays, tokens=_TOKENS),
    Kind(name="templates", wholes=_templates, judge=_judged_templates, tokens=_TOKENS),
)
