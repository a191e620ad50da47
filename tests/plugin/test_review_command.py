"""``faceleak review``, in a real terminal."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from faceleak_command import CTRL_C, CTRL_D, Faceleak, leave_evidence, talk
from gate_project import Project

from faceleak_check.policy.waivers import Waiver, read_waivers
from faceleak_check.review.waivers_file import waivers_yaml

QUESTION = "n = not the same person, a = accepted, s = skip, b = back, q = finish: "


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "evidence"


@pytest.fixture
def leaky(project: Project, kept: Path) -> Project:
    """The evidence of a run with three leaks."""
    for n in range(3):
        project.leak(f"leaks/g{n}.png", f"p{n}/1.png")
    project.policy()
    leave_evidence(project, kept, n_failed=1)
    return project


def today() -> date:
    """By the clock, as a run of all tests may go on past midnight."""
    return datetime.now(UTC).date()


def sha256(project: Project, file: str) -> str:
    return hashlib.sha256((project.path / file).read_bytes()).hexdigest()


def review(project: Project, *answers: str, options: tuple[str, ...] = ("--owner", "A. Reviewer")) -> str:
    """What is written in the terminal."""
    status, output = talk(project.path, ["review", "faceleak-evidence/evidence.json", *options], answers)
    assert status == 0, output
    return output


def waivers(project: Project, file: str = "release.waivers.yaml") -> tuple[Waiver, ...]:
    return read_waivers(project.path / file, file).waivers


def waived(project: Project) -> list[tuple[int, str]]:
    """Which of the three copies, and why."""
    digests = [sha256(project, f"training/p{n}/1.png") for n in range(3)]
    return [(digests.index(one.generated), one.reason) for one in waivers(project)]


def test_a_review_from_the_first_leak_to_a_run_that_is_waived(leaky: Project) -> None:
    output = review(leaky, "n", "compared by eye", "a", "", "A", "twins")
    digest = sha256(leaky, "training/p0/1.png")
    folder = leaky.path
    first = output.partition("leak 2 of 3")[0]
    assert (
        first
        == f"""\
release.yaml: 3 leaks to look at
Each answer is written to release.waivers.yaml, as A. Reviewer, until {today() + timedelta(days=182)}.

leak 1 of 3: cosine 1.0000, copy
case       leak_count[generated-vs-training]
generated  leaks/g0.png
           {folder}/generated/leaks/g0.png
           {digest}
source     p0/1.png
           {folder}/training/p0/1.png
           {digest}
person     p0
{QUESTION}n
reason: compared by eye

"""
    )
    assert f"{QUESTION}a\nreason [compared by eye]: \n" in output
    assert output.endswith(
        "release.waivers.yaml has 3 waivers.\n"
        "Name it in the policy, relative to it: waivers: release.waivers.yaml\n"
        "Then run the policy again: a pair counts as waived in the run that reads the file.\n"
    )
    assert waived(leaky) == [
        (0, "Not the same person: compared by eye"),
        (1, "Accepted: compared by eye"),
        (2, "Accepted: twins"),
    ]
    (one, *_) = waivers(leaky)
    assert (one.owner, one.date, one.expires) == ("A. Reviewer", today(), today() + timedelta(days=182))
    leaky.policy(keys="waivers: release.waivers.yaml\n")
    leaky.gate().assert_outcomes(passed=1)
    (policy,) = leaky.evidence()["policies"]
    assert policy["outcome"] == "waived"
    assert [one["reason"] for one in policy["waivers"]["matched"]] == [one.reason for one in waivers(leaky)]


def test_back_changes_an_answer_and_skip_takes_it_back(leaky: Project) -> None:
    output = review(leaky, "b", "n", "first", "a", "second", "b", "a", "", "b", "b", "s", "x", "q")
    assert "answered   Accepted: second\n" in output
    assert "answered   Not the same person: first\n" in output
    assert "Type one of the letters n, a, s, b and q, then Enter.\n" in output
    assert waived(leaky) == [(1, "Accepted: second")]


@pytest.mark.parametrize("end", [CTRL_C, CTRL_D])
def test_what_was_answered_is_kept(leaky: Project, end: str) -> None:
    output = review(leaky, "n", "by eye", "a", end)
    assert output.endswith("reason [by eye]: " + output.rpartition("reason [by eye]: ")[2])
    assert "release.waivers.yaml has 1 waiver.\n" in output
    assert "Traceback" not in output
    assert waived(leaky) == [(0, "Not the same person: by eye")]


def test_nothing_is_written_where_nothing_is_answered(leaky: Project) -> None:
    output = review(leaky, "s", "s", "s")
    assert output.endswith("No waiver was written.\n")
    assert not (leaky.path / "release.waivers.yaml").exists()


def test_a_waiver_needs_a_reason_and_a_name(leaky: Project) -> None:
    output = review(leaky, "", "B. Reviewer", "n", "", "\x1b[A", "ok", "q", options=())
    assert output.count("your name, which each waiver bears: ") == 2
    assert output.count("A waiver needs a reason: plain text on one line.\n") == 2
    assert [one.owner for one in waivers(leaky)] == ["B. Reviewer"]


def test_leaving_before_the_name_is_given(leaky: Project) -> None:
    assert review(leaky, CTRL_D, options=()).endswith("No waiver was written.\n")


KEPT = """\
# Kept by the privacy team.
version: 1
waivers:
# the twins
- generated: {digest}
  source: {digest}
  reason: twins   # really
  owner: C. Officer
  date: 2026-01-02
  expires: {expires}
