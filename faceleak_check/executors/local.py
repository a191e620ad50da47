"""Embeds images in this process: threads decode while the network computes."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from faceleak_check.errors import InconclusiveError
from faceleak_check.protocols import Decode, Embedder, Pixels, Progress, Reader, TemplateStore
from faceleak_check.records import UNREADABLE, Exclusion, ImageRef, Templates

__all__ = ["LocalExecutor"]

_SHARD_IMAGES = 4096
_SHARD_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chip:
    image: ImageRef
    chip: Pixels | None
    reason: str = ""


class LocalExecutor:
    """Brings the templates of images into a store.

    Args:
        decode: Bytes of an image file → RGB picture; raises ValueError with a reason.
        n_threads: Decoding threads; by default one for each processor.
    """

    def __init__(self, decode: Decode, n_threads: int | None = None) -> None:
        self._decode = decode
        self._n_threads = n_threads or os.cpu_count() or 1

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
        load_once = cache(embedder.load)  # takes seconds, in vain where no image can be decoded
        excluded: list[Exclusion] = []
        progress(stage, 0, len(images))
        try:
            for n_done, batch in self._batches(images, reader, embedder):
                good = [item for item in batch if item.chip is not None]
                excluded += [_unreadable(item) for item in batch if item.chip is None]
                if good:
                    load_once()
                    chips = np.stack([item.chip for item in good if item.chip is not None])
                    shard.add([item.image.sha256 for item in good], embedder.embed(chips))
                progress(stage, n_done, len(images))
        except BaseException:
            with contextlib.suppress(InconclusiveError):  # what went wrong first is what to tell
                shard.flush()
            raise
        shard.flush()
        return tuple(excluded)

    def _batches(
        self, images: Sequence[ImageRef], reader: Reader, embedder: Embedder
    ) -> Iterator[tuple[int, list[_Chip]]]:
        """Batches of decoded chips, a few ahead of the network so that it never waits."""
        size = embedder.batch_size
        ahead = size * (self._n_threads + 1)
        left = iter(images)
        with ThreadPoolExecutor(self._n_threads, thread_name_prefix="faceleak-decode") as threads:

            def submit(image: ImageRef) -> Future[_Chip]:
                return threads.submit(self._chip, image, reader, embedder)

            waiting = deque(submit(image) for image in itertools.islice(left, ahead))
            n_done = 0
            try:
                while waiting:
                    batch = [waiting.popleft().result() for _ in range(min(size, len(waiting)))]
                    waiting.extend(submit(image) for image in itertools.islice(left, size))
                    n_done += len(batch)
                    yield n_done, batch
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _chip(self, image: ImageRef, reader: Reader, embedder: Embedder) -> _Chip:
        try:
            data = reader.read(image)
            if hashlib.sha256(data).hexdigest() != image.sha256:
                return _Chip(image=image, chip=None, reason="the file changed while the gate ran")
            return _Chip(image=image, chip=embedder.prepare(self._decode(data)))
        except OSError as error:
            return _Chip(image=image, chip=None, reason=f"the file cannot be read: {error.strerror or error}")
        except ValueError as error:
            return _Chip(image=image, chip=None, reason=str(error))


def _unreadable(item: _Chip) -> Exclusion:
    return Exclusion(id=item.image.id, rule=UNREADABLE, reason=item.reason, sha256=item.image.sha256)


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
