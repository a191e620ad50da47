"""``faceleak quarantine``: what to remove, and the proof that the rest passes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from faceleak_command import Faceleak, leave_evidence
from gate_project import ALL, Project
from PIL import Image

EVIDENCE = "faceleak-evidence/evidence.json"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "evidence"


@pytest.fixture
def leaky(project: Project, kept: Path) -> Project:
    """The evidence of a run in which three pictures leak, one of them in a folder of its own."""
    for n, name in enumerate(("g7.png", "more/g8.png", "more/g9.png")):
        project.leak(name, f"p{n}/1.png")
    project.policy("release.yaml", "leak_count", "identity_exposure")
    leave_evidence(project, kept, n_failed=2)
    return project


def sha256(project: Project, file: str) -> str:
    return hashlib.sha256((project.path / file).read_bytes()).hexdigest()


def near_copy(project: Project, source: str, target: str) -> None:
    """A copy with one pixel changed: a cosine of about 0.99."""
    pixels = np.array(Image.open(project.path / source))
    pixels[0, 0] = 255 - pixels[0, 0]
    (project.path / target).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(project.path / target)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_list_and_its_proof(leaky: Project, faceleak: Faceleak) -> None:
    before = files(leaky.path)
    assert faceleak("quarantine", EVIDENCE) == (
        0,
        "g7.png\nmore/g8.png\nmore/g9.png\n",
        (
            "round 1: running the policy without 3 images of 'generated'\n"
            "  every case passes\n"
            "Without these 3 images the policy passes.\n"
        ),
    )
    assert files(leaky.path) == before


def test_the_table(leaky: Project, faceleak: Faceleak) -> None:
    status, out, _ = faceleak(
        "quarantine", "faceleak-evidence", "--csv", "remove.csv", "--write", "remove.txt"
    )
    assert (status, out) == (0, "")
    assert (leaky.path / "remove.txt").read_text(encoding="utf-8") == "g7.png\nmore/g8.png\nmore/g9.png\n"
    header, first, *others = (leaky.path / "remove.csv").read_text(encoding="utf-8").splitlines()
    assert header == '"dataset","id","sha256","path","cases","cosine","source_sha256"'
    digest = sha256(leaky, "training/p0/1.png")
    cases = "leak_count[generated-vs-training]; identity_exposure[generated-vs-training]"
    assert first == (
        f'"generated","g7.png","{digest}","{leaky.path}/generated/g7.png","{cases}","1","{digest}"'
    )
    assert len(others) == 2


def test_moved_files_let_the_policy_pass(leaky: Project, faceleak: Faceleak) -> None:
    all_files = {name: sha256(leaky, f"generated/{name}") for name in files(leaky.path / "generated")}
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", "away/for good")
    assert (status, out) == (0, "g7.png\nmore/g8.png\nmore/g9.png\n")
    assert leaky.shown(err).splitlines()[-2:] == [
        "Moved 3 files to PROJECT/away/for good.",
        "Now run: pytest --faceleak-policy release.yaml",
    ]
    folder = leaky.path / "away/for good"
    plan, *moved = files(folder)
    assert plan == f"faceleak-quarantine.{sha256(leaky, EVIDENCE)[:12]}.json"
    assert moved == ["g7.png", "more/g8.png", "more/g9.png"]
    assert {name: sha256(leaky, f"away/for good/{name}") for name in moved} == {
        name: all_files.pop(name) for name in moved
    }
    assert files(leaky.path / "generated") == sorted(all_files)
    assert folder.stat().st_mode & 0o077 == (folder / "more").stat().st_mode & 0o077 == 0
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", "away/for good")
    assert (status, out) == (0, "g7.png\nmore/g8.png\nmore/g9.png\n")
    assert leaky.shown(err).splitlines()[-2] == (
        "Moved 0 files to PROJECT/away/for good, and 3 lay there already."
    )
    leaky.gate().assert_outcomes(passed=2)


def test_nothing_is_overwritten_and_the_same_command_goes_on(leaky: Project, faceleak: Faceleak) -> None:
    leaky.write("away/more/g8.png", "somebody else's")
    status, _, err = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert status == 2
    assert leaky.shown(err).splitlines()[-1] == (
        "faceleak: another file lies at PROJECT/away/more/g8.png already, and nothing is overwritten; "
        "choose an empty folder"
    )
    assert (leaky.path / "away/more/g8.png").read_text() == "somebody else's"
    assert (leaky.path / "generated/more/g8.png").is_file()
    assert not (leaky.path / "generated/g7.png").exists()
    (leaky.path / "away/more/g8.png").unlink()
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert (status, out) == (0, "g7.png\nmore/g8.png\nmore/g9.png\n")
    assert leaky.shown(err).splitlines()[-2] == "Moved 2 files to PROJECT/away, and 1 lay there already."
    leaky.gate().assert_outcomes(passed=2)


def test_a_move_that_was_cut_off_between_its_two_steps(leaky: Project, faceleak: Faceleak) -> None:
    """One file lies in both places, and its copy on another disk is half written."""
    leaky.write("away/more/g8.png", "somebody else's")
    faceleak("quarantine", EVIDENCE, "--move-to", "away")
    (leaky.path / "away/more/g8.png").unlink()
    os.link(leaky.path / "generated/more/g8.png", leaky.path / "away/more/g8.png")
    leaky.write("away/more/.0123456789abcdef.tmp", "half")
    assert faceleak("quarantine", EVIDENCE, "--move-to", "away")[0] == 0
    assert not (leaky.path / "generated/more/g8.png").exists()
    assert sha256(leaky, "away/more/g8.png") == sha256(leaky, "training/p1/1.png")
    leaky.gate().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("generated/away", "'PROJECT/generated/away' lies inside 'PROJECT/generated'"),
        ("training", "both are 'PROJECT/training'"),
        (".", "'PROJECT/generated' lies inside 'PROJECT'"),
        ("link/away", "'PROJECT/generated/away' lies inside 'PROJECT/generated'"),
    ],
)
def test_the_folder_must_lie_apart(leaky: Project, faceleak: Faceleak, folder: str, why: str) -> None:
    (leaky.path / "link").symlink_to("generated")
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", folder)
    assert (status, out) == (2, "")
    name = "training" if folder == "training" else "generated"
    assert leaky.shown(err) == (
        f"faceleak: {folder} is no place apart from dataset {name!r}: {why}; choose a folder that lies in no "
        "dataset and holds none\n"
    )


def test_a_link_out_of_the_quarantine_is_not_followed(leaky: Project, faceleak: Faceleak) -> None:
    (leaky.path / "away").mkdir()
    (leaky.path / "away/more").symlink_to(leaky.path / "generated/more")
    status, _, err = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert status == 2
    assert leaky.shown(err).splitlines()[-1] == (
        "faceleak: PROJECT/away/more is a link that leads out of the quarantine; choose another folder"
    )
    assert (leaky.path / "generated/more/g8.png").is_file()


def test_links_are_moved_as_links(project: Project, faceleak: Faceleak) -> None:
    project.leak("deep/g9.png", "p3/1.png")
    (project.path / "generated/a-link.png").symlink_to("deep/g9.png")
    project.policy()
    project.gate().assert_outcomes(failed=1)
    status, out, _ = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert (status, out) == (0, "a-link.png\ndeep/g9.png\n")
    assert str((project.path / "away/a-link.png").readlink()) == "deep/g9.png"
    assert sha256(project, "away/a-link.png") == sha256(project, "training/p3/1.png")
    assert faceleak("quarantine", EVIDENCE, "--move-to", "away")[0] == 0
    project.gate().assert_outcomes(passed=1)


def test_the_next_pairs_of_a_short_list_come_in_further_rounds(project: Project, faceleak: Faceleak) -> None:
    for n in range(6):
        project.leak(f"leak{n}.png", f"p{n}/1.png")
    project.policy("release.yaml", "top_k_similarity: k: 1, at_most: 0.9")
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, out.splitlines()) == (0, [f"leak{n}.png" for n in range(6)])
    assert (
        err
        == """\
