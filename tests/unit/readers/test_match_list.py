from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scanned import MakeDataset

from faceleak_check.matches import NO_MATCH
from faceleak_check.policy.schema import Columns
from faceleak_check.readers import neighbours
from faceleak_check.readers.matches import MatchList, MatchListReader
from faceleak_check.records import Exclusion, ImageRef

ReadList = Callable[..., MatchList]

PLAIN = Columns(generated=("generated",), source=("source",), source_identity=None, similarity="similarity")
PEOPLE = Columns(generated=("generated",), source=("source",), source_identity="who", similarity="similarity")


def sha256(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


@pytest.fixture
def read(dataset: MakeDataset, tmp_path: Path) -> ReadList:
    """Reads a match list of the given text or bytes."""

    def read_list(table: str | bytes, columns: Columns | None = PLAIN) -> MatchList:
        path = tmp_path / "list.csv"
        path.write_bytes(table.encode() if isinstance(table, str) else table)
        return MatchListReader(dataset(path, columns=columns)).read_matches(lambda *_: None)

    return read_list


def pairs(found: MatchList) -> dict[str, list[tuple[str, float]]]:
    """Each generated image with the neighbours that are there, nearest first."""
    matches = found.matches
    return {
        image.id: [
            (matches.source[place].id, similarity)
            for place, similarity in zip(places, similarities, strict=True)
            if place >= 0
        ]
        for image, places, similarities in zip(
            matches.generated, matches.source_index.tolist(), matches.similarity.tolist(), strict=True
        )
    }


def reasons(found: MatchList) -> dict[str, str]:
    assert {gone.rule for gone in found.generated_set.excluded} <= {"unreadable"}
    return {gone.id: gone.reason for gone in found.generated_set.excluded}


GOOD = "generated,source,similarity\nb,y,0.25\na,x,-0.5\nc,y,1e-1\n"


def test_a_list_gives_images_and_matches(read: ReadList) -> None:
    found = read(GOOD)
    generated = tuple(ImageRef(id=name, sha256=sha256(f"training/{name}")) for name in "abc")
    assert found.sha256 == sha256(GOOD)
    assert found.generated_set.name == "training"
    assert found.generated_set.images == generated
    assert found.generated_set.excluded == ()
    assert found.matches.generated == generated
    assert found.matches.source == tuple(ImageRef(id=name, sha256=sha256(name)) for name in "xy")
    assert found.matches.source_index.tolist() == [[0], [1], [1]]
    assert found.matches.similarity.tolist() == [[-0.5], [0.25], [0.1]]
    assert found.matches.source_index.dtype == np.int64
    assert found.matches.similarity.dtype == np.float64
    assert found.matches.distance is None


@pytest.mark.parametrize(
    "table",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.rstrip(),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("b,y", '"b","y"'),
        '"generated","source","similarity"\n' + GOOD.partition("\n")[2],
        GOOD.replace("0.25", " +.25 "),
        "similarity,n,source,generated\n0.25,1,y,b\n-0.5,2,x,a\n0.1,3,y,c\n",
        GOOD + "b,y,0.25\n",
        GOOD + "b,y,0.125\n",
    ],
    ids=[
        "BOM", "CRLF", "CR", "no last newline", "blank lines", "semicolon", "tab", "quotes", "quoted header",
        "blanks around a number", "other order", "a row twice", "a pair twice",
    ],
)  # fmt: skip
def test_the_same_list_in_other_spellings(read: ReadList, table: str) -> None:
    assert pairs(read(table)) == {"a": [("x", -0.5)], "b": [("y", 0.25)], "c": [("y", 0.1)]}


def test_names_with_separators_quotes_and_newlines(read: ReadList) -> None:
    found = read('generated,source,similarity\n"a,1","the ""x""",0.5\n"two\nlines",лицо,0.25\n')
    assert pairs(found) == {"a,1": [('the "x"', 0.5)], "two\nlines": [("лицо", 0.25)]}


