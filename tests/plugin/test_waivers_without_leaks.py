"""Waivers that match no leak or are over: what the policy says follows."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from gate_project import Project, failure, summary

from faceleak_check import check
from faceleak_check.policy.json_schema import SHIPPED

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
LATER = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
PAST = "2026-01-03"


def sha256(project: Project, file: str) -> str:
    return hashlib.sha256((project.path / file).read_bytes()).hexdigest()


def waive(project: Project, *waivers: tuple[str, str, str], keys: str = "", file: str = "w.yaml") -> str:
    """Writes a file of waivers, each of generated image, source image and last day; returns the policy's key."""
    lines = ["version: 1\nwaivers:\n"]
    for generated, source, expires in waivers:
        lines.append(
            f"  - generated: {sha256(project, f'generated/{generated}')}\n"
            f"    source: {sha256(project, f'training/{source}')}\n"
            f"    reason: twins\n    owner: A. Reviewer\n    date: 2026-01-02\n    expires: {expires}\n"
        )
    project.write(file, "".join(lines))
    return f"waivers: {{file: {file}{keys}}}\n"


def digests(project: Project, generated: str, source: str) -> str:
    return (
        f"{sha256(project, f'generated/{generated}')[:12]} with {sha256(project, f'training/{source}')[:12]}"
    )


def said(output: str) -> list[str]:
    """The lines of the summary below its only case, without the note on the embedder."""
    lines = summary(output).splitlines()
    start = next(n for n, line in enumerate(lines) if "leak_count[generated-vs-training]" in line)
    end = next(n for n, line in enumerate(lines) if "fake-pixels" in line)
    return lines[start + 1 : end]


def waivers(project: Project) -> dict[str, Any]:
    (policy,) = project.evidence()["policies"]
    found: dict[str, Any] = policy["waivers"]
    return found


@pytest.fixture
def one_of_two(project: Project) -> Project:
    """A leak that is waived, and a waiver for a pair that is none."""
    project.leak("g9.png", "p3/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png", LATER), ("g1.png", "p1/1.png", TOMORROW)))
    return project


def test_a_waiver_that_matches_no_leak_fails_the_run(one_of_two: Project) -> None:
    result = one_of_two.gate()
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    pair = digests(one_of_two, "g1.png", "p1/1.png")
    text = f"""\
INCONCLUSIVE: 1 waiver matches no leak: its pair leaks in no case of this policy
  {pair}, owner A. Reviewer

A waiver names two contents: one of the images was changed, is gone, is screened,
or is less similar than the policy allows. Take the waiver out of the file, or
write `on_unmatched: warn` under `waivers` in the policy."""
    assert failure(result.stdout.str(), "release.yaml") == f"{text}\nin w.yaml"
    result.stdout.fnmatch_lines(
        ["ERROR release.yaml::waivers - 1 waiver matches no leak: its pair leaks in no ..."]
    )
    (error,) = one_of_two.junit().iter("error")
    assert error.text == text
    case = error.getparent()
    assert case is not None
    assert (case.get("classname"), case.get("name")) == ("release.yaml", "waivers")
    assert said(result.stdout.str()) == [
        "               waived: 1",
        "  INCONCLUSIVE waivers: 1 matches no leak, shown above",
        f"  note: w.yaml: 1 waiver matches a leak; the first ends on {LATER}",
    ]


def test_the_evidence_tells_what_became_of_each_waiver(one_of_two: Project) -> None:
    one_of_two.gate()
    (policy,) = one_of_two.evidence()["policies"]
    assert policy["outcome"] == "inconclusive"
    assert [case["outcome"] for case in policy["cases"]] == ["waived"]
    both = {"reason": "twins", "owner": "A. Reviewer", "date": "2026-01-02"}
    copy = sha256(one_of_two, "training/p3/1.png")
    assert policy["waivers"] == {
        "file": "w.yaml",
        "sha256": sha256(one_of_two, "w.yaml"),
        "on_expired": "fail",
        "on_unmatched": "fail",
        "matched": [{"generated": copy, "source": copy, "expires": LATER, **both}],
        "unmatched": [
            {
                "generated": sha256(one_of_two, "generated/g1.png"),
                "source": sha256(one_of_two, "training/p1/1.png"),
                "expires": TOMORROW,
                **both,
            }
        ],
        "expired": [],
    }
    assert one_of_two.run_record()["pytest_exit_status"] == 1