round 1: running the policy without 1 image of 'generated'
  leak: top_k_similarity[generated-vs-training]: the most similar pair has a cosine of 1.0000; \
the policy allows at most 0.9000
  4 more images leak now
round 2: running the policy without 5 images of 'generated'
  leak: top_k_similarity[generated-vs-training]: the most similar pair has a cosine of 1.0000; \
the policy allows at most 0.9000
  1 more image leaks now
round 3: running the policy without 6 images of 'generated'
  every case passes
Without these 6 images the policy passes.
"""
    )


def test_all_files_of_one_content_are_named(project: Project, faceleak: Faceleak) -> None:
    for name in ("g8.png", "g9.png", "again/g9.png"):
        project.leak(name, "p3/1.png")
    project.policy("release.yaml", *ALL)
    project.gate().assert_outcomes(failed=4)
    status, out, _ = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert (status, out) == (0, "again/g9.png\ng8.png\ng9.png\n")
    project.gate().assert_outcomes(passed=4)


def test_a_policy_that_passes(project: Project, faceleak: Faceleak) -> None:
    project.policy()
    project.gate().assert_outcomes(passed=1)
    assert faceleak("quarantine", EVIDENCE) == (0, "", "release.yaml passed: there is nothing to remove.\n")


def test_an_allowance_does_not_shorten_the_list(project: Project, faceleak: Faceleak) -> None:
    for n in range(3):
        project.leak(f"leak{n}.png", f"p{n}/1.png")
    checks = [f"leak_count: threshold: {{cosine: 0.9}}, at_most: {n}" for n in (2, 3)]
    project.policy("release.yaml", *checks)
    project.gate().assert_outcomes(failed=1, passed=1)
    assert faceleak("quarantine", EVIDENCE)[:2] == (0, "leak0.png\nleak1.png\nleak2.png\n")


def test_where_something_else_keeps_it_from_passing(leaky: Project, faceleak: Faceleak) -> None:
    text = (leaky.path / "release.yaml").read_text(encoding="utf-8")
    checks = (
        "  - coverage: {dataset: training, min_images: 100}\n"
        "  - leak_rate: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 1%, "
        "confidence: 95%}\n"
    )
    leaky.write("release.yaml", text + checks)
    leaky.gate().assert_outcomes(failed=3, errors=1)
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert (status, out) == (1, "g7.png\nmore/g8.png\nmore/g9.png\n")
    assert (
        err
        == """\
