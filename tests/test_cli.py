"""The ``faceleak`` command."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from faceleak_check.cli import main
from faceleak_check.policy.pinned import read_pinned
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


def test_help_begins_with_what_a_newcomer_needs(faceleak: Command) -> None:
    status, out, _ = faceleak("--help")
    assert status == 0
    panels: dict[str, list[str]] = {}
    for line in out.splitlines():
        title, command = re.match(r"╭─ (.*?) ─", line), re.match(r"│ (\w+) ", line)
        if title:
            panels[title[1]] = []
        elif command:
            panels[[*panels][-1]].append(command[1])
    assert {name: commands for name, commands in panels.items() if name != "Options"} == {
        "Start here": ["demo", "init", "validate"],
        "Before a release": ["calibrate", "embed", "doctor", "prefetch"],
        "After a run": ["report", "review", "quarantine", "verify"],
        "The rest": ["schema", "cache"],
    }
    assert [*panels] == ["Options", "Start here", "Before a release", "After a run", "The rest"]


def test_init_writes_a_policy_that_validates(faceleak: Command, tmp_path: Path) -> None:
    assert faceleak("init") == (
        0,
        "Wrote policies/release.yaml. Set its two paths, then run: pytest --faceleak-policy policies/release.yaml\n",
        "",
    )
    assert (tmp_path / "policies/release.yaml").read_text(encoding="utf-8").startswith("#")
    status, out, err = faceleak("validate", "policies/release.yaml")
    assert (status, err) == (0, "")
    assert out.endswith("policies/release.yaml: valid, 7 checks\n")


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
        (
            "faceleak: '/proc/no/where.yaml' cannot be written: No such file or directory; name another file, or free "
            "some space\n"
        ),
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
        (("waivers",), "policy/waivers.schema.json"),
        (("evidence",), "reports/evidence.schema.json"),
        (("statement",), "reports/statement.schema.json"),
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
    told = " ".join(err.replace("│", " ").split())
    assert "'pictures' is not one of 'policy', 'waivers', 'evidence', 'statement'." in told


@pytest.mark.needs("demo")
def test_demo_touches_no_folder_of_others(faceleak: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file.txt").write_text("mine", encoding="utf-8")
    assert faceleak("demo", "mine") == (
        2,
        "",
        "faceleak: mine exists and no demo made it: name another folder, as in: faceleak demo my-demo\n",
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file.txt"]


@pytest.mark.needs("demo")
def test_demo_where_nothing_can_be_written(faceleak: Command) -> None:
    assert faceleak("demo", "/proc/no/where") == (
        2,
        "",
        (
            "faceleak: /proc/no/where cannot be written: No such file or directory; name another folder, or free "
            "some space\n"
        ),
    )


# ---------------------------------------------------------------------------------------------- calibrate

RATES = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
  unseen: {path: unseen, labels: parent_folder}
embedder: {name: fake-pixels}
checks:
  - leak_rate: {generated: generated, source: training, control: unseen, threshold: {fpir: 2%}, at_most: 4%}
"""
FMR_TABLE = """\
fake-pixels: FMR, impostor pairs of 'training'
  12 people, 36 images, 594 comparisons; intervals of 95%
  0.1      cosine 0.089217, 0.0734 to 0.1050
  0.01     cosine 0.165065, 0.1412 to 0.1890, extrapolated
  0.001    cosine 0.214155, 0.1777 to 0.2506, extrapolated
  0.0001   cosine 0.253335, 0.2022 to 0.3044, extrapolated
  1e-05    a rate of 1e-05 is out of reach of 12 people: the lowest that they
           calibrate, by extrapolation, is 1.5e-05; add people or ask for a
           higher rate
  1e-06    a rate of 1e-06 is out of reach of 12 people: the lowest that they
           calibrate, by extrapolation, is 1.5e-05; add people or ask for a
           higher rate
"""
FPIR_TABLE = """\
fake-pixels: FPIR, people of 'unseen' against 'training'
  12 people, 36 images, 36 comparisons; intervals of 95%
  0.1      cosine 0.191491, 0.1720 to 0.2110, extrapolated
  0.02     cosine 0.213800, 0.1867 to 0.2409, extrapolated
  0.01     cosine 0.221423, 0.1918 to 0.2510, extrapolated
  0.001    cosine 0.242518, 0.2050 to 0.2800, extrapolated
"""


@pytest.fixture
def people(tmp_path: Path, write_set: Callable[..., Path]) -> Path:
    """12 people with three pictures each in the source, and as many others in the control; no generated set."""
    for seed, (folder, letter) in enumerate((("training", "p"), ("unseen", "u")), 2):
        names = [f"{letter}{person:02}/{n}.png" for person in range(12) for n in range(3)]
        write_set(tmp_path / folder, names, seed=seed)
    (tmp_path / "release.yaml").write_text(RATES, encoding="utf-8")
    return tmp_path


def test_calibrate_prints_the_table_of_both_rates(faceleak: Command, people: Path) -> None:
    """Without the generated set, which no threshold depends on, and with the rate that the policy asks for."""
    assert faceleak("calibrate", "release.yaml") == (0, f"{FMR_TABLE}\n{FPIR_TABLE}", "")
    assert sorted(path.name for path in people.iterdir()) == ["release.yaml", "training", "unseen"]


