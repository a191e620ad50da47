"""A verdict as JUnit properties: figures and digests, no path, no face."""

from __future__ import annotations

from collections.abc import Iterator

from faceleak_check.records import Calibration, Figure, Measurement, Verdict
from faceleak_check.reports.leaves import rounded

__all__ = ["junit_properties"]

Property = tuple[str, str | float]


def junit_properties(verdict: Verdict, policy_sha256: str) -> list[Property]:
    """Name and value of each property, in the order in which an officer reads them."""
    return [(f"faceleak.{name}", value) for name, value in _properties(verdict, policy_sha256)]


def _properties(verdict: Verdict, policy_sha256: str) -> Iterator[Property]:
    yield "policy", verdict.policy
    yield "policy_sha256", policy_sha256
    yield "check", verdict.check
    yield "outcome", str(verdict.outcome)
    if verdict.measurement is not None:
        yield from _measured(verdict.measurement)
    if verdict.previous is not None:
        yield "previous_value", _number(verdict.previous.value)
    for name, found in verdict.thresholds.items():
        yield from _threshold(f"threshold.{name}", found)
    yield from _findings(verdict)
    yield from _sets(verdict)
    yield from _embedders(verdict)
    yield from _screens(verdict)
    for pair in verdict.waived:
        yield "waived", f"{pair.generated.sha256}:{pair.source.sha256}"
    for warning in verdict.warnings:
        yield "warning", warning


def _sets(verdict: Verdict) -> Iterator[Property]:
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


def _embedders(verdict: Verdict) -> Iterator[Property]:
    if verdict.embedder is not None:
        yield "embedder", verdict.embedder.name
        yield "weights_sha256", verdict.embedder.weights_sha256
        yield "precision", verdict.embedder.precision
        yield "device", verdict.embedder.device
        yield "licence", verdict.embedder.licence
    for name, spec in verdict.agreement.items():
        yield f"agreement.{name}", spec.name
        yield f"agreement.{name}.weights_sha256", spec.weights_sha256


def _screens(verdict: Verdict) -> Iterator[Property]:
    for screen in verdict.screens:
        for method in screen.methods:
            yield f"screen.{screen.rule}.{method.spec.method}", method.spec.model
            yield f"screen.{screen.rule}.{method.spec.method}.n_images", method.n_images
        for role, group in screen.groups.items():
            yield f"screen.{screen.rule}.{role}.n_excluded", group.n_excluded
            yield f"screen.{screen.rule}.{role}.n_leaking", group.n_leaking
    if verdict.unscreened is not None:
        yield "value_without_screens", _number(verdict.unscreened.value)


def _measured(measured: Measurement) -> Iterator[Property]:
    yield "value", _number(measured.value)
    yield "limit", _number(measured.limit)
    yield "limit_is", "at_least" if measured.at_least else "at_most"
    yield "unit", measured.unit
    yield "rule", measured.rule
    yield "n", measured.n
    if measured.interval is not None:
        yield "interval_low", _number(measured.interval.low)
        yield "interval_high", _number(measured.interval.high)
        yield "interval_confidence", measured.interval.confidence
    for figure in measured.figures:
        yield from _figure(f"figure.{figure.name}", figure)
    kinds = [pair.kind for pair in measured.pairs]
    if any(kinds):
        yield "pairs_copies", kinds.count("copy")
        yield "pairs_persons", kinds.count("person")


def _figure(name: str, figure: Figure) -> Iterator[Property]:
    yield name, _number(figure.value)
    for end in ("low", "high", "confidence"):
        number = getattr(figure, end)
        if number is not None:
            yield f"{name}.{end}", _number(number)


def _threshold(name: str, found: Calibration) -> Iterator[Property]:
    yield f"{name}.asked", found.asked
    yield f"{name}.cosine", _number(found.cosine)
    yield f"{name}.low", _number(found.low)
    yield f"{name}.high", _number(found.high)
    yield f"{name}.confidence", _number(found.confidence)
    yield f"{name}.extrapolated", "yes" if found.extrapolated else "no"
    yield f"{name}.n_people", found.n_people
    yield f"{name}.n_comparisons", found.n_comparisons
    yield f"{name}.n_suspects", len(found.suspects)


def _findings(verdict: Verdict) -> Iterator[Property]:
    """Chance, hubs and canaries as numbers: which images they are is in the evidence."""
    if verdict.chance is not None:
        yield "chance_matches", _number(verdict.chance.expected)
        yield "chance_matches_low", _number(verdict.chance.low)
        yield "chance_matches_high", _number(verdict.chance.high)
        yield "chance_matches_unit", verdict.chance.unit
    if verdict.hubs:
        yield "n_hubs", len(verdict.hubs)
        yield "n_hubs_excused", sum(hub.n_excused > 0 for hub in verdict.hubs)
    for kind in verdict.canaries:
        yield f"canary.{kind.kind}.n", kind.n
        yield f"canary.{kind.kind}.n_caught", kind.n_caught


def _number(number: float) -> float:
    """A count stays whole."""
    return number if isinstance(number, int) else rounded(number)
