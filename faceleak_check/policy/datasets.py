"""The mapping ``datasets`` → the sets of images and the match lists of a policy."""

from __future__ import annotations

from typing import Any

from faceleak_check.policy.array_rules import array_names_people, check_arrays
from faceleak_check.policy.columns import PUBLISHED_COLUMNS, TABLES, Columns, ParquetColumns
from faceleak_check.policy.document import DatasetKeys, SidecarLabels
from faceleak_check.policy.formats import build_options, names_people
from faceleak_check.policy.roles import MATCHES
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.policy.sets import ARCHIVE, PARQUET, how_to_label
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import READERS

__all__ = ["build_datasets"]

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
    columns = _columns(data, path, validator) if isinstance(data, dict) and "columns" in data else None
    if keys is None or not isinstance(data, dict):
        return None
    labels = _labels(keys, columns)
    if keys.format == MATCHES:
        _refuse_keys_of_images(data, path, validator)
    else:
        _check_labels(data, keys, columns, path, validator)
    check_arrays(data, keys, path, validator)
    if keys.expect is not None and keys.expect.identities is not None:
        _check_expected_people(keys, labels, path, validator)
    listed = columns if isinstance(columns, Columns) else PUBLISHED_COLUMNS
    line, column = validator.source.place(path)
    return Dataset(
        name=name,
        path=keys.path,
        format=keys.format,
        labels=labels,
        columns=listed if keys.format == MATCHES else None,
        line=line,
        column=column,
        align=keys.align,
        faces=keys.faces,
        expect=keys.expect,
        image_columns=columns if isinstance(columns, ParquetColumns) else None,
        arrays=keys.arrays,
        templates=keys.templates,
        options=build_options(keys.format, data, path, validator),
    )


def _columns(data: dict[str, Any], path: KeyPath, validator: Validator) -> Columns | ParquetColumns | None:
    """What the columns of a table mean; a format without columns is reported."""
    path, named = (*path, "columns"), data.get("format", "folder")
    kind = TABLES.get(named) if isinstance(named, str) else None
    if kind is not None:
        return validator.build(kind, data["columns"], path)
    if isinstance(named, str) and named in READERS:
        message = (
            "'columns' belong to a match list (format: matches) or to Parquet files of images (format: parquet), and "
            f"this is format: {named}"
        )
        validator.report(path, message, at_key=True)
    return None


def _refuse_keys_of_images(data: dict[str, Any], path: KeyPath, validator: Validator) -> None:
    for key, advice in _NOT_IN_A_LIST.items():
        if key in data:
            validator.report((*path, key), f"a match list has no {key!r}; {advice}", at_key=True)


def _check_labels(
    data: dict[str, Any],
    keys: DatasetKeys,
    columns: Columns | ParquetColumns | None,
    path: KeyPath,
    validator: Validator,
) -> None:
    """Report labels that a format cannot have, or that name people who are named already."""
    if "labels" not in data:
        return
    if names_people(keys.format) == "always":
        message = f"format: {keys.format} names its people itself; take 'labels' out"
        validator.report((*path, "labels"), message, at_key=True)
    elif _names_people(columns):
        message = "'identity' under columns names the people already; take one of the two out"
        validator.report((*path, "labels"), message, at_key=True)
    elif keys.labels == "own" and names_people(keys.format) != "if_asked":
        message = (
            f"format: {keys.format} has no labels of its own; {how_to_label({str(path[-1]): keys.format})}"
        )
        validator.report((*path, "labels"), message)
    elif keys.labels == "parent_folder" and keys.format == PARQUET:
        message = f"a row of a Parquet file lies in no folder; {how_to_label({str(path[-1]): PARQUET})}"
        validator.report((*path, "labels"), message)
    elif isinstance(keys.labels, SidecarLabels) and keys.format != ARCHIVE:
        how = how_to_label({str(path[-1]): keys.format})
        message = f"sidecars belong to images in archives (format: archive), and this is format: {keys.format}; {how}"
        validator.report((*path, "labels"), message)


def _check_expected_people(keys: DatasetKeys, labels: Labels, path: KeyPath, validator: Validator) -> None:
    """Report an expected number of people where nobody is named."""
    if keys.format == MATCHES:
        message = "a match list names no people of its own; only its number of 'images' can be expected"
    elif labels.kind == "none":
        how = how_to_label({str(path[-1]): keys.format})
        message = f"this dataset has no labels to count; {how}, or take 'identities' out"
    else:
        return
    validator.report((*path, "expect", "identities"), message, at_key=True)


def _names_people(columns: Columns | ParquetColumns | None) -> bool:
    return isinstance(columns, ParquetColumns) and columns.identity is not None


def _labels(keys: DatasetKeys, columns: Columns | ParquetColumns | None) -> Labels:
    if names_people(keys.format) == "always" or _names_people(columns) or array_names_people(keys):
        return Labels(kind="own")
    if isinstance(keys.labels, str):
        return Labels(kind=keys.labels)
    if isinstance(keys.labels, SidecarLabels):
        return Labels(kind="sidecar", sidecar=keys.labels.sidecar, key=keys.labels.key)
    return Labels(kind="csv", csv=keys.labels.csv, image=keys.labels.image, identity=keys.labels.identity)
