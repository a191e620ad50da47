"""The hub rule: a source image that many generated images match best is looked at before its matches count."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from faceleak_check.calibration_sets import Unseen
from faceleak_check.checks.judge import brief, judge
from faceleak_check.checks.leaks import people_of
from faceleak_check.checks.statistics import hubs as statistics
from faceleak_check.comparison import Figures, Settled, digests
from faceleak_check.matches import Gone, Matches
from faceleak_check.policy.schema import HubKeys
from faceleak_check.records import FloatArray, Hub, ImageRef, IntArray, Outcome, Pair
from faceleak_check.search.neighbours import Gallery

__all__ = ["HubRule", "suspected_in_list"]

_FEWEST = 3
"""Generated images that a source image must be the best match of before it is suspected."""

_COMPARED = 20_000
"""Source images whose place among all faces is worked out, to see how central one is."""


class HubRule:
    """Excuses pairs of hubs, on evidence alone; what is suspected without evidence counts, and is reported.

    Args:
        keys: The policy's rule.
        generated: The generated images.
        source: The source images, each content once.
        threshold: Cosine from which on two templates show one person.
        unseen: Tells what people who are not in the source find in it; None where nobody is known.
    """

    def __init__(
        self,
        keys: HubKeys,
        generated: Gallery,
        source: Gallery,
        threshold: float,
        unseen: Callable[[], Unseen | None],
    ) -> None:
        self._keys = keys
        self._generated = generated
        self._source = source
        self._threshold = threshold
        self._unseen = unseen
        self._excused: dict[str, frozenset[str]] = {}
        self._hubs: dict[str, Hub] = {}

    def afresh(self) -> HubRule:
        """The same rule, before it has looked at anything."""
        return HubRule(self._keys, self._generated, self._source, self._threshold, self._unseen)

    @property
    def found(self) -> tuple[Hub, ...]:
        """Everything that was suspected, the most matched first."""
        return tuple(sorted(self._hubs.values(), key=lambda hub: (-hub.n_best, hub.source.id)))

    def excused(self, matches: Matches, pairs: Collection[Pair]) -> Collection[tuple[str, str]]:
        """See `faceleak_check.comparison.Excuses`."""
        for source in _suspects(matches, pairs, self._keys.max_share):
            if source.sha256 not in self._hubs:
                self._look_at(source, matches, pairs)
        return [
            digests(pair)
            for pair in pairs
            if pair.generated.sha256 in self._excused.get(pair.source.sha256, ())
        ]

    def _look_at(self, source: ImageRef, matches: Matches, pairs: Collection[Pair]) -> None:
        is_best = _best_of(matches, source)
        images = list(matches.generated.taken(np.flatnonzero(is_best)))
        evidence = statistics.hub_evidence(
            statistics.Matched(
                similarity=matches.similarity[is_best, 0],
                vectors=self._templates(images, source),
                groups=_groups(images),
            ),
            threshold=self._threshold,
            max_share=self._keys.max_share,
            n_generated=len(matches),
            n_source=len(self._source),
            unseen=self._unseen_of(source),
            others=self._others(source),
        )
        excused = frozenset(images[row].sha256 for row in np.flatnonzero(evidence.excused))
        leaking = [pair for pair in pairs if pair.source.sha256 == source.sha256]
        n_excused = sum(pair.generated.sha256 in excused for pair in leaking)
        self._excused[source.sha256] = excused
        self._hubs[source.sha256] = Hub(
            source=source,
            n_best=len(images),
            n_excused=n_excused,
            evidence=_KINDS[evidence.by if n_excused else ""],
            level=float(evidence.level) if np.isfinite(evidence.level) else None,
            n_unseen_best=evidence.n_unseen_best,
            n_unseen=evidence.n_unseen,
            reason=_reason(evidence, len(images), len(matches), n_excused, len(leaking)),
        )

    def _templates(self, images: list[ImageRef], source: ImageRef) -> FloatArray:
        """Of each image the face that is nearest to the source image."""
        place = self._source.templates.vectors[self._source.faces_of(self._source.row_of[source.sha256][0])]
        rows = []
        for image in images:
            faces = self._generated.faces_of(self._generated.row_of[image.sha256][0])
            if len(faces) > 1:
                cosines = self._generated.templates.vectors[faces] @ place.T
                faces = faces[[cosines.max(axis=1).argmax()]]
            rows.append(int(faces[0]))
        return self._generated.templates.vectors[np.array(rows, dtype=np.int64)]

    def _unseen_of(self, source: ImageRef) -> statistics.Unseen | None:
        unseen = self._unseen()
        if unseen is None or not len(unseen.images):
            return None
        row = unseen.gallery.row_of[source.sha256][0]
        place = unseen.gallery.templates.vectors[unseen.gallery.first_face[row]]
        return statistics.Unseen(
            similarity=unseen.vectors @ place,
            is_best=unseen.nearest == row,
            people=people_of(unseen.people),
        )

    def _others(self, source: ImageRef) -> statistics.Others | None:
        """How central the image lies among other people's: the centre is that of one image of each of them."""
        gallery = self._source
        others = [
            row
            for row, image in enumerate(gallery.images[:_COMPARED])
            if image.sha256 != source.sha256 and not set(image.labels) & set(source.labels)
        ]
        if not others:
            return None
        vectors = gallery.templates.vectors
        faces = gallery.first_face[np.array(others, dtype=np.int64)]
        _, first = np.unique(people_of([gallery.images[row].labels for row in others]), return_index=True)
        mine = vectors[gallery.first_face[gallery.row_of[source.sha256][0]]][None]
        try:
            places = statistics.centralities(np.concatenate([mine, vectors[faces]]), vectors[faces[first]])
        except ValueError:
            return None
        return statistics.Others(centrality=float(places[0]), centralities=places[1:])


