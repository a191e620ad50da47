"""Real runs as GitHub Actions starts them."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from gate_project import Project, failure, summary

LEAK = "leak_count[generated-vs-training]"
FAKE = "'fake-pixels' is no face recogniser but a stand-in for tests: this verdict says nothing about people"


@pytest.fixture
def summary_file(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The step's summary; the project becomes a folder of the repository."""
    file = tmp_path_factory.mktemp("runner") / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return file


def annotations(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("::")]


def place(project: Project, line: int) -> str:
    return f"file={project.path.name}/release.yaml,line={line}"


def test_a_leak_is_an_error_at_its_line_and_no_picture_is_named(project: Project, summary_file: Path) -> None:
    project.leak("secret ##[error]g9.png", "p3/1.png")
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 2")
    output = project.gate().stdout.str()
    assert annotations(output) == [
        (
            f"::error {place(project, 8)},title=faceleak-check%3A leak {LEAK}"
            "::1 of 7 generated images leaks; the policy allows at most 0"
        ),
        f"::warning {place(project, 9)},title=faceleak-check%3A pass leak_count[generated-vs-training#2]::{FAKE}",
    ]
    written = html.unescape(summary_file.read_text(encoding="utf-8"))
    assert written.startswith("\n\n## faceleak-check: 1 leak, 1 pass\n\n### release.yaml (release): leak\n")
    assert "<code>faceleak-evidence/evidence.json</code>" in written
    for name in ("secret", "p3"):
        assert name not in written
        assert name not in "\n".join(annotations(output))
    assert r"secret #\x23[error]g9.png" in failure(output, LEAK)
    assert "##[" not in output
    assert summary(output).splitlines()[1] == (
        "  outcome      case                                 value  limit"
    )


def test_with_workers_all_is_said_once(project: Project, summary_file: Path) -> None:
    project.leak()
    project.policy("release.yaml", "leak_count", "leak_rate")
    status, output = project.run_apart("--faceleak-policy=release.yaml", "-n2")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert [line.partition("::1")[0] for line in annotations(output)] == [
        f"::error {place(project, 8)},title=faceleak-check%3A leak {LEAK}",
        f"::error {place(project, 9)},title=faceleak-check%3A leak leak_rate[generated-vs-training]",
    ]
    assert summary_file.read_text(encoding="utf-8").count("## faceleak") == 1


def test_an_invalid_policy_is_an_error_at_the_line_of_each_problem(
    project: Project, summary_file: Path
) -> None:
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("at_most: 0", "at_mots: 0"))
    assert project.gate().ret == pytest.ExitCode.INTERRUPTED
    found = annotations(project.gate().stdout.str())
    assert [line.partition("::checks[0]")[0] for line in found] == [
        f"::error {place(project, 8)},title=faceleak-check%3A invalid policy release.yaml"
    ] * len(found)
    assert "## faceleak-check: 1 invalid" in summary_file.read_text(encoding="utf-8")


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    project: Project, summary_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    project.policy()
    result = project.gate()
    assert result.ret == pytest.ExitCode.OK
    assert "note: the step summary of GitHub cannot be written: No space left on device" in result.outlines


@pytest.mark.parametrize("flag", ["--collect-only", "--setup-plan"])
def test_where_nothing_runs_nothing_is_said(project: Project, summary_file: Path, flag: str) -> None:
    project.policy()
    assert annotations(project.gate(flag).stdout.str()) == []
    assert not summary_file.exists()


def test_nothing_elsewhere(project: Project, summary_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    project.leak()
    project.policy()
    assert annotations(project.gate().stdout.str()) == []
    assert not summary_file.exists()


def test_tb_no_keeps_names_of_pictures_out_of_the_log(project: Project, summary_file: Path) -> None:
    """As docs/ci.md says."""
    project.leak("secret.png", "p3/1.png")
    project.write("training/broken-secret.png", "no picture")
    project.policy("release.yaml", "leak_count", "leak_rate", "top_k_similarity", "identity_exposure")
    result = project.gate("--tb=no")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "secret" not in result.stdout.str()
    assert "p3" not in result.stdout.str()
