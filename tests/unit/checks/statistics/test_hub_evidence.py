"""Simulated templates: faces spread around a common centre, as every network's do, and photographs around faces."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.checks.statistics.hubs import (
    HubEvidence,
    Matched,
    Others,
    Unseen,
    centralities,
    hub_evidence,
)

Floats = npt.NDArray[np.float64]

N_GENERATED, N_UNSEEN, N_SOURCE = 1000, 400, 600
SUSPECT = 0
"""The source image in question."""


def unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@dataclass(frozen=True, kw_only=True)
class Network:
    """impostor and genuine: mean cosines of two people, and of two photographs of one."""

    dimension: int
    impostor: float
    genuine: float
    fmr: float

    @property
    def centre(self) -> Floats:
        return np.eye(self.dimension)[0]

    def around(self, means: Floats, cosine: float, rng: np.random.Generator) -> Floats:
        aside = rng.standard_normal(means.shape)
        aside = unit(aside - (aside * means).sum(axis=1, keepdims=True) * means)
        return cosine * means + np.sqrt(1 - cosine**2) * aside

    def people(self, n: int, rng: np.random.Generator) -> Floats:
        return self.around(np.tile(self.centre, (n, 1)), np.sqrt(self.impostor / self.genuine), rng)

    def photographs(self, people: Floats, rng: np.random.Generator) -> Floats:
        return self.around(people, np.sqrt(self.genuine), rng)

    def hub(self, rng: np.random.Generator) -> Floats:
        """A poor template: it shows what all faces have in common and little else."""
        lean = 0.99 if self.impostor > 0.5 else 0.8
        return self.around(self.centre[None], lean, rng)[0]


NETWORKS = [
    pytest.param(Network(dimension=26, impostor=0.832, genuine=0.947, fmr=1e-4), id="dlib"),
    pytest.param(Network(dimension=128, impostor=0.05, genuine=0.6, fmr=1e-3), id="arcface"),
]


@dataclass
class World:
    """A source whose image SUSPECT is in question, generated images, and people whom the generator never saw."""

    network: Network
    rng: np.random.Generator
    person: Floats
    source: Floats
    generated: Floats
    groups: npt.NDArray[np.int64]
    unseen: Floats
    is_copy: npt.NDArray[np.bool_]

    @staticmethod
    def of(network: Network, seed: int) -> World:
        rng = np.random.default_rng(seed)
        people = network.people(N_SOURCE, rng)
        groups = np.arange(N_GENERATED) // 4
        return World(
            network=network,
            rng=rng,
            person=people[SUSPECT],
            source=network.photographs(people, rng),
            generated=network.photographs(network.people(N_GENERATED // 4, rng)[groups], rng),
            groups=groups,
            unseen=network.photographs(network.people(N_UNSEEN, rng), rng),
            is_copy=np.zeros(N_GENERATED, dtype=np.bool_),
        )

    def with_hub(self) -> World:
        self.source[SUSPECT] = self.network.hub(self.rng)
        return self

    def reproduce(self, rows: slice, weights: tuple[float, float], *, photographs: bool = False) -> World:
        """Puts the person's photograph, or new ones, into generated images, each mixed with a person of its own."""
        n = len(self.generated[rows])
        weight = self.rng.uniform(*weights, n)[:, None]
        mixed_in = self.network.photographs(self.network.people(n, self.rng), self.rng)
        copied = np.tile(self.source[SUSPECT], (n, 1))
        if photographs:
            copied = self.network.photographs(np.tile(self.person, (n, 1)), self.rng)
        self.generated[rows] = unit(weight * copied + (1 - weight) * mixed_in)
        self.groups[rows] = 10**6 + np.arange(n)
        self.is_copy[rows] = True
        return self

    @property
    def threshold(self) -> float:
        impostors = self.source[1:] @ self.unseen.T
        return float(np.quantile(impostors, 1 - self.network.fmr))

    @property
    def others(self) -> Others:
        cosines = centralities(self.source, self.source[1:])
        return Others(centrality=float(cosines[SUSPECT]), centralities=cosines[1:])

    @property
    def probes(self) -> Unseen:
        cosines = self.unseen @ self.source.T
        return Unseen(
            similarity=cosines[:, SUSPECT],
            is_best=cosines.argmax(axis=1) == SUSPECT,
            people=np.arange(N_UNSEEN),
        )

    def look(self, **more: Any) -> Seen:
        """Without more, neither unseen people nor the centre are known."""
        cosines = self.generated @ self.source.T
        rows = cosines.argmax(axis=1) == SUSPECT
        matched = Matched(
            similarity=cosines[rows, SUSPECT], vectors=self.generated[rows], groups=self.groups[rows]
        )
        sizes: dict[str, Any] = {"max_share": 0.01, "n_generated": N_GENERATED, "n_source": N_SOURCE}
        evidence = hub_evidence(matched, **({"threshold": self.threshold} | sizes | more))
        return Seen(
            evidence=evidence, is_hit=matched.similarity >= self.threshold, is_copy=self.is_copy[rows]
        )