def test_several_neighbours_are_sorted_and_padded(read: ReadList) -> None:
    found = read(
        "generated,source,similarity\n"
        "a,x,0.1\n"
        "b,x,0.2\n"
        "a,y,0.9\n"
        "a,z,0.1\n"
        "c,z,-0.3\n"
        "c,y,-0.2\n"
    )  # fmt: skip
    assert pairs(found) == {
        "a": [("y", 0.9), ("x", 0.1), ("z", 0.1)],
        "b": [("x", 0.2)],
        "c": [("y", -0.2), ("z", -0.3)],
    }
    assert found.matches.k == 3
    assert found.matches.source_index.tolist() == [[1, 0, 2], [0, -1, -1], [1, 2, -1]]
    assert found.matches.similarity[1].tolist() == [0.2, NO_MATCH, NO_MATCH]
    assert np.isfinite(found.matches.similarity).all()


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_pair_that_comes_twice_the_higher_similarity_counts(read: ReadList, order: int) -> None:
    rows = ["a,x,0.2\n", "a,x,0.7\n", "a,y,0.5\n"][::order]
    assert pairs(read("generated,source,similarity\n" + "".join(rows))) == {"a": [("x", 0.7), ("y", 0.5)]}


def test_several_columns_are_joined_and_people_named(read: ReadList) -> None:
    columns = Columns(
        generated=("set", "file"), source=("who", "photo"), source_identity="who", similarity="cos"
    )
    found = read("set,file,who,photo,cos\n01,1.png,ann,1.jpg,0.5\n01,2.png,bob,1.jpg,0.25\n", columns)
    assert pairs(found) == {"01/1.png": [("ann/1.jpg", 0.5)], "01/2.png": [("bob/1.jpg", 0.25)]}
    assert [source.labels for source in found.matches.source] == [("ann",), ("bob",)]


def test_a_source_image_of_several_people_keeps_them_all(read: ReadList) -> None:
    found = read("generated,source,who,similarity\na,x,ann,0.5\nb,x,bob,0.25\nc,x,ann,0.5\n", PEOPLE)
    assert found.matches.source == (ImageRef(id="x", sha256=sha256("x"), labels=("ann", "bob")),)


def test_synthetic_people_are_named(read: ReadList) -> None:
    columns = Columns(
        generated=("file",), source=("s",), generated_identity="id", source_identity="who", similarity="cos"
    )
    found = read("file,id,s,who,cos\nb,7,x,ann,0.5\na,7,y,7,0.25\nb,8,y,7,0.1\nb,7,z,cy,0\n", columns)
    generated = found.matches.generated
    assert [(image.id, image.labels) for image in generated] == [("a", ("7",)), ("b", ("7", "8"))]
    assert [(one.id, one.labels) for one in found.matches.source] == [
        ("x", ("ann",)),
        ("y", ("7",)),
        ("z", ("cy",)),
    ]
    assert found.generated_set.images == generated


def test_source_people_are_not_synthetic_people(read: ReadList) -> None:
    found = read("generated,source,who,similarity\na,x,ann,0.5\n", PEOPLE)
    assert [image.labels for image in found.matches.generated] == [()]


def test_an_image_without_its_synthetic_person_is_taken_out(read: ReadList) -> None:
    columns = Columns(generated=("g",), source=("s",), generated_identity="id", similarity="cos")
    found = read("g,id,s,cos\na,7,x,0.5\nb,,x,0.25\n", columns)
    assert pairs(found) == {"a": [("x", 0.5)]}
    assert reasons(found) == {"b": "row 3: column 'id' is empty"}


