"""Sets of templates that were computed elsewhere: compared only by the network that made them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.image_sets import EmbeddedSet, summary_of
from faceleak_check.policy.schema import Dataset, TemplateOrigin
from faceleak_check.protocols import Progress
from faceleak_check.readers.arrays.templates import TemplateReader
from faceleak_check.readers.trouble import trouble
from faceleak_check.records import Alignment, EmbedderSpec, FaceTemplates
from faceleak_check.registry import EMBEDDERS
from faceleak_check.short_digests import short
from faceleak_check.store.folders import private_folder, store_errors
from faceleak_check.store.listings import ListingStore
from faceleak_check.store.roots import Root, local_folder

__all__ = ["origin_sha256", "require_network", "template_set"]

_ABOUT_ONE = 0.01
"""How far from one a length may be in numbers of 16 bits that were scaled to one."""


def template_set(dataset: Dataset, spec: EmbedderSpec, root: Root, progress: Progress) -> EmbeddedSet:
    """A dataset's own templates; no picture is looked at, and no network.

    Args:
        dataset: The dataset, with what made its templates.
        spec: The network that the policy compares by.
        root: Root folder of the store, where digests of rows are kept, and rows that must be scaled.
        progress: Told how far it is.

    Raises:
        DatasetError: They were made by another network, or cannot be read.
        StoreError: Rows that must be scaled cannot be written.
    """
    assert dataset.templates is not None
    _require_origin(dataset, dataset.templates, spec)
    reader = TemplateReader(dataset)
    reader.remember(ListingStore(root))
    found = reader.scan(progress)
    if reader.dimension not in (0, spec.dimension):
        message = (
            f"the templates of {dataset.name!r} have {reader.dimension:,} numbers, and those of {spec.name!r} "
            f"{spec.dimension:,}"
        )
        raise trouble(dataset, message, place=dataset.path, advice="Name the network that made them.")

    def scratch() -> BinaryIO:
        return tempfile.TemporaryFile(dir=private_folder(local_folder(root)))

    with store_errors(local_folder(root), "written"):
        templates = reader.templates(scratch, progress)
    if dataset.without:
        templates = templates.taken(np.flatnonzero(~found.images.by_content.rows_among(dataset.without)))
        found = found.without(dataset.without)
    norms = templates.norms
    summary = summary_of(found, len(found.images), found.excluded)
    return EmbeddedSet(
        images=found.images,
        templates=FaceTemplates(n_faces=np.ones(len(norms), dtype=np.int64), templates=templates),
        reader=reader,
        summary=replace(summary, median_norm=_median(norms)),
        alignment=Alignment(asked="none", used="none", reason=_how_aligned(dataset.templates)),
        has_pictures=False,
    )


def require_network(dataset: Dataset, spec: EmbedderSpec) -> None:
    """Raises ModelError where pictures are to be embedded by a network that is not there."""
    if not spec.takes_pictures:
        raise ModelError(
            f"{dataset.name!r} is a set of images, and embedder {spec.name!r} has no network to embed them with",
            detail="Name the network that made the templates of the other set, such as "
            "`embedder: {name: adaface-ir101}`, or give the templates of this one, too.",
        )


def origin_sha256(spec: EmbedderSpec) -> str:
    """What a policy states as `sha256` of templates: the digest of the weights, or of the spec where there are none."""
    return spec.weights_sha256 or spec.sha256


def _require_origin(dataset: Dataset, origin: TemplateOrigin, spec: EmbedderSpec) -> None:
    expected = origin_sha256(spec)
    stands_for_all = not EMBEDDERS.about(spec.name).has_network
    if origin.sha256 == expected and (spec.name == origin.embedder or stands_for_all):
        return
    raise trouble(
        dataset,
        f"the templates of {dataset.name!r} were made by {origin.embedder!r} (SHA-256 {short(origin.sha256)}), and "
        f"are to be compared by {spec.name!r} (SHA-256 {short(expected)})",
        place=dataset.path,
        advice=f"In full: {origin.sha256} under datasets.{dataset.name}.templates, {expected} of the embedder. "
        "Templates of two networks have nothing in common: name the one that made these as `embedder`, or have them "
        "made again.",
    )


def _how_aligned(origin: TemplateOrigin) -> str:
    told = {"none": ", of whole pictures", "mtcnn": ", of faces that mtcnn found", None: ""}[origin.align]
    return f"its templates were computed elsewhere by {origin.embedder!r}{told}"


def _median(norms: npt.NDArray[np.float32]) -> float | None:
    """Median length of the embeddings; None where they were scaled before, and nothing tells."""
    were_scaled = bool((np.abs(norms - 1) < _ABOUT_ONE).all())
    return None if were_scaled else float(np.median(norms))
