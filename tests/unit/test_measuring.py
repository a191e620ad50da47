from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hand_made_sets import Rows, embedded, gallery, image, images, names, near, people, unit

from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.checks.coverage import Coverage
from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.identity_exposure import IdentityExposure
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.comparison import Figures, Measured
from faceleak_check.errors import InconclusiveError
from faceleak_check.matches import Gone, Matches
from faceleak_check.measuring import CanaryFigures, CoverageFigures, ListFigures, PairFigures
from faceleak_check.measuring_controls import ExcessFigures, MembershipFigures
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Exclusion, ImageRef, Outcome
from faceleak_check.search.neighbours import Gallery, Neighbours

CLOSE = Threshold(cosine=0.8)


def measured(figures: Figures, gone: Gone = Gone()) -> Measured:  # noqa: B008  frozen
    found = figures.measure(gone)
    assert found is not None
    return found


def ids(those: Sequence[ImageRef]) -> set[str]:
    return {one.id for one in those}


def of(prefix: str, n_people: int, n_images: int = 1, *, seed: int) -> Gallery:
    """People of this prefix, with as many images each."""
    return gallery(images(prefix, names(prefix, n_people, n_images)), people(n_people, n_images, seed=seed))


def copies(prefix: str, rows: Rows, *, n_others: int = 0, seed: int = 99) -> Gallery:
    """Generated images near to those, and some that are near to nobody."""
    vectors = np.concatenate([near(rows, 0.95, seed=seed), people(n_others, seed=seed + 1)])
    return gallery(images(prefix, [()] * len(vectors)), vectors)


# ------------------------------------------------------------------------------- pairs, and lists of them


def test_a_figure_of_pairs_depends_on_the_images_of_its_pairs() -> None:
    source = of("s", 20, seed=1)
    generated = copies("g", source.templates.vectors[:2], n_others=5)
    figures = PairFigures(
        check=LeakCount(threshold=CLOSE, at_most=0),
        neighbours=Neighbours(generated=generated, source=source, metric="cosine"),
    )
    found = measured(figures)
    assert found.measurement.value == 2
    assert {role: ids(list(those)) for role, those in found.depends.items()} == {
        "generated": {"g0000", "g0001"},
        "source": {"s0000", "s0001"},
    }
    assert measured(figures, Gone(generated=frozenset({generated.images[0].sha256}))).measurement.value == 1
    everybody = frozenset(one.sha256 for one in source.images)
    assert figures.measure(Gone(source=everybody)) is None


def listed(hits: Sequence[tuple[int, float]], people_of_source: Sequence[tuple[str, ...]]) -> Matches:
    return Matches(
        generated=tuple(image(f"g{n}") for n in range(len(hits))),
        source=tuple(image(f"s{n}", *who) for n, who in enumerate(people_of_source)),
        source_index=np.array([[row] for row, _ in hits], dtype=np.int64),
        similarity=np.array([[cosine] for _, cosine in hits]),
    )


def test_from_a_list_pairs_are_taken_out_and_nothing_stands_behind_them() -> None:
    matches = listed([(0, 0.9), (0, 0.95), (1, 0.2)], [("ann",), ("ben",)])
    figures = ListFigures(check=LeakCount(threshold=CLOSE, at_most=0), listed=matches)
    assert measured(figures).measurement.value == 2
    first = (matches.generated[0].sha256, matches.source[0].sha256)
    assert measured(figures, Gone(pairs=frozenset({first}))).measurement.value == 1
    empty = ListFigures(check=LeakCount(threshold=CLOSE, at_most=0), listed=listed([], []))
    assert empty.measure(Gone()) is None


def test_the_excess_over_another_list_has_both_lists_with_it() -> None:
    mine = listed([(0, 0.9)] * 30 + [(1, 0.2)] * 70, [("ann",), ("ben",)])
    other = listed([(0, 0.9)] * 10 + [(1, 0.2)] * 190, [("ann",), ("ben",)])
    figures = ListFigures(check=ExcessRisk(threshold=CLOSE, at_most=0.1), listed=mine, control=other)
    found = measured(figures)
    assert found.measurement.value == pytest.approx((0.3 - 0.05) / 0.95)
    assert found.in_control is other
    assert found.matches is not None
    assert found.matches.similarity.tolist() == mine.similarity.tolist()
    assert len(found.measurement.pairs) == 30
    one = (mine.generated[0].sha256, mine.source[0].sha256)
    fewer = measured(figures, Gone(pairs=frozenset({one}))).measurement
    assert fewer.value == pytest.approx((0.29 - 0.05) / 0.95)


