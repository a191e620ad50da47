"""The page as one text: template, style, script and data, and nothing from anywhere else."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceleak_check.errors import EvidenceError
from faceleak_check.regular_files import read_regular
from faceleak_check.reports.names import RUN
from faceleak_check.reports.opening import Evidence
from faceleak_check.reports.page.headings import OUTCOME_WORDS
from faceleak_check.reports.page.pairs import N_FIRST, N_PRINTED, PairTable
from faceleak_check.reports.page.pictures import Pictures
from faceleak_check.reports.page.sections import PolicySection, policy_section
from faceleak_check.reports.page.words import cleaned, counted
from faceleak_check.reports.policy_records import WORST_FIRST
from faceleak_check.reports.thumbnails import N_PAIRS
from faceleak_check.short_digests import short
from faceleak_check.whole_files import remove_torn, write_whole

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["PageOptions", "build_page", "write_page"]

_SCRIPTS = ("pairs.js", "marks.js", "waivers.js", "table.js", "review.js", "main.js")
"""In the order in which they stand on the page, as one module."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageOptions:
    """What the page may hold.

    Attributes:
        thumbnails: Whether pictures are in it, as far as the run has kept them.
        blur_source: Whether those of real people are blurred.
    """

    thumbnails: bool = False
    blur_source: bool = False


def write_page(evidence: Evidence, page_file: Path, options: PageOptions) -> None:
    """Writes the page of some evidence, whole or not at all, for its owner alone.

    Args:
        evidence: What it shows.
        page_file: The file to write.
        options: What the page may hold.

    Raises:
        EvidenceError: A table of pairs is not the one that the evidence names, or the page cannot be written.
    """
    page = build_page(evidence, options).encode("utf-8")
    try:
        remove_torn(page_file)
        write_whole(page_file, page)
    except OSError as error:
        raise EvidenceError(
            f"the report page cannot be written: {error.strerror or type(error).__name__}",
            detail=f"{page_file}: free some space, or write it elsewhere: faceleak report {evidence.file} --write FILE",
        ) from None


def build_page(evidence: Evidence, options: PageOptions) -> str:
    """The page of some evidence.

    Args:
        evidence: What it shows.
        options: What it may hold.

    Raises:
        EvidenceError: A table of pairs is not the one that the evidence names.
    """
    pictures = Pictures(evidence.folder if options.thumbnails else None, blur_real=options.blur_source)
    policies = [policy_section(evidence, place, pictures) for place in range(len(evidence.data["policies"]))]
    return _rendered(_context(evidence, policies, pictures))


_COLUMNS = (
    ("generated", "Generated image"),
    ("source", "Source image"),
    ("person", "Person"),
    ("cosine", "Cosine"),
    ("chance", "By chance"),
    ("kind", "Kind"),
    ("status", "Outcome"),
    ("mark", "Review"),
)
"""Of the tables of pairs: what the script calls a column, and its title."""


def _parts(policy: PolicySection) -> Iterator[tuple[str, str]]:
    """The sections of a policy that are there: the end of the id, and the title."""
    yield "verdicts", "Verdicts"
    if policy.drawings or policy.canaries:
        yield "figures", "Figures"
    yield "pairs", "Leaks and similar pairs"
    if policy.tables or policy.waivers.file:
        yield "review", "Review"
    yield "left-out", "What was left out"
    yield "method", "Method"
    if policy.standards:
        yield "standards", "Standards"


def _context(evidence: Evidence, policies: list[PolicySection], pictures: Pictures) -> Mapping[str, Any]:
    outcomes = {policy.outcome for policy in policies}
    return {
        "title": _title(policies),
        "outcome": next((outcome for outcome in WORST_FIRST if outcome in outcomes), "inconclusive"),
        "policies": policies,
        "tools": cleaned(evidence.data["tools"]),
        "evidence": evidence,
        "evidence_sha256": evidence.data["sha256"] or evidence.sha256,
        "run": _run(evidence.folder),
        "pictures": pictures,
        "pictures_json": json.dumps(list(pictures.uris), separators=(",", ":")).replace("<", "\\u003c"),
        "badges": OUTCOME_WORDS,
        "counted": counted,
        "policy_parts": _parts,
        "columns": _COLUMNS,
        "n_printed": N_PRINTED,
        "n_pictured": N_PAIRS,
    }


def _title(policies: list[PolicySection]) -> str:
    return (
        f"Privacy report: {policies[0].name}"
        if len(policies) == 1
        else f"Privacy report on {len(policies)} policies"
    )


def _run(folder: Path) -> str:
    """When the run was, as the file beside the evidence says; empty where that is not there or not whole."""
    try:
        told = json.loads(read_regular(folder / RUN))
        began, ended = (
            datetime.fromisoformat(told[name]).astimezone(UTC) for name in ("started", "finished")
        )
    except (OSError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return ""
    same_day = began.date() == ended.date()
    return f"{began:%Y-%m-%d %H:%M:%S} to {ended:{'' if same_day else '%Y-%m-%d '}%H:%M:%S} UTC"


@functools.cache
def _page() -> Template:
    """The page's template; several runs in one process compile it once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("faceleak_check.reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["as_svg"] = environment.filters["as_json"] = Markup
    environment.filters["first_rows"] = _first_rows
    environment.filters["short"] = short
    return environment.get_template("page.html.jinja")


def _rendered(context: Mapping[str, Any]) -> str:
    from markupsafe import Markup

    assets = files("faceleak_check.reports.page") / "assets"
    script = "\n".join((assets / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return _page().render(
        context,
        style=Markup((assets / "page.css").read_text(encoding="utf-8")),  # noqa: S704 our own file
        script=Markup(script),  # noqa: S704 our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def _first_rows(table: PairTable) -> Any:
    return table.rows[:N_FIRST]
