"""docs/extending.md, word for word: its code is the example's, and its commands give what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from gate_project import summary
from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
HERE = "docs/examples/faceleak-example-parts"
EXAMPLE = ROOT / HERE
INSTALL = f"pip install {HERE}"
PROGRAMS = {
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    "python": [sys.executable],
    "faceleak": [sys.executable, "-c", "from faceleak_check.cli import main; main()"],
}
SHOWN = [
    "pyproject.toml",
    "demo/release.yaml",
    *(
        f"{folder}/{name}.py"
        for part in ("images_per_person", "sqlite", "projection", "blur")
        for folder, name in (("faceleak_example_parts", part), ("tests", f"test_{part}"))
    ),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[int, str]]:
    """Status and output of each command of the page, in their order; under ``demo`` the folder of the last ones."""
    for tool in ("pip", "setuptools"):
        if find_spec(tool) is None:
            pytest.skip(f"needs {tool}, which is not in this environment, to install the example")
    folder = tmp_path_factory.mktemp("checkout")
    # a build leaves folders beside the source
    shutil.copytree(
        EXAMPLE, folder / HERE, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    )
    installed = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    to = ["--no-deps", "--no-build-isolation", "--target", str(installed)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)]),
        "FACELEAK_STORE": str(folder / "store"),
        "COLUMNS": "80",
    }
    found: dict[str, tuple[int, str]] = {}
    for line in blocks("sh")[0].splitlines():
        command, _, target = line.partition(" > ")
        program, *words = shlex.split(command)
        if program == "cd":
            folder /= words[0]
            continue
        called = [*pip, *to, words[1]] if line == INSTALL else [*PROGRAMS[program], *words]
        done = subprocess.run(
            called, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        found[line] = done.returncode, done.stdout + done.stderr
        if target:
            (folder / target).write_text(done.stdout, encoding="utf-8")
    found["demo"] = 0, str(folder)
    return found


def demo(ran: Mapping[str, tuple[int, str]]) -> Path:
    return Path(ran["demo"][1])


def evidence(ran: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    text = (demo(ran) / "faceleak-evidence" / "evidence.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("file", SHOWN)
def test_the_code_that_is_shown_is_the_code_of_the_example(file: str) -> None:
    text = (EXAMPLE / file).read_text(encoding="utf-8")
    language = {".py": "python", ".toml": "toml", ".yaml": "yaml"}[Path(file).suffix]
    assert f"`{file}`:\n\n```{language}\n{text}```" in PAGE


def test_each_part_is_one_small_file_and_one_test() -> None:
    files = [
        *EXAMPLE.glob("faceleak_example_parts/*.py"),
        *EXAMPLE.glob("tests/*.py"),
        *EXAMPLE.glob("demo/*.yaml"),
    ]
    shown = {file.relative_to(EXAMPLE).as_posix() for file in files if file.name != "__init__.py"}
    assert shown | {"pyproject.toml"} == set(SHOWN)
    assert max(len(file.read_text(encoding="utf-8").splitlines()) for file in files) <= 90


def test_every_command_ends_as_the_page_says(ran: Mapping[str, tuple[int, str]]) -> None:
    statuses = {line: status for line, (status, _) in ran.items()}
    assert statuses == {
        INSTALL: 0,
        f"pytest {HERE}": 0,
        "python make_sets.py": 0,
        "pytest --faceleak-policy release.yaml --junitxml=faceleak.xml": 1,
        "faceleak doctor example-projection example-blur": 0,
        "faceleak schema > policy.schema.json": 0,
        "demo": 0,
    }
    assert re.search(r"^=+ 7 passed in", ran[f"pytest {HERE}"][1], re.MULTILINE)


def test_the_summary_and_doctor_say_what_the_page_shows(ran: Mapping[str, tuple[int, str]]) -> None:
    told, doctor, _ = blocks("text")
    gate = ran["pytest --faceleak-policy release.yaml --junitxml=faceleak.xml"][1]
    assert summary(gate) == told.rstrip()
    lines = ran["faceleak doctor example-projection example-blur"][1].splitlines()
    assert lines[1:] == doctor.splitlines()  # the first one names this machine's devices


def test_the_evidence_says_whose_parts_had_a_say(ran: Mapping[str, tuple[int, str]]) -> None:
    found = evidence(ran)
    schema = json.loads((ROOT / "faceleak_check/reports/evidence.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema)
    assert found["tools"]["faceleak-example-parts"] == "1.0"
    most, rate = found["policies"][0]["cases"]
    assert (most["outcome"], most["measurement"]["value"], rate["outcome"]) == ("leak", 3, "pass")
    assert (most["embedder"]["name"], most["embedder"]["dimension"]) == ("example-projection", 64)
    assert most["sets"]["source"]["reading"] == {
        "format": "example-sqlite",
        "columns": {"table": "faces"},
        "templates": False,
    }
    assert rate["screens"][0]["methods"][0]["method"] == "example-blur"
    assert rate["sets"]["generated"]["counts"]["n_excluded"] == {"blurred": 1}


def test_junit_and_page_name_them_too(ran: Mapping[str, tuple[int, str]]) -> None:
    properties = {
        one.get("name"): one.get("value")
        for one in etree.parse(demo(ran) / "faceleak.xml").getroot().iter("property")
    }
    assert properties["faceleak.embedder"] == "example-projection"
    assert properties["faceleak.screen.blurred.example-blur"] == "variance of the Laplacian"
    page = (demo(ran) / "faceleak-evidence" / "report.html").read_text(encoding="utf-8")
    for words in (
        "The real person who comes back most often",
        "How many generated images are matches of one and the same person of the source set?",
        "How many people come back: it looks at the one with the most images alone.",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", []),
        (
            "table: faces",
            "tabel: faces",
            ["Additional properties are not allowed ('tabel' was unexpected)"],
        ),
        (
            "at_most: 2}",
            "at_mots: 2}",
            [
                "'at_most' is a required property",
                "Additional properties are not allowed ('at_mots' was unexpected)",
            ],
        ),
        (
            "method: example-blur",
            "method: example-blur, half: 0",
            ["{'method': 'example-blur', 'half': 0} is not valid under any of the given schemas"],
        ),
    ],
)
def test_an_editor_knows_their_keys(
    ran: Mapping[str, tuple[int, str]], before: str, after: str, expected: list[str]
) -> None:
    schema = json.loads((demo(ran) / "policy.schema.json").read_text(encoding="utf-8"))
    policy = yaml.safe_load(
        (EXAMPLE / "demo/release.yaml").read_text(encoding="utf-8").replace(before, after)
    )
    found = jsonschema.Draft202012Validator(schema).iter_errors(policy)
    assert sorted(error.message for error in found) == expected