@pytest.mark.parametrize("threshold", [Threshold(cosine=0.1), Threshold(cosine=-1)])
def test_where_all_of_the_other_list_hit_there_is_no_excess(threshold: Threshold) -> None:
    mine, other = (listed([(0, 0.9)] * 5, [("ann",)]) for _ in range(2))
    figures = ListFigures(check=ExcessRisk(threshold=threshold, at_most=0.1), listed=mine, control=other)
    with pytest.raises(InconclusiveError) as found:
        figures.measure(Gone())
    assert str(found.value) == (
        "the excess risk cannot be measured: all 5 generated images hit the control, so no excess can be seen: "
        "raise the threshold"
    )


# ------------------------------------------------------------------------------------------------ clusters


def faces_of(source: Gallery, *, boxes: bool) -> Gallery:
    edges = np.arange(4 * len(source.templates), dtype=np.float32).reshape(-1, 4)
    return replace(source, boxes=edges if boxes else None)


def exposed(generated: Gallery, source: Gallery, *, min_images: int = 1, k: int = 1) -> Measured:
    check = IdentityExposure(threshold=CLOSE, at_most=0, people="clusters", min_images=min_images, k=k)
    return measured(
        PairFigures(
            check=check, neighbours=Neighbours(generated=generated, source=source, metric=check.metric)
        )
    )


def test_without_names_people_are_told_apart_by_their_templates() -> None:
    """Three images of each of two people, each copied once, and a fourth person nobody copied."""
    vectors = people(3, 3, seed=1, likeness=0.95)
    source = gallery(images("s", [()] * 9), vectors)
    generated = copies("g", vectors[:6], n_others=3)
    found = exposed(generated, source).measurement
    assert (found.value, len(found.pairs)) == (2, 6)
    assert found.rule == "cosine >= 0.8, people told apart by their templates"
    assert exposed(generated, source, min_images=3).measurement.value == 2
    assert exposed(generated, source, min_images=4).measurement.value == 0


def test_two_faces_of_one_picture_are_two_people() -> None:
    """The face that the pair is about counts, not the first one of the picture."""
    vectors = people(2, seed=1)
    source = faces_of(gallery(images("s", [()]), vectors, n_faces=[2]), boxes=True)
    generated = faces_of(copies("g", vectors[[0, 1, 1]]), boxes=True)
    assert exposed(generated, source).measurement.value == 2
    assert exposed(generated, source, min_images=2).measurement.value == 1
    assert exposed(copies("g", vectors[[1, 1]]), replace(source, boxes=None)).measurement.value == 1


def test_where_nobody_leaks_nobody_is_exposed() -> None:
    assert exposed(of("g", 5, seed=1), of("s", 5, seed=2)).measurement.value == 0


def test_too_many_images_to_cluster_are_inconclusive() -> None:
    vectors = np.repeat(unit([[1.0, 0.0]]), 10_001, axis=0)
    source = gallery(images("s", [()] * 10_001), vectors)
    with pytest.raises(InconclusiveError) as found:
        exposed(gallery(images("g", [()]), vectors[:1]), source, k=10_001)
    assert str(found.value) == (
        "people cannot be told apart: 10,001 images are too many to cluster, at most 10,000 can be: label the source"
    )


# --------------------------------------------------------------------------------------------- excess risk

EXCESS = ExcessRisk(threshold=CLOSE, at_most=0.01)


def parts_of(figures: ExcessFigures) -> tuple[list[Gallery], list[Gallery]]:
    figures.measure(Gone())
    return tuple([part.source for part in figures._parts[side]] for side in ("source", "control"))  # type: ignore[return-value]


def sizes(prefix: str, counts: Sequence[int], *, seed: int) -> Gallery:
    """People with so many images each."""
    who = [(f"{prefix}{n}",) for n, count in enumerate(counts) for _ in range(count)]
    vectors = np.concatenate([people(1, count, seed=seed + n) for n, count in enumerate(counts)])
    return gallery(images(prefix, who), vectors)