@dataclass(frozen=True, kw_only=True)
class Seen:
    evidence: HubEvidence
    is_hit: npt.NDArray[np.bool_]
    is_copy: npt.NDArray[np.bool_]

    @property
    def n_false_alarms(self) -> int:
        return int((self.is_hit & ~self.is_copy).sum())

    @property
    def n_excused(self) -> int:
        """Of the false alarms."""
        return int((self.evidence.excused & self.is_hit & ~self.is_copy).sum())

    @property
    def n_copies_excused(self) -> int:
        return int((self.evidence.excused & self.is_copy).sum())


@pytest.fixture(params=range(3))
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize("network", NETWORKS)
def test_unseen_people_excuse_a_hub(network: Network, seed: int) -> None:
    world = World.of(network, seed).with_hub()
    seen = world.look(unseen=world.probes)
    assert seen.evidence.by == "unseen"
    assert (seen.evidence.n_unseen, seen.evidence.n_unseen_people) == (N_UNSEEN, seen.evidence.n_unseen_best)
    assert seen.evidence.n_unseen_best >= 0.01 * N_UNSEEN
    assert seen.n_excused >= 0.5 * seen.n_false_alarms > 2


@pytest.mark.parametrize("network", NETWORKS)
def test_unlikeness_excuses_a_hub(network: Network, seed: int) -> None:
    world = World.of(network, seed).with_hub()
    seen = world.look(others=world.others)
    assert seen.evidence.by == "unlike"
    assert seen.evidence.rank <= 0.01
    assert seen.evidence.share_alike <= 0.02
    assert seen.n_excused >= 0.5 * seen.n_false_alarms > 2


@pytest.mark.parametrize("network", NETWORKS)
def test_without_evidence_nothing_is_excused(network: Network) -> None:
    seen = World.of(network, 0).with_hub().look()
    assert seen.n_false_alarms > 2
    assert (seen.evidence.by, seen.evidence.level, seen.evidence.rank) == ("", -np.inf, 1)
    assert not seen.evidence.excused.any()


@pytest.mark.parametrize("network", NETWORKS)
def test_an_ordinary_image_is_no_hub(network: Network, seed: int) -> None:
    """As often the best match as its turn: nothing is excused though all evidence is at hand."""
    world = World.of(network, seed)
    cosines = world.generated @ world.source.T
    world.generated[:3] = world.source[SUSPECT]
    assert (cosines.argmax(axis=1) == SUSPECT).mean() < 0.01
    assert not world.look(unseen=world.probes, others=world.others).evidence.excused.any()


@pytest.mark.parametrize("photographs", [False, True])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.9, 0.95), (0.5, 0.9), (0.5, 0.5), (0.4, 0.5)])
@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_person_reproduced_often_is_not_excused(
    network: Network, share: float, weights: tuple[float, float], photographs: bool
) -> None:
    world = World.of(network, 4).reproduce(slice(int(share * N_GENERATED)), weights, photographs=photographs)
    seen = world.look(unseen=world.probes, others=world.others)
    assert (seen.is_hit & seen.is_copy).any()
    assert not seen.evidence.excused.any()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_person_reproduced_by_one_synthetic_person_is_not_excused(network: Network) -> None:
    world = World.of(network, 5).reproduce(slice(100), (0.5, 0.9))
    world.groups[:100] = 10**6
    assert not world.look(unseen=world.probes, others=world.others).evidence.excused.any()


