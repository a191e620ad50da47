"""No option that does nothing: for each key of a policy and each option, the test that fails without it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer
from every_key import TESTS

from faceleak_check.cli import app
from faceleak_check.plugin import pytest_addoption

ROOT = Path(__file__).parents[2]


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("faceleak_check.policy") / name).read_text(encoding="utf-8"))
    return found


def keys_of(name: str, top: str) -> Iterator[str]:
    """All keys of a JSON Schema, each behind the name of its shape."""
    whole = schema(name)
    for shape, told in {top: whole, **whole["$defs"]}.items():
        yield from (f"{shape}.{key}" for key in told.get("properties", {}))
        for other in told.get("anyOf", ()):
            if other.get("additionalProperties") is False:  # a form of its own, such as `any_of` of a screen
                yield from (f"{shape}.{key}" for key in other["properties"])


def options_of_pytest() -> Iterator[str]:
    class Seen:
        """Takes down what the plugin adds, in place of pytest's parser."""

        def __init__(self) -> None:
            self.names: list[str] = []

        def getgroup(self, *_: str) -> Seen:
            return self

        def addoption(self, name: str, **_: object) -> None:
            self.names.append(name)

        addini = addoption

    seen = Seen()
    pytest_addoption(seen)  # type: ignore[arg-type]
    yield from seen.names


def parameters_of(command: Any, words: str = "faceleak") -> Iterator[str]:
    """Arguments and options of the command and of the commands in it; those of typer's own completion are typer's."""
    yield from (
        f"{words} {one.opts[0]}" for one in command.params if not str(one.name).endswith("_completion")
    )
    for name, inner in getattr(command, "commands", {}).items():
        yield from parameters_of(inner, f"{words} {name}")


def test_every_key_and_every_option_has_its_test() -> None:
    there = [
        *keys_of("policy.schema.json", "Policy"),
        *keys_of("waivers.schema.json", "Waivers"),
        *options_of_pytest(),
        *parameters_of(typer.main.get_command(app)),
    ]
    assert sorted(TESTS) == sorted(there)


def test_every_test_of_a_key_is_there() -> None:
    functions = {
        file: {
            one.name for one in ast.parse((ROOT / file).read_text()).body if isinstance(one, ast.FunctionDef)
        }
        for file in {test.partition("::")[0] for test in TESTS.values()}
    }
    lost = [
        test for test in TESTS.values() if test.partition("::")[2] not in functions[test.partition("::")[0]]
    ]
    assert lost == []


def passes_without(key: str, test: str) -> bool:
    """Whether a test passes although the key is taken out of every policy, or off every command line.

    Also of those that the test runs in processes of their own.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "left_out_keys"]
    with TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text("import left_out_keys\n")
        folders = [str(ROOT), str(Path(__file__).parent), os.environ.get("PYTHONPATH")]
        own = {
            "PYTHONPATH": os.pathsep.join(filter(None, folders)),
            "FACELEAK_LEFT_OUT": key,
            "FACELEAK_LEFT_OUT_FOR_OTHERS": folder,
            "PYTEST_ADDOPTS": "",
        }
        ran = subprocess.run(
            [*command, test],
            cwd=ROOT,
            env=os.environ | own,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.returncode == 0


def test_without_its_key_a_test_fails(long: bool) -> None:
    """With ``--long`` for every key, which takes some ten minutes on two cores; else for one that is quick."""
    tried = [*TESTS] if long else ["Exclusions.at_most"]
    with ThreadPoolExecutor(2) as threads:
        found = threads.map(lambda key: passes_without(key, TESTS[key]), tried)
        in_vain = [key for key, passed in zip(tried, found, strict=True) if passed]
    assert in_vain == []


def test_without_a_key_that_it_does_not_know_a_test_passes(long: bool) -> None:
    """Or else a test could fail because something was left out, whatever it was."""
    keys = ["Exclusions.at_most"]
    if long:
        keys += ["faceleak report --write", "faceleak review --write", "Waiver.generated", "--faceleak-store"]
    assert [key for key in keys if not passes_without("faceleak embed --store", TESTS[key])] == []
