"""Embeds images in this process: each thread takes whole batches from file to template."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np

from faceleak_check.errors import InconclusiveError
from faceleak_check.protocols import Decode, Embedder, Pixels, Progress, Reader, TemplateStore
from faceleak_check.records import UNREADABLE, Exclusion, ImageRef, Templates

__all__ = ["LocalExecutor"]

_SHARD_IMAGES = 4096
_SHARD_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """What became of a batch: templates of some images, and why there are none of the others."""

    n_images: int
    digests: list[str]
    templates: Templates | None
    excluded: list[Exclusion]


class LocalExecutor:
    """Brings the templates of images into a store.

    Each thread takes whole batches from the file to the template, on one core. Nothing waits for anything
    else, so decoding, reading and computing overlap by themselves, and another busy process slows one thread
    down and not all of them (docs/decisions.md).

    Args:
        decode: Bytes of an image file → RGB picture; raises ValueError with a reason.
        n_threads: By default one for each processor that this process may use, and one that waits for files.
    """

    def __init__(self, decode: Decode, n_threads: int | None = None) -> None:
        self._decode = decode
        self._n_threads = n_threads or len(os.sched_getaffinity(0)) + 1

    def embed(
        self,
        images: Sequence[ImageRef],
        reader: Reader,
        embedder: Embedder,
        store: TemplateStore,
        progress: Progress,
        stage: str,
    ) -> tuple[Exclusion, ...]:
        """Embeds what the store does not have yet.

        What is finished is kept in shards of a few thousand images, at the latest every half minute, and also
        when the work is interrupted: a second run goes on from there.

        Args:
            images: Images, each content once.
            reader: Hands out their bytes.
            embedder: The network.
            store: Where the templates go.
            progress: Told of every batch.
            stage: What to call the work.

        Returns:
            The images that cannot be decoded.

        Raises:
            ModelError: The network cannot be loaded.
            StoreError: The store cannot be written.
        """
        shard = _OpenShard(store)
        excluded: list[Exclusion] = []
        n_done = 0
        progress(stage, 0, len(images))
        try:
            for batch in self._batches(images, _BatchStage(reader, self._decode, embedder)):
                excluded += batch.excluded
                if batch.templates is not None:
                    shard.add(batch.digests, batch.templates)
                n_done += batch.n_images
                progress(stage, n_done, len(images))
            shard.flush()
        except BaseException:
            with contextlib.suppress(InconclusiveError):  # what went wrong first is what to tell
                shard.flush()
            raise
        return tuple(excluded)

    def _batches(self, images: Sequence[ImageRef], work: _BatchStage) -> Iterator[_Batch]:
        """The batches in their order, a few of them under way at any time."""
        left = (images[start : start + work.size] for start in range(0, len(images), work.size))
        with ThreadPoolExecutor(self._n_threads, "faceleak-embed", work.begin_thread) as threads:
            waiting = deque(
                threads.submit(work, batch) for batch in itertools.islice(left, self._n_threads + 1)
            )
            try:
                while waiting:
                    done = waiting.popleft().result()
                    waiting.extend(threads.submit(work, batch) for batch in itertools.islice(left, 1))
                    yield done
            finally:
                threads.shutdown(wait=True, cancel_futures=True)
                work.end_threads()


class _BatchStage:
    """One batch from its files to its templates; called from several threads at once."""

    def __init__(self, reader: Reader, decode: Decode, embedder: Embedder) -> None:
        self._reader = reader
        self._decode = decode
        self._embedder = embedder
        self._loading = Lock()
        self._loaded = False
        self.size = embedder.batch_size
        self.begin_thread = embedder.begin_thread
        self.end_threads = embedder.end_threads

    def __call__(self, images: Sequence[ImageRef]) -> _Batch:
        good: list[ImageRef] = []
        chips: list[Pixels] = []
        excluded: list[Exclusion] = []
        for image in images:
            try:
                chips.append(self._chip(image))
                good.append(image)
            except (OSError, ValueError) as error:
                excluded.append(_unreadable(image, error))
        return _Batch(
            n_images=len(images),
            digests=[image.sha256 for image in good],
            templates=self._templates(chips) if chips else None,
            excluded=excluded,
        )

    def _chip(self, image: ImageRef) -> Pixels:
        data = self._reader.read(image)
        if hashlib.sha256(data).hexdigest() != image.sha256:
            raise ValueError("the file changed while the gate ran")
        return self._embedder.prepare(self._decode(data))

    def _templates(self, chips: list[Pixels]) -> Templates:
        with self._loading:
            if not self._loaded:
                self._embedder.load()  # takes seconds, in vain where no image can be decoded
                self._loaded = True
        return self._embedder.embed(np.stack(chips))


def _unreadable(image: ImageRef, error: OSError | ValueError) -> Exclusion:
    # the strerror of the system's own errors: their str() names the path
    reason = (
        f"the file cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
    )
    return Exclusion(id=image.id, rule=UNREADABLE, reason=reason, sha256=image.sha256)


class _OpenShard:
    """Templates on their way to the store."""

    def __init__(self, store: TemplateStore) -> None:
        self._store = store
        self._digests: list[str] = []
        self._parts: list[Templates] = []
        self._since = time.monotonic()

    def add(self, digests: list[str], templates: Templates) -> None:
        self._digests += digests
        self._parts.append(templates)
        if len(self._digests) >= _SHARD_IMAGES or time.monotonic() - self._since >= _SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        self._since = time.monotonic()
        if not self._digests:
            return
        self._store.add(
            self._digests,
            Templates(
                vectors=np.concatenate([part.vectors for part in self._parts]),
                norms=np.concatenate([part.norms for part in self._parts]),
            ),
        )
        self._digests, self._parts = [], []