def test_the_centre_tells_a_blended_person_from_a_hub() -> None:
    """Below cos^2 = threshold blends resemble the person and not each other: then only the centre gives them away."""
    network = Network(dimension=512, impostor=0.02, genuine=0.6, fmr=1e-6)
    world = World.of(network, 6).reproduce(slice(60), (0.2, 0.24))
    at_the_centre = replace(world.others, centrality=1.0)
    fooled, seen = world.look(others=at_the_centre), world.look(others=world.others)
    assert (seen.is_hit & seen.is_copy).sum() > 50
    assert seen.evidence.share_alike < 0.02
    assert fooled.n_copies_excused > 20
    assert seen.n_copies_excused == 0


@pytest.mark.parametrize("n_copies", [1, 2, 20])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.85, 0.95)])
@pytest.mark.parametrize("network", NETWORKS)
def test_copies_do_not_hide_among_a_hubs_matches(
    network: Network, weights: tuple[float, float], n_copies: int
) -> None:
    world = World.of(network, 7).with_hub().reproduce(slice(n_copies), weights)
    seen = world.look(unseen=world.probes, others=world.others)
    assert seen.is_copy.sum() == n_copies
    assert seen.n_copies_excused == 0
    assert seen.n_excused > 2


@pytest.mark.parametrize("network", NETWORKS)
def test_a_hub_that_is_reproduced_a_thousand_times_is_not_excused(network: Network) -> None:
    world = World.of(network, 8).with_hub().reproduce(slice(None), (0.7, 1.0))
    seen = world.look(unseen=world.probes, others=world.others)
    assert seen.is_copy.sum() == N_GENERATED
    assert seen.evidence.n_unseen_best > 3
    assert seen.n_copies_excused == 0


def circle(*degrees: float) -> Floats:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def by_hand(similarity: list[float], **more: Any) -> HubEvidence:
    """Images at right angles to each other."""
    matched = Matched(similarity=np.array(similarity), vectors=np.eye(len(similarity)))
    given: dict[str, Any] = {"threshold": 0.5, "max_share": 0.01, "n_generated": 100, "n_source": 1000}
    return hub_evidence(matched, **(given | more))


def unseen(similarity: list[float], people: list[int], n: int = 100) -> Unseen:
    """These found the source image, others did not."""
    rest = n - len(people)
    return Unseen(
        similarity=np.array(similarity + [0.99] * rest),
        is_best=np.arange(n) < len(people),
        people=np.array(people + list(range(1000, 1000 + rest))),
    )


CENTRAL = Others(centrality=1.0, centralities=np.linspace(0, 0.9, 999))


def test_unseen_people_excuse_up_to_their_highest() -> None:
    found = by_hand([0.5, 0.6, 0.61, 0.62], unseen=unseen([0.55, 0.61, 0.58], [1, 2, 3]))
    assert found.excused.tolist() == [True, True, True, False]
    assert (found.by, found.level) == ("unseen", 0.61)
    assert (found.n_unseen, found.n_unseen_best, found.n_unseen_people) == (100, 3, 3)
    assert (found.share, found.n_groups) == (0.04, 4)


def test_an_unseen_person_who_is_in_the_source_excuses_nobody() -> None:
    """Of the cosines .55, .58, .61 and .98 the last is an outlier."""
    found = by_hand([0.6, 0.9, 0.97], unseen=unseen([0.55, 0.61, 0.58, 0.98], [1, 2, 3, 4]))
    assert (found.excused.tolist(), found.level) == ([True, False, False], 0.61)


def test_an_unseen_person_counts_once_by_the_highest_of_all_images() -> None:
    """By person the highest are .6, .5 and .5: .6 is an outlier of them, and none of all six images."""
    found = by_hand([0.5, 0.51, 0.6], unseen=unseen([0.52, 0.6, 0.5, 0.46, 0.5, 0.48], [1, 1, 2, 2, 3, 3]))
    assert (found.level, found.excused.tolist()) == (0.5, [True, False, False])
    assert (found.n_unseen_best, found.n_unseen_people) == (6, 3)