def test_without_a_mapping_the_published_columns_are_read(read: ReadList) -> None:
    found = read(
        "sample_index,sample_identity,sample_image_name,best_match_index,best_match_identity,"
        "best_match_image_name,similarity\n7,5798,15.jpg,9,0087799,image_1.jpg,0.5\n",
        None,
    )
    assert pairs(found) == {"5798/15.jpg": [("0087799/image_1.jpg", 0.5)]}
    assert found.matches.generated[0].labels == ("5798",)
    assert found.matches.source[0].labels == ("0087799",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_between_two_stray_quotes_are_not_lost(read: ReadList, end: str) -> None:
    rows = ["generated,source,similarity", "a,x,0.5", 'b,"x,0.25', "leak,y,0.99", 'c,y",0.125', "d,y,0.1", ""]
    found = read(end.join(rows))
    assert pairs(found) == {"a": [("x", 0.5)], "d": [("y", 0.1)]}
    reason = "row 3: a field of several lines with separators in it: a quote is missing there, or there is one too many"
    assert found.generated_set.excluded == (Exclusion(id="row 3", rule="unreadable", reason=reason),)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("abc", "similarity 'abc' is not a number"),
        ("nan", "similarity 'nan' is not a number"),
        ("0.1_5", "similarity '0.1_5' is not a number"),
        ("0.5.1", "similarity '0.5.1' is not a number"),
        ('"0,5"', "similarity '0,5' is not a number"),
        (" ", "similarity ' ' is not a number"),
        ("", "column 'similarity' is empty"),
        ("inf", "similarity 'inf' is outside -1 to 1"),
        ("-inf", "similarity '-inf' is outside -1 to 1"),
        ("1.000002", "similarity '1.000002' is outside -1 to 1"),
        ("-1.5", "similarity '-1.5' is outside -1 to 1"),
        ("99", "similarity '99' is outside -1 to 1"),
        ("1e999", "similarity '1e999' is outside -1 to 1"),
        ("\x1b[31m", "similarity '\\x1b[31m' is not a number"),
        ("x" * 1000, f"similarity '{'x' * 40}' is not a number"),
        ("0.5,", "4 fields, expected 3"),
    ],
)
def test_a_row_without_a_similarity_takes_its_image_out(read: ReadList, cell: str, reason: str) -> None:
    found = read(f"generated,source,similarity\na,x,0.5\nbad,x,{cell}\nb,y,0.25\n")
    assert pairs(found) == {"a": [("x", 0.5)], "b": [("y", 0.25)]}
    nameless = "fields" in reason
    assert found.generated_set.excluded == (
        Exclusion(
            id="row 3" if nameless else "bad",
            rule="unreadable",
            reason=f"row 3: {reason}",
            sha256=None if nameless else sha256("training/bad"),
        ),
    )


@pytest.mark.parametrize(
    ("row", "image_id", "reason"),
    [
        (",x,ann,0.5", "row 3", "row 3: column 'generated' is empty"),
        ("bad,,ann,0.5", "bad", "row 3: column 'source' is empty"),
        ("bad,x,,0.5", "bad", "row 3: column 'who' is empty"),
        ("bad,x,ann", "row 3", "row 3: 3 fields, expected 4"),
        ("bad", "row 3", "row 3: 1 field, expected 4"),
        (" ", "row 3", "row 3: 1 field, expected 4"),
        (",,,", "row 3", "row 3: column 'generated' is empty"),
        ("generated,source,who,similarity", "generated", "row 3: similarity 'similarity' is not a number"),
    ],
)
def test_a_row_without_names_is_counted(read: ReadList, row: str, image_id: str, reason: str) -> None:
    found = read(f"generated,source,who,similarity\na,x,ann,0.5\n{row}\nb,y,bob,0.25\n", PEOPLE)
    assert pairs(found) == {"a": [("x", 0.5)], "b": [("y", 0.25)]}
    assert reasons(found) == {image_id: reason}


def test_half_a_name_names_no_image(read: ReadList) -> None:
    columns = Columns(
        generated=("set", "file"), source=("source",), source_identity=None, similarity="similarity"
    )
    found = read("set,file,source,similarity\n,1.png,x,0.5\n01,2.png,x,0.5\n01,,x,0.5\n", columns)
    assert pairs(found) == {"01/2.png": [("x", 0.5)]}
    assert reasons(found) == {
        "row 2": "row 2: column 'set' is empty",
        "row 4": "row 4: column 'file' is empty",
    }


def test_a_bad_row_takes_the_good_rows_of_its_image_along(read: ReadList) -> None:
    found = read("generated,source,similarity\na,x,0.5\na,y,?\nb,x,0.25\na,z,\na,z,2\n")
    assert pairs(found) == {"b": [("x", 0.25)]}
    assert reasons(found) == {"a": "row 3: similarity '?' is not a number, and 2 more bad rows"}
    assert [image.id for image in found.generated_set.images] == ["b"]


