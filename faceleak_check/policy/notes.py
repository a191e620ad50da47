"""What is harmless in a policy but should be known: parts that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceleak_check.policy.agreement import own_threshold
from faceleak_check.policy.embedders import has_own_embedder
from faceleak_check.policy.roles import ROLES
from faceleak_check.policy.scans import why_not_scanned
from faceleak_check.policy.schema import Case, Dataset
from faceleak_check.policy.screen_rules import HUB
from faceleak_check.policy.source import Source
from faceleak_check.policy.wording import KeyPath

__all__ = ["recognise", "unused_parts"]


def unused_parts(source: Source, datasets: Mapping[str, Dataset], cases: Sequence[Case]) -> Iterator[str]:
    """A sentence for each dataset, embedder, screen and key that nothing uses.

    Args:
        source: The policy file.
        datasets: All datasets by name.
        cases: All cases.
    """
    used = {getattr(case, role) for case in cases for role in ROLES}
    for dataset in datasets.values():
        if dataset.name not in used:
            yield f"line {dataset.line}: no check uses the dataset {dataset.name!r}"
    yield from _faces_without_alignment(source)
    yield from _unused_embedders(source, cases)
    yield from _unused_screens(source, cases)
    if "thresholds" in source.data and not any(_asks_for_a_rate(case) for case in cases):
        yield f"{_line(source, 'thresholds')}: no check uses the thresholds, as none asks for an error rate"
    for case in cases:
        yield from _below_chance(case)
        if case.embedder is not None and case.embedder.choice.scan is not None:
            hub, pins = HUB in (source.data.get("screens") or {}), "thresholds" in source.data
            why = why_not_scanned(case, has_hub_rule=hub, pins=pins)
            if why:
                yield f"line {case.line}: {case.id} embeds every image in full precision despite 'scan': {why}"


def _below_chance(case: Case) -> Iterator[str]:
    """A limit that people who were never trained on exceed by chance, so that a clean set fails."""
    check: Any = case.check
    key, chance = getattr(check, "by_chance", None) or ("", None)
    if chance is not None and check.at_most <= chance:
        yield (
            f"line {case.line}: {case.id} allows at most {100 * check.at_most:.6g}%, and its {key} of "
            f"{100 * chance:.6g}% alone gives as much by chance: allow more, or ask for a lower rate"
        )


def recognise(cases: Sequence[Case]) -> list[Case]:
    """The cases that compare people by the policy's embedders."""
    return [case for case in cases if case.embedder is not None and not has_own_embedder(type(case.check))]


def _line(source: Source, *path: str) -> str:
    return f"line {source.place(path)[0]}"


def _unused_embedders(source: Source, cases: Sequence[Case]) -> Iterator[str]:
    named = recognise(cases)
    if not named:
        why = _why_unused(cases)
        for key in ("embedder", "embedders"):
            if source.data.get(key):
                yield f"{_line(source, key)}: no check uses the {key}, {why}"
        return
    used = {other.embedder.name for case in named for other in case.agreement}
    used |= {case.embedder.name for case in named if case.embedder is not None}
    for name in source.data.get("embedders", ()):
        if name not in used:
            yield f"{_line(source, 'embedders', name)}: no check uses the embedder {name!r}"


def _unused_screens(source: Source, cases: Sequence[Case]) -> Iterator[str]:
    screens = source.data.get("screens") or {}
    screened = [case for case in cases if case.embedder and getattr(case.check, "is_screened", True)]
    if screens.keys() - {HUB} and not screened:
        yield f"{_line(source, 'screens')}: no check uses the screens, {_why_unused(cases)}"
    if HUB in screens and not any(case.generated or case.matches for case in cases):
        yield f"{_line(source, 'screens', HUB)}: no check can have hubs, as none compares generated images"


def _why_unused(cases: Sequence[Case]) -> str:
    listed = all(case.matches for case in cases)
    return "as all compare precomputed matches" if listed else "as none looks for people in pictures"


def _asks_for_a_rate(case: Case) -> bool:
    thresholds = [own_threshold(case.check), *(other.threshold for other in case.agreement)]
    return any(threshold is not None and threshold.is_rate for threshold in thresholds)


def _faces_without_alignment(source: Source) -> Iterator[str]:
    """Where faces are not looked for, it does not matter which of them would count."""
    blocks: dict[KeyPath, Any] = {("embedder",): source.data.get("embedder")}
    for group in ("embedders", "datasets"):
        blocks |= {(group, name): keys for name, keys in (source.data.get(group) or {}).items()}
    for place, keys in blocks.items():
        if isinstance(keys, dict) and keys.get("align") == "none" and "faces" in keys:
            line, _ = source.place((*place, "faces"))
            yield f"line {line}: 'faces' does nothing with align: none, where pictures are compared whole"
