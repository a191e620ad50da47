"""The mapping ``screens`` → the rules that take images out of the comparison."""

from __future__ import annotations

from typing import Any, Literal

from faceleak_check.errors import UsageError
from faceleak_check.policy.document import HubKeys
from faceleak_check.policy.schema import ScreenRule
from faceleak_check.policy.validation import Validator, is_made_with_check_keys
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import SCREENS, suggestion

__all__ = ["HUB", "build_hub", "build_screens", "is_screen"]

HUB = "hub"
"""The key of ``screens`` that is no screen: it looks at matches, not at pictures."""

_METHOD = "method"
_LIMIT = "reject_above"
_COMBINE: tuple[Literal["any_of"], Literal["all_of"]] = ("any_of", "all_of")
_NOT_OURS = (
    "this screen of another package has no 'keys' made with check_keys that hold 'method' and "
    "'reject_above', so its keys cannot be checked"
)


def build_screens(validator: Validator) -> tuple[ScreenRule, ...]:
    """The rules that are free of errors, in file order.

    Args:
        validator: Holds the policy; what is wrong goes to it.
    """
    rules = validator.source.data.get("screens")
    builder = _ScreenBuilder(validator)
    named = rules.items() if isinstance(rules, dict) else ()
    built = [builder.rule(name, data) for name, data in named if name != HUB]
    return tuple(rule for rule in built if rule is not None)


def build_hub(validator: Validator) -> HubKeys | None:
    """When a source image is looked at as a hub; None where the policy does not ask for it.

    Args:
        validator: Holds the policy; what is wrong goes to it.
    """
    rules = validator.source.data.get("screens")
    if not isinstance(rules, dict) or HUB not in rules:
        return None
    return validator.build(HubKeys, rules[HUB], ("screens", HUB))


def is_screen(screen: Any) -> bool:
    """Whether the gate knows the keys of a screen's class."""
    keys = getattr(screen, "keys", None)
    return is_made_with_check_keys(keys) and {_METHOD, _LIMIT} <= keys.__pydantic_fields__.keys()


def _refusal(screen: Any, rule: str, keys: Any) -> str | None:
    """Why a screen cannot serve a rule: its limit is none, or its class says so."""
    limit = keys.reject_above
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit <= 1:
        return (
            f"this screen of another package gives its {_LIMIT!r} as {limit!r}, expected a number from 0 to 1: "
            "make it a Share"
        )
    refuses = getattr(screen, "problem", None)
    if refuses is None:
        return None
    try:
        problem: str | None = refuses(rule, keys)
    except Exception as broken:
        if SCREENS.is_built_in(keys.method):
            raise
        return f"this screen of another package cannot judge its keys: {broken!r}"
    return problem


class _ScreenBuilder:
    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def rule(self, name: str, data: object) -> ScreenRule | None:
        path = ("screens", name)
        if not isinstance(data, dict):
            self._validator.report(path, f"found {found(data)}, expected a mapping of keys and values")
            return None
        combine = next((key for key in _COMBINE if key in data), None)
        if combine is None:
            method = self._method(name, data, path)
            return None if method is None else ScreenRule(name=name, combine="any_of", methods=(method,))
        self._refuse_others(data, combine, path)
        methods = self._methods(name, data[combine], (*path, combine))
        return ScreenRule(name=name, combine=combine, methods=methods) if methods else None

    def _refuse_others(self, data: dict[str, Any], combine: str, path: KeyPath) -> None:
        for key in data:
            if key == combine:
                continue
            advice = "keep one of the two" if key in _COMBINE else "the keys of a method stand in its list"
            self._validator.report(
                (*path, key), f"found {quoted(key)} beside {combine!r}; {advice}", at_key=True
            )

    def _methods(self, rule: str, data: object, path: KeyPath) -> tuple[Any, ...]:
        """The keys of those methods of a list that are free of errors."""
        if not isinstance(data, list):
            message = (
                f"found {found(data)}, expected a list of methods, each a mapping such as {{method: clip}}"
            )
            self._validator.report(path, message)
            return ()
        if not data:
            self._validator.report(path, "found nothing in it, expected at least one")
        built = [self._item(rule, item, (*path, n)) for n, item in enumerate(data)]
        return tuple(method for method in built if method is not None)

    def _item(self, rule: str, data: object, path: KeyPath) -> Any:
        if isinstance(data, dict):
            return self._method(rule, data, path)
        self._validator.report(path, f"found {found(data)}, expected a mapping of keys and values")
        return None

    def _method(self, rule: str, data: dict[str, Any], path: KeyPath) -> Any:
        """The keys of one method, made with its screen's own record; None where there is a problem."""
        screen = self._screen(data, path)
        if screen is None:
            return None
        keys = self._validator.build(screen.keys, data, path)
        if keys is not None and (problem := _refusal(screen, rule, keys)):
            self._validator.report((*path, _METHOD), problem)
        return keys

    def _screen(self, data: dict[str, Any], path: KeyPath) -> Any:
        """The class of the method that is asked for."""
        place = (*path, _METHOD)
        if _METHOD not in data:
            self._report_no_method(data, path)
            return None
        name = data[_METHOD]
        if not isinstance(name, str):
            self._validator.report(place, f"found {found(name)}, expected the name of a screen method")
            return None
        if name not in SCREENS:
            near = suggestion(name, SCREENS)
            message = f"unknown screen method {quoted(name)}{near}; there are: {', '.join(SCREENS)}"
            self._validator.report(place, message)
            return None
        return self._load(name, place)

    def _load(self, name: str, place: KeyPath) -> Any:
        try:
            screen = SCREENS.load(name)
        except UsageError as error:
            self._validator.report(place, str(error))
            return None
        if is_screen(screen):
            return screen
        self._validator.report(place, _NOT_OURS)
        return None

    def _report_no_method(self, data: dict[str, Any], path: KeyPath) -> None:
        """A slip such as ``metod`` or ``anyof`` is an unknown key; else the method is missing."""
        known = [_METHOD, *(() if isinstance(path[-1], int) else _COMBINE)]
        slips = [key for key in data if suggestion(key, known)]
        for key in slips:
            self._validator.report_unknown_key(path, key, known)
        if not slips and path not in self._validator.source.broken:
            self._validator.report(path, f"missing key {_METHOD!r}", at_key=True)
