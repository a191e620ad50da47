"""Takes templates out of a store for good: they are biometric data."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from faceleak_check.errors import UsageError
from faceleak_check.registry import suggestion
from faceleak_check.store.disk import LOCK, SPEC_FILE
from faceleak_check.store.folders import FORMAT, store_errors
from faceleak_check.store.inventory import KINDS, Inventory, SpecFolder, name_in, spec_in
from faceleak_check.store.locks import held_if_free
from faceleak_check.store.roots import SharedFolder
from faceleak_check.store.shards import is_shard

__all__ = ["Chosen", "chosen", "purge"]

_DAY_SECONDS = 24 * 3600
_DIGITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What is to be deleted.

    Attributes:
        files: Files of this machine.
        specs: The folders of specs that some of them lie in.
        shared: Names of files that several machines share.
    """

    files: tuple[Path, ...]
    specs: tuple[SpecFolder, ...]
    shared: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.files or self.shared)


def chosen(
    inventory: Inventory, shared: SharedFolder | None, spec: str | None, older_than_days: float | None
) -> Chosen:
    """What to delete of a store.

    Args:
        inventory: What lies in it on this machine.
        shared: What it shares with other machines.
        spec: An embedder's or screen's name, or the first digits of a spec's digest; None for everything.
        older_than_days: Takes only what was written so long ago.

    Raises:
        UsageError: Nothing is kept by such a spec, or nobody knows when it was written.
        StoreError: The shared store cannot be read.
    """
    if shared is not None and older_than_days is not None:
        raise UsageError("--older-than: when a file of a shared store was written is not known; leave it out")
    there = _shared_files(shared) if shared is not None else {}
    names = {one.path.name: one.name for one in inventory.specs}
    if shared is not None and spec is not None:
        names |= {place.name: _name_of(shared, place) for place in there}
    meant = _meant(names, spec) if spec is not None else {*names, *(place.name for place in there)}
    before = None if older_than_days is None else time.time() - older_than_days * _DAY_SECONDS
    specs = [one for one in inventory.specs if one.path.name in meant]
    files = [path for one in specs for path in _old(one, before)]
    if spec is None:
        others = (path for paths in inventory.besides.values() for path in paths)
        files += [path for path in others if _is_older(path, before)]
    wanted = set(files)
    return Chosen(
        files=tuple(files),
        specs=tuple(one for one in specs if not wanted.isdisjoint(one.files)),
        shared=tuple(name for place, found in there.items() if place.name in meant for name in found),
    )


def _meant(names: Mapping[str, str], spec: str) -> set[str]:
    """The folders that a user means, of those whose specs' names are given."""
    is_digest = len(spec) >= _DIGITS
    meant = {
        folder for folder, name in names.items() if name == spec or (is_digest and folder.startswith(spec))
    }
    if not meant:
        known = sorted(set(names.values()))
        there = f"there are: {', '.join(known)}" if known else "there is nothing at all"
        raise UsageError(f"nothing is kept of {spec!r}{suggestion(spec, known)}; {there}")
    return meant


def _old(one: SpecFolder, before: float | None) -> Iterable[Path]:
    """The files of a folder to delete; those beside the shards only with the last of them."""
    if all(_is_older(path, before) for path in one.shards or one.others):
        return one.files
    return [path for path in one.shards if _is_older(path, before)]


def _is_older(path: Path, before: float | None) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return before is None or path.lstat().st_mtime < before
    return False


def _shared_files(shared: SharedFolder) -> dict[PurePosixPath, list[str]]:
    """The files of ours by the folders of their specs."""
    found: dict[PurePosixPath, list[str]] = {}
    for text in shared.names(FORMAT):
        name = PurePosixPath(FORMAT, text)
        if name.parent.parent.name in KINDS and (name.name == SPEC_FILE or is_shard(name.name)):
            found.setdefault(name.parent, []).append(str(name))
    return found


def _name_of(shared: SharedFolder, place: PurePosixPath) -> str:
    return name_in(spec_in(shared.read(str(place / SPEC_FILE)) or b"", place.name))


def purge(inventory: Inventory, wanted: Chosen, shared: SharedFolder | None) -> None:
    """Deletes files, and the folders that are empty then.

    Args:
        inventory: What lies in the store on this machine.
        wanted: What to delete.
        shared: What it shares with other machines.

    Raises:
        UsageError: A run is at work on one of the folders; nothing was deleted.
        StoreError: A file cannot be deleted.
    """
    with _locks(wanted.specs), store_errors(inventory.root, "written"):
        if shared is not None:
            for name in wanted.shared:
                shared.remove(name)
        for path in wanted.files:
            path.unlink(missing_ok=True)
        for one in wanted.specs:
            if set(one.shards) <= set(wanted.files):
                (one.path / LOCK).unlink(missing_ok=True)
        _remove_empty({path.parent for path in wanted.files}, inventory.root)


@contextlib.contextmanager
def _locks(specs: Collection[SpecFolder]) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        for one in specs:
            if not held.enter_context(held_if_free(one.path / LOCK)):
                raise UsageError(
                    f"a run is at work with {one.name!r}: nothing was deleted; try again when it has ended"
                )
        yield


def _remove_empty(folders: set[Path], root: Path) -> None:
    """Removes folders, and those above them, while they are empty; the store itself stays."""
    for folder in folders:
        with contextlib.suppress(OSError):
            while folder != root:
                folder.rmdir()
                folder = folder.parent  # noqa: PLW2901
