from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raw_pictures import (
    BrokenPixels,
    CountingPixels,
    Files,
    UnloadablePixels,
    Write,
    contents,
    decode,
    digest,
    digests,
    missing,
    numbered,
    picture,
    silent,
    threads_left,
    vectors_of,
)

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import ModelError, StoreError
from faceleak_check.executors import local
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, EmbedStage
from faceleak_check.faces.align import WholePictures
from faceleak_check.protocols import Pixels, Progress
from faceleak_check.records import Exclusion, FaceTemplates, ImageRef, digest_array
from faceleak_check.store.templates import DiskTemplateStore

BATCH = FakePixels.batch_size
Told = tuple[str, int, int]


@pytest.fixture
def embedder() -> CountingPixels:
    return CountingPixels()


OpenStore = Callable[[], DiskTemplateStore]


@pytest.fixture
def open_store(tmp_path: Path, embedder: CountingPixels) -> OpenStore:
    return lambda: DiskTemplateStore(tmp_path / "store", embedder.spec)


def whole(embedder: CountingPixels) -> EmbedStage:
    return EmbedStage(WholePictures(8), embedder)


Embed = Callable[..., tuple[Exclusion, ...]]


@pytest.fixture
def embed(files: Files, embedder: CountingPixels) -> Embed:
    def _embed(
        images: Sequence[ImageRef],
        store: DiskTemplateStore,
        progress: Progress = silent,
        executor: LocalExecutor = LocalExecutor(decode),  # noqa: B008  it keeps nothing
        by: CountingPixels = embedder,
    ) -> tuple[Exclusion, ...]:
        return executor.run(images, files, whole(by), store, progress, "embedding photos")

    return _embed


# ------------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n", [1, BATCH - 1, BATCH, BATCH + 1, 5 * BATCH + 3])
def test_every_image_gets_its_own_template(
    n: int, n_threads: int, write: Write, embed: Embed, embedder: CountingPixels, open_store: OpenStore
) -> None:
    images, told = write(numbered(n)), list[Told]()
    store = open_store()
    excluded = embed(images, store, lambda *now: told.append(now), LocalExecutor(decode, n_threads))

    assert excluded == ()
    assert embedder.n_loads == 1
    assert sum(embedder.batches) == n
    assert set(sorted(embedder.batches)[1:]) <= {BATCH}
    for opened in (store, open_store()):
        found = opened.get(contents(images))
        np.testing.assert_array_equal(found.templates.vectors, vectors_of(embedder, range(n)))
        assert found.n_faces.tolist() == [1] * n
    assert told == [("embedding photos", min(done, n), n) for done in range(0, n + BATCH, BATCH)]