def test_calibrate_writes_what_a_policy_pins(faceleak: Command, people: Path) -> None:
    status, out, err = faceleak("calibrate", "release.yaml", "--write", "release.thresholds.yaml")
    assert (status, err) == (0, "")
    assert out == (
        f"{FMR_TABLE}\n{FPIR_TABLE}\n"
        "Wrote release.thresholds.yaml. Pin it in the policy: thresholds: release.thresholds.yaml\n"
    )
    pinned = read_pinned(people / "release.thresholds.yaml", "release.thresholds.yaml")
    assert [(one.kind, one.rate, one.cosine, one.dataset, one.source) for one in pinned.thresholds] == [
        ("fmr", 0.1, 0.089217, "training", ""),
        ("fmr", 0.01, 0.165065, "training", ""),
        ("fmr", 0.001, 0.214155, "training", ""),
        ("fmr", 0.0001, 0.253335, "training", ""),
        ("fpir", 0.1, 0.191491, "unseen", "training"),
        ("fpir", 0.02, 0.2138, "unseen", "training"),
        ("fpir", 0.01, 0.221423, "unseen", "training"),
        ("fpir", 0.001, 0.242518, "unseen", "training"),
    ]
    written = (people / "release.thresholds.yaml").read_bytes()
    (people / "release.yaml").write_text(f"{RATES}thresholds: release.thresholds.yaml\n", encoding="utf-8")
    assert faceleak("validate", "release.yaml")[0] == 0
    (people / "release.thresholds.yaml").unlink()  # a policy that pins it can make it
    assert faceleak("calibrate", "release.yaml", "--write", "release.thresholds.yaml")[0] == 0
    assert (people / "release.thresholds.yaml").read_bytes() == written


def test_calibrate_lists_those_who_seem_to_be_one_person(
    faceleak: Command, people: Path, write_set: Callable[..., Path]
) -> None:
    write_set(people / "training", ["twin/1.png"], seed=9)
    shutil.copy(people / "training/p03/1.png", people / "training/twin/2.png")
    shutil.copy(people / "training/p05/1.png", people / "training/p05/again.png")
    _, out, _ = faceleak("calibrate", "release.yaml")
    assert (
        "one person under two names" not in out
    )  # one content under two names is no secret: it has both labels
    picture = np.asarray(Image.open(people / "training/p03/1.png"))
    Image.fromarray(picture // 2 + 60).save(people / "training/twin/2.png")
    _, out, _ = faceleak("calibrate", "release.yaml")
    assert out.partition("\n\n")[0].splitlines()[-2:] == [
        "  left out, as they seem to show one person under two names: 1 pair of people",
        "    0.9942  p03/1.png  twin/2.png",
    ]


def test_calibrate_of_names_that_are_no_text(
    faceleak: Command, people: Path, write_set: Callable[..., Path]
) -> None:
    write_set(people / "training", ["\u202etwin/1.png"], seed=9)
    picture = np.asarray(Image.open(people / "training/p03/1.png"))
    Image.fromarray(picture // 2 + 60).save(people / "training/\u202etwin/\udcff.png")
    status, out, err = faceleak("calibrate", "release.yaml")
    assert (status, err) == (0, "")
    assert out.partition("\n\n")[0].splitlines()[-1] == r"    0.9942  p03/1.png  \u202etwin/\xff.png"


def test_calibrate_where_nothing_can_be_written(faceleak: Command, people: Path) -> None:
    status, _, err = faceleak("calibrate", "release.yaml", "--write", "/proc/no/where.yaml")
    assert (status, err) == (
        2,
        (
            "faceleak: /proc/no/where.yaml cannot be written: No such file or directory; choose another file, or "
            "free some space\n"
        ),
    )


def test_calibrate_of_a_folder_of_policies(faceleak: Command, people: Path) -> None:
    (people / "policies").mkdir()
    for name in ("a", "b"):
        shutil.copy(people / "release.yaml", people / f"policies/{name}.yaml")
    assert faceleak("calibrate", "policies") == (
        2,
        "",
        "faceleak: 'policies' holds 2 policies; name one of them\n",
    )


def test_calibrate_of_sets_that_name_nobody(faceleak: Command, people: Path) -> None:
    text = RATES.replace(", labels: parent_folder", "").replace("control: unseen, ", "")
    (people / "release.yaml").write_text(text.replace("fpir: 2%", "cosine: 0.9"), encoding="utf-8")
    assert faceleak("calibrate", "release.yaml") == (
        2,
        "",
        (
            "faceleak: no set of this policy can give a threshold\n"
            "Write `labels:` under the source, or name a labelled set with `calibration:` or a set of other people "
            "with `control:` in a check that has a threshold.\n"
        ),
    )


def test_calibrate_of_too_few_images_writes_nothing_to_pin(faceleak: Command, people: Path) -> None:
    for person in range(3, 12):
        shutil.rmtree(people / f"training/p{person:02}")
        shutil.rmtree(people / f"unseen/u{person:02}")
    text = RATES.replace("control: unseen, ", "").replace("fpir: 2%", "fmr: 1%")
    (people / "release.yaml").write_text(text, encoding="utf-8")
    assert faceleak("calibrate", "release.yaml", "--write", "release.thresholds.yaml")[0] == 2
    assert not (people / "release.thresholds.yaml").exists()


def test_calibrate_of_a_set_that_is_not_there(faceleak: Command, people: Path) -> None:
    shutil.rmtree(people / "unseen")
    assert faceleak("calibrate", "release.yaml") == (
        2,
        "",
        (
            "faceleak: dataset 'unseen' was not found\n"
            f"{people}/unseen (see datasets.unseen at line 6, column 3 of the policy)\n"
            "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder.\n"
        ),
    )


def test_calibrate_of_an_invalid_policy(faceleak: Command, people: Path) -> None:
    (people / "release.yaml").write_text(RATES.replace("2%", "2"), encoding="utf-8")
    assert faceleak("calibrate", "release.yaml") == (
        2,
        "",
        (
            "faceleak: release.yaml:9:92: checks[0].leak_rate.threshold.fpir: found 2, expected a share between 0 and "
            "1: write 2% or 0.02\n"
        ),
    )
