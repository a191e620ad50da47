from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scanned import PLACE, MakeDataset

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Columns, Dataset
from faceleak_check.readers.matches import MatchListReader

Drop = Callable[[], AbstractContextManager[None]]

COLUMNS = Columns(generated=("generated",), source=("source",), source_identity=None, similarity="similarity")
SUBJECT = "the match list of dataset 'training'"
HINT = "The key columns of the dataset says which columns to read."
QUOTES = "Put fields that hold quotes or separators in double quotes, and double the quotes inside."


def parquet(columns: dict[str, pa.Array]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


def trouble(dataset: Dataset) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        MatchListReader(dataset).read_matches(lambda *_: None)
    return caught.value


WRONG: dict[str, tuple[bytes, str, str]] = {
    "no bytes": (b"", "is empty", "Expected a header row and at least one row below it."),
    "blank lines": (b"\n\r\n\n", "is empty", "Expected a header row and at least one row below it."),
    "header only": (
        b"generated,source,similarity\n",
        "has no rows",
        "Expected a row for each pair of a generated and a source image.",
    ),
    "misspelt column": (
        b"generated,source,similarty\na,x,0.5\n",
        "has no column 'similarity'",
        f"Expected 'similarity' (did you mean 'similarty'?); found: 'generated', 'source', 'similarty'. {HINT}",
    ),
    "wrong separator": (
        b"generated|source|similarity\na|x|0.5\n",
        "has no columns 'generated', 'source', 'similarity'",
        (
            "Expected 'generated', 'source', 'similarity'; found one column: is there a comma, a semicolon or a tab "
            f"between the columns? {HINT}"
        ),
    ),
    "many columns": (
        ",".join(f"{n:02}" + "x" * 50 for n in range(30)).encode() + b"\n",
        "has no columns 'generated', 'source', 'similarity'",
        "Expected 'generated', 'source', 'similarity'; found: "
        + ", ".join(f"'{n:02}{'x' * 38}'" for n in range(20))
        + f" and 10 more. {HINT}",
    ),
    "a column twice": (
        b"generated,source,similarity,similarity\na,x,0.5,0.1\n",
        "has 2 columns named 'similarity'",
        "Give each column its own name.",
    ),
    "zeros": (bytes(1000), "is not UTF-8 text", "Expected a CSV file in UTF-8."),
    "random bytes": (os.urandom(5000) + b"\xff", "is not UTF-8 text", "Expected a CSV file in UTF-8."),
    "Latin-1 far down": (
        b"generated,source,similarity\n" + b"a,x,0.5\n" * 20000 + b"\xe9,x,0.5\n",
        "is not UTF-8 text",
        "Expected a CSV file in UTF-8.",
    ),
    "UTF-16": (
        "generated,source,similarity\na,x,0.5\n".encode("utf-16"),
        "is UTF-16 text",
        "Expected UTF-8: save it as 'CSV UTF-8'.",
    ),
    "open quote": (
        b'generated,source,similarity\n"a,x,0.5\nb,x,0.5\n',
        "is no proper CSV at line 3",
        f"The parser says: unexpected end of data. {QUOTES}",
    ),
    "quote in a name": (
        b'generated,source,similarity\n"a"1,x,0.5\n',
        "is no proper CSV at line 2",
        f"The parser says: ',' expected after '\"'. {QUOTES}",
    ),
    "rows in a quoted column name": (
        b'generated,source,similarity,"note\na,x,0.9,1\nb"\nc,y,0.1,2\n',
        "has a header of several lines",
        "Found a field of several lines with separators in it: a quote is missing there, or there is one too many.",
    ),
    "huge field": (
        b"generated,source,similarity\n" + b"a" * 200_000 + b",x,0.5\n",
        "is no proper CSV at line 2",
        f"The parser says: field larger than field limit (131072). {QUOTES}",
    ),
    "Parquet without a column": (
        parquet({"generated": pa.array(["a"]), "sauce": pa.array(["x"]), "similarity": pa.array([0.5])}),
        "has no column 'source'",
        f"Expected 'source' (did you mean 'sauce'?); found: 'generated', 'sauce', 'similarity'. {HINT}",
    ),
    "Parquet of lists": (
        parquet({"generated": pa.array(["a"]), "source": pa.array(["x"]), "similarity": pa.array([[0.5]])}),
        "has a column 'similarity' of type list<element: double>",
        "Expected text or numbers: change the column's type.",
    ),
    "Parquet of bytes that are no text": (
        parquet({"generated": pa.array([b"\xff"]), "source": pa.array(["x"]), "similarity": pa.array([0.5])}),
        "has a column 'generated' of type binary",
        "Expected text or numbers: change the column's type.",
    ),
    "Parquet without rows": (
        parquet({name: pa.array([], pa.string()) for name in ("generated", "source", "similarity")}),
        "has no rows",
        "Expected a row for each pair of a generated and a source image.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_list(dataset: MakeDataset, tmp_path: Path, case: str) -> None:
    data, message, advice = WRONG[case]
    (tmp_path / "list.csv").write_bytes(data)
    error = trouble(dataset(tmp_path / "list.csv", columns=COLUMNS))
    assert error.message == f"{SUBJECT} {message}"
    assert error.detail == f"{tmp_path}/list.csv {PLACE}\n{advice}"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_parquet_file(dataset: MakeDataset, tmp_path: Path, share: float) -> None:
    names = pa.array([str(n) for n in range(500)])
    data = parquet({"generated": names, "source": names, "similarity": pa.array([0.5] * 500)})
    (tmp_path / "list.parquet").write_bytes(data[: max(4, int(len(data) * share))])
    error = trouble(dataset(tmp_path / "list.parquet", columns=COLUMNS))
    assert error.message == f"{SUBJECT} is damaged or cut short"
    assert error.detail.startswith(f"{tmp_path}/list.parquet {PLACE}\nThe Parquet reader says: ")
    assert error.detail.endswith(". Write the file again.")


@pytest.mark.parametrize("place", [200, 600, 1000])
def test_a_parquet_file_of_changed_bytes_is_read_or_refused(
    dataset: MakeDataset, tmp_path: Path, place: int
) -> None:
    names = pa.array([str(n) for n in range(500)])
    data = bytearray(parquet({"generated": names, "source": names, "similarity": pa.array([0.5] * 500)}))
    data[place : place + 50] = b"\xff" * 50
    (tmp_path / "list.parquet").write_bytes(data)
    error = trouble(dataset(tmp_path / "list.parquet", columns=COLUMNS))
    assert error.message == f"{SUBJECT} is damaged or cut short"


def test_a_parquet_file_whose_page_does_not_fit_its_checksum(dataset: MakeDataset, tmp_path: Path) -> None:
    sink, names = pa.BufferOutputStream(), pa.array(["leak-7", "b", "c"])
    table = pa.table({"generated": names, "source": names, "similarity": pa.array([0.9, 0.1, 0.2])})
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(table, sink, write_page_checksum=True, **options)
    data = bytes(sink.getvalue()).replace(b"leak-7", b"leak-6", 1)
    (tmp_path / "list.parquet").write_bytes(data)
    error = trouble(dataset(tmp_path / "list.parquet", columns=COLUMNS))
    assert error.message == f"{SUBJECT} is damaged or cut short"


def test_a_parquet_file_whose_column_has_no_text_for_a_name(dataset: MakeDataset, tmp_path: Path) -> None:
    names = pa.array(["a"])
    data = parquet({"generated": names, "source": names, "similarity": pa.array([0.5]), "Grüße": names})
    (tmp_path / "list.parquet").write_bytes(data.replace("Grüße".encode(), b"Gr\xff\xfe\xfd\xffe"))
    error = trouble(dataset(tmp_path / "list.parquet", columns=COLUMNS))
    assert error.message == f"{SUBJECT} is damaged or cut short"


def test_a_missing_list(dataset: MakeDataset, tmp_path: Path) -> None:
    error = trouble(dataset(tmp_path / "nowhere.csv", columns=COLUMNS))
    assert error.message == f"{SUBJECT} was not found"
    assert error.detail == (
        f"{tmp_path}/nowhere.csv {PLACE}\nNothing is there. Correct the path in the policy; a relative path "
        "starts at the policy's folder."
    )


def test_a_folder_in_place_of_a_list(dataset: MakeDataset, tmp_path: Path) -> None:
    error = trouble(dataset(tmp_path, columns=COLUMNS))
    assert error.message == f"{SUBJECT} is a folder"
    assert error.detail == f"{tmp_path} {PLACE}\nExpected a table. Correct the path in the policy."


def test_a_pipe_in_place_of_a_list(dataset: MakeDataset, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    error = trouble(dataset(tmp_path / "list.csv", columns=COLUMNS))
    assert error.message == f"{SUBJECT} is no regular file"


def test_a_closed_list(dataset: MakeDataset, open_folder: Path, unprivileged: Drop) -> None:
    (open_folder / "list.csv").write_bytes(b"")
    (open_folder / "list.csv").chmod(0)
    with unprivileged():
        error = trouble(dataset(open_folder / "list.csv", columns=COLUMNS))
    assert error.message == f"{SUBJECT} cannot be read (Permission denied)"
    assert error.detail == (
        f"{open_folder}/list.csv {PLACE}\nGive this user the right to read it, or correct the path in the policy."
    )
