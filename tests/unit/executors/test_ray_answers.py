"""What workers say, and what is found out about it here; no cluster is needed."""

from __future__ import annotations

import json
import pickle
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from raw_pictures import Files, Write, decode, numbered, silent
from telling_pixels import CHOICE

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import DatasetError, InconclusiveError, ModelError, StoreError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.ray.answers import Answers, require_kept, unreadable_here_too
from faceleak_check.executors.ray.executor import RayExecutor
from faceleak_check.executors.ray.process import RayProcess
from faceleak_check.executors.ray.versions import versions
from faceleak_check.executors.ray.worker import Worker
from faceleak_check.executors.stages import Collected, EmbedStage
from faceleak_check.faces.align import WholePictures
from faceleak_check.policy.schema import ExecutionKeys
from faceleak_check.protocols import Embedder
from faceleak_check.records import ImageList
from faceleak_check.store.templates import DiskTemplateStore

HERE = socket.gethostname()
SPEC = FakePixels(CHOICE).spec
RAY = ExecutionKeys(engine="ray")


def answer(part: int, node: str = "n1", gone: Sequence[tuple[int, str]] = ()) -> dict[str, Any]:
    return {"event": "answer", "part": part, "node": node, "host": "one", "gone": gone}


def stage(embedder: Embedder) -> EmbedStage:
    return EmbedStage(WholePictures(8), embedder)


# ------------------------------------------------------------------------------------------------- answers


def test_parts_add_up_and_progress_never_goes_back() -> None:
    answers = Answers([range(10), range(10, 20), range(20, 25)])
    done = []
    for one in (
        {"event": "waiting"},
        {"event": "progress", "n_done": 4},
        answer(2, gone=[(0, "torn"), (4, "gone")]),
        answer(0, node="n2"),
        {"event": "progress", "n_done": 12},
        answer(1),
        {"event": "end"},
    ):
        answers.take(one)
        done.append((answers.n_done, answers.is_waiting, answers.is_over))
    assert [n for n, *_ in done] == [0, 4, 5, 15, 15, 25, 25]
    assert [waits for _, waits, _ in done] == [True] + [False] * 6
    assert [is_over for *_, is_over in done] == [False] * 6 + [True]
    assert answers.n_images == {"n1": 15, "n2": 10}
    assert answers.gone == {20: ("one", "torn"), 24: ("one", "gone")}


def test_the_first_trouble_is_told_as_it_was() -> None:
    answers = Answers([range(1)])
    answers.take({"event": "answer", "kind": "ModelError", "message": "no network", "detail": "install it"})
    answers.take({"event": "answer", "kind": "StoreError", "message": "no room", "detail": ""})
    assert isinstance(answers.trouble, ModelError)
    assert str(answers.trouble) == "no network\ninstall it"


@pytest.mark.parametrize("kind", ["bug", "Problem", "UsageError", "annotations"])
def test_an_error_of_a_program_stays_one(kind: str) -> None:
    answers = Answers([range(1)])
    answers.take({"event": "answer", "kind": kind, "message": "Traceback: ZeroDivisionError", "detail": ""})
    assert type(answers.trouble) is RuntimeError
    assert str(answers.trouble) == "a Ray worker failed:\nTraceback: ZeroDivisionError"


def test_a_lost_cluster() -> None:
    with pytest.raises(InconclusiveError) as lost:
        Answers([range(1)]).take({"event": "lost", "words": "ActorDiedError: the head\n\n  is gone.\n"})
    assert str(lost.value) == (
        "the Ray cluster was lost\n"
        "Ray says: ActorDiedError: the head is gone. What was finished is kept: run again once the cluster is well."
    )


# ------------------------------------------------------------------------------------------- found out here


def test_images_that_only_a_worker_cannot_read_are_not_left_out(write: Write, files: Files) -> None:
    images = ImageList.of(write(numbered(4) | {"torn.raw": b"torn"}))
    answers = Answers([range(5)])
    answers.take(
        answer(0, gone=[(4, "the file is cut short"), (1, "No such file or directory"), (2, "closed")])
    )
    with pytest.raises(DatasetError) as refused:
        unreadable_here_too(answers, images, files, LocalExecutor(decode))
    assert str(refused.value) == (
        "Ray workers could not read images that this machine can read: 2\n"
        "'1.raw': on one: No such file or directory\n"
        "'2.raw': on one: closed\n"
        "Put the dataset where all machines find it under the same path, or give its URL."
    )


def test_images_that_nobody_can_read_are_left_out_with_the_reason_of_this_machine(
    write: Write, files: Files
) -> None:
    images = ImageList.of(write(numbered(2) | {"torn.raw": b"torn", "lost.raw": b"lost"}))
    (files.folder / "lost.raw").unlink()
    answers = Answers([range(4)])
    answers.take(answer(0, gone=[(3, "reset by peer"), (2, "cut short")]))
    gone = unreadable_here_too(answers, images, files, LocalExecutor(decode))
    assert [(one.id, one.reason) for one in gone] == [
        ("torn.raw", "the file is cut short"),
        ("lost.raw", "the file cannot be read: No such file or directory"),
    ]


