"""Altered copies of a dataset's own images, which a gate that is awake must catch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial

from faceleak_check.alterations import ALTERATIONS, Alteration
from faceleak_check.errors import DatasetError
from faceleak_check.protocols import Decode, Pixels, Progress, Reader
from faceleak_check.records import UNREADABLE, Exclusion, ImageList, ImageRef, ImageSet

__all__ = ["CanaryReader"]


class CanaryReader:
    """Reads images as a dataset of their altered copies, each image in every way of `ALTERATIONS`.

    A copy is a whole file with an id such as ``mirrored/<id of the original>.png`` and the original's labels. No copy
    is kept: it is made again from the original's file when it is read, and has the same bytes each time.

    Args:
        reader: Hands out the originals' bytes.
        originals: The images to alter, each id once.
        decode: From a file's bytes to an upright picture.
        name: What to call the set.
    """

    def __init__(self, reader: Reader, originals: Sequence[ImageRef], decode: Decode, *, name: str) -> None:
        self._reader = reader
        self._originals = tuple(originals)
        self._decode = decode
        self._name = name
        self._made_of = {
            _id(kind, original): (original, kind)
            for original in self._originals
            for kind in ALTERATIONS.values()
        }

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), name=self._name), (self._reader, self._originals, self._decode)

    def scan(self, progress: Progress) -> ImageSet:
        """Make and digest every copy, in the order of the bytes of the ids.

        The copies of an original that cannot be had are listed as excluded.

        Raises:
            DatasetError: There is no original.
        """
        if not self._originals:
            raise DatasetError(f"there are no images to make {self._name} of")
        stage = f"making {self._name}"
        images: list[ImageRef] = []
        excluded: list[Exclusion] = []
        for n_done, original in enumerate(self._originals):
            progress(stage, n_done, len(self._originals))
            try:
                images += _copies(original, self._picture(original))
            except OSError as error:
                excluded += _missing(original, str(error))
        progress(stage, len(self._originals), len(self._originals))
        return ImageSet(
            name=self._name,
            images=ImageList.of(sorted(images, key=lambda image: os.fsencode(image.id))),
            excluded=tuple(sorted(excluded, key=lambda gone: os.fsencode(gone.id))),
        )

    def read(self, image: ImageRef) -> bytes:
        """The bytes of a copy.

        Raises:
            OSError: Its original went away, changed or cannot be decoded; the message names no path.
        """
        original, kind = self._made_of[image.id]
        return kind.altered(self._picture(original))

    def part(self, images: Sequence[ImageRef]) -> CanaryReader:
        """A reader of some of the copies, small enough to be sent to another machine."""
        originals = tuple({original.id: original for original in map(self.original_of, images)}.values())
        part_of = getattr(self._reader, "part", None)
        reader = self._reader if part_of is None else part_of(originals)
        return CanaryReader(reader, originals, self._decode, name=self._name)

    def original_of(self, image: ImageRef | Exclusion) -> ImageRef:
        """The image that a copy was made of."""
        return self._made_of[image.id][0]

    def kind_of(self, image: ImageRef | Exclusion) -> str:
        """How a copy was altered: a name of `ALTERATIONS`."""
        return self._made_of[image.id][1].name

    def _picture(self, original: ImageRef) -> Pixels:
        try:
            data = self._reader.read(original)
        except OSError as error:
            # the strerror of the system's own errors: their str() names the path
            raise OSError(f"its original cannot be read: {error.strerror or error}") from error
        if hashlib.sha256(data).hexdigest() != original.sha256:
            raise OSError("its original changed while the gate ran")
        try:
            return self._decode(data)
        except ValueError as error:
            raise OSError(f"its original cannot be decoded: {error}") from error


def _id(kind: Alteration, original: ImageRef) -> str:
    return f"{kind.name}/{original.id}{kind.suffix}"


def _copies(original: ImageRef, picture: Pixels) -> list[ImageRef]:
    return [
        ImageRef(
            id=_id(kind, original),
            sha256=hashlib.sha256(kind.altered(picture)).hexdigest(),
            labels=original.labels,
        )
        for kind in ALTERATIONS.values()
    ]


def _missing(original: ImageRef, reason: str) -> list[Exclusion]:
    return [
        Exclusion(id=_id(kind, original), rule=UNREADABLE, reason=reason) for kind in ALTERATIONS.values()
    ]
