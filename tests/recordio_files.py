"""Writes small RecordIO files of the forms in which face datasets are released, byte for byte as their tools do."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

MARK = bytes.fromhex("0a23d7ce")


def jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    """A picture as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    return file.getvalue()


def part(kind: int, data: bytes) -> bytes:
    """One part of a record, padded to four bytes."""
    return MARK + struct.pack("<I", kind << 29 | len(data)) + data + bytes(-len(data) % 4)


def record(data: bytes) -> bytes:
    """A record, cut wherever its bytes hold a mark at a multiple of four."""
    pieces, start = [], 0
    for place in range(0, len(data) - 3, 4):
        if data[place : place + 4] == MARK:
            pieces.append(data[start:place])
            start = place + 4
    pieces.append(data[start:])
    if len(pieces) == 1:
        return part(0, data)
    kinds = [1, *[2] * (len(pieces) - 2), 3]
    return b"".join(part(kind, piece) for kind, piece in zip(kinds, pieces, strict=True))


def packed(number: int, label: float | Sequence[float], image: bytes) -> bytes:
    """What a record holds: MXNet's header, labels and image."""
    if isinstance(label, float | int):
        return struct.pack("<IfQQ", 0, label, number, 0) + image
    return struct.pack("<IfQQ", len(label), 0, number, 0) + struct.pack(f"<{len(label)}f", *label) + image


@dataclass
class RecordFile:
    """A ``.rec`` file in the making.

    Attributes:
        data: Its bytes.
        places: The lines of its index: number and first byte.
    """

    data: bytearray = field(default_factory=bytearray)
    places: list[tuple[int, int]] = field(default_factory=list)

    def add(self, number: int, label: float | Sequence[float], image: bytes) -> None:
        """One more record."""
        self.places.append((number, len(self.data)))
        self.data += record(packed(number, label, image))

    def write(self, folder: Path, *, index: bool = True, name: str = "train") -> Path:
        """The ``.rec`` file and its index."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.rec").write_bytes(self.data)
        if index:
            lines = "".join(f"{number}\t{place}\n" for number, place in self.places)
            (folder / f"{name}.idx").write_text(lines, encoding="ascii")
        return folder / f"{name}.rec"


def plain_records(images: Sequence[bytes], *, labels: Sequence[float] | None = None) -> RecordFile:
    """As MXNet's im2rec and DCFace's tools write them: numbered from 0, one label each."""
    file = RecordFile()
    for number, image in enumerate(images):
        file.add(number, float(number) if labels is None else labels[number], image)
    return file


def insightface_records(people: Mapping[int, Sequence[bytes]]) -> RecordFile:
    """As InsightFace's face2rec2 writes CASIA-WebFace and MS1MV3: images from 1, then record 0, then the people."""
    file, ranges, number = RecordFile(), [], 1
    for person, images in people.items():
        ranges.append((number, number + len(images)))
        for image in images:
            file.add(number, (float(person), 1.0), image)
            number += 1
    file.add(0, (float(number), float(number + len(ranges))), b"")
    for at, (first, end) in enumerate(ranges, number):
        file.add(at, (float(first), float(end)), b"")
    return file