# the end"""


def test_answers_go_behind_what_is_there_and_comments_stay(leaky: Project) -> None:
    digest = sha256(leaky, "training/p0/1.png")
    text = KEPT.format(digest=digest, expires=today())
    leaky.write("release.waivers.yaml", text)
    output = review(leaky, "n", "by eye", "s")
    assert "waived in release.waivers.yaml already, and not asked about again: 1\n" in output
    assert "leak 1 of 2" in output
    written = (leaky.path / "release.waivers.yaml").read_text(encoding="utf-8")
    assert written.startswith(text + "\n- generated: ")
    assert waived(leaky) == [(0, "twins"), (1, "Not the same person: by eye")]
    assert "leak 1 of 1" in review(leaky, "q")


def test_an_expired_waiver_is_renewed(leaky: Project) -> None:
    digest = sha256(leaky, "training/p0/1.png")
    leaky.write("release.waivers.yaml", KEPT.format(digest=digest, expires="2026-01-03"))
    output = review(leaky, "a", "still twins", "q", options=("--owner=D", "--expires=2999-01-01"))
    assert "with a waiver there that has expired, which an answer renews: 1\n" in output
    assert (
        "note: release.waivers.yaml may have to be written anew, and then its comments are lost\n" in output
    )
    (one,) = waivers(leaky)
    assert (one.owner, one.reason, str(one.expires)) == ("D", "Accepted: still twins", "2999-01-01")


def test_nothing_is_left_to_ask(leaky: Project, faceleak: Faceleak) -> None:
    both = [waiver(sha256(leaky, f"training/p{n}/1.png")) for n in range(3)]
    leaky.write("release.waivers.yaml", waivers_yaml(both))
    assert faceleak("review", "faceleak-evidence") == (
        0,
        (
            "release.yaml: 3 leaks to look at\n"
            "waived in release.waivers.yaml already, and not asked about again: 3\n"
        ),
        "",
    )


def waiver(digest: str) -> Waiver:
    return Waiver(generated=digest, source=digest, reason="x", owner="y", date=today(), expires=today())


def test_what_the_run_itself_waived_is_not_asked_about(project: Project, faceleak: Faceleak) -> None:
    project.leak("g8.png", "p2/1.png")
    project.leak("g9.png", "p3/1.png")
    project.write("kept.yaml", waivers_yaml([waiver(sha256(project, "training/p3/1.png"))]))
    project.policy(keys="waivers: kept.yaml\n")
    project.gate().assert_outcomes(failed=1)
    status, out, _ = faceleak("review", "faceleak-evidence", "--write=another.yaml")
    assert (status, out) == (2, "release.yaml: 1 leak to look at\n")


def test_evidence_without_a_leak(project: Project, faceleak: Faceleak) -> None:
    project.policy()
    project.gate().assert_outcomes(passed=1)
    assert faceleak("review", "faceleak-evidence") == (
        0,
        "release.yaml: 0 leaks to look at\nNo leak keeps this policy from passing.\n",
        "",
    )


def test_it_works_on_the_evidence_alone(leaky: Project, tmp_path: Path) -> None:
    alone = tmp_path / "officer"
    shutil.copytree(leaky.path / "faceleak-evidence", alone)
    status, output = talk(alone, ["review", "evidence.json", "--owner=A", "--write=w.yaml"], ["n", "x", "q"])
    assert status == 0
    assert str(leaky.path) not in output
    assert len(read_waivers(alone / "w.yaml", "w.yaml").waivers) == 1


def test_the_worst_leak_comes_first_and_a_pair_once(project: Project) -> None:
    for n in range(3):
        project.leak(f"g{n}{n}.png", f"p{n}/1.png")
    project.policy("release.yaml", "top_k_similarity: k: 2, at_most: 0.9", "leak_count", "leak_rate")
    project.gate().assert_outcomes(failed=3)
    output = review(project, "s", "s", "s")
    assert output.splitlines()[4:6] == [
        "case       top_k_similarity[generated-vs-training],",
        "           leak_count[generated-vs-training], leak_rate[generated-vs-training]",
    ]
    assert output.count("top_k_similarity") == 2
    assert "leak 3 of 3" in output


