from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.source import Source, read_source

Problems = Callable[..., list[str]]

FORMS = "write ${NAME} or ${NAME:-default}, or $${ for the characters ${"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", 5),
        ('"${A}"', "5"),
        ("x${A}y", "x5y"),
        ("${MISSING:-0.1%}", "0.1%"),
        ("${MISSING:-10}", 10),
        ("${EMPTY:-true}", True),
        ("${A:-7}", 5),
        ("${A}${A}", 55),
        ("'${MISSING:-}'", ""),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$A", "$A"),
        ("${REFERENCE}", "${A}"),
        ("${MISSING:-a:-b}", "a:-b"),
    ],
)
def test_variables(read: Callable[..., Source], written: str, value: object) -> None:
    environment = {"A": "5", "EMPTY": "", "REFERENCE": "${A}"}
    source = read(f"a: {written}", environment)
    assert source.problems == ()
    assert source.data == {"a": value}
    assert type(source.data["a"]) is type(value)


def test_keys_hold_no_variables(read: Callable[..., Source]) -> None:
    assert read('"${A}": 1', {"A": "x"}).data == {"${A}": 1}


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELEAK_TEST_VARIABLE", "7")
    file = tmp_path / "p.yaml"
    file.write_text("a: ${FACELEAK_TEST_VARIABLE}")
    assert read_source(file, "p.yaml").data == {"a": 7}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "x ${UNSET}",
            (
                "p.yaml:1:6: a: the environment variable 'UNSET' is not set or is empty; "
                "set it (export UNSET=...) or write a default: ${UNSET:-...}"
            ),
        ),
        (
            '"${EMPTY}"',
            (
                "p.yaml:1:5: a: the environment variable 'EMPTY' is not set or is empty; "
                "set it (export EMPTY=...) or write a default: ${EMPTY:-...}"
            ),
        ),
        ("${A", f"p.yaml:1:4: a: '${{A' has no closing }}; {FORMS}"),
        ("${}", f"p.yaml:1:4: a: '${{}}' is not a variable: {FORMS}; a NAME has letters, digits and _"),
        ("${9}", f"p.yaml:1:4: a: '${{9}}' is not a variable: {FORMS}; a NAME has letters, digits and _"),
        ("${A-1}", f"p.yaml:1:4: a: '${{A-1}}' is not a variable: {FORMS}; a NAME has letters, digits and _"),
        (
            "${UNSET:-${A}}",
            f"p.yaml:1:4: a: '${{UNSET:-${{A}}' has a variable inside a variable, which is not supported; {FORMS}",
        ),
        ("${CONTROL}", "p.yaml:1:4: a: this text holds the character U+001B; take it out"),
        ("${BYTES}", "p.yaml:1:4: a: this text holds the character U+DCFF; take it out"),
        ("${UNSET:-}", "p.yaml:1:1: a: this key has no value; write one or take the key out"),
    ],
)
def test_variables_refused(yaml_problems: Problems, written: str, expected: str) -> None:
    environment = {"A": "5", "EMPTY": "", "CONTROL": "a\x1b", "BYTES": "a\udcff"}
    assert yaml_problems(f"a: {written}", environment) == [expected]


def test_all_variables_of_a_text_are_looked_at(yaml_problems: Problems) -> None:
    assert yaml_problems("a: ${X} ${Y}") == [
        (
            "p.yaml:1:4: a: the environment variable 'X' is not set or is empty; "
            "set it (export X=...) or write a default: ${X:-...}"
        ),
        (
            "p.yaml:1:9: a: the environment variable 'Y' is not set or is empty; "
            "set it (export Y=...) or write a default: ${Y:-...}"
        ),
    ]
