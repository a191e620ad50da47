"""Somebody names files and people so that whoever reads of them is misled: a browser, a spreadsheet, a terminal, CI."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from faceleak_command import Faceleak, talk
from gate_project import Project
from lxml import etree, html
from witness import Witness, commands

NAMES = (
    "\x1b]8;;http://evil.invalid\x07click\x1b]8;;\x07.png",
    "\x1b]52;c;b3duZWQ=\x07.png",
    "\x1b]0;title\x07\x1b[2J\x9b31m.png",
    "\u202egnp.exe\u2066.png",
    "=cmd|' C'!A0.png",
    "@SUM(1+1).png",
    "two\r\nlines\n::error file=x::owned.png",
    "]]>&<!--.png",
    os.fsdecode(b"\xff\xfe.png"),
    "${DEPLOY_TOKEN}${{ secrets.TOKEN }}.png",
    "`id`$(id);rm -rf *.png",
    "|<img src=x onerror=owned()>|[a](javascript:owned()).png",
)
FOLDER = "<script>owned()<"
"""With a file ``script>.png`` in it: their path holds an element of HTML."""


@pytest.fixture
def summary(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where GitHub would have its summary of a step."""
    file = project.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    return file


def test_names_command_nothing_wherever_they_are_shown(
    project: Project, witness: Witness, faceleak: Faceleak, summary: Path
) -> None:
    for n, name in enumerate((*NAMES, f"{FOLDER}/script>.png")):
        person = name.removesuffix(".png").replace("/", "")
        project.write_set(project.path / "training", [f"{person}/1.png"], seed=100 + n)
        project.leak(name, f"{person}/1.png")
    project.policy()
    result = project.gate()
    output = f"{result.stdout}{result.stderr}"
    assert result.ret == 1
    assert commands(output) == set()
    junit = (project.path / "out.xml").read_text(encoding="utf-8")
    assert etree.fromstring(junit.encode()).find(".//failure") is not None
    assert not any(name[:6] in junit for name in NAMES)
    witness.assert_unharmed(output)
    _look_at_the_page(project)
    _look_at_the_summary(summary.read_text(encoding="utf-8"), output)
    _look_at_lists(project, faceleak)
    _look_at_the_review(project)
    status, out, err = faceleak("verify", "faceleak-evidence", "--generated", "generated")
    assert (status, commands(out + err)) == (0, set())
    witness.assert_unharmed(out, err)


def _look_at_the_page(project: Project) -> None:
    page = (project.path / "faceleak-evidence" / "report.html").read_text(encoding="utf-8")
    assert commands(page) <= {"\xa0"}
    scripts = html.fromstring(page).xpath("//script")
    assert [script for script in scripts if (script.text or "").startswith("owned")] == []
    assert html.fromstring(page).xpath("//img[@src='x']|//@onerror|//a[contains(@href, 'javascript')]") == []


def _look_at_the_summary(text: str, output: str) -> None:
    assert commands(text) == set()
    assert [line for line in (text + output).splitlines() if line.startswith("::") and "owned" in line] == []
    assert "${{" not in text
    assert "<script>" not in text
    assert "<img" not in text


def _look_at_lists(project: Project, faceleak: Faceleak) -> None:
    status, out, err = faceleak("quarantine", "faceleak-evidence", "--csv", "list.csv")
    assert (status, commands(out + err)) == (0, set())
    assert len(out.splitlines()) == len(NAMES) + 1
    text = (project.path / "list.csv").read_text(encoding="utf-8")
    assert commands(text) == set()
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(NAMES) + 2
    assert [cell for row in rows for cell in row if cell.lstrip(" ").startswith(tuple("=+-@"))] == []


def _look_at_the_review(project: Project) -> None:
    """Each leak is shown in a real terminal, and accepted."""
    arguments = ["review", "faceleak-evidence", "--owner", "A. Reviewer"]
    status, shown = talk(project.path, arguments, ["n", "by eye", *["n", ""] * len(NAMES)])
    assert status == 0
    assert commands(shown) == set()
    written = (project.path / "release.waivers.yaml").read_text(encoding="utf-8")
    assert (written.count("- generated:"), commands(written)) == (len(NAMES) + 1, set())
