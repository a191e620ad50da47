"""Moves files out of a dataset's folder: deletes nothing, overwrites nothing, and goes on where it was cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from faceleak_check.errors import UsageError
from faceleak_check.policy.paths import overlap
from faceleak_check.policy.schema import Policy
from faceleak_check.quarantine.lists import RemovedFile
from faceleak_check.quarantine.placing import Move, is_there, put
from faceleak_check.readers.listing import path_of
from faceleak_check.records import ImageRef
from faceleak_check.regular_files import read_regular
from faceleak_check.reports.layout import safe
from faceleak_check.short_digests import short
from faceleak_check.whole_files import remove_torn, write_whole

__all__ = ["Quarantine"]


class Quarantine:
    """A folder that files are moved to; the folders that they lay in are kept in it.

    Args:
        folder: Where the files go: each under its name in its dataset, below a folder of the dataset's name where the
            policy has several generated sets.
        policy: The policy.
        evidence_sha256: Digest of the evidence, by which a call that was cut off is known again.

    Raises:
        UsageError: The folder overlaps one of the datasets.
    """

    def __init__(self, folder: Path, policy: Policy, evidence_sha256: str) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._policy = policy
        self._evidence = evidence_sha256
        self._plan = self.folder / f"faceleak-quarantine.{short(evidence_sha256)}.json"
        for name, dataset in policy.datasets.items():
            shared = overlap(self.folder, dataset.path)
            if shared:
                raise UsageError(
                    f"{safe(str(folder))} is no place apart from dataset {name!r}: {safe(shared)}; choose a folder "
                    "that lies in no dataset and holds none"
                )

    def moved_before(self) -> dict[str, list[ImageRef]]:
        """The files that an earlier call with the same evidence has moved, by dataset; empty where there was none.

        Raises:
            UsageError: Its plan cannot be read.
        """
        found: dict[str, list[ImageRef]] = {}
        for move in self._planned():
            if not os.path.lexists(move.old) and is_there(move):
                found.setdefault(move.dataset, []).append(ImageRef(id=move.id, sha256=move.sha256))
        return found

    def _planned(self) -> list[Move]:
        try:
            files = json.loads(read_regular(self._plan))["files"]
            return list(self._moves((one["dataset"], one["id"], one["sha256"]) for one in files))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UsageError(
                f"{safe(str(self._plan))} cannot be read: it is the list of what an earlier call moved here; "
                "mend it, or move the files back and take it away"
            ) from None

    def _moves(self, files: Iterator[tuple[str, str, str]]) -> Iterator[Move]:
        """From where to where files go that are named by dataset, id and digest; only those of folders can."""
        several = len({case.generated for case in self._policy.cases if case.generated}) > 1
        for dataset, image_id, sha256 in files:
            root = self._policy.datasets[dataset].local_folder
            if root is not None:
                name = os.fsdecode(path_of(image_id))
                below = self.folder / dataset if several else self.folder
                yield Move(dataset=dataset, id=image_id, sha256=sha256, old=root / name, new=below / name)

    def cannot_move(self, files: Sequence[RemovedFile]) -> dict[str, str]:
        """Why files cannot be moved, by dataset; empty where all can."""
        return {one.dataset: _why_not(self._policy, one.dataset) for one in files if one.path is None}

    def move(self, files: Sequence[RemovedFile]) -> int:
        """Moves the files; returns how many were not moved before.

        What is to be moved is written down first, so that a call that is cut off can be repeated.

        Raises:
            UsageError: A file changed, another one lies at its new place, or the folder cannot be written.
        """
        moves = list(self._moves((one.dataset, one.id, one.sha256) for one in files))
        # a link is moved after what it may lead to, so that it leads somewhere at any time
        moves.sort(key=lambda move: move.old.is_symlink())
        n_moved = 0
        try:
            self._make(self.folder)
            remove_torn(self._plan)
            write_whole(self._plan, _plan(moves, self._evidence, self._policy.sha256))
            for move in moves:
                self._make(move.new.parent)
                n_moved += put(move)
        except OSError as error:
            raise UsageError(
                f"files cannot be moved to {safe(str(self.folder))}: {error.strerror or type(error).__name__}; "
                f"{_done(n_moved)}, and the same command moves the rest"
            ) from None
        except KeyboardInterrupt:
            raise UsageError(f"interrupted: {_done(n_moved)}, and the same command moves the rest") from None
        return n_moved

    def _make(self, folder: Path) -> None:
        """Makes a folder and those above it, for their owner alone; none of them may lead out of the quarantine."""
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(mode=0o700)
        if folder.is_relative_to(self.folder) and not folder.resolve().is_relative_to(self.folder):
            raise UsageError(
                f"{safe(str(folder))} is a link that leads out of the quarantine; choose another folder"
            )


def _plan(moves: Sequence[Move], evidence_sha256: str, policy_sha256: str) -> bytes:
    plan = {
        "version": 1,
        "about": "Files that faceleak quarantine moved here; with this list a call that was cut off can be repeated.",
        "evidence_sha256": evidence_sha256,
        "policy_sha256": policy_sha256,
        "files": [{"dataset": one.dataset, "id": one.id, "sha256": one.sha256} for one in moves],
    }
    return (json.dumps(plan, indent=2) + "\n").encode()


def _done(n: int) -> str:
    return "1 file was moved" if n == 1 else f"{n:,} files were moved"


def _why_not(policy: Policy, name: str) -> str:
    dataset = policy.datasets[name]
    if dataset.format == "folder":
        return "it lies behind a URL"
    return f"its images are no files of their own (format: {dataset.format})"
