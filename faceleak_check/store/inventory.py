"""What lies in a store, told by names alone: what is ours, of which spec, and what is somebody else's."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceleak_check.store.disk import LOCK, SPEC_FILE
from faceleak_check.store.folders import FORMAT, store_errors
from faceleak_check.store.shards import is_shard
from faceleak_check.store.verified import NOTE

__all__ = ["KINDS", "Inventory", "SpecFolder", "inventory_of", "name_in", "spec_in"]

KINDS = ("templates", "screens")
"""What specs keep."""

_FORMATS = re.compile(r"v[1-9][0-9]?")
_KEY = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_TEMPORARY = re.compile(r"\..{1,64}\.[0-9a-f]{16}\.tmp")
_BESIDES = re.compile(r"[0-9a-f]{32,64}[.\w-]*\.(json|safetensors|npy|npz|lock)")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecFolder:
    """What is kept by one spec.

    Attributes:
        path: The folder.
        shards: Its shards.
        others: Its other files: the spec in words, the note of what was verified, the lock, torn files.
    """

    path: Path
    shards: tuple[Path, ...]
    others: tuple[Path, ...]

    @property
    def kind(self) -> str:
        """``templates`` or ``screens``."""
        return self.path.parent.name

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (*self.shards, *self.others)

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec in words; empty where the file of it is lost or altered."""
        with contextlib.suppress(OSError):
            return spec_in((self.path / SPEC_FILE).read_bytes(), self.path.name)
        return {}

    @property
    def name(self) -> str:
        """What a policy calls it."""
        return name_in(self.spec)


def spec_in(data: bytes, folder: str) -> Mapping[str, Any]:
    """A spec in words; empty where it is not that of the folder."""
    if hashlib.sha256(data).hexdigest()[:32] != folder:
        return {}
    spec: Mapping[str, Any] = json.loads(data)
    return spec


def name_in(spec: Mapping[str, Any]) -> str:
    """What a policy calls an embedder or a screen."""
    return str(spec.get("name") or spec.get("method") or "unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What lies in a store.

    Attributes:
        root: The store.
        specs: What embedders and screens found.
        besides: Other files of ours by what they are: surveys, listings, searches, and whole stores of other versions.
        foreign: What is not ours, and links, which may lead anywhere.
    """

    root: Path
    specs: tuple[SpecFolder, ...] = ()
    besides: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    foreign: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of ours."""
        kept = [path for one in self.specs for path in one.files]
        return (*kept, *(path for paths in self.besides.values() for path in paths))

    @property
    def torn(self) -> tuple[Path, ...]:
        """Those of them that are being written, or were when a run was killed."""
        return tuple(path for path in self.files if _TEMPORARY.fullmatch(path.name))


def inventory_of(root: Path) -> Inventory:
    """What lies in a store; nothing where there is none.

    Raises:
        StoreError: It cannot be read.
    """
    found = _Found()
    with store_errors(root, "read"):
        for entry in _entries(root):
            if entry.name == FORMAT and _is_folder(entry):
                found.take_format(entry)
            elif _FORMATS.fullmatch(entry.name) and _is_folder(entry):
                found.besides[entry.name] = tuple(found.files(entry))
            else:
                found.foreign.append(Path(entry.path))
    return Inventory(root=root, specs=tuple(found.specs), besides=found.besides, foreign=tuple(found.foreign))


class _Found:
    """What was found so far."""

    def __init__(self) -> None:
        self.specs: list[SpecFolder] = []
        self.besides: dict[str, tuple[Path, ...]] = {}
        self.foreign: list[Path] = []

    def take_format(self, folder: os.DirEntry[str]) -> None:
        """Takes in what is written by today's rules."""
        for entry in _entries(folder.path):
            if not _is_folder(entry):
                self.foreign.append(Path(entry.path))
            elif entry.name in KINDS:
                self._take_kind(entry)
            else:
                self.besides[entry.name] = tuple(self.files(entry))

    def _take_kind(self, folder: os.DirEntry[str]) -> None:
        for entry in _entries(folder.path):
            if not (_is_folder(entry) and _KEY.fullmatch(entry.name)):
                self.foreign.append(Path(entry.path))
                continue
            files = list(self.files(entry))
            shards = tuple(path for path in files if is_shard(path.name))
            others = tuple(path for path in files if not is_shard(path.name))
            self.specs.append(SpecFolder(path=Path(entry.path), shards=shards, others=others))

    def files(self, folder: os.DirEntry[str]) -> Iterator[Path]:
        """The files of ours in a folder, and in the folders in it that a digest names."""
        for entry in _entries(folder.path):
            if _is_folder(entry) and _KEY.fullmatch(entry.name):
                yield from self.files(entry)
            elif entry.is_file(follow_symlinks=False) and _is_ours(entry.name):
                yield Path(entry.path)
            else:
                self.foreign.append(Path(entry.path))


def _is_ours(name: str) -> bool:
    is_known = name in (SPEC_FILE, LOCK, NOTE)
    return is_known or bool(_BESIDES.fullmatch(name) or _TEMPORARY.fullmatch(name))


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
    return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)
