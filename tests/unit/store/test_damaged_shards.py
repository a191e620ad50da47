from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from tiny_store import (
    DIMENSION,
    SPEC,
    arrays,
    assert_same,
    digests,
    faces_with,
    folder_of,
    found_faces,
    keys,
    missing,
    rows,
    shards,
    templates,
    without,
    write_shard,
)

from faceleak_check.store.templates import DiskTemplateStore

Damage = Callable[[Path], None]


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-5])


def empty(shard: Path) -> None:
    shard.write_bytes(b"")


def alter_a_byte(shard: Path) -> None:
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)


def replace_by_a_folder(shard: Path) -> None:
    shard.unlink()
    shard.mkdir()


def replace_by_a_pipe(shard: Path) -> None:
    shard.unlink()
    os.mkfifo(shard)


def replace_by_a_dangling_link(shard: Path) -> None:
    shard.unlink()
    shard.symlink_to("nowhere")


@pytest.mark.parametrize(
    "damage",
    [truncate, empty, alter_a_byte, replace_by_a_folder, replace_by_a_pipe, replace_by_a_dangling_link],
)
def test_a_damaged_shard_is_passed_over_and_its_images_are_missing(
    damage: Damage, root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a", "b"), templates(2, seed=1))
    (shard,) = shards(root)
    store.add(digests("c"), templates(1, seed=2))
    damage(shard)

    found = DiskTemplateStore(root, SPEC)
    found.refresh()

    assert found.damaged == (shard.name,)
    assert missing(found, "a", "b", "c") == ["a", "b"]
    assert_same(found.get(keys("c")), templates(1, seed=2))


@pytest.mark.parametrize("damage", [truncate, empty, alter_a_byte, replace_by_a_dangling_link])
def test_embedding_again_puts_a_whole_shard_in_the_place_of_a_damaged_one(
    damage: Damage, root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a", "b"), templates(2))
    (shard,) = shards(root)
    damage(shard)
    waiting = DiskTemplateStore(root, SPEC)

    DiskTemplateStore(root, SPEC).add(digests("a", "b"), templates(2))
    waiting.refresh()

    for found in (waiting, DiskTemplateStore(root, SPEC)):
        assert_same(found.get(keys("a", "b")), templates(2))
    assert DiskTemplateStore(root, SPEC).damaged == ()


def test_a_shard_that_was_made_whole_again_is_not_taken_away(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a", "b"), templates(2))
    (shard,) = shards(root)
    alter_a_byte(shard)
    waiting, mending = DiskTemplateStore(root, SPEC), DiskTemplateStore(root, SPEC)

    with mending.embedding():
        assert shards(root) == []
        mending.add(digests("a", "b"), templates(2))
    for again in (mending, waiting):
        with again.embedding():
            assert shards(root) == [shard]
        assert again.damaged == (shard.name,)
    assert_same(DiskTemplateStore(root, SPEC).get(keys("a", "b")), templates(2))


def test_a_foreign_file_with_a_shards_ending_is_passed_over(root: Path, store: DiskTemplateStore) -> None:
    (folder_of(root) / "model.safetensors").write_bytes(save({"x": np.zeros(3)}))
    (folder_of(root) / "notes.txt").write_text("not a shard")
    found = DiskTemplateStore(root, SPEC)
    assert (found.damaged, len(found)) == (("model.safetensors",), 0)


UNSOUND = {
    "another dimension": arrays(vectors=rows(3, dimension=5).vectors),
    "one row": arrays(vectors=rows(2).vectors[0]),
    "a vector alone": arrays(vectors=np.ones((), np.float32)),
    "fewer vectors": arrays(vectors=rows(2).vectors),
    "more vectors": arrays(vectors=rows(4).vectors),
    "fewer norms": arrays(norms=rows(2).norms),
    "float64 vectors": arrays(vectors=rows(3).vectors.astype(np.float64)),
    "float16 vectors": arrays(vectors=rows(3).vectors.astype(np.float16)),
    "float64 norms": arrays(norms=rows(3).norms.astype(np.float64)),
    "short digests": arrays(digests=np.zeros((2, 20), np.uint8)),
    "digests of integers": arrays(digests=np.zeros((2, 32), np.int64)),
    "a scalar": arrays(digests=np.zeros((), np.uint8)),
    "digests in a row": arrays(digests=np.zeros(64, np.uint8)),
    "no digests": without("digests"),
    "NaN": arrays(vectors=np.full((3, DIMENSION), np.nan, np.float32)),
    "zeros": arrays(vectors=np.zeros((3, DIMENSION), np.float32)),
    "rows of length 2": arrays(vectors=2 * rows(3).vectors),
    "infinite": arrays(vectors=np.full((3, DIMENSION), np.inf, np.float32)),
    "a norm of NaN": arrays(norms=np.array([1, 1, np.nan], np.float32)),
    "a norm of 0": arrays(norms=np.array([1, 1, 0], np.float32)),
    "an infinite norm": arrays(norms=np.array([1, 1, np.inf], np.float32)),
    "no norms": without("norms"),
    "no vectors": without("vectors"),
    "no numbers of faces": without("n_faces"),
    "more faces than rows": arrays(n_faces=np.array([2, 2])),
    "fewer faces than rows": arrays(n_faces=np.array([2, 0])),
    "less than no face": arrays(n_faces=np.array([4, -1])),
    "a sum that runs over": arrays(
        digests=np.zeros((3, 32), np.uint8), n_faces=np.array([2**63 - 1, 2**63 - 1, 5])
    ),
    "numbers of one image": arrays(n_faces=np.array([3])),
    "numbers of three images": arrays(n_faces=np.array([1, 1, 1])),
    "numbers of faces in 32 bits": arrays(n_faces=np.array([2, 1], np.int32)),
    "numbers of faces that are floats": arrays(n_faces=np.array([2.0, 1.0])),
    "fewer boxes": arrays(faces=arrays()["faces"][:2]),
    "boxes alone": arrays(faces=arrays()["faces"][:, :4]),
    "float64 boxes": arrays(faces=arrays()["faces"].astype(np.float64)),
    "a box of NaN": arrays(faces=faces_with(np.nan, 0)),
    "an infinite point": arrays(faces=faces_with(np.inf, 13)),
    "a confidence above 1": arrays(faces=faces_with(1.01, 14)),
    "a confidence below 0": arrays(faces=faces_with(-0.01, 14)),
}


def test_a_shard_of_sound_templates_is_used(root: Path, store: DiskTemplateStore) -> None:
    write_shard(root, save(arrays(), {"spec": SPEC.sha256}))
    found = DiskTemplateStore(root, SPEC)
    assert found.damaged == ()
    assert_same(found.get(keys("a", "b")), found_faces(2, 1))


@pytest.mark.parametrize("content", UNSOUND.values(), ids=UNSOUND)
def test_a_shard_of_unsound_templates_is_never_used(
    content: dict[str, Any], root: Path, store: DiskTemplateStore
) -> None:
    name = write_shard(
        root,
        save({key: np.ascontiguousarray(array) for key, array in content.items()}, {"spec": SPEC.sha256}),
    )
    found = DiskTemplateStore(root, SPEC)
    assert (found.damaged, missing(found, "a", "b")) == ((name,), ["a", "b"])


def test_a_shard_of_a_number_type_that_numpy_has_not_is_never_used(
    root: Path, store: DiskTemplateStore
) -> None:
    header = b'{"digests":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    name = write_shard(root, len(header).to_bytes(8, "little") + header + b"ab")
    assert DiskTemplateStore(root, SPEC).damaged == (name,)
