from __future__ import annotations

import hashlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceleak_check.records import DigestIndex, ImageColumns, ImageList, ImageRef, digest_array

CONTENTS = st.sampled_from([f"{n:02x}" * 32 for n in range(5)])
# the same first eight bytes, so that they lie side by side in the index
NEAR = st.sampled_from(["ab" * 8 + f"{n:02x}" * 24 for n in range(4)])
REFS = st.builds(
    ImageRef,
    id=st.text(max_size=5) | st.just("caf\udce9.png"),
    sha256=CONTENTS | NEAR,
    labels=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
)


@given(st.lists(REFS, max_size=12))
def test_a_list_in_columns_is_equal_to_its_records(refs: list[ImageRef]) -> None:
    images = ImageList.of(refs)
    assert images == refs
    assert list(images) == refs
    assert [images[row] for row in range(len(refs))] == refs
    assert [images[row - len(refs)] for row in range(len(refs))] == refs
    assert images.contents == [ref.sha256 for ref in refs]
    assert images.labels == [ref.labels for ref in refs]
    assert images.names == {name for ref in refs for name in ref.labels}
    assert images[1:3] == refs[1:3]
    assert images.joined(images[:2]) == [*refs, *refs[:2]]
    assert images.joined(ImageList.of(refs[:2])) == [*refs, *refs[:2]]


@given(st.lists(REFS, min_size=1, max_size=12), st.data())
def test_a_part_of_a_part_is_the_part(refs: list[ImageRef], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(refs) - 1)))
    images = ImageList.of(refs).taken(np.array(rows, dtype=np.int64))
    picked = [refs[row] for row in rows]
    assert images == picked
    turned = np.arange(len(rows))[::-1]
    assert images.taken(turned) == picked[::-1]
    assert images.taken(turned).contents == [ref.sha256 for ref in picked[::-1]]
    assert images.relabelled([("x",)] * len(rows)).labels == [("x",)] * len(rows)
    in_order = images.in_order_of_content
    assert [images[row].sha256 for row in in_order.tolist()] == sorted(images.contents)


def test_equal_contents_keep_their_order() -> None:
    refs = [ImageRef(id=str(n), sha256=("b" if n % 2 else "a") * 64) for n in range(6)]
    assert ImageList.of(refs).in_order_of_content.tolist() == [0, 2, 4, 1, 3, 5]


def test_a_list_is_not_equal_to_another_one() -> None:
    one = ImageRef(id="a", sha256="a" * 64)
    assert ImageList.of([one]) != ImageList.of([])
    assert ImageList.of([one]) != [ImageRef(id="a", sha256="a" * 64, labels=("ann",))]
    assert ImageList.of([one]) != "a"
    assert ImageList.of([one]) is not None
    assert len({ImageList.of([one]), ImageList.of([one])}) == 1


def test_a_place_behind_the_end_is_refused() -> None:
    with pytest.raises(IndexError):
        ImageList.of([])[0]
    with pytest.raises(IndexError):
        ImageList.of([ImageRef(id="a", sha256="a" * 64)]).taken(np.array([0]))[1]


@given(st.lists(CONTENTS | NEAR, max_size=20), st.lists(CONTENTS | NEAR, max_size=8))
def test_the_index_finds_what_a_loop_finds(contents: list[str], wanted: list[str]) -> None:
    index = DigestIndex(digest_array(contents))
    firsts = [contents.index(one) if one in contents else -1 for one in wanted]
    assert index.first(digest_array(wanted)).tolist() == firsts
    assert index.firsts.tolist() == [contents.index(one) for one in contents]
    assert index.rows_among(wanted).tolist() == [one in wanted for one in contents]
    assert dict(index) == {
        one: [row for row, other in enumerate(contents) if other == one] for one in contents
    }
    assert len(index) == len(set(contents))
    for one in wanted:
        assert index.get(one, []) == [row for row, other in enumerate(contents) if other == one]


def test_an_image_takes_few_bytes() -> None:
    n = 20_000
    digests = np.frombuffer(b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(n)), np.uint8)
    tracemalloc.start()
    images = ImageList(ImageColumns.of([f"{n:08d}.png" for n in range(n)], digests.reshape(-1, 32)))
    assert len(images.by_content.firsts) == n
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now / n < 60  # beside the digests, which were there before: id, place, person, index


# ------------------------------------------------------------------------------------------- columns by the number


@pytest.mark.parametrize("n", [0, 1, 11])
def test_rows_are_numbered(n: int) -> None:
    digests = digest_array([f"{row:064x}" for row in range(n)])
    refs = [ImageRef(id=f"b\udce9.npy/row {row:08d}", sha256=f"{row:064x}") for row in range(n)]
    assert ImageList(ImageColumns.numbered("b\udce9.npy/row ", digests)) == refs


def test_more_rows_take_more_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceleak_check.records.image_list._DIGITS", 1)
    columns = ImageColumns.numbered("", digest_array(["ab" * 32] * 11))
    assert [image.id for image in ImageList(columns)] == [f"{row:02d}" for row in range(11)]


@given(st.lists(st.lists(REFS, max_size=4), min_size=1, max_size=4))
def test_columns_one_after_the_other(parts: list[list[ImageRef]]) -> None:
    columns = ImageColumns.joined([ImageList.of(part).columns for part in parts])
    assert ImageList(columns) == [ref for part in parts for ref in part]
