"""What is left of the nearest neighbours once second opinions, screens and waivers have had their say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from faceleak_check.checks.judge import judge
from faceleak_check.checks.leaks import metric_of
from faceleak_check.matches import Gone, Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.protocols import Check
from faceleak_check.records import ImageRef, Measurement, Outcome, Pair, SecondOpinion
from faceleak_check.search.exact import figures
from faceleak_check.search.neighbours import Gallery

__all__ = ["Candidates", "ListedMatches", "LooksAt", "SecondEmbedder", "Settled", "digests", "settle"]


class Candidates(Protocol):
    """Gives the nearest neighbours that are left when something is taken out."""

    def matches(self, k: int, gone: Gone) -> Matches:
        """The k nearest source images of each generated image that are left."""

    def nothing_left(self, gone: Gone) -> bool:
        """Whether no generated image or no source image is left at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedMatches:
    """A list of precomputed matches as candidates: there are no others behind them."""

    listed: Matches

    def matches(self, k: int, gone: Gone) -> Matches:
        """The k nearest that the list holds, without the pairs that are gone."""
        return self.listed.without(gone.pairs, k)

    def nothing_left(self, gone: Gone) -> bool:  # noqa: ARG002
        """Never: from a list only pairs are taken out."""
        return False


class LooksAt(Protocol):
    """The screens: told which images a figure depends on, they say which of them to take out."""

    def look_at(self, pairs: Collection[Pair], gone: Gone) -> Gone:
        """What is gone after the images of these pairs were looked at."""


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
        left, right = _faces(self.generated, pair.generated), _faces(self.source, pair.source)
        similarity, distance = figures(
            self.generated.part(np.repeat(left, len(right))), self.source.part(np.tile(right, len(left)))
        )
        best = np.argmin(distance) if metric_of(self.threshold) == "euclidean" else np.argmax(similarity)
        return SecondOpinion(
            embedder=self.name, similarity=float(similarity[best]), distance=float(distance[best])
        )

    def agrees(self, opinion: SecondOpinion) -> bool:
        """Whether a pair is at or over its threshold."""
        if self.threshold.euclidean is not None:
            return opinion.distance <= self.threshold.euclidean
        assert self.threshold.cosine is not None
        return opinion.similarity >= self.threshold.cosine


def _faces(gallery: Gallery, image: ImageRef) -> np.ndarray:
    row = gallery.row_of[image.sha256][0]
    return np.arange(gallery.first_face[row], gallery.first_face[row] + gallery.n_faces[row])


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """A figure that no screen, second opinion or waiver changes any more.

    Attributes:
        measured: The figure.
        matches: The neighbours it is made from.
        waived: Leaks that a waiver takes out.
        n_disagreed: Pairs over the first embedder's threshold that another one does not confirm.
        seen: All pairs that counted at some time, by the digests of generated and source image.
    """

    measured: Measurement
    matches: Matches
    waived: tuple[Pair, ...] = ()
    n_disagreed: int = 0
    seen: Mapping[tuple[str, str], Pair] = field(default_factory=dict)


def settle(
    candidates: Candidates,
    check: Check,
    *,
    gone: Gone | None = None,
    seconds: tuple[SecondEmbedder, ...] = (),
    screens: LooksAt | None = None,
    accepted: Collection[tuple[str, str]] = (),
) -> Settled | None:
    """Measures, takes out what must not count, and measures again until nothing more is to be taken out.

    In rounds, because behind a pair that is taken out may stand another one. Only images of pairs that count are
    screened: no other image can change the figure.

    Args:
        candidates: The nearest neighbours.
        check: What is measured.
        gone: What is out from the start.
        seconds: The other embedders that must agree before a pair counts.
        screens: The screens; None where nothing is screened.
        accepted: Pairs that may leak, by the digests of generated and source image; taken out only where it takes that
            to pass.

    Returns:
        The figure; None where the screens leave nothing to compare.

    Raises:
        InconclusiveError: A screen cannot be used, or too many neighbours would have to be held.
    """
    gone = gone or Gone()
    opinions: dict[tuple[str, str], tuple[SecondOpinion, ...]] = {}
    waived: list[Pair] = []
    seen: dict[tuple[str, str], Pair] = {}
    n_disagreed = 0
    while not candidates.nothing_left(gone):
        matches = candidates.matches(check.n_neighbours, gone)
        measured = check.measure(matches)
        apart = _told_apart(measured.pairs, seconds, opinions)
        if apart:
            n_disagreed += len(apart)
            gone = gone.and_pairs(apart)
            continue
        measured = replace(
            measured,
            pairs=tuple(replace(pair, seconds=opinions.get(digests(pair), ())) for pair in measured.pairs),
        )
        seen |= {digests(pair): pair for pair in measured.pairs}
        screened = screens.look_at(measured.pairs, gone) if screens else gone
        if screened != gone:
            gone = screened
            continue
        more = [pair for pair in measured.pairs if digests(pair) in accepted]
        if not more or judge(measured)[0] is Outcome.PASS:
            return Settled(
                measured=measured, matches=matches, waived=tuple(waived), n_disagreed=n_disagreed, seen=seen
            )
        waived += more
        gone = gone.and_pairs([digests(pair) for pair in more])
    return None


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
