"""Evidence for tests of the page, without a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceleak_check.records import Verdict
from faceleak_check.reports.opening import Evidence, open_evidence
from faceleak_check.reports.page.build import PageOptions, build_page
from faceleak_check.reports.plain import verdict_record
from faceleak_check.seals import EVIDENCE_VERSION, canonical_json, sealed


def case_record(verdict: Verdict, **changes: Any) -> dict[str, Any]:
    """A verdict as the evidence holds it."""
    record = {**verdict_record(verdict), "pairs_file": None, "error_rates": []}
    return record | changes


def policy_record(*cases: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A policy with cases."""
    return {
        "file": "release.yaml",
        "sha256": "a" * 64,
        "name": "release",
        "description": "",
        "outcome": cases[0]["outcome"] if cases else "inconclusive",
        "problems": [],
        "cases": list(cases),
        "not_run": [],
        "waivers": None,
        "standards": [],
    } | changes


def written(folder: Path, *policies: Mapping[str, Any]) -> Evidence:
    """Evidence that was written to a folder and opened again."""
    data = {
        "evidence_version": EVIDENCE_VERSION,
        "tools": {"faceleak-check": "0.1.0", "torch": "2.9.0"},
        "policies": list(policies),
    }
    (folder / "evidence.json").write_bytes(canonical_json(sealed(data)))
    return open_evidence(folder)


def page_of(folder: Path, *policies: Mapping[str, Any]) -> str:
    """The page of some policies."""
    return build_page(written(folder, *policies), PageOptions())


def embedded(page: str, place: str) -> Any:
    """The data in the page's script element that follows a text."""
    start = page.index('<script type="application/json"', page.index(place))
    start = page.index(">", start) + 1
    return json.loads(page[start : page.index("</script>", start)])
