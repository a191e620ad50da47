"""Whether a reader keeps the rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.protocols import OrderedReader, Reader
from faceleak_check.readers.guarded import unsound
from faceleak_check.records import ImageRef, ImageSet
from faceleak_check.silence import silent
from faceleak_check.testing.asking import in_threads, sent_elsewhere

__all__ = ["a_dataset", "check_reader"]


def check_reader(
    kind: Callable[[Dataset], Reader], dataset: Dataset, *, n_images: int, n_left_out: int = 0
) -> ImageSet:
    """Sees whether a reader keeps the rules on a dataset that the author knows.

    Args:
        kind: The reader's class.
        dataset: The dataset, such as `a_dataset` makes one.
        n_images: How many images of it can be read.
        n_left_out: How many should be images and cannot be read.

    Returns:
        What the reader found, for a look at ids and labels.

    Raises:
        AssertionError: It breaks a rule; the message says which.
    """
    reader = kind(dataset)
    found = reader.scan(silent)
    assert not (problem := unsound(found, dataset.name)), f"found {problem}"
    counts = f"found {len(found.images):,} images and {len(found.excluded):,} left out"
    assert (len(found.images), len(found.excluded)) == (n_images, n_left_out), (
        f"{counts}, expected {n_images:,} and {n_left_out:,}: an image that is neither is lost without a trace"
    )
    assert kind(dataset).scan(silent) == found, "a second scan found something else"
    others = getattr(reader, "part", lambda _: reader)(found.images[-1:])
    there = sent_elsewhere(others)
    _require_bytes(there, found.images[-1:], "sent to another machine")
    order = reader.reading_order(found.images) if isinstance(reader, OrderedReader) else range(n_images)
    assert sorted(order) == list(range(n_images)), "its reading order leaves images out"
    in_threads(lambda n: _require_bytes(reader, found.images[n : n + 1], "in a thread"), n_images)
    _require_refusals(kind, dataset, reader)
    return found


def a_dataset(
    path: Path,
    its_format: str,
    *,
    labels: Literal["none", "own", "parent_folder"] = "none",
    options: Any = None,
) -> Dataset:
    """A dataset as a policy would declare it.

    Args:
        path: Where it lies.
        its_format: Name of its reader.
        labels: Where people are named.
        options: The format's own keys, as its class has them.
    """
    return Dataset(
        name="training",
        path=path,
        format=its_format,
        labels=Labels(kind=labels),
        columns=None,
        line=1,
        column=1,
        options=options,
    )


def _require_bytes(reader: Reader, images: Sequence[ImageRef], when: str) -> None:
    for image in images:
        found = hashlib.sha256(reader.read(image)).hexdigest()
        assert found == image.sha256, f"{image.id!r} has other bytes than were listed, {when}"


def _require_refusals(kind: Callable[[Dataset], Reader], dataset: Dataset, reader: Reader) -> None:
    """What is not there is told with errors that the gate knows, and without a path in the message."""
    nowhere = replace(dataset, path=Path(str(dataset.path)).with_name("faceleak-nowhere"))
    message = None
    try:
        kind(nowhere).scan(silent)
    except DatasetError as error:
        message = error.message
    assert message is not None, "it found something where nothing is, expected a DatasetError"
    assert "faceleak-nowhere" not in message, "a message names a path, which belongs into the detail"
    try:
        reader.read(ImageRef(id="faceleak-nobody.png", sha256="0" * 64))
    except OSError:
        return
    raise AssertionError("it gave bytes for an image that is not there, expected an OSError")
