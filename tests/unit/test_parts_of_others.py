"""What other packages bring: what doctor, schema and policies say of it, whole or broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from broken_parts import Check, Table

from faceleak_check.doctor import examine, fetch, part_named, parts_that_ship
from faceleak_check.errors import PolicyError, UsageError
from faceleak_check.policy.json_schema import build_schema
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.schema import Policy
from faceleak_check.registry import CHECKS, EMBEDDERS, READERS, SCREENS, Registry, brought_by_others
from faceleak_check.reports.about import about_of
from faceleak_check.reports.reading import dataset_at, reading_record

INSTALLED: Mapping[str, tuple[Registry, tuple[str, ...]]] = {
    "checks": (CHECKS, ("NanValue", "NoClass")),
    "embedders": (EMBEDDERS, ("Unmade", "Unloaded", "Disguised")),
    "readers": (READERS, ("Tabled", "Careful", "Nameless", "LooseOptions", "Gone")),
    "screens": (SCREENS, ("UnmadeScreen", "Demanding", "OverOne", "Gone")),
}
FAULT = "It is a fault of the part, and not of policy or data: tell its author."
POLICY = """\
version: 1
name: p
datasets:
  generated: {path: gen}
  training: {path: train, %s}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""

Problems = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of `broken_parts` as they would be found if pip had installed them."""
    for group, (registry, names) in INSTALLED.items():
        found = {
            name: [EntryPoint(name, f"broken_parts:{name}", f"faceleak_check.{group}")] for name in names
        }
        monkeypatch.setitem(registry.__dict__, "_third_party", found)


@pytest.fixture
def parsed(tmp_path: Path) -> Callable[[str], Policy]:
    def parse(dataset: str) -> Policy:
        file = tmp_path / "p.yaml"
        file.write_text(POLICY % dataset, encoding="utf-8")
        return parse_policy(file, shown_as="p.yaml", environment={})

    return parse


@pytest.fixture
def problems(parsed: Callable[[str], Policy]) -> Problems:
    def found(dataset: str) -> list[str]:
        with pytest.raises(PolicyError) as error:
            parsed(dataset)
        return str(error.value).splitlines()

    return found


def told(name: str, ask: Callable[..., Any] = examine) -> tuple[str, str]:
    part = part_named(name)
    assert part is not None
    finding = ask(part)
    return finding.status, finding.sentence


@pytest.mark.parametrize("ask", [examine, fetch])
@pytest.mark.parametrize(
    ("name", "status", "sentence"),
    [
        ("OverOne", "ready", ""),
        ("Demanding", "yours", "a policy states its keys"),
        (
            "Gone",
            "broken",
            (
                "screen 'Gone' is installed as 'broken_parts:Gone' but cannot be imported: module 'broken_parts' "
                "has no attribute 'Gone'."
            ),
        ),
    ],
)
def test_doctor_on_screens(ask: Callable[..., Any], name: str, status: str, sentence: str) -> None:
    assert told(name, ask) == (status, sentence)


def test_doctor_on_parts_that_fail() -> None:
    status, sentence = told("Unloaded")
    assert status == "broken"
    assert sentence.startswith("embedder 'Unloaded' failed to be made (KeyError). broken_parts.py:")
    assert sentence.endswith(f"in load: KeyError: 'weights' {FAULT}")
    assert told("UnmadeScreen")[0] == "broken"


def test_doctor_lists_all_parts_whatever_becomes_of_them() -> None:
    listed = [part.name for part in parts_that_ship()]
    assert listed == [*EMBEDDERS, *SCREENS]


def test_the_schema_knows_what_can_be_used_and_passes_over_what_cannot() -> None:
    assert {"NanValue", "Tabled", "Unmade", "OverOne"} <= set(brought_by_others())
    schema = build_schema()
    checks = schema["properties"]["checks"]["items"]["properties"]
    assert "NanValue" in checks
    assert "NoClass" not in checks
    rules = schema["$defs"]["DatasetKeys"]["allOf"]
    options = [one["then"]["properties"] for one in rules if "options" in one["then"]["properties"]]
    assert options == [{"options": {"$ref": "#/$defs/Table"}}]
    assert schema["$defs"]["Table"]["required"] == ["table"]
    assert schema["$defs"]["Table"]["properties"]["first"]["description"] == "Number of the first row."


def test_options_of_a_format(parsed: Callable[[str], Policy]) -> None:
    training = parsed("format: Tabled, options: {table: faces, first: 3}").datasets["training"]
    assert training.options == Table(table="faces", first=3)
    record = reading_record(training)
    assert record == {"format": "Tabled", "columns": {"table": "faces", "first": "3"}, "templates": False}
    again = dataset_at(Path("/elsewhere"), "training", record)
    assert (again.options, again.format, again.arrays) == (training.options, "Tabled", None)
    with pytest.raises(UsageError) as error:
        dataset_at(Path("/elsewhere"), "training", {**record, "columns": {"tabel": "faces"}})
    assert str(error.value) == (
        "format 'Tabled' has other options here than {'tabel': 'faces'}; install the package that the test used"
    )


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        (
            "format: Tabled",
            "p.yaml:5:3: datasets.training: missing key 'options', in which format 'Tabled' needs: table",
        ),
        (
            "format: Tabled, options: {tabel: faces}",
            (
                "p.yaml:5:53: datasets.training.options: unknown key 'tabel' (did you mean 'table'?); "
                "expected: table, first"
            ),
        ),
        (
            "format: Careful, options: {table: faces}",
            "p.yaml:5:44: datasets.training.options: format 'Careful' has no options; take 'options' out",
        ),
        (
            "options: {}",
            "p.yaml:5:27: datasets.training.options: format 'folder' has no options; take 'options' out",
        ),
        (
            "format: LooseOptions",
            (
                "p.yaml:5:35: datasets.training.format: this reader of another package has 'options' that are not "
                "made with check_keys"
            ),
        ),
        (
            "format: Careful, labels: own",
            (
                "p.yaml:5:52: datasets.training.labels: format: Careful has no labels of its own; write "
                "'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.training"
            ),
        ),
    ],
)
def test_keys_that_a_format_has_not(problems: Problems, dataset: str, problem: str) -> None:
    assert problems(dataset) == [problem]


def test_a_format_may_name_people(parsed: Callable[[str], Policy]) -> None:
    assert parsed("format: Nameless, labels: own").datasets["training"].is_labelled


def test_a_check_that_says_nothing_of_itself_is_called_by_its_name() -> None:
    """As one of a package that is not installed where the page is made."""
    assert about_of("worst_of_all").title == "Worst of all"
    assert (about_of("worst_of_all").kind, about_of("worst_of_all").question) == (None, "")
    assert about_of("NanValue") == Check.about
