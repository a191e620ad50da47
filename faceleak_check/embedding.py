"""From a dataset of a policy to its templates."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from faceleak_check.errors import DatasetError, InconclusiveError, ModelError, UsageError
from faceleak_check.executors.protocol import Executor
from faceleak_check.executors.stages import Collected, EmbedStage, SurveyStage
from faceleak_check.faces.align import AlignedFaces, Cutter
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.faces.stretched import whole_cutter
from faceleak_check.faces.survey import SAMPLE, decide, summarise
from faceleak_check.guards import blamed, require_spec
from faceleak_check.image_sets import EmbeddedSet, accounted, each_content_once, in_reading_order
from faceleak_check.policy.schema import Dataset, EmbedderChoice
from faceleak_check.protocols import Detector, Embedder, Progress, Reader, WatchfulReader
from faceleak_check.readers.building import build_reader
from faceleak_check.readers.further import further
from faceleak_check.records import (
    Alignment,
    EmbedderSpec,
    Exclusion,
    FaceTemplates,
    ImageList,
    ImageSet,
    Survey,
)
from faceleak_check.registry import EMBEDDERS, READERS, Registry
from faceleak_check.search.neighbours import Gallery
from faceleak_check.store.disk import DiskStore
from faceleak_check.store.listings import ListingStore
from faceleak_check.store.notes import NoteStore
from faceleak_check.store.roots import Root
from faceleak_check.store.templates import DiskTemplateStore
from faceleak_check.template_sets import require_network, template_set

__all__ = ["EmbeddedSets", "build_embedder", "damage", "loaded"]

_HASH = EmbedderChoice(name="phash", align="none")
_WHOLE = Alignment(asked="none", used="none", reason="pictures are compared, and not faces")
_NOT_ASKED = "the embedder does not say where a face lies in its chips, so pictures are taken whole"


class EmbeddedSets:
    """Lists datasets, decides how their pictures become face chips, and embeds what the store does not have.

    Args:
        root: Root folder of the template store.
        executor: Does the work.
        progress: Told how far it is.
        notes: Where to say what happened besides.
    """

    def __init__(self, root: Root, executor: Executor, progress: Progress, notes: list[str]) -> None:
        self._root = root
        self._executor = executor
        self._progress = progress
        self._notes = notes
        self._stores: dict[EmbedderSpec, DiskTemplateStore] = {}
        self.n_embedded = 0

    def embed(self, dataset: Dataset, choice: EmbedderChoice, embedder: Embedder) -> EmbeddedSet:
        """The dataset's templates by this embedder.

        Raises:
            InconclusiveError: The dataset, the model or the store cannot be used.
        """
        if dataset.templates is not None:
            return template_set(dataset, embedder.spec, self._root, self._progress)
        require_network(dataset, embedder.spec)
        reader = build_reader(loaded(READERS, dataset.format), dataset, ListingStore(self._root))
        return self.embed_from(reader, dataset, choice, embedder)

    def embed_from(
        self,
        reader: Reader,
        dataset: Dataset,
        choice: EmbedderChoice,
        embedder: Embedder,
        alignment: Alignment | None = None,
    ) -> EmbeddedSet:
        """The templates of what a reader hands out.

        Args:
            reader: The reader.
            dataset: Says how its pictures are to be aligned, and which faces count.
            choice: The policy's embedder, which says so for all datasets.
            embedder: The embedder.
            alignment: How pictures become face chips, where that is decided already.

        Raises:
            InconclusiveError: The dataset, the model or the store cannot be used.
        """
        found = reader.scan(self._progress).without(dataset.without)
        detector = Mtcnn(embedder.spec.device)
        if alignment is None:
            alignment = self._alignment(dataset, choice, embedder.spec, detector, reader, found)
        store, cutter = self._store_and_cutter(embedder.spec, alignment, detector)
        name = f"embedding {dataset.name}"
        failed, n_new = self._filled(store, EmbedStage(cutter, embedder, further), found.images, reader, name)
        self.n_embedded += n_new
        if (n_new or failed) and isinstance(reader, WatchfulReader):  # that took its time
            reader.require_unchanged()
        # of a whole picture there are no faces to choose among; its second chip may be its mirror image
        faces = "all" if alignment.used == "none" else dataset.faces or choice.faces
        return accounted(found, failed, store.get, reader, alignment, faces)

    def hashes(self, one: EmbeddedSet, images: ImageList) -> Gallery:
        """Perceptual hashes of some images of a set; those that went away are not among them.

        Args:
            one: The set.
            images: Images of it, each content once.
        """
        embedder = build_embedder(_HASH)
        store, cutter = self._store_and_cutter(embedder.spec, _WHOLE, Mtcnn())
        name = f"comparing pictures of {one.summary.name}"
        failed, _ = self._filled(store, EmbedStage(cutter, embedder, further), images, one.reader, name)
        there = images.taken(np.flatnonzero(~images.by_content.rows_among(failed)))
        found = store.get(there.digests)
        return Gallery(images=there, n_faces=found.n_faces, templates=found.templates)

    def in_full(self, one: EmbeddedSet, images: ImageList, embedder: Embedder) -> FaceTemplates:
        """The templates of some images of a set by another arithmetic.

        Args:
            one: The set.
            images: Images of it.
            embedder: The embedder.

        Raises:
            InconclusiveError: An image went away, or the model or the store cannot be used.
        """
        store, cutter = self._store_and_cutter(embedder.spec, one.alignment, Mtcnn(embedder.spec.device))
        name = f"embedding {one.summary.name} in {embedder.spec.precision}"
        failed, n_new = self._filled(store, EmbedStage(cutter, embedder, further), images, one.reader, name)
        self.n_embedded += n_new
        if failed:
            raise DatasetError(
                f"images of {one.summary.name!r} went away or changed while the gate ran: {len(failed):,}",
                detail="\n".join(
                    f"{one.summary.name}: {lost.id!r}: {lost.reason}" for lost in list(failed.values())[:5]
                ),
            )
        return store.get(images.digests)

    def _filled(
        self,
        store: DiskTemplateStore,
        stage: EmbedStage,
        images: ImageList,
        reader: Reader,
        name: str,
    ) -> tuple[dict[str, Exclusion], int]:
        """Embeds what the store lacks: what could not be, by content digest, and how many were."""
        if not store.missing(images.digests).any():
            return {}, 0
        with store.embedding():
            once = each_content_once(images)
            wanted = in_reading_order(reader, once.taken(np.flatnonzero(store.missing(once.digests))))
            gone = self._executor.run(wanted, reader, stage, store, self._progress, name)
        return {exclusion.sha256 or "": exclusion for exclusion in gone}, len(wanted) - len(gone)

    def _alignment(
        self,
        dataset: Dataset,
        choice: EmbedderChoice,
        spec: EmbedderSpec,
        detector: Detector,
        reader: Reader,
        found: ImageSet,
    ) -> Alignment:
        asked = dataset.align or choice.align
        if spec.template is None:
            if asked == "mtcnn":
                raise ModelError(
                    f"faces cannot be aligned for embedder {spec.name!r}",
                    detail="It does not say where a face lies in its chips: set `align: none` for "
                    f"{dataset.name!r}, or name its `template`.",
                )
            return Alignment(asked=asked, used="none", reason=_NOT_ASKED)
        return decide(asked, self._survey(dataset, spec, detector, reader, found))

    def _survey(
        self, dataset: Dataset, spec: EmbedderSpec, detector: Detector, reader: Reader, found: ImageSet
    ) -> Survey:
        """What a sample of the pictures looks like; the sample depends on their contents alone."""
        once = each_content_once(found.images)
        sample = in_reading_order(reader, once.taken(once.in_order_of_content[:SAMPLE]))
        assert spec.template is not None
        about = [detector.name, detector.settings, spec.decoding, spec.input_size, asdict(spec.template)]
        key = hashlib.sha256(repr([about, *sorted(sample.contents)]).encode()).hexdigest()
        notes = NoteStore(self._root)
        known = notes.get("surveys", key)
        if known is not None:
            with contextlib.suppress(TypeError):
                return Survey(**known)
        offsets = Collected()
        stage = SurveyStage(detector, spec.template, spec.input_size)
        self._executor.run(sample, reader, stage, offsets, self._progress, f"sampling {dataset.name}")
        survey = summarise([one for part in offsets.results for one in part])
        if survey.n_sampled == len(sample):  # else a file was out of reach for a moment
            notes.put("surveys", key, asdict(survey))
        return survey

    def _store_and_cutter(
        self, spec: EmbedderSpec, alignment: Alignment, detector: Mtcnn
    ) -> tuple[DiskTemplateStore, Cutter]:
        cutter: Cutter
        if alignment.used == "none" or spec.template is None:
            cutter = whole_cutter(spec)
        else:
            cutter = AlignedFaces(detector, spec.template, spec.input_size)
            spec = replace(
                spec, alignment=f"{detector.name} ({detector.settings}): five points to {spec.template.name}"
            )
        if spec not in self._stores:
            self._stores[spec] = self._opened(spec)
        return self._stores[spec], cutter

    def _opened(self, spec: EmbedderSpec) -> DiskTemplateStore:
        store = DiskTemplateStore(self._root, spec, self._progress)
        self._notes += damage(store)
        return store


def damage(store: DiskStore[Any]) -> list[str]:
    """What to tell of the shards that cannot be read."""
    n = len(store.damaged)
    if not n:
        return []
    shards = "1 damaged shard of the store was" if n == 1 else f"{n:,} damaged shards of the store were"
    which = "its" if n == 1 else "their"
    return [
        f"{shards} passed over, and {which} images are computed again: {', '.join(store.damaged)} in {store.folder}"
    ]


def build_embedder(choice: EmbedderChoice) -> Embedder:
    """The embedder that a policy asks for.

    Raises:
        InconclusiveError: It is not there.
    """
    part, kind = f"embedder {choice.name!r}", loaded(EMBEDDERS, choice.name)
    with blamed(part, "be made"):
        embedder: Embedder = kind(choice)
    require_spec(part, embedder, EmbedderSpec, choice.name)
    return embedder


def loaded(registry: Registry, name: str) -> Any:
    """The class of that name.

    Raises:
        InconclusiveError: It cannot be loaded.
    """
    try:
        return registry.load(name)
    except UsageError as error:
        raise InconclusiveError(f"{registry.kind} {name!r} cannot be loaded", detail=str(error)) from None
