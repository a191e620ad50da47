"""What each kind of check measures, given what is taken out of its sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.checks.coverage import Coverage
from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.identity_exposure import IdentityExposure
from faceleak_check.checks.leaks import cosine_of
from faceleak_check.checks.recall import measured_recall, widened
from faceleak_check.checks.statistics.clusters import clusters
from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.comparison import Measured
from faceleak_check.errors import InconclusiveError
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.matches import Gone, Matches
from faceleak_check.measuring_controls import no_excess
from faceleak_check.protocols import PairCheck
from faceleak_check.records import ImageRef, Measurement, NeighbourSearch, Pair
from faceleak_check.search.neighbours import Gallery, Neighbours, between

__all__ = [
    "CanaryFigures",
    "CoverageFigures",
    "ListFigures",
    "PairFigures",
]

_SAMPLED = 512
"""Generated images on which an approximate search is compared with an exact one."""


@dataclass(frozen=True, kw_only=True)
class PairFigures:
    """A check of the nearest source images of each generated image.

    Attributes:
        check: The check.
        neighbours: The two sets.
    """

    check: PairCheck
    neighbours: Neighbours

    def measure(self, gone: Gone) -> Measured | None:
        """See `faceleak_check.comparison.Figures`."""
        if self.neighbours.nothing_left(gone):
            return None
        is_top_k = isinstance(self.check, TopKSimilarity)
        matches = self.neighbours.matches(1 if is_top_k else self.check.n_neighbours, gone)
        search = self._search
        measured = self._top_k(gone, len(matches)) if is_top_k else widened(self._measured(matches), search)
        return Measured(
            measurement=measured,
            matches=matches,
            search=search,
            depends={
                "generated": [pair.generated for pair in measured.pairs],
                "source": [pair.source for pair in measured.pairs],
            },
        )

    def _top_k(self, gone: Gone, n: int) -> Measurement:
        """The most similar pairs of all, without as many neighbours of each image."""
        assert isinstance(self.check, TopKSimilarity)
        pairs = self.neighbours.best_pairs(self.check.k, gone)
        return self.check.measure_pairs(pairs, pairs.source_index >= 0, n)

    @cached_property
    def _search(self) -> NeighbourSearch | None:
        """How neighbours were looked for, and how many an approximate search finds."""
        neighbours = self.neighbours
        n_templates = len(neighbours.source.templates)
        if neighbours.engine.index == "exact":
            return None
        if not neighbours.is_approximate:
            return NeighbourSearch(index="exact", n_templates=n_templates)
        n_missed, n_sampled = neighbours.n_missed(_SAMPLED)
        confidence = getattr(self.check, "confidence", None) or USUAL_CONFIDENCE
        n_lists, n_probed = neighbours.lists
        return NeighbourSearch(
            index="ivf",
            n_templates=n_templates,
            n_lists=n_lists,
            n_probed=n_probed,
            n_sampled=n_sampled,
            n_found=n_sampled - n_missed,
            recall=measured_recall(n_sampled - n_missed, n_sampled, confidence),
            confidence=confidence,
        )

    def _measured(self, matches: Matches) -> Measurement:
        if isinstance(self.check, IdentityExposure) and self.check.people == "clusters":
            return self.check.measure_people(matches, self._clustered)
        return self.check.measure(matches)

    def _clustered(self, pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
        """The cluster of each pair's source image; each of its faces may be another person's."""
        if not pairs:
            return []
        source = self.neighbours.source
        rows = list(dict.fromkeys(source.row_of[pair.source.sha256][0] for pair in pairs))
        faces = np.concatenate([source.faces_of(row) for row in rows])
        cosine = cosine_of(self.check)
        threshold = min(pair.similarity for pair in pairs) if cosine is None else cosine
        try:
            found = clusters(source.templates.vectors[faces], threshold)
        except ValueError as error:
            raise InconclusiveError(f"people cannot be told apart: {error}") from None
        of_face = dict(zip(faces.tolist(), found.tolist(), strict=True))
        return [(f"person {of_face[_matched_face(source, pair)]}",) for pair in pairs]


def _matched_face(source: Gallery, pair: Pair) -> int:
    """The face of the source image that the pair is about."""
    faces = source.faces_of(source.row_of[pair.source.sha256][0])
    if source.boxes is None or pair.source_box is None:
        return int(faces[0])
    return int(faces[np.abs(source.boxes[faces] - np.array(pair.source_box)).sum(axis=1).argmin()])


@dataclass(frozen=True, kw_only=True)
class ListFigures:
    """A check of a list of precomputed matches: there are no others behind them.

    Attributes:
        check: The check.
        listed: The matches.
        control: The matches of another generated set with the same source, for the excess over it.
    """

    check: PairCheck | ExcessRisk
    listed: Matches
    control: Matches | None = None

    def measure(self, gone: Gone) -> Measured | None:
        """See `faceleak_check.comparison.Figures`; from a list only pairs are taken out."""
        if not len(self.listed):
            return None
        if isinstance(self.check, ExcessRisk):
            assert self.control is not None
            matches = self.listed.without(gone.pairs, 1)
            try:
                measured = self.check.measure_lists(matches, self.control)
            except ValueError as error:
                raise no_excess(error) from None
            return Measured(measurement=measured, matches=matches, in_control=self.control)
        matches = self.listed.without(gone.pairs, self.check.n_neighbours)
        measured = self.check.measure(matches)
        return Measured(measurement=measured, matches=matches)


@dataclass(frozen=True, kw_only=True)
class CanaryFigures:
    """How many altered copies of source images the gate catches.

    Attributes:
        check: The check, with its threshold.
        canaries: The altered copies that can be compared.
        source: The source images, each content once.
        ids: Ids of all canaries by kind.
        original_of: Tells the image that a canary was made from.
    """

    check: CanaryRecall
    canaries: Gallery
    source: Gallery
    ids: dict[str, list[str]]
    original_of: Callable[[ImageRef], ImageRef]

    def measure(self, gone: Gone) -> Measured | None:
        """See `faceleak_check.comparison.Figures`."""
        if not self.ids:
            return None
        near = self._to_originals(gone)
        caught = {one for one, figures in near.items() if self._is_caught(*figures)}
        lowest = {
            kind: min(near[one][0] for one in ids if one in near)
            for kind, ids in self.ids.items()
            if any(one in near for one in ids)
        }
        measured, kinds = self.check.measure_canaries(self.ids, caught, lowest)
        return Measured(measurement=measured, canaries=kinds)

    def _is_caught(self, similarity: float, distance: float) -> bool:
        threshold = self.check.threshold
        assert threshold is not None
        if threshold.euclidean is not None:
            return distance <= threshold.euclidean
        return threshold.cosine is not None and similarity >= threshold.cosine

    def _to_originals(self, gone: Gone) -> dict[str, tuple[float, float]]:
        """Cosine and distance of each canary to its original: the nearest two faces count.

        Not to its best match: that may be another picture of the same person, or by chance somebody else.
        """
        nearest = {}
        for row, image in enumerate(self.canaries.images):
            original = self.original_of(image).sha256
            there = self.source.row_of.get(original)
            if there and image.sha256 not in gone.generated and original not in gone.source:
                similarity, distance = between(self.canaries, row, self.source, there[0])
                nearest[image.id] = float(similarity.max()), float(distance.min())
        return nearest


@dataclass(frozen=True, kw_only=True)
class CoverageFigures:
    """How much of a dataset can be compared.

    Attributes:
        check: The check.
        one: The dataset.
    """

    check: Coverage
    one: EmbeddedSet

    def measure(self, gone: Gone) -> Measured | None:
        """See `faceleak_check.comparison.Figures`; images that a screen takes out are gone from ``generated``."""
        counts = self.one.summary.counts
        n_screened = sum(image.sha256 in gone.generated for image in self.one.images)
        if counts.n_embedded == n_screened:
            return None
        left_out = {**counts.n_excluded, "unreadable": counts.n_unreadable, "screened": n_screened}
        measured = self.check.measure_counts(counts.n_seen, counts.n_embedded - n_screened, left_out)
        return Measured(measurement=measured)
