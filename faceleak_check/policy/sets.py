"""Which datasets a check compares, and whether they are of the kind that it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from faceleak_check.policy.formats import names_people
from faceleak_check.policy.paths import overlap
from faceleak_check.policy.roles import CALIBRATION, CONTROL, DATASET, GENERATED, MATCHES, SOURCE
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import suggestion

__all__ = ["ARCHIVE", "ARRAYS", "PARQUET", "SetRules", "how_to_label"]

# Nothing generated may lie in a set of real people, where it would match itself; and nobody whom the generator
# never saw in the set that it was trained on. A threshold may well be found on the source or the control.
_APART_FROM = {SOURCE: (GENERATED,), CONTROL: (GENERATED, SOURCE, MATCHES), CALIBRATION: (GENERATED,)}

PARQUET = "parquet"
ARRAYS = "arrays"
ARCHIVE = "archive"
_WAYS = {PARQUET: "identity", ARRAYS: "array", ARCHIVE: "sidecar"}
_LABELS = {
    "parent_folder": "'labels: parent_folder' or 'labels: {csv: labels.csv}'",
    "identity": "'columns: {identity: ...}' or 'labels: {csv: labels.csv}'",
    "array": "'arrays: {identity: ...}' or 'labels: {csv: labels.csv}'",
    "sidecar": "'labels: parent_folder', 'labels: {sidecar: cls}' or 'labels: {csv: labels.csv}'",
    "own": "'labels: own' or 'labels: {csv: labels.csv}'",
}

_NO_LIST = {
    CONTROL: "the control of two sets is a set of images",
    CALIBRATION: "thresholds are found on a set of images",
    DATASET: "this check looks at a set of images",
}


def how_to_label(formats: Mapping[str, str]) -> str:
    """What to write so that the people in a dataset are named.

    Args:
        formats: The format of each dataset, of which one needs labels.
    """
    places: dict[str, list[str]] = {}
    for name, its_format in formats.items():
        usual = "own" if names_people(its_format) == "if_asked" else "parent_folder"
        places.setdefault(_WAYS.get(its_format, usual), []).append(f"datasets.{name}")
    ways = (f"write {_LABELS[way]} under {' or '.join(where)}" for way, where in places.items())
    return ", or ".join(ways)


class SetRules:
    """Looks at the datasets of one check after the other; what is wrong goes to the validator.

    Args:
        validator: Where problems go.
        names: All names under ``datasets``; None where that key could not be read.
        datasets: Those of them that are free of errors.
    """

    def __init__(
        self, validator: Validator, names: Sequence[str] | None, datasets: Mapping[str, Dataset]
    ) -> None:
        self._validator = validator
        self._names = names
        self._datasets = datasets

    def find(self, roles: Collection[str], keys: Mapping[str, Any], path: KeyPath) -> dict[str, Dataset]:
        """The datasets that a check names, by role; those with a problem are reported and left out.

        Args:
            roles: The keys that name datasets.
            keys: All keys of the check.
            path: Where the check stands.
        """
        sets = {}
        for role in roles:
            if role in keys and self._is_named(keys[role], (*path, role)):
                dataset = self._datasets.get(keys[role])
                expects_list = role == MATCHES or (role == CONTROL and MATCHES in roles)
                if dataset is not None and self._is_of_kind(dataset, (*path, role), expects_list):
                    sets[role] = dataset
        self._are_apart(sets, path)
        if CALIBRATION in sets and not sets[CALIBRATION].is_labelled:
            self._report_unlabelled_calibration(sets[CALIBRATION], path)
        return sets

    def fit(self, check: Any, sets: Mapping[str, Dataset], path: KeyPath) -> None:
        """Whether the datasets hold what the check needs.

        Args:
            check: The check.
            sets: Its datasets by role.
            path: Where the check stands.
        """
        if getattr(check, "needs_labels", False):
            self._are_labelled(check, sets, path)
        elif MATCHES in sets and getattr(check, "people", None) == "clusters":
            message = (
                "a match list has no templates to cluster; name its column of people with 'source_identity' under "
                f"datasets.{sets[MATCHES].name}.columns, and take 'people' out"
            )
            self._validator.report((*path, "people"), message)

    def _is_named(self, name: object, path: KeyPath) -> bool:
        if not isinstance(name, str):
            self._validator.report(path, f"found {found(name)}, expected the name of a dataset")
            return False
        if self._names is None or name in self._names:
            return self._names is not None
        near = suggestion(name, list(self._names))
        there = ", ".join(self._names) or "none"
        self._validator.report(path, f"unknown dataset {quoted(name)}{near}; there are: {there}")
        return False

    def _is_of_kind(self, dataset: Dataset, path: KeyPath, expects_list: bool) -> bool:
        is_list = dataset.format == MATCHES
        if is_list == expects_list:
            return True
        role = str(path[-1])
        if is_list:
            advice = _NO_LIST.get(role, "name it with 'matches', in place of two sets")
            message = f"{dataset.name!r} is a match list; {advice}"
        else:
            advice = (
                "name two sets with 'generated' and 'source'"
                if role == MATCHES
                else "the control of a match list is another one"
            )
            what = "images" if dataset.templates is None else "templates"
            message = (
                f"{dataset.name!r} is a set of {what} (format: {dataset.format}), expected a match list "
                f"(format: matches); {advice}"
            )
        self._validator.report(path, message)
        return False

    def _are_apart(self, sets: Mapping[str, Dataset], path: KeyPath) -> None:
        for role, others in _APART_FROM.items():
            for other in others:
                if role in sets and other in sets:
                    self._is_apart(role, other, sets, path)

    def _is_apart(self, role: str, other: str, sets: Mapping[str, Dataset], path: KeyPath) -> None:
        one, two = sets[role], sets[other]
        shared = overlap(two.path, one.path)
        if one.name == two.name:
            message = f"{role} and {other} are the same dataset {one.name!r}; name two"
            self._validator.report((*path, role), message)
        elif shared:
            message = f"{one.name!r} and {two.name!r} hold the same files: {shared}; keep them apart"
            self._validator.report((*path, role), message, hidden=f": {shared}")

    def _report_unlabelled_calibration(self, calibration: Dataset, path: KeyPath) -> None:
        message = (
            f"thresholds are found on pictures of different people, and {calibration.name!r} has no labels; "
            f"{how_to_label({calibration.name: calibration.format})}"
        )
        self._validator.report((*path, CALIBRATION), message)

    def _are_labelled(self, check: Any, sets: Mapping[str, Dataset], path: KeyPath) -> None:
        source, matches = sets.get(SOURCE), sets.get(MATCHES)
        if source is not None and not source.is_labelled:
            or_clusters = ", or 'people: clusters' here" if hasattr(check, "people") else ""
            message = (
                f"this check counts people, and {source.name!r} has no labels; "
                f"{how_to_label({source.name: source.format})}{or_clusters}"
            )
            self._validator.report((*path, SOURCE), message)
        if matches is not None and (matches.columns is None or matches.columns.source_identity is None):
            message = (
                f"this check counts people, and {matches.name!r} names none; write 'source_identity' under "
                f"datasets.{matches.name}.columns"
            )
            self._validator.report((*path, MATCHES), message)
