"""Small pictures of pairs and of what was left out, in the evidence folder; only where somebody asks for them."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceleak_check.protocols import Progress, Reader
from faceleak_check.records import UNREADABLE, Box, ImageRef, Verdict
from faceleak_check.regular_files import read_regular
from faceleak_check.reports.names import THUMBNAILS

if TYPE_CHECKING:
    from faceleak_check.image_sets import EmbeddedSet, Role

__all__ = ["N_PAIRS", "N_SAMPLES", "thumbnail_of", "thumbnails"]

N_PAIRS = 1000
"""Pairs of a case that have pictures."""
N_SAMPLES = 12
"""Images of a set that have pictures, of those that one rule has left out."""
_BLURRED = ".blurred"
_KEY_DIGITS = 12
_JPEG = b"\xff\xd8\xff"
_MOST_BYTES = 1 << 20
_ROLES: Mapping[str, tuple[Role, ...]] = {
    "generated": ("generated", "canaries"),
    "source": ("source", "control"),
}

Boxes = Sequence[Box | None]


def thumbnail_of(folder: Path, sha256: str, box: Sequence[float] | None) -> bytes | None:
    """The small picture of an image as a JPEG file; None where there is none.

    Where the run was told to blur pictures of real people, theirs is the blurred one. Only a generated image with the
    very same bytes has both: then this is the plain one.

    Args:
        folder: The evidence folder.
        sha256: Digest of the image's bytes.
        box: Left, top, right, bottom of the face, as the evidence has it; None for the whole picture.
    """
    for blur in (False, True):
        try:
            name = _name(sha256, box, blur=blur)
            # a link could bring any file of this machine into a page that is handed on
            picture = read_regular(folder / THUMBNAILS / name, most=_MOST_BYTES, follows=False)
        except (OSError, ValueError):
            continue
        if picture.startswith(_JPEG):
            return picture
    return None


def _name(sha256: str, box: Sequence[float] | None, *, blur: bool) -> str:
    edges = "" if box is None else " ".join(f"{round(edge, 1) + 0.0:.1f}" for edge in box)
    key = hashlib.sha256(edges.encode()).hexdigest()[:_KEY_DIGITS] if edges else "whole"
    return f"{sha256}.{key}{_BLURRED if blur else ''}.jpg"


def thumbnails(
    verdict: Verdict,
    sets: Mapping[Role, EmbeddedSet],
    is_there: Callable[[str], bool],
    progress: Progress,
    *,
    blur_real: bool = False,
) -> Iterator[tuple[str, bytes]]:
    """The small pictures that a case needs, each with its file's name.

    An image that cannot be read any more goes without.

    Args:
        verdict: The case's verdict.
        sets: Its sets, by role; none for match lists, which come without pictures.
        is_there: Tells of a file's name whether that picture is written already.
        progress: Told how far it is.
        blur_real: Whether pictures of real people are blurred.
    """
    tasks = [
        task
        for task in _tasks(verdict, sets, blur_real=blur_real)
        if not all(is_there(name) for name in task.names)
    ]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "faceleak-thumbnails") as threads:
        try:
            for n_done, made in enumerate(threads.map(_Task.made, tasks), 1):
                yield from made
                progress("making thumbnails", n_done, len(tasks))
        finally:
            threads.shutdown(cancel_futures=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    """One image with all of its faces that are wanted."""

    reader: Reader
    image: ImageRef
    boxes: Boxes
    blur: bool

    @property
    def names(self) -> list[str]:
        return [_name(self.image.sha256, box, blur=self.blur) for box in self.boxes]

    def made(self) -> list[tuple[str, bytes]]:
        from faceleak_check.readers.decode import decode
        from faceleak_check.reports.cropping import small_jpeg

        try:
            data = self.reader.read(self.image)
            if hashlib.sha256(data).hexdigest() != self.image.sha256:
                return []
            pixels = decode(data)
            pictures = [small_jpeg(data, pixels, box, blur=self.blur) for box in self.boxes]
        except Exception:  # noqa: BLE001  readers of other packages may raise anything, and a picture is no verdict
            return []
        return list(zip(self.names, pictures, strict=True))


def _tasks(verdict: Verdict, sets: Mapping[Role, EmbeddedSet], *, blur_real: bool) -> Iterator[_Task]:
    for role, one in sets.items():
        if not one.has_pictures:
            continue
        blur = blur_real and role != "generated"
        faces = _in_pairs(verdict, role)
        rows = sorted(one.images.by_content[digest][0] for digest in faces if digest in one.images.by_content)
        for image in _in_reading_order(one, rows):
            boxes = tuple(faces[image.sha256])
            yield _Task(reader=one.reader, image=image, boxes=boxes, blur=blur)
        for image in _left_out(verdict, role):
            yield _Task(reader=one.reader, image=image, boxes=(None,), blur=blur)


def _in_reading_order(one: EmbeddedSet, rows: Sequence[int]) -> Iterable[ImageRef]:
    import numpy as np

    from faceleak_check.image_sets import in_reading_order

    return in_reading_order(one.reader, one.images.taken(np.array(rows, dtype=np.int64)))


def _in_pairs(verdict: Verdict, role: Role) -> dict[str, dict[Box | None, None]]:
    """The faces of each image in a pair that is shown, by the image's digest."""
    measured = verdict.measurement
    pairs = [*(measured.pairs if measured else ()), *verdict.waived][:N_PAIRS]
    faces: dict[str, dict[Box | None, None]] = defaultdict(dict)
    for pair in pairs:
        if role in _ROLES["generated"]:
            faces[pair.generated.sha256][pair.generated_box] = None
        elif role in _ROLES["source"]:
            faces[pair.source.sha256][pair.source_box] = None
    return faces


def _left_out(verdict: Verdict, role: Role) -> Iterator[ImageRef]:
    """The first images of a set that each rule has left out."""
    samples: dict[str, list[ImageRef]] = defaultdict(list)
    for gone in verdict.sets[role].excluded if role in verdict.sets else ():
        if gone.sha256 is not None and gone.rule != UNREADABLE and len(samples[gone.rule]) < N_SAMPLES:
            samples[gone.rule].append(ImageRef(id=gone.id, sha256=gone.sha256))
    for images in samples.values():
        yield from images
