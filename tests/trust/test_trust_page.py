"""The page of what could be lost: every test that it names is there, and every test here is named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "trust.md"
HEAD = "| what could be lost | what happens | test |"
NAMED = re.compile(r"`(?:(?P<file>[\w/]+\.py)::)?(?P<test>test_\w+)`")


@cache
def _tests_in(file: Path) -> frozenset[str]:
    """The names of a file's test functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def rows() -> Iterator[tuple[str, ...]]:
    """The cells of each row of the page's tables."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line == HEAD:
            for row in lines[number + 2 :]:
                if not row.startswith("|"):
                    break
                yield tuple(cell.strip() for cell in row.strip("|").split("|"))


def files_of(named: re.Match[str]) -> list[Path]:
    """Where a test that a page names may be: in the file that it gives, and otherwise in this folder."""
    if named["file"] is None:
        return sorted(Path(__file__).parent.glob("test_*.py"))
    return [file for file in (ROOT / "tests").rglob("*.py") if f"/{file}".endswith(f"/{named['file']}")]


def test_every_test_that_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    absent = [
        named[0]
        for named in NAMED.finditer(text)
        if not any(named["test"] in _tests_in(file) for file in files_of(named))
    ]
    assert absent == []


def test_every_line_of_the_page_names_a_test() -> None:
    found = list(rows())
    assert len(found) > 10
    assert [row for row in found if len(row) != 3 or not all(row) or not NAMED.search(row[2])] == []


def test_every_test_here_stands_on_the_page() -> None:
    told = {named["test"] for named in NAMED.finditer(PAGE.read_text(encoding="utf-8"))}
    here = {name for file in Path(__file__).parent.glob("test_*.py") for name in _tests_in(file)}
    assert sorted(here - told) == []
