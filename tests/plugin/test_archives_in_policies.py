"""Sets in archives: compared like folders, and what is damaged in them is counted and never a pass."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from archive_files import tar_of, tgz_of, zip_of
from gate_project import NOTE, Project, failure

POLICY = """\
version: 1
name: release
datasets:
  generated: {path: generated.zip, format: archive}
  training: {path: "training-{00..01}.%s", format: archive, labels: {sidecar: cls}, expect: {identities: 3}}
embedder: {name: fake-pixels}
checks:
  - identity_exposure: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""
CASE = "identity_exposure[generated-vs-training]"


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def shards(project: Project, suffix: str, write: Callable[[Mapping[str, bytes]], bytes]) -> list[Path]:
    """The training pictures in two shards, two of each person."""
    samples: list[dict[str, bytes]] = [{}, {}]
    for row, data in enumerate(pictures(project.path / "training").values()):
        samples[row // 3] |= {f"{row:03d}.png": data, f"{row:03d}.cls": f"person {row // 2}".encode()}
    paths = [project.path / f"training-{number:02d}.{suffix}" for number in range(2)]
    for path, sample in zip(paths, samples, strict=True):
        path.write_bytes(write(sample))
    return paths


@pytest.fixture
def archived(project: Project) -> Project:
    project.write("release.yaml", POLICY % "tar")
    (project.path / "generated.zip").write_bytes(zip_of(pictures(project.path / "generated")))
    shards(project, "tar", tar_of)
    return project


@pytest.mark.parametrize(("suffix", "write"), [("tar", tar_of), ("tar.gz", tgz_of), ("zip", zip_of)])
def test_sets_in_archives_are_compared(
    archived: Project, suffix: str, write: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    archived.write("release.yaml", POLICY % suffix)
    shards(archived, suffix, write)
    assert archived.gate().ret == pytest.ExitCode.OK
    assert archived.n_embedded() == 12
    [case] = archived.evidence()["policies"][0]["cases"]
    assert case["outcome"] == "pass"
    assert case["sets"]["source"]["n_people"] == 3
    assert case["sets"]["generated"]["n_other_files"] == {}
    again = archived.gate()
    assert again.ret == pytest.ExitCode.OK
    assert archived.n_embedded() == 0


def test_a_leak_is_named_with_its_shard(archived: Project) -> None:
    archived.leak(source="p4/1.png")
    (archived.path / "generated.zip").write_bytes(zip_of(pictures(archived.path / "generated")))
    result = archived.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "leaks, worst first (1 of 1):",
            "  cosine  kind  generated image  source image",
            "  1.0000  copy  g9.png           training-01.tar/004.png",
        ]
    )


def test_a_damaged_member_is_counted_and_no_pass(archived: Project) -> None:
    path = archived.path / "generated.zip"
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("g2.png").header_offset
    data = bytearray(path.read_bytes())
    data[place + 60] ^= 0xFF
    path.write_bytes(bytes(data))
    result = archived.gate()
    result.assert_outcomes(errors=1)
    assert failure(str(result.stdout), CASE) == DAMAGED
    (archived.path / "release.yaml").write_text(POLICY % "tar" + "exclusions: {at_most: 20%}\n")
    archived.gate().assert_outcomes(passed=1)


DAMAGED = f"""\
INCONCLUSIVE: 1 of 6 images of 'generated' was left out (16.7%: 1 unreadable);
    exclusions.at_most allows 0%
also: 0 people of the source set are exposed; the policy allows at most 0
generated: 'g2.png': it is damaged: its bytes do not fit its checksum

rule       cosine >= 0.9
generated  generated: 6 seen, 5 compared, 1 unreadable
source     training: 6 seen, 6 compared
embedder   fake-pixels
{NOTE}
release.yaml:8: identity_exposure[generated-vs-training]"""


def test_a_shard_that_is_cut_short_is_no_pass(archived: Project) -> None:
    policy = (POLICY % "tar").replace("{sidecar: cls}, expect: {identities: 3}", "none")
    archived.write(
        "release.yaml", policy.replace("identity_exposure", "leak_count") + "exclusions: {at_most: 50%}\n"
    )
    path = archived.path / "training-01.tar"
    path.write_bytes(path.read_bytes()[:1900])
    result = archived.gate()
    result.assert_outcomes(errors=1)
    assert failure(str(result.stdout), CASE.replace("identity_exposure", "leak_count")) == CUT


CUT = f"""\
INCONCLUSIVE: 'training' holds folders or parts of files that were not looked
    into: 1
also: 0 of 6 generated images leak; the policy allows at most 0; at 95%
    confidence up to 39.3% may leak
training: 'training-01.tar/from byte 2,048 on': it is cut short: the zeros that end a tar archive are missing

rule       cosine >= 0.9
generated  generated: 6 seen, 6 compared
source     training: 5 seen, 4 compared, 1 folder
embedder   fake-pixels
note: 4 files of 'training' are no images and were not looked at (4 .cls)
{NOTE}
release.yaml:8: leak_count[generated-vs-training]"""


def test_a_missing_shard_is_no_pass(archived: Project) -> None:
    (archived.path / "training-01.tar").unlink()
    result = archived.gate()
    result.assert_outcomes(errors=1)
    assert archived.shown(failure(str(result.stdout), CASE)) == MISSING


MISSING = """\
INCONCLUSIVE: dataset 'training' lacks 1 of its 2 archives
PROJECT/training-{00..01}.tar (see datasets.training at line 5, column 3 of the policy)
Not there: 'training-01.tar'. Fetch them, or write the range of those that are there.
release.yaml:8: identity_exposure[generated-vs-training]"""
