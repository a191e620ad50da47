"""Works on images in this process: each thread takes whole batches from the file to the result."""

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
from typing import Any

from faceleak_check.errors import InconclusiveError
from faceleak_check.executors.protocol import Sink
from faceleak_check.executors.stages import Stage
from faceleak_check.executors.threads import OneCore
from faceleak_check.protocols import Decode, Pixels, Progress, Reader
from faceleak_check.records import UNREADABLE, Exclusion, ImageRef

__all__ = ["LocalExecutor"]

_MOST_PIXELS = 16_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """What became of a batch: the result of some images, and why there is none of the others."""

    n_images: int
    digests: list[str]
    result: Any
    excluded: list[Exclusion]


class LocalExecutor:
    """Brings what a stage makes of images into a store.

    Each thread takes whole batches from the file to the result, on one core. Nothing waits for anything
    else, so decoding, reading and computing overlap by themselves, and another busy process slows one thread
    down and not all of them (docs/decisions.md).

    Args:
        decode: Bytes of an image file → RGB picture; raises ValueError with a reason.
        n_threads: By default one for each processor that this process may use, and one that waits for files.
        shard_images: How many images' results are kept for good at once.
        shard_seconds: How long a result waits for others at most; what a killed process loses.
    """

    def __init__(
        self,
        decode: Decode,
        n_threads: int | None = None,
        *,
        shard_images: int = 4096,
        shard_seconds: float = 30.0,
    ) -> None:
        self._decode = decode
        self._shard_images = shard_images
        self._shard_seconds = shard_seconds
        self._n_threads = n_threads or len(os.sched_getaffinity(0)) + 1

    def run(
        self,
        images: Sequence[ImageRef],
        reader: Reader,
        stage: Stage[Any, Any],
        sink: Sink,
        progress: Progress,
        name: str,
    ) -> tuple[Exclusion, ...]:
        """Does the stage's work on images whose result the store does not have yet.

        What is finished is kept in shards of a few thousand images, at the latest every half minute, and also
        when the work is interrupted: a second run goes on from there.

        Args:
            images: Images, each content once.
            reader: Hands out their bytes.
            stage: The work.
            sink: Where the results go.
            progress: Told of every batch.
            name: What to call the work.

        Returns:
            The images that cannot be decoded.

        Raises:
            ModelError: A network cannot be loaded.
            StoreError: The store cannot be written.
        """
        shard = _OpenShard(stage, sink, self._shard_images, self._shard_seconds)
        excluded: list[Exclusion] = []
        n_done = 0
        progress(name, 0, len(images))
        try:
            for batch in self._batches(images, _BatchWork(reader, self._decode, stage)):
                excluded += batch.excluded
                if batch.digests:
                    shard.add(batch.digests, batch.result)
                n_done += batch.n_images
                progress(name, n_done, len(images))
            shard.flush()
        except BaseException:
            with contextlib.suppress(InconclusiveError):  # what went wrong first is what to tell
                shard.flush()
            raise
        return tuple(excluded)

    def _batches(self, images: Sequence[ImageRef], work: _BatchWork) -> Iterator[_Batch]:
        """The batches in their order, a few of them under way at any time."""
        left = (images[start : start + work.size] for start in range(0, len(images), work.size))
        with ThreadPoolExecutor(self._n_threads, "faceleak") as threads:
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
                work.one_core.end()


class _BatchWork:
    """One batch from its files to its result; called from several threads at once."""

    def __init__(self, reader: Reader, decode: Decode, stage: Stage[Any, Any]) -> None:
        self._reader = reader
        self._decode = decode
        self._stage = stage
        self._loading = Lock()
        self._loaded = False
        self.size = stage.batch_size
        self.one_core = OneCore()

    def __call__(self, images: Sequence[ImageRef]) -> _Batch:
        excluded: list[Exclusion] = []
        good: list[ImageRef] = []
        prepared: list[Any] = []
        for part, pictures in self._parts(images, excluded):
            prepared += self._prepared(part, pictures)
            good += part
            del pictures  # not to be in memory together with the next ones
        return _Batch(
            n_images=len(images),
            digests=[image.sha256 for image in good],
            result=self._stage.compute(prepared) if prepared else None,
            excluded=excluded,
        )

    def _parts(
        self, images: Sequence[ImageRef], excluded: list[Exclusion]
    ) -> Iterator[tuple[list[ImageRef], list[Pixels]]]:
        """Decoded pictures, as many at a time as fit a bounded memory."""
        part: list[ImageRef] = []
        pictures: list[Pixels] = []
        for image in images:
            try:
                pictures.append(self._picture(image))
                part.append(image)
            except (OSError, ValueError) as error:
                excluded.append(_unreadable(image, error))
            if sum(picture.size for picture in pictures) > 3 * _MOST_PIXELS:
                yield part, pictures
                part, pictures = [], []
        if part:
            yield part, pictures

    def _picture(self, image: ImageRef) -> Pixels:
        data = self._reader.read(image)
        if hashlib.sha256(data).hexdigest() != image.sha256:
            raise ValueError("the file changed while the gate ran")
        return self._decode(data)

    def _prepared(self, images: list[ImageRef], pictures: list[Pixels]) -> list[Any]:
        with self._loading:
            if not self._loaded:
                self._stage.load()  # takes seconds, in vain where no image can be decoded
                self._loaded = True
        self.one_core()
        return self._stage.prepare(images, pictures)


def _unreadable(image: ImageRef, error: OSError | ValueError) -> Exclusion:
    # the strerror of the system's own errors: their str() names the path
    reason = (
        f"the file cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
    )
    return Exclusion(id=image.id, rule=UNREADABLE, reason=reason, sha256=image.sha256)


class _OpenShard:
    """Results on their way to the store."""

    def __init__(self, stage: Stage[Any, Any], sink: Sink, most_images: int, most_seconds: float) -> None:
        self._stage = stage
        self._sink = sink
        self._most_images = most_images
        self._most_seconds = most_seconds
        self._digests: list[str] = []
        self._parts: list[Any] = []
        self._since = time.monotonic()

    def add(self, digests: list[str], result: Any) -> None:
        self._digests += digests
        self._parts.append(result)
        is_full = len(self._digests) >= self._most_images
        if is_full or time.monotonic() - self._since >= self._most_seconds:
            self.flush()

    def flush(self) -> None:
        self._since = time.monotonic()
        if self._digests:
            self._sink.add(self._digests, self._stage.joined(self._parts))
        self._digests, self._parts = [], []
