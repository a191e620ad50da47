"""The packages that made the figures of a run, with their versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from faceleak_check.registry import CHECKS, EMBEDDERS, READERS, SCREENS, Registry

__all__ = ["tools_of"]

_TOOLS = ("faceleak-check", "torch", "faiss-cpu", "numpy", "scipy", "pillow", "imagehash")

Record = Mapping[str, Any]


def tools_of(policies: Sequence[Record]) -> dict[str, str]:
    """Versions by name: what every figure rests on, and the other packages whose parts had a say.

    Args:
        policies: The records of the policies.
    """
    cases = [case for policy in policies for case in policy["cases"]]
    others = {registry.package_of(name) for case in cases for registry, name in _parts(case)}
    return {name: version(name) for name in (*_TOOLS, *sorted(filter(None, others)))}


def _parts(case: Record) -> Iterator[tuple[Registry, str]]:
    yield CHECKS, case["check"]
    for spec in (case["embedder"], *case["agreement"].values()):
        if spec is not None:
            yield EMBEDDERS, spec["name"]
    for screen in case["screens"]:
        yield from ((SCREENS, one["method"]) for one in screen["methods"])
    for one in case["sets"].values():
        if one.get("reading"):
            yield READERS, one["reading"]["format"]
