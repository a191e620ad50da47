"""Moves one file: it lies at its new place, whole, before it is taken away from the old one."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.errors import UsageError
from faceleak_check.reports.layout import safe
from faceleak_check.whole_files import opened_whole, remove_torn

__all__ = ["Move", "is_there", "put"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A file that is to lie elsewhere.

    Attributes:
        dataset: Name of its dataset.
        id: Its name in that.
        sha256: Its content digest.
        old: Where it lies.
        new: Where it is to lie.
    """

    dataset: str
    id: str
    sha256: str
    old: Path
    new: Path


def is_there(move: Move) -> bool:
    """Whether the file lies at its new place, whole."""
    # where a link leads to may have been moved, too
    return move.new.is_symlink() or (move.new.is_file() and _digest(move.new) == move.sha256)


def put(move: Move) -> bool:
    """Moves a file; False where it lies there already.

    Raises:
        UsageError: It changed, or another file lies at its new place.
        OSError: A folder cannot be written.
    """
    if not os.path.lexists(move.old):
        if is_there(move):
            return False
        raise UsageError(f"{_shown(move.old)} went away; run the policy again")
    if move.old.is_symlink():
        _put_link(move)
    else:
        _put_file(move)
    move.old.unlink()
    return True


def _put_link(move: Move) -> None:
    target = move.old.readlink()
    if not os.path.lexists(move.new):
        move.new.symlink_to(target)
    elif not move.new.is_symlink() or move.new.readlink() != target:
        raise _taken(move)


def _put_file(move: Move) -> None:
    if _digest(move.old) != move.sha256:
        raise UsageError(f"{_shown(move.old)} was changed after the run; run the policy again")
    if os.path.lexists(move.new):
        if move.new.is_symlink() or _digest(move.new) != move.sha256:
            raise _taken(move)
        return
    try:
        move.new.hardlink_to(move.old)
    except FileExistsError:
        raise _taken(move) from None
    except OSError:  # another disk, or one without links
        _copy(move)


def _copy(move: Move) -> None:
    remove_torn(move.new)
    try:
        with move.old.open("rb") as old, opened_whole(move.new, new=True) as new:
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            shutil.copystat(move.old, new.name)
            if _digest(Path(new.name)) != move.sha256:
                raise UsageError(f"{_shown(move.old)} was changed while it was copied; run the policy again")
    except FileExistsError:
        if not is_there(move):  # else another call has just put it there
            raise _taken(move) from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _taken(move: Move) -> UsageError:
    return UsageError(
        f"another file lies at {_shown(move.new)} already, and nothing is overwritten; choose an empty folder"
    )


def _shown(path: Path) -> str:
    return safe(str(path))
