"""A policy file → a `Policy`, or every problem in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from faceleak_check.errors import PolicyError
from faceleak_check.policy.cases import CaseBuilder
from faceleak_check.policy.datasets import build_datasets
from faceleak_check.policy.document import Document
from faceleak_check.policy.embedders import EmbedderRules, chosen_embedders
from faceleak_check.policy.networks import check_networks
from faceleak_check.policy.notes import unused_parts
from faceleak_check.policy.planned import planned_problems
from faceleak_check.policy.presets import PolicyFileArgument
from faceleak_check.policy.schema import Case, Dataset, Policy, ScreenRule
from faceleak_check.policy.screen_rules import build_screens
from faceleak_check.policy.sets import SetRules
from faceleak_check.policy.source import Source, read_source
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.waivers import Waivers, read_waivers
from faceleak_check.policy.wording import quoted

__all__ = ["parse_argument", "parse_policy"]


def parse_policy(
    path: Path | str,
    *,
    shown_as: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Policy:
    """Read and check a policy; the datasets need not be there.

    Args:
        path: The file.
        shown_as: The file as the user named it; `path` where it is left out.
        folder: What relative paths in the policy start from; its own folder where it is left out.
        environment: Where ``${NAME}`` is looked up; the process's own where it is left out.

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
    sets, embedders = SetRules(validator, _names(source), datasets), EmbedderRules(validator, choices)
    cases = CaseBuilder(validator, sets, embedders).build(source.data.get("checks"))
    screens = build_screens(validator)
    waivers = _waivers(document, validator)
    problems = {*source.problems, *validator.problems, *planned_problems(source)}
    if problems or document is None:
        raise PolicyError(problems)
    return _policy(document, file, source, datasets, cases, screens, waivers)


def parse_argument(argument: PolicyFileArgument, environment: Mapping[str, str] | None = None) -> Policy:
    """Read and check a policy that the user asked for by name.

    Args:
        argument: What `resolve_policies` made of the user's words.
        environment: See `parse_policy`.

    Raises:
        PolicyError: With every problem of the file.
    """
    return parse_policy(
        argument.path.resolve(), shown_as=argument.shown_as, folder=argument.folder, environment=environment
    )


def _names(source: Source) -> list[str] | None:
    """The names under ``datasets``, whether or not they are free of errors."""
    named = source.data.get("datasets")
    return list(named) if isinstance(named, dict) and ("datasets",) not in source.broken else None


def _waivers(document: Document | None, validator: Validator) -> Waivers:
    """What the policy's file of waivers holds; nothing where it names none."""
    if document is None or document.waivers is None:
        return Waivers()
    shown_as = str(validator.source.data["waivers"])
    if not document.waivers.exists():
        message = f"the waivers file {quoted(shown_as)} does not exist; correct it or leave it out"
        validator.report(("waivers",), message)
        return Waivers()
    try:
        return read_waivers(document.waivers, shown_as)
    except PolicyError as error:
        validator.problems += error.problems
        return Waivers()


def _policy(
    document: Document,
    file: Path,
    source: Source,
    datasets: dict[str, Dataset],
    cases: tuple[Case, ...],
    screens: tuple[ScreenRule, ...],
    waivers: Waivers,
) -> Policy:
    has_embedder = {"embedder", "embedders"} & source.data.keys() or any(case.embedder for case in cases)
    return Policy(
        name=document.name,
        description=document.description,
        path=file,
        shown_as=source.text.file,
        sha256=source.text.sha256,
        datasets=datasets,
        embedders=chosen_embedders(document) if has_embedder else {},
        exclusions=document.exclusions,
        cases=cases,
        waivers=waivers,
        notes=(*source.notes, *unused_parts(source, datasets, cases)),
        screens=screens,
        licences=None if document.licences is None else document.licences.allow,
    )