round 1: running the policy without 3 images of 'generated'
  inconclusive: coverage[training]: 6 of 6 images can be compared; the policy asks for at least 100
  inconclusive: leak_rate[generated-vs-training]: 0 of 6 generated images leak (0%); the policy allows at most 1%; \
95% confidence: 0% to 39%, which straddles the limit: only more images can settle it
No removal of generated files makes this policy pass:
  coverage[training]: INCONCLUSIVE: 6 of 6 images can be compared; the policy asks for at least 100
    It looks at no generated set.
  leak_rate[generated-vs-training]: INCONCLUSIVE: 0 of 6 generated images leak (0%); the policy allows at most 1%; \
95% confidence: 0% to 39%, which straddles the limit: only more images can settle it
The list names what leaks all the same: 3 images.
"""
    )
    assert not (leaky.path / "away").exists()


def test_where_nothing_leaks(project: Project, faceleak: Faceleak) -> None:
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text + "  - coverage: {dataset: training, min_images: 100}\n")
    project.gate().assert_outcomes(passed=1, errors=1)
    assert faceleak("quarantine", EVIDENCE) == (
        1,
        "",
        (
            "No leak keeps this policy from passing, so no removal can make it pass:\n"
            "  coverage[training]: INCONCLUSIVE: 6 of 6 images can be compared; the policy asks for at least 100\n"
            "    It looks at no generated set.\n"
        ),
    )


def test_where_every_picture_leaks(project: Project, faceleak: Faceleak) -> None:
    shutil.rmtree(project.path / "generated")
    project.leak("g9.png", "p3/1.png")
    project.policy()
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, out) == (1, "g9.png\n")
    assert err.splitlines()[-3:] == [
        "No removal of generated files makes this policy pass:",
        "  leak_count[generated-vs-training]: INCONCLUSIVE: nothing is left to compare in 'generated'",
        "The list names what leaks all the same: 1 image.",
    ]


def test_the_number_that_a_set_should_hold_speaks_up(leaky: Project, faceleak: Faceleak) -> None:
    text = (leaky.path / "release.yaml").read_text(encoding="utf-8")
    leaky.write("release.yaml", text.replace("{path: generated}", "{path: generated, expect: {images: 9}}"))
    leaky.gate().assert_outcomes(failed=2)
    status, _, err = faceleak("quarantine", EVIDENCE)
    assert status == 1
    assert err.splitlines()[4:] == [
        (
            "  leak_count[generated-vs-training]: INCONCLUSIVE: 'generated' holds 6 images, and the policy expects 9: "
            "is it the right folder?"
        ),
        "    also: 0 of 6 generated images leak; the policy allows at most 0; at 95% confidence up to 39.3% may leak",
        (
            "  identity_exposure[generated-vs-training]: INCONCLUSIVE: 'generated' holds 6 images, and the policy "
            "expects 9: is it the right folder?"
        ),
        "    also: 0 people of the source set are exposed; the policy allows at most 0",
        "  `expect:` of 'generated' counts files that are to be removed: change it with them.",
        "The list names what leaks all the same: 3 images.",
    ]


def test_a_waiver_that_would_match_no_leak_any_more(project: Project, faceleak: Faceleak) -> None:
    project.leak("g9.png", "p3/1.png")
    near_copy(project, "training/p3/1.png", "training/p9/1.png")
    digest = sha256(project, "training/p3/1.png")
    project.write(
        "w.yaml",
        f"version: 1\nwaivers: [{{generated: {digest}, source: {digest}, reason: x, owner: y, date: 2026-01-01, "
        "expires: 2999-01-01}]\n",
    )
    project.policy(keys="waivers: w.yaml\n")
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, out) == (1, "g9.png\n")
    assert err.splitlines()[-3:] == [
        "No removal of generated files makes this policy pass:",
        "  waivers: 1 waiver matches no leak: its pair leaks in no case of this policy",
        "The list names what leaks all the same: 1 image.",
    ]


def test_a_pair_that_was_waived_since_is_kept(leaky: Project, faceleak: Faceleak) -> None:
    digest = sha256(leaky, "training/p0/1.png")
    leaky.write("w.yaml", "version: 1\nwaivers: []\n")
    leaky.policy("release.yaml", "leak_count", keys="waivers: w.yaml\n")
    leaky.gate().assert_outcomes(failed=1)
    leaky.write(
        "w.yaml",
        f"version: 1\nwaivers: [{{generated: {digest}, source: {digest}, reason: x, owner: y, date: 2026-01-01, "
        "expires: 2999-01-01}]\n",
    )
    assert faceleak("quarantine", EVIDENCE)[:2] == (0, "more/g8.png\nmore/g9.png\n")


def test_cases_that_were_not_run_are_run_for_the_proof(project: Project, faceleak: Faceleak) -> None:
    project.leak("g9.png", "p3/1.png")
    project.policy("release.yaml", *ALL)
    project.gate("-k", "nothing_of_that_name")
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, out) == (0, "g9.png\n")
    assert [line for line in err.splitlines() if line.startswith("round")] == [
        "round 1: running the policy as it is",
        "round 2: running the policy without 1 image of 'generated'",
    ]


def test_a_policy_that_was_changed(leaky: Project, faceleak: Faceleak) -> None:
    before = sha256(leaky, "release.yaml")
    with (leaky.path / "release.yaml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert faceleak("quarantine", EVIDENCE) == (
        2,
        "",
        (
            "faceleak: release.yaml is not the policy of this evidence: found SHA-256 "
            f"{sha256(leaky, 'release.yaml')}, expected {before} (release.yaml). It was changed after the run, or is "
            "another one: run the policy again, or name the right one with --policy FILE\n"
        ),
    )


def test_a_policy_that_lies_elsewhere_now(leaky: Project, faceleak: Faceleak) -> None:
    text = (leaky.path / "release.yaml").read_bytes()
    (leaky.path / "release.yaml").unlink()
    status, _, err = faceleak("quarantine", EVIDENCE)
    assert status == 2
    assert err.startswith("faceleak: there is no policy file or folder 'release.yaml'")
    assert err.endswith(". Name the policy of this evidence with --policy FILE\n")
    (leaky.path / "moved.yaml").write_bytes(text)
    assert faceleak("quarantine", EVIDENCE, "--policy", "moved.yaml")[:2] == (
        0,
        "g7.png\nmore/g8.png\nmore/g9.png\n",
    )


def test_data_that_changed(leaky: Project, faceleak: Faceleak) -> None:
    (leaky.path / "generated/g0.png").unlink()
    expected = leaky.evidence()["policies"][0]["cases"][0]["sets"]["generated"]["sha256"]
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, out) == (2, "")
    first, second, third = err.splitlines()
    assert first == "faceleak: the evidence was made from other data: 'generated' changed after the run"
    assert second.startswith("generated: found SHA-256 ")
    assert second.endswith(f", expected {expected}")
    assert third == "Files were added, changed, renamed or removed. Run the policy again."


def test_files_of_an_archive_are_listed_and_not_moved(project: Project, faceleak: Faceleak) -> None:
    project.leak("g9.png", "p3/1.png")
    with zipfile.ZipFile(project.path / "generated.zip", "w") as archive:
        for name in files(project.path / "generated"):
            archive.write(project.path / "generated" / name, name)
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("{path: generated}", "{path: generated.zip, format: archive}"))
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", "away", "--csv", "remove.csv")
    assert (status, out) == (1, "g9.png\n")
    assert err.splitlines()[-2:] == [
        "Without this 1 image the policy passes.",
        (
            "Files of 'generated' cannot be moved: its images are no files of their own (format: archive). "
            "The list names them."
        ),
    ]
    (row,) = csv.DictReader((project.path / "remove.csv").read_text(encoding="utf-8").splitlines())
    assert row["path"] == ""
    assert not (project.path / "away").exists()


def test_a_list_of_matches_has_no_files(project: Project, faceleak: Faceleak) -> None:
    project.write("list.csv", "sample_image_name,best_match_image_name,similarity\na,b,0.95\nc,d,0.5\n")
    project.write(
        "release.yaml",
        "version: 1\nname: release\ndatasets: {list: {path: list.csv, format: matches, columns: "
        "{generated: sample_image_name, source: best_match_image_name}}}\n"
        "checks:\n  - leak_count: {matches: list, threshold: {cosine: 0.9}, at_most: 0}\n",
    )
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == (
        "    It compares a list of matches, which has no files: take rows out of the list."
    )


def test_two_generated_sets(project: Project, faceleak: Faceleak) -> None:
    project.leak("g9.png", "p3/1.png")
    shutil.copytree(project.path / "generated", project.path / "second")
    near_copy(project, "training/p2/1.png", "second/g8.png")
    text = project.policy().read_text(encoding="utf-8")
    check = "leak_count: {generated: %s, source: training, threshold: {cosine: 0.9}, at_most: 0}"
    text = text.replace("  training:", "  other: {path: second}\n  training:", 1) + f"  - {check % 'other'}\n"
    project.write("release.yaml", text)
    project.gate().assert_outcomes(failed=2)
    status, out, err = faceleak("quarantine", EVIDENCE, "--move-to", "away")
    assert (status, out) == (0, "generated\tg9.png\nother\tg9.png\nother\tg8.png\n")
    assert err.splitlines()[0] == (
        "round 1: running the policy without 1 image of 'generated' and 2 images of 'other'"
    )
    assert files(project.path / "away")[1:] == ["generated/g9.png", "other/g8.png", "other/g9.png"]
    project.gate().assert_outcomes(passed=2)


def test_names_of_all_kinds(project: Project, faceleak: Faceleak) -> None:
    names = ['=cmd|calc!A0",x.png', "<script>.png", "\x1b[31m\nred.png", "صورة.png", "-顔写真.png", '"q.png']
    for n, name in enumerate(names):
        project.leak(name, f"p{n}/1.png")
    odd = os.fsencode(project.path) + b"/generated/\xff.png"
    shutil.copy(project.path / "training/p0/1.png", odd)
    project.policy()
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE, "--csv", "remove.csv", "--move-to", "away")
    assert status == 0
    lines = out.splitlines()
    listed = [json.loads(line) if line.startswith('"') else line for line in lines]
    assert sorted(map(os.fsencode, listed)) == sorted([*map(os.fsencode, names), b"\xff.png"])
    assert all(line.isprintable() for line in [*lines, *err.splitlines()])
    table = list(csv.DictReader(io.StringIO((project.path / "remove.csv").read_text(encoding="utf-8"))))
    assert sorted(row["id"] for row in table) == sorted(
        [
            "'=cmd|calc!A0\",x.png",
            "<script>.png",
            r"\x1b[31m\nred.png",
            "صورة.png",
            "'-顔写真.png",
            '"q.png',
            r"\udcff.png",
        ]
    )
    project.gate().assert_outcomes(passed=1)


def test_evidence_without_its_tables_starts_with_the_worst(project: Project, faceleak: Faceleak) -> None:
    for n in range(25):
        project.leak(f"leak{n:02}.png", f"p{n % 6}/1.png")
    project.policy()
    project.gate().assert_outcomes(failed=1)
    shutil.rmtree(project.path / "faceleak-evidence/pairs")
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, len(out.splitlines())) == (0, 25)
    assert err.splitlines()[0] == (
        "note: the table of pairs of leak_count[generated-vs-training] is not there, so the first round knows the "
        "worst 20 of 25 alone"
    )


def test_a_list_that_cannot_be_written(leaky: Project, faceleak: Faceleak) -> None:
    status, out, err = faceleak("quarantine", EVIDENCE, "--write", "nowhere/list.txt", "--move-to", "away")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == (
        "faceleak: nowhere/list.txt cannot be written: No such file or directory; choose another file, or free "
        "some space"
    )
    assert not (leaky.path / "away").exists()


def test_templates_that_were_computed_elsewhere(project: Project, faceleak: Faceleak) -> None:
    random = np.random.default_rng(5)
    source = random.standard_normal((6, 16)).astype(np.float32)
    generated = random.standard_normal((6, 16)).astype(np.float32)
    generated[[1, 4]] = source[[2, 5]]
    np.save(project.path / "g.npy", generated)
    np.save(project.path / "s.npy", source)
    digest = "ab" * 32
    made = f'format: arrays, templates: {{embedder: own, sha256: "{digest}"}}'
    project.write(
        "release.yaml",
        f"version: 1\nname: release\ndatasets:\n  g: {{path: g.npy, {made}}}\n  s: {{path: s.npy, {made}}}\n"
        f'embedder: {{name: precomputed, sha256: "{digest}", dimension: 16, licence: MIT}}\n'
        "checks:\n  - leak_count: {generated: g, source: s, threshold: {cosine: 0.9}, at_most: 0}\n",
    )
    project.gate().assert_outcomes(failed=1)
    status, out, err = faceleak("quarantine", EVIDENCE)
    assert (status, len(out.splitlines())) == (0, 2)
    assert err.splitlines()[-1] == "Without these 2 images the policy passes."
