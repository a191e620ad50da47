"""Small sets of pictures with one that leaks, and whether a reader still finds it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from kinds import FalsePassError, require_words
from PIL import Image

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.registry import READERS

__all__ = ["LEAK", "N_PICTURES", "as_file", "dataset", "found_in", "pictures", "silent"]

N_PICTURES = 7
_SIDES = (11, 13)


def _pixels(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (*_SIDES, 3), dtype=np.uint8)


def as_file(pixels: Any, kind: str = "PNG") -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


LEAK = _pixels(0)
"""The pixels of a real person's photograph."""


@cache
def pictures(place: int, kind: str = "PNG") -> Mapping[str, bytes]:
    """Seven picture files by name, the leaking one at that place."""
    files = [as_file(_pixels(100 + n), kind) for n in range(N_PICTURES - 1)]
    files.insert(place, as_file(LEAK, kind))
    return {f"p{n}/{n}.{kind.lower()}": data for n, data in enumerate(files)}


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


def dataset(path: Path, form: str, **keys: Any) -> Dataset:
    """A dataset of that format."""
    labels = keys.pop("labels", Labels(kind="none"))
    return Dataset(
        name="generated", path=path, format=form, labels=labels, columns=None, line=1, column=1, **keys
    )


def found_in(declared: Dataset, n_pictures: int = N_PICTURES) -> str:
    """What comes of a set in which the bytes of the leaking picture, or a checksum of them, are untouched.

    A gate that allows no exclusion passes only what this calls ``found``, and then the leak is among what it compares.

    Raises:
        FalsePassError: The leak is not among the images, or an image is not, and nothing is said of it.
    """
    reader = READERS.load(declared.format)(declared)
    try:
        found = reader.scan(silent)
    except DatasetError as error:
        require_words(error.message)
        return "refused"
    if found.excluded:
        return "told"
    n_others = sum(found.n_other_files.values())
    if len(found.images) + n_others < n_pictures:
        raise FalsePassError(f"{len(found.images)} of {n_pictures} images, {n_others} others, and no word")
    return _compared(reader, found.images)


def _compared(reader: Any, images: Any) -> str:
    has_leak = False
    for image in images:
        try:
            data = reader.read(image)
            assert hashlib.sha256(data).hexdigest() == image.sha256
            pixels = decode(data)
        except (OSError, ValueError):
            return "told"
        has_leak = has_leak or (pixels.shape == LEAK.shape and bool((pixels == LEAK).all()))
    if not has_leak:
        raise FalsePassError(f"the leak is in none of {len(images)} images, and no word of it")
    return "found"
