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
    if verdict.embedder is not None:
        yield "embedder", verdict.embedder.name
        yield "weights_sha256", verdict.embedder.weights_sha256
        yield "precision", verdict.embedder.precision
    for pair in verdict.waived:
        yield "waived", f"{pair.generated.sha256}:{pair.source.sha256}"
    for warning in verdict.warnings:
        yield "warning", warning


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
