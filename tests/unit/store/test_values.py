from __future__ import annotations

import dataclasses
import hashlib
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from faceleak_check.errors import ModelError, StoreError
from faceleak_check.records import Digests, ScreenSpec, digest_array
from faceleak_check.store.values import DiskValueStore

SPEC = ScreenSpec(
    method="clip",
    model="tiny",
    weights_sha256="ab" * 32,
    licence="MIT",
    question="a child?",
    preprocessing="none",
)
OTHER_VALUES: dict[str, Any] = {
    "method": "age",
    "model": "large",
    "weights_sha256": "cd" * 32,
    "licence": "CC0-1.0",
    "question": "a face?",
    "preprocessing": "some",
    "precision": "bf16",
    "device": "cuda",
    "faces": "all",
    "decoding": 2,
}


def digests(*names: object) -> list[str]:
    return [hashlib.sha256(str(name).encode()).hexdigest() for name in names]


def keys(*names: object) -> Digests:
    return digest_array(digests(*names))


def shards(root: Path) -> list[Path]:
    return sorted(root.rglob("*.safetensors"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> DiskValueStore:
    return DiskValueStore(root, SPEC)


def test_what_is_added_is_given_back_to_the_last_bit_in_the_order_asked_for(
    root: Path, store: DiskValueStore
) -> None:
    values = np.random.default_rng(1).random(30)
    values[[0, 1]] = 0, 1
    for start in range(0, 30, 10):
        store.add(digests(*range(start, start + 10)), values[start : start + 10])
    asked = np.random.default_rng(2).integers(0, 30, 50)

    for opened in (store, DiskValueStore(root, SPEC)):
        np.testing.assert_array_equal(opened.get(keys(*asked)), values[asked], strict=True)
        assert (len(opened), opened.damaged) == (30, ())


def test_missing_tells_of_each_image_in_order(store: DiskValueStore) -> None:
    store.add(digests("b"), np.array([0.5]))
    assert store.missing(keys("c", "b", "a", "c")).tolist() == [True, False, True, True]


def test_an_empty_store_gives_no_values(store: DiskValueStore) -> None:
    np.testing.assert_array_equal(store.get(keys()), np.empty(0, np.float64), strict=True)


def test_an_unknown_digest_is_a_key_error(store: DiskValueStore) -> None:
    store.add(digests("a"), np.array([0.5]))
    with pytest.raises(KeyError):
        store.get(keys("a", "b"))


def test_nothing_to_add_writes_nothing(root: Path, store: DiskValueStore) -> None:
    store.add([], np.empty(0))
    assert shards(root) == []


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ScreenSpec)])
def test_values_of_another_spec_are_never_used(field: str, root: Path, store: DiskValueStore) -> None:
    store.add(digests("a"), np.array([0.5]))
    other = DiskValueStore(root, dataclasses.replace(SPEC, **{field: OTHER_VALUES[field]}))
    assert other.missing(keys("a")).tolist() == [True]


def test_only_the_owner_may_look(root: Path, store: DiskValueStore) -> None:
    with store.embedding():
        store.add(digests("a"), np.array([0.5]))
    key = SPEC.sha256[:32]
    assert store.folder == root / "v2" / "screens" / key
    folders = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}
    assert folders == {"v2", "v2/screens", f"v2/screens/{key}"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_dir()} == {0o700}


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (np.array([0.5, 1.0000001]), "values that are not in [0, 1]"),
        (np.array([-1e-9, 0.5]), "values that are not in [0, 1]"),
        (np.array([0.5, np.nan]), "values that are not in [0, 1]"),
        (np.array([0.5, np.inf]), "values that are not in [0, 1]"),
        (np.array([0.5]), "values of shape (1,) and type float64"),
        (np.array([[0.5, 0.5]]), "values of shape (1, 2) and type float64"),
        (np.array([0.5, 0.5], np.float32), "values of shape (2,) and type float32"),
    ],
)
def test_values_that_are_no_probabilities_are_refused(
    broken: Any, found: str, root: Path, store: DiskValueStore
) -> None:
    with pytest.raises(ModelError) as refused:
        store.add(digests("a", "b"), broken)
    assert str(refused.value) == (
        "screen 'clip' gave values that are no probabilities\n"
        f"Found {found}; expected 2 finite float64 values in [0, 1]. The screen is broken."
    )
    assert (shards(root), len(store)) == ([], 0)


@pytest.mark.parametrize(
    "arrays",
    [{"values": np.array([2.0])}, {"values": np.array([0.5, 0.5])}, {"vectors": np.array([0.5])}, {}],
)
def test_a_shard_of_no_probabilities_is_never_used(
    arrays: dict[str, Any], root: Path, store: DiskValueStore
) -> None:
    digest = np.frombuffer(bytes.fromhex(digests("a")[0]), np.uint8).reshape(1, 32)
    data = save({"digests": digest, **arrays}, {"spec": SPEC.sha256})
    name = f"{hashlib.sha256(data).hexdigest()}.safetensors"
    (store.folder / name).write_bytes(data)

    found = DiskValueStore(root, SPEC)
    assert (found.damaged, found.missing(keys("a")).tolist()) == ((name,), [True])
    with found.embedding():
        assert shards(root) == []


def test_a_store_that_goes_away_is_a_store_error(root: Path, store: DiskValueStore) -> None:
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(StoreError) as refused:
        store.add(digests("a"), np.array([0.5]))
    assert str(refused.value) == (
        f"the template store cannot be written: No such file or directory\n{store.folder}: choose another "
        "folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."
    )
