"""The tables of the leak lab."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from figures import at_recall, best_threshold, is_right, share, verdict_at
from gates import Judged
from planting import COPIES, KINDS, GeneratedSet, Picture
from rules import COSINE, HASH, HASH_BITS, MEANS, NOT_COMPARED
from tables import show

__all__ = ["Result", "show_results"]

OURS = "gate"
RULES = (COSINE, HASH, MEANS)
EXACT_TO_CROPPED = ("exact", "recompressed", "mirrored", "relit", "cropped and turned")
RECALL = 0.95
GATE_CHECKS = ("near_copy", "leak_count", "canary_recall")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What the gate and the rules said of one set.

    Attributes:
        seed: The split.
        generated: The set.
        judged: The gate's words.
        values: How near each picture comes to the source, by rule.
        normalised: The same by cosines set against the control.
    """

    seed: int
    generated: GeneratedSet
    judged: Judged
    values: Mapping[str, Mapping[Picture, float]]
    normalised: Mapping[str, Mapping[Picture, float]]

    @property
    def has_leaks(self) -> bool:
        return bool(self.generated.planted)

    def highest(self, rule: str) -> float:
        return max(self.values[rule][picture] for picture in self.generated.pictures)

    def of(self, rule: str, pictures: Sequence[Picture]) -> list[float]:
        return [self.values[rule][picture] for picture in pictures]

    def n_flagged(self, pictures: Sequence[Picture]) -> int:
        return sum(picture in self.judged.flagged for picture in pictures)


class Results:
    """All sets, with the thresholds that are best for the rules in hindsight."""

    def __init__(self, found: Sequence[Result]) -> None:
        self.found = found
        self.clean = [one for one in found if not one.has_leaks]
        self.rates = sorted({one.generated.rate for one in found})
        self.kinds = [kind for kind in KINDS if self.fullest(kind)]
        self.thresholds = {HASH: -float(HASH_BITS)} | {rule: self._best(rule) for rule in (COSINE, MEANS)}

    def fullest(self, kind: str) -> list[Result]:
        """The sets with the most leaks of a kind, one a split: those of lower rates hold a part of them."""
        of_kind = [one for one in self.found if one.generated.kind == kind]
        most = max((one.generated.rate for one in of_kind), default=0.0)
        return [one for one in of_kind if one.generated.rate == most]

    def _best(self, rule: str) -> float:
        highest: dict[tuple[str, float], list[float]] = {}
        for one in self.found:
            highest.setdefault((one.generated.kind, one.generated.rate), []).append(one.highest(rule))
        return best_threshold(highest)

    def outcome(self, name: str, one: Result) -> str:
        if name == OURS:
            return one.judged.outcome
        return verdict_at(one.highest(name), self.thresholds[name])

    def n_flagged(self, name: str, one: Result, pictures: Sequence[Picture]) -> int:
        if name == OURS:
            return one.n_flagged(pictures)
        return sum(value >= self.thresholds[name] for value in one.of(name, pictures))

    def values(self, rule: str, kind: str) -> Floats:
        return np.array([v for one in self.fullest(kind) for v in one.of(rule, one.generated.planted)])

    def clean_values(self, rule: str) -> Floats:
        return np.array([v for one in self.clean for v in one.of(rule, one.generated.clean)])


def show_results(found: Sequence[Result], *, markdown: bool) -> None:
    """Prints all tables."""
    all_of_them = Results(found)
    best = ", ".join(f"{rule} {all_of_them.thresholds[rule]:.4f}" for rule in (COSINE, MEANS))
    print(f"best thresholds in hindsight: {best}; perceptual hash: {HASH_BITS} bits")
    cosines = [one.judged.cosine for one in all_of_them.clean]
    print(
        f"the gate's cosine: {np.mean(cosines):.4f} ({min(cosines):.4f}-{max(cosines):.4f} over the splits)"
    )
    for table in (_recall, _people, _alarms, _by_rate, _by_kind, _equal_recall, _normalised, _by_check):
        title, header, rows = table(all_of_them)
        show(title, header, rows, markdown=markdown)


Table = tuple[str, list[str], list[list[object]]]


def _recall(all_of_them: Results) -> Table:
    rows: list[list[object]] = []
    for kind in all_of_them.kinds:
        sets = all_of_them.fullest(kind)
        n = sum(len(one.generated.planted) for one in sets)
        n_lost = int((all_of_them.values(COSINE, kind) == NOT_COMPARED).sum())
        caught = [
            sum(all_of_them.n_flagged(name, one, one.generated.planted) for one in sets)
            for name in (OURS, *RULES)
        ]
        rows.append([kind, n, n_lost, *(share(n_caught, n) for n_caught in caught)])
    return "Planted pictures that were flagged, %", ["kind", "planted", "no face", OURS, *RULES], rows


def _people(all_of_them: Results) -> Table:
    rows: list[list[object]] = []
    for kind in all_of_them.kinds:
        n = n_found = n_named = 0
        for one in all_of_them.fullest(kind):
            flagged = one.judged.flagged
            people = {picture.shot.person for picture in one.generated.planted}
            found = {picture.shot.person for picture in one.generated.planted if picture in flagged}
            named = {p.shot.person for p in one.generated.planted if p.shot.person in flagged.get(p, ())}
            n, n_found, n_named = n + len(people), n_found + len(found), n_named + len(named)
        rows.append([kind, n, share(n_found, n), share(n_named, n)])
    header = ["kind", "people", "a picture flagged", "and rightly named"]
    return "Recall of people by the gate, %", header, rows


