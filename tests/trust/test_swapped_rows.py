"""Ids, bytes, chips, templates and pairs stay together: each pair names the right two images, whatever the sizes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planting import judged, leaks, write
from recordio_files import plain_records

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedding import EmbeddedSets
from faceleak_check.errors import StoreError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.ray.answers import Answers, require_kept
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.schema import ArrayNames, Dataset, EmbedderChoice, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.records import DigestIndex, Exclusion
from faceleak_check.store.templates import DiskTemplateStore

BATCH, SHARD = FakePixels.batch_size, 4096
SEED = 7


def pictures(n: int, seed: int = SEED) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Different pictures of 8 x 8 pixels, which are their own templates."""
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


def save(root: Path, name: str, found: np.ndarray[Any, np.dtype[np.uint8]], names: Sequence[str]) -> None:
    np.savez(root / f"{name}.npz", data=found, names=np.array(names))


def arrays(name: str) -> str:
    return f"path: {name}.npz, format: arrays, arrays: {{data: data, ids: names}}"


@pytest.mark.parametrize("n", [1, 2, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH - 1, 3 * BATCH + 1])
def test_every_pair_names_the_right_images_around_the_borders_of_batches(tmp_path: Path, n: int) -> None:
    """Each generated image is a copy of another source image, in an order of its own: a shift would pair others."""
    order = np.random.default_rng(n).permutation(n)
    save(tmp_path, "training", pictures(n), [f"s{row:05}" for row in range(n)])
    save(
        tmp_path,
        "generated",
        pictures(n)[order],
        [f"g{row:05}" for row in np.random.default_rng(n + 1).permutation(n)],
    )
    names = np.load(tmp_path / "generated.npz")["names"]
    found = leaks(judged(tmp_path, generated=arrays("generated"), training=arrays("training")))
    assert found == {name: f"s{row:05}" for name, row in zip(names, order, strict=True)}


def dataset(path: Path) -> Dataset:
    return Dataset(
        name="set",
        path=path,
        format="arrays",
        labels=Labels(kind="none"),
        columns=None,
        line=1,
        column=1,
        arrays=ArrayNames(data="data", ids="names"),
    )


def embedded(store: Path, path: Path, **executor: int) -> EmbeddedSet:
    choice = EmbedderChoice(name="fake-pixels", align="none")
    sets = EmbeddedSets(store, LocalExecutor(decode, **executor), lambda *_: None, [])  # type: ignore[arg-type]
    return sets.embed(dataset(path), choice, FakePixels(choice))


def are_their_own(one: EmbeddedSet, expected: Mapping[str, np.ndarray[Any, np.dtype[np.uint8]]]) -> bool:
    """Whether each image has the template of its own pixels."""
    chips = np.stack([expected[image.id] for image in one.images])
    mine = FakePixels(EmbedderChoice(name="fake-pixels")).embed(chips)
    return np.array_equal(np.asarray(one.templates.templates.vectors), mine.vectors)


@pytest.mark.parametrize("n", [SHARD - 1, SHARD, SHARD + 1])
def test_every_template_is_that_of_its_image_around_the_borders_of_shards(tmp_path: Path, n: int) -> None:
    names = [f"{row:05}" for row in np.random.default_rng(n).permutation(n)]
    save(tmp_path, "set", pictures(n), names)
    one = embedded(tmp_path / "store", tmp_path / "set.npz")
    assert are_their_own(one, dict(zip(names, pictures(n), strict=True)))
    assert len(one.images) == n


def test_every_template_is_that_of_its_image_after_many_runs(tmp_path: Path) -> None:
    """Small shards of several runs in another order, with parts that are there already, and contents twice."""
    n = 200
    every = pictures(n)
    every[150:] = every[20:70]
    random = np.random.default_rng(SEED)
    for part in range(6):
        some = random.permutation(n)[: 40 + 10 * part]
        names = [f"{row:05}" for row in some]
        save(tmp_path, f"part{part}", every[some], names)
        one = embedded(tmp_path / "store", tmp_path / f"part{part}.npz", n_threads=3, shard_images=7)
        assert are_their_own(one, {name: every[row] for name, row in zip(names, some, strict=True)})


