"""Merkle trees, and the lists of files that they are built on."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceleak_check.records import (
    Exclusion,
    ImageColumns,
    ImageList,
    ImageRef,
    ImageSet,
    MerkleTree,
    digest_array,
)
from faceleak_check.records.merkle import merkle_sha256
from faceleak_check.reports.file_lists import Difference, differences, root_of

# The leaves and roots of Certificate Transparency's reference tests, which transparency-dev/merkle and others use:
# the root of the first n leaves stands in row n.
PUBLISHED_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
PUBLISHED_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def by_the_book(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, word for word."""
    n = len(leaves)
    if n == 0:
        return hashlib.sha256().digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < n:
        k *= 2
    return hashlib.sha256(b"\x01" + by_the_book(leaves[:k]) + by_the_book(leaves[k:])).digest()


@pytest.mark.parametrize("n", range(len(PUBLISHED_ROOTS)))
def test_published_vectors(n: int) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in PUBLISHED_LEAVES[:n]]
    assert merkle_sha256(leaves) == by_the_book(leaves).hex() == PUBLISHED_ROOTS[n]


@pytest.mark.parametrize("size", [1, 2, 4, 1 << 15])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 31, 64, 65, 100])
def test_parts_of_any_size_give_the_tree_of_the_book(
    n: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceleak_check.records.merkle._LEAVES", size)
    leaves = [b"%d" % row for row in range(n)]
    expected = by_the_book(leaves).hex()
    assert merkle_sha256(leaves) == expected
    tree, seed = MerkleTree(), random.Random(n)
    rest = leaves
    while rest:
        some = seed.randint(0, 5)
        tree.add(rest[:some])
        rest = rest[some:]
    assert tree.sha256 == tree.sha256 == expected


NAMES = st.text(alphabet="ab /é\\\n\r\U00010000\uffff*", max_size=4) | st.sampled_from(
    ["\0", "a\0", "\udce9", "\udcc3", "\udca9b", " a", "*a"]
)
CONTENTS = st.sampled_from([f"{n:02x}" * 32 for n in range(3)])
REFS = st.builds(ImageRef, id=NAMES, sha256=CONTENTS, labels=st.just(()))
LOST = st.builds(Exclusion, id=NAMES, rule=st.just("torn"), reason=st.just(""), sha256=st.none() | CONTENTS)


def escaped(name: bytes, digest: str) -> bytes:
    """As the manual of sha256sum says."""
    plain = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if plain != name else b"") + digest.encode() + b"  " + plain


def listed(found: ImageSet) -> list[bytes]:
    text = b"".join(found.manifest())
    assert text == b"" or text.endswith(b"\n")
    return text.removesuffix(b"\n").split(b"\n") if text else []


@given(st.lists(REFS, max_size=8), st.lists(LOST, max_size=3), st.booleans())
@example([ImageRef(id="é", sha256="0" * 64), ImageRef(id="\udc80", sha256="0" * 64)], [], False)
@example([], [Exclusion(id=name, rule="torn", reason="") for name in ("é", "\udc80")], True)
def test_a_manifest_is_in_the_order_of_the_bytes(
    refs: list[ImageRef], lost: list[Exclusion], in_order: bool
) -> None:
    by_bytes = sorted(refs, key=lambda ref: (os.fsencode(ref.id), ref.sha256))
    found = ImageSet(name="x", images=by_bytes if in_order else refs, excluded=tuple(lost))  # type: ignore[arg-type]
    lines = [(os.fsencode(ref.id), ref.sha256) for ref in refs]
    lines += [(os.fsencode(gone.id), gone.sha256 or gone.rule) for gone in lost]
    assert listed(found) == [escaped(*line) for line in sorted(lines)]


@pytest.mark.parametrize("letters", [1, 9, 1 << 21])
def test_blocks_of_names_do_not_matter(letters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceleak_check.records.set_digests._LETTERS", letters)
    ids = sorted(f"{'x' * (n % 13)}{n:03}" for n in range(200))
    columns = ImageColumns.of(ids, digest_array(f"{n:064x}" for n in range(200)))
    lost = tuple(Exclusion(id=f"{name}!", rule="torn", reason="") for name in ids[::40])
    found = ImageSet(name="x", images=ImageList(columns), excluded=lost)
    lines = [(name.encode(), f"{n:064x}") for n, name in enumerate(ids)]
    lines += [(gone.id.encode(), "torn") for gone in lost]
    assert listed(found) == [digest.encode() + b"  " + name for name, digest in sorted(lines)]


ODD = [
    b"plain.png",
    b"with space.png",
    b" first.png",
    b"*star.png",
    b"-dash.png",
    b"back\\slash.png",
    b"line\nbreak.png",
    b"carriage\rreturn.png",
    b"\\n.png",
    b"not utf-8 \xff.png",
    "صورة.png".encode(),
    "写真.png".encode(),
    b"<script>alert(1)</script".replace(b"/", b"-") + b".png",
    b"\x1b[31mred.png",
]


def test_sha256sum_accepts_a_manifest(tmp_path: Path) -> None:
    """The real one, on names of every kind."""
    refs = []
    for row, name in enumerate(ODD):
        data = b"%d" % row
        (tmp_path / os.fsdecode(name)).write_bytes(data)
        refs.append(ImageRef(id=os.fsdecode(name), sha256=hashlib.sha256(data).hexdigest()))
    found = ImageSet(name="x", images=ImageList.of(refs))
    manifest = tmp_path.parent / "manifest.txt"
    manifest.write_bytes(b"".join(found.manifest()))

    def check() -> subprocess.CompletedProcess[bytes]:
        command = ["sha256sum", "--check", "--strict", "--quiet", manifest]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    assert (check().returncode, check().stdout, check().stderr) == (0, b"", b"")
    (tmp_path / "back\\slash.png").write_bytes(b"another")
    assert check().returncode == 1
    assert check().stdout == b"back\\slash.png: FAILED\n"


# ---------------------------------------------------------------------------------------------- differences


def lines_of(**files: str) -> list[bytes]:
    return [f"{digest * 64}  {name}".encode() for name, digest in sorted(files.items())]


def test_how_lists_differ() -> None:
    before = lines_of(a="0", b="1", d="2", e="3")
    now = lines_of(a="0", b="9", c="4", e="3", f="5")
    assert list(differences(before, now)) == [
        Difference(name="b", kind="changed"),
        Difference(name="c", kind="added"),
        Difference(name="d", kind="missing"),
        Difference(name="f", kind="added"),
    ]
    assert list(differences(before, before)) == []
    assert [one.kind for one in differences(before, [])] == ["missing"] * 4
    assert [one.kind for one in differences([], now)] == ["added"] * 5


def test_names_are_compared_as_they_are_and_not_as_they_are_escaped() -> None:
    """A backslash comes after a letter in capitals, and two of them before one and a small letter."""
    names = sorted(ODD)
    before = [escaped(name, "0" * 64) for name in names]
    for row, name in enumerate(names):
        now = [line for line in before if line != before[row]]
        assert list(differences(before, now)) == [Difference(name=os.fsdecode(name), kind="missing")]
        changed = [*before[:row], escaped(name, "1" * 64), *before[row + 1 :]]
        assert list(differences(before, changed)) == [Difference(name=os.fsdecode(name), kind="changed")]


def test_the_root_of_a_list() -> None:
    lines = lines_of(a="0", b="1", c="2")
    assert root_of(lines) == by_the_book(lines).hex()