def _alarms(all_of_them: Results) -> Table:
    rows: list[list[object]] = []
    n = sum(len(one.generated.clean) for one in all_of_them.clean)
    for name in (OURS, *RULES):
        n_false = sum(all_of_them.n_flagged(name, one, one.generated.clean) for one in all_of_them.clean)
        n_failed = sum(all_of_them.outcome(name, one) == "leak" for one in all_of_them.clean)
        n_open = sum(all_of_them.outcome(name, one) == "inconclusive" for one in all_of_them.clean)
        rows.append([name, f"{n_false} of {n:,}", f"{n_failed} of {len(all_of_them.clean)}", n_open])
    expected = np.mean([one.judged.expected for one in all_of_them.clean])
    header = ["", "clean pictures flagged", "clean sets failed", "inconclusive"]
    return f"False alarms; the gate predicts {expected:.3f} chance pairs a set", header, rows


def _by_rate(all_of_them: Results) -> Table:
    rows: list[list[object]] = []
    for name in (OURS, *RULES):
        cells = []
        for rate in all_of_them.rates:
            sets = [one for one in all_of_them.found if one.generated.rate == rate]
            cells.append(_right(all_of_them, name, sets))
        rows.append([name, *cells])
    header = ["", *(f"{rate:.1%} planted" for rate in all_of_them.rates)]
    return "Right verdicts, % (all kinds)", header, rows


def _by_kind(all_of_them: Results) -> Table:
    rows: list[list[object]] = []
    for kind in all_of_them.kinds:
        cells = []
        for rate in all_of_them.rates[1:]:
            sets = [
                one for one in all_of_them.found if (one.generated.kind, one.generated.rate) == (kind, rate)
            ]
            cells += [_plain(all_of_them, name, sets) for name in (OURS, COSINE)]
        rows.append([kind, *cells])
    header = [f"{rate:.1%}: {name}" for rate in all_of_them.rates[1:] for name in (OURS, COSINE)]
    return "Right verdicts by kind, %", ["kind", *header], rows


def _right(all_of_them: Results, name: str, sets: Sequence[Result]) -> str:
    outcomes = [all_of_them.outcome(name, one) for one in sets]
    n_right = sum(
        is_right(outcome, has_leaks=one.has_leaks) for outcome, one in zip(outcomes, sets, strict=True)
    )
    n_open = outcomes.count("inconclusive")
    return share(n_right, len(sets)) + (f", {n_open} open" if n_open else "")


def _plain(all_of_them: Results, name: str, sets: Sequence[Result]) -> str:
    return _right(all_of_them, name, sets).split(" ")[0]


def _equal_recall(all_of_them: Results) -> Table:
    rows: list[list[object]] = []
    clean = all_of_them.clean_values(COSINE)
    ours = sum(one.n_flagged(one.generated.clean) for one in all_of_them.clean)
    groups: dict[str, list[str]] = {kind: [kind] for kind in all_of_them.kinds}
    groups |= {"exact to cropped": list(EXACT_TO_CROPPED), "all copies": list(COPIES)}
    for title, kinds in groups.items():
        planted = np.concatenate([all_of_them.values(COSINE, kind) for kind in kinds])
        n_caught = sum(
            one.n_flagged(one.generated.planted) for kind in kinds for one in all_of_them.fullest(kind)
        )
        found = at_recall(planted, clean, n_caught)
        recall = f"{100 * n_caught / len(planted):.1f}"
        cosine = "none" if found.threshold == NOT_COMPARED else f"{found.threshold:.4f}"
        rows.append([title, recall, ours, cosine, found.n_false])
    header = ["kind", "recall, %", "alarms of the gate", "cosine with that recall", "alarms of the cosine"]
    return f"False alarms among {len(clean):,} clean pictures at equal recall", header, rows


def _normalised(all_of_them: Results) -> Table:
    names = list(all_of_them.clean[0].normalised)
    rows: list[list[object]] = []
    for kind in all_of_them.kinds:
        cells = []
        for name in names:
            planted = [
                one.normalised[name][p] for one in all_of_them.fullest(kind) for p in one.generated.planted
            ]
            clean = [one.normalised[name][p] for one in all_of_them.clean for p in one.generated.clean]
            found = at_recall(np.array(planted), np.array(clean), math.ceil(RECALL * len(planted)))
            cells.append("-" if found.threshold == NOT_COMPARED else found.n_false)
        rows.append([kind, *cells])
    return f"False alarms of normalised cosines at {RECALL:.0%} recall", ["kind", *names], rows


def _by_check(all_of_them: Results) -> Table:
    names = list(all_of_them.clean[0].judged.outcomes)
    at = {
        rate: [one for one in all_of_them.found if one.generated.rate == rate] for rate in all_of_them.rates
    }
    rows: list[list[object]] = []
    for name in names:
        cells = [_outcomes(name, sets) for sets in at.values()]
        rows.append([name if name in GATE_CHECKS else f"({name})", *cells])
    header = ["check", *(f"{rate:.1%} planted" for rate in all_of_them.rates)]
    return "What each check says: pass / inconclusive / leak, % (in brackets: not in the gate)", header, rows


def _outcomes(name: str, sets: Sequence[Result]) -> str:
    """Of the sets that were asked."""
    outcomes = [one.judged.outcomes[name] for one in sets if name in one.judged.outcomes]
    kinds = ("pass", "inconclusive", "leak")
    return " / ".join(f"{100 * outcomes.count(kind) / len(outcomes):.0f}" for kind in kinds)