def test_just_a_hubs_share_of_the_unseen_is_evidence() -> None:
    """Three of 300 are a hundredth."""
    assert by_hand([0.5, 0.6], unseen=unseen([0.7] * 3, [1, 2, 3], 300)).by == "unseen"


def test_one_match_can_be_weighed() -> None:
    found = by_hand([0.6], unseen=unseen([0.55, 0.61, 0.58], [1, 2, 3]))
    assert (found.excused.tolist(), found.share, found.n_groups) == ([True], 0.01, 1)


@pytest.mark.parametrize(
    ("people", "n"),
    [([1, 2], 20), ([1, 1, 2, 2], 20), ([1, 2, 3], 301)],
    ids=["two people", "two people, four images", "too small a share"],
)
def test_few_unseen_people_are_no_evidence(people: list[int], n: int) -> None:
    found = by_hand([0.5, 0.6], unseen=unseen([0.7] * len(people), people, n))
    assert (found.by, found.level, found.n_unseen_best) == ("", -np.inf, len(people))
    assert (found.n_unseen, found.n_unseen_people) == (n, len(set(people)))


def test_a_small_source_needs_more_than_its_even_share() -> None:
    """One of 20 source images is the best match of 5% of anybody; a hub of 25%."""
    found = by_hand([0.5] * 24, n_source=20, unseen=unseen([0.7] * 50, list(range(50))))
    assert not found.excused.any()
    assert by_hand([0.5] * 25, n_source=20, unseen=unseen([0.7] * 50, list(range(50)))).excused.all()
    assert not by_hand([0.5] * 25, n_source=20, unseen=unseen([0.7] * 24, list(range(24)))).excused.any()


def test_a_match_of_few_generated_images_is_not_suspected() -> None:
    given = {"unseen": unseen([0.7] * 5, [1, 2, 3, 4, 5]), "others": CENTRAL}
    assert by_hand([0.5] * 6, n_generated=600, **given).excused.all()
    assert not by_hand([0.5] * 6, n_generated=601, **given).excused.any()


def test_unlike_images_are_excused_but_outliers_stand() -> None:
    """Median .53, MAD .02: outliers lie over .53 + 3.5 * 1.4826 * .02 = .6338."""
    found = by_hand([0.5, 0.51, 0.52, 0.53, 0.54, 0.633, 0.635], others=CENTRAL)
    assert found.excused.tolist() == [True] * 6 + [False]
    assert (found.by, found.n_groups, found.n_unlike_groups) == ("unlike", 7, 6)
    assert (found.share_alike, found.rank) == (0, 0.001)


def test_five_unlike_synthetic_persons_are_needed() -> None:
    assert by_hand([0.5] * 5, others=CENTRAL).excused.all()
    assert not by_hand([0.5] * 4, others=CENTRAL).excused.any()


@pytest.mark.parametrize(("n_above", "is_excused"), [(0, True), (9, True), (10, False)])
def test_the_most_central_hundredth_is_needed(n_above: int, is_excused: bool) -> None:
    others = Others(centrality=0.5, centralities=np.r_[np.full(n_above, 0.5), np.zeros(999 - n_above)])
    found = by_hand([0.5] * 6, others=others)
    assert (found.excused.all(), found.rank) == (is_excused, (1 + n_above) / 1000)


def test_a_hundredth_needs_a_hundred() -> None:
    for n, is_excused in ((99, True), (98, False)):
        found = by_hand([0.5] * 6, others=Others(centrality=1.0, centralities=np.zeros(n)))
        assert found.excused.all() == is_excused


def alike(n_alike: int, n: int, groups: list[int] | None = None) -> HubEvidence:
    """The first images are one face."""
    vectors = np.eye(n)
    vectors[:n_alike] = vectors[0]
    matched = Matched(
        similarity=np.full(n, 0.6), vectors=vectors, groups=None if groups is None else np.array(groups)
    )
    return hub_evidence(matched, threshold=0.5, max_share=0.01, n_generated=n, n_source=1000, others=CENTRAL)


def test_images_that_resemble_each_other_stand() -> None:
    found = alike(2, 30)
    assert found.excused.tolist() == [False, False] + [True] * 28
    assert (found.n_unlike_groups, found.share_alike) == (28, pytest.approx(2 / (30 * 29)))


