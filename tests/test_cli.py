"""The ``faceleak`` command."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from faceleak_check.cli import main
from faceleak_check.policy.presets import builtin_names

VALID = """\
version: 1
name: release
datasets:
  generated: {path: nowhere}
  training: {path: nowhere-else}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""
BUILTINS = ", ".join(builtin_names())


class Command:
    """Runs ``faceleak`` in this process, in a folder of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        self._monkeypatch.setattr(sys, "argv", ["faceleak", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        written = self._capsys.readouterr()
        return int(left.value.code or 0), written.out, written.err


@pytest.fixture
def faceleak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("GENERATED", raising=False)
    return Command(monkeypatch, capsys)


def test_version(faceleak: Command) -> None:
    assert faceleak("--version") == (0, f"faceleak-check {version('faceleak-check')}\n", "")


def test_init_writes_a_policy_that_validates(faceleak: Command, tmp_path: Path) -> None:
    assert faceleak("init") == (
        0,
        "Wrote policies/release.yaml. Set its two paths, then run: pytest --faceleak-policy policies/release.yaml\n",
        "",
    )
    assert (tmp_path / "policies/release.yaml").read_text(encoding="utf-8").startswith("#")
    status, out, err = faceleak("validate", "policies/release.yaml")
    assert (status, err) == (0, "")
    assert out.endswith("policies/release.yaml: valid, 4 checks\n")


def test_init_takes_a_name_and_overwrites_nothing(faceleak: Command, tmp_path: Path) -> None:
    assert faceleak("init", "mine.yaml")[0] == 0
    (tmp_path / "mine.yaml").write_text("mine", encoding="utf-8")
    assert faceleak("init", "mine.yaml") == (
        2,
        "",
        "faceleak: 'mine.yaml' is there already; name another file or take it away\n",
    )
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == "mine"


def test_init_where_nothing_can_be_written(faceleak: Command) -> None:
    assert faceleak("init", "/proc/no/where.yaml") == (
        2,
        "",
        "faceleak: '/proc/no/where.yaml' cannot be written: No such file or directory\n",
    )


def test_validate_looks_at_no_data(faceleak: Command, tmp_path: Path) -> None:
    (tmp_path / "release.yaml").write_text(VALID, encoding="utf-8")
    assert faceleak("validate", "release.yaml") == (0, "release.yaml: valid, 1 check\n", "")


def test_validate_tells_of_notes(faceleak: Command, tmp_path: Path) -> None:
    text = VALID.replace("datasets:\n", "datasets:\n  extra: {path: extra}\n")
    (tmp_path / "release.yaml").write_text(text, encoding="utf-8")
    assert faceleak("validate", "release.yaml") == (
        0,
        "release.yaml: note: line 4: no check uses the dataset 'extra'\nrelease.yaml: valid, 1 check\n",
        "",
    )


def test_validate_names_every_problem_of_every_policy(faceleak: Command, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(VALID, encoding="utf-8")
    (tmp_path / "one.yaml").write_text(VALID.replace("at_most: 0", "at_most: no"), encoding="utf-8")
    (tmp_path / "two.yaml").write_text(VALID.replace("version: 1", "version: 2"), encoding="utf-8")
    assert faceleak("validate", "good.yaml", "one.yaml", "two.yaml") == (
        1,
        "good.yaml: valid, 1 check\n",
        (
            "one.yaml:7:93: checks[0].leak_count.at_most: found the text 'no', "
            "expected a whole number of 0 or more\n"
            "two.yaml:1:10: version: found 2, expected 1; "
            "this policy is for a newer faceleak-check: upgrade it\n"
        ),
    )


def test_validate_takes_folders_and_builtin_names(faceleak: Command, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/a.yaml").write_text(VALID, encoding="utf-8")
    status, out, err = faceleak("validate", "policies", "builtin:quickstart")
    assert (status, out) == (1, "policies/a.yaml: valid, 1 check\n")
    assert err.splitlines()[0] == (
        "builtin:quickstart:14:22: datasets.generated.path: the environment variable 'GENERATED' is not set "
        "or is empty; set it (export GENERATED=...) or write a default: ${GENERATED:-...}"
    )


def test_validate_of_nothing(faceleak: Command, tmp_path: Path) -> None:
    assert faceleak("validate", "gone.yaml") == (
        2,
        "",
        (
            f"faceleak: there is no policy file or folder 'gone.yaml', looked for in {str(tmp_path)!r}; name a "
            f".yaml file, a folder of policies, or builtin:NAME with one of: {BUILTINS}\n"
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ((), "policy/policy.schema.json"),
        (("policy",), "policy/policy.schema.json"),
        (("evidence",), "reports/evidence.schema.json"),
    ],
)
def test_schema_prints_the_file_that_ships(faceleak: Command, arguments: tuple[str, ...], file: str) -> None:
    status, out, err = faceleak("schema", *arguments)
    assert (status, err) == (0, "")
    assert out == (files("faceleak_check") / file).read_text(encoding="utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_schema_of_something_else(faceleak: Command) -> None:
    status, out, err = faceleak("schema", "pictures")
    assert (status, out) == (2, "")
    assert "'pictures' is not one of 'policy', 'evidence'." in err


def test_demo_touches_no_folder_of_others(faceleak: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file.txt").write_text("mine", encoding="utf-8")
    assert faceleak("demo", "mine") == (
        2,
        "",
        "faceleak: mine exists and no demo made it: name another folder, as in: faceleak demo my-demo\n",
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file.txt"]


def test_demo_where_nothing_can_be_written(faceleak: Command) -> None:
    assert faceleak("demo", "/proc/no/where") == (
        2,
        "",
        "faceleak: /proc/no/where cannot be written: No such file or directory\n",
    )
