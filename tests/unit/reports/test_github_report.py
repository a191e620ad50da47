"""What a run leaves in GitHub Actions, without a run."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from faceleak_check.errors import Problem
from faceleak_check.reports.github import PolicyPlace, inert, tell_github
from faceleak_check.reports.step_summary import step_summary

COUNTS = {"n_seen": 1234, "n_embedded": 1230, "n_unreadable": 4, "n_excluded": {}}
HOSTILE = (
    "<script>alert('x')</script> | [a](http://x.y) `c` **b** _i_ @all #1 ::error::\n\x1b[31m\u202e ${{ x }}"
)


def record(outcome: str = "leak", case: str = "leak_count[g-vs-t]", **changes: Any) -> dict[str, Any]:
    return {
        "case": case,
        "outcome": outcome,
        "reasons": ["1 of 1,230 generated images leaks; the policy allows at most 0"],
        "details": ["/data/secret.png"],
        "warnings": [],
        "waived": [],
        "measurement": {
            "value": 1,
            "limit": 0,
            "unit": "images",
            "at_least": False,
            "interval": None,
            "worst_pairs": [{"generated": "secret.png", "source": "secret.png"}],
        },
        "sets": {"generated": {"name": "g", "counts": COUNTS}, "source": {"name": "t", "counts": COUNTS}},
        **changes,
    }


def policy(*cases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "file": "policies/release.yaml",
        "name": "release",
        "outcome": cases[0]["outcome"] if cases else "inconclusive",
        "problems": [],
        "waivers": None,
        "cases": list(cases),
        "not_run": [],
        **changes,
    }


class GitHub:
    """An environment like that of a step, in a repository with one policy."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        self.policy = self.root / "policies/release.yaml"
        self.policy.parent.mkdir(parents=True)
        self.policy.touch()
        self.summary = folder / "summary.md"
        self.environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.root),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def place(self, *cases: dict[str, Any], **changes: Any) -> PolicyPlace:
        lines = {case["case"]: number for number, case in enumerate(cases, 12)}
        return PolicyPlace(**{"path": self.policy, "lines": lines, **changes})

    def tell(self, *cases: dict[str, Any], place: PolicyPlace | None = None, **changes: Any) -> list[str]:
        return tell_github(
            [(policy(*cases, **changes), place or self.place(*cases))],
            evidence="faceleak-evidence/evidence.json",
            environment=self.environment,
        )


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path)


def test_an_annotation_for_each_outcome(github: GitHub) -> None:
    said = github.tell(
        record("leak"),
        record("pass", "a[g]"),
        record("pass", "b[g]", warnings=["few images", "100%: odd, but so"]),
        record("waived", "c[g]", reasons=["0 of 7 leak"], warnings=["one waiver ends soon"]),
        record("inconclusive", "d[g]", reasons=["dataset 't' was not found", "2 waivers have expired"]),
        not_run=["e[g]"],
        place=github.place(record(), *(record(case=f"{letter}[g]") for letter in "abcde")),
    )
    file = "file=policies/release.yaml"
    assert said == [
        (
            f"::error {file},line=12,title=faceleak-check%3A leak leak_count[g-vs-t]"
            "::1 of 1,230 generated images leaks; the policy allows at most 0"
        ),
        (
            f"::error {file},line=16,title=faceleak-check%3A inconclusive d[g]"
            "::dataset 't' was not found%0A2 waivers have expired"
        ),
        f"::warning {file},line=17,title=faceleak-check%3A not run e[g]::The case was not run, so there is no verdict.",
        f"::warning {file},line=15,title=faceleak-check%3A waived c[g]::one waiver ends soon",
        f"::warning {file},line=14,title=faceleak-check%3A pass b[g]::few images",
        f"::warning {file},line=14,title=faceleak-check%3A pass b[g]::100%25: odd, but so",
        f"::notice {file},line=15,title=faceleak-check%3A waived c[g]::0 of 7 leak",
    ]


def test_an_invalid_policy_and_a_file_that_it_names(github: GitHub) -> None:
    problems = (
        Problem(file="policies/release.yaml", line=4, column=22, message="found 'x', 50%", key="datasets.g"),
        Problem(file="release.waivers.yaml", line=3, column=5, message="missing key 'date'"),
    )
    place = PolicyPlace(path=github.policy, problems=problems)
    assert github.tell(place=place, name=None, problems=["policies/release.yaml:4:22: ..."]) == [
        (
            "::error file=policies/release.yaml,line=4,title=faceleak-check%3A invalid policy policies/release.yaml"
            "::datasets.g: found 'x', 50%25"
        ),
        (
            "::error file=policies/release.waivers.yaml,line=3,"
            "title=faceleak-check%3A invalid policy policies/release.yaml::missing key 'date'"
        ),
    ]


