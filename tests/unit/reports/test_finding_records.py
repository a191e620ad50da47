"""What the evidence says besides a measurement."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from whole_verdicts import EVERY, FIRST, calibrated, canary_recall, coverage, membership, nothing

from faceleak_check.records import Previous, Verdict
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.pairs import pairs_parquet
from faceleak_check.reports.plain import verdict_record
from faceleak_check.seals import sealed

SCHEMA = json.loads(
    (files("faceleak_check") / "reports" / "evidence.schema.json").read_text(encoding="utf-8")
)


def evidence(*verdicts: Verdict) -> dict[str, Any]:
    policy = {
        "file": "release.yaml",
        "sha256": "a" * 64,
        "name": "release",
        "description": "",
        "outcome": "inconclusive",
        "problems": [],
        "cases": [{**verdict_record(one), "pairs_file": None} for one in verdicts],
        "not_run": [],
        "waivers": None,
        "standards": [],
    }
    return sealed({"evidence_version": 5, "tools": {"numpy": "2"}, "policies": [policy]})


def reaches(place: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in place.split(".")]


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_of_verdict_follows_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(evidence(EVERY[name]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("thresholds.adaface-ir101.confidence", 1),
        ("thresholds.adaface-ir101.origin", None),
        ("thresholds.adaface-ir101.suspects.0.one_sha256", "secret.png"),
        ("thresholds.adaface-ir101.suspects.0.similarity", 1.1),
        ("chance.unit", "people"),
        ("chance.rate", 2),
        ("hubs.0.evidence", "hearsay"),
        ("hubs.1.level", "none"),
        ("histograms.0.name", "worst_match"),
        ("histograms.0.counts", []),
        ("histograms.0.marks.0.k", 0),
        ("previous.evidence_sha256", "old.json"),
        ("measurement.missed", "pass"),
        ("measurement.at_least", 0),
        ("measurement.figures.0.value", None),
        ("measurement.worst_pairs.0.kind", "twin"),
        ("measurement.worst_pairs.0.bits", 65),
        ("sets.source.n_people", 0),
        ("embedder_sha256", ""),
        ("sets.stranger", {}),
    ],
)
def test_the_schema_refuses(place: str, value: object) -> None:
    wrong = evidence(calibrated())
    *way, last = reaches(place)
    there = wrong["policies"][0]["cases"][0]
    for part in way:
        there = there[part]
    there[last] = value
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def without_keys(data: Any) -> list[tuple[str, Any]]:
    """The data without each of its keys in turn, but for those that are a user's names."""
    found = []

    def walk(there: Any, place: str) -> None:
        if isinstance(there, dict):
            for key in list(there):
                if place.rpartition(".")[2] not in ("thresholds", "agreement", "sets", "tools"):
                    kept = there.pop(key)
                    found.append((f"{place}.{key}", copy.deepcopy(data)))
                    there[key] = kept
                walk(there[key], f"{place}.{key}")
        elif isinstance(there, list) and there:
            walk(there[0], f"{place}.0")

    walk(data, "")
    return found