def test_threads_that_finish_in_another_order_swap_nothing(tmp_path: Path) -> None:
    """The first batches take longest."""
    n, lock, seen = 6 * BATCH, threading.Lock(), [0]
    names = [f"{row:05}" for row in range(n)]
    save(tmp_path, "set", pictures(n), names)
    late = threading.Event()

    def slow(data: bytes) -> Any:
        with lock:
            seen[0] += 1
            number = seen[0]
        if number >= 3 * BATCH:
            late.set()
        if number <= 2:
            late.wait(5)
        return decode(data)

    choice = EmbedderChoice(name="fake-pixels", align="none")
    sets = EmbeddedSets(tmp_path / "store", LocalExecutor(slow, 4, shard_images=50), lambda *_: None, [])
    one = sets.embed(dataset(tmp_path / "set.npz"), choice, FakePixels(choice))
    assert late.is_set()
    assert are_their_own(one, dict(zip(names, pictures(n), strict=True)))


def test_unreadable_images_shift_no_others(tmp_path: Path) -> None:
    """At the beginning, in the middle and at the end of batches."""
    n = 3 * BATCH
    lost = {0, 1, BATCH - 1, BATCH, 2 * BATCH + 5, n - 1}
    source = {f"{row:05}.ppm": b"P6 8 8 255\n" + picture.tobytes() for row, picture in enumerate(pictures(n))}
    write(tmp_path / "training", source)
    order = np.random.default_rng(SEED).permutation(n)
    write(
        tmp_path / "generated",
        {
            f"g{row:05}.ppm": b"P6" if row in lost else source[f"{other:05}.ppm"]
            for row, other in enumerate(order)
        },
    )
    verdict = judged(tmp_path)
    assert leaks(verdict) == {
        f"g{row:05}.ppm": f"{other:05}.ppm" for row, other in enumerate(order) if row not in lost
    }
    assert [gone.id for gone in verdict.sets["generated"].excluded] == [
        f"g{row:05}.ppm" for row in sorted(lost)
    ]


def test_records_whose_index_names_them_in_another_order_swap_nothing(tmp_path: Path) -> None:
    n = 40
    contents = [b"P6 8 8 255\n" + picture.tobytes() for picture in pictures(n)]
    plain_records(contents).write(tmp_path / "training")
    order = np.random.default_rng(SEED).permutation(n)
    records = plain_records([contents[row] for row in order])
    records.places = [(int(order[number]), place) for number, place in records.places]
    records.write(tmp_path / "generated")
    found = leaks(
        judged(
            tmp_path,
            generated="path: generated, format: recordio",
            training="path: training, format: recordio",
        )
    )
    assert found == {f"{row:08}": f"{row:08}" for row in range(n)}


def test_contents_whose_digests_begin_alike_are_told_apart() -> None:
    """The index of digests looks at their first eight bytes first."""
    digests = np.zeros((6, 32), np.uint8)
    digests[:, 31] = [5, 3, 3, 1, 9, 5]
    index = DigestIndex(digests)
    assert index.first(digests).tolist() == [0, 1, 1, 3, 4, 0]
    assert index.firsts.tolist() == [0, 1, 1, 3, 4, 0]
    unknown = digests[:1].copy()
    unknown[0, 31] = 7
    assert index.first(unknown).tolist() == [-1]
    assert index.rows_among({digests[1].tobytes().hex()}).tolist() == [False, True, True, False, False, False]


# ----------------------------------------------------------------------------------------- what a cluster hands back


def test_parts_that_a_cluster_hands_back_in_another_order_swap_nothing() -> None:
    answers = Answers([range(10), range(10, 20), range(20, 25)])
    for part, gone in ((2, [(4, "damaged")]), (0, []), (1, [(0, "cut")]), (1, [(0, "cut")])):
        answers.take({"event": "answer", "part": part, "node": "a", "host": "b", "gone": gone})
    assert answers.gone == {24: ("b", "damaged"), 10: ("b", "cut")}


def test_a_part_that_a_cluster_never_hands_back_gives_no_verdict(tmp_path: Path) -> None:
    names = [f"{row:05}" for row in range(50)]
    save(tmp_path, "set", pictures(50), names)
    save(tmp_path, "part", pictures(50)[:49], names[:49])
    embedded(tmp_path / "store", tmp_path / "part.npz")
    whole = embedded(tmp_path / "other", tmp_path / "set.npz").images
    spec = FakePixels(EmbedderChoice(name="fake-pixels")).spec
    store = DiskTemplateStore(tmp_path / "store", spec)
    with pytest.raises(
        StoreError, match="results of Ray workers are not in the store of this machine: 1 of 50"
    ):
        require_kept(whole, (), store)
    lost = Exclusion(id=names[49], rule="unreadable", reason="cut", sha256=whole[49].sha256)
    require_kept(whole, (lost,), store)