def test_a_list_of_nothing_but_bad_rows(read: ReadList) -> None:
    found = read("generated,source,similarity\na,x,?\nb,x,?\n")
    assert len(found.matches) == 0
    assert found.matches.source_index.shape == found.matches.similarity.shape == (0, 1)
    assert list(reasons(found)) == ["a", "b"]


def test_cosines_a_little_over_one_are_one(read: ReadList) -> None:
    found = read("generated,source,similarity\na,x,1.0000005\nb,x,-1.0000005\n")
    assert pairs(found) == {"a": [("x", 1.0)], "b": [("x", -1.0)]}


def parquet(columns: dict[str, pa.Array]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, row_group_size=2)
    return bytes(sink.getvalue())


NAMES = {"generated": pa.array(["b", "a", "c"]), "source": pa.array(["y", "x", "y"])}


@pytest.mark.parametrize(
    "columns",
    [
        NAMES | {"similarity": pa.array([0.25, -0.5, 0.125])},
        NAMES | {"similarity": pa.array([0.25, -0.5, 0.125], pa.float32())},
        NAMES | {"similarity": pa.array(np.array([0.25, -0.5, 0.125], np.float16))},
        NAMES | {"similarity": pa.array(["0.25", "-0.5", "0.125"])},
        NAMES | {"similarity": pa.array([0.25, -0.5, 0.125]), "other": pa.array([[1], [2], [3]])},
        {
            "generated": pa.array(["b", "a", "c"]).dictionary_encode(),
            "source": pa.array(["y", "x", "y"], pa.large_string()),
            "similarity": pa.array([0.25, -0.5, 0.125]),
        },
    ],
    ids=["float64", "float32", "float16", "text", "other columns", "dictionary"],
)
def test_parquet_is_told_by_its_first_bytes(read: ReadList, columns: dict[str, pa.Array]) -> None:
    data = parquet(columns)
    found = read(data)
    assert pairs(found) == {"a": [("x", -0.5)], "b": [("y", 0.25)], "c": [("y", 0.125)]}
    assert found.sha256 == sha256(data)


def test_parquet_keeps_every_bit_of_a_float(read: ReadList) -> None:
    values = np.array([0.1, 1 / 3, 0.54043698], np.float32)
    found = read(parquet(NAMES | {"similarity": pa.array(values)}))
    assert pairs(found) == {
        "a": [("x", float(values[1]))],
        "b": [("y", float(values[0]))],
        "c": [("y", float(values[2]))],
    }


def test_parquet_names_may_be_numbers(read: ReadList) -> None:
    numbers = {
        "generated": pa.array([10, 9, 8]),
        "source": pa.array([1, 2, 1]),
        "similarity": pa.array([0.5, 0, 0.1]),
    }
    assert pairs(read(parquet(numbers))) == {"10": [("1", 0.5)], "8": [("1", 0.1)], "9": [("2", 0.0)]}


def test_bad_rows_of_parquet_are_counted(read: ReadList) -> None:
    columns = {
        "generated": pa.array(["a", "b", None, "d", "e"]),
        "source": pa.array(["x", "x", "x", None, "x"]),
        "similarity": pa.array([0.5, None, 0.5, 0.5, float("nan")]),
    }
    found = read(parquet(columns))
    assert pairs(found) == {"a": [("x", 0.5)]}
    assert reasons(found) == {
        "b": "row 2: column 'similarity' is empty",
        "d": "row 4: column 'source' is empty",
        "e": "row 5: similarity 'nan' is not a number",
        "row 3": "row 3: column 'generated' is empty",
    }


def test_progress_ends_with_all_rows(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(GOOD)
    calls: list[tuple[str, int, int]] = []
    MatchListReader(dataset(tmp_path / "list.csv", columns=PLAIN)).read_matches(
        lambda *call: calls.append(call)
    )
    assert calls == [("reading training", 3, 3)]


def test_a_list_is_not_blown_up_by_one_image(read: ReadList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_MAX_CELLS", 5)
    with pytest.raises(Exception, match="names 3 source images for one generated image"):
        read("generated,source,similarity\na,x,0\na,y,0\na,z,0\nb,x,0.1\n")
