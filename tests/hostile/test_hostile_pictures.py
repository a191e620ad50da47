"""Somebody hands over a folder of pictures."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from gate_project import Project
from PIL import Image
from witness import MEMORY, Witness, commands, peak

DAMAGED = "the PNG file is damaged or of a kind that cannot be read"
LARGE = "12000 x 12000 pixels, the limit is 89,478,485 pixels"
REASONS = {
    "loop.png": "a symbolic link that leads nowhere",
    "out.png": "a symbolic link that leads out of the dataset's folder",
    "zero.png": "a symbolic link that leads out of the dataset's folder",
    "up": "a symbolic link to a folder, which is not followed",
    "pipe.png": "a named pipe, not a file",
    "profile.png": DAMAGED,
    "text.png": DAMAGED,
    "sparse.png": "the file cannot be read: it is larger than 1,073,741,824 bytes",
    "wide.png": "60000 x 60000 pixels, the limit is 89,478,485 pixels",
    "wide.gif": LARGE,
    "wide.tiff": LARGE,
}
"""Of ``frames.gif`` the first frame is compared, and nothing else is decoded."""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(path: Path, width: int, height: int, *more: bytes) -> None:
    """Grey, all black; the numbers of the largest one take little on the disk."""
    head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * min(height, 16)), 1)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join([chunk(b"IHDR", head), *more, chunk(b"IDAT", rows), chunk(b"IEND", b"")])
    )


def zeros(n_bytes: int) -> bytes:
    return zlib.compress(bytes(n_bytes), 1)


def plant(folder: Path, outside: Path) -> None:
    """Small files that take much, or never end."""
    png(folder / "wide.png", 60_000, 60_000)
    png(folder / "text.png", 8, 8, chunk(b"zTXt", b"a\0\0" + zeros(128 << 20)))
    png(folder / "profile.png", 8, 8, chunk(b"iCCP", b"a\0\0" + zeros(128 << 20)))
    Image.new("1", (12_000, 12_000)).save(folder / "wide.tiff", compression="group4")
    Image.new("1", (12_000, 12_000)).save(folder / "wide.gif")
    frames = [Image.new("P", (64, 64), n % 256) for n in range(2000)]
    frames[0].save(folder / "frames.gif", save_all=True, append_images=frames[1:])
    with (folder / "sparse.png").open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "out.png").symlink_to(outside / "secret.txt")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "up").symlink_to("..")


def test_pictures_that_fill_the_memory_or_lead_elsewhere(project: Project, witness: Witness) -> None:
    plant(project.path / "generated", witness.outside)
    project.policy(keys="exclusions: {at_most: 0}\n")
    with peak() as grown:
        result = project.gate()
    output = f"{result.stdout}{result.stderr}"
    (case,) = project.evidence()["policies"][0]["cases"]
    assert (result.ret, case["outcome"]) == (1, "inconclusive")
    assert {one["id"]: one["reason"] for one in case["sets"]["generated"]["excluded"]} == REASONS
    assert commands(output) == set()
    witness.assert_unharmed(output)
    assert grown[0] < MEMORY