def test_names_of_all_kinds(project: Project) -> None:
    names = ["<script>alert(1)</script>.png", "\x1b[31mred\x1b[0m\n.png", "صورة.png", "顔写真.png"]
    for n, name in enumerate(names):
        project.leak(name, f"p{n}/1.png")
    shutil.copy(project.path / "training/p4/1.png", os.fsencode(project.path) + b"/generated/\xff.png")
    project.policy()
    project.gate().assert_outcomes(failed=1)
    output = review(project, "n", "x", "n", "", "n", "", "n", "", "n", "")
    for shown in ("<script>alert(1)<", r"\x1b[31mred\x1b[0m\n.png", "صورة.png", "顔写真.png", r"\xff.png"):
        assert f"generated  {shown}" in output
    assert "\x1b" not in output
    assert len(waivers(project)) == 5


def test_a_policy_is_chosen_where_there_are_several(project: Project, faceleak: Faceleak) -> None:
    project.leak("g9.png", "p3/1.png")
    project.policy("release.yaml")
    project.policy("other.yaml", "leak_rate")
    project.run("--faceleak-policy=release.yaml", "--faceleak-policy=other.yaml").assert_outcomes(failed=2)
    assert faceleak("review", "faceleak-evidence") == (
        2,
        "",
        "faceleak: the evidence holds 2 policies; name one of them with --policy: release.yaml, other.yaml\n",
    )
    assert faceleak("review", "faceleak-evidence", "--policy=othr.yaml") == (
        2,
        "",
        (
            "faceleak: the evidence holds no policy 'othr.yaml' (did you mean 'other.yaml'?); "
            "there are: release.yaml, other.yaml\n"
        ),
    )
    project.write("other.waivers.yaml", waivers_yaml([waiver(sha256(project, "training/p3/1.png"))]))
    assert faceleak("review", "faceleak-evidence", "--policy=other.yaml") == (
        0,
        "other.yaml: 1 leak to look at\nwaived in other.waivers.yaml already, and not asked about again: 1\n",
        "",
    )


def test_without_a_terminal(leaky: Project, faceleak: Faceleak) -> None:
    assert faceleak("review", "faceleak-evidence") == (
        2,
        "release.yaml: 3 leaks to look at\n",
        (
            "faceleak: faceleak review asks questions, and there is no terminal to ask them in. Run it in one, or "
            "mark the pairs in the page report.html, or write the file of waivers by hand: docs/review.md shows its "
            "form\n"
        ),
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--expires=soon", "--expires 'soon' is no day; write it such as {usual}"),
        ("--expires=2020-01-01", "--expires 2020-01-01 is over already; today is {today}"),
        ("--owner= ", "--owner is no name: one line of plain text is needed"),
    ],
)
def test_options_that_are_wrong(leaky: Project, faceleak: Faceleak, option: str, said: str) -> None:
    status, _, err = faceleak("review", "faceleak-evidence", option)
    assert (status, err) == (
        2,
        f"faceleak: {said.format(today=today(), usual=today() + timedelta(days=182))}\n",
    )


def test_evidence_that_was_edited(leaky: Project, faceleak: Faceleak) -> None:
    file = leaky.path / "faceleak-evidence/evidence.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    data["policies"][0]["cases"][0]["outcome"] = "pass"
    file.write_text(json.dumps(data), encoding="utf-8")
    status, out, err = faceleak("review", "faceleak-evidence")
    assert (status, out) == (2, "")
    assert err.splitlines()[0] == "faceleak: the evidence was changed after it was written"


def test_a_folder_that_cannot_be_written(leaky: Project) -> None:
    options = ["review", "faceleak-evidence", "--owner=A", "--write=nowhere/w.yaml"]
    status, output = talk(leaky.path, options, ["n", "x"])
    assert status == 2
    assert output.endswith(
        "faceleak: nowhere/w.yaml cannot be written: No such file or directory; the last answer is not in it\n"
    )


def test_somebody_else_writes_the_file_meanwhile(leaky: Project) -> None:
    leaky.write("release.waivers.yaml", "version: 1\nwaivers: []\n")

    def meanwhile() -> str:
        leaky.write("release.waivers.yaml", "version: 1\nwaivers: []\n# mine\n")
        return "x"

    options = ["review", "faceleak-evidence", "--owner=A"]
    status, output = talk(leaky.path, options, ["n", meanwhile])
    assert status == 2
    assert output.endswith(
        "faceleak: release.waivers.yaml was changed by somebody else while it was open here, and is left as it "
        "is; the last answer is not in it: start again\n"
    )
    assert (leaky.path / "release.waivers.yaml").read_text(encoding="utf-8").endswith("# mine\n")
