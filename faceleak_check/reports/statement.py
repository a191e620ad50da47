"""The in-toto Statement of a run: which sets were tested, and what came out. Unsigned, and it names no image.

A view of the evidence: the same evidence gives the same bytes. docs/statement.md says what each key means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.reports.names import EVIDENCE
from faceleak_check.seals import canonical_json

__all__ = ["MERKLE", "PREDICATE_TYPE", "STATEMENT_TYPE", "statement_bytes"]

"""Name of the file."""

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

PREDICATE_TYPE = "urn:faceleak-check:verdicts:1"
"""What the predicate is; docs/statement.md describes it."""

MERKLE = "merkleSha256"
"""Name in a DigestSet of the Merkle root of a set, in lowercase hexadecimal digits."""

_NO_SPEC = ("reject_above", "n_images")
"""What a screen's record says of its use, and not of its network."""

Record = Mapping[str, Any]


def statement_bytes(evidence: Record, file: bytes) -> bytes | None:
    """The statement as the bytes to sign; None where no set was read, and so nothing can be stated of one.

    Args:
        evidence: The evidence.
        file: The bytes of ``evidence.json``.
    """
    subjects = _Subjects(evidence)
    if not subjects.by_name:
        return None
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": PREDICATE_TYPE,
            "subject": [{"name": name, "digest": digest} for name, digest in subjects.by_name.items()],
            "predicate": {
                "evidence": {
                    "name": EVIDENCE,
                    "digest": {"sha256": hashlib.sha256(file).hexdigest()},
                    "version": evidence["evidence_version"],
                },
                "models": list(_models(evidence)),
                "policies": [
                    _policy(policy, subjects, row) for row, policy in enumerate(evidence["policies"])
                ],
                "sets": subjects.facts,
                "tools": evidence["tools"],
            },
        }
    )


def _sets(policy: Record) -> Iterator[tuple[str, Record]]:
    """Role and record of each set of a policy that holds somebody's files."""
    for case in policy["cases"]:
        for role, one in case["sets"].items():
            if role == "matches" or one["merkle_sha256"] is not None:
                yield role, one


class _Subjects:
    """The sets of the evidence, each once, under names that no two of them share.

    Attributes:
        by_name: DigestSet of each.
        facts: What a verifier needs to know of each, by name.
    """

    def __init__(self, evidence: Record) -> None:
        self.by_name: dict[str, dict[str, str]] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self._known: dict[tuple[str, ...], str] = {}
        self._names: dict[tuple[int, str, str], str] = {}
        for row, policy in enumerate(evidence["policies"]):
            for role, one in _sets(policy):
                self._add(row, policy, role, one)

    def name(self, row: int, one: Record) -> str | None:
        """The subject that a set of the policy in that row is; None for one that holds nobody's files."""
        return self._names.get((row, one["name"], one["sha256"]))

    def _add(self, row: int, policy: Record, role: str, one: Record) -> None:
        digest = {"sha256": one["sha256"]} if role == "matches" else {MERKLE: one["merkle_sha256"]}
        content = one["name"], *digest.values()
        if content not in self._known:
            self._known[content] = next(name for name in _candidates(policy, one) if name not in self.by_name)
        name = self._known[content]
        self._names[row, one["name"], one["sha256"]] = name
        self.by_name[name] = digest
        facts = self.facts.setdefault(
            name,
            {"manifest": None, "n_files": one["counts"]["n_seen"], "reading": one["reading"], "roles": []},
        )
        facts["manifest"] = facts["manifest"] or one["manifest"]
        facts["roles"] = sorted({*facts["roles"], role})


def _candidates(policy: Record, one: Record) -> Iterator[str]:
    """The dataset's name; where that is another set's already, with the policy's in front, and then with a number."""
    yield one["name"]
    longer = f"{policy['name']}/{one['name']}"
    yield longer
    n = 2
    while True:
        yield f"{longer}#{n}"
        n += 1


def _models(evidence: Record) -> Iterator[Record]:
    """Each network once: embedders by name, then those of the screens."""
    cases = [case for policy in evidence["policies"] for case in policy["cases"]]
    embedders = [one for case in cases for one in (case["embedder"], *case["agreement"].values()) if one]
    screens = [method for case in cases for screen in case["screens"] for method in screen["methods"]]
    found = [_model("embedder", one["name"], one) for one in embedders]
    found += [_model("screen", f"{one['method']} ({one['model']})", one) for one in screens]
    told = {canonical_json(one): one for one in found}
    yield from (told[key] for key in sorted(told))


def _model(kind: str, name: str, record: Record) -> dict[str, Any]:
    spec = {key: value for key, value in record.items() if key not in _NO_SPEC}
    return {
        "kind": kind,
        "name": name,
        "weights_sha256": record["weights_sha256"] or None,
        # as the specs themselves do it
        "spec_sha256": hashlib.sha256(json.dumps(spec, sort_keys=True, indent=2).encode()).hexdigest(),
        "licence": record["licence"],
    }


def _policy(policy: Record, subjects: _Subjects, row: int) -> dict[str, Any]:
    return {
        "file": policy["file"],
        "sha256": policy["sha256"],
        "name": policy["name"],
        "outcome": policy["outcome"],
        "cases": [_case(case, subjects, row) for case in policy["cases"]],
        "not_run": policy["not_run"],
    }


def _case(case: Record, subjects: _Subjects, row: int) -> dict[str, Any]:
    measured = case["measurement"] or {}
    named = {role: subjects.name(row, one) for role, one in case["sets"].items()}
    return {
        "case": case["case"],
        "check": case["check"],
        "outcome": case["outcome"],
        "value": measured.get("value"),
        "limit": measured.get("limit"),
        "at_least": measured.get("at_least"),
        "unit": measured.get("unit"),
        "interval": measured.get("interval"),
        "n_waived": len(case["waived"]),
        "sets": {role: name for role, name in named.items() if name is not None},
    }
