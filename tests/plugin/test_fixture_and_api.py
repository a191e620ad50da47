"""The gate inside hand-written tests and scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_project import Project

from faceleak_check import Outcome, PolicyError, PolicyResult, UsageError, Verdict, check
from faceleak_check.policy.presets import builtin_names

WARNING = (
    "'fake-pixels' is no face recogniser but a stand-in for tests: this verdict says nothing about people"
)


def test_check_gives_typed_verdicts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.leak()
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 1")
    monkeypatch.chdir(project.path)
    result = check("release.yaml", store=project.path / "store")
    assert isinstance(result, PolicyResult)
    assert not result.passed
    leak, passed = result.verdicts
    assert isinstance(leak, Verdict)
    assert (leak.outcome, passed.outcome) == (Outcome.LEAK, Outcome.PASS)
    assert (leak.passed, passed.passed) == (False, True)
    assert leak.measurement is not None
    assert [(pair.generated.id, pair.source.id) for pair in leak.measurement.pairs] == [
        ("g9.png", "p3/1.png")
    ]
    assert leak.warnings == (WARNING,)
    assert str(result) == (
        "release.yaml (release)\n"
        "leak: leak_count[generated-vs-training]: 1 of 7 generated images leaks; the policy allows at most 0\n"
        "pass: leak_count[generated-vs-training#2]: 1 of 7 generated images leaks; the policy allows at most 1"
    )
    assert (project.path / "store").is_dir()
    assert not project.store.exists()


def test_check_takes_a_path_and_an_environment(project: Project) -> None:
    project.policy()
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("path: generated", 'path: "${WHERE}"'))
    result = check(project.path / "release.yaml", environment={"WHERE": "training/../generated"})
    assert result.passed
    assert result.policy.datasets["generated"].path == project.path / "generated"


def test_check_tells_of_its_progress(project: Project) -> None:
    project.policy()
    told: list[tuple[str, int, int]] = []
    check(project.path / "release.yaml", progress=lambda *stage: told.append(stage))
    assert ("embedding generated", 6, 6) in told
    assert ("embedding training", 6, 6) in told


def test_check_is_inconclusive_where_no_verdict_can_be_given(project: Project) -> None:
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("path: training", "path: nowhere"))
    result = check(project.path / "release.yaml")
    assert not result.passed
    (verdict,) = result.verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("dataset 'training' was not found",)


def test_check_raises_all_problems_of_a_policy(project: Project) -> None:
    project.policy("release.yaml", "leak_count: threshold: {cosine: 3}, at_most: -1")
    with pytest.raises(PolicyError) as raised:
        check(project.path / "release.yaml")
    path = project.path / "release.yaml"
    assert str(raised.value) == (
        f"{path}:8:78: checks[0].leak_count.threshold.cosine: found 3, "
        "expected a cosine between -1 and 1, such as 0.94\n"
        f"{path}:8:91: checks[0].leak_count.at_most: found -1, expected a whole number of 0 or more"
    )
    assert [(problem.line, problem.column) for problem in raised.value.problems] == [(8, 78), (8, 91)]


def test_check_takes_one_policy_at_a_time(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.policy("policies/a.yaml")
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("GENERATED", str(project.path / "generated"))
    monkeypatch.setenv("TRAINING", str(project.path / "training"))
    text = (project.path / "policies/a.yaml").read_text(encoding="utf-8")
    project.write("policies/a.yaml", text.replace("{path: ", "{path: ../"))
    assert check("policies").passed
    project.policy("policies/b.yaml")
    with pytest.raises(UsageError) as raised:
        check("policies")
    assert str(raised.value) == "'policies' holds 2 policies; name one of them"
    with pytest.raises(UsageError) as raised:
        check("builtin:quickstar")
    assert str(raised.value) == (
        f"unknown policy 'builtin:quickstar' (did you mean 'quickstart'?); there are: {', '.join(builtin_names())}"
    )


def test_a_linked_policy_is_the_same_to_check_and_to_pytest(project: Project) -> None:
    project.policy()
    (project.path / "links").mkdir()
    (project.path / "links/release.yaml").symlink_to("../release.yaml")
    assert check(project.path / "links/release.yaml").passed
    project.run("--faceleak-policy", "links/release.yaml").assert_outcomes(passed=1)


def test_a_built_in_policy_by_name(published_matches: Path) -> None:
    result = check("builtin:published/digiface-1m", environment={"PUBLISHED_MATCHES": str(published_matches)})
    assert result.passed
    assert result.policy.shown_as == "builtin:published/digiface-1m"
    assert [verdict.case for verdict in result.verdicts] == [
        "excess_risk[digiface-1m-vs-idiff-face]",
        "leak_count[digiface-1m]",
        "identity_exposure[digiface-1m]",
        "top_k_similarity[digiface-1m]",
    ]


def test_the_fixture_runs_a_policy_in_a_test(project: Project) -> None:
    project.policy()
    project.policy("strict.yaml", "leak_count: threshold: {cosine: -1}, at_most: 0")
    project.write(
        "test_own.py",
        "def test_passes(faceleak):\n"
        "    assert faceleak('release.yaml').passed\n"
        "def test_leaks(faceleak):\n"
        "    result = faceleak('strict.yaml')\n"
        "    assert [verdict.outcome for verdict in result.verdicts] == ['leak']\n"
        "    assert result.passed\n",
    )
    result = project.run("--faceleak-store=own-store")
    result.assert_outcomes(passed=1, failed=1)
    assert (project.path / "own-store").is_dir()
    assert not project.store.exists()
    assert not (project.path / "faceleak-evidence").exists()


@pytest.mark.needs("offline")
def test_the_real_model_names_a_copied_face(project: Project, lfw_faces: list[object]) -> None:
    """Ten real faces of different people, and one of them mirrored among five other people's."""
    import numpy as np
    from PIL import Image

    for folder in ("generated", "training"):
        for path in sorted((project.path / folder).rglob("*.png")):
            path.unlink()
    faces = [Image.fromarray(np.asarray(face)) for face in lfw_faces[:15]]
    for n, face in enumerate(faces[:10]):
        (project.path / f"training/person-{n}").mkdir()
        face.save(project.path / f"training/person-{n}/face.png")
    for n, face in enumerate(faces[10:]):
        face.save(project.path / f"generated/stranger-{n}.png")
    faces[7].transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(project.path / "generated/mirrored.png")
    project.policy(
        "release.yaml",
        "leak_count: threshold: {cosine: 0.96}, at_most: 0",
        "identity_exposure: threshold: {euclidean: 0.4}, at_most: 0",
    )
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("fake-pixels", "dlib-resnet"))
    project.gate().assert_outcomes(failed=2)
    for case in project.evidence()["policies"][0]["cases"]:
        (pair,) = case["measurement"]["worst_pairs"]
        assert (pair["generated"], pair["source"], pair["source_people"]) == (
            "mirrored.png",
            "person-7/face.png",
            ["person-7"],
        )
        assert case["warnings"] == []
        assert case["embedder"]["weights_sha256"].startswith("55533b28")
