"""Evidence that earlier versions of the program have written, kept as they left it.

Each is of a run of its own version's gate on the same small sets of random pictures, with a leak, a waived leak, a file
that is no picture, and a name in Arabic with markup in it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.document import EmbedderChoice
from faceleak_check.previous import read_previous
from faceleak_check.records import Counts, Measurement, Outcome, Previous, SetSummary, Verdict
from faceleak_check.reports.opening import Evidence, open_evidence, pairs_of
from faceleak_check.reports.page.build import PageOptions, build_page
from faceleak_check.reports.terminal import failure_text
from faceleak_check.seals import EVIDENCE_VERSION

OLD = Path(__file__).parents[2] / "old_evidence"
VERSIONS = range(1, EVIDENCE_VERSION)
SCHEMA = json.loads((files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8"))
CASES = [f"{check}[generated-vs-training]" for check in ("leak_count", "leak_rate", "top_k_similarity")]
COPY = "<b>copy<b> صورة.png"


def of_version(version: int) -> Evidence:
    return open_evidence(OLD / f"version-{version}")


def cases(evidence: Evidence) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = evidence.data["policies"][0]["cases"]
    return found


def test_there_is_evidence_of_every_older_version() -> None:
    assert sorted(path.name for path in OLD.iterdir()) == [f"version-{version}" for version in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_opens(version: int) -> None:
    evidence = of_version(version)
    assert (evidence.version, evidence.is_sealed) == (version, False)
    assert evidence.data["evidence_version"] == version
    assert [case["case"] for case in cases(evidence)] == CASES
    assert [case["outcome"] for case in cases(evidence)] == ["leak", "inconclusive", "pass"]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_has_the_shape_of_the_newest_version(version: int) -> None:
    """All of the schema but what an older version cannot have: its number and its seal."""
    data = of_version(version).data | {"evidence_version": EVIDENCE_VERSION, "sha256": "0" * 64}
    jsonschema.Draft202012Validator(SCHEMA).validate(data)


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_that_it_says_is_lost_or_another(version: int) -> None:
    def holds(whole: Any, part: Any) -> bool:
        if isinstance(part, dict):
            return all(holds(whole[key], value) for key, value in part.items())
        if isinstance(part, list):
            return len(whole) == len(part) and all(map(holds, whole, part))
        return bool(whole == part)

    raw = json.loads((OLD / f"version-{version}/evidence.json").read_bytes())
    assert holds(of_version(version).data, raw)
    assert ("hubs" in raw["policies"][0]["cases"][0]) == (version >= 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_its_pairs(version: int) -> None:
    evidence = of_version(version)
    for case in cases(evidence)[:2]:
        pairs = pairs_of(evidence, case)
        assert [(pair["generated"], pair["source"], pair["waived"]) for pair in pairs] == [
            (COPY, "person 1/1.png", False),
            ("waived.png", "person 3/1.png", True),
        ]
        shape = SCHEMA["$defs"]["pair"]["properties"]
        assert all(pair.keys() == {*shape, "waived"} for pair in pairs)
        kind, bits = ("copy", 0) if version >= 3 else (None, None)
        assert [(pair["kind"], pair["bits"]) for pair in pairs] == [(kind, bits)] * 2
    assert len(pairs_of(evidence, cases(evidence)[2])) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_a_terminal_shows_it(version: int) -> None:
    text = failure_text(cases(of_version(version))[0], names=True).splitlines()
    assert text[0] == "LEAK: 1 of 7 generated images leaks; the policy allows at most 0"
    assert "generated  generated: 8 seen, 7 compared, 1 unreadable" in text
    assert any(line.split("  ")[-2:] == [COPY, "person 1/1.png"] for line in text)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_page_shows_it(version: int) -> None:
    page = build_page(of_version(version), PageOptions())
    assert "leak_count[generated-vs-training]" in page
    assert "&lt;b&gt;copy&lt;b&gt; صورة.png" in page
    assert "<b>copy" not in page


@pytest.mark.parametrize("version", VERSIONS)
def test_a_later_release_is_compared_with_it(version: int) -> None:
    evidence = of_version(version)
    then = cases(evidence)[0]
    source = then["sets"]["source"]
    counts = Counts(n_seen=4, n_embedded=4, n_unreadable=0)
    now = Verdict(
        outcome=Outcome.PASS,
        policy="release",
        check="leak_count",
        case=CASES[0],
        measurement=Measurement(value=0, limit=0, unit="images", n=9, rule="cosine >= 0.9", pairs=()),
        sets={
            "source": SetSummary(
                name="training", sha256=source["sha256"], counts=counts, labels_sha256=source["labels_sha256"]
            )
        },
        embedder=replace(FakePixels(EmbedderChoice(name="fake-pixels")).spec, decoding=1),
    )
    previous = read_previous(evidence.file, now)
    assert previous == Previous(
        value=1.0,
        evidence_sha256=evidence.sha256,
        generated_sha256=then["sets"]["generated"]["sha256"],
    )