@pytest.mark.parametrize("path", [None, Path("/somewhere/else.yaml")], ids=["builtin", "outside"])
def test_a_policy_outside_of_the_repository_has_no_line_in_it(github: GitHub, path: Path | None) -> None:
    (said,) = github.tell(record(), place=github.place(record(), path=path))
    assert said.startswith("::error title=faceleak-check%3A leak leak_count[g-vs-t]::1 of")


def test_a_file_with_odd_letters_is_still_one_property(github: GitHub) -> None:
    odd = github.root / "a,b:c%d\ne.yaml"
    (said,) = github.tell(record(case="x,y:z"), place=PolicyPlace(path=odd, lines={"x,y:z": 7}))
    assert said.startswith(
        r"::error file=a%2Cb%3Ac%25d\ne.yaml,line=7,title=faceleak-check%3A leak x%2Cy%3Az::1 of"
    )


def test_no_more_of_a_kind_than_github_shows_and_leaks_first(github: GitHub) -> None:
    cases = [record("inconclusive", f"i{n}[g]") for n in range(8)] + [
        record("leak", f"l{n}[g]") for n in range(4)
    ]
    said = github.tell(*cases, record("pass", "p[g]", warnings=[f"w{n}" for n in range(10)]))
    errors = [line for line in said if line.startswith("::error ")]
    assert [re.search(r"title=faceleak-check%3A (.*?)::", line)[1] for line in errors] == [  # type: ignore[index]
        *(f"leak l{n}[g]" for n in range(4)),
        *(f"inconclusive i{n}[g]" for n in range(5)),
        "3 more",
    ]
    assert errors[-1] == (
        "::error title=faceleak-check%3A 3 more::GitHub shows 10 of a kind; the step summary and the evidence have all."
    )
    assert sum(line.startswith("::warning ") for line in said) == 10
    assert not any("more" in line for line in said if line.startswith("::warning "))


def test_waivers_that_match_no_leak_are_an_error(github: GitHub) -> None:
    one = {"generated": "a" * 64, "source": "b" * 64, "owner": "me <b>", "expires": "2027-01-01"}
    waivers = {
        "file": "release.waivers.yaml",
        "on_unmatched": "fail",
        "unmatched": [one],
        "expired": [],
        "matched": [],
    }
    (said,) = github.tell(record("pass"), waivers=waivers)
    assert said == (
        "::error file=policies/release.waivers.yaml,title=faceleak-check%3A waivers of policies/release.yaml"
        "::1 waiver matches no leak: its pair leaks in no case of this policy"
    )
    github.tell(record("pass"), waivers={**waivers, "on_unmatched": "warn"})
    written = html.unescape(github.summary.read_text(encoding="utf-8"))
    assert "\n- ⚠️ 1 waiver matches no leak: its pair leaks in no case of this policy\n" in written
    assert (
        "\n- note: release.waivers.yaml: 1 waiver matches no leak: aaaaaaaaaaaa with bbbbbbbbbbbb, owner me <b>\n"
    ) in written


def test_the_summary(github: GitHub) -> None:
    interval = {"low": 0.0257, "high": 0.513, "confidence": 0.95}
    rate = {"value": 1 / 7, "limit": 0, "unit": "share", "at_least": False, "interval": interval}
    github.summary.write_text("# Of another tool\n", encoding="utf-8")
    github.tell(
        record("leak", "leak_rate[g-vs-t]", measurement=rate, warnings=["few images"]),
        record("waived", waived=[{}, {}]),
        record(
            "inconclusive", "coverage[g]", measurement=None, sets={}, reasons=["dataset 'g' was not found"]
        ),
        not_run=["excess_risk[g-vs-t]"],
    )
    written = github.summary.read_text(encoding="utf-8")
    assert "secret" not in written
    assert html.unescape(written) == (
        """\
# Of another tool


## faceleak-check: 1 leak, 1 inconclusive, 1 not run, 1 waived

### policies/release.yaml (release): leak

| outcome | case | value | limit | interval | compared |
|---|---|---:|---|---|---|
| ❌ leak | <code>leak_rate[g-vs-t]</code> | 14.3% | at most 0% | 95%: 2.57% to 51.3% \
| generated 1,230 of 1,234, source 1,230 of 1,234 |
| ✅ waived | <code>leak_count[g-vs-t]</code> | 1 | at most 0 |  | generated 1,230 of 1,234, source 1,230 of 1,234 |
| ⚠️ inconclusive | <code>coverage[g]</code> |  |  |  |  |
| ⚠️ not run | <code>excess_risk[g-vs-t]</code> |  |  |  |  |

- <code>leak_rate[g-vs-t]</code>: 1 of 1,230 generated images leaks; the policy allows at most 0
- <code>leak_rate[g-vs-t]</code>: note: few images
- <code>leak_count[g-vs-t]</code>: 1 of 1,230 generated images leaks; the policy allows at most 0
- <code>leak_count[g-vs-t]</code>: waived pairs: 2
- <code>coverage[g]</code>: dataset 'g' was not found


The evidence lies in <code>faceleak-evidence/evidence.json</code> \
on the machine that ran this. It names files: keep it private.

A pass says that this recogniser, at this threshold, on these images, \
finds no more than the policy allows. \
It does not say that nobody can be recognised. Inconclusive is never a pass.
"""
    )