def test_with_warn_it_is_only_told(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    keys = waive(
        project,
        ("g9.png", "p3/1.png", LATER),
        ("g1.png", "p1/1.png", TOMORROW),
        keys=", on_unmatched: warn",
    )
    project.policy(keys=keys)
    result = project.gate()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert project.evidence()["policies"][0]["outcome"] == "waived"
    assert [one["expires"] for one in waivers(project)["unmatched"]] == [TOMORROW]
    assert said(result.stdout.str()) == [
        "               waived: 1",
        f"  note: w.yaml: 1 waiver matches a leak; the first ends on {LATER}",
        f"  note: w.yaml: 1 waiver matches no leak: {digests(project, 'g1.png', 'p1/1.png')}, owner",
        "        A. Reviewer",
    ]


def test_the_file_of_another_policy_is_called_so(project: Project) -> None:
    keys = waive(project, ("g1.png", "p1/1.png", LATER), ("g2.png", "p2/1.png", LATER))
    project.policy(keys=keys)
    result = project.gate()
    result.assert_outcomes(passed=1, errors=1)
    assert failure(result.stdout.str(), "release.yaml").splitlines()[:5] == [
        "INCONCLUSIVE: 2 waivers match no leak: their pairs leak in no case of this policy",
        f"  {digests(project, 'g1.png', 'p1/1.png')}, owner A. Reviewer",
        f"  {digests(project, 'g2.png', 'p2/1.png')}, owner A. Reviewer",
        "",
        "No waiver of the file matches a leak: is it the file of another policy?",
    ]


def test_a_changed_image_is_not_waived(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    keys = waive(project, ("g9.png", "p3/1.png", LATER))
    project.policy(keys=keys)
    project.gate().assert_outcomes(passed=1)
    with (project.path / "generated/g9.png").open("ab") as file:
        file.write(b"a byte that no decoder looks at")
    result = project.gate()
    result.assert_outcomes(failed=1, errors=1)
    assert project.evidence()["policies"][0]["outcome"] == "leak"
    assert len(waivers(project)["unmatched"]) == 1


def test_cases_in_several_processes_are_judged_together(project: Project) -> None:
    project.leak("g8.png", "p2/1.png")
    project.leak("g9.png", "p3/1.png")
    three = [("g9.png", "p3/1.png", LATER), ("g8.png", "p2/1.png", LATER), ("g1.png", "p1/1.png", LATER)]
    checks = [f"top_k_similarity: k: {k}, at_most: 0.9" for k in (1, 2)]
    project.policy("release.yaml", *checks, keys=waive(project, *three))
    result = project.gate("-n", "2")
    result.assert_outcomes(passed=2, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    copies = [sha256(project, f"training/p{n}/1.png") for n in (3, 2)]
    assert [one["generated"] for one in waivers(project)["matched"]] == copies
    assert [one["source"] for one in waivers(project)["unmatched"]] == [sha256(project, "training/p1/1.png")]


def test_a_leak_in_one_case_is_enough(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    project.policy(
        "release.yaml",
        "top_k_similarity",
        "coverage: dataset: generated, min_images: 1",
        keys=waive(project, ("g9.png", "p3/1.png", LATER)),
    )
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    project.write(
        "release.yaml", text.replace("coverage: {generated: generated, source: training, ", "coverage: {")
    )
    project.gate().assert_outcomes(passed=2)


def test_a_leak_within_an_allowance_matches_its_waiver(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    keys = waive(project, ("g9.png", "p3/1.png", LATER))
    project.policy("release.yaml", "leak_count: threshold: {cosine: 0.9}, at_most: 1", keys=keys)
    project.gate().assert_outcomes(passed=1)
    assert project.evidence()["policies"][0]["outcome"] == "pass"
    assert len(waivers(project)["matched"]) == 1


def test_it_is_left_open_where_a_case_was_not_run_or_not_measured(project: Project) -> None:
    keys = waive(project, ("g1.png", "p1/1.png", LATER))
    project.policy("release.yaml", "leak_count", "leak_rate", keys=keys)
    project.gate("-k", "leak_rate").assert_outcomes(passed=1, deselected=1)
    assert waivers(project)["unmatched"] == []
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("path: generated", "path: nowhere"))
    project.gate().assert_outcomes(errors=2)
    assert waivers(project)["unmatched"] == []


def test_more_than_ten_are_counted(project: Project) -> None:
    rows = "".join(
        f"  - {{generated: '{n:064x}', source: '{n:064x}', reason: x, owner: y, date: 2026-01-02, "
        f"expires: {LATER}}}\n"
        for n in range(12)
    )
    project.write("w.yaml", "version: 1\nwaivers:\n" + rows)
    project.policy(keys="waivers: w.yaml\n")
    result = project.gate()
    lines = failure(result.stdout.str(), "release.yaml").splitlines()
    assert len(lines) == 18
    assert lines[11] == "  and 2 more, all in the evidence"
    assert len(waivers(project)["unmatched"]) == 12


def test_two_policies_are_told_apart(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    keys = waive(project, ("g9.png", "p3/1.png", LATER))
    project.policy("release.yaml", keys=keys)
    other = waive(project, ("g1.png", "p1/1.png", LATER), file="other.yaml")
    project.policy("other.policy.yaml", "leak_count: threshold: {cosine: 0.9}, at_most: 1", keys=other)
    result = project.run("--faceleak-policy=release.yaml", "--faceleak-policy=other.policy.yaml")
    result.assert_outcomes(passed=2, errors=1)
    outcomes = [policy["outcome"] for policy in project.evidence()["policies"]]
    assert outcomes == ["waived", "inconclusive"]


def test_an_expired_waiver_that_only_warns_waives_nothing(project: Project) -> None:
    project.leak("g9.png", "p3/1.png")
    project.policy(keys=waive(project, ("g9.png", "p3/1.png", PAST), keys=", on_expired: warn"))
    project.gate().assert_outcomes(failed=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert (case["outcome"], case["waived"]) == ("leak", [])
    assert case["warnings"][0] == "1 waiver has expired, and its pair counts again: renew it, or take it out"
    assert [one["expires"] for one in waivers(project)["expired"]] == [PAST]
    assert waivers(project)["unmatched"] == []


def test_an_expired_waiver_that_only_warns_stops_nothing(project: Project) -> None:
    project.policy(keys=waive(project, ("g1.png", "p1/1.png", PAST), keys=", on_expired: warn"))
    result = project.gate()
    result.assert_outcomes(passed=1)
    assert project.evidence()["policies"][0]["outcome"] == "pass"
    assert said(result.stdout.str()) == [
        f"  note: w.yaml: 1 waiver has expired: {digests(project, 'g1.png', 'p1/1.png')}, owner A.",
        "        Reviewer",
        "  note: 1 waiver has expired, and its pair counts again: renew it, or take it",
        "        out",
    ]


def test_python_users_are_told_too(one_of_two: Project) -> None:
    result = check(one_of_two.path / "release.yaml")
    assert [verdict.passed for verdict in result.verdicts] == [True]
    assert not result.passed
    assert result.waivers is not None
    assert (len(result.waivers.matched), len(result.waivers.unmatched)) == (1, 1)
    assert str(result).splitlines()[2] == (
        "INCONCLUSIVE: 1 waiver matches no leak: its pair leaks in no case of this policy"
    )
    one_of_two.policy()
    assert check(one_of_two.path / "release.yaml").waivers is None


def test_the_keys_are_in_the_schema() -> None:
    schema = json.loads(SHIPPED.read_text(encoding="utf-8"))
    policy = {
        "version": 1,
        "name": "x",
        "datasets": {"g": {"path": "g"}, "s": {"path": "s"}},
        "checks": [{"top_k_similarity": {"generated": "g", "source": "s", "k": 1, "at_most": 0.9}}],
    }
    for good in (
        "w.yaml",
        {"file": "w.yaml"},
        {"file": "w.yaml", "on_expired": "warn", "on_unmatched": "fail"},
    ):
        jsonschema.validate({**policy, "waivers": good}, schema)
    for bad in (5, {}, {"file": "w.yaml", "on_expired": "ignore"}, {"file": "w.yaml", "x": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**policy, "waivers": bad}, schema)
