"""The mapping ``datasets`` → the sets of images and the match lists of a policy."""

from __future__ import annotations

from faceleak_check.policy.document import PUBLISHED_COLUMNS, DatasetKeys
from faceleak_check.policy.roles import MATCHES
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.policy.sets import how_to_label
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath

__all__ = ["NAME_PEOPLE", "build_datasets"]

NAME_PEOPLE = ("recordio",)
"""The formats whose files name the people in their images."""

_NOT_IN_A_LIST = {
    "labels": "name its column of people with columns: {source_identity: ...}",
    "align": "its faces were compared elsewhere",
    "faces": "its faces were compared elsewhere",
}


def build_datasets(validator: Validator) -> dict[str, Dataset]:
    """The datasets that are free of errors, by name, in file order.

    Args:
        validator: Holds the policy; what is wrong goes to it.
    """
    named = validator.source.data.get("datasets")
    built = (
        [_dataset(name, keys, validator) for name, keys in named.items()] if isinstance(named, dict) else []
    )
    return {dataset.name: dataset for dataset in built if dataset is not None}


def _dataset(name: str, data: object, validator: Validator) -> Dataset | None:
    path = ("datasets", name)
    keys = validator.build(DatasetKeys, data, path)
    if keys is None or not isinstance(data, dict):
        return None
    is_list = keys.format == MATCHES
    _refuse_keys_of_the_other_kind(data, keys, path, validator)
    line, column = validator.source.place(path)
    return Dataset(
        name=name,
        path=keys.path,
        format=keys.format,
        labels=_labels(keys),
        columns=(keys.columns or PUBLISHED_COLUMNS) if is_list else None,
        line=line,
        column=column,
        align=keys.align,
        faces=keys.faces,
        expect=keys.expect,
    )


def _refuse_keys_of_the_other_kind(
    data: dict[str, object], keys: DatasetKeys, path: KeyPath, validator: Validator
) -> None:
    for key, advice in _NOT_IN_A_LIST.items():
        if keys.format == MATCHES and key in data:
            validator.report((*path, key), f"a match list has no {key!r}; {advice}", at_key=True)
    if keys.format != MATCHES and keys.columns is not None:
        message = f"'columns' belong to a match list (format: matches), and this is format: {keys.format}"
        validator.report((*path, "columns"), message, at_key=True)
    if keys.format in NAME_PEOPLE and "labels" in data:
        message = f"format: {keys.format} names its people itself; take 'labels' out"
        validator.report((*path, "labels"), message, at_key=True)
    if keys.expect is not None and keys.expect.identities is not None:
        _refuse_identities(keys, path, validator)


def _refuse_identities(keys: DatasetKeys, path: KeyPath, validator: Validator) -> None:
    """Report an expected number of people where nobody is named."""
    if keys.format == MATCHES:
        message = "a match list names no people of its own; only its number of 'images' can be expected"
    elif _labels(keys).kind == "none":
        message = (
            f"this dataset has no labels to count; {how_to_label(str(path[-1]))}, or take 'identities' out"
        )
    else:
        return
    validator.report((*path, "expect", "identities"), message, at_key=True)


def _labels(keys: DatasetKeys) -> Labels:
    if keys.format in NAME_PEOPLE:
        return Labels(kind="own")
    if isinstance(keys.labels, str):
        return Labels(kind=keys.labels)
    return Labels(kind="csv", csv=keys.labels.csv, image=keys.labels.image, identity=keys.labels.identity)
