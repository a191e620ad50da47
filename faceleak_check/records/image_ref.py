"""One image of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ImageRef"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRef:
    """One image of a dataset.

    Attributes:
        id: Name inside the dataset: a path relative to its folder, with ``/``.
        sha256: Digest of the file's bytes, 64 hexadecimal digits.
        labels: The people in it by name; several only where one file lies under several people.
    """

    id: str
    sha256: str
    labels: tuple[str, ...] = ()
