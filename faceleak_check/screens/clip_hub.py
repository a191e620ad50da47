"""Published CLIP weights on the Hugging Face hub, which lie there under one of several names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faceleak_check.model_files import PREFETCH, OnHub, Unreachable

__all__ = ["HubCheckpoint"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HubCheckpoint:
    """A checkpoint on the hub that lies there under one of several names.

    Attributes:
        repo: ``owner/name``.
        files: The names, in the order of preference.
    """

    repo: str
    files: tuple[str, ...]

    @property
    def _places(self) -> tuple[OnHub, ...]:
        return tuple(OnHub(repo=self.repo, file=file) for file in self.files)

    @property
    def command(self) -> str:
        """The command that brings the file to this machine."""
        return PREFETCH

    @property
    def description(self) -> str:
        """Where it comes from and where it is kept, in words."""
        return self._places[0].description

    def find(self) -> Path | None:
        """The file, where it was downloaded before."""
        return next(filter(None, (place.find() for place in self._places)), None)

    def fetch(self, timeout: float) -> Path:
        """Downloads the first of the files that is there.

        Raises:
            Unreachable: None of them can be downloaded.
        """
        *first, last = self._places
        for place in first:
            try:
                return place.fetch(timeout)
            except Unreachable as why:
                if "404" not in str(why):
                    raise
        return last.fetch(timeout)
