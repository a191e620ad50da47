"""What the workers of a cluster say, and whether it is true here, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from faceleak_check import errors
from faceleak_check.errors import DatasetError, InconclusiveError, StoreError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.protocol import SharedSink
from faceleak_check.executors.ray.trouble import lost
from faceleak_check.executors.stages import Collected, Further
from faceleak_check.protocols import Pixels, Reader
from faceleak_check.records import Exclusion, ImageList, ImageRef

__all__ = ["Answers", "require_kept", "unreadable_here_too"]

_SHOWN = 5


class Answers:
    """Takes in one answer after the other.

    Args:
        parts: The rows of each part.

    Attributes:
        is_over: Whether there will be no more.
        is_waiting: Whether the work has not begun, for want of processors.
        n_done: Number of images that are done.
        n_images: Number of images in finished parts, by the machine's id.
        gone: By row, which images could not be read, where and why.
        trouble: What keeps a worker from working; None where nothing does.
    """

    def __init__(self, parts: Sequence[range]) -> None:
        self._parts = parts
        self.is_over = self.is_waiting = False
        self.n_done = 0
        self.n_images: Counter[str] = Counter()
        self.gone: dict[int, tuple[str, str]] = {}
        self.trouble: Exception | None = None

    def take(self, answer: Mapping[str, Any]) -> None:
        """Takes in an answer.

        Raises:
            InconclusiveError: The cluster is lost.
        """
        event = answer["event"]
        self.is_waiting = event == "waiting"
        if event == "lost":
            raise lost(answer["words"])
        if event == "progress":
            self.n_done = max(self.n_done, answer["n_done"])
        elif event == "answer":
            self._take_part(answer)
        elif event == "end":
            self.is_over = True

    def _take_part(self, answer: Mapping[str, Any]) -> None:
        if "part" not in answer:
            self.trouble = self.trouble or _trouble(answer)
            return
        part = self._parts[answer["part"]]
        self.n_images[answer["node"]] += len(part)
        self.n_done = max(self.n_done, self.n_images.total())
        self.gone |= {part[row]: (answer["host"], reason) for row, reason in answer["gone"]}


def _trouble(answer: Mapping[str, Any]) -> Exception:
    kind = getattr(errors, answer["kind"], None)
    if isinstance(kind, type) and issubclass(kind, InconclusiveError):
        return kind(answer["message"], detail=answer["detail"])
    return RuntimeError(f"a Ray worker failed:\n{answer['message']}")


class _Look:
    """Opens pictures, and makes nothing of them."""

    batch_size = 32

    def __init__(self, further: Further | None) -> None:
        self._further = further

    def load(self) -> None:
        """There is nothing to load."""

    def prepare(self, images: Sequence[ImageRef], pictures: Sequence[Pixels]) -> list[None]:  # noqa: ARG002
        """Nothing is kept."""
        return [None] * len(pictures)

    def completed(self, prepared: None, data: bytes) -> None:  # noqa: ARG002
        """Opens the other pictures of a file."""
        for _ in () if self._further is None else self._further(data):
            pass

    def compute(self, prepared: Sequence[None]) -> None:
        """Nothing comes of it."""

    def joined(self, results: Sequence[None]) -> None:
        """Nothing comes of it."""


def unreadable_here_too(
    answers: Answers, images: ImageList, reader: Reader, local: LocalExecutor, further: Further | None = None
) -> tuple[Exclusion, ...]:
    """The images that no worker could read, once they were tried on this machine: with its reasons.

    Args:
        answers: What the workers said.
        images: All images.
        reader: Hands out their bytes.
        local: Reads them here.
        further: Hands out the other pictures of a file, where the workers looked at those.

    Raises:
        DatasetError: This machine can read some of them: a worker does not see the dataset.
    """
    rows = np.array(sorted(answers.gone), dtype=np.int64)
    tried = images.taken(rows)
    gone = local.run(tried, reader, _Look(further), Collected(), lambda *_: None, "")
    if len(gone) < len(tried):
        lost_here = {one.id for one in gone}
        readable = [row for row, image in zip(rows.tolist(), tried, strict=True) if image.id not in lost_here]
        told = "\n".join(
            f"{images[row].id!r}: on {answers.gone[row][0]}: {answers.gone[row][1]}"
            for row in readable[:_SHOWN]
        )
        raise DatasetError(
            f"Ray workers could not read images that this machine can read: {len(readable):,}",
            detail=f"{told}\nPut the dataset where all machines find it under the same path, or give its URL.",
        )
    return gone


def require_kept(images: ImageList, gone: Sequence[Exclusion], sink: SharedSink) -> None:
    """Makes sure that nothing was lost on the way.

    Raises:
        StoreError: What the workers made of images is not in the store of this machine.
    """
    missing = sink.missing(images.digests)
    missing &= ~images.by_content.rows_among({one.sha256 or "" for one in gone} - {""})
    n_missing = int(missing.sum())
    if n_missing:
        raise StoreError(
            f"results of Ray workers are not in the store of this machine: {n_missing:,} of {len(images):,}",
            detail="Use a store that all machines share, a folder under the same path or a URL: --faceleak-store or "
            "FACELEAK_STORE.",
        )
