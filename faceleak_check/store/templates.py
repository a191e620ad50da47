"""The templates of all faces of images, on disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.kept_arrays import Arrays
from faceleak_check.protocols import Progress
from faceleak_check.records import FACE_NUMBERS, Digests, EmbedderSpec, FaceTemplates, Rows, Templates
from faceleak_check.store.disk import DiskStore
from faceleak_check.store.roots import Root

__all__ = ["DiskTemplateStore", "refuse_unsound"]

_LENGTH_TOLERANCE = 1e-5


class DiskTemplateStore(DiskStore[EmbedderSpec]):
    """The templates that one embedder made of the faces in images; an image without a face is kept, too.

    Args:
        root: Folder that holds all stores.
        spec: The spec of the embedder whose templates are kept.
        progress: Told of long waits.

    Raises:
        StoreError: The folder cannot be made or read.
    """

    def __init__(self, root: Root, spec: EmbedderSpec, progress: Progress | None = None) -> None:
        super().__init__(root, "templates", spec, progress)

    def add(self, digests: Sequence[str], found: FaceTemplates) -> None:
        """Writes one shard.

        Raises:
            ModelError: The templates are not finite unit vectors of the spec's dimension, one for each face, or
                the faces are not where a face can be.
            StoreError: The store cannot be written.
        """
        if not digests:
            return
        arrays = _arrays(found)
        n_rows = int(found.n_faces.sum())
        try:
            _refuse_unsound_templates(len(digests), arrays, self._spec.dimension)
        except ValueError as error:
            raise ModelError(
                f"embedder {self._spec.name!r} gave templates that cannot be compared",
                detail=f"Found {error}; expected {n_rows:,} finite float32 rows of length 1 and dimension "
                f"{self._spec.dimension}, with their lengths before scaling. The embedder is broken.",
            ) from None
        try:
            _refuse_unsound_faces(arrays)
            self._refuse_unlike(arrays)
        except ValueError as error:
            raise ModelError(
                f"the faces for embedder {self._spec.name!r} cannot be kept",
                detail=f"Found {error}; expected {n_rows:,} float32 rows of box, five points and confidence in "
                "[0, 1], or none for whole pictures. The detector is broken, or two alignments share a spec.",
            ) from None
        self._write(digests, arrays)

    def get(self, digests: Digests) -> FaceTemplates:
        """Templates in the order of the digests; vectors and faces come into memory when they are asked for.

        Raises:
            KeyError: An image is not known.
        """
        return self._every.taken(self._places(digests))

    @cached_property
    def _every(self) -> FaceTemplates:
        """What is kept of all images."""
        parts = list(self._parts.values()) or [self._nothing()]
        return FaceTemplates(
            n_faces=np.concatenate([part["n_faces"] for part in parts]),
            templates=Templates(
                vectors=Rows([part["vectors"] for part in parts]),
                norms=np.concatenate([part["norms"] for part in parts]),
            ),
            faces=Rows([part["faces"] for part in parts]) if "faces" in parts[0] else None,
        )

    def _nothing(self) -> Arrays:
        return {
            "n_faces": np.empty(0, np.int64),
            "vectors": np.empty((0, self._spec.dimension), np.float32),
            "norms": np.empty(0, np.float32),
        }

    def _refuse_unsound(self, n_images: int, arrays: Arrays) -> None:
        refuse_unsound(n_images, arrays, self._spec.dimension)

    def _refuse_unlike(self, arrays: Arrays) -> None:
        known = next(iter(self._parts.values()), arrays)
        if ("faces" in arrays) != ("faces" in known):
            raise ValueError("whole pictures and faces under one spec")


def _arrays(found: FaceTemplates) -> Arrays:
    arrays: dict[str, npt.NDArray[Any]] = {
        "n_faces": found.n_faces,
        "vectors": np.asarray(found.templates.vectors),
        "norms": found.templates.norms,
    }
    return arrays if found.faces is None else arrays | {"faces": np.asarray(found.faces)}


def refuse_unsound(n_images: int, arrays: Arrays, dimension: int) -> None:
    """Raises ValueError where these are not the templates of so many images, with their faces."""
    _refuse_unsound_templates(n_images, arrays, dimension)
    _refuse_unsound_faces(arrays)


def _refuse_unsound_templates(n_images: int, arrays: Arrays, dimension: int) -> None:
    """A template that is no finite unit vector would be near to nothing: a leak that nobody sees."""
    if not {"n_faces", "vectors", "norms"} <= arrays.keys():
        raise ValueError(f"arrays named {', '.join(sorted(arrays))}")
    n_faces, vectors, norms = arrays["n_faces"], arrays["vectors"], arrays["norms"]
    if [array.dtype.name for array in (n_faces, vectors, norms)] != ["int64", "float32", "float32"]:
        raise ValueError(
            f"numbers of faces of type {n_faces.dtype}, vectors of type {vectors.dtype} and norms of type "
            f"{norms.dtype}"
        )
    if n_faces.shape != (n_images,):
        raise ValueError(f"numbers of faces of shape {n_faces.shape} for {n_images:,} images")
    if (n_faces < 0).any():
        raise ValueError("numbers of faces below 0")
    n_rows = sum(n_faces.tolist())
    if (vectors.shape, norms.shape) != ((n_rows, dimension), (n_rows,)):
        raise ValueError(
            f"{n_rows:,} faces, vectors of shape {vectors.shape} and norms of shape {norms.shape}"
        )
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    if not (np.abs(lengths - 1) < _LENGTH_TOLERANCE).all():
        raise ValueError("vectors that are not of length 1")
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError("norms that are not finite and above 0")


def _refuse_unsound_faces(arrays: Arrays) -> None:
    faces, n_rows = arrays.get("faces"), len(arrays["vectors"])
    if faces is None:
        return
    if faces.shape != (n_rows, FACE_NUMBERS) or faces.dtype != np.float32:
        raise ValueError(f"faces of shape {faces.shape} and type {faces.dtype}")
    confidence = faces[:, -1]
    if not (np.isfinite(faces).all() and ((confidence >= 0) & (confidence <= 1)).all()):
        raise ValueError("faces that are not finite, or a confidence that is no probability")
