"""The canonical evidence: ``evidence.json``, and the files beside it.

::

    <folder>/evidence.json       every verdict: the same bytes for the same inputs
    <folder>/pairs/*.parquet     all pairs of a case, one row each
    <folder>/run.json            when, how long, on what: all that differs between equal runs

Every file is written under a temporary name and renamed. All other reports are views of these.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from faceleak_check.errors import EvidenceError, PolicyError
from faceleak_check.files import write_whole
from faceleak_check.policy.schema import Policy
from faceleak_check.records import Verdict
from faceleak_check.reports.leaves import printable

__all__ = [
    "EVIDENCE_VERSION",
    "EvidenceFolder",
    "invalid_policy_record",
    "policy_record",
]

Record = Mapping[str, Any]

EVIDENCE_VERSION = 4
"""What is written; the description of ``evidence.schema.json`` says what each version changed."""
_NAME_LETTERS = 55
_WORST_FIRST = ("leak", "inconclusive", "waived", "pass")
_TOOLS = ("faceleak-check", "torch", "faiss-cpu", "numpy", "scipy", "pillow", "imagehash")


class EvidenceFolder:
    """Where a run leaves its evidence.

    Args:
        folder: Made when it is needed; no one but its owner may read what is made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def evidence_file(self) -> Path:
        """The canonical JSON."""
        return self.folder / "evidence.json"

    def start(self) -> None:
        """Makes the folder and takes the evidence of an earlier run out of it, so that none can pass for this run's.

        Raises:
            EvidenceError: The folder cannot be made or written.
        """
        with _evidence_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.folder / "pairs").mkdir(exist_ok=True, mode=0o700)
            for old in [self.evidence_file, self.folder / "run.json", *self._left_behind()]:
                old.unlink(missing_ok=True)
            write_whole(self.folder / ".writable", b"")
            (self.folder / ".writable").unlink(missing_ok=True)

    def _left_behind(self) -> Iterator[Path]:
        """Our own files alone, also half-written ones of a run that was killed."""
        yield from (self.folder / "pairs").glob(f"*.{'[0-9a-f]' * 8}.parquet")
        for folder in (self.folder, self.folder / "pairs"):
            yield from folder.glob(".[0-9]*.tmp")

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
        readable = re.sub(r"[^A-Za-z0-9_.-]+", ".", f"{Path(policy_file).stem}.{verdict.case}").strip(".")
        name = f"{readable[:_NAME_LETTERS]}.{hashlib.sha256(key).hexdigest()[:8]}.parquet"
        with _evidence_errors(self.folder):
            (self.folder / "pairs").mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / "pairs" / name, data)
        return {"file": f"pairs/{name}", "sha256": hashlib.sha256(data).hexdigest()}

    def finish(self, policies: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
        """Writes the evidence of a whole run.

        Args:
            policies: For each policy its record, as `policy_record` makes it.
            run: What differs between equal runs: times, host, exit status.

        Raises:
            EvidenceError: The folder cannot be written.
        """
        evidence = {
            "evidence_version": EVIDENCE_VERSION,
            "tools": {name: version(name) for name in _TOOLS},
            "policies": list(policies),
        }
        with _evidence_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / "run.json", _json(run))
            write_whole(self.folder / "evidence.json", _json(evidence))


def policy_record(policy: Policy, ran: Mapping[str, Record | None]) -> dict[str, Any]:
    """A policy with the records of its cases.

    Args:
        policy: The policy.
        ran: Record of each case by its id, in the policy's order; None for a case that has no verdict.
    """
    cases = [
        {name: value for name, value in record.items() if name != "run"} for record in ran.values() if record
    ]
    not_run = [case for case, record in ran.items() if record is None]
    outcomes = {case["outcome"] for case in cases} | ({"inconclusive"} if not_run else set())
    return {
        "file": printable(policy.shown_as),
        "sha256": policy.sha256,
        "name": policy.name,
        "description": policy.description,
        "outcome": next(outcome for outcome in _WORST_FIRST if outcome in outcomes),
        "problems": [],
        "cases": cases,
        "not_run": not_run,
    }


def invalid_policy_record(shown_as: str, error: PolicyError) -> dict[str, Any]:
    """A policy that could not be run, with what is wrong in it."""
    return {
        "file": printable(shown_as),
        "sha256": None,
        "name": None,
        "description": None,
        "outcome": "inconclusive",
        "problems": [str(problem) for problem in error.problems],
        "cases": [],
        "not_run": [],
    }


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


@contextlib.contextmanager
def _evidence_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvidenceError(
            f"the evidence cannot be written: {error.strerror or type(error).__name__}",
            detail=f"{folder}: choose another folder with --faceleak-evidence DIR, or free some space.",
        ) from None
