"""A statement that was written earlier, opened again, bare or as a signer has wrapped it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceleak_check.errors import EvidenceError
from faceleak_check.presence import is_folder
from faceleak_check.reports.json_file import parsed, read_bytes
from faceleak_check.reports.names import STATEMENT
from faceleak_check.reports.shapes import Fitter, MisshapenError, schema_of
from faceleak_check.reports.statement import PREDICATE_TYPE, STATEMENT_TYPE

__all__ = ["Statement", "open_statement"]

_PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """The statement of a run.

    Attributes:
        file: Where it was read from; manifests and evidence lie beside it.
        subjects: DigestSet of each set by name.
        predicate: What came out.
        is_wrapped: Whether it came in an envelope with signatures, which nothing here looks at.
    """

    file: Path
    subjects: Mapping[str, Mapping[str, str]]
    predicate: Mapping[str, Any]
    is_wrapped: bool


def open_statement(path: Path) -> Statement:
    """Opens a statement, a DSSE envelope, or a bundle of Sigstore with one in it.

    Args:
        path: The file, or the folder that holds a ``statement.json``.

    Raises:
        EvidenceError: It is not there, cut off, no JSON, or another kind of statement.
    """
    file = path / STATEMENT if is_folder(path) else path
    advice = "Name the statement.json of a run, or the folder that --faceleak-evidence named."
    data = parsed(read_bytes(file, "statement", advice), file, "statement")
    payload = _payload(data, file)
    if payload is not None:
        data = parsed(payload, file, "statement")
    _require_ours(data, file)
    try:
        schema = schema_of("statement")
        whole = Fitter(schema["$defs"], fills=False).fitted(data, schema)
        subjects = {one["name"]: one["digest"] for one in whole["subject"]}
        _require_known(whole["predicate"], subjects)
    except MisshapenError as error:
        raise _not_ours(file, str(error)) from None
    return Statement(
        file=file, subjects=subjects, predicate=whole["predicate"], is_wrapped=payload is not None
    )


def _payload(data: Any, file: Path) -> bytes | None:
    """What an envelope holds; None where there is no envelope."""
    envelope = data.get("dsseEnvelope", data) if isinstance(data, dict) else None
    if not isinstance(envelope, dict) or "payload" not in envelope:
        return None
    if envelope.get("payloadType") != _PAYLOAD_TYPE:
        raise _not_ours(
            file, f"found an envelope of {envelope.get('payloadType')!r}, expected {_PAYLOAD_TYPE}"
        )
    try:
        return base64.b64decode(str(envelope["payload"]), validate=True)
    except ValueError:
        raise _not_ours(file, "the envelope's payload is no base64") from None


def _require_ours(data: Any, file: Path) -> None:
    kind = data.get("_type") if isinstance(data, dict) else None
    if kind != STATEMENT_TYPE:
        raise _not_ours(file, f"found _type {kind!r}, expected {STATEMENT_TYPE}")
    predicate = data.get("predicateType")
    if predicate != PREDICATE_TYPE:
        raise EvidenceError(
            "this statement is about something else",
            detail=f"{file}: found a predicate of {predicate!r}, expected {PREDICATE_TYPE!r}. Name the statement.json "
            "of a run of faceleak-check; a newer one needs a newer faceleak-check.",
        )


def _require_known(predicate: Mapping[str, Any], subjects: Mapping[str, Any]) -> None:
    for name in subjects:
        if name not in predicate["sets"]:
            raise MisshapenError(f"predicate.sets: found nothing of subject {name!r}, expected its facts")


def _not_ours(file: Path, found: str) -> EvidenceError:
    return EvidenceError(
        "this is no statement of faceleak-check",
        detail=f"{file}: {found}. Name the statement.json of a run, as it was written or signed.",
    )
