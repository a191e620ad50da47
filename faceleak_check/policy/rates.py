"""Whether a check's threshold can be had: an error rate needs labels, a control set, or a file that pins it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from faceleak_check.policy.agreement import THRESHOLD, has_threshold
from faceleak_check.policy.embedders import AGREEMENT
from faceleak_check.policy.pinned import PinnedThresholds, how_to_pin
from faceleak_check.policy.roles import CALIBRATION, CONTROL, MATCHES, SOURCE, role_keys
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.sets import how_to_label
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import suggestion

__all__ = ["RateRules"]

_Steps = tuple[str, ...]


class RateRules:
    """Looks at the thresholds of one check after the other; what is wrong goes to the validator.

    Args:
        validator: Where problems go.
        pins: Whether the policy names a file of thresholds, which then must hold each of its error rates.
        pinned: What that file holds; None where it could not be read.
    """

    def __init__(self, validator: Validator, *, pins: bool, pinned: PinnedThresholds | None) -> None:
        self._validator = validator
        self._pins = pins
        self._pinned = pinned

    def fit(
        self,
        kind: type[Any],
        roles: Sequence[str],
        sets: Mapping[str, Dataset],
        keys: Mapping[str, Any],
        path: KeyPath,
    ) -> None:
        """Whether each threshold of a check can be found on its datasets.

        Args:
            kind: The check's class.
            roles: The keys of the check that name datasets.
            sets: Those of the datasets that are free of errors, by role.
            keys: All keys of the check.
            path: Where the check stands.
        """
        for steps, threshold in _thresholds(kind, keys):
            if MATCHES in roles:
                self._refuse_without_templates(threshold, steps, keys, path)
            elif threshold.is_rate:
                place = (*path, *steps, threshold.kind) if steps else path
                if self._pins:
                    self._is_pinned(threshold, sets.get(SOURCE), place)
                elif len(sets) == len(roles):
                    self._can_be_found(kind, threshold, sets, place)

    def _refuse_without_templates(
        self, threshold: Threshold, steps: _Steps, keys: Mapping[str, Any], path: KeyPath
    ) -> None:
        message = "a match list has cosines and no templates; use a threshold such as {cosine: 0.5}"
        if steps and threshold.cosine is None:
            self._validator.report((*path, *steps, threshold.kind), message, at_key=True)
        elif not steps and not any(suggestion(key, [THRESHOLD]) for key in keys):
            self._validator.report(path, f"missing key {THRESHOLD!r}; {message}", at_key=True)

    def _is_pinned(self, threshold: Threshold, source: Dataset | None, place: KeyPath) -> None:
        """Whether the file of thresholds holds this one; an FPIR depends on the source, an FMR does not."""
        if self._pinned is None:
            return
        gallery = source.name if threshold.fpir is not None and source is not None else None
        for pinned in self._pinned.thresholds:
            is_asked = (pinned.kind, pinned.rate) == (threshold.kind, threshold.value)
            if is_asked and gallery in (None, pinned.source):
                return
        against = "" if gallery is None else f" against {gallery!r}"
        message = (
            f"{self._pinned.file!r} holds no threshold for {threshold.describe()}{against}; "
            f"{how_to_pin(self._validator.source.text.file, self._pinned.path)}"
        )
        self._validator.report(place, message, at_key=True)

    def _can_be_found(
        self, kind: type[Any], threshold: Threshold, sets: Mapping[str, Dataset], place: KeyPath
    ) -> None:
        """Whether the sets show what strangers look like; an unlabelled calibration set is reported elsewhere."""
        real = [sets[role] for role in (SOURCE, CONTROL) if role in sets]
        if threshold.fmr is not None:
            fits = CALIBRATION in sets or any(one.is_labelled for one in real)
            needs, other = "pictures of different people, and none of its sets has labels", CALIBRATION
            other_set = "name a labelled set with 'calibration'"
        else:
            fits = CONTROL in sets or any(one.is_labelled for one in real)
            needs, other = "people who are not in the source set", CONTROL
            other_set = "name a set of people whom the generator never saw with 'control'"
        if fits:
            return
        ways = [
            how_to_label({one.name: one.format for one in real}),
            "pin the threshold with 'thresholds: FILE'",
        ]
        if other in role_keys(kind).all:
            ways.insert(0, other_set)
        message = f"{threshold.describe()} is found on {needs}; {', or '.join(ways)}"
        self._validator.report(place, message, at_key=True)


def _thresholds(kind: type[Any], keys: Mapping[str, Any]) -> Iterator[tuple[_Steps, Threshold]]:
    """The thresholds of a check that can be read, each with the keys that lead to it; none for its default."""
    if not has_threshold(kind):
        return
    default = kind.__pydantic_fields__[THRESHOLD].default
    if THRESHOLD not in keys:
        if isinstance(default, Threshold):
            yield (), default
        return
    given = keys[THRESHOLD]
    if AGREEMENT not in keys:
        yield from _readable((THRESHOLD,), given)
    elif isinstance(given, dict):
        for name, own in given.items():
            yield from _readable((THRESHOLD, name), own)


def _readable(steps: _Steps, data: object) -> Iterator[tuple[_Steps, Threshold]]:
    try:
        yield steps, TypeAdapter(Threshold).validate_python(data)
    except ValidationError:
        return
