from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceleak_check.checks.identity_exposure import IdentityExposure
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.comparison import SecondEmbedder, Settled, digests
from faceleak_check.comparison import settle as settle_figures
from faceleak_check.image_sets import Role
from faceleak_check.matches import Gone
from faceleak_check.measuring import PairFigures
from faceleak_check.policy.types import Threshold
from faceleak_check.protocols import PairCheck
from faceleak_check.records import ImageRef, Templates
from faceleak_check.search.neighbours import Gallery, Neighbours


def settle_or_nothing(neighbours: Neighbours, check: PairCheck, **keys: Any) -> Settled | None:
    return settle_figures(PairFigures(check=check, neighbours=neighbours), **keys)


def settle(neighbours: Neighbours, check: PairCheck, **keys: Any) -> Settled:
    settled = settle_or_nothing(neighbours, check, **keys)
    assert settled is not None
    return settled


def gallery(prefix: str, n: int, seed: int) -> Gallery:
    rows = np.random.default_rng(seed).normal(size=(n, 3))
    vectors = (rows / np.linalg.norm(rows, axis=1)[:, None]).astype(np.float32)
    images = tuple(
        ImageRef(
            id=f"{prefix}{row}",
            sha256=f"{prefix}{row}".encode().hex().ljust(64, "0"),
            labels=(f"p{row % 5}",),
        )
        for row in range(n)
    )
    return Gallery(
        images=images,
        n_faces=np.ones(n, np.int64),
        templates=Templates(vectors=vectors, norms=np.ones(n, np.float32)),
    )


@dataclass
class Rejects:
    """Screens that know beforehand what they take out, and remember what they were asked."""

    generated: frozenset[str]
    source: frozenset[str]
    asked: set[str] = field(default_factory=set)

    def look_at(self, images: Mapping[Role, Collection[ImageRef]], gone: Gone) -> Gone:
        seen_generated = {image.sha256 for image in images["generated"]}
        seen_source = {image.sha256 for image in images["source"]}
        self.asked |= seen_generated | seen_source
        return replace(
            gone,
            generated=gone.generated | (self.generated & seen_generated),
            source=gone.source | (self.source & seen_source),
        )


def some_of(images: tuple[ImageRef, ...], share: float, seed: int) -> frozenset[str]:
    random = np.random.default_rng(seed)
    return frozenset(image.sha256 for image in images if random.random() < share)


CHECKS: list[PairCheck] = [
    TopKSimilarity(k=4, at_most=0.9),
    LeakCount(threshold=Threshold(cosine=0.9), at_most=0),
    LeakCount(threshold=Threshold(euclidean=0.4), at_most=0),
    IdentityExposure(threshold=Threshold(cosine=0.9), at_most=0, k=2),
    LeakRate(threshold=Threshold(cosine=0.9), at_most=0),
]


@settings(max_examples=150, deadline=None)
@given(
    check=st.sampled_from(CHECKS),
    n=st.integers(1, 25),
    m=st.integers(1, 60),
    share=st.sampled_from([0.1, 0.5, 0.9]),
    seed=st.integers(0, 500),
)
def test_screening_pairs_alone_gives_what_screening_everything_gives(
    check: PairCheck, n: int, m: int, share: float, seed: int
) -> None:
    generated, source = gallery("g", n, seed), gallery("s", m, seed + 1)
    rejects = Rejects(some_of(generated.images, share, seed), some_of(source.images, share, seed + 2))
    everything = Gone(generated=rejects.generated, source=rejects.source)
    start = Gone(generated=rejects.generated) if check.needs_whole_set else Gone()
    neighbours = Neighbours(generated=generated, source=source, metric=check.metric)
    if neighbours.nothing_left(everything):
        return
    lazy = settle(neighbours, check, gone=start, screens=rejects)
    eager = check.measure(
        Neighbours(generated=generated, source=source, metric=check.metric).matches(
            check.n_neighbours, everything
        )
    )
    assert lazy.measured.pairs == eager.pairs
    assert lazy.measured.value == pytest.approx(eager.value, abs=0)
    assert lazy.measured.n == eager.n or not check.needs_whole_set