def test_an_invalid_policy_in_the_summary(github: GitHub) -> None:
    github.tell(name=None, problems=["policies/release.yaml:4:22: checks: found 5"])
    lines = html.unescape(github.summary.read_text(encoding="utf-8")).splitlines()
    assert lines[2:7] == [
        "## faceleak-check: 1 invalid",
        "",
        "### policies/release.yaml: invalid",
        "",
        "- ❌ policies/release.yaml:4:22: checks: found 5",
    ]


def test_hostile_names_stay_text(github: GitHub) -> None:
    said = github.tell(
        record(case=HOSTILE, reasons=[HOSTILE], warnings=[HOSTILE]), name=HOSTILE, file=HOSTILE
    )
    (annotation,) = said
    assert "\n" not in annotation
    assert "\x1b" not in annotation
    written = github.summary.read_text(encoding="utf-8")
    assert r"\n\x1b[31m\u202e" in html.unescape(written)
    ours = re.sub(r"</?code>|&#\d+;", "", written)  # what is left could be markup
    assert not re.search(r"[<>`*_@\[\]~\\]", ours)
    assert {line.count("|") for line in written.splitlines() if "|" in line} == {7}
    for start in ("http:", "www.", "::", "${{"):
        assert start not in written


def test_nothing_outside_of_github(github: GitHub) -> None:
    for value in ("", "false", "1"):
        github.environment["GITHUB_ACTIONS"] = value
        assert github.tell(record()) == []
    assert not github.summary.exists()
    assert inert("##[error]x", {}) == "##[error]x"


def test_without_a_summary_file_there_are_annotations_alone(github: GitHub) -> None:
    del github.environment["GITHUB_STEP_SUMMARY"]
    assert len(github.tell(record())) == 1


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("/proc/no/where.md", "No such file or directory"),
        ("/dev/full", "No space left on device"),
        ("/", "Is a directory"),
    ],
)
def test_a_summary_that_cannot_be_written_is_a_note(github: GitHub, file: str, reason: str) -> None:
    github.environment["GITHUB_STEP_SUMMARY"] = file
    note, annotation = github.tell(record())
    assert note == f"note: the step summary of GitHub cannot be written: {reason}"
    assert annotation.startswith("::error ")


def test_no_evidence_is_an_error_of_its_own(github: GitHub) -> None:
    said = tell_github(
        [(policy(record("pass")), github.place(record()))],
        evidence="e.json",
        trouble="the evidence cannot be written: No space left on device\n/e: free some space.",
        environment=github.environment,
    )
    assert said == [
        (
            "::error title=faceleak-check%3A no evidence::the evidence cannot be written: No space left on device"
            "%0A/e: free some space."
        )
    ]
    assert "There is no evidence" in github.summary.read_text(encoding="utf-8")


def test_ten_thousand_cases_are_cut_at_what_github_takes() -> None:
    n_there = 600_000
    many = policy(*(record(case=f"leak_count[g{n}-vs-{'t' * 60}]") for n in range(10_000)))
    written = step_summary([many], evidence="e.json", trouble="", n_there=n_there)
    assert 1024 * 1024 - 1000 < n_there + len(written) <= 1024 * 1024
    lines = html.unescape(written.decode()).splitlines()
    assert "**The rest is cut:** GitHub takes no more than 1 MiB of a step. The evidence has all." in lines
    assert lines[2] == "## faceleak-check: 10,000 leak"
    assert lines[-1].endswith("Inconclusive is never a pass.")


def test_where_another_tool_left_no_room_nothing_is_written() -> None:
    assert step_summary([policy(record())], evidence="e", trouble="", n_there=1024 * 1024 - 100) == b""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  0.99  ##[error]x.png  ###[stop-commands]y", r"  0.99  #\x23[error]x.png  ##\x23[stop-commands]y"),
        ("::stop-commands::token", r":\x3astop-commands::token"),
        ("    ::error::x", r"    :\x3aerror::x"),
        ("a.png ::error::x", "a.png ::error::x"),
        ("plain", "plain"),
    ],
)
def test_no_name_of_a_file_is_a_command(line: str, shown: str) -> None:
    assert inert(line, {"GITHUB_ACTIONS": "true"}) == shown