@pytest.mark.parametrize(
    ("source", "control", "n_parts", "n_controls"),
    [
        ([1] * 100, [1] * 100, 1, 1),
        ([1] * 101, [1] * 100, 2, 1),
        ([1] * 250, [1] * 100, 3, 1),
        ([3] * 100, [1] * 40, 8, 1),
        ([2, 3, 5] * 20, [4, 1] * 12, 4, 1),
        ([1] * 30, [1] * 100, 1, 3),
        ([7] * 10, [2] * 100, 1, 2),
    ],
)
def test_galleries_are_of_equal_size_and_no_person_is_in_two(
    source: list[int], control: list[int], n_parts: int, n_controls: int
) -> None:
    figures = ExcessFigures(
        check=EXCESS,
        generated=of("g", 3, seed=1),
        source=sizes("s", source, seed=2),
        control=sizes("c", control, seed=500),
    )
    mine, theirs = parts_of(figures)
    assert (len(mine), len(theirs)) == (n_parts, n_controls)
    assert sorted(one.id for part in mine for one in part.images) == sorted(
        one.id for one in figures.source.images
    )
    assert len({one.id for part in theirs for one in part.images}) == sum(map(len, theirs))
    size = sum(source) / n_parts
    assert all(abs(len(part) - size) <= max(source) for part in mine)
    # the last person is taken whole, so that a part may be so much larger
    assert all(0 <= len(part) - min(size, sum(control)) <= max(control) for part in theirs)
    for parts in (mine, theirs):
        shown = [{name for one in part.images for name in one.labels} for part in parts]
        assert sum(map(len, shown)) == len(set().union(*shown))


def test_the_parts_do_not_depend_on_the_order_of_the_images() -> None:
    source, control = of("s", 50, 3, seed=2), of("c", 20, 2, seed=3)
    turned = source.of_images(np.random.default_rng(1).permutation(150))
    by_order = [
        parts_of(ExcessFigures(check=EXCESS, generated=of("g", 3, seed=1), source=one, control=control))[0]
        for one in (source, turned)
    ]
    assert [ids(part.images) for part in by_order[0]] == [ids(part.images) for part in by_order[1]]


def excess_of(
    n_source: int, n_control: int, n_copied: int, n_others: int
) -> tuple[ExcessFigures, Gallery, Gallery]:
    """A generator that copied some people of the source, and gave others besides."""
    source, control = of("s", n_source, seed=2), of("c", n_control, seed=3)
    generated = copies("g", source.templates.vectors[:n_copied], n_others=n_others)
    return (
        ExcessFigures(check=EXCESS, generated=generated, source=source, control=control),
        source,
        control,
    )


@pytest.mark.parametrize("n_control", [30, 90, 200])
def test_a_small_control_does_not_make_leaks_fewer(n_control: int) -> None:
    """10 of 100 images leak, whatever the parts are that the source is split into."""
    figures, _, _ = excess_of(90, n_control, 10, 90)
    found = measured(figures).measurement
    assert found.value == pytest.approx(0.1)
    assert (found.n, found.unit, len(found.pairs)) == (100, "share", 10)
    assert found.interval is not None
    assert found.interval.low < 0.1 < found.interval.high


def test_what_is_gone_is_found_in_no_part() -> None:
    figures, source, control = excess_of(90, 30, 10, 90)
    gone = Gone(source=frozenset(one.sha256 for one in source.images[:4]))
    assert measured(figures, gone).measurement.value == pytest.approx(0.06)
    gone = Gone(generated=frozenset(one.sha256 for one in figures.generated.images[:10]))
    assert measured(figures, gone).measurement.value == 0
    assert measured(figures, gone).measurement.n == 90
    pairs = [(figures.generated.images[n].sha256, source.images[n].sha256) for n in range(3)]
    assert measured(figures, Gone(pairs=frozenset(pairs))).measurement.value == pytest.approx(0.07)
    for everything in (
        Gone(source=frozenset(one.sha256 for one in source.images)),
        Gone(source=frozenset(one.sha256 for one in control.images)),
        Gone(generated=frozenset(one.sha256 for one in figures.generated.images)),
    ):
        assert figures.measure(everything) is None


def test_it_depends_on_whom_the_generated_images_hit_on_both_sides() -> None:
    source, control = of("s", 60, seed=2), of("c", 30, seed=3)
    hit = np.concatenate([source.templates.vectors[:3], control.templates.vectors[:2]])
    figures = ExcessFigures(
        check=EXCESS, generated=copies("g", hit, n_others=20), source=source, control=control
    )
    found = measured(figures)
    assert {role: ids(list(those)) for role, those in found.depends.items()} == {
        "source": {"s0000", "s0001", "s0002"},
        "control": {"c0000", "c0001"},
    }
    assert [figure.value for figure in found.measurement.figures] == [
        pytest.approx(3 / 50),
        pytest.approx(2 / 25),
        2,
    ]


