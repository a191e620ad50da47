from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceleak_check.records import FaceTemplates, Rows, Templates

PARTS = st.lists(st.integers(0, 4), min_size=1, max_size=4)


def parts_of(lengths: list[int]) -> list[np.ndarray]:
    every = np.arange(3 * sum(lengths), dtype=np.float32).reshape(-1, 3)
    return np.split(every, np.cumsum(lengths)[:-1])


@given(PARTS, st.data())
def test_rows_are_what_the_joined_array_has(lengths: list[int], data: st.DataObject) -> None:
    parts = parts_of(lengths)
    joined, rows = np.concatenate(parts), Rows(parts)
    n = len(joined)
    assert (len(rows), rows.shape, rows.dtype) == (n, (n, 3), np.float32)
    assert np.array_equal(np.asarray(rows), joined)
    some = np.array(data.draw(st.lists(st.integers(-n, n - 1))) if n else [], dtype=np.int64)
    start, end = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    mask = np.arange(n) % 2 == 0
    for index in (some, slice(start, end), mask):
        assert np.array_equal(rows[index], joined[index])
        assert rows[index].dtype == np.float32
    taken = rows.taken(some)
    assert isinstance(taken, Rows)
    assert np.array_equal(np.asarray(taken), joined[some])
    again = np.arange(len(some))[::-1]
    assert np.array_equal(np.asarray(taken.taken(again)), joined[some][::-1])
    assert np.array_equal(taken.columns(slice(2))[:], joined[some][:, :2])
    assert taken.columns(slice(2)).shape == (len(some), 2)
    if n:
        assert np.array_equal(rows[n - 1], joined[-1])
        assert np.array_equal(rows[-1], joined[-1])


def test_memory_mapped_parts_stay_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    rows = Rows([mapped, mapped]).taken(np.array([3, 0]))
    assert type(rows[:]) is np.ndarray
    assert rows[:].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_templates_on_disk_are_taken_like_those_in_memory() -> None:
    vectors = np.eye(5, 3, dtype=np.float32)
    faces = np.arange(75, dtype=np.float32).reshape(5, 15)
    n_faces = np.array([2, 0, 1, 2])
    norms = np.arange(1, 6, dtype=np.float32)
    here = FaceTemplates(n_faces=n_faces, templates=Templates(vectors=vectors, norms=norms), faces=faces)
    there = FaceTemplates(
        n_faces=n_faces,
        templates=Templates(vectors=Rows([vectors[:2], vectors[2:]]), norms=norms),
        faces=Rows([faces]),
    )
    for rows, largest_only in (
        (np.array([3, 0]), False),
        (np.array([0, 1, 3]), True),
        (np.array([1]), False),
    ):
        one, other = (each.taken(rows, largest_only=largest_only) for each in (here, there))
        assert one.n_faces.tolist() == other.n_faces.tolist()
        assert isinstance(other.templates.vectors, Rows)
        assert np.array_equal(one.templates.vectors, np.asarray(other.templates.vectors))
        assert np.array_equal(one.templates.norms, other.templates.norms)
        assert isinstance(other.boxes, Rows)
        assert isinstance(one.boxes, np.ndarray)
        assert np.array_equal(one.boxes, np.asarray(other.boxes))
        assert [one.face(row) for row in range(len(one.templates))] == [
            other.face(row) for row in range(len(other.templates))
        ]
