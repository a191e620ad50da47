from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_store import (
    DIMENSION,
    arrays,
    digests,
    faces_with,
    found_faces,
    rows,
    shards,
    templates,
)

from faceleak_check.errors import ModelError
from faceleak_check.records import FaceTemplates
from faceleak_check.store.templates import DiskTemplateStore


def refused(store: DiskTemplateStore, broken: FaceTemplates) -> str:
    with pytest.raises(ModelError) as error:
        store.add(digests("a", "b"), broken)
    return str(error.value)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"vectors": np.full((2, DIMENSION), np.nan, np.float32)}, "vectors that are not of length 1"),
        ({"norms": np.array([1, np.nan], np.float32)}, "norms that are not finite and above 0"),
        (
            {"vectors": rows(3).vectors, "norms": rows(3).norms},
            "2 faces, vectors of shape (3, 4) and norms of shape (3,)",
        ),
        (
            {"vectors": rows(2, dimension=5).vectors},
            "2 faces, vectors of shape (2, 5) and norms of shape (2,)",
        ),
        (
            {"vectors": rows(2).vectors.astype(np.float64)},
            "numbers of faces of type int64, vectors of type float64 and norms of type float32",
        ),
    ],
)
def test_templates_that_would_never_match_are_refused(
    changed: dict[str, Any], found: str, root: Path, store: DiskTemplateStore
) -> None:
    broken = dataclasses.replace(templates(2), templates=dataclasses.replace(rows(2), **changed))
    assert refused(store, broken) == (
        "embedder 'tiny' gave templates that cannot be compared\n"
        f"Found {found}; expected 2 finite float32 rows of length 1 and dimension 4, with their lengths before "
        "scaling. The embedder is broken."
    )
    assert (shards(root), len(store)) == ([], 0)


@pytest.mark.parametrize(
    ("n_faces", "found"),
    [
        ([3, 0], "3 faces, vectors of shape (2, 4) and norms of shape (2,)"),
        ([1, 1, 1], "numbers of faces of shape (3,) for 2 images"),
        ([4, -1], "numbers of faces below 0"),
    ],
)
def test_rows_that_belong_to_no_image_are_refused(
    n_faces: list[int], found: str, root: Path, store: DiskTemplateStore
) -> None:
    broken = dataclasses.replace(found_faces(1, 1), n_faces=np.array(n_faces))
    assert refused(store, broken) == (
        "embedder 'tiny' gave templates that cannot be compared\n"
        f"Found {found}; expected 3 finite float32 rows of length 1 and dimension 4, with their lengths before "
        "scaling. The embedder is broken."
    )
    assert (shards(root), len(store)) == ([], 0)


@pytest.mark.parametrize(
    ("faces", "found"),
    [
        (arrays()["faces"][:2], "faces of shape (2, 15) and type float32"),
        (arrays()["faces"].astype(np.float64), "faces of shape (3, 15) and type float64"),
        (faces_with(np.nan, 5), "faces that are not finite, or a confidence that is no probability"),
        (faces_with(1.5, 14), "faces that are not finite, or a confidence that is no probability"),
    ],
)
def test_faces_that_cannot_be_are_refused(
    faces: Any, found: str, root: Path, store: DiskTemplateStore
) -> None:
    assert refused(store, dataclasses.replace(found_faces(2, 1), faces=faces)) == (
        "the faces for embedder 'tiny' cannot be kept\n"
        f"Found {found}; expected 3 float32 rows of box, five points and confidence in [0, 1], or none for whole "
        "pictures. The detector is broken, or two alignments share a spec."
    )
    assert (shards(root), len(store)) == ([], 0)
