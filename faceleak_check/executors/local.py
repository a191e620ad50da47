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
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from faceleak_check.errors import InconclusiveError
from faceleak_check.executors.protocol import Sink
from faceleak_check.executors.stages import Stage, WithFurther
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


@dataclass(kw_only=True, slots=True)
class _Part:
    """Some images of a batch with their bytes and their pictures."""

    images: list[ImageRef] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    pictures: list[Pixels] = field(default_factory=list)

    def add(self, image: ImageRef, data: bytes, picture: Pixels) -> None:
        self.images.append(image)
        self.files.append(data)
        self.pictures.append(picture)


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
        for part in self._parts(images, excluded):
            for image, one in zip(part.images, self._prepared(part), strict=True):
                if isinstance(one, ValueError):
                    excluded.append(_unreadable(image, one))
                else:
                    good.append(image)
                    prepared.append(one)
            del part  # not to be in memory together with the next one
        return _Batch(
            n_images=len(images),
            digests=[image.sha256 for image in good],
            result=self._stage.compute(prepared) if prepared else None,
            excluded=excluded,
        )

    def _parts(self, images: Sequence[ImageRef], excluded: list[Exclusion]) -> Iterator[_Part]:
        """Decoded pictures, as many at a time as fit a bounded memory."""
        part = _Part()
        for image in images:
            try:
                data = self._data(image)
                part.add(image, data, self._decode(data))
            except (OSError, ValueError) as error:
                excluded.append(_unreadable(image, error))
            if sum(picture.size for picture in part.pictures) > 3 * _MOST_PIXELS:
                yield part
                part = _Part()
        if part.images:
            yield part

    def _data(self, image: ImageRef) -> bytes:
        data = self._reader.read(image)
        if hashlib.sha256(data).hexdigest() != image.sha256:
            raise ValueError("the file changed while the gate ran")
        return data

    def _prepared(self, part: _Part) -> list[Any]:
        """What the stage keeps of each image; a ValueError in place of it where the file holds more that is damaged."""
        with self._loading:
            if not self._loaded:
                self._stage.load()  # takes seconds, in vain where no image can be decoded
                self._loaded = True
        self.one_core()
        found = self._stage.prepare(part.images, part.pictures)
        if not isinstance(self._stage, WithFurther):
            return found
        return [self._completed(one, data) for one, data in zip(found, part.files, strict=True)]

    def _completed(self, prepared: Any, data: bytes) -> Any:
        try:
            return self._stage.completed(prepared, data)  # type: ignore[attr-defined]
        except ValueError as error:
            return error


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
