"""Hubs in simulated templates: all faces share a direction, and whoever lies along it is everybody's neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hand_made_sets import Rows, embedded, gallery, image, images, names, near, unit

from faceleak_check.calibrating import Calibrator
from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.checks.judge import judge
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.comparison import Settled, settle
from faceleak_check.hubs import HubRule, suspected_in_list
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.matches import Matches
from faceleak_check.measuring import ListFigures, PairFigures
from faceleak_check.policy.schema import HubKeys
from faceleak_check.policy.types import Threshold
from faceleak_check.records import EmbedderSpec, Outcome, Pair
from faceleak_check.search.neighbours import Gallery, Neighbours

D = 256
CENTRE = unit(np.random.default_rng(0).normal(size=(1, D)))
CLOSE = 0.65
KEYS = HubKeys(max_share=0.05)
SPEC = EmbedderSpec(
    name="network",
    weights_sha256="a" * 64,
    licence="MIT",
    dimension=D,
    input_size=112,
    colour_order="RGB",
    normalisation="RGB / 255",
)


def faces(n: int, *, seed: int, likeness: float = 0.5) -> Rows:
    """Strangers: any two have a cosine of about 0.5, and each one of about 0.7 to the centre of all."""
    away = np.random.default_rng(seed).normal(size=(n, D))
    away -= (away @ CENTRE.T) * CENTRE
    return unit(np.sqrt(likeness) * CENTRE + np.sqrt(1 - likeness) * unit(away))


def source_of(n: int = 120, *, hub: bool = True, is_labelled: bool = False) -> EmbeddedSet:
    """Real people; the first one lies at the centre of all faces, if there is a hub."""
    rows = faces(n, seed=1)
    if hub:
        rows[0] = near(CENTRE, 0.99, seed=2)[0]
    people = names("source", n) if is_labelled else [()] * n
    return embedded("training", images("s", people), rows)


def control_of(n: int = 300, *, seed: int = 3) -> EmbeddedSet:
    return embedded("unseen", images("u", names("unseen", n)), faces(n, seed=seed))


def generated_of(rows: Rows, people: Sequence[tuple[str, ...]] | None = None) -> Gallery:
    return gallery(images("g", people or [()] * len(rows)), rows)


def rule_for(
    generated: Gallery, source: EmbeddedSet, control: EmbeddedSet | None, keys: HubKeys = KEYS
) -> HubRule:
    sets = CalibrationSets(name="own", spec=SPEC, source=source, control=control)
    calibrator = Calibrator()
    return HubRule(
        keys, generated, source.gallery(each_content_once=True), CLOSE, lambda: calibrator.unseen(sets)
    )


def settled(
    generated: Gallery,
    source: EmbeddedSet,
    control: EmbeddedSet | None = None,
    keys: HubKeys = KEYS,
    *,
    bare: bool = False,
) -> tuple[Settled, HubRule]:
    rule = rule_for(generated, source, control, keys)
    figures = PairFigures(
        check=LeakCount(threshold=Threshold(cosine=CLOSE), at_most=0),
        neighbours=Neighbours(
            generated=generated, source=source.gallery(each_content_once=True), metric="cosine"
        ),
    )
    found = settle(figures, hubs=None if bare else rule)
    assert found is not None
    return found, rule


def leaking(found: Settled) -> list[tuple[str, str]]:
    return sorted((pair.generated.id, pair.source.id) for pair in found.measured.pairs)


# -------------------------------------------------------------------------------------------- true hubs


def test_the_best_match_of_unseen_people_is_excused() -> None:
    generated, source, control = generated_of(faces(40, seed=4)), source_of(), control_of()
    without, _ = settled(generated, source, bare=True)
    assert without.measured.value == 40
    found, rule = settled(generated, source, control)
    assert (found.measured.value, judge(found.measured)[0]) == (0, Outcome.PASS)
    [hub] = rule.found
    assert (hub.source.id, hub.n_best, hub.n_excused, hub.evidence) == ("s0000", 40, 40, "unseen")
    assert (hub.n_unseen, hub.n_unseen_best) == (300, 300)
    assert hub.level is not None
    assert CLOSE < hub.level < 0.85
    assert hub.reason == (
        "the best match of 40 of 40 generated images, and a hub: it is also the best match of 300 of 300 images of "
        "unseen people; 40 of its 40 matches over the threshold are excused"
    )


def test_without_a_control_each_of_the_source_is_asked_in_turn() -> None:
    generated, source = generated_of(faces(40, seed=4)), source_of(is_labelled=True)
    found, rule = settled(generated, source)
    [hub] = rule.found
    assert (hub.evidence, hub.n_unseen) == ("unseen", 120)
    assert hub.n_unseen_best == 119
    assert found.measured.value == 40 - hub.n_excused
    assert hub.n_excused >= 38


def test_where_nobody_is_known_unlike_images_at_the_centre_are_excused() -> None:
    found, rule = settled(generated_of(faces(40, seed=4)), source_of())
    [hub] = rule.found
    assert (found.measured.value, hub.evidence, hub.level, hub.n_unseen) == (0, "unlike", None, 0)
    assert hub.reason == (
        "the best match of 40 of 40 generated images, and a hub: those resemble nobody else, and it is among the most "
        "central 0.83% of the source; 40 of its 40 matches over the threshold are excused"
    )


def test_in_a_small_source_no_place_is_central() -> None:
    found, rule = settled(generated_of(faces(40, seed=4)), source_of(50))
    [hub] = rule.found
    assert (found.measured.value, hub.evidence, hub.n_excused) == (40, "none", 0)
    assert hub.reason == (
        "the best match of 40 of 40 generated images, and nothing shows that it is a hub (unseen people are not "
        "known): its matches count"
    )


@pytest.mark.parametrize("with_control", [True, False])
def test_a_copy_among_the_matches_of_a_hub_leaks(with_control: bool) -> None:
    source = source_of()
    copy = near(source.templates.templates.vectors[:1], 0.97, seed=9)
    generated = generated_of(np.concatenate([faces(40, seed=4), copy]))
    found, rule = settled(generated, source, control_of() if with_control else None)
    assert leaking(found) == [("g0040", "s0000")]
    assert (rule.found[0].n_best, rule.found[0].n_excused) == (41, 40)
    assert rule.found[0].reason.endswith("; 40 of its 41 matches over the threshold are excused")


def test_behind_a_hub_stands_the_person_who_was_copied() -> None:
    """A generated image of a source person is nearer to the hub than to the person; both are over the threshold."""
    source = source_of()
    rows = faces(40, seed=4)
    person = source.templates.templates.vectors[[7]]
    rows[0] = unit(0.6 * CENTRE + 0.75 * person)[0]
    generated = generated_of(rows)
    nearest = source.templates.templates.vectors @ rows[0]
    assert nearest[0] < nearest[7]  # else the hub would not stand before
    found, _ = settled(generated, source, control_of())
    assert leaking(found) == [("g0000", "s0007")]


def test_no_more_is_excused_than_leaks_and_other_people_still_count() -> None:
    source = source_of()
    copies = near(source.templates.templates.vectors[[5, 6]], 0.95, seed=9)
    generated = generated_of(np.concatenate([faces(40, seed=4), copies]))
    found, rule = settled(generated, source, control_of())
    assert leaking(found) == [("g0040", "s0005"), ("g0041", "s0006")]
    assert [hub.source.id for hub in rule.found] == ["s0000"]


# ------------------------------------------------------------------------------------ reproduced people


@pytest.mark.parametrize("with_control", [True, False])
@pytest.mark.parametrize("is_labelled", [True, False])
@pytest.mark.parametrize("cosine", [1.0, 0.95, 0.75])
def test_a_person_who_was_reproduced_a_thousand_times_is_no_hub(
    with_control: bool, is_labelled: bool, cosine: float
) -> None:
    source = source_of(is_labelled=is_labelled)
    person = np.repeat(source.templates.templates.vectors[[7]], 1000, axis=0)
    rows = person if cosine == 1 else near(person, cosine, seed=8)
    found, rule = settled(
        generated_of(np.concatenate([rows, faces(40, seed=4)])),
        source,
        control_of(100) if with_control else None,
    )
    assert {one for one in leaking(found) if one[1] == "s0007"} == {
        (f"g{n:04d}", "s0007") for n in range(1000)
    }
    hubs = {hub.source.id: hub for hub in rule.found}
    assert (hubs["s0007"].n_best, hubs["s0007"].n_excused, hubs["s0007"].evidence) == (1000, 0, "none")


@pytest.mark.parametrize("with_control", [True, False])
@pytest.mark.parametrize("is_labelled", [True, False])
def test_a_person_who_was_blended_into_a_thousand_others_is_no_hub(
    with_control: bool, is_labelled: bool
) -> None:
    """Blends are near to the person, and as unlike each other as strangers."""
    source = source_of(is_labelled=is_labelled, hub=False)
    person = source.templates.templates.vectors[[7]]
    rows = unit(0.45 * person + 0.55 * faces(1000, seed=8))
    assert np.median(rows @ person.T) > CLOSE
    found, rule = settled(generated_of(rows), source, control_of(100) if with_control else None)
    n_near = int(((rows @ person[0]) >= CLOSE).sum())
    assert found.measured.value == n_near > 900
    [hub] = [hub for hub in rule.found if hub.source.id == "s0007"]
    assert (hub.n_excused, hub.evidence) == (0, "none")
    if with_control:
        assert hub.reason == (
            f"the best match of {hub.n_best:,} of 1,000 generated images, and nothing shows that it is a hub (the best "
            f"match of {hub.n_unseen_best} of 100 images of unseen people): its matches count"
        )


def test_images_of_one_synthetic_person_are_one_voice() -> None:
    """Eight pictures of each of four synthetic people at the centre are too few people to be unlike."""
    rows = np.repeat(faces(4, seed=4), 8, axis=0)
    rows = near(rows, 0.97, seed=5)
    people = [(f"id{n // 8}",) for n in range(32)]
    found, rule = settled(generated_of(rows, people), source_of())
    assert (found.measured.value > 28, rule.found[0].evidence) == (True, "none")
    rows = near(np.repeat(faces(6, seed=4), 8, axis=0), 0.97, seed=5)
    people = [(f"id{n // 8}",) for n in range(48)]
    _, rule = settled(generated_of(rows, people), source_of())
    assert (rule.found[0].evidence, rule.found[0].n_excused > 40) == ("unlike", True)


# ----------------------------------------------------------------------------------------- who is suspected


def test_whoever_few_images_match_is_not_suspected() -> None:
    source = source_of(hub=False)
    copies = near(np.repeat(source.templates.templates.vectors[[7]], 4, axis=0), 0.95, seed=8)
    _, rule = settled(generated_of(np.concatenate([copies, faces(76, seed=4)])), source, control_of(100))
    assert rule.found == ()  # 4 of 80 are 5%, and not more
    _, rule = settled(generated_of(np.concatenate([copies, faces(75, seed=4)])), source, control_of(100))
    assert [hub.n_best for hub in rule.found] == [4]


def test_two_images_of_a_small_set_are_no_crowd() -> None:
    source = source_of(hub=False)
    copies = near(np.repeat(source.templates.templates.vectors[[7]], 2, axis=0), 0.95, seed=8)
    _, rule = settled(generated_of(copies), source, control_of(100))
    assert rule.found == ()


def test_without_leaks_nothing_is_suspected() -> None:
    far = unit(np.random.default_rng(3).normal(size=(40, D)))
    found, rule = settled(generated_of(far), source_of(), control_of())
    assert (found.measured.value, rule.found) == (0, ())


def test_the_same_rule_looks_afresh_for_another_figure() -> None:
    generated, source = generated_of(faces(40, seed=4)), source_of()
    _, rule = settled(generated, source, control_of())
    again = rule.afresh()
    assert (len(rule.found), again.found) == (1, ())


def test_suspects_are_listed_the_most_matched_first() -> None:
    source = source_of(hub=False)
    people = source.templates.templates.vectors
    rows = [
        near(np.repeat(people[[row]], n, axis=0), 0.95, seed=row) for row, n in ((9, 20), (5, 30), (3, 20))
    ]
    _, rule = settled(generated_of(np.concatenate(rows)), source, control_of(100))
    assert [(hub.source.id, hub.n_best) for hub in rule.found] == [
        ("s0005", 30),
        ("s0003", 20),
        ("s0009", 20),
    ]


def test_of_an_image_of_several_faces_the_one_near_the_hub_counts() -> None:
    """The other faces of 40 groups are all one person, who has nothing to do with it."""
    same = np.repeat(faces(1, seed=77), 40, axis=0)
    rows = np.stack([same, faces(40, seed=4)], axis=1).reshape(-1, D)
    source = source_of()
    centre = source.templates.templates.vectors[:1]
    rows[0::2] = near(same, 0.99, seed=6)
    # the first faces are nobody's neighbours
    rows[0::2] = unit(rows[0::2] - 1.5 * (rows[0::2] @ centre.T) * centre)
    generated = gallery(images("g", [()] * 40), rows, n_faces=[2] * 40)
    found, rule = settled(generated, source)
    assert (found.measured.value, rule.found[0].evidence) == (0, "unlike")


# --------------------------------------------------------------------------------------------------- lists


def list_of(n_of_hub: int, n_others: int, n_far: int) -> Matches:
    """So many images that one source image matches, others with a match of their own, and others with none."""
    n = n_of_hub + n_others + n_far
    return Matches(
        generated=tuple(image(f"g{row}") for row in range(n)),
        source=tuple(image(f"s{row}") for row in range(n)),
        source_index=np.array([[0] if row < n_of_hub else [row] for row in range(n)]),
        similarity=np.array([[0.9] if row < n_of_hub + n_others else [0.1] for row in range(n)]),
    )


def suspicion(
    matches: Matches, at_most: float, *, accepted: Sequence[Pair] = ()
) -> tuple[list[tuple[str, str]], Settled, Outcome, list[tuple[str, int, str, str]]]:
    check = LeakRate(threshold=Threshold(cosine=0.8), at_most=at_most)
    figures = ListFigures(check=check, listed=matches)
    found = settle(figures, accepted={(pair.generated.sha256, pair.source.sha256) for pair in accepted})
    assert found is not None
    outcome = judge(found.measured)[0]
    questions, hubs = suspected_in_list(KEYS, figures, found, outcome)
    return questions, found, outcome, [(hub.source.id, hub.n_best, hub.evidence, hub.reason) for hub in hubs]


def test_a_suspected_hub_that_decides_is_a_question() -> None:
    questions, _, outcome, hubs = suspicion(list_of(30, 1, 69), 0.1)
    assert outcome is Outcome.LEAK
    assert questions == [
        (
            (
                "1 source image is the best match of 30 of 100 generated images, and a list of matches "
                "cannot tell a hub "
                "from a leaked person: without it the figure is 1% <= 10% (0.177% to 5.45%)"
            ),
            "",
        )
    ]
    assert hubs == [
        (
            "s0",
            30,
            "none",
            "the best match of 30 of 100 generated images; a list of matches cannot tell whether it is a hub",
        )
    ]


@pytest.mark.parametrize(
    ("matches", "at_most", "outcome"),
    [(list_of(30, 20, 50), 0.1, Outcome.LEAK), (list_of(30, 1, 69), 0.5, Outcome.PASS)],
)
def test_one_that_decides_nothing_is_told_alone(matches: Matches, at_most: float, outcome: Outcome) -> None:
    questions, _, found, hubs = suspicion(matches, at_most)
    assert (questions, found) == ([], outcome)
    assert [hub[:2] for hub in hubs] == [("s0", 30)]


def test_without_a_crowd_nothing_is_suspected() -> None:
    questions, _, outcome, hubs = suspicion(list_of(5, 20, 75), 0.1)
    assert (questions, hubs, outcome) == ([], [], Outcome.LEAK)


def test_several_suspects_are_told_together() -> None:
    matches = list_of(30, 0, 70)
    index = matches.source_index.copy()
    index[20:30] = 1
    two = replace(matches, source_index=index)
    questions, _, _, hubs = suspicion(two, 0.1)
    assert [question for question, _ in questions] == [
        (
            "2 source images are the best match of up to 20 of 100 generated images, and a list of matches "
            "cannot tell a "
            "hub from a leaked person: without it the figure is 0% <= 10% (0% to 3.7%)"
        )
    ]
    assert [hub[:2] for hub in hubs] == [("s0", 20), ("s1", 10)]


def test_what_is_waived_is_not_counted_again_without_the_suspect() -> None:
    """30 of 100 are a suspect's, 20 others, of which 15 are waived: without the suspect 5% are left."""
    matches = list_of(30, 20, 50)
    accepted = [matches.pair(row, 0) for row in range(30, 45)]
    questions, found, outcome, _ = suspicion(matches, 0.1, accepted=accepted)
    assert (outcome, len(found.waived)) == (Outcome.LEAK, 15)
    assert [question.rpartition(": ")[2] for question, _ in questions] == [
        "without it the figure is 5% <= 10% (2.15% to 11.2%)"
    ]
