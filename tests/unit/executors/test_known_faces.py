from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from faceleak_check.executors.known_faces import KnownFaces
from faceleak_check.records import Face, ImageRef

numbers = st.floats(allow_nan=False)
points = st.tuples(numbers, numbers)
faces = st.builds(
    Face,
    box=st.tuples(numbers, numbers, numbers, numbers),
    points=st.tuples(points, points, points, points, points),
    confidence=numbers,
)


@given(st.lists(st.none() | st.lists(faces, max_size=3).map(tuple), max_size=4))
def test_faces_come_back_as_they_were_also_from_a_pickle(found: list[tuple[Face, ...] | None]) -> None:
    images = [ImageRef(id=str(row), sha256=f"{row:064x}") for row in range(len(found))]
    known = KnownFaces.of(images, lambda image: found[int(image.id)])
    again = pickle.loads(pickle.dumps(known))
    assert list(map(known, images)) == list(map(again, images)) == found


def test_a_face_takes_little_room() -> None:
    face = Face(box=(0, 0, 1, 1), points=((0, 0),) * 5, confidence=1)
    images = [ImageRef(id=str(row), sha256=f"{row:064x}") for row in range(1000)]
    assert len(pickle.dumps(KnownFaces.of(images, lambda image: (face,)))) < 1000 * 250