def test_many_that_resemble_each_other_are_no_hub() -> None:
    assert alike(6, 40).share_alike == pytest.approx(30 / (40 * 39))
    assert alike(6, 40).excused.sum() == 34
    assert not alike(7, 40).excused.any()


def test_just_a_fiftieth_of_likeness_is_a_hubs() -> None:
    assert alike(4, 25).share_alike == 12 / (25 * 24) == 0.02
    assert alike(4, 25).excused.sum() == 21


def test_likeness_within_one_synthetic_person_is_no_likeness() -> None:
    assert alike(4, 10, [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]).excused.all()
    assert alike(4, 10, [0] * 10).share_alike == 1
    assert not alike(4, 10, [0] * 10).excused.any()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(Network(dimension=26, impostor=0.832, genuine=0.947, fmr=1e-4), 9).with_hub()
    whole = world.look(others=world.others).evidence
    monkeypatch.setattr("faceleak_check.checks.statistics.hubs.ROWS", 7)
    blocks = world.look(others=world.others).evidence
    assert whole.excused.tolist() == blocks.excused.tolist()
    assert (whole.share_alike, whole.n_unlike_groups) == (blocks.share_alike, blocks.n_unlike_groups)


def test_centralities_are_cosines_to_the_mean_direction() -> None:
    found = centralities(circle(0, 45, 90, 225), circle(30, 60))
    assert found.tolist() == pytest.approx([np.sqrt(0.5), 1, np.sqrt(0.5), -1])
    # also where the reference points in nearly opposite directions
    assert centralities(circle(65), circle(0, 130)).tolist() == pytest.approx([1])


def test_centralities_are_worked_out_in_64_bits() -> None:
    """Of templates of 32 bits too: ten thousand of those add up to a rounding error that a rank could see."""
    vectors, reference = unit(np.random.default_rng(3).normal(size=(2, 10_000, 3))).astype(np.float32)
    found = centralities(vectors, reference)
    assert found.dtype == np.float64
    wider = centralities(vectors.astype(np.float64), reference.astype(np.float64))
    assert np.abs(found - wider).max() < 1e-12


def test_images_that_meet_the_threshold_exactly_resemble_each_other() -> None:
    vectors = np.eye(6)
    vectors[1] = 0.6 * vectors[0] + 0.8 * vectors[1]
    for threshold, n_alike in ((0.6, 2), (np.nextafter(0.6, 1), 0)):
        found = hub_evidence(
            Matched(similarity=np.full(6, 0.7), vectors=vectors),
            threshold=threshold,
            max_share=0.01,
            n_generated=100,
            n_source=1000,
            others=CENTRAL,
        )
        assert found.share_alike == pytest.approx(n_alike / 30)


def test_a_reference_without_direction() -> None:
    with pytest.raises(
        ValueError, match=r"^0 reference templates have no mean direction: give real people's templates$"
    ):
        centralities(np.eye(2), np.zeros((0, 2)))


@pytest.mark.parametrize(
    ("similarity", "vectors", "more", "message"),
    [
        (
            np.ones(3),
            np.eye(2),
            {},
            (
                "3 similarities, 2 templates and 3 groups of 100 generated images: expected one of each for every "
                "image that matches, and at least one"
            ),
        ),
        (
            np.ones(0),
            np.ones((0, 2)),
            {},
            (
                "0 similarities, 0 templates and 0 groups of 100 generated images: expected one of each for every "
                "image that matches, and at least one"
            ),
        ),
        (
            np.ones(2),
            np.array([[1, 0], [np.nan, 0]]),
            {},
            "templates that match a suspected hub hold numbers that are not finite: leave them out",
        ),
        (
            np.ones(2),
            np.eye(2),
            {"unseen": Unseen(similarity=np.ones(2), is_best=np.ones(3, dtype=bool), people=np.ones(2, int))},
            "2 similarities of unseen images, 3 best matches and 2 people: expected one of each for every unseen image",
        ),
    ],
)
def test_what_does_not_fit(similarity: Floats, vectors: Floats, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        hub_evidence(
            Matched(similarity=similarity, vectors=vectors),
            threshold=0.5,
            max_share=0.01,
            n_generated=100,
            n_source=10,
            **more,
        )
