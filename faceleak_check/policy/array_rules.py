"""Whether the keys of arrays and templates fit a dataset."""

from __future__ import annotations

from typing import Any

from faceleak_check.policy.document import DatasetKeys
from faceleak_check.policy.sets import ARRAYS, how_to_label
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath

__all__ = ["array_names_people", "check_arrays"]

_NOT_OF_TEMPLATES = ("align", "faces")


def array_names_people(keys: DatasetKeys) -> bool:
    """Whether an array names the people."""
    return keys.arrays is not None and keys.arrays.identity is not None


def check_arrays(data: dict[str, Any], keys: DatasetKeys, path: KeyPath, validator: Validator) -> None:
    """Report keys of arrays and templates that a dataset cannot have, and those that they leave no room for.

    Args:
        data: All keys of the dataset.
        keys: The same as a record.
        path: Where the dataset stands.
        validator: Where problems go.
    """
    if keys.format != ARRAYS:
        for key in ("arrays", "templates"):
            if key in data:
                message = (
                    f"{key!r} belong to NumPy's files (format: {ARRAYS}), and this is format: {keys.format}"
                )
                validator.report((*path, key), message, at_key=True)
        return
    for key in _NOT_OF_TEMPLATES:
        if keys.templates is not None and key in data:
            message = f"a set of templates has no {key!r}; its faces were found elsewhere"
            validator.report((*path, key), message, at_key=True)
    _check_labels(data, keys, path, validator)


def _check_labels(data: dict[str, Any], keys: DatasetKeys, path: KeyPath, validator: Validator) -> None:
    if "labels" in data and array_names_people(keys):
        message = "'identity' under arrays names the people already; take one of the two out"
        validator.report((*path, "labels"), message, at_key=True)
    elif keys.labels == "parent_folder" and (keys.arrays is None or keys.arrays.ids is None):
        message = f"a row without a name lies in no folder; {how_to_label({str(path[-1]): ARRAYS})}"
        validator.report((*path, "labels"), message)