def test_images_that_no_figure_depends_on_are_not_looked_at() -> None:
    generated, source = gallery("g", 40, 1), gallery("s", 400, 2)
    rejects = Rejects(frozenset(), frozenset())
    settled = settle(
        Neighbours(generated=generated, source=source, metric="cosine"),
        TopKSimilarity(k=4, at_most=0.9),
        screens=rejects,
    )
    assert len(settled.measured.pairs) == 4
    assert rejects.asked == {digest for pair in settled.measured.pairs for digest in digests(pair)}


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 25),
    m=st.integers(1, 60),
    cosine=st.sampled_from([-0.5, 0.5, 0.9]),
    other=st.sampled_from([Threshold(cosine=0.8), Threshold(euclidean=0.7), Threshold(cosine=-1.0)]),
    seed=st.integers(0, 500),
)
def test_a_leak_is_what_both_embedders_put_over_their_thresholds(
    n: int, m: int, cosine: float, other: Threshold, seed: int
) -> None:
    generated, source = gallery("g", n, seed), gallery("s", m, seed + 1)
    second = SecondEmbedder(
        name="second", threshold=other, generated=gallery("g", n, seed + 2), source=gallery("s", m, seed + 3)
    )
    check = LeakCount(threshold=Threshold(cosine=cosine), at_most=0)
    settled = settle(
        Neighbours(generated=generated, source=source, metric="cosine"), check, seconds=(second,)
    )
    first = generated.templates.vectors.astype(float) @ source.templates.vectors.T.astype(float)
    also = second.generated.templates.vectors.astype(float) @ second.source.templates.vectors.T.astype(float)
    apart = np.sqrt(np.maximum(2 - 2 * also, 0))
    agrees = also >= other.cosine if other.cosine is not None else apart <= (other.euclidean or 0)
    assert settled.measured.value == ((first >= cosine) & agrees).any(axis=1).sum()
    for pair in settled.measured.pairs:
        row, column = int(pair.generated.id[1:]), int(pair.source.id[1:])
        [opinion] = pair.seconds
        assert opinion.embedder == "second"
        assert opinion.similarity == pytest.approx(also[row, column], abs=1e-6)
        assert opinion.distance == pytest.approx(apart[row, column], abs=1e-3)


def test_behind_a_waived_pair_the_next_one_is_screened_as_well() -> None:
    generated, source = gallery("g", 1, 1), gallery("s", 30, 2)
    neighbours = Neighbours(generated=generated, source=source, metric="cosine")
    order = [source.images[row].sha256 for row in neighbours.matches(30).source_index[0]]
    own = generated.images[0].sha256
    settled = settle(
        neighbours,
        LeakCount(threshold=Threshold(cosine=-1), at_most=0),
        screens=Rejects(frozenset(), frozenset({order[1], order[3]})),
        accepted={(own, order[0]), (own, order[2])},
    )
    assert [digests(pair) for pair in settled.waived] == [(own, order[0]), (own, order[2])]
    assert [digests(pair) for pair in settled.measured.pairs] == [(own, order[4])]


def test_pairs_that_the_second_embedder_does_not_confirm_are_counted() -> None:
    generated, source = gallery("g", 3, 1), gallery("s", 10, 2)
    nobody = SecondEmbedder(
        name="second",
        threshold=Threshold(euclidean=0),
        generated=gallery("g", 3, 3),
        source=gallery("s", 10, 4),
    )
    settled = settle(
        Neighbours(generated=generated, source=source, metric="cosine"),
        LeakCount(threshold=Threshold(cosine=-1), at_most=0),
        seconds=(nobody,),
    )
    assert (settled.measured.value, settled.n_disagreed) == (0, 30)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: type(check).__name__)
def test_where_the_screens_leave_nothing_there_is_no_figure(check: PairCheck) -> None:
    generated, source = gallery("g", 3, 1), gallery("s", 10, 2)
    everybody = frozenset(image.sha256 for image in (*generated.images, *source.images))
    close = gallery("g", 3, 1)
    same = Neighbours(generated=generated, source=close, metric=check.metric)
    settled = settle_or_nothing(same, check, screens=Rejects(everybody, frozenset()))
    assert settled is None
    assert settle_or_nothing(same, check, screens=Rejects(frozenset(), everybody)) is None
