"""A verdict as JUnit properties: figures and digests, no path, no face."""

from __future__ import annotations

from collections.abc import Iterator

from faceleak_check.records import Verdict

__all__ = ["junit_properties"]

_DECIMALS = 9


def junit_properties(verdict: Verdict, policy_sha256: str) -> list[tuple[str, str | float]]:
    """Name and value of each property, in the order in which an officer reads them."""
    return [(f"faceleak.{name}", value) for name, value in _properties(verdict, policy_sha256)]


def _properties(verdict: Verdict, policy_sha256: str) -> Iterator[tuple[str, str | float]]:
    yield "policy", verdict.policy
    yield "policy_sha256", policy_sha256
    yield "check", verdict.check
    yield "outcome", str(verdict.outcome)
    yield from _figures(verdict)
    for role, one in verdict.sets.items():
        yield f"{role}.dataset", one.name
        yield f"{role}.sha256", one.sha256
        if one.labels_sha256 is not None:
            yield f"{role}.labels_sha256", one.labels_sha256
        yield f"{role}.n_seen", one.counts.n_seen
        yield f"{role}.n_compared", one.counts.n_embedded
        yield f"{role}.n_unreadable", one.counts.n_unreadable
        for rule, n in one.counts.n_excluded.items():
            yield f"{role}.n_excluded.{rule}", n
        for name, alignment in one.alignments.items():
            yield f"{role}.alignment.{name}", f"{alignment.used}: {alignment.reason}"
    if verdict.embedder is not None:
        yield "embedder", verdict.embedder.name
        yield "weights_sha256", verdict.embedder.weights_sha256
        yield "precision", verdict.embedder.precision
        yield "device", verdict.embedder.device
        yield "licence", verdict.embedder.licence
    for name, spec in verdict.agreement.items():
        yield f"agreement.{name}", spec.name
        yield f"agreement.{name}.weights_sha256", spec.weights_sha256
    yield from _screens(verdict)
    for pair in verdict.waived:
        yield "waived", f"{pair.generated.sha256}:{pair.source.sha256}"
    for warning in verdict.warnings:
        yield "warning", warning


def _screens(verdict: Verdict) -> Iterator[tuple[str, str | float]]:
    for screen in verdict.screens:
        for method in screen.methods:
            yield f"screen.{screen.rule}.{method.spec.method}", method.spec.model
            yield f"screen.{screen.rule}.{method.spec.method}.n_images", method.n_images
        for role, group in screen.groups.items():
            yield f"screen.{screen.rule}.{role}.n_excluded", group.n_excluded
            yield f"screen.{screen.rule}.{role}.n_leaking", group.n_leaking
    if verdict.unscreened is not None:
        yield "value_without_screens", round(verdict.unscreened.value, _DECIMALS)


def _figures(verdict: Verdict) -> Iterator[tuple[str, str | float]]:
    measured = verdict.measurement
    if measured is None:
        return
    yield "value", round(measured.value, _DECIMALS)
    yield "limit", round(measured.limit, _DECIMALS)
    yield "unit", measured.unit
    yield "rule", measured.rule
    yield "n", measured.n
    if measured.interval is not None:
        yield "interval_low", round(measured.interval.low, _DECIMALS)
        yield "interval_high", round(measured.interval.high, _DECIMALS)
        yield "interval_confidence", measured.interval.confidence