def test_results_that_are_not_in_the_store_here(write: Write, files: Files, tmp_path: Path) -> None:
    images = ImageList.of(write(numbered(40) | {"torn.raw": b"torn"}))
    store = DiskTemplateStore(tmp_path / "store", SPEC)
    gone = LocalExecutor(decode).run(images[3:], files, stage(FakePixels(CHOICE)), store, silent, "")
    require_kept(images[3:], gone, store)
    with pytest.raises(StoreError) as refused:
        require_kept(images, gone, store)
    assert str(refused.value) == (
        "results of Ray workers are not in the store of this machine: 3 of 41\n"
        "Use a store that all machines share, a folder under the same path or a URL: --faceleak-store or "
        "FACELEAK_STORE."
    )


# ------------------------------------------------------------------------------------------- what is sent


class Closed(FakePixels):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__(CHOICE)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("cannot pickle '_thread.lock' object")


def test_an_embedder_that_cannot_be_sent(write: Write, files: Files, tmp_path: Path) -> None:
    store = DiskTemplateStore(tmp_path / "store", SPEC)
    with pytest.raises(InconclusiveError) as refused:
        RayExecutor(decode, RAY).run(write(numbered(40)), files, stage(Closed()), store, silent, "")
    assert str(refused.value) == (
        "the work cannot be sent to other machines\n"
        "cannot pickle '_thread.lock' object. An embedder, screen or reader of your own must be fit for Python's "
        "pickle, loaded or not; or set `execution: {engine: local}`."
    )


def test_what_nobody_can_share_in_is_done_here(
    write: Write, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    executor = RayExecutor(decode, RAY)
    collected = Collected()
    executor.run(write(numbered(70)), files, stage(FakePixels(CHOICE)), collected, silent, "")
    assert sum(len(result) for result in collected.results) == 70
    store = DiskTemplateStore(tmp_path / "store", SPEC)
    executor.run(write(numbered(32)), files, stage(FakePixels(CHOICE)), store, silent, "one batch")
    assert len(store) == 32
    with pytest.raises(InconclusiveError) as refused:
        executor.run(write(numbered(33)), files, stage(FakePixels(CHOICE)), store, silent, "two batches")
    assert str(refused.value) == (
        "the policy asks for engine 'ray', which is not installed\n"
        "Run: pip install 'faceleak-check[ray]', or set `execution: {engine: local}`."
    )


# ---------------------------------------------------------------------------------------------- on a worker


def replies(orders: dict[str, Any]) -> dict[str, Any]:
    (found,) = Worker(orders, None)(pa.table({"part": [b""]}))["answer"]
    reply: dict[str, Any] = json.loads(found)
    return reply


@pytest.mark.needs("ray")
def test_a_worker_with_other_packages_says_so() -> None:
    others = versions() | {"numpy": "1.0", "pillow": "2.0", "torch-of-the-future": "9"}
    reply = replies({"versions": others, "path": []})
    here = versions()
    assert reply == {
        "kind": "InconclusiveError",
        "message": "the machines of the Ray cluster differ in what is installed",
        "detail": f"On {HERE}: found numpy {here['numpy']}, not 1.0; pillow {here['pillow']}, not 2.0. Results would "
        "differ in their last digits: install the same versions on all machines.",
    }


@pytest.mark.needs("ray")
def test_a_worker_without_the_code_of_an_embedder_says_so() -> None:
    stranger = b"cno_such_package\nEmbedder\n."
    reply = replies({"versions": versions(), "path": [], "stage": stranger, "sink": b"N.", "decode": b"N."})
    assert reply == {
        "kind": "InconclusiveError",
        "message": "a Ray worker lacks code that the policy uses",
        "detail": f"On {HERE}: No module named 'no_such_package'. Install the packages of your own embedders, screens "
        "and readers on all machines of the cluster.",
    }


def test_a_store_goes_to_a_worker_as_where_it_is(write: Write, files: Files, tmp_path: Path) -> None:
    store = DiskTemplateStore(tmp_path / "store", SPEC)
    images = ImageList.of(write(numbered(40)))
    empty = pickle.dumps(store)
    LocalExecutor(decode).run(images, files, stage(FakePixels(CHOICE)), store, silent, "")
    assert pickle.dumps(store) == empty
    opened = pickle.loads(empty)
    assert opened.missing(images.digests).all(), "a worker need not open what it only adds to"
    opened.refresh()
    assert not opened.missing(images.digests).any()


# ------------------------------------------------------------------------------------------------ processes


def test_nothing_listens_at_an_address() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(InconclusiveError) as refused:
            RayProcess(address)
    assert str(refused.value) == (
        "there is no Ray cluster at the policy's address\n"
        f"execution.address is {address!r}: Connection refused. Start one on this machine (`ray start --head`, or `ray "
        "start --address=HEAD:6379` to join one), correct the address, or leave it out to use this machine alone."
    )


@pytest.mark.needs("ray")
def test_what_listens_at_an_address_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceleak_check.executors.ray.process._CONNECT_SECONDS", 4)
    with socket.create_server(("127.0.0.1", 0)) as one:
        address = f"127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(InconclusiveError) as refused:
            RayProcess(address)
    assert refused.value.detail.startswith(
        f"execution.address is {address!r}: it did not answer in time. Start"
    )
