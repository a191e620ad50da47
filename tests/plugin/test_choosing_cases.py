"""Running some cases of a policy and not others."""

from __future__ import annotations

import pytest
from gate_project import Project, failure


def test_k_chooses_cases(project: Project) -> None:
    project.policy("release.yaml", "leak_count", "leak_rate", "top_k_similarity")
    result = project.gate("-k", "leak_rate or top")
    result.assert_outcomes(passed=2, deselected=1)


def test_deselect_takes_a_case_out(project: Project) -> None:
    project.policy("release.yaml", "leak_count", "leak_rate")
    result = project.gate("--deselect", "release.yaml::leak_rate[generated-vs-training]")
    result.assert_outcomes(passed=1, deselected=1)
    assert project.outcomes() == {"release.yaml::leak_count[generated-vs-training]": "pass"}


def test_a_node_id_with_the_option_runs_that_case_alone_and_once(project: Project) -> None:
    project.policy("release.yaml", "leak_count", "leak_rate")
    project.write("test_own.py", "def test_own(): pass\n")
    result = project.gate("release.yaml::leak_rate[generated-vs-training]")
    result.assert_outcomes(passed=1)
    assert project.outcomes() == {"release.yaml::leak_rate[generated-vs-training]": "pass"}


def test_the_node_id_of_a_builtin_policy(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENERATED", "generated")
    monkeypatch.setenv("TRAINING", "training")
    case = "builtin:quickstart::top_k_similarity[generated-vs-training]"
    assert project.collected("--faceleak-policy", "builtin:quickstart", case) == [case]


def test_a_node_id_of_a_case_that_is_not_there(project: Project) -> None:
    project.policy("release.yaml", "leak_count", "leak_rate")
    result = project.gate("release.yaml::leak_rat[generated-vs-training]")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == (
        "release.yaml has no case 'leak_rat[generated-vs-training]' "
        "(did you mean 'leak_rate[generated-vs-training]'?); "
        "there are: leak_count[generated-vs-training], leak_rate[generated-vs-training]"
    )


def test_last_failed_runs_the_failed_case_again(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 1")
    project.gate().assert_outcomes(passed=1, failed=1)
    result = project.gate("--lf")
    result.assert_outcomes(failed=1, deselected=1)
    assert project.outcomes() == {"release.yaml::leak_count[generated-vs-training]": "leak"}


def test_last_failed_forgets_no_builtin_policy(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENERATED", str(project.path / "nowhere"))
    monkeypatch.setenv("TRAINING", str(project.path / "nowhere else"))
    project.write("test_own.py", "def test_own(): assert False\n")
    arguments = ("test_own.py", "--faceleak-policy", "builtin:quickstart")
    project.run(*arguments).assert_outcomes(failed=1, errors=2)
    project.run(*arguments, "--lf").assert_outcomes(failed=1, errors=2)