@pytest.mark.parametrize("threshold", [CLOSE, Threshold(euclidean=1.0)])
def test_the_best_match_is_the_nearest_of_all_parts(threshold: Threshold) -> None:
    """By what the threshold is stated in: by cosine and by distance another image may be the nearest."""
    random = np.random.default_rng(5)
    source = replace(
        of("s", 90, seed=2),
        templates=replace(of("s", 90, seed=2).templates, norms=random.uniform(0.5, 4, 90).astype(np.float32)),
        boxes=random.uniform(0, 99, (90, 4)).astype(np.float32),
    )
    control = replace(of("c", 30, seed=3), boxes=random.uniform(0, 99, (30, 4)).astype(np.float32))
    generated = replace(of("g", 40, seed=4), boxes=random.uniform(0, 99, (40, 4)).astype(np.float32))
    check = ExcessRisk(threshold=threshold, at_most=0.01)
    figures = ExcessFigures(check=check, generated=generated, source=source, control=control)
    found = measured(figures)
    assert len(figures._parts["source"]) == 3
    for matches, whole in ((found.matches, source), (found.in_control, control)):
        assert matches is not None
        expected = Neighbours(generated=generated, source=whole, metric=check.metric).matches(1)
        for row in range(len(generated)):
            assert matches.pair(row, 0) == expected.pair(row, 0)


def test_a_source_of_too_few_people_for_its_parts_is_inconclusive() -> None:
    figures = ExcessFigures(
        check=EXCESS,
        generated=of("g", 3, seed=1),
        source=of("s", 2, 200, seed=2),
        control=of("c", 40, seed=3),
    )
    with pytest.raises(InconclusiveError) as found:
        figures.measure(Gone())
    assert (found.value.message, found.value.detail) == (
        "the source shows too few people to be split into 10 parts as large as the control",
        "No person may be in two parts: name a control of more images.",
    )


def test_one_person_in_the_source_is_one_part() -> None:
    figures = ExcessFigures(
        check=EXCESS,
        generated=of("g", 30, seed=1),
        source=of("s", 1, 30, seed=2),
        control=of("c", 40, seed=3),
    )
    assert measured(figures).measurement.value == 0


def test_where_all_images_hit_the_control_there_is_no_excess() -> None:
    figures = replace(excess_of(40, 40, 5, 5)[0], check=ExcessRisk(threshold=Threshold(cosine=-1), at_most=0))
    with pytest.raises(InconclusiveError) as found:
        figures.measure(Gone())
    assert str(found.value) == (
        "the excess risk cannot be measured: all 10 generated images hit the control, so no excess can be seen: "
        "raise the threshold"
    )


# ------------------------------------------------------------------------------------ membership inference


