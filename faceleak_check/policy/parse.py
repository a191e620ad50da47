"""A policy file → a `Policy`, or every problem in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from faceleak_check.errors import PolicyError
from faceleak_check.policy.cases import CaseBuilder
from faceleak_check.policy.document import PUBLISHED_COLUMNS, DatasetKeys, Document
from faceleak_check.policy.planned import planned_problems
from faceleak_check.policy.presets import PolicyFileArgument
from faceleak_check.policy.schema import Case, Dataset, Labels, Policy
from faceleak_check.policy.sets import MATCHES, SetRules
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
    datasets = _datasets(validator)
    cases = CaseBuilder(validator, SetRules(validator, _names(source), datasets)).build(
        source.data.get("checks")
    )
    problems = {*source.problems, *validator.problems, *planned_problems(source)}
    waivers = Waivers()
    if document is not None and document.waivers is not None and not document.waivers.exists():
        message = f"the waivers file {quoted(str(source.data['waivers']))} does not exist; correct it or leave it out"
        problems.add(source.problem(("waivers",), message))
    elif document is not None and document.waivers is not None:
        try:
            waivers = read_waivers(document.waivers, str(source.data["waivers"]))
        except PolicyError as error:
            problems |= set(error.problems)
    if problems or document is None:
        raise PolicyError(problems)
    return _policy(document, file, source, datasets, cases, waivers)


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


def _datasets(validator: Validator) -> dict[str, Dataset]:
    named = validator.source.data.get("datasets")
    built = (
        {name: _dataset(name, keys, validator) for name, keys in named.items()}
        if isinstance(named, dict)
        else {}
    )
    return {name: dataset for name, dataset in built.items() if dataset is not None}


def _dataset(name: str, data: object, validator: Validator) -> Dataset | None:
    path = ("datasets", name)
    keys = validator.build(DatasetKeys, data, path)
    if keys is None or not isinstance(data, dict):
        return None
    is_list = keys.format == MATCHES
    if is_list and "labels" in data:
        message = (
            "a match list has no 'labels'; name its column of people with columns: {source_identity: ...}"
        )
        validator.report((*path, "labels"), message, at_key=True)
    if not is_list and keys.columns is not None:
        message = f"'columns' belong to a match list (format: matches), and this is format: {keys.format}"
        validator.report((*path, "columns"), message, at_key=True)
    line, column = validator.source.place(path)
    return Dataset(
        name=name,
        path=keys.path,
        format=keys.format,
        labels=_labels(keys),
        columns=(keys.columns or PUBLISHED_COLUMNS) if is_list else None,
        line=line,
        column=column,
    )


def _labels(keys: DatasetKeys) -> Labels:
    if isinstance(keys.labels, str):
        return Labels(kind=keys.labels)
    return Labels(kind="csv", csv=keys.labels.csv, image=keys.labels.image, identity=keys.labels.identity)


def _policy(
    document: Document,
    file: Path,
    source: Source,
    datasets: dict[str, Dataset],
    cases: tuple[Case, ...],
    waivers: Waivers,
) -> Policy:
    needs_embedder = any(case.matches is None for case in cases)
    return Policy(
        name=document.name,
        description=document.description,
        path=file,
        shown_as=source.text.file,
        sha256=source.text.sha256,
        datasets=datasets,
        embedder=document.embedder if needs_embedder else None,
        exclusions=document.exclusions,
        cases=cases,
        waivers=waivers,
        notes=(*source.notes, *_unused(source, datasets, cases, needs_embedder=needs_embedder)),
    )


def _unused(
    source: Source, datasets: dict[str, Dataset], cases: tuple[Case, ...], *, needs_embedder: bool
) -> Iterator[str]:
    used = {name for case in cases for name in (case.generated, case.source, case.matches)}
    for dataset in datasets.values():
        if dataset.name not in used:
            yield f"line {dataset.line}: no check uses the dataset {dataset.name!r}"
    if "embedder" in source.data and not needs_embedder:
        line, _ = source.place(("embedder",))
        yield f"line {line}: no check uses the embedder, as all compare precomputed matches"
