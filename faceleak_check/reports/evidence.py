"""The canonical evidence: ``evidence.json``, and the files beside it.

::

    <folder>/evidence.json       every verdict: the same bytes for the same inputs
    <folder>/pairs/*.parquet     all pairs of a case, one row each
    <folder>/manifests/*.txt     all files of a generated set, one line each
    <folder>/statement.json      what was tested and what came out, to be signed
    <folder>/thumbnails/*.jpg    faces of pairs and samples of what was left out; only on request
    <folder>/run.json            when, how long, on what: all that differs between equal runs

Every file is written under a temporary name and renamed. All other reports are views of these.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from faceleak_check.errors import EvidenceError
from faceleak_check.records import Verdict
from faceleak_check.reports.manifests import Manifests
from faceleak_check.reports.names import (
    EVIDENCE,
    MANIFESTS,
    PAIRS,
    REPORT,
    RUN,
    STATEMENT,
    THUMBNAILS,
    readable,
)
from faceleak_check.reports.statement import statement_bytes
from faceleak_check.reports.tools import tools_of
from faceleak_check.seals import EVIDENCE_VERSION, canonical_json, sealed
from faceleak_check.whole_files import locked, write_whole

__all__ = ["EvidenceFolder"]

Record = Mapping[str, Any]

_LEAST_ROOM = 1 << 12
"""Bytes that must be free; an empty file can be made on a full disk, too."""


class EvidenceFolder:
    """Where a run leaves its evidence.

    Args:
        folder: Made when it is needed; no one but its owner may read what is made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifests = Manifests(folder)

    @property
    def evidence_file(self) -> Path:
        """The canonical JSON."""
        return self.folder / EVIDENCE

    @property
    def report_file(self) -> Path:
        """The page for people."""
        return self.folder / REPORT

    def keep_alone(self) -> Callable[[], None]:
        """Keeps other runs out of the folder; returns what lets them in again, which the process's death does, too.

        Raises:
            EvidenceError: The folder cannot be made, or another run is writing into it.
        """
        with _evidence_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if not locked(descriptor):
            os.close(descriptor)
            raise EvidenceError(
                "the evidence cannot be written: another run is writing into the same folder",
                detail=f"{self.folder}: wait until it has ended, or choose another with --faceleak-evidence DIR.",
            )
        return partial(os.close, descriptor)

    def start(self) -> None:
        """Makes the folder and takes the evidence of an earlier run out of it, so that none can pass for this run's.

        Raises:
            EvidenceError: The folder cannot be made or written, or a link in it leads elsewhere.
        """
        with _evidence_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._refuse_links()
            (self.folder / PAIRS).mkdir(exist_ok=True, mode=0o700)
            # views first: whatever is left where this is cut off is no view of evidence that is gone
            ours = (self.folder / name for name in (REPORT, STATEMENT, EVIDENCE, RUN))
            for old in (*ours, *self._left_behind()):
                old.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not there, or somebody else has put something in it
                (self.folder / THUMBNAILS).rmdir()
            write_whole(self.folder / ".writable", bytes(_LEAST_ROOM))
            (self.folder / ".writable").unlink(missing_ok=True)

    def _refuse_links(self) -> None:
        """A link in place of a folder of ours would have us write, and delete, elsewhere."""
        for name in (PAIRS, MANIFESTS, THUMBNAILS):
            if (self.folder / name).is_symlink():
                raise EvidenceError(
                    f"the evidence cannot be written: {name!r} in its folder is a link",
                    detail=f"{self.folder / name}: what it leads to is left as it is. Take the link away, or choose "
                    "another folder with --faceleak-evidence DIR.",
                )

    def _left_behind(self) -> Iterator[Path]:
        """Our own files alone, also half-written ones of a run that was killed."""
        key = "[0-9a-f]" * 8
        yield from (self.folder / PAIRS).glob(f"*.{key}.parquet")
        yield from (self.folder / MANIFESTS).glob(f"*.{key}.txt")
        yield from (self.folder / THUMBNAILS).glob(f"{key * 8}.*.jpg")
        for folder in (self.folder, *(self.folder / name for name in (PAIRS, MANIFESTS, THUMBNAILS))):
            yield from folder.glob(f".*.{key}{key}.tmp")

    def add_pairs(self, policy_file: str, verdict: Verdict) -> dict[str, Any]:
        """Writes the pairs of a case.

        Args:
            policy_file: The policy as the user named it; two policies may hold a case of the same name.
            verdict: The verdict whose pairs are written.

        Returns:
            The file's name and digest, for the evidence.

        Raises:
            EvidenceError: The folder cannot be written.
        """
        from faceleak_check.reports.pairs import pairs_parquet

        data = pairs_parquet(verdict)
        key = f"{policy_file}\0{verdict.case}".encode("utf-8", "surrogateescape")
        shown = readable(f"{Path(policy_file).stem}.{verdict.case}")
        name = f"{shown}.{hashlib.sha256(key).hexdigest()[:8]}.parquet"
        with _evidence_errors(self.folder):
            (self.folder / PAIRS).mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / PAIRS / name, data)
        return {"file": f"{PAIRS}/{name}", "sha256": hashlib.sha256(data).hexdigest()}

    def add_sets(self, verdict: Verdict) -> dict[str, dict[str, Any]]:
        """Writes the list of files of a verdict's generated set, once for each content.

        Args:
            verdict: The verdict.

        Returns:
            By role, what the evidence says of the files of each set: its Merkle root, and the list and its digest.

        Raises:
            EvidenceError: The folder cannot be written.
        """
        with _evidence_errors(self.folder):
            return {role: self._manifests.record(role, one) for role, one in verdict.sets.items()}

    def has_thumbnail(self, name: str) -> bool:
        """Whether a small picture of this name is written already."""
        return (self.folder / THUMBNAILS / name).exists()

    def add_thumbnails(self, pictures: Iterable[tuple[str, bytes]]) -> None:
        """Writes small pictures.

        Args:
            pictures: Name and contents of each file.

        Raises:
            EvidenceError: The folder cannot be written.
        """
        with _evidence_errors(self.folder):
            for name, data in pictures:
                (self.folder / THUMBNAILS).mkdir(parents=True, exist_ok=True, mode=0o700)
                write_whole(self.folder / THUMBNAILS / name, data, durable=False)

    def _require_whole(self, policies: Iterable[Record]) -> None:
        """Raises EvidenceError where a file that the evidence is to name is not there as it was written."""
        named = dict(_named_files(policies))
        gone = [name for name, sha256 in named.items() if not _is_there(self.folder / name, sha256)]
        if gone:
            files = "1 of its files" if len(gone) == 1 else f"{len(gone):,} of its files"
            raise EvidenceError(
                f"the evidence is not whole: {files} went away while the run was at work",
                detail=f"{self.folder}: the first is {gone[0]}. Let nobody else write there, and run again.",
            )

    def finish(self, policies: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
        """Writes the evidence of a whole run, and last the statement about it.

        Args:
            policies: For each policy its record, as `policy_record` makes it.
            run: What differs between equal runs: times, host, exit status.

        Raises:
            EvidenceError: The folder cannot be written.
        """
        evidence = sealed(
            {
                "evidence_version": EVIDENCE_VERSION,
                "tools": tools_of(policies),
                "policies": list(policies),
            }
        )
        data = canonical_json(evidence)
        statement = statement_bytes(evidence, data)
        with _evidence_errors(self.folder):
            self._require_whole(policies)
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / RUN, canonical_json(run))
            write_whole(self.evidence_file, data)
            if statement is not None:
                write_whole(self.folder / STATEMENT, statement)


def _named_files(policies: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """The files beside the evidence that it names, each with its digest."""
    for case in (case for policy in policies for case in policy["cases"]):
        for named in (case.get("pairs_file"), *(one.get("manifest") for one in case["sets"].values())):
            if named is not None:
                yield named["file"], named["sha256"]


def _is_there(file: Path, sha256: str) -> bool:
    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == sha256
    return False


@contextlib.contextmanager
def _evidence_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvidenceError(
            f"the evidence cannot be written: {error.strerror or type(error).__name__}",
            detail=f"{folder}: choose another folder with --faceleak-evidence DIR, or free some space.",
        ) from None
