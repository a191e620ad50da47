"""A policy file → a `Policy`, or every problem in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from faceleak_check.errors import PolicyError
from faceleak_check.policy.cases import CaseBuilder
from faceleak_check.policy.datasets import build_datasets
from faceleak_check.policy.document import Document, WaiverKeys
from faceleak_check.policy.embedders import EmbedderRules, chosen_embedders
from faceleak_check.policy.indices import check_index
from faceleak_check.policy.networks import check_networks
from faceleak_check.policy.notes import recognise, unused_parts
from faceleak_check.policy.pinned import PinnedThresholds, how_to_pin, read_pinned
from faceleak_check.policy.presets import PolicyFileArgument
from faceleak_check.policy.rates import RateRules
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.screen_rules import build_hub, build_screens
from faceleak_check.policy.sets import SetRules
from faceleak_check.policy.source import Source, read_source
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.waivers import Waivers, read_waivers
from faceleak_check.policy.wording import quoted
from faceleak_check.presence import is_missing

__all__ = ["parse_argument", "parse_policy"]


def parse_policy(
    path: Path | str,
    *,
    shown_as: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    pinned: bool = True,
) -> Policy:
    """Read and check a policy; the datasets need not be there.

    Args:
        path: The file.
        shown_as: The file as the user named it; `path` where it is left out.
        folder: What relative paths in the policy start from; its own folder where it is left out.
        environment: Where ``${NAME}`` is looked up; the process's own where it is left out.
        pinned: Whether the file that ``thresholds`` names counts; not where it is to be written.

    Raises:
        PolicyError: With every problem of the file.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100  Path.absolute() keeps "..", which no report should show
    source = read_source(file, str(path) if shown_as is None else shown_as, environment)
    validator = Validator(source, folder or file.parent)
    document = validator.build(Document, source.data, ())
    datasets = build_datasets(validator)
    check_networks(validator)
    choices = {} if document is None else chosen_embedders(document)
    pins = pinned and "thresholds" in source.data
    thresholds = _thresholds(document, validator) if pins else None
    cases = CaseBuilder(
        validator,
        SetRules(validator, _names(source), datasets),
        EmbedderRules(validator, choices),
        RateRules(validator, pins=pins, pinned=thresholds),
    ).build(source.data.get("checks"))
    if document is not None:
        check_index(document.search, cases, validator)
    screens, hub = build_screens(validator), build_hub(validator)
    waivers = _waivers(document, validator)
    problems = {*source.problems, *validator.problems}
    if problems or document is None:
        raise PolicyError(problems)
    return Policy(
        name=document.name,
        description=document.description,
        path=file,
        shown_as=source.text.file,
        sha256=source.text.sha256,
        datasets=datasets,
        embedders=choices if {"embedder", "embedders"} & source.data.keys() or recognise(cases) else {},
        exclusions=document.exclusions,
        cases=cases,
        waivers=waivers,
        notes=(*source.notes, *unused_parts(source, datasets, cases)),
        screens=screens,
        hub=hub,
        thresholds=thresholds,
        search=document.search,
        execution=document.execution,
        licences=None if document.licences is None else document.licences.allow,
        standards=() if document.report is None else document.report.standards,
    )


def parse_argument(
    argument: PolicyFileArgument, environment: Mapping[str, str] | None = None, *, pinned: bool = True
) -> Policy:
    """Read and check a policy that the user asked for by name.

    Args:
        argument: What `resolve_policies` made of the user's words.
        environment: See `parse_policy`.
        pinned: See `parse_policy`.

    Raises:
        PolicyError: With every problem of the file.
    """
    return parse_policy(
        argument.path.resolve(),
        shown_as=argument.shown_as,
        folder=argument.folder,
        environment=environment,
        pinned=pinned,
    )


def _names(source: Source) -> list[str] | None:
    """The names under ``datasets``, whether or not they are free of errors."""
    named = source.data.get("datasets")
    return list(named) if isinstance(named, dict) and ("datasets",) not in source.broken else None


def _waivers(document: Document | None, validator: Validator) -> Waivers:
    """What the policy's file of waivers holds; nothing where it names none."""
    if document is None or document.waivers is None:
        return Waivers()
    written, given = validator.source.data["waivers"], document.waivers
    keys = given if isinstance(given, WaiverKeys) else WaiverKeys(file=given)
    is_mapping = isinstance(written, dict)
    shown_as = str(written["file"] if is_mapping else written)
    if is_missing(keys.file):
        message = f"the waivers file {quoted(shown_as)} does not exist; correct it or leave it out"
        validator.report(("waivers", "file") if is_mapping else ("waivers",), message)
        return Waivers()
    try:
        return read_waivers(keys.file, shown_as, on_expired=keys.on_expired, on_unmatched=keys.on_unmatched)
    except PolicyError as error:
        validator.problems += error.problems
        return Waivers()


def _thresholds(document: Document | None, validator: Validator) -> PinnedThresholds | None:
    """What the policy's file of thresholds holds; None where it cannot be read."""
    if document is None or document.thresholds is None:
        return None
    shown_as = str(validator.source.data["thresholds"])
    if is_missing(document.thresholds):
        advice = how_to_pin(validator.source.text.file, document.thresholds)
        message = f"the thresholds file {quoted(shown_as)} does not exist; {advice}"
        validator.report(("thresholds",), message)
        return None
    try:
        return read_pinned(document.thresholds, shown_as)
    except PolicyError as error:
        validator.problems += error.problems
        return None