def membership(*, n_generated: int = 40, n_source: int = 60, n_control: int = 60) -> MembershipFigures:
    source, control = of("s", n_source, seed=1), of("c", n_control, seed=2)
    generated = copies("g", source.templates.vectors[: n_generated // 2], n_others=n_generated // 2)
    return MembershipFigures(
        check=MembershipInference(fpr=0.05, at_most=0.1), generated=generated, source=source, control=control
    )


def test_members_are_the_source_images_that_some_generated_image_is_near_to() -> None:
    figures = membership()
    found = measured(figures).measurement
    assert (found.n, found.unit, found.limit) == (60, "share", 0.1)
    assert found.value == len(found.pairs) / 60
    assert 20 / 60 <= found.value <= 26 / 60
    assert [pair.generated.id[0] for pair in found.pairs] == ["g"] * len(found.pairs)
    assert {pair.source.id for pair in found.pairs} >= {f"s{n:04d}" for n in range(20)}
    assert [pair.similarity for pair in found.pairs] == sorted(
        (pair.similarity for pair in found.pairs), reverse=True
    )
    assert measured(figures).curve is not None
    assert len(measured(figures).curve.fpr) == len(measured(figures).curve.tpr)


def test_what_is_gone_is_no_member_and_gives_nobody_away() -> None:
    figures = membership()
    copied = frozenset(one.sha256 for one in figures.generated.images[:20])
    assert measured(figures, Gone(generated=copied)).measurement.value < 0.2
    gone = frozenset(one.sha256 for one in figures.source.images[:10])
    fewer = measured(figures, Gone(source=gone)).measurement
    assert (fewer.n, {pair.source.id for pair in fewer.pairs} & {f"s{n:04d}" for n in range(10)}) == (
        50,
        set(),
    )
    pair = (figures.generated.images[0].sha256, figures.source.images[0].sha256)
    left = measured(figures, Gone(pairs=frozenset({pair}))).measurement
    assert ("g0000", "s0000") not in {(one.generated.id, one.source.id) for one in left.pairs}
    for side in (figures.source, figures.control):
        assert figures.measure(Gone(source=frozenset(one.sha256 for one in side.images))) is None
    assert figures.measure(Gone(generated=frozenset(one.sha256 for one in figures.generated.images))) is None


def test_too_few_control_images_for_the_rate_are_inconclusive() -> None:
    figures = replace(membership(n_control=40), check=MembershipInference(fpr=0.001, at_most=0.1))
    with pytest.raises(InconclusiveError) as found:
        figures.measure(Gone())
    assert str(found.value) == (
        "membership inference cannot be measured: 40 non-members cannot resolve a false positive rate of 0.001: give "
        "at least 1000 images of people never trained on, or ask for a rate of at least 1 / 40"
    )


# ------------------------------------------------------------------------------------------------ canaries

KINDS = ("mirrored", "blurred", "cropped")


def canary(kind: str, n: int) -> ImageRef:
    return image(f"{kind}/s{n:04d}.png")


def canaries_of(
    source: Gallery,
    cosines: dict[str, list[float]],
    *,
    threshold: Threshold = CLOSE,
    lost: Sequence[str] = (),
) -> CanaryFigures:
    """Altered copies at these cosines to their originals, but for those that were lost on the way."""
    made, vectors = [], []
    for seed, (kind, values) in enumerate(cosines.items()):
        for n, cosine in enumerate(values):
            if canary(kind, n).id not in lost:
                made.append(canary(kind, n))
                vectors.append(near(source.templates.vectors[source.first_face[[n]]], cosine, seed=seed)[0])
    by_id = {canary(kind, n).id: source.images[n] for kind in cosines for n in range(len(cosines[kind]))}
    return CanaryFigures(
        check=CanaryRecall(at_least=0.9, threshold=threshold),
        canaries=gallery(made, np.array(vectors).reshape(len(made), 64)),
        source=source,
        ids={kind: [canary(kind, n).id for n in range(len(values))] for kind, values in cosines.items()},
        original_of=lambda one: by_id[one.id],
    )


def test_a_canary_is_caught_where_it_is_near_to_its_original() -> None:
    figures = canaries_of(
        of("s", 10, seed=1), {"mirrored": [0.95, 0.9], "blurred": [0.85, 0.7], "cropped": [0.9, 0.9]}
    )
    found = measured(figures).measurement
    assert (found.value, found.n, found.at_least, found.missed) == (5 / 6, 6, True, Outcome.INCONCLUSIVE)
    assert [(kind.kind, kind.n, kind.n_caught, kind.missed) for kind in measured(figures).canaries] == [
        ("mirrored", 2, 2, ()),
        ("blurred", 2, 1, ("blurred/s0001.png",)),
        ("cropped", 2, 2, ()),
    ]
    assert [kind.lowest for kind in measured(figures).canaries] == [
        pytest.approx(low, abs=1e-6) for low in (0.9, 0.7, 0.9)
    ]


def test_another_image_that_is_near_catches_nothing() -> None:
    """A canary that no longer looks like its original is missed, whoever else it looks like."""
    source = of("s", 2, seed=1)
    figures = canaries_of(source, {"mirrored": [0.95]})
    figures = replace(figures, canaries=gallery([canary("mirrored", 0)], source.templates.vectors[[1]]))
    assert measured(figures).measurement.value == 0


def test_a_kind_that_could_not_be_compared_at_all_is_missed() -> None:
    lost = ["blurred/s0000.png", "blurred/s0001.png"]
    figures = canaries_of(of("s", 5, seed=1), {"mirrored": [0.95, 0.95], "blurred": [0.95, 0.95]}, lost=lost)
    found = measured(figures).measurement
    assert (found.value, found.n) == (0.5, 4)
    assert (
        measured(figures).canaries[1].n_caught,
        measured(figures).canaries[1].lowest,
        measured(figures).canaries[1].missed,
    ) == (
        0,
        None,
        tuple(lost),
    )
    assert found.finding == "2 of 4 canaries ({value}) were caught, missed: 2 blurred"


def test_what_a_screen_takes_out_is_not_caught() -> None:
    figures = canaries_of(of("s", 5, seed=1), {"mirrored": [0.95] * 4})
    gone = Gone(generated=frozenset({canary("mirrored", 0).sha256}))
    assert measured(figures, gone).measurement.value == 0.75
    gone = Gone(source=frozenset({figures.source.images[1].sha256}))
    assert measured(figures, gone).measurement.value == 0.75


def test_an_original_that_is_not_in_the_source_catches_nothing() -> None:
    figures = canaries_of(of("s", 5, seed=1), {"mirrored": [0.95] * 4})
    figures = replace(figures, source=figures.source.of_images(np.array([1, 2, 3, 4])))
    assert measured(figures).measurement.value == 0.75


def test_the_nearest_two_faces_count() -> None:
    vectors = people(2, seed=1)
    source = gallery([image("s0000")], vectors, n_faces=[2])
    figures = canaries_of(source, {"mirrored": [0.0]})
    # the second face of the copy is near to the second one of the original
    copies = gallery(
        [canary("mirrored", 0)],
        np.concatenate([people(1, seed=7), near(vectors[[1]], 0.9, seed=3)]),
        n_faces=[2],
    )
    figures = replace(figures, canaries=copies)
    assert measured(figures).measurement.value == 1
    assert measured(figures).canaries[0].lowest == pytest.approx(0.9, abs=1e-6)


def test_at_a_distance_the_distance_decides() -> None:
    source = gallery(images("s", [()] * 2), people(2, seed=1), norms=[1, 10])
    figures = canaries_of(source, {"mirrored": [0.95, 0.95]}, threshold=Threshold(euclidean=0.4))
    figures = replace(
        figures,
        canaries=gallery(figures.canaries.images, figures.canaries.templates.vectors, norms=[1, 10]),
    )
    assert measured(figures).measurement.value == 0.5
    assert measured(figures).canaries[0].missed == ("mirrored/s0001.png",)


def test_without_canaries_there_is_no_figure() -> None:
    assert canaries_of(of("s", 5, seed=1), {}).measure(Gone()) is None


# ------------------------------------------------------------------------------------------------ coverage


def test_coverage_counts_what_was_lost_and_what_screens_took() -> None:
    lost = [
        Exclusion(id="x1", rule="unreadable", reason="cut short"),
        Exclusion(id="x2", rule="no_face", reason="no face was found in it"),
        Exclusion(id="x3", rule="no_face", reason="no face was found in it"),
    ]
    one = embedded("photos", images("a", [()] * 7), people(7, seed=1), excluded=lost)
    figures = CoverageFigures(check=Coverage(min_images=7, max_screened=0.1), one=one)
    found = measured(figures).measurement
    assert (found.value, found.n, found.limit) == (7, 10, 7)
    assert {figure.name: figure.value for figure in found.figures} == {
        "share_unreadable": 0.1,
        "share_no_face": 0.2,
        "share_screened": 0.0,
    }
    screened = frozenset(shown.sha256 for shown in one.images[:2])
    after = measured(figures, Gone(generated=screened)).measurement
    assert (after.value, after.figures[2].value) == (5, 0.2)
    # an image of another set that was taken out is not counted
    elsewhere = measured(figures, Gone(generated=frozenset({image("z").sha256}), source=screened))
    assert elsewhere.measurement.value == 7


def test_images_of_one_content_are_each_counted() -> None:
    twice = [image("a", content="one"), image("b", content="one"), image("c")]
    one = embedded("photos", twice, people(3, seed=1))
    figures = CoverageFigures(check=Coverage(min_images=1), one=one)
    gone = Gone(generated=frozenset({twice[0].sha256}))
    assert measured(figures, gone).measurement.value == 1


# -------------------------------------------------------------------------------------------- all of them


def test_rates_are_measured_as_well() -> None:
    source = of("s", 20, seed=1)
    generated = copies("g", source.templates.vectors[:2], n_others=6)
    figures = PairFigures(
        check=LeakRate(threshold=CLOSE, at_most=0),
        neighbours=Neighbours(generated=generated, source=source, metric="cosine"),
    )
    assert measured(figures).measurement.value == 0.25


def test_a_person_with_most_of_the_source_cannot_be_compared_at_equal_size() -> None:
    figures = ExcessFigures(
        check=EXCESS,
        generated=of("g", 3, seed=1),
        source=sizes("s", [30] + [1] * 10, seed=2),
        control=sizes("c", [1] * 10, seed=500),
    )
    with pytest.raises(InconclusiveError) as refused:
        figures.measure(Gone())
    assert str(refused.value) == (
        "one person has 30 images of the source, where a part as large as the control has 10: no galleries of equal "
        "size can be made\nNo person may be in two parts: name a control of more images."
    )
