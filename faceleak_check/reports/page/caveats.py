"""What a result does not say: sentences chosen by the facts of a case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE, bound_of_none
from faceleak_check.reports.about import MATCHED, about_of, kind_of
from faceleak_check.reports.page.words import counted, joined, percent

__all__ = ["caveats"]

_OF_THE_GATE = ("awake", "coverage")
"""The kinds of checks that look at the gate, and not at the release."""
_SUPPORTED_BY_CHANCE = 0.5
"""Share of what was found from which on chance is worth a sentence."""

Record = Mapping[str, Any]


def caveats(case: Record, others: Sequence[Record]) -> tuple[str, ...]:
    """What a reader could take from a verdict and must not.

    Args:
        case: The record of the case.
        others: The records of all cases of its policy.
    """
    if case["measurement"] is None:
        return ("Anything: nothing could be measured. That is not a pass.",)
    return tuple(
        sentence
        for about in (_on_outcome, _on_nothing_found, _on_chance, _on_recogniser, _on_sets, _on_check)
        for sentence in about(case)
    ) + tuple(_on_gate(case, others))


def _on_outcome(case: Record) -> Iterator[str]:
    if case["outcome"] == "inconclusive":
        yield "That the release may go: a check without a verdict is not passed."
    if case["waived"]:
        n = len(case["waived"])
        yield (
            f"That nothing was found: {counted(n, 'pair')} over the threshold {'is' if n == 1 else 'are'} not "
            "counted, because somebody took responsibility for "
            f"{'it' if n == 1 else 'them'}."
        )


def _on_nothing_found(case: Record) -> Iterator[str]:
    """None of n is no proof of none."""
    measured = case["measurement"]
    n = measured["n"]
    if (
        measured["value"]
        or not measured["pairs_are_leaks"]
        or kind_of(case["check"]) not in _NONE_OF_N
        or n < 1
    ):
        return
    interval = measured["interval"] if measured["confidence_asked"] else None
    high = interval["high"] if interval else bound_of_none(n, USUAL_CONFIDENCE)
    confidence = interval["confidence"] if interval else USUAL_CONFIDENCE
    yield (
        f"That nothing leaks: nothing was found among {counted(n, 'image')}, and so up to {percent(high)} of what "
        f"the generator makes could leak ({100 * confidence:.6g}% confidence)."
    )


_NONE_OF_N = ("rate", "copies")


def _on_chance(case: Record) -> Iterator[str]:
    measured = case["measurement"]
    if not measured["pairs_are_leaks"] or kind_of(case["check"]) not in MATCHED:
        return
    chance, n_pairs = case["chance"], measured["n_pairs"]
    if not case["thresholds"]:
        known = "" if chance is None else ". What chance gives at it was worked out afterwards"
        yield (
            "That strangers match as rarely as somebody asked for: the threshold is a number that the policy states, "
            f"and not an error rate{known}."
        )
    if any(one["extrapolated"] for one in case["thresholds"].values()):
        yield (
            "That the error rate of the threshold was seen: it lies beyond what the comparisons can show and was "
            "extrapolated."
        )
    if n_pairs and chance and chance["expected"] >= _SUPPORTED_BY_CHANCE * n_pairs:
        yield (
            f"That everything found is a leak: of {counted(n_pairs, 'pair')} over the threshold, about "
            f"{max(chance['expected'], 0):,.2g} would be there by chance alone."
        )
    elif n_pairs and chance and chance["high"] >= _SUPPORTED_BY_CHANCE * n_pairs:
        yield (
            f"That nothing of this is chance: too few strangers were compared to rule out that chance brings "
            f"{chance['high']:,.2g} of {counted(n_pairs, 'pair')}."
        )
    if n_pairs:
        yield (
            "That a human would see the same person in both pictures of a pair: look at them, and mark those "
            "that are other people."
        )


def _on_recogniser(case: Record) -> Iterator[str]:
    specs = [spec for spec in (case["embedder"], *case["agreement"].values()) if spec]
    if not specs or kind_of(case["check"]) == "coverage":
        return
    names = joined(dict.fromkeys(spec["name"] for spec in specs))
    if not all(spec["recognises_people"] for spec in specs):
        yield f"Anything about people: {names} is no face recogniser."
    elif len(specs) > 1:
        yield f"What other recognisers see: only what {names} agree on is counted."
    elif kind_of(case["check"]) in MATCHED | {"members"}:
        yield (
            f"What another recogniser or a person would see: this is the view of one, {names}. Recognisers err "
            "more on some groups of people than on others, and no figure here is told apart by them."
        )


def _on_sets(case: Record) -> Iterator[str]:
    sets = case["sets"]
    source = sets.get("source")
    if "matches" in sets:
        yield "What the pictures show: a list of matches was judged that somebody else had made."
    if source and kind_of(case["check"]) not in _OF_THE_GATE:
        yield (
            f"Whether other people come back: only the {counted(source['counts']['n_embedded'], 'image')} of "
            f"{source['name']!r} were compared, and not what else the generator, or a model that it was built "
            "on, has seen."
        )
    for role in ("generated", "source"):
        counts = sets[role]["counts"] if role in sets and kind_of(case["check"]) not in _OF_THE_GATE else None
        if counts and counts["n_seen"] > counts["n_embedded"]:
            n = counts["n_seen"] - counts["n_embedded"]
            yield (
                f"Anything about {n:,} of the {counted(counts['n_seen'], 'image')} of {sets[role]['name']!r}: they "
                "were left out."
            )
    search = case["search"]
    if search and search["recall"] is not None:
        yield (
            f"That every nearest source image was found: the search was approximate and finds at least "
            f"{percent(search['recall'])} of them ({100 * search['confidence']:.6g}% confidence)."
        )


def _on_check(case: Record) -> Iterator[str]:
    about = about_of(case["check"])
    if about.kind in MATCHED - {"nearest"}:
        yield (
            "That every picture of a source person is recognised: copies of a photograph are found far more "
            "surely than other photographs of the same people."
        )
    if about.not_shown:
        yield about.not_shown


def _on_gate(case: Record, others: Sequence[Record]) -> Iterator[str]:
    if kind_of(case["check"]) in _OF_THE_GATE or "source" not in case["sets"]:
        return
    source = case["sets"]["source"]["sha256"]
    tested = [
        other
        for other in others
        if other["check"] == "canary_recall"
        and "source" in other["sets"]
        and other["sets"]["source"]["sha256"] == source
    ]
    if not tested:
        yield "That the gate was awake: this policy sends no altered copies of the source through it (canary_recall)."
    elif tested[0]["outcome"] != "pass":
        yield "That the gate was awake: too few altered copies of the source were caught (canary_recall)."
