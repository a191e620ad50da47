"""What is harmless in a policy but should be known: parts that no check uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from faceleak_check.policy.schema import Case, Dataset
from faceleak_check.policy.source import Source

__all__ = ["unused_parts"]


def unused_parts(source: Source, datasets: Mapping[str, Dataset], cases: Sequence[Case]) -> Iterator[str]:
    """A sentence for each dataset, embedder and screen that no check uses.

    Args:
        source: The policy file.
        datasets: All datasets by name.
        cases: All cases.
    """
    used = {name for case in cases for name in (case.generated, case.source, case.matches)}
    for dataset in datasets.values():
        if dataset.name not in used:
            yield f"line {dataset.line}: no check uses the dataset {dataset.name!r}"
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
