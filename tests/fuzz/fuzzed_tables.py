"""Match lists and label files: the row of the leak is spared, so its image leaks or is counted as unreadable."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from kinds import FalsePassError, Kind, Whole, require_words
from mutations import Spot
from planted import silent

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Columns, Dataset, Labels
from faceleak_check.readers.labels import labels_of
from faceleak_check.readers.matches import MatchListReader

__all__ = ["KINDS"]

_COLUMNS = Columns(generated=("synthetic",), source=("real",), similarity="cosine", source_identity="who")
_TOKENS = (
    *(
        b",",
        b";",
        b"\t",
        b'"',
        b'""',
        b"\n",
        b"\r",
        b"\r\n",
        b'"\n',
        b',"',
        b'",',
        b"'",
        b"\\",
        b"0.1",
        b"nan",
    ),
    *(
        b"synthetic",
        b"real",
        b"cosine",
        b"who",
        b"g3.png",
        b"g4.png",
        b"t1.png",
        b"ann",
        b"\xef\xbb\xbf",
        b"\0",
    ),
    *(b"#", b"-0.5", b"1_0", b"inf", b"g3.png,t3.png,0.1,ann", b"image", b"identity"),
)
_LEAK = "g3.png"


def _rows(quoted: bool, delimiter: str, end: str) -> Whole:
    mark = '"' if quoted else ""
    rows = [("synthetic", "real", "cosine", "who")]
    rows += [(f"g{n}.png", f"t{n}.png", "0.987654" if n == 3 else f"0.{n}2", f"p{n}") for n in range(7)]
    lines = [delimiter.join(f"{mark}{cell}{mark}" for cell in row) + end for row in rows]
    start = sum(map(len, lines[:4]))
    # from the end of the line before to its own end: what is put in front of a row makes it another row
    spared = Spot(start=start - len(end), end=start + len(lines[4]))
    return Whole(name=f"{quoted} {delimiter!r}.csv", data="".join(lines).encode(), spared=spared, cuts=False)


def _matches(_: Path) -> Sequence[Whole]:
    wholes = [
        _rows(False, ",", "\n"),
        _rows(True, ",", "\r\n"),
        _rows(False, ";", "\n"),
        _rows(True, "\t", "\n"),
    ]
    return [*wholes, _parquet()]


def _parquet() -> Whole:
    names = [f"g{n}.png" for n in range(7)]
    cosines = [0.987654 if n == 3 else n / 10 for n in range(7)]
    people = [f"p{n}" for n in range(7)]
    table = pa.table(
        {"synthetic": names, "real": [f"t{n}.png" for n in range(7)], "cosine": cosines, "who": people}
    )
    file = io.BytesIO()
    pq.write_table(table, file, write_page_checksum=True)
    return Whole(name="list.parquet", data=file.getvalue())


def _judged_matches(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / f"list{Path(whole.name).suffix}"
    path.write_bytes(data)
    labels = Labels(kind="none")
    declared = Dataset(
        name="list", path=path, format="matches", labels=labels, columns=_COLUMNS, line=1, column=1
    )
    try:
        found = MatchListReader(declared).read_matches(silent)
    except DatasetError as error:
        require_words(error.message)
        return "refused"
    if found.generated_set.excluded:
        return "told"
    ids = [image.id for image in found.matches.generated]
    if _LEAK not in ids or not found.matches.similarity[ids.index(_LEAK), 0] > 0.98:
        raise FalsePassError(f"the leak is not in {ids}")
    return "found"


_IDS = [f"p{n}/{n}.png" for n in range(7)]


def _labels(_: Path) -> Sequence[Whole]:
    files = {
        "plain": "image,identity\n" + "".join(f"{name},{name[:2]}\n" for name in _IDS),
        "quoted": "identity;image;more\r\n" + "".join(f'"{name[:2]}";"{name}";"x"\r\n' for name in _IDS),
    }
    return [Whole(name=name, data=text.encode()) for name, text in files.items()]


def _judged_labels(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "labels.csv"
    path.write_bytes(data)
    labels = Labels(kind="csv", csv=path, image="image", identity="identity")
    declared = Dataset(
        name="training", path=folder, format="folder", labels=labels, columns=None, line=1, column=1
    )
    try:
        people = labels_of(declared, _IDS, set())
    except DatasetError as error:
        require_words(error.message)
        return "refused"
    if people is None or len(people) != len(_IDS) or not all(one and one[0] for one in people):
        raise FalsePassError(f"somebody has no name: {people}")
    return "read"


KINDS = (
    Kind(name="matches", wholes=_matches, judge=_judged_matches, tokens=_TOKENS),
    Kind(name="labels", wholes=_labels, judge=_judged_labels, tokens=_TOKENS),
)
