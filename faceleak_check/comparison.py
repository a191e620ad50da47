"""What is left of a figure once second opinions, screens, hubs and waivers have had their say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from faceleak_check.checks.judge import judge
from faceleak_check.checks.leaks import metric_of
from faceleak_check.image_sets import Role
from faceleak_check.matches import Gone, Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.records import (
    CanaryKind,
    ImageRef,
    Measurement,
    NeighbourSearch,
    Outcome,
    Pair,
    RocCurve,
    SecondOpinion,
)
from faceleak_check.search.neighbours import Gallery, between

__all__ = ["Excuses", "Figures", "LooksAt", "Measured", "SecondEmbedder", "Settled", "digests", "settle"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A figure, and what it rests on.

    Attributes:
        measurement: The figure.
        matches: The best matches of the generated images; None where a check has none.
        in_control: The same in the control set (or the best matches of the control list); None without one.
        canaries: What became of the canaries, by kind.
        curve: True against false positive rate, for membership inference.
        search: How neighbours were looked for; None where none may be missed.
        depends: The images that the figure would change with if a screen took them out, by role.
    """

    measurement: Measurement
    matches: Matches | None = None
    in_control: Matches | None = None
    canaries: tuple[CanaryKind, ...] = ()
    curve: RocCurve | None = None
    search: NeighbourSearch | None = None
    depends: Mapping[Role, Collection[ImageRef]] = field(default_factory=dict)


class Figures(Protocol):
    """Measures what is left when something is taken out."""

    def measure(self, gone: Gone) -> Measured | None:
        """The figure without what is gone; None where nothing is left to compare."""


class LooksAt(Protocol):
    """The screens: told which images a figure depends on, they say which of them to take out."""

    def look_at(self, images: Mapping[Role, Collection[ImageRef]], gone: Gone) -> Gone:
        """What is gone after these images were looked at."""


class Excuses(Protocol):
    """The hub rule: told which pairs leak, it says which of them are a hub's."""

    def excused(self, matches: Matches, pairs: Collection[Pair]) -> Collection[tuple[str, str]]:
        """Digests of generated and source image of each pair that does not count."""


@dataclass(frozen=True, kw_only=True)
class SecondEmbedder:
    """Another embedder, and the threshold at which it agrees that two images show one person.

    Attributes:
        name: Its name in the policy.
        threshold: Its own threshold.
        generated: The generated images with its templates.
        source: The source images with its templates.
    """

    name: str
    threshold: Threshold
    generated: Gallery
    source: Gallery

    def opinion(self, pair: Pair) -> SecondOpinion:
        """What it says of a pair: the nearest two faces count."""
        row, other = (
            gallery.row_of[image.sha256][0]
            for gallery, image in ((self.generated, pair.generated), (self.source, pair.source))
        )
        similarity, distance = between(self.generated, row, self.source, other)
        best = np.argmin(distance) if metric_of(self.threshold) == "euclidean" else np.argmax(similarity)
        return SecondOpinion(
            embedder=self.name, similarity=float(similarity[best]), distance=float(distance[best])
        )

    def agrees(self, opinion: SecondOpinion) -> bool:
        """Whether a pair is at or over its threshold; what is no number disagrees with nothing."""
        if self.threshold.euclidean is not None:
            return not opinion.distance > self.threshold.euclidean
        assert self.threshold.cosine is not None
        return not opinion.similarity < self.threshold.cosine


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """A figure that no screen, second opinion, hub or waiver changes any more.

    Attributes:
        measured: The figure.
        matches: The best matches it is made from; None where a check has none.
        in_control: The best matches in the control; None where a check has none.
        canaries: What became of the canaries, by kind.
        curve: True against false positive rate, for membership inference.
        search: How neighbours were looked for; None where none may be missed.
        waived: Leaks that a waiver takes out.
        n_disagreed: Pairs over the first embedder's threshold that another one does not confirm.
        gone: What was taken out.
        seen: All pairs that counted at some time, by the digests of generated and source image.
    """

    measured: Measurement
    matches: Matches | None
    in_control: Matches | None = None
    canaries: tuple[CanaryKind, ...] = ()
    curve: RocCurve | None = None
    search: NeighbourSearch | None = None
    waived: tuple[Pair, ...] = ()
    n_disagreed: int = 0
    gone: Gone = field(default_factory=Gone)
    seen: Mapping[tuple[str, str], Pair] = field(default_factory=dict)


