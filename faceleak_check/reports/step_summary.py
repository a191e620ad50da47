"""All verdicts as the Markdown that GitHub shows beside a workflow run; no picture is named in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceleak_check.reports.figures import interval_text, limit_text, value_text
from faceleak_check.reports.layout import safe
from faceleak_check.reports.waivers import fails, headline, notes_on_waivers

__all__ = ["step_summary"]

_MOST_BYTES = 1024 * 1024
"""What GitHub takes of a step; of more it shows nothing at all."""
_MARKS = {"leak": "❌", "invalid": "❌", "inconclusive": "⚠️", "not run": "⚠️", "waived": "✅", "pass": "✅"}
_MARKUP = re.compile(r"""(?!(?<=\d)\.\d)[^\w\s%,=/()'"+;?-]|_""")
"""All that could be Markdown, HTML or a link; a point between digits is none."""

Record = Mapping[str, Any]


def step_summary(policies: Sequence[Record], *, evidence: str, trouble: str, n_there: int) -> bytes:
    """The summary, cut to what GitHub still takes.

    Args:
        policies: The records of policies.
        evidence: The evidence file as the user knows it.
        trouble: Why there is no evidence; empty where there is.
        n_there: Bytes that the file holds already.

    Returns:
        Markdown in UTF-8.
    """
    head = [f"\n\n## faceleak-check: {_outcomes(policies)}", ""]
    tail = ["", _where(evidence, trouble), "", _CLOSING]
    body = [line for policy in policies for line in _policy(policy)]
    room = _MOST_BYTES - n_there - len(_bytes([*head, _CUT, *tail]))
    kept = _that_fit(body, room)
    if room < 0:
        return b""
    return _bytes([*head, *kept, *([] if len(kept) == len(body) else [_CUT]), *tail])


_CUT = "\n**The rest is cut:** GitHub takes no more than 1 MiB of a step. The evidence has all."
_CLOSING = (
    "A pass says that this recogniser, at this threshold, on these images, finds no more than the policy allows. "
    "It does not say that nobody can be recognised. Inconclusive is never a pass."
)


def _that_fit(lines: Sequence[str], room: int) -> Sequence[str]:
    n_bytes = 0
    for n, line in enumerate(lines):
        n_bytes += len(_bytes([line]))
        if n_bytes > room:
            return lines[:n]
    return lines


def _bytes(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _outcomes(policies: Sequence[Record]) -> str:
    n = Counter(case["outcome"] for policy in policies for case in policy["cases"])
    n["not run"] = sum(len(policy["not_run"]) for policy in policies)
    n["invalid"] = sum(bool(policy["problems"]) for policy in policies)
    return ", ".join(f"{n[outcome]:,} {outcome}" for outcome in _MARKS if n[outcome]) or "nothing was run"


def _where(evidence: str, trouble: str) -> str:
    if trouble:
        return f"❌ There is no evidence: {_text(trouble)}"
    return f"The evidence lies in {_code(evidence)} on the machine that ran this. It names files: keep it private."


def _policy(policy: Record) -> Iterator[str]:
    name = f" ({_text(policy['name'])})" if policy["name"] else ""
    yield f"### {_text(policy['file'])}{name}: {'invalid' if policy['problems'] else policy['outcome']}"
    yield ""
    yield from (f"- ❌ {_text(problem)}" for problem in policy["problems"])
    if policy["cases"] or policy["not_run"]:
        yield "| outcome | case | value | limit | interval | compared |"
        yield "|---|---|---:|---|---|---|"
        yield from map(_row, policy["cases"])
        yield from (_cells("not run", case) for case in policy["not_run"])
    yield ""
    if fails(policy["waivers"]):
        yield f"- ⚠️ {_text(headline(policy['waivers']))}"
    yield from (f"- note: {_text(note)}" for note in notes_on_waivers(policy["waivers"]))
    for case in policy["cases"]:
        yield from _remarks(case)
    yield ""


def _row(case: Record) -> str:
    measured = case["measurement"]
    figures = [value_text(measured), limit_text(measured), interval_text(measured)] if measured else []
    return _cells(
        case["outcome"], case["case"], *figures, *[""] * (3 - len(figures)), _compared(case["sets"])
    )


def _cells(outcome: str, case: str, *others: str) -> str:
    cells = [f"{_MARKS[outcome]} {outcome}", _code(case), *map(_text, others)]
    return f"| {' | '.join(cells + [''] * (6 - len(cells)))} |"


def _compared(sets: Mapping[str, Record]) -> str:
    counts = {role: one["counts"] for role, one in sets.items()}
    return ", ".join(f"{role} {n['n_embedded']:,} of {n['n_seen']:,}" for role, n in counts.items())


def _remarks(case: Record) -> Iterator[str]:
    """Why a case did not pass, what is waived, and what else a reader must know."""
    if case["outcome"] != "pass":
        yield from (f"- {_code(case['case'])}: {_text(reason)}" for reason in case["reasons"])
    if case["waived"]:
        yield f"- {_code(case['case'])}: waived pairs: {len(case['waived']):,}"
    yield from (f"- {_code(case['case'])}: note: {_text(warning)}" for warning in case["warnings"])


def _text(text: str) -> str:
    """Any text as Markdown that shows it and does nothing else."""
    return _MARKUP.sub(lambda mark: f"&#{ord(mark[0])};", safe(text))


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"