_KINDS: dict[str, Any] = {"unseen": "unseen", "unlike": "unlike", "": "none"}


def _suspects(matches: Matches, pairs: Collection[Pair], max_share: float) -> list[ImageRef]:
    """Source images of these pairs that are the best match of more than a share of the generated images."""
    best = matches.source_index[:, 0]
    counts = np.bincount(best[best >= 0], minlength=len(matches.source))
    many = {
        matches.source[row].sha256
        for row in np.flatnonzero((counts > max_share * len(matches)) & (counts >= _FEWEST)).tolist()
    }
    leaking = {pair.source.sha256: pair.source for pair in pairs}
    return [source for digest, source in leaking.items() if digest in many]


def _best_of(matches: Matches, source: ImageRef) -> np.ndarray:
    same = matches.source.by_content.rows_among([source.sha256])
    index = matches.source_index[:, 0]
    return np.asarray((index >= 0) & same[index])


def _groups(images: list[ImageRef]) -> IntArray:
    """Images of one synthetic person are meant to resemble each other."""
    return people_of([image.labels for image in images])


def _reason(
    evidence: statistics.HubEvidence, n_best: int, n_generated: int, n_excused: int, n_leaking: int
) -> str:
    best = f"the best match of {n_best:,} of {n_generated:,} generated images"
    seen = f"{evidence.n_unseen_best:,} of {evidence.n_unseen:,} images of unseen people"
    if not n_excused:
        asked = f"the best match of {seen}" if evidence.n_unseen else "unseen people are not known"
        return f"{best}, and nothing shows that it is a hub ({asked}): its matches count"
    why = {
        "unseen": f"it is also the best match of {seen}",
        "unlike": (
            f"those resemble nobody else, and it is among the most central {100 * evidence.rank:.2g}% of the source"
        ),
    }[evidence.by]
    return (
        f"{best}, and a hub: {why}; {n_excused:,} of its {n_leaking:,} matches over the threshold are excused"
    )


def suspected_in_list(
    keys: HubKeys, figures: Figures, settled: Settled, outcome: Outcome
) -> tuple[list[tuple[str, str]], tuple[Hub, ...]]:
    """What a list of matches cannot tell: whether an image that many generated images match is a hub.

    Returns:
        A question (without detail) where it decides the outcome, and the suspected images.
    """
    matches, measured = settled.matches, settled.measured
    if matches is None:
        return [], ()
    suspects = _suspects(matches, measured.pairs, keys.max_share)
    if not suspects:
        return [], ()
    found = tuple(_listed_hub(matches, source) for source in suspects)
    contents = {source.sha256 for source in suspects}
    theirs = [digests(pair) for pair in measured.pairs if pair.source.sha256 in contents]
    without = figures.measure(Gone(pairs=frozenset([*theirs, *map(digests, settled.waived)])))
    if without is None or judge(without.measurement)[0] is outcome:
        return [], found
    n_most = max(hub.n_best for hub in found)
    images = "1 source image is" if len(found) == 1 else f"{len(found):,} source images are"
    question = (
        f"{images} the best match of {'' if len(found) == 1 else 'up to '}{n_most:,} of {len(matches):,} generated "
        f"images, and a list of matches cannot tell a hub from a leaked person: without it the figure is "
        f"{brief(without.measurement)}"
    )
    return [(question, "")], found


def _listed_hub(matches: Matches, source: ImageRef) -> Hub:
    n_best = int(_best_of(matches, source).sum())
    return Hub(
        source=source,
        n_best=n_best,
        n_excused=0,
        evidence="none",
        level=None,
        n_unseen_best=0,
        n_unseen=0,
        reason=(
            f"the best match of {n_best:,} of {len(matches):,} generated images; a list of matches cannot tell whether "
            "it is a hub"
        ),
    )