def settle(
    of: Figures,
    *,
    gone: Gone | None = None,
    seconds: tuple[SecondEmbedder, ...] = (),
    screens: LooksAt | None = None,
    hubs: Excuses | None = None,
    accepted: Collection[tuple[str, str]] = (),
) -> Settled | None:
    """Measures, takes out what must not count, and measures again until nothing more is to be taken out.

    In rounds, because behind a pair that is taken out may stand another one. Only images that the figure depends on
    are screened: no other image can change it.

    Args:
        of: What is measured.
        gone: What is out from the start.
        seconds: The other embedders that must agree before a pair counts.
        screens: The screens; None where nothing is screened.
        hubs: The hub rule; None where the policy has none.
        accepted: Pairs that may leak, by the digests of generated and source image; taken out only where it takes that
            to pass.

    Returns:
        The figure; None where nothing is left to compare.

    Raises:
        InconclusiveError: A screen cannot be used, or too many neighbours would have to be held.
    """
    gone = gone or Gone()
    opinions: dict[tuple[str, str], tuple[SecondOpinion, ...]] = {}
    waived: list[Pair] = []
    seen: dict[tuple[str, str], Pair] = {}
    n_disagreed = 0
    while (now := of.measure(gone)) is not None:
        apart = _told_apart(now.measurement.pairs, seconds, opinions)
        if apart:
            n_disagreed += len(apart)
            gone = gone.and_pairs(apart)
            continue
        measured = _with_opinions(now.measurement, opinions)
        seen |= {digests(pair): pair for pair in measured.pairs}
        screened = screens.look_at(now.depends, gone) if screens else gone
        if screened != gone:
            gone = screened
            continue
        excused = hubs.excused(now.matches, measured.pairs) if hubs and now.matches else ()
        if excused:
            gone = gone.and_pairs(excused)
            continue
        more = [pair for pair in measured.pairs if digests(pair) in accepted]
        if not more or judge(measured)[0] is Outcome.PASS:
            return Settled(
                measured=measured,
                matches=now.matches,
                in_control=now.in_control,
                canaries=now.canaries,
                curve=now.curve,
                search=now.search,
                waived=tuple(waived),
                n_disagreed=n_disagreed,
                gone=gone,
                seen=seen,
            )
        waived += more
        gone = gone.and_pairs([digests(pair) for pair in more])
    return None


def _with_opinions(
    measured: Measurement, opinions: Mapping[tuple[str, str], tuple[SecondOpinion, ...]]
) -> Measurement:
    if not opinions:
        return measured
    pairs = tuple(replace(pair, seconds=opinions.get(digests(pair), ())) for pair in measured.pairs)
    return replace(measured, pairs=pairs)


def _told_apart(
    pairs: Collection[Pair],
    seconds: tuple[SecondEmbedder, ...],
    opinions: dict[tuple[str, str], tuple[SecondOpinion, ...]],
) -> list[tuple[str, str]]:
    """The pairs that one of the other embedders does not confirm; notes what each of them says."""
    apart = []
    for pair in pairs if seconds else ():
        key = digests(pair)
        if key not in opinions:
            opinions[key] = tuple(second.opinion(pair) for second in seconds)
            agreed = (second.agrees(opinion) for second, opinion in zip(seconds, opinions[key], strict=True))
            if not all(agreed):
                apart.append(key)
    return apart


def digests(pair: Pair) -> tuple[str, str]:
    """A pair by its contents."""
    return pair.generated.sha256, pair.source.sha256
