"""What the page shows of a policy, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceleak_check.reports.opening import Evidence, pairs_of
from faceleak_check.reports.page.figures import CanaryTable, Drawing, canary_tables, drawings
from faceleak_check.reports.page.headings import POLICY_WORDS
from faceleak_check.reports.page.left_out import HubRow, LeftOut, hub_rows, left_out
from faceleak_check.reports.page.method import Method, method_of
from faceleak_check.reports.page.pairs import N_HELD, PairTable, merged, pair_table
from faceleak_check.reports.page.pictures import Pictures
from faceleak_check.reports.page.standards import StandardTopic, standard_tables
from faceleak_check.reports.page.verdicts import VerdictCard, verdict_card
from faceleak_check.reports.page.waivers import WaiverSection, waiver_section
from faceleak_check.reports.page.words import cleaned, counted

__all__ = ["PolicySection", "policy_section"]

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySection:
    """What the page shows of a policy; `id` is the start of every id of an element in it."""

    id: str
    name: str
    file: str
    description: str
    sha256: str
    outcome: str
    sentence: str
    tally: str
    problems: tuple[str, ...]
    not_run: tuple[str, ...]
    cards: tuple[VerdictCard, ...]
    drawings: tuple[Drawing, ...]
    canaries: tuple[CanaryTable, ...]
    tables: tuple[PairTable, ...]
    waivers: WaiverSection
    left_out: tuple[LeftOut, ...]
    hubs: tuple[HubRow, ...]
    method: Method
    standards: Mapping[str, tuple[StandardTopic, ...]]


def policy_section(evidence: Evidence, place: int, pictures: Pictures) -> PolicySection:
    """The section of a policy.

    Args:
        evidence: The evidence, its names as they were written.
        place: Which of its policies, from 0.
        pictures: Takes in the pictures of the section.

    Raises:
        EvidenceError: A table of pairs is not the one that the evidence names.
    """
    written = evidence.data["policies"][place]
    # the table of pairs is looked up by the names that were written, and shown by those that do no harm
    tables = [
        pair_table(cleaned(case), cleaned(pairs_of(evidence, case, most=N_HELD)), pictures)
        for case in written["cases"]
    ]
    policy = cleaned(written)
    cases: Sequence[Record] = policy["cases"]
    return PolicySection(
        id=f"policy-{place + 1}",
        name=policy["name"] or policy["file"],
        file=policy["file"],
        description=policy["description"] or "",
        sha256=policy["sha256"] or "",
        outcome=policy["outcome"],
        sentence=_sentence(policy),
        tally=_tally(policy),
        problems=tuple(policy["problems"]),
        not_run=tuple(policy["not_run"]),
        cards=tuple(verdict_card(case, cases) for case in cases),
        drawings=tuple(drawings(cases, f"policy-{place + 1}")),
        canaries=tuple(canary_tables(cases)),
        tables=merged([table for table in tables if table]),
        waivers=waiver_section(policy),
        left_out=left_out(cases, pictures),
        hubs=tuple(hub_rows(cases, pictures)),
        method=method_of(policy),
        standards=standard_tables(policy),
    )


def _sentence(policy: Record) -> str:
    if policy["problems"]:
        return "There is no verdict on this release: the policy itself is invalid, and nothing was run."
    return POLICY_WORDS[policy["outcome"]]


def _tally(policy: Record) -> str:
    """How many checks ended how, such as ``2 leak, 3 passed``."""
    words = {"leak": "found leaks", "inconclusive": "without a verdict", "waived": "waived", "pass": "passed"}
    counts = {
        word: sum(case["outcome"] == outcome for case in policy["cases"]) for outcome, word in words.items()
    }
    told = [f"{n:,} {word}" for word, n in counts.items() if n]
    if policy["not_run"]:
        told.append(f"{len(policy['not_run']):,} not run")
    n_checks = len(policy["cases"]) + len(policy["not_run"])
    return f"{counted(n_checks, 'check')}: {', '.join(told)}." if told else ""
