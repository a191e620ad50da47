"""Work shared out over a real Ray cluster of two machines, one of which is lost."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from raw_pictures import Files, Write, contents, decode, numbered, silent
from ray_cluster import Cluster, running_cluster
from telling_pixels import (
    CHOICE,
    DeadlyPixels,
    DeadlyStore,
    TellingPixels,
    UnloadablePixels,
    embedded_by_each,
    times_embedded,
)

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import InconclusiveError, ModelError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.ray.executor import RayExecutor
from faceleak_check.executors.ray.frames import Nodes
from faceleak_check.executors.stages import EmbedStage
from faceleak_check.faces.align import WholePictures
from faceleak_check.policy.schema import Dataset, ExecutionKeys, Labels
from faceleak_check.policy.urls import Url
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode as png
from faceleak_check.readers.folder import FolderReader
from faceleak_check.shared_folder import store_root
from faceleak_check.store.templates import DiskTemplateStore

SPEC = FakePixels(CHOICE).spec
BLACK = bytes(192)
N_PICTURES = 960
PART = 64


def stage(embedder: FakePixels) -> EmbedStage:
    return EmbedStage(WholePictures(8), embedder)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster() as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield cluster


@pytest.fixture(scope="module")
def executor(cluster: Cluster) -> Iterator[RayExecutor]:
    executor = RayExecutor(png_or_raw, ExecutionKeys(engine="ray", address=cluster.address))
    wait_for_both_machines(executor)
    yield executor
    executor.close()


def wait_for_both_machines(executor: RayExecutor) -> None:
    process = executor._connected(silent)
    end = time.monotonic() + 90
    while True:
        process.send(Nodes())
        if process.receive()["nodes"] == [[1, 0], [1, 0]]:
            return
        assert time.monotonic() < end, "the second machine did not join the first"
        time.sleep(0.2)


def png_or_raw(data: bytes) -> Pixels:
    """A picture in a file, or plain bytes."""
    return decode(data) if len(data) == len(BLACK) else png(data)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    (tmp_path / "told").mkdir()
    return tmp_path / "told"


def test_a_worker_that_cannot_load_its_network_says_so_here(
    executor: RayExecutor, write: Write, files: Files, tmp_path: Path
) -> None:
    store = DiskTemplateStore(tmp_path / "store", SPEC)
    with pytest.raises(ModelError) as refused:
        executor.run(write(numbered(40)), files, stage(UnloadablePixels()), store, silent, "embedding")
    assert str(refused.value) == "the network cannot be loaded\ninstall it"


def test_an_image_that_ends_every_worker_ends_the_run_and_what_was_kept_is_not_done_again(
    executor: RayExecutor, write: Write, files: Files, tmp_path: Path, told: Path
) -> None:
    store = DeadlyStore(tmp_path / "store", SPEC)
    images = write(numbered(16) | {"black.raw": BLACK} | {f"z{n}": b"\1" * (192 + n) for n in range(7)})
    with pytest.raises(InconclusiveError) as refused:
        executor.run(images, files, stage(DeadlyPixels(told)), store, silent, "embedding")
    assert str(refused.value) == (
        "4 Ray workers died at the same images\n"
        "From 'black.raw' to 'z6'. They were ended from outside, mostly for want of memory, or crashed. Ask for fewer "
        f"`execution.workers`, so that each has more memory, and look into Ray's logs on {socket.gethostname()}. What "
        "was finished is kept."
    )
    store.refresh()
    assert not store.missing(contents(images[:16])).any()
    assert (store.folder / "died").is_file()
    assert set(times_embedded(told).values()) == {1}


def dataset_at(url: str) -> Dataset:
    labels = Labels(kind="none")
    return Dataset(
        name="photos", path=Url(url), format="folder", labels=labels, columns=None, line=1, column=1
    )


def test_a_machine_is_lost_and_the_work_is_done_once_all_the_same(
    cluster: Cluster, executor: RayExecutor, write_set: Callable[..., Path], tmp_path: Path, told: Path
) -> None:
    """Dataset and store lie behind URLs: the machines share no cache folder."""
    write_set(tmp_path / "photos", [f"{number}.png" for number in range(N_PICTURES)], seed=1)
    (tmp_path / "photos" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\ntorn")
    (tmp_path / "photos" / "short.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    reader = FolderReader(dataset_at((tmp_path / "photos").as_uri()))
    images = reader.scan(silent).images
    store = DiskTemplateStore(store_root((tmp_path / "store").as_uri()), SPEC)
    expected = DiskTemplateStore(tmp_path / "expected", SPEC)
    gone_here = LocalExecutor(png).run(images, reader, stage(FakePixels(CHOICE)), expected, silent, "")
    before = executor.n_images.copy()
    stands: list[tuple[str, int, int]] = []
    is_lost: list[bool] = []

    def progress(name: str, done: int, total: int) -> None:
        stands.append((name, done, total))
        by_each = embedded_by_each(told)
        if not is_lost and len(by_each) == 2 and min(by_each) > 2 * PART:
            is_lost.append(True)
            cluster.lose_the_second_machine()

    embedder = TellingPixels(told, seconds=0.03)
    gone = executor.run(images, reader, stage(embedder), store, progress, "embedding photos")
    assert is_lost
    assert gone == gone_here
    assert [one.id for one in gone] == ["short.jpg", "torn.png"]
    good = images.taken(np.flatnonzero(~expected.missing(images.digests))).digests
    found, wanted = store.get(good), expected.get(good)
    np.testing.assert_array_equal(found.templates.vectors[:], wanted.templates.vectors[:], strict=True)
    np.testing.assert_array_equal(found.templates.norms, wanted.templates.norms, strict=True)
    shares = executor.n_images - before
    assert len(shares) == 2, "both machines did some of it"
    assert shares.total() == len(images)
    times = times_embedded(told)
    assert len(times) == N_PICTURES
    assert times.total() <= N_PICTURES + PART, "what the lost machine was at"
    assert {name for name, *_ in stands} <= {
        "embedding photos on Ray",
        "waiting for free processors of the Ray cluster",
    }
    assert [done for _, done, _ in stands] == sorted(done for _, done, _ in stands)
    assert stands[-1] == ("embedding photos on Ray", len(images), len(images))
