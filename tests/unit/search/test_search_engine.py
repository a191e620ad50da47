from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from faceleak_check.errors import ModelError
from faceleak_check.records import Rows, Templates
from faceleak_check.search import engine as module
from faceleak_check.search.checkpoints import digest_of, key_of
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.exact import ExactSearch, nearest
from faceleak_check.search.figures import Nearest
from faceleak_check.search.places import Barred
from faceleak_check.store.searches import SearchStore


def templates(n: int, seed: int, dimension: int = 12) -> Templates:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n, dimension)) * random.uniform(0.5, 2, (n, 1))
    norms = np.linalg.norm(rows, axis=1)
    return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def assert_same_bits(one: Nearest, other: Nearest) -> None:
    for name in ("rows", "similarity", "distance"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


class Counting:
    """A store that knows how often it was asked, and how often it had an answer."""

    def __init__(self, root: Path) -> None:
        self._store = SearchStore(root)
        self.n_asked = self.n_had = self.n_kept = 0

    def recall(self, key: str) -> Mapping[str, npt.NDArray[Any]] | None:
        found = self._store.recall(key)
        self.n_asked += 1
        self.n_had += found is not None
        return found

    def keep(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.n_kept += 1
        self._store.keep(key, arrays)


@pytest.fixture
def long_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search is long, and is kept ten queries at a time."""
    monkeypatch.setattr(module, "_LONG", 0)
    monkeypatch.setattr(module, "_BLOCK_ROWS", 10)


QUERIES, SOURCES = templates(35, 1), templates(200, 2)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.usefixtures("long_searches")
def test_the_answer_is_the_same_with_and_without_a_store(metric: str, tmp_path: Path) -> None:
    store = Counting(tmp_path)
    expected = nearest(QUERIES, SOURCES, 4, metric=metric)
    for counts in ((4, 0, 4), (8, 4, 4)):
        found = SearchEngine(checkpoints=store).over(SOURCES, metric).nearest(QUERIES, 4)
        assert_same_bits(expected, found)
        assert (store.n_asked, store.n_had, store.n_kept) == counts
    assert_same_bits(expected, SearchEngine().over(SOURCES, metric).nearest(QUERIES, 4))


@pytest.mark.usefixtures("long_searches")
def test_what_was_found_once_is_not_searched_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SearchEngine(checkpoints=SearchStore(tmp_path))
    expected = engine.over(SOURCES, "cosine").nearest(QUERIES, 4)

    def refuse(*_: object, **__: object) -> Nearest:
        raise AssertionError("searched again")

    monkeypatch.setattr(ExactSearch, "nearest", refuse)
    other = replace(engine, memory=64 << 20)  # how a search is made is no part of its answer
    vectors = np.asarray(SOURCES.vectors)
    mapped = Templates(vectors=Rows([vectors[:70], vectors[70:]]), norms=SOURCES.norms)
    assert_same_bits(expected, other.over(mapped, "cosine").nearest(QUERIES, 4))


@pytest.mark.usefixtures("long_searches")
def test_an_interrupted_search_goes_on_where_it_was(tmp_path: Path) -> None:
    def stop_after_twenty(stage: str, done: int, total: int) -> None:
        if done > 20:
            raise KeyboardInterrupt

    store = Counting(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        SearchEngine(checkpoints=store, progress=stop_after_twenty).over(SOURCES, "cosine").nearest(
            QUERIES, 2
        )
    assert store.n_kept == 2
    found = SearchEngine(checkpoints=store).over(SOURCES, "cosine").nearest(QUERIES, 2)
    assert (store.n_had, store.n_kept) == (2, 4)
    assert_same_bits(nearest(QUERIES, SOURCES, 2), found)


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
import faceleak_check.search.engine as module
from test_search_engine import QUERIES, SOURCES
from faceleak_check.store.searches import SearchStore

module._LONG, module._BLOCK_ROWS = 0, 10

def progress(stage, done, total):
    if done > 20:
        print("here", flush=True)
        time.sleep(60)

store = SearchStore(Path(sys.argv[1]))
module.SearchEngine(checkpoints=store, progress=progress).over(SOURCES, "cosine").nearest(QUERIES, 2)
"""


@pytest.mark.usefixtures("long_searches")
def test_a_search_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "here\n"
        finally:
            process.send_signal(signal.SIGKILL)
    store = Counting(tmp_path)
    found = SearchEngine(checkpoints=store).over(SOURCES, "cosine").nearest(QUERIES, 2)
    assert (store.n_had, store.n_kept) == (2, 2)
    assert_same_bits(nearest(QUERIES, SOURCES, 2), found)


@pytest.mark.usefixtures("long_searches")
@pytest.mark.parametrize("harm", ["altered", "short", "renamed", "empty", "other arrays"])
def test_what_is_damaged_is_searched_for_again(harm: str, tmp_path: Path) -> None:
    engine = SearchEngine(checkpoints=SearchStore(tmp_path))
    expected = engine.over(SOURCES, "cosine").nearest(QUERIES, 2)
    files = sorted((tmp_path / "v2" / "searches").iterdir())
    data = files[1].read_bytes()
    if harm == "altered":
        files[1].write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    elif harm == "short":
        files[1].write_bytes(data[:100])
    elif harm == "renamed":
        files[1].write_bytes(files[2].read_bytes())
    elif harm == "empty":
        files[1].write_bytes(b"")
    else:
        SearchStore(tmp_path).keep(files[1].stem, {"rows": np.zeros((10, 2), np.int64)})
    store = Counting(tmp_path)
    found = replace(engine, checkpoints=store).over(SOURCES, "cosine").nearest(QUERIES, 2)
    assert_same_bits(expected, found)
    assert store.n_kept == 1
    assert files[1].read_bytes() == data


def test_a_short_search_keeps_nothing(tmp_path: Path) -> None:
    SearchEngine(checkpoints=SearchStore(tmp_path)).over(SOURCES, "cosine").nearest(QUERIES, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("long_searches")
def test_a_store_that_cannot_be_written_stops_no_search(tmp_path: Path) -> None:
    (tmp_path / "v2").write_text("in the way")
    engine = SearchEngine(checkpoints=SearchStore(tmp_path))
    assert_same_bits(nearest(QUERIES, SOURCES, 2), engine.over(SOURCES, "cosine").nearest(QUERIES, 2))


@pytest.mark.usefixtures("long_searches")
def test_what_is_kept_is_its_owners_alone(tmp_path: Path) -> None:
    SearchEngine(checkpoints=SearchStore(tmp_path / "s")).over(SOURCES, "cosine").nearest(QUERIES, 2)
    folder = tmp_path / "s" / "v2" / "searches"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_nothing_that_decides_the_answer_can_change_without_another_key() -> None:
    def altered(one: Templates, **arrays: Any) -> Templates:
        return replace(one, **arrays)

    flipped = np.array(SOURCES.vectors)
    flipped[7, 3] = np.nextafter(flipped[7, 3], np.float32(2))
    longer = np.array(SOURCES.norms)
    longer[199] = np.nextafter(longer[199], np.float32(9))
    sources = [
        SOURCES,
        altered(SOURCES, vectors=flipped),
        altered(SOURCES, norms=longer),
        SOURCES.part(np.arange(199, -1, -1)),
        SOURCES.part(slice(199)),
    ]
    barred = Barred(queries=np.array([1]), sources=np.array([2]))
    keys = [key_of(QUERIES, digest_of(one), {"metric": "cosine", "k": 1}, None) for one in sources]
    keys += [
        key_of(QUERIES.part(slice(34)), digest_of(SOURCES), {"metric": "cosine", "k": 1}, None),
        key_of(QUERIES, digest_of(SOURCES), {"metric": "euclidean", "k": 1}, None),
        key_of(QUERIES, digest_of(SOURCES), {"metric": "cosine", "k": 2}, None),
        key_of(QUERIES, digest_of(SOURCES), {"metric": "cosine", "k": 1}, barred),
    ]
    assert len(set(keys)) == len(keys)
    vectors = np.asarray(SOURCES.vectors)
    mapped = Templates(vectors=Rows([vectors[:9], vectors[9:]]), norms=SOURCES.norms)
    assert digest_of(mapped) == digest_of(SOURCES)


@pytest.mark.usefixtures("long_searches")
def test_metric_and_depth_have_answers_of_their_own(tmp_path: Path) -> None:
    engine = SearchEngine(checkpoints=SearchStore(tmp_path))
    for metric, k in (("cosine", 3), ("euclidean", 3), ("euclidean", 2), ("cosine", 2)):
        found = engine.over(SOURCES, metric).nearest(QUERIES, k)
        assert_same_bits(nearest(QUERIES, SOURCES, k, metric=metric), found)


@pytest.mark.usefixtures("long_searches")
def test_barred_pairs_count_in_every_block() -> None:
    rows = np.arange(35)
    barred = Barred(queries=rows, sources=rows)
    found = SearchEngine().over(QUERIES, "cosine").nearest(QUERIES, 1, barred)
    expected = nearest(QUERIES, QUERIES, 2).rows[:, 1]
    assert found.rows[:, 0].tolist() == expected.tolist()


def test_progress_counts_queries_and_names_both_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ROWS", 10)
    told: list[tuple[str, int, int]] = []
    engine = SearchEngine(progress=lambda *one: told.append(one)).between("synthetic", "training")
    engine.over(SOURCES, "cosine").nearest(QUERIES, 1)
    assert told == [("comparing synthetic with training", n, 35) for n in (0, 10, 20, 30, 34, 35)]


def test_a_device_that_is_not_there_is_an_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ModelError) as error:
        SearchEngine(device="cuda").over(SOURCES, "cosine").nearest(QUERIES, 1)
    assert str(error.value) == (
        "the policy asks for device 'cuda' and there is none\n"
        "Run on a machine with a CUDA device, or set `device: cpu`."
    )
    assert_same_bits(
        nearest(QUERIES, SOURCES, 1), SearchEngine(device="auto").over(SOURCES, "cosine").nearest(QUERIES, 1)
    )


def test_torch_is_not_needed_on_the_processor() -> None:
    code = (
        "import sys, numpy as np; from faceleak_check.records import Templates; "
        "from faceleak_check.search.neighbours import Neighbours; "
        "from faceleak_check.search.engine import SearchEngine; "
        "t = Templates(vectors=np.eye(3, dtype=np.float32), norms=np.ones(3, np.float32)); "
        "print(SearchEngine().over(t, 'cosine').nearest(t, 1).rows.tolist(), 'torch' in sys.modules, "
        "'faiss' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == "[[0], [1], [2]] False False\n"
