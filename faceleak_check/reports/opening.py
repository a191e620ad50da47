"""Evidence that was written earlier, opened again: by the page, the review, the proof of a removal, an auditor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceleak_check.errors import EvidenceError
from faceleak_check.presence import is_folder, is_missing
from faceleak_check.reports.json_file import parsed, read_bytes
from faceleak_check.reports.layout import safe
from faceleak_check.reports.names import EVIDENCE
from faceleak_check.reports.shapes import Fitter, MisshapenError, schema_of
from faceleak_check.seals import EVIDENCE_VERSION, SEALED_SINCE, digest_of

__all__ = ["Evidence", "open_evidence", "pairs_of"]

_DIGITS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The evidence of a run.

    Attributes:
        folder: Where it lies; the paths of tables and manifests in it are relative to this.
        file: The JSON file.
        version: The version in which it was written, from 1.
        data: The JSON in the shape of the newest version; what older ones do not tell is null or empty.
        is_sealed: Whether it names its own digest, and that is right. Older versions than 5 name none; one that
            names a wrong one is never opened.
        sha256: SHA-256 of the file's bytes.
    """

    folder: Path
    file: Path
    version: int
    data: dict[str, Any]
    is_sealed: bool
    sha256: str


def open_evidence(path: Path) -> Evidence:
    """Opens the evidence of any version.

    Args:
        path: An ``evidence.json`` under any name, or the folder that holds one.

    Raises:
        EvidenceError: It is not there, cut off, no JSON, of a newer version, changed after it was written, or not
            ours at all.
    """
    file = path / EVIDENCE if is_folder(path) else path
    raw = read_bytes(
        file, "evidence", "Name the evidence.json of a run, or the folder that --faceleak-evidence named."
    )
    data = parsed(raw, file, "evidence")
    version = _version(data, file)
    if version >= SEALED_SINCE or "sha256" in data:
        _require_seal(data, file)
    try:
        complete = _completed(data)
    except MisshapenError as error:
        raise _not_ours(file, str(error)) from None
    return Evidence(
        folder=file.parent,
        file=file,
        version=version,
        data=complete,
        is_sealed=version >= SEALED_SINCE,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """The evidence in the shape of the newest version; its own version stays what it is.

    Raises:
        MisshapenError: A value is not what the schema says.
    """
    schema = schema_of("evidence")
    keys = {key: shape for key, shape in schema["properties"].items() if key != "evidence_version"}
    complete: dict[str, Any] = Fitter(schema["$defs"], fills=True).fitted(
        data, {**schema, "properties": keys}
    )
    return complete


def _not_ours(file: Path, found: str) -> EvidenceError:
    return EvidenceError(
        "this is no evidence of faceleak-check",
        detail=f"{file}: {found}. Name the evidence.json of a run, as it was written.",
    )


def _version(data: Any, file: Path) -> int:
    if not isinstance(data, dict) or not {"evidence_version", "policies"} <= data.keys():
        raise _not_ours(file, "found JSON without evidence_version and policies")
    version = data["evidence_version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _not_ours(file, f"evidence_version is no version, but 1 to {EVIDENCE_VERSION} are")
    if version > EVIDENCE_VERSION:
        raise EvidenceError(
            "the evidence was written by a newer faceleak-check",
            detail=f"{file}: found evidence of version {version}, expected 1 to {EVIDENCE_VERSION}. Install a "
            "newer faceleak-check to open it: pip install --upgrade faceleak-check",
        )
    return version


def _require_seal(data: Mapping[str, Any], file: Path) -> None:
    try:
        found = digest_of(data)
    except ValueError as error:
        raise _not_ours(file, f"it cannot have been written like this: {error}") from None
    named = data.get("sha256", "none")
    if named != found:
        raise EvidenceError(
            "the evidence was changed after it was written",
            detail=f"{file}: found contents of SHA-256 {found}, expected {safe(str(named))[:_DIGITS]}, which the file "
            "itself names. Take the file as the run wrote it, or run the policy again.",
        )


def pairs_of(evidence: Evidence, case: Mapping[str, Any], *, most: int | None = None) -> list[dict[str, Any]]:
    """Every pair of a case, worst first, then those that are waived.

    Args:
        evidence: The evidence.
        case: The record of a case in it.
        most: Give no more than so many that are not waived, the worst; all where it is None.

    Returns:
        Pairs as the evidence holds them, each with the key ``waived``. Where the table of pairs does not lie beside
        the evidence, only the worst pairs and the waived ones: fewer than the measurement's ``n_pairs`` tell.

    Raises:
        EvidenceError: The table is not the one that the evidence names, or cannot be read.
    """
    table = case["pairs_file"]
    if table is not None and not is_missing(evidence.folder / table["file"]):
        return _in_table(evidence.folder / table["file"], table["sha256"], most)
    measured = case["measurement"]
    pairs = [{**pair, "waived": False} for pair in (measured["worst_pairs"] if measured else ())]
    return [*pairs, *({**pair, "waived": True} for pair in case["waived"])]


def _in_table(file: Path, expected: str, most: int | None) -> list[dict[str, Any]]:
    raw = read_bytes(file, "table of pairs", "Make it readable, or copy the whole evidence folder again.")
    found = hashlib.sha256(raw).hexdigest()
    if found != expected:
        raise EvidenceError(
            "a table of pairs is not the one that the evidence names",
            detail=f"{file}: found SHA-256 {found}, expected {expected}. Copy the whole evidence folder again, or run "
            "the policy again.",
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    shapes = schema_of("evidence")["$defs"]
    fitter = Fitter(shapes, fills=True)
    try:
        rows = _worst(pq.read_table(pa.BufferReader(_of_any_size(raw))), most).to_pylist()
        return [fitter.fitted(pair, shapes["pair"], (row,)) for row, pair in enumerate(rows)]
    except (pa.ArrowException, MisshapenError) as error:
        raise EvidenceError("a table of pairs cannot be read", detail=f"{file}: {error}") from None


def _of_any_size(raw: bytes) -> bytes:
    """A Parquet file whose lists have the types of Parquet, and no fixed size, which pyarrow 17 to 25 cannot read.

    Evidence up to version 5 may have such lists; Arrow keeps their size under a key in the file's last part.
    """
    before, key, after = raw.rpartition(b"ARROW:schema")
    return before + b"arrow:schema" + after if key else raw


def _worst(table: Any, most: int | None) -> Any:
    """The first pairs of a table, and the waived ones, which are its last."""
    import pyarrow as pa

    if most is None or "waived" not in table.column_names:
        return table
    waived = table.filter(table["waived"])
    n_counted = len(table) - len(waived)
    return pa.concat_tables([table.slice(0, min(most, n_counted)), waived])