@pytest.mark.parametrize("n_threads", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_company_and_order_do_not_change_a_bit(
    batch_size: int, n_threads: int, write: Write, embed: Embed, embedder: CountingPixels, tmp_path: Path
) -> None:
    images = write(numbered(40))
    embedder.batch_size = batch_size
    shuffled = [images[row] for row in np.random.default_rng(batch_size).permutation(40)]
    store = DiskTemplateStore(tmp_path / "other store", embedder.spec)
    embed(shuffled, store, executor=LocalExecutor(decode, n_threads))
    assert max(embedder.batches) == batch_size
    np.testing.assert_array_equal(
        store.get(contents(images)).templates.vectors, vectors_of(embedder, range(40)), strict=True
    )


def test_images_without_work_load_nothing(
    embed: Embed, embedder: CountingPixels, open_store: OpenStore
) -> None:
    told = list[Told]()
    assert embed([], open_store(), lambda *now: told.append(now)) == ()
    assert (embedder.n_loads, told) == (0, [("embedding photos", 0, 0)])


def test_many_images_make_many_shards(write: Write, embed: Embed, open_store: OpenStore) -> None:
    store = open_store()
    embed(write(numbered(5 * BATCH)), store, executor=LocalExecutor(decode, shard_images=2 * BATCH))
    assert len(list(store.folder.glob("*.safetensors"))) == 3
    assert len(open_store()) == 5 * BATCH


def test_few_images_make_one_shard(write: Write, embed: Embed, open_store: OpenStore) -> None:
    store = open_store()
    embed(write(numbered(3 * BATCH)), store)
    assert len(list(store.folder.glob("*.safetensors"))) == 1


def test_slow_work_is_kept_before_the_shard_is_full(
    write: Write, embed: Embed, open_store: OpenStore
) -> None:
    kept: list[int] = []
    at_once = LocalExecutor(decode, shard_seconds=0)
    embed(write(numbered(3 * BATCH)), open_store(), lambda *_: kept.append(len(open_store())), at_once)
    assert kept == [0, BATCH, 2 * BATCH, 3 * BATCH]


# ---------------------------------------------------------------------------------------------- bad images


def test_what_cannot_be_decoded_is_listed_and_the_rest_embedded(
    write: Write, files: Files, embed: Embed, open_store: OpenStore
) -> None:
    images = write({"a.raw": picture(1), "b.raw": b"torn", "c.raw": picture(2), "d.raw": picture(3)})
    lost, changed = images[2:]
    (files.folder / lost.id).unlink()
    (files.folder / changed.id).write_bytes(picture(99))
    store = open_store()

    assert embed(images, store) == (
        Exclusion(id="b.raw", rule="unreadable", reason="the file is cut short", sha256=images[1].sha256),
        Exclusion(
            id="c.raw",
            rule="unreadable",
            reason="the file cannot be read: No such file or directory",
            sha256=lost.sha256,
        ),
        Exclusion(
            id="d.raw", rule="unreadable", reason="the file changed while the gate ran", sha256=changed.sha256
        ),
    )
    assert missing(store, images) == images[1:]
    assert store.missing(digest_array([digest(picture(99))])).tolist() == [True]


def test_where_nothing_can_be_decoded_no_network_is_loaded(
    write: Write, embed: Embed, embedder: CountingPixels, open_store: OpenStore
) -> None:
    """Loading takes seconds, and a damaged file is met again in every run."""
    images = write({f"{number}.raw": b"torn %d" % number for number in range(2 * BATCH)})
    store, told = open_store(), list[Told]()
    excluded = embed(images, store, lambda *now: told.append(now))
    assert [gone.id for gone in excluded] == [image.id for image in images]
    last = ("embedding photos", 2 * BATCH, 2 * BATCH)
    assert (embedder.n_loads, len(store), told[-1]) == (0, 0, last)


def test_bad_images_do_not_shift_the_templates_of_good_ones(
    write: Write, embed: Embed, embedder: CountingPixels, open_store: OpenStore
) -> None:
    content = {
        name: data if number % 3 else b"torn" for number, (name, data) in enumerate(numbered(100).items())
    }
    content = {name: data + name.encode() * (data == b"torn") for name, data in content.items()}
    images, store = write(content), open_store()
    excluded = embed(images, store)
    good = [number for number in range(100) if number % 3]
    assert [gone.id for gone in excluded] == [f"{number}.raw" for number in range(100) if not number % 3]
    np.testing.assert_array_equal(
        store.get(contents([images[number] for number in good])).templates.vectors, vectors_of(embedder, good)
    )


# ----------------------------------------------------------------------------------------- things that stop


def test_an_interrupted_run_keeps_what_is_finished_and_the_next_goes_on(
    write: Write, embed: Embed, embedder: CountingPixels, open_store: OpenStore
) -> None:
    images = write(numbered(6 * BATCH))

    def interrupt(stage: str, done: int, total: int) -> None:
        if done == 2 * BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(images, open_store(), interrupt)
    assert threads_left() == []

    store = open_store()
    left = missing(store, images)
    assert left == images[2 * BATCH :]
    embed(left, store, by=CountingPixels())
    np.testing.assert_array_equal(
        open_store().get(contents(images)).templates.vectors, vectors_of(embedder, range(6 * BATCH))
    )


def test_an_interruption_is_not_hidden_by_a_store_that_cannot_be_written(
    write: Write, embed: Embed, open_store: OpenStore
) -> None:
    store = open_store()

    def interrupt(stage: str, done: int, total: int) -> None:
        if done:
            store.folder.rename(store.folder.with_name("gone"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(write(numbered(3)), store, interrupt)


def test_an_interruption_while_a_shard_is_written_loses_nothing(
    write: Write, embed: Embed, embedder: CountingPixels, open_store: OpenStore, tmp_path: Path
) -> None:
    class InterruptedStore(DiskTemplateStore):
        n_calls = 0

        def add(self, digests: Sequence[str], found: FaceTemplates) -> None:
            self.n_calls += 1
            if self.n_calls == 1:
                raise KeyboardInterrupt
            super().add(digests, found)

    images = write(numbered(3))
    with pytest.raises(KeyboardInterrupt):
        embed(images, InterruptedStore(tmp_path / "store", embedder.spec))
    assert missing(open_store(), images) == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (UnloadablePixels, "the network cannot be loaded\ninstall it"),
        (BrokenPixels, "the network gave nothing\nmend it"),
    ],
)
def test_a_network_that_does_not_work_is_a_model_error(
    broken: type[CountingPixels], message: str, write: Write, embed: Embed, open_store: OpenStore
) -> None:
    store = open_store()
    with pytest.raises(ModelError) as refused:
        embed(write(numbered(200)), store, by=broken())
    assert str(refused.value) == message
    assert (len(store), threads_left()) == (0, [])


def test_a_store_that_cannot_be_written_is_a_store_error(
    write: Write, embed: Embed, open_store: OpenStore
) -> None:
    store = open_store()
    store.folder.rename(store.folder.with_name("gone"))
    with pytest.raises(StoreError) as refused:
        embed(write(numbered(3)), store)
    assert str(refused.value) == (
        "the template store cannot be written: No such file or directory\n"
        f"{store.folder}: choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."
    )


def test_a_failure_of_the_reader_that_is_no_oserror_is_not_swallowed(
    write: Write, embed: Embed, open_store: OpenStore
) -> None:
    def broken(data: bytes) -> Pixels:
        raise RuntimeError("a mistake of this program")

    with pytest.raises(RuntimeError, match=r"^a mistake of this program$"):
        embed(write(numbered(100)), open_store(), executor=LocalExecutor(broken))
    assert threads_left() == []


# -------------------------------------------------------------------------------------------- bounded memory


def test_decoding_runs_ahead_but_not_away(write: Write, embed: Embed, open_store: OpenStore) -> None:
    """What waits for the network is bounded, however large the set."""
    lock, n_decoded, most = threading.Lock(), [0], [0]

    def counted(data: bytes) -> Pixels:
        with lock:
            n_decoded[0] += 1
        return decode(data)

    def look(stage: str, done: int, total: int) -> None:
        time.sleep(0.05)  # the threads do all that they may do
        with lock:
            most[0] = max(most[0], n_decoded[0] - done)

    embed(write(numbered(20 * BATCH)), open_store(), look, LocalExecutor(counted, 2))
    assert n_decoded[0] == 20 * BATCH
    assert most[0] <= (2 + 2) * BATCH


class Looking:
    """A stage that writes down which pictures it is given together."""

    batch_size = 5

    def __init__(self) -> None:
        self.parts: list[list[str]] = []
        self.batches: list[list[str]] = []

    def load(self) -> None:
        pass

    def prepare(self, images: Sequence[ImageRef], pictures: Sequence[Pixels]) -> list[str]:
        assert digests(images) == [digest(picture.tobytes()) for picture in pictures]
        self.parts.append([image.id for image in images])
        return [image.id for image in images]

    def compute(self, prepared: Sequence[str]) -> Any:
        self.batches.append(list(prepared))
        return list(prepared)

    def joined(self, results: Sequence[Any]) -> Any:
        return [one for result in results for one in result]


def test_a_batch_is_prepared_together_and_in_order(write: Write, files: Files) -> None:
    stage, kept = Looking(), Collected()
    LocalExecutor(decode, 1).run(write(numbered(7)), files, stage, kept, silent, "")
    assert stage.parts == stage.batches == [[f"{n}.raw" for n in range(5)], ["5.raw", "6.raw"]]
    assert kept.results == [[f"{n}.raw" for n in range(7)]]


def test_large_pictures_of_a_batch_are_prepared_in_parts(
    write: Write, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pictures a batch has, decoded ones never fill more than a bound and one picture more."""
    monkeypatch.setattr(local, "_MOST_PIXELS", 64)
    alive, most = list[weakref.ref[Pixels]](), [0]

    def counted(data: bytes) -> Pixels:
        most[0] = max(most[0], sum(one() is not None for one in alive))
        decoded = decode(data).copy()
        alive.append(weakref.ref(decoded))
        return decoded

    stage, kept = Looking(), Collected()
    LocalExecutor(counted, 1).run(write(numbered(5)), files, stage, kept, silent, "")
    assert stage.parts == [["0.raw", "1.raw"], ["2.raw", "3.raw"], ["4.raw"]]
    assert stage.batches == kept.results == [[f"{n}.raw" for n in range(5)]]
    assert most[0] == 1  # while the second of two is decoded


@pytest.mark.parametrize("n_threads", [1, 3])
def test_parts_do_not_change_a_bit_and_bad_pictures_do_not_shift_them(
    n_threads: int,
    write: Write,
    embed: Embed,
    embedder: CountingPixels,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "_MOST_PIXELS", 150)
    torn = {f"{number}.raw": b"torn %d" % number for number in range(0, 80, 3)}
    images, store = write(numbered(80) | torn), open_store()
    excluded = embed(images, store, executor=LocalExecutor(decode, n_threads))
    good = [number for number in range(80) if number % 3]
    assert {gone.id for gone in excluded} == torn.keys()
    np.testing.assert_array_equal(
        store.get(contents([images[number] for number in good])).templates.vectors, vectors_of(embedder, good)
    )
