"""Pictures inside the page, as data; real people's can be blurred before they get there."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from faceleak_check.reports.thumbnails import thumbnail_of

__all__ = ["Pictures", "blurred"]

_BLOCKS = 9
"""Pixels along the longer side that are left of a blurred picture: light and pose, and nobody's features."""


class Pictures:
    """The pictures of a page, each held once.

    Args:
        folder: The evidence folder with its thumbnails; None where the page shall have no pictures.
        blur_real: Whether pictures of real people are blurred.
    """

    def __init__(self, folder: Path | None, *, blur_real: bool = False) -> None:
        self._folder = folder
        self._blur_real = blur_real
        self._places: dict[tuple[str, tuple[float, ...], bool], int | None] = {}
        self._uris: list[str] = []

    @property
    def are_wanted(self) -> bool:
        """Whether the page has pictures at all."""
        return self._folder is not None

    @property
    def blurs_real(self) -> bool:
        """Whether those of real people are blurred."""
        return self._blur_real

    @property
    def uris(self) -> Sequence[str]:
        """All pictures as data URIs."""
        return self._uris

    def place(self, sha256: str | None, box: Sequence[float] | None, *, is_real: bool) -> int | None:
        """Where in `uris` the picture of an image lies; None where there is none.

        Args:
            sha256: Digest of the image.
            box: Left, top, right, bottom in pixels of the face; None for the whole picture.
            is_real: Whether it shows a real person.
        """
        if self._folder is None or sha256 is None:
            return None
        key = (sha256, tuple(box or ()), is_real and self._blur_real)
        if key not in self._places:
            self._places[key] = self._read(self._folder, sha256, box, blur=key[-1])
        return self._places[key]

    def uri(self, sha256: str | None, *, is_real: bool) -> str:
        """The whole picture of an image as a data URI; empty where there is none."""
        place = self.place(sha256, None, is_real=is_real)
        return "" if place is None else self._uris[place]

    def _read(self, folder: Path, sha256: str, box: Sequence[float] | None, *, blur: bool) -> int | None:
        picture = thumbnail_of(folder, sha256, None if box is None else list(box))
        if picture is None:
            return None
        if blur:
            try:
                picture = blurred(picture)
            except ValueError:  # damaged: better no picture than a sharp one
                return None
        self._uris.append(f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}")
        return len(self._uris) - 1


def blurred(picture: bytes) -> bytes:
    """A picture of which so few pixels are left that nobody can be told, as a JPEG file.

    Args:
        picture: A JPEG file of ours.

    Raises:
        ValueError: It is damaged, or none of ours.
    """
    from PIL import Image

    from faceleak_check.readers.decode import decode

    few = Image.fromarray(decode(picture))
    few.thumbnail((_BLOCKS, _BLOCKS), Image.Resampling.BOX)
    side = 96 / max(few.size)
    file = io.BytesIO()
    size = (round(side * few.width), round(side * few.height))
    few.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=80)
    return file.getvalue()
