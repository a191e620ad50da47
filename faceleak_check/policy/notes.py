"""What is harmless in a policy but should be known: parts that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceleak_check.policy.schema import Case, Dataset
from faceleak_check.policy.source import Source
from faceleak_check.policy.wording import KeyPath

__all__ = ["unused_parts"]


def unused_parts(source: Source, datasets: Mapping[str, Dataset], cases: Sequence[Case]) -> Iterator[str]:
    """A sentence for each dataset, embedder, screen and key that nothing uses.

    Args:
        source: The policy file.
        datasets: All datasets by name.
        cases: All cases.
    """
    used = {name for case in cases for name in (case.generated, case.source, case.matches)}
    for dataset in datasets.values():
        if dataset.name not in used:
            yield f"line {dataset.line}: no check uses the dataset {dataset.name!r}"
    yield from _faces_without_alignment(source)
    if any(case.embedder is not None for case in cases):
        yield from _unused_embedders(source, cases)
        return
    for key in ("embedder", "embedders", "screens"):
        if source.data.get(key):
            line, _ = source.place((key,))
            yield f"line {line}: no check uses the {key}, as all compare precomputed matches"


def _unused_embedders(source: Source, cases: Sequence[Case]) -> Iterator[str]:
    agreeing = {other.embedder.name for case in cases for other in case.agreement}
    used = agreeing | {case.embedder.name for case in cases if case.embedder is not None}
    for name in source.data.get("embedders", ()):
        if name not in used:
            line, _ = source.place(("embedders", name))
            yield f"line {line}: no check uses the embedder {name!r}"


def _faces_without_alignment(source: Source) -> Iterator[str]:
    """Where faces are not looked for, it does not matter which of them would count."""
    blocks: dict[KeyPath, Any] = {("embedder",): source.data.get("embedder")}
    for group in ("embedders", "datasets"):
        blocks |= {(group, name): keys for name, keys in (source.data.get(group) or {}).items()}
    for place, keys in blocks.items():
        if isinstance(keys, dict) and keys.get("align") == "none" and "faces" in keys:
            line, _ = source.place((*place, "faces"))
            yield f"line {line}: 'faces' does nothing with align: none, where pictures are compared whole"
