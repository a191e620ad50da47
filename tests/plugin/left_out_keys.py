"""A pytest plugin that takes a key out of every policy, or an option off every command line, before they are read.

``python -m pytest -p left_out_keys TEST`` with ``FACELEAK_LEFT_OUT=LeakRate.confidence`` runs a test as if the key
``confidence`` of ``leak_rate`` did nothing: a test of that key fails. `test_every_key.py` does that for all of them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperCommand

from faceleak_check.policy import document
from faceleak_check.policy.composer import Composer
from faceleak_check.registry import CHECKS, SCREENS

__all__ = ["COMMAND", "command_name", "shapes_in"]

_LEFT_OUT, _FOR_OTHERS = "FACELEAK_LEFT_OUT", "FACELEAK_LEFT_OUT_FOR_OTHERS"
_OF_ONE_SHAPE = {
    "licences": "Licences",
    "exclusions": "Exclusions",
    "search": "SearchKeys",
    "execution": "ExecutionKeys",
    "waivers": "WaiverKeys",
    "report": "ReportKeys",
    "embedder": "EmbedderChoice",
}
_DEFAULTS = {"--faceleak-evidence": "faceleak-evidence"}
"""Of options that are text."""
_METHODS = {"clip": "ClipKeys", "age": "AgeKeys", "face": "FaceKeys"}
_Shapes = Iterator[tuple[str, dict[str, Any]]]


def shapes_in(data: object) -> _Shapes:
    """Each mapping of a policy, or of a file of waivers, with the name of its shape in the JSON Schema."""
    if not isinstance(data, dict):
        return
    if "checks" not in data:
        yield "Waivers", data
        yield from (("Waiver", one) for one in data.get("waivers") or () if isinstance(one, dict))
        return
    yield "Policy", data
    for key, shape in _OF_ONE_SHAPE.items():
        if isinstance(data.get(key), dict):
            yield shape, data[key]
    yield from (("EmbedderChoice", one) for one in _mappings(data.get("embedders")))
    for one in _mappings(data.get("datasets")):
        yield from _in_dataset(one)
    screens = data.get("screens")
    for name, rule in screens.items() if isinstance(screens, dict) else ():
        yield from _in_screen(name, rule)
    for check in data["checks"] if isinstance(data["checks"], list) else ():
        for name, keys in check.items() if isinstance(check, dict) else ():
            yield from _in_check(name, keys)


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    yield from (one for one in (value.values() if isinstance(value, dict) else ()) if isinstance(one, dict))


def _in_dataset(keys: dict[str, Any]) -> _Shapes:
    yield "DatasetKeys", keys
    shapes = {
        "labels": "CsvLabels" if "csv" in (keys.get("labels") or ()) else "SidecarLabels",
        "columns": "ParquetColumns" if keys.get("format") == "parquet" else "Columns",
        "arrays": "ArrayNames",
        "templates": "TemplateOrigin",
        "expect": "Expect",
    }
    for key, shape in shapes.items():
        if isinstance(keys.get(key), dict):
            yield shape, keys[key]


def _in_screen(name: str, rule: object) -> _Shapes:
    if not isinstance(rule, dict):
        return
    if name == "hub":
        yield "HubKeys", rule
        return
    several = [key for key in ("any_of", "all_of") if isinstance(rule.get(key), list)]
    if several:
        yield "ScreenRule", rule
    for keys in [one for key in several for one in rule[key]] or [rule]:
        if isinstance(keys, dict) and keys.get("method") in _METHODS:
            yield _METHODS[keys["method"]], keys


def _in_check(name: str, keys: object) -> _Shapes:
    if not isinstance(keys, dict) or not CHECKS.is_built_in(name):
        return
    yield CHECKS.load(name).__name__, keys
    threshold = keys.get("threshold")
    if isinstance(threshold, dict):
        yield "Threshold", threshold
        yield from (("Threshold", one) for one in _mappings(threshold))


# newer versions of typer bring a click of their own
COMMAND = next(kind for kind in TyperCommand.__mro__ if "parse_args" in vars(kind))


def command_name(context: Any) -> str:
    """The words of a command behind ``faceleak``, such as ``cache purge``."""
    words: list[str] = []
    while context.parent is not None:
        words.insert(0, str(context.info_name))
        context = context.parent
    return " ".join(words)


def _without_keys(left_out: str) -> None:
    shape, _, key = left_out.partition(".")
    run = Composer.run

    def run_and_leave_out(self: Composer) -> None:
        run(self)
        for name, mapping in [*shapes_in(self.tree.data)]:
            if name == shape:
                mapping.pop(key, None)

    Composer.run = run_and_leave_out  # type: ignore[method-assign]
    for kind in _records():
        if kind.__name__ == shape and key in kind.__pydantic_fields__:
            _forget(kind, key)


def _records() -> Iterator[Any]:
    """The classes that keys become, without those of checks, whose tests make them with keys of their own."""
    yield from (SCREENS.load(name).keys for name in SCREENS if SCREENS.is_built_in(name))
    yield from (one for one in vars(document).values() if hasattr(one, "__pydantic_fields__"))


def _forget(kind: Any, key: str) -> None:
    """Whatever a record is made with, it answers with the key's default."""
    default = next(one.default for one in dataclasses.fields(kind) if one.name == key)
    if default is not dataclasses.MISSING:
        setattr(kind, key, property(lambda _: default, lambda _self, _value: None))


def _without_option(left_out: str) -> None:
    """Of pytest."""
    for method in ("getoption", "getini"):
        get = getattr(pytest.Config, method)

        def get_others(self: pytest.Config, name: str, *more: Any, _get: Any = get, **named: Any) -> Any:
            found = _get(self, name, *more, **named)
            if name != left_out:
                return found
            return _DEFAULTS.get(name) if isinstance(found, str) else type(found)()

        setattr(pytest.Config, method, get_others)


def _without_parameter(left_out: str) -> None:
    """Of the command ``faceleak``."""
    parse = COMMAND.parse_args  # type: ignore[attr-defined]

    def parse_others(self: Any, ctx: Any, args: list[str]) -> Any:
        for parameter in self.params:
            if left_out == f"faceleak {command_name(ctx)} {parameter.opts[0]}".replace("  ", " "):
                args = _taken_off(args, parameter)
        return parse(self, ctx, args)

    COMMAND.parse_args = parse_others  # type: ignore[attr-defined]


def _taken_off(args: list[str], parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [one for one in args if one.startswith("-")]
    left, rest = list[str](), list(args)
    while rest:
        one = rest.pop(0)
        if one in parameter.opts and not getattr(parameter, "is_flag", False):
            rest = rest[1:]
        elif one not in parameter.opts and one.partition("=")[0] not in parameter.opts:
            left.append(one)
    return left


if folder := os.environ.pop(_FOR_OTHERS, None):
    # the sitecustomize.py in it has the processes of the test import this, too
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ["PYTHONPATH"]])
if left_out := os.environ.get(_LEFT_OUT):
    if left_out.startswith("faceleak "):
        _without_parameter(left_out)
    elif left_out.startswith(("--", "faceleak_")):
        _without_option(left_out)
    else:
        _without_keys(left_out)
