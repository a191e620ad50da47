"""The block that the plugin adds at the end of pytest's output."""

from __future__ import annotations

import pytest
from gate_project import ALL, NOTE_OF_PASSED, Project, summary
from rich.cells import cell_len


def test_every_kind_of_outcome(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", *ALL, "leak_count: threshold: {cosine: 0.9}, at_most: 2")
    text = project.policy("damaged.yaml", "leak_rate: threshold: {cosine: 0.9}, at_most: 20%").read_text()
    project.write("training2/broken.png", "no picture")
    project.write_set(project.path / "training2", ["a.png"], seed=5)
    project.write("damaged.yaml", text.replace("path: training, labels: parent_folder", "path: training2"))
    text = project.policy("missing.yaml").read_text(encoding="utf-8")
    project.write("missing.yaml", text.replace("path: generated", "path: nowhere"))
    result = project.run(
        *(f"--faceleak-policy={name}.yaml" for name in ("release", "damaged", "missing")),
        "--deselect",
        "release.yaml::leak_rate[generated-vs-training]",
    )
    result.assert_outcomes(passed=1, failed=3, errors=2, deselected=1)
    assert summary(result.stdout.str()) == (
        f"""\
release.yaml (release)
  outcome      case                                       value  limit
  LEAK         leak_count[generated-vs-training]              1  <= 0
  LEAK         identity_exposure[generated-vs-training]       1  <= 0
  LEAK         top_k_similarity[generated-vs-training]   1.0000  <= 0.9000
  PASS         leak_count[generated-vs-training#2]            1  <= 2
  NOT RUN      leak_rate[generated-vs-training]
{NOTE_OF_PASSED}
damaged.yaml (damaged)
  outcome      case                              value  limit
  INCONCLUSIVE leak_rate[generated-vs-training]     0%  <= 20%
               1 of 2 images of 'training' was left out (50%: 1 unreadable);
               exclusions.at_most allows 0%
               interval 95%: 0% to 35.4%
missing.yaml (missing)
  INCONCLUSIVE leak_count[generated-vs-training]
               dataset 'generated' was not found
evidence: faceleak-evidence/evidence.json"""
    )


def test_an_invalid_policy_and_those_that_it_kept_from_running(project: Project) -> None:
    project.policy("release.yaml", "leak_count: threshold: {cosine: 3}, at_most: 0")
    project.policy("other.yaml", "leak_count", "leak_rate")
    result = project.run("--faceleak-policy=release.yaml", "--faceleak-policy=other.yaml")
    assert summary(result.stdout.str()) == (
        """\
release.yaml
  INVALID      problems: 1, shown above
other.yaml (other)
  NOT RUN      leak_count[generated-vs-training]
  NOT RUN      leak_rate[generated-vs-training]
evidence: faceleak-evidence/evidence.json"""
    )


def test_it_stands_at_the_end_and_names_evidence_elsewhere_in_full(
    project: Project, tmp_path: object
) -> None:
    project.policy()
    result = project.gate("--faceleak-evidence", f"{tmp_path}/evi dence")
    assert result.outlines[-9:-1] == [
        "================================ faceleak-check ================================",
        "release.yaml (release)",
        "  outcome      case                               value  limit",
        "  PASS         leak_count[generated-vs-training]      0  <= 0",
        *NOTE_OF_PASSED.splitlines(),
        f"evidence: {tmp_path}/evi dence/evidence.json",
        f"report: {tmp_path}/evi dence/report.html",
    ]


def test_long_names_fit(project: Project) -> None:
    generated, source = "g" * 64, "t" * 64
    project.policy("release.yaml", "leak_count", "leak_rate")
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    text = text.replace("generated: {", f"{generated}: {{").replace("training: {", f"{source}: {{")
    text = text.replace("generated: generated", f"generated: {generated}")
    text = text.replace("source: training", f"source: {source}").replace(
        "name: release", f"name: {'n' * 100}"
    )
    project.write("release.yaml", text)
    lines = summary(project.gate("-k", "leak_count").stdout.str()).splitlines()
    assert lines == [
        "release.yaml",
        f"  outcome      case{' ' * 47}  value  limit",
        f"  PASS         leak_count[{'g' * 14}…{'t' * 24}]      0  <= 0",
        f"  NOT RUN      leak_rate[{'g' * 15}…{'t' * 24}]",
        *NOTE_OF_PASSED.splitlines(),
        "evidence: faceleak-evidence/evidence.json",
    ]
    assert max(map(cell_len, lines)) <= 80


@pytest.mark.parametrize("flag", ["-q", "-qq", "--tb=no"])
def test_quiet_runs_keep_it(project: Project, flag: str) -> None:
    project.policy()
    assert summary(project.gate(flag).stdout.str()) == (
        "release.yaml (release)\n"
        "  outcome      case                               value  limit\n"
        "  PASS         leak_count[generated-vs-training]      0  <= 0\n"
        f"{NOTE_OF_PASSED}\n"
        "evidence: faceleak-evidence/evidence.json"
    )


def test_a_note_on_the_policy_is_a_warning(project: Project) -> None:
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("datasets:\n", "datasets:\n  extra: {path: extra}\n"))
    result = project.gate("-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    note = "release.yaml: line 4: no check uses the dataset 'extra'"
    assert f"PolicyWarning: {note}" in result.stdout.str()
    result = project.gate("-W", "error")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert note in result.outlines
    assert "Traceback" not in result.stdout.str()
    assert ".py" not in "\n".join(result.outlines[result.outlines.index(note) :])


def test_colours_are_the_terminals_alone(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 2")
    output = project.gate("--color=yes").stdout.str()
    assert "\x1b[31m\x1b[1m  LEAK        \x1b[0m leak_count[generated-vs-training]        1  <= 0\n" in output
    assert "\x1b[32m\x1b[1m  PASS        \x1b[0m leak_count[generated-vs-training#2]      1  <= 2\n" in output
    assert "\x1b[31mLEAK: 1 of 7 generated images leaks; the policy allows at most 0\x1b[0m" in output
    assert "\x1b" not in (project.path / "out.xml").read_text(encoding="utf-8")