@pytest.mark.parametrize("name", EVERY)
def test_no_key_may_be_missing(name: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    lax = [
        place
        for place, data in without_keys(evidence(EVERY[name]))
        if "n_other_files." not in place and validator.is_valid(data)
    ]
    assert lax == []


def test_only_the_newest_version_is_valid() -> None:
    for version in (1, 2, 3, 4, 6):
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(
            {**evidence(nothing()), "evidence_version": version}
        )
    assert SCHEMA["$id"] == "urn:faceleak-check:evidence:5"
    assert SCHEMA["$comment"].startswith("Version 5 added: ")


def test_a_run_writes_the_newest_version(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    folder.finish(evidence(*EVERY.values())["policies"], {})
    written = folder.evidence_file.read_bytes()
    read = json.loads(written)
    jsonschema.Draft202012Validator(SCHEMA).validate(read)
    assert read["evidence_version"] == 5
    assert {"scipy", "imagehash"} < read["tools"].keys()
    folder.finish(evidence(*EVERY.values())["policies"], {})
    assert folder.evidence_file.read_bytes() == written


def test_a_calibrated_threshold() -> None:
    assert verdict_record(calibrated())["thresholds"] == {
        "adaface-ir101": {
            "asked": "FMR 0.001%",
            "cosine": 0.941234568,
            "low": 0.93,
            "high": 0.951234568,
            "confidence": 0.95,
            "extrapolated": True,
            "origin": "impostor pairs of 'training'",
            "n_people": 120,
            "n_images": 710,
            "n_comparisons": 250_000,
            "suspects": [
                {
                    "one": "secret-5.png",
                    "one_sha256": "5" * 64,
                    "one_people": ["Secret Person"],
                    "other": "secret-6.png",
                    "other_sha256": "6" * 64,
                    "other_people": ["Secret Person"],
                    "similarity": 0.991234568,
                },
                {
                    "one": r"secret \xff.png",
                    "one_sha256": "7" * 64,
                    "one_people": ["Secret Person"],
                    "other": "secret-8.png",
                    "other_sha256": "8" * 64,
                    "other_people": ["Secret Person"],
                    "similarity": 0.95,
                },
            ],
        }
    }


def test_chance_hubs_and_the_earlier_figure() -> None:
    record = verdict_record(calibrated())
    assert record["chance"] == {
        "expected": 12.345678901,
        "low": 3.2,
        "high": 40.4,
        "n_comparisons": 4_940_000,
        "rate": 2.5e-12,
        "unit": "pairs",
        "basis": "FMR 0.001% of 4,940,000 comparisons",
    }
    assert record["hubs"] == [
        {
            "source": "secret-2.png",
            "source_sha256": "2" * 64,
            "source_people": ["Secret Person"],
            "n_best": 700,
            "n_excused": 3,
            "evidence": "unseen",
            "level": 0.945678901,
            "n_unseen_best": 41,
            "n_unseen": 500,
            "reason": "700 of 10,000 generated images match it best, and so do 41 of 500 images of unseen people",
        },
        {
            "source": "secret-9.png",
            "source_sha256": "9" * 64,
            "source_people": ["Secret Person"],
            "n_best": 40,
            "n_excused": 0,
            "evidence": "none",
            "level": None,
            "n_unseen_best": 0,
            "n_unseen": 500,
            "reason": "40 of 10,000 generated images match it best, and no image of unseen people does: all count",
        },
    ]
    assert record["previous"] == {
        "value": 0.000045679,
        "evidence_sha256": "e" * 64,
        "generated_sha256": "f" * 64,
    }


def test_an_earlier_match_list_has_no_generated_set() -> None:
    previous = Previous(value=0.5, evidence_sha256="e" * 64, generated_sha256="")
    one = replace(calibrated(), previous=previous)
    jsonschema.Draft202012Validator(SCHEMA).validate(evidence(one))


def test_histograms_and_the_curve() -> None:
    assert verdict_record(calibrated())["histograms"] == [
        {
            "name": "best_match",
            "counts": [1, 2, 3, 4],
            "n": 10,
            "sampled": True,
            "marks": [{"k": 1, "similarity": 0.971234568}, {"k": 10, "similarity": 0.5}],
            "threshold": 0.941234568,
        },
        {"name": "all_pairs", "counts": [0, 5], "n": 5, "sampled": False, "marks": [], "threshold": None},
    ]
    assert verdict_record(membership())["curve"] == {"fpr": [0.0, 1e-12, 1.0], "tpr": [0.0, 0.25, 1.0]}


def test_canaries() -> None:
    assert verdict_record(canary_recall())["canaries"] == [
        {"kind": "mirrored", "n": 30, "n_caught": 30, "lowest": 0.971234568, "missed": []},
        {
            "kind": "shrunk",
            "n": 30,
            "n_caught": 28,
            "lowest": 0.41,
            "missed": ["secret-1.png", r"secret \xff.png"],
        },
        {"kind": "cropped", "n": 1, "n_caught": 0, "lowest": None, "missed": ["secret-2.png"]},
    ]


def test_a_measurement_with_a_lowest_value() -> None:
    measured = verdict_record(canary_recall())["measurement"]
    assert {name: measured[name] for name in ("value", "limit", "at_least", "missed", "finding")} == {
        "value": 0.950819672,
        "limit": 0.99,
        "at_least": True,
        "missed": "inconclusive",
        "finding": "58 of 61 canaries are caught (95.1%)",
    }
    assert verdict_record(canary_recall())["brief"] == "95.1% < 99%"
    assert verdict_record(coverage())["measurement"]["finding"] == "3 images are embedded"
    measurement = canary_recall().measurement
    assert measurement is not None
    met = replace(canary_recall(), measurement=replace(measurement, value=0.995))
    assert verdict_record(met)["brief"] == "99.5% >= 99%"


def test_a_measurement_with_figures() -> None:
    measured = verdict_record(calibrated())["measurement"]
    assert (measured["at_least"], measured["missed"], measured["finding"]) == (False, "leak", "")
    assert measured["figures"] == [
        {"name": "r_control", "value": 0.000123457, "low": 0.0, "high": 0.0003, "confidence": 0.9},
        {"name": "n_parts", "value": 4.0, "low": None, "high": None, "confidence": None},
    ]


def test_what_a_verdict_does_not_tell_is_empty() -> None:
    record = verdict_record(nothing())
    assert {name: record[name] for name in ("thresholds", "chance", "hubs", "canaries", "histograms")} == {
        "thresholds": {},
        "chance": None,
        "hubs": [],
        "canaries": [],
        "histograms": [],
    }
    assert (record["curve"], record["previous"], record["embedder"]) == (None, None, None)


def test_the_people_of_a_set() -> None:
    sets = verdict_record(calibrated())["sets"]
    assert {role: one["n_people"] for role, one in sets.items()} == {
        "generated": None,
        "source": 120,
        "calibration": 30,
    }


def test_an_embedder_comes_with_its_digest() -> None:
    record = verdict_record(membership())
    assert (record["embedder"], record["embedder_sha256"]) == (asdict(FIRST), FIRST.sha256)
    assert verdict_record(nothing())["embedder_sha256"] is None


def test_kinds_of_pairs_in_the_table() -> None:
    table = pq.read_table(io.BytesIO(pairs_parquet(calibrated())))
    assert [(field.name, str(field.type), field.nullable) for field in table.schema][-3:] == [
        ("kind", "string", True),
        ("bits", "int64", True),
        ("waived", "bool", False),
    ]
    rows = table.to_pylist()
    assert [(row["kind"], row["bits"]) for row in rows] == [("copy", 3), ("person", 29), (None, None)]
    assert [row.pop("waived") for row in rows] == [False] * 3
    assert rows == verdict_record(calibrated())["measurement"]["worst_pairs"]
