"""Canonical JSON that names its own digest, so that a change by hand shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["EVIDENCE_VERSION", "SEALED_SINCE", "canonical_json", "digest_of", "sealed"]

EVIDENCE_VERSION = 5
"""Version of the evidence that is written; ``$comment`` in ``evidence.schema.json`` says what each one added."""

SEALED_SINCE = 5
"""The first version of the evidence that names its own digest."""

_SEAL = "sha256"


def canonical_json(data: object) -> bytes:
    """The one text of some data: keys sorted, two spaces, UTF-8, a newline at the end.

    Raises:
        ValueError: A number is not finite, or a text is no Unicode.
    """
    return (json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest_of(data: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of the data without its key ``sha256``.

    Raises:
        ValueError: A number is not finite, a text is no Unicode, or it is nested too deeply.
    """
    try:
        text = canonical_json({key: data[key] for key in data if key != _SEAL})
    except RecursionError:  # what could be read need not be shallow enough to be written
        raise ValueError("it is nested too deeply") from None
    return hashlib.sha256(text).hexdigest()


def sealed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with its digest as ``sha256``."""
    return {**data, _SEAL: digest_of(data)}
