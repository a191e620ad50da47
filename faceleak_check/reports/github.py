"""What a run in GitHub Actions leaves there: a step summary, and annotations at the lines of the policies.

Annotations are workflow commands on standard output, escaped as GitHub's own toolkit does. No picture is named in
either: who may read a workflow run need not be who may see the data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceleak_check.errors import Problem
from faceleak_check.reports.layout import safe
from faceleak_check.reports.step_summary import step_summary
from faceleak_check.reports.waivers import fails, headline

__all__ = ["PolicyPlace", "inert", "tell_github"]

_SHOWN = 10
"""Annotations of one level that GitHub shows for a step; it drops the others without a word."""
_LEVELS = ("error", "warning", "notice")
_LEAKS_FIRST = ("leak", "invalid", "inconclusive", "not run", "waived", "pass")

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyPlace:
    """Where a policy and its cases stand.

    Attributes:
        path: The policy's file; None where it ships in the package.
        lines: Line of each case.
        problems: What is wrong in it.
    """

    path: Path | None
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Annotation:
    level: str
    outcome: str
    title: str
    message: str
    path: Path | None = None
    line: int | None = None


def tell_github(
    policies: Sequence[tuple[Record, PolicyPlace]],
    *,
    evidence: str,
    trouble: str = "",
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """Appends to the step summary, and says what to print; does nothing outside of GitHub Actions.

    Args:
        policies: The record of each policy, and where it stands.
        evidence: The evidence file as the user knows it.
        trouble: Why there is no evidence; empty where there is.
        environment: What tells that this is GitHub Actions, and where.

    Returns:
        A note where the summary cannot be written, and the annotations as workflow commands.
    """
    if not _on_github(environment):
        return []
    records = [record for record, _ in policies]
    note = _append(environment.get("GITHUB_STEP_SUMMARY"), records, evidence, trouble)
    found = [one for record, place in policies for one in _annotations(record, place)]
    if trouble:
        found.insert(0, _Annotation(level="error", outcome="leak", title="no evidence", message=trouble))
    root = Path(environment.get("GITHUB_WORKSPACE") or ".").resolve()
    return [*note, *(_command(one, root) for one in _as_many_as_are_shown(found))]


def inert(line: str, environment: Mapping[str, str] = os.environ) -> str:
    r"""The line, such that GitHub takes no part of it for a command of ours: files may be named ``##[error]x``."""
    if not _on_github(environment):
        return line
    line = line.replace("##[", "#\\x23[")
    return line.replace("::", ":\\x3a", 1) if line.lstrip().startswith("::") else line


def _on_github(environment: Mapping[str, str]) -> bool:
    return environment.get("GITHUB_ACTIONS") == "true"


def _append(file: str | None, records: Sequence[Record], evidence: str, trouble: str) -> Iterator[str]:
    if not file:
        return
    try:
        with Path(file).open("ab") as summary:
            # other tools may have written to it in this step; a file that can only be appended to has no size
            n_there = summary.tell() if summary.seekable() else 0
            summary.write(step_summary(records, evidence=evidence, trouble=trouble, n_there=n_there))
    except OSError as error:
        yield f"note: the step summary of GitHub cannot be written: {error.strerror or type(error).__name__}"


def _annotations(record: Record, place: PolicyPlace) -> Iterator[_Annotation]:
    for problem in place.problems:
        yield _Annotation(
            level="error",
            outcome="invalid",
            title=f"invalid policy {record['file']}",
            message=f"{problem.key}: {problem.public_message}" if problem.key else problem.public_message,
            path=_file_of(problem, record, place),
            line=problem.line,
        )
    if fails(record["waivers"]):
        yield _Annotation(
            level="error",
            outcome="inconclusive",
            title=f"waivers of {record['file']}",
            message=headline(record["waivers"]),
            path=place.path and place.path.parent / record["waivers"]["file"],
        )
    for case in record["cases"]:
        for level, message in _said_of(case):
            yield _at_case(level, case["outcome"], case["case"], message, place)
    for name in record["not_run"]:
        yield _at_case("warning", "not run", name, "The case was not run, so there is no verdict.", place)


def _file_of(problem: Problem, record: Record, place: PolicyPlace) -> Path | None:
    """The policy's own file, or a file that the policy names."""
    if place.path is None or problem.file == record["file"]:
        return place.path
    return place.path.parent / problem.file


def _said_of(record: Record) -> Iterator[tuple[str, str]]:
    outcome, reasons = record["outcome"], "\n".join(map(safe, record["reasons"]))
    if outcome in ("leak", "inconclusive"):
        yield "error", reasons
        return
    if outcome == "waived":
        yield "notice", reasons
    yield from (("warning", safe(warning)) for warning in record["warnings"])


def _at_case(level: str, outcome: str, case: str, message: str, place: PolicyPlace) -> _Annotation:
    return _Annotation(
        level=level,
        outcome=outcome,
        title=f"{outcome} {case}",
        message=message,
        path=place.path,
        line=place.lines.get(case),
    )


def _as_many_as_are_shown(found: Iterable[_Annotation]) -> Iterator[_Annotation]:
    """The worst of each level; where there are more of them the last one says so."""
    ordered = sorted(found, key=lambda one: _LEAKS_FIRST.index(one.outcome))
    for level in _LEVELS:
        of_level = [one for one in ordered if one.level == level]
        if len(of_level) <= _SHOWN:
            yield from of_level
            continue
        yield from of_level[: _SHOWN - 1]
        n_more = len(of_level) - _SHOWN + 1
        message = f"GitHub shows {_SHOWN} of a kind; the step summary and the evidence have all."
        yield _Annotation(level=level, outcome="pass", title=f"{n_more:,} more", message=message)


def _command(one: _Annotation, root: Path) -> str:
    properties = {"file": _relative(one.path, root), "title": f"faceleak-check: {one.title}"}
    if properties["file"] and one.line:
        properties["line"] = str(one.line)
    shown = ",".join(f"{name}={_property(text)}" for name, text in sorted(properties.items()) if text)
    return f"::{one.level} {shown}::{_data(one.message)}"


def _relative(path: Path | None, root: Path) -> str:
    """A file as GitHub names it; empty where it lies outside of the repository."""
    if path is None or not path.resolve().is_relative_to(root):
        return ""
    return path.resolve().relative_to(root).as_posix()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(safe(text)).replace(":", "%3A").replace(",", "%2C")
