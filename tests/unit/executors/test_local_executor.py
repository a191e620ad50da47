from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import ModelError, StoreError
from faceleak_check.executors import local
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Pixels
from faceleak_check.records import Exclusion, ImageRef, ImageSet, Templates
from faceleak_check.store.templates import DiskTemplateStore

BATCH = FakePixels.batch_size
Told = tuple[str, int, int]


def threads_left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("faceleak")]


class Files:
    """A reader of files whose names are their ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scan(self, progress: object) -> ImageSet:
        raise NotImplementedError

    def read(self, image: ImageRef) -> bytes:
        return (self.folder / image.id).read_bytes()


class CountingPixels(FakePixels):
    """Counts what is asked of it; the real templates."""

    def __init__(self) -> None:
        super().__init__(EmbedderChoice(name="fake-pixels"))
        self.n_loads = 0
        self.batches: list[int] = []
        self.begun: set[int] = set()
        self.n_ends = 0

    def begin_thread(self) -> None:
        self.begun.add(threading.get_ident())

    def end_threads(self) -> None:
        assert threads_left() == []
        self.n_ends += 1

    def load(self) -> None:
        assert threading.get_ident() in self.begun
        self.n_loads += 1
        super().load()

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        assert self.n_loads == 1, "embedded before it was loaded"
        self.batches.append(len(chips))
        return super().embed(chips)


class BrokenPixels(CountingPixels):
    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        raise ModelError("the network gave nothing", detail="mend it")


class UnloadablePixels(CountingPixels):
    def load(self) -> None:
        raise ModelError("the network cannot be loaded", detail="install it")


def decode(data: bytes) -> Pixels:
    """8 x 8 pixels as plain bytes; anything else is damaged."""
    if len(data) != 192:
        raise ValueError("the file is cut short")
    return np.frombuffer(data, np.uint8).reshape(8, 8, 3)


def picture(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, 192, dtype=np.uint8).tobytes()


def vectors_of(embedder: FakePixels, seeds: Sequence[int]) -> npt.NDArray[np.float32]:
    return embedder.embed(np.stack([decode(picture(seed)) for seed in seeds])).vectors


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, bytes]], list[ImageRef]]:
    def _write(files: Mapping[str, bytes]) -> list[ImageRef]:
        (tmp_path / "files").mkdir(exist_ok=True)
        for name, data in files.items():
            (tmp_path / "files" / name).write_bytes(data)
        return [ImageRef(id=name, sha256=hashlib.sha256(data).hexdigest()) for name, data in files.items()]

    return _write


Write = Callable[[Mapping[str, bytes]], list[ImageRef]]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")


@pytest.fixture
def embedder() -> CountingPixels:
    return CountingPixels()


@pytest.fixture
def open_store(tmp_path: Path, embedder: CountingPixels) -> Callable[[], DiskTemplateStore]:
    return lambda: DiskTemplateStore(tmp_path / "store", embedder.spec)


OpenStore = Callable[[], DiskTemplateStore]


def numbered(n: int) -> dict[str, bytes]:
    return {f"{number}.raw": picture(number) for number in range(n)}


def digests(images: Sequence[ImageRef]) -> list[str]:
    return [image.sha256 for image in images]


# ------------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n", [1, BATCH - 1, BATCH, BATCH + 1, 5 * BATCH + 3])
def test_every_image_gets_its_own_template(
    n: int, n_threads: int, write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    images, told = write(numbered(n)), list[Told]()
    store = open_store()
    executor = LocalExecutor(decode, n_threads)
    excluded = executor.embed(
        images, files, embedder, store, lambda *now: told.append(now), "embedding photos"
    )

    assert excluded == ()
    assert (embedder.n_loads, embedder.n_ends) == (1, 1)
    assert len(embedder.begun) <= n_threads
    assert sum(embedder.batches) == n
    assert set(sorted(embedder.batches)[1:]) <= {BATCH}
    for opened in (store, open_store()):
        np.testing.assert_array_equal(opened.get(digests(images)).vectors, vectors_of(embedder, range(n)))
    assert told == [("embedding photos", min(done, n), n) for done in range(0, n + BATCH, BATCH)]


def test_images_without_work_load_nothing(
    files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    assert LocalExecutor(decode).embed([], files, embedder, open_store(), silent, "") == ()
    assert embedder.n_loads == 0


def test_many_images_make_many_shards(
    write: Write,
    files: Files,
    embedder: CountingPixels,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "_SHARD_IMAGES", 2 * BATCH)
    store = open_store()
    LocalExecutor(decode).embed(write(numbered(5 * BATCH)), files, embedder, store, silent, "")
    assert len(list(store.folder.glob("*.safetensors"))) == 3
    assert len(open_store()) == 5 * BATCH


def test_slow_work_is_kept_before_the_shard_is_full(
    write: Write,
    files: Files,
    embedder: CountingPixels,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "_SHARD_SECONDS", 0.0)
    kept: list[int] = []
    images = write(numbered(3 * BATCH))
    LocalExecutor(decode).embed(
        images, files, embedder, open_store(), lambda *_: kept.append(len(open_store())), ""
    )
    assert kept == [0, BATCH, 2 * BATCH, 3 * BATCH]


# ---------------------------------------------------------------------------------------------- bad images


def test_what_cannot_be_decoded_is_listed_and_the_rest_embedded(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    images = write({"a.raw": picture(1), "b.raw": b"torn", "c.raw": picture(2), "d.raw": picture(3)})
    lost, changed = images[2:]
    (files.folder / lost.id).unlink()
    (files.folder / changed.id).write_bytes(picture(99))
    store = open_store()

    excluded = LocalExecutor(decode).embed(images, files, embedder, store, silent, "")

    assert excluded == (
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
    assert store.missing(digests(images)) == digests(images[1:])
    assert store.missing([hashlib.sha256(picture(99)).hexdigest()]) != []


def test_where_nothing_can_be_decoded_no_network_is_loaded(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    """Loading takes seconds, and a damaged file is met again in every run."""
    images = write({f"{number}.raw": b"torn %d" % number for number in range(2 * BATCH)})
    store, told = open_store(), list[Told]()
    excluded = LocalExecutor(decode).embed(images, files, embedder, store, lambda *now: told.append(now), "x")
    assert [gone.id for gone in excluded] == [image.id for image in images]
    assert (embedder.n_loads, len(store), told[-1]) == (0, 0, ("x", 2 * BATCH, 2 * BATCH))


def test_bad_images_do_not_shift_the_templates_of_good_ones(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    content = {
        name: data if number % 3 else b"torn" for number, (name, data) in enumerate(numbered(100).items())
    }
    content = {name: data + name.encode() * (data == b"torn") for name, data in content.items()}
    images, store = write(content), open_store()
    excluded = LocalExecutor(decode).embed(images, files, embedder, store, silent, "")
    good = [number for number in range(100) if number % 3]
    assert [gone.id for gone in excluded] == [f"{number}.raw" for number in range(100) if not number % 3]
    np.testing.assert_array_equal(
        store.get([images[number].sha256 for number in good]).vectors, vectors_of(embedder, good)
    )


# ----------------------------------------------------------------------------------------- things that stop


def test_an_interrupted_run_keeps_what_is_finished_and_the_next_goes_on(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    images = write(numbered(6 * BATCH))

    def interrupt(stage: str, done: int, total: int) -> None:
        if done == 2 * BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(decode).embed(images, files, embedder, open_store(), interrupt, "")
    assert (threads_left(), embedder.n_ends) == ([], 1)

    store = open_store()
    missing = set(store.missing(digests(images)))
    assert missing == set(digests(images[2 * BATCH :]))
    rest = [image for image in images if image.sha256 in missing]
    LocalExecutor(decode).embed(rest, files, CountingPixels(), store, silent, "")
    np.testing.assert_array_equal(
        open_store().get(digests(images)).vectors, vectors_of(embedder, range(6 * BATCH))
    )


def test_an_interruption_is_not_hidden_by_a_store_that_cannot_be_written(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    store = open_store()

    def interrupt(stage: str, done: int, total: int) -> None:
        if done:
            store.folder.rename(store.folder.with_name("gone"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(decode).embed(write(numbered(3)), files, embedder, store, interrupt, "")


def test_an_interruption_while_a_shard_is_written_loses_nothing(
    write: Write, files: Files, embedder: CountingPixels, tmp_path: Path
) -> None:
    class InterruptedStore(DiskTemplateStore):
        n_calls = 0

        def add(self, digests: Sequence[str], templates: Templates) -> None:
            self.n_calls += 1
            if self.n_calls == 1:
                raise KeyboardInterrupt
            super().add(digests, templates)

    store = InterruptedStore(tmp_path / "store", embedder.spec)
    images = write(numbered(3))
    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(decode).embed(images, files, embedder, store, silent, "")
    assert DiskTemplateStore(tmp_path / "store", embedder.spec).missing(digests(images)) == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (UnloadablePixels, "the network cannot be loaded\ninstall it"),
        (BrokenPixels, "the network gave nothing\nmend it"),
    ],
)
def test_a_network_that_does_not_work_is_a_model_error(
    broken: type[CountingPixels], message: str, write: Write, files: Files, open_store: OpenStore
) -> None:
    store, embedder = open_store(), broken()
    with pytest.raises(ModelError) as refused:
        LocalExecutor(decode).embed(write(numbered(200)), files, embedder, store, silent, "")
    assert str(refused.value) == message
    assert (len(store), threads_left(), embedder.n_ends) == (0, [], 1)


def test_a_store_that_cannot_be_written_is_a_store_error(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    store = open_store()
    store.folder.rename(store.folder.with_name("gone"))
    with pytest.raises(StoreError) as refused:
        LocalExecutor(decode).embed(write(numbered(3)), files, embedder, store, silent, "")
    assert refused.value.message == "the template store cannot be written: No such file or directory"


def test_a_failure_of_the_reader_that_is_no_oserror_is_not_swallowed(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
    def broken(data: bytes) -> Pixels:
        raise RuntimeError("a mistake of this program")

    with pytest.raises(RuntimeError, match=r"^a mistake of this program$"):
        LocalExecutor(broken).embed(write(numbered(100)), files, embedder, open_store(), silent, "")
    assert threads_left() == []


def test_decoding_runs_ahead_but_not_away(
    write: Write, files: Files, embedder: CountingPixels, open_store: OpenStore
) -> None:
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

    images = write(numbered(20 * BATCH))
    LocalExecutor(counted, 2).embed(images, files, embedder, open_store(), look, "")
    assert n_decoded[0] == 20 * BATCH
    assert most[0] <= (2 + 2) * BATCH
