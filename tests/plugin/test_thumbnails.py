"""Pictures in the evidence folder: only on request, and without any say in the verdict."""

from __future__ import annotations

import hashlib
import io
import stat
from pathlib import Path

import pytest
from gate_project import Project, errors, failure
from PIL import Image

from faceleak_check.reports.thumbnails import thumbnail_of

CASE = "leak_count[generated-vs-training]"
TOP_K = "top_k_similarity[generated-vs-training]"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but ``run.json``."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def thumbnails(project: Project, folder: str = "faceleak-evidence") -> list[str]:
    there = (project.path / folder / "thumbnails").glob("*")
    return sorted(path.name for path in there)


def sha256(project: Project, file: str) -> str:
    return hashlib.sha256((project.path / file).read_bytes()).hexdigest()


def leaking(project: Project) -> None:
    """A leak, in a check of leaks and in one that shows the nearest pairs."""
    project.leak()
    project.policy("release.yaml", "leak_count", "top_k_similarity")


def test_without_the_option_there_is_no_picture(project: Project) -> None:
    leaking(project)
    project.gate()
    assert not (project.path / "faceleak-evidence/thumbnails").exists()


def test_the_evidence_is_the_same_with_and_without_pictures(project: Project) -> None:
    leaking(project)
    project.gate("--faceleak-evidence=without")
    project.gate("--faceleak-evidence=with", "--faceleak-thumbnails")
    project.gate("--faceleak-evidence=blurred", "--faceleak-thumbnails", "--faceleak-blur-source")
    without = contents(project.path / "without")
    without.pop("report.html", None)
    for folder in ("with", "blurred"):
        there = contents(project.path / folder)
        pictures = [name for name in there if name.startswith("thumbnails/")]
        assert pictures
        assert {
            name: data for name, data in there.items() if name not in (*pictures, "report.html")
        } == without
    source = [sha256(project, f"training/p{n}/1.png") for n in range(6)]
    for folder, kinds in (("with", {"whole.jpg"}), ("blurred", {"whole.jpg", "whole.blurred.jpg"})):
        assert {name.partition(".")[2] for name in thumbnails(project, folder)} == kinds
    plain = [name for name in thumbnails(project, "blurred") if "blurred" not in name]
    # the copy among the generated images has the bytes of its original
    assert [name for name in plain if name.partition(".")[0] in source] == [f"{source[3]}.whole.jpg"]


def test_both_sides_of_every_pair_have_a_picture_that_only_the_owner_reads(project: Project) -> None:
    leaking(project)
    project.gate("--faceleak-thumbnails")
    folder = project.path / "faceleak-evidence"
    pairs = [
        pair
        for case in project.evidence()["policies"][0]["cases"]
        for pair in case["measurement"]["worst_pairs"]
    ]
    assert len(pairs) == 4
    for pair in pairs:
        for side in ("generated", "source"):
            found = thumbnail_of(folder, pair[f"{side}_sha256"], pair[f"{side}_box"])
            assert found is not None
            assert Image.open(io.BytesIO(found)).size == (8, 8)
    assert stat.S_IMODE((folder / "thumbnails").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder / "thumbnails").iterdir()} == {0o600}


def test_workers_write_them_too(project: Project) -> None:
    leaking(project)
    project.gate("--faceleak-thumbnails", "--faceleak-evidence=one")
    status, _ = project.run_apart(
        "--faceleak-policy=release.yaml", "--faceleak-thumbnails", "--faceleak-evidence=two", "-n2"
    )
    assert status == pytest.ExitCode.TESTS_FAILED
    assert thumbnails(project, "two") == thumbnails(project, "one") != []


def test_pictures_of_an_earlier_run_are_taken_away_and_the_users_own_stay(project: Project) -> None:
    leaking(project)
    project.gate("--faceleak-thumbnails")
    assert thumbnails(project)
    project.write("faceleak-evidence/thumbnails/.half.jpg.0123456789abcdef.tmp", "half")
    mine = project.write("faceleak-evidence/thumbnails/mine.txt", "mine")
    project.policy()
    project.gate()
    assert thumbnails(project) == [mine.name]
    mine.unlink()
    project.gate()
    assert not (project.path / "faceleak-evidence/thumbnails").exists()


def test_a_match_list_has_no_pictures(project: Project) -> None:
    project.write(
        "list.yaml",
        "version: 1\nname: list\ndatasets:\n  list: {path: list.csv, format: matches}\nchecks:\n"
        "  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}\n",
    )
    header = "sample_identity,sample_image_name,best_match_identity,best_match_image_name,similarity\n"
    project.write("list.csv", f"{header}a,1.png,b,2.png,0.75\n")
    project.run("--faceleak-policy=list.yaml", "--faceleak-thumbnails").assert_outcomes(failed=1)
    assert not (project.path / "faceleak-evidence/thumbnails").exists()


def test_what_is_left_out_has_samples_and_what_cannot_be_read_has_none(project: Project) -> None:
    project.write("generated/broken.png", "no picture")
    text = project.policy(keys="exclusions: {at_most: 100%}\n").read_text(encoding="utf-8")
    screens = "screens: {non_face: {method: face}}\nchecks:"
    project.write(
        "release.yaml", text.replace("checks:", screens).replace("0.9}, at_most: 0", "-1}, at_most: 0")
    )
    project.gate("--faceleak-thumbnails")
    (case,) = project.evidence()["policies"][0]["cases"]
    gone = [one for role in ("generated", "source") for one in case["sets"][role]["excluded"]]
    screened = {one["sha256"] for one in gone if one["rule"] == "non_face"}
    assert len(screened) == 11  # of the last one no figure depends any more
    assert {name.partition(".")[0] for name in thumbnails(project)} == screened


@pytest.mark.parametrize("leaks", [False, True])
def test_pictures_that_cannot_be_written_never_pass(project: Project, leaks: bool) -> None:
    if leaks:
        project.leak()
    project.policy("release.yaml", "leak_count" if leaks else "top_k_similarity: k: 3, at_most: 0.9")
    project.write("faceleak-evidence/thumbnails", "a file in the way")
    result = project.gate("--faceleak-thumbnails")
    lines = project.shown(failure(result.stdout.str(), CASE if leaks else TOP_K)).splitlines()
    assert lines[0] == f"{('INCONCLUSIVE', 'LEAK')[leaks]}: the evidence cannot be written: File exists"
    assert (
        "PROJECT/faceleak-evidence: choose another folder with --faceleak-evidence DIR, or free some space."
        in lines
    )
    result.assert_outcomes(**{"failed" if leaks else "errors": 1})
    (case,) = project.evidence()["policies"][0]["cases"]
    assert case["pairs_file"] is not None


def test_blurring_without_pictures_is_a_usage_error(project: Project) -> None:
    project.policy()
    result = project.gate("--faceleak-blur-source")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert errors(result) == (
        "ERROR: --faceleak-blur-source blurs the pictures of real people, and without --faceleak-thumbnails there "
        "are none; add --faceleak-thumbnails, or leave it out"
    )
    assert not (project.path / "faceleak-evidence").exists()
