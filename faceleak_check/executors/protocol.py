"""What an executor, and what works with it, must be able to do; no behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from faceleak_check.executors.stages import Stage
from faceleak_check.protocols import Progress, Reader
from faceleak_check.records import Digests, Exclusion, ImageRef

__all__ = ["Executor", "SharedSink", "SharedStage", "Sink"]


class Sink(Protocol):
    """Keeps results by content digest."""

    def add(self, digests: Sequence[str], result: Any, /) -> None:
        """Keep the results of these images for good."""


@runtime_checkable
class SharedSink(Sink, Protocol):
    """A sink that processes on other machines can add to; it is pickled as where it is, and not as what is in it."""

    def missing(self, digests: Digests) -> npt.NDArray[np.bool_]:
        """Of which of these contents nothing is known yet, shape (n,)."""

    def refresh(self) -> None:
        """Take in what others have added since."""


@runtime_checkable
class SharedStage(Protocol):
    """A stage that can be pickled and does its work on other machines.

    Attributes:
        device: Kind of processor that it needs: ``cpu`` or ``cuda``.
    """

    device: str

    def about(self, images: Sequence[ImageRef]) -> Any:
        """What it knows of some images beside their bytes, as plain data."""

    def knowing(self, about: Any, /) -> Self:
        """The stage with this knowledge in place of its own; what is loaded stays loaded."""


class Executor(Protocol):
    """Brings what a stage makes of images into a sink."""

    def run(
        self,
        images: Sequence[ImageRef],
        reader: Reader,
        stage: Stage[Any, Any],
        sink: Sink,
        progress: Progress,
        name: str,
    ) -> tuple[Exclusion, ...]:
        """Does the stage's work on images whose result the sink does not have yet.

        What was finished before an interruption is kept: a second run goes on from there.

        Args:
            images: Images, each content once.
            reader: Hands out their bytes.
            stage: The work.
            sink: Where the results go.
            progress: Told how far it is.
            name: What to call the work.

        Returns:
            The images that cannot be decoded, in the order of the images.

        Raises:
            InconclusiveError: A network cannot be loaded, the store cannot be written, or a machine is lost.
        """
