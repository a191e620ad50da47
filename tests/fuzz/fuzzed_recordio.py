"""RecordIO: records, their index and their list, each damaged beside whole ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kinds import Kind, Whole
from mutations import Spot
from planted import dataset, found_in, pictures
from recordio_files import RecordFile, insightface_records, plain_records

from faceleak_check.policy.schema import Labels

__all__ = ["KINDS"]

_PLACES = (0, 3, 6)
_TOKENS = (b"\t", b"0", b"1", b"7", b"9", b".png", b" ", b"p0/0.png", b"p3/3.png")


def _files(place: int) -> dict[str, RecordFile]:
    images = [*pictures(place).values()]
    return {
        "plain": plain_records(images),
        "people": insightface_records({0: images[:2], 1: images[2:5], 2: images[5:]}),
    }


def _records(folder: Path) -> Sequence[Whole]:
    wholes = []
    for place in _PLACES:
        leak = [*pictures(place).values()][place]
        for name, file in _files(place).items():
            file.write(folder / f"{name} {place}")
            start = bytes(file.data).find(leak)
            spared = Spot(start=start, end=start + len(leak))
            wholes.append(Whole(name=f"{name} {place}", data=bytes(file.data), spared=spared))
    return wholes


def _judged_records(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / whole.name / "train.rec"
    path.write_bytes(data)
    return found_in(dataset(path, "recordio", labels=Labels(kind="own")))


def _indices(folder: Path) -> Sequence[Whole]:
    _records(folder)
    return [
        Whole(name=name, data=(folder / name / "train.idx").read_bytes())
        for name in (f"{kind} {place}" for place in _PLACES for kind in ("plain", "people"))
    ]


def _judged_index(folder: Path, whole: Whole, data: bytes) -> str:
    (folder / whole.name / "train.idx").write_bytes(data)
    return found_in(dataset(folder / whole.name / "train.rec", "recordio", labels=Labels(kind="own")))


def _lists(folder: Path) -> Sequence[Whole]:
    lines = "".join(f"{n}\t{n}.0\t{name}\n" for n, name in enumerate(pictures(3)))
    _records(folder)
    return [Whole(name="plain 3", data=lines.encode())]


def _judged_list(folder: Path, whole: Whole, data: bytes) -> str:
    (folder / whole.name / "train.lst").write_bytes(data)
    return found_in(dataset(folder / whole.name / "train.rec", "recordio", labels=Labels(kind="own")))


KINDS = (
    Kind(name="rec", wholes=_records, judge=_judged_records),
    Kind(name="idx", wholes=_indices, judge=_judged_index, tokens=_TOKENS),
    Kind(name="lst", wholes=_lists, judge=_judged_list, tokens=_TOKENS),
)
