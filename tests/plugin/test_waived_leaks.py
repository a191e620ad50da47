"""Leaks that a person has looked at and accepted for a time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from gate_project import NOTE, NOTE_OF_PASSED, Project, failure, summary
from PIL import Image

CASE = "leak_count[generated-vs-training]"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def sha256(project: Project, file: str) -> str:
    return hashlib.sha256((project.path / file).read_bytes()).hexdigest()


def waive(project: Project, *pairs: tuple[str, str], expires: str = TOMORROW) -> str:
    """Writes a file of waivers; returns the key that names it."""
    lines = ["version: 1\nwaivers:\n"]
    for generated, source in pairs:
        lines.append(
            f"  - generated: {sha256(project, f'generated/{generated}')}\n"
            f"    source: {sha256(project, f'training/{source}')}\n"
            f"    reason: twins\n    owner: A. Reviewer\n    date: 2026-01-02\n    expires: {expires}\n"
        )
    project.write("release.waivers.yaml", "".join(lines))
    return "waivers: release.waivers.yaml\n"


def near_copy(project: Project, source: str, target: str) -> None:
    """A copy with one pixel changed: a cosine of about 0.99."""
    pixels = np.array(Image.open(project.path / "training" / source))
    pixels[0, 0] = 255 - pixels[0, 0]
    (project.path / "training" / target).parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(project.path / "training" / target)


def properties(project: Project, name: str) -> list[str | None]:
    return [
        one.get("value") for one in project.junit().iter("property") if one.get("name") == f"faceleak.{name}"
    ]


def test_a_waived_leak_is_a_passed_test_that_names_the_pair(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png")))
    result = project.gate()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    digest = sha256(project, "training/p3/1.png")
    assert properties(project, "outcome") == ["waived"]
    assert properties(project, "waived") == [f"{digest}:{digest}"]
    (policy,) = project.evidence()["policies"]
    assert policy["outcome"] == "waived"
    assert [(pair["generated"], pair["source"]) for pair in policy["cases"][0]["waived"]] == [
        ("g9.png", "p3/1.png")
    ]
    assert summary(result.stdout.str()) == (
        "release.yaml (release)\n"
        "  outcome      case                               value  limit\n"
        "  WAIVED       leak_count[generated-vs-training]      0  <= 0\n"
        "               waived: 1\n"
        f"  note: release.waivers.yaml: 1 waiver matches a leak; the first ends on\n        {TOMORROW}\n"
        f"{NOTE_OF_PASSED}\n"
        "evidence: faceleak-evidence/evidence.json"
    )


def test_a_waived_pair_hides_no_second_leak_of_the_same_picture(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    near_copy(project, "p3/1.png", "p9/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png")))
    project.gate().assert_outcomes(failed=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert [(pair["generated"], pair["source"]) for pair in case["measurement"]["worst_pairs"]] == [
        ("g9.png", "p9/1.png")
    ]
    assert [(pair["generated"], pair["source"]) for pair in case["waived"]] == [("g9.png", "p3/1.png")]


def test_all_waived_pairs_of_one_picture_are_named(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    near_copy(project, "p3/1.png", "p9/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png"), ("g9.png", "p9/1.png")))
    project.gate().assert_outcomes(passed=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert [pair["source"] for pair in case["waived"]] == ["p3/1.png", "p9/1.png"]


def test_a_waiver_for_one_leak_lets_no_other_through(project: Project) -> None:
    project.leak("g8.png", "p2/1.png")
    project.leak("g9.png", "p3/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png")))
    project.gate().assert_outcomes(failed=1)
    assert properties(project, "value") == ["1"]


def test_an_expired_waiver_is_inconclusive_even_where_nothing_leaks(project: Project) -> None:
    project.policy(keys=waive(project, ("g1.png", "p1/1.png"), expires="2026-01-03"))
    result = project.gate()
    result.assert_outcomes(errors=1)
    generated, source = sha256(project, "generated/g1.png"), sha256(project, "training/p1/1.png")
    assert failure(result.stdout.str(), CASE) == (
        f"""\
INCONCLUSIVE: 1 waiver has expired
also: 0 of 6 generated images leak; the policy allows at most 0; at 95%
    confidence up to 39.3% may leak
release.waivers.yaml: {generated[:12]} with {source[:12]}, owner A. Reviewer: \
expired on 2026-01-03; renew it or take it out

rule       cosine >= 0.9
generated  generated: 6 seen, 6 compared
source     training: 6 seen, 6 compared
embedder   fake-pixels
{NOTE}
release.yaml:9: leak_count[generated-vs-training]"""
    )


def test_a_leak_stays_a_leak_when_its_waiver_has_expired(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png"), expires="2026-01-03"))
    project.gate().assert_outcomes(failed=1)


def test_a_waiver_holds_on_its_last_day(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    today = datetime.now(UTC).date()
    project.policy(keys=waive(project, ("g9.png", "p3/1.png"), expires=today.isoformat()))
    result = project.gate()
    if datetime.now(UTC).date() == today:
        result.assert_outcomes(passed=1)
