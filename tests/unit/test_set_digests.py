from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceleak_check.records import Exclusion, ImageColumns, ImageList, ImageRef, ImageSet, digest_array

CONTENTS = st.sampled_from([f"{n:02x}" * 32 for n in range(3)])
NAMES = st.text(alphabet="ab/é\U00010000\uffff", max_size=4) | st.sampled_from(
    ["\0", "a\0", "\udce9", "\udcc3", "\udca9b"]
)
LABELS = st.lists(st.sampled_from(["ann", "zoë", ""]), max_size=2).map(tuple)
REFS = st.builds(ImageRef, id=NAMES, sha256=CONTENTS, labels=LABELS)
LOST = st.builds(Exclusion, id=NAMES, rule=st.just("torn"), reason=st.just(""), sha256=st.none() | CONTENTS)


def plain(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


@pytest.fixture(params=[1, 9, 1 << 21])
def letters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of any size."""
    monkeypatch.setattr("faceleak_check.records.set_digests._LETTERS", request.param)


@given(st.lists(REFS, max_size=8), st.lists(LOST, max_size=3), st.booleans())
def test_the_digest_is_that_of_sorted_lines(
    refs: list[ImageRef], lost: list[Exclusion], in_order: bool
) -> None:
    refs = sorted(refs, key=lambda ref: (ref.id, ref.sha256)) if in_order else refs
    found = ImageSet(name="x", images=refs, excluded=tuple(lost))  # type: ignore[arg-type]
    lines = [(ref.id, ref.sha256) for ref in refs] + [(gone.id, gone.sha256 or gone.rule) for gone in lost]
    assert found.sha256 == plain("".join(f"{digest} {name}\0" for name, digest in sorted(lines)))


@given(st.lists(REFS, min_size=1, max_size=8, unique_by=lambda ref: ref.id), st.booleans())
def test_the_digest_of_people_is_that_of_sorted_lines(refs: list[ImageRef], in_order: bool) -> None:
    by_id = sorted(refs, key=lambda ref: ref.id)
    found = ImageSet(name="x", images=by_id if in_order else refs)  # type: ignore[arg-type]
    expected = plain("".join("\0".join((ref.id, *ref.labels)) + "\0\0" for ref in by_id))
    assert found.labels_sha256 == (expected if any(ref.labels for ref in refs) else None)


@pytest.mark.usefixtures("letters")
def test_blocks_do_not_matter() -> None:
    ids = sorted(f"{'x' * (n % 13)}{n:03}" for n in range(200))
    people = [("ann",) if n % 3 else () for n in range(200)]
    columns = ImageColumns.of(ids, digest_array(f"{n:064x}" for n in range(200)), people)
    lost = tuple(Exclusion(id=f"{name}!", rule="torn", reason="") for name in ids[::40])
    found = ImageSet(name="x", images=ImageList(columns), excluded=lost)
    lines = [(name, f"{n:064x}") for n, name in enumerate(ids)] + [(gone.id, "torn") for gone in lost]
    assert found.sha256 == plain("".join(f"{digest} {name}\0" for name, digest in sorted(lines)))
    named = ("\0".join((name, *who)) + "\0\0" for name, who in zip(ids, people, strict=True))
    assert found.labels_sha256 == plain("".join(named))


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("swapped", [0, 1, 57, 198])
def test_one_pair_in_the_wrong_order_is_put_right(swapped: int) -> None:
    columns = ImageColumns.numbered("row ", digest_array(f"{n:064x}" for n in range(200)))
    rows = np.arange(200)
    rows[[swapped, swapped + 1]] = rows[[swapped + 1, swapped]]
    turned = ImageSet(name="x", images=ImageList(columns, rows))
    assert turned.sha256 == ImageSet(name="x", images=ImageList(columns)).sha256


def test_a_part_of_a_list_has_a_digest_of_its_own() -> None:
    columns = ImageColumns.numbered("row ", digest_array(f"{n:064x}" for n in range(9)))
    part = ImageList(columns, np.array([2, 5]))
    assert ImageSet(name="x", images=part).sha256 == plain(f"{2:064x} row 00000002\0{5:064x} row 00000005\0")


@pytest.mark.parametrize(
    "ids",
    [
        ["xa", "x", "y"],
        ["a\0", "a", "b"],
        # one after the other their bytes are in order and Unicode; their texts are neither
        ["A\ue000", "A\udcef", "\udcbf\udcbf"],
    ],
)
def test_names_whose_order_is_hard_to_see(ids: list[str]) -> None:
    refs = [ImageRef(id=name, sha256=f"{n:064x}") for n, name in enumerate(ids)]
    lines = sorted((ref.id, ref.sha256) for ref in refs)
    expected = plain("".join(f"{digest} {name}\0" for name, digest in lines))
    assert ImageSet(name="x", images=ImageList.of(refs)).sha256 == expected
