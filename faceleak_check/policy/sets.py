"""Which datasets a check compares, and whether they are of the kind that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faceleak_check.policy.paths import overlap
from faceleak_check.policy.planned import PLANNED_FORMATS
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import suggestion

__all__ = ["MATCHES", "PAIR", "SetRules"]

MATCHES = "matches"
PAIR = ("generated", "source")


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

    def find(self, roles: Sequence[str], keys: Mapping[str, Any], path: KeyPath) -> dict[str, Dataset]:
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
                if dataset is not None and self._is_of_kind(dataset, (*path, role), role):
                    sets[role] = dataset
        self._are_apart(sets, path)
        return sets

    def fit(
        self, kind: type[Any], sets: Mapping[str, Dataset], keys: Mapping[str, Any], path: KeyPath
    ) -> None:
        """Whether the datasets hold what the check needs."""
        threshold = keys.get("threshold")
        if MATCHES in sets and isinstance(threshold, dict) and "euclidean" in threshold:
            message = "a match list has cosines and no templates; use a threshold such as {cosine: 0.5}"
            self._validator.report((*path, "threshold", "euclidean"), message, at_key=True)
        if getattr(kind, "needs_labels", False):
            self._are_labelled(sets, path)

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

    def _is_of_kind(self, dataset: Dataset, path: KeyPath, role: str) -> bool:
        is_list = dataset.format == MATCHES
        if is_list == (role == MATCHES):
            return True
        if is_list:
            message = f"{dataset.name!r} is a match list; name it with 'matches', in place of two sets"
        else:
            message = (
                f"{dataset.name!r} is a set of images (format: {dataset.format}), expected a match list "
                "(format: matches); name two sets with 'generated' and 'source'"
            )
        self._validator.report(path, message)
        return False

    def _are_apart(self, sets: Mapping[str, Dataset], path: KeyPath) -> None:
        """Nothing generated may lie in a set of real people: it would match itself."""
        for role in sets:
            if role == "generated" or "generated" not in sets:
                continue
            generated, other = sets["generated"], sets[role]
            shared = overlap(generated.path, other.path)
            if generated.name == other.name:
                message = f"{role} and generated are the same dataset {other.name!r}; name two"
                self._validator.report((*path, role), message)
            elif shared:
                message = (
                    f"{other.name!r} and {generated.name!r} hold the same files: {shared}; keep them apart"
                )
                self._validator.report((*path, role), message)

    def _are_labelled(self, sets: Mapping[str, Dataset], path: KeyPath) -> None:
        source, matches = sets.get("source"), sets.get(MATCHES)
        if source is not None and source.labels.kind == "none" and source.format not in PLANNED_FORMATS:
            message = (
                f"this check counts people, and {source.name!r} has no labels; write 'labels: parent_folder' "
                f"or 'labels: {{csv: labels.csv}}' under datasets.{source.name}"
            )
            self._validator.report((*path, "source"), message)
        if matches is not None and (matches.columns is None or matches.columns.source_identity is None):
            message = (
                f"this check counts people, and {matches.name!r} names none; write 'source_identity' under "
                f"datasets.{matches.name}.columns"
            )
            self._validator.report((*path, MATCHES), message)
