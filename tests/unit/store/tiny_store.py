"""A small store and what is in it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from faceleak_check.records import Digests, EmbedderSpec, FaceTemplates, Templates, digest_array
from faceleak_check.store.folders import FORMAT
from faceleak_check.store.templates import DiskTemplateStore

DIMENSION = 4
SPEC = EmbedderSpec(
    name="tiny",
    weights_sha256="ab" * 32,
    licence="MIT",
    dimension=DIMENSION,
    input_size=8,
    colour_order="RGB",
    normalisation="none",
    alignment="none",
)
ADVICE = "choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."


def digest(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def digests(*names: object) -> list[str]:
    return [digest(name) for name in names]


def keys(*names: object) -> Digests:
    return digest_array(digests(*names))


def missing(store: DiskTemplateStore, *names: object) -> list[object]:
    """Of these images those that the store does not know."""
    return [name for name, absent in zip(names, store.missing(keys(*names)), strict=True) if absent]


def rows(n: int, seed: int = 1, dimension: int = DIMENSION) -> Templates:
    numbers = np.random.default_rng(seed).standard_normal((n, dimension))
    norms = np.linalg.norm(numbers, axis=1)
    return Templates(vectors=(numbers / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def templates(n: int, seed: int = 1) -> FaceTemplates:
    """Templates of whole pictures."""
    return FaceTemplates(n_faces=np.ones(n, np.int64), templates=rows(n, seed))


def found_faces(*n_faces: int, seed: int = 1) -> FaceTemplates:
    """Templates of so many faces in each picture."""
    n = sum(n_faces)
    numbers = np.random.default_rng(seed).random((n, 15)).astype(np.float32)
    return FaceTemplates(n_faces=np.array(n_faces, np.int64), templates=rows(n, seed), faces=numbers)


def picked(found: FaceTemplates, *images: int) -> FaceTemplates:
    """The same of some of the images, row by row."""
    wanted = [
        row for image in images for row in range(sum(found.n_faces[:image]), sum(found.n_faces[: image + 1]))
    ]
    return FaceTemplates(
        n_faces=found.n_faces[list(images)],
        templates=Templates(vectors=found.templates.vectors[wanted], norms=found.templates.norms[wanted]),
        faces=None if found.faces is None else found.faces[wanted],
    )


def assert_same(one: FaceTemplates, other: FaceTemplates) -> None:
    np.testing.assert_array_equal(one.n_faces, other.n_faces, strict=True)
    np.testing.assert_array_equal(one.templates.vectors, other.templates.vectors, strict=True)
    np.testing.assert_array_equal(one.templates.norms, other.templates.norms, strict=True)
    assert (one.faces is None) == (other.faces is None)
    if one.faces is not None and other.faces is not None:
        np.testing.assert_array_equal(one.faces, other.faces, strict=True)


def folder_of(root: Path) -> Path:
    return root / FORMAT / "templates" / SPEC.sha256[:32]


def shards(root: Path) -> list[Path]:
    return sorted(folder_of(root).glob("*.safetensors"))


def write_shard(root: Path, data: bytes) -> str:
    """A file whose name is the digest of its bytes, as a whole shard's is."""
    name = f"{hashlib.sha256(data).hexdigest()}.safetensors"
    (folder_of(root) / name).write_bytes(data)
    return name


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def arrays(**changed: Any) -> dict[str, Any]:
    """Two images, the first with two faces and the second with one."""
    good = found_faces(2, 1)
    return {
        "digests": np.frombuffer(bytes.fromhex("".join(digests("a", "b"))), np.uint8).reshape(2, 32),
        "n_faces": good.n_faces,
        "vectors": good.templates.vectors,
        "norms": good.templates.norms,
        "faces": good.faces,
    } | changed


def without(name: str) -> dict[str, Any]:
    return {other: array for other, array in arrays().items() if other != name}


def faces_with(number: float, column: int) -> np.ndarray[Any, Any]:
    faces: np.ndarray[Any, Any] = arrays()["faces"].copy()
    faces[1, column] = number
    return faces
