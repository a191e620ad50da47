"""The statement as a view of evidence, without a run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
from full_verdict import AGE, CLIP, SECOND, full_verdict
from whole_verdicts import EVERY

from faceleak_check.records import Verdict
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.statement import statement_bytes
from faceleak_check.seals import canonical_json

SCHEMA = json.loads((files("faceleak_check") / "reports/statement.schema.json").read_text(encoding="utf-8"))


def policy(name: str | None, *verdicts: Verdict, roots: str = "a") -> dict[str, Any]:
    """A policy whose sets have roots made of that digit."""
    cases = [verdict_record(one) for one in verdicts]
    for case in cases:
        for role, one in case["sets"].items():
            if role not in ("matches", "canaries"):
                one["merkle_sha256"] = roots * 63 + one["sha256"][0]
    return {
        "file": f"{name}.yaml",
        "sha256": "a" * 64,
        "name": name,
        "outcome": "leak",
        "cases": cases,
        "not_run": ["coverage[generated]"],
    }


def stated(*policies: dict[str, Any]) -> Any:
    evidence = {"evidence_version": 5, "tools": {"numpy": "2"}, "policies": list(policies)}
    raw = canonical_json(evidence)
    statement = statement_bytes(evidence, raw)
    if statement is None:
        return None
    data = json.loads(statement)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["predicate"]["evidence"]["digest"]["sha256"] == hashlib.sha256(raw).hexdigest()
    return data


def test_every_kind_of_verdict() -> None:
    data = stated(policy("release", *EVERY.values()))
    (one,) = data["predicate"]["policies"]
    assert [case["case"] for case in one["cases"]] == [verdict.case for verdict in EVERY.values()]
    assert one["not_run"] == ["coverage[generated]"]
    assert "secret" not in json.dumps(data).lower()


def test_models_are_told_once_with_the_digests_of_their_specs() -> None:
    verdict = full_verdict()
    assert verdict.embedder is not None
    models = stated(policy("release", verdict, verdict), policy("second", verdict))["predicate"]["models"]
    assert models == sorted(models, key=canonical_json)
    told = {(one["kind"], one["name"]): one for one in models}
    assert len(told) == len(models) == 4
    for spec in (verdict.embedder, SECOND):
        assert told["embedder", spec.name] == {
            "kind": "embedder",
            "name": spec.name,
            "weights_sha256": spec.weights_sha256,
            "spec_sha256": spec.sha256,
            "licence": spec.licence,
        }
    for screen in (CLIP, AGE):
        assert told["screen", f"{screen.method} ({screen.model})"]["spec_sha256"] == screen.sha256


def test_names_of_subjects_are_unique() -> None:
    """Three policies, two of which have one name, that call three contents the same."""
    verdict = full_verdict()
    policies = [
        policy("release", verdict, roots="1"),
        policy("release", verdict, roots="2"),
        policy("release", replace(verdict, outcome=verdict.outcome), roots="3"),
        policy("other", verdict, roots="2"),
        policy("release", verdict, roots="1"),
    ]
    data = stated(*policies)
    names = [one["name"] for one in data["subject"]]
    assert len(set(names)) == len(names)
    generated = [name for name in names if "generated" in name]
    assert generated == ["generated", "release/generated", "release/generated#2"]
    by_name = {one["name"]: one["digest"]["merkleSha256"][0] for one in data["subject"]}
    assert [by_name[name] for name in generated] == ["1", "2", "3"]
    told = [one["cases"][0]["sets"]["generated"] for one in data["predicate"]["policies"]]
    assert [by_name[name] for name in told] == ["1", "2", "3", "2", "1"]


def test_of_nothing_nothing_is_stated() -> None:
    assert stated(policy("release", EVERY["nothing"])) is None
    assert stated() is None
