"""What the files and folders of the evidence are called; `EvidenceFolder` says what each holds."""

from __future__ import annotations

import re

__all__ = ["EVIDENCE", "MANIFESTS", "PAIRS", "REPORT", "RUN", "STATEMENT", "THUMBNAILS", "readable"]

EVIDENCE = "evidence.json"
RUN = "run.json"
STATEMENT = "statement.json"
REPORT = "report.html"
PAIRS = "pairs"
MANIFESTS = "manifests"
THUMBNAILS = "thumbnails"
_MOST_LETTERS = 55


def readable(text: str) -> str:
    """As much of a text as has room in the name of a file, in letters that no shell and no file system minds."""
    return re.sub(r"[^A-Za-z0-9_.-]+", ".", text).strip(".")[:_MOST_LETTERS]
