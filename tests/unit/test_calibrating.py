from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made_sets import Rows, around_a_hub, digest, embedded, image, images, names, near, people, unit

from faceleak_check.calibrating import Calibrator
from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.checks.statistics import impostors, thresholds
from faceleak_check.errors import InconclusiveError
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.pinned import PinnedThreshold, PinnedThresholds
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Alignment, EmbedderSpec, ImageRef, Suspect

SPEC = EmbedderSpec(
    name="network",
    weights_sha256="a" * 64,
    licence="MIT",
    dimension=64,
    input_size=112,
    colour_order="RGB",
    normalisation="RGB / 255",
)
LABEL_ADVICE = "Write `labels:` under the source or the control, or name a labelled set with `calibration:`."


def labelled(name: str, n_people: int = 20, n_images: int = 2, *, seed: int = 1) -> EmbeddedSet:
    vectors = people(n_people, n_images, seed=seed)
    return embedded(name, images(name, names(name, n_people, n_images)), vectors)


def unlabelled(name: str, n: int = 40, *, seed: int = 1) -> EmbeddedSet:
    return embedded(name, images(name, [()] * n), people(n, seed=seed))


def sets(source: EmbeddedSet, **others: Any) -> CalibrationSets:
    return CalibrationSets(name="own", spec=SPEC, source=source, **others)


def by_hand(one: EmbeddedSet, rate: float) -> thresholds.RateThreshold:
    order = sorted(range(len(one.images)), key=lambda row: one.images[row].sha256)
    found = impostors.impostors(
        one.templates.templates.vectors[order], [one.images[row].labels for row in order]
    )
    return thresholds.thresholds_at(found, [rate])[0]


def problem(threshold: Threshold, those: CalibrationSets) -> tuple[str, str]:
    with pytest.raises(InconclusiveError) as found:
        Calibrator().resolved(threshold, those)
    return found.value.message, found.value.detail


# --------------------------------------------------------------------------------------- false match rates


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (("calibration", "source", "control"), "calibration"),
        (("source", "control"), "source"),
        (("control",), "control"),
        (("calibration", "control"), "calibration"),
    ],
)
def test_the_first_labelled_set_of_calibration_source_and_control_tells_the_rate(
    given: Sequence[str], used: str
) -> None:
    of = {
        name: labelled(name, seed=seed) if name in given else unlabelled(name, seed=seed)
        for seed, name in enumerate(("calibration", "source", "control"))
    }
    calibration = of["calibration"] if "calibration" in given else None
    found = Calibrator().resolved(
        Threshold(fmr=0.01), sets(of["source"], control=of["control"], calibration=calibration)
    )
    expected = by_hand(of[used], 0.01)
    assert found.origin == f"impostor pairs of {used!r}"
    assert found.asked == "FMR 0.01"
    assert expected.cosine <= found.cosine < expected.cosine + 1e-6
    assert (found.low, found.high) == (expected.low, max(expected.high, found.cosine))
    assert (found.n_people, found.n_images, found.n_comparisons) == (20, 40, 760)
    assert (found.confidence, found.extrapolated, found.suspects) == (0.95, expected.extrapolated, ())


def test_the_cosine_is_rounded_up_to_six_digits_so_that_the_rate_is_kept() -> None:
    one = labelled("training")
    found = Calibrator().table("fmr", [0.1, 0.01], sets(one))
    for calibration, rate in zip(found, (0.1, 0.01), strict=True):
        exact = by_hand(one, rate).cosine
        assert calibration.cosine == round(calibration.cosine, 6)
        assert 0 <= calibration.cosine - exact < 1e-6
    assert [one.asked for one in found] == ["FMR 0.1", "FMR 0.01"]


def test_a_rate_below_what_the_pairs_resolve_is_extrapolated() -> None:
    """20 people are 190 pairs of people, so 3 in 190 is the lowest rate that is read off."""
    read, fitted = Calibrator().table("fmr", [0.016, 0.0157], sets(labelled("training")))
    assert (read.extrapolated, fitted.extrapolated) == (False, True)
    assert fitted.low <= fitted.cosine <= fitted.high


def test_the_order_of_the_images_does_not_matter() -> None:
    one = labelled("training")
    turned = np.random.default_rng(1).permutation(len(one.images))
    other = embedded("training", [one.images[row] for row in turned], one.templates.templates.vectors[turned])
    assert Calibrator().resolved(Threshold(fmr=0.01), sets(one)) == Calibrator().resolved(
        Threshold(fmr=0.01), sets(other)
    )


def test_images_of_several_faces_of_nobody_or_of_one_content_are_left_out() -> None:
    """Nobody knows which face of a group the name means."""
    clean = labelled("training")
    vectors = clean.templates.templates.vectors
    more = [
        image("group", "training000"),
        image("nobody"),
        image("again", "training000", content=clean.images[0].id),
    ]
    both = embedded(
        "training",
        [*clean.images, *more],
        np.concatenate([vectors, people(3, seed=5), vectors[:1]]),
        n_faces=[1] * 40 + [2, 1, 1],
    )
    assert Calibrator().resolved(Threshold(fmr=0.01), sets(both)) == Calibrator().resolved(
        Threshold(fmr=0.01), sets(clean)
    )


def noisy(name: str = "training") -> tuple[EmbeddedSet, tuple[ImageRef, ImageRef]]:
    """The first image of one person lies under another name as well, as another file."""
    clean = labelled(name, 30, 2)
    vectors = np.concatenate([clean.templates.templates.vectors, clean.templates.templates.vectors[:1]])
    stray = image("stray", f"{name}007")
    return embedded(name, [*clean.images, stray], vectors), (clean.images[0], stray)


def test_people_under_two_names_set_no_threshold_and_are_listed() -> None:
    one, pair = noisy()
    found = Calibrator().resolved(Threshold(fmr=0.002), sets(one))
    [suspect] = found.suspects
    assert {suspect.one, suspect.other} == set(pair)
    assert suspect.similarity == pytest.approx(1, abs=1e-6)
    clean = Calibrator().resolved(Threshold(fmr=0.002), sets(labelled("training", 30, 2)))
    assert found.cosine == pytest.approx(clean.cosine, abs=0.02)
    assert found.cosine < 0.7


def test_a_hub_is_no_namesake_of_everybody() -> None:
    """Then its comparisons count, and unseen people may find it."""
    one = embedded("training", images("t", names("p", 60)), around_a_hub(60, seed=1))
    found = Calibrator().resolved(Threshold(fmr=0.1), sets(one))
    assert (found.suspects, found.n_comparisons) == ((), 60 * 59 / 2)
    unseen = Calibrator().unseen(sets(one))
    assert unseen is not None
    assert (unseen.nearest == 0).sum() == 59


# --------------------------------------------------------------------------------- what keeps it from us


def test_without_labels_no_fmr_can_be_found() -> None:
    assert problem(Threshold(fmr=0.01), sets(unlabelled("training"), control=unlabelled("unseen"))) == (
        "no FMR can be found: none of the compared sets names its people",
        LABEL_ADVICE,
    )


def test_without_labels_or_a_control_no_fpir_can_be_found() -> None:
    assert problem(Threshold(fpir=0.01), sets(unlabelled("training"))) == (
        "no FPIR can be found: nobody is known who is not in the source set",
        (
            "Name a set of other people with `control:`, or write `labels:` under the source, so that one person after "
            "the other can be left out."
        ),
    )


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (
            labelled("training", 14, 2),
            "found 28 images with a person's name: a threshold needs at least 30",
        ),
        (
            labelled("training", 1, 40),
            (
                "found images with a person's name of 1 person: a threshold needs at least 10 people, since "
                "how sure it "
                "is comes from how much people differ"
            ),
        ),
        (
            labelled("training", 9, 10),
            (
                "found images with a person's name of 9 people: a threshold needs at least 10 people, since "
                "how sure it "
                "is comes from how much people differ"
            ),
        ),
        (
            embedded("training", images("t", names("p", 40)), unit(np.ones((40, 8)))),
            "all 780 comparisons have the same cosine, 1: they set no threshold",
        ),
    ],
)
def test_too_small_or_too_even_a_set_sets_no_fmr(one: EmbeddedSet, why: str) -> None:
    assert problem(Threshold(fmr=0.01), sets(one)) == (
        f"no threshold can be found for an FMR of 0.01 on 'training': {why}",
        "",
    )


def test_a_rate_that_is_out_of_reach_is_told() -> None:
    assert problem(Threshold(fmr=1e-9), sets(labelled("training"))) == (
        (
            "no threshold can be found for an FMR of 1e-09 on 'training': a rate of 1e-09 is out of reach of "
            "20 people: "
            "the lowest that they calibrate, by extrapolation, is 5.3e-06; add people or ask for a higher rate"
        ),
        "",
    )


def test_a_source_of_one_person_leaves_nobody_to_probe_with() -> None:
    assert problem(Threshold(fpir=0.01), sets(labelled("training", 1, 40))) == (
        (
            "no threshold can be found for an FPIR of 0.01 with each person of 'training' left out in turn: found 0 "
            "probes: a threshold needs at least 30"
        ),
        "",
    )


def test_a_small_control_sets_no_fpir() -> None:
    assert problem(
        Threshold(fpir=0.01), sets(labelled("training"), control=labelled("unseen", 12, 2, seed=2))
    ) == (
        (
            "no threshold can be found for an FPIR of 0.01 with people of 'unseen' against 'training': found "
            "24 probes: "
            "a threshold needs at least 30"
        ),
        "",
    )


# --------------------------------------------------------------------------- false positive identification


def test_the_fpir_is_that_of_the_control_where_there_is_one() -> None:
    source, control = labelled("training", seed=1), unlabelled("unseen", 60, seed=2)
    found = Calibrator().resolved(Threshold(fpir=0.1), sets(source, control=control))
    best = (
        (control.templates.templates.vectors @ source.templates.templates.vectors.T).max(axis=1).astype(float)
    )
    [expected] = thresholds.fpir_thresholds_at(best, [(str(n),) for n in range(60)], [0.1])
    assert (found.asked, found.origin) == ("FPIR 0.1", "people of 'unseen' against 'training'")
    assert found.cosine == pytest.approx(expected.cosine, abs=2e-6)
    assert (found.n_people, found.n_images, found.n_comparisons) == (60, 60, 60)
    assert np.mean(best >= found.cosine) <= 0.1


def test_without_a_control_each_person_is_left_out_in_turn() -> None:
    source = labelled("training", 20, 3)
    found = Calibrator().resolved(Threshold(fpir=0.1), sets(source))
    vectors = source.templates.templates.vectors
    cosines = vectors @ vectors.T
    person = np.arange(60) // 3
    cosines[person[:, None] == person[None]] = -2
    best = cosines.max(axis=1)
    assert found.origin == "each person of 'training' left out in turn"
    assert (found.n_people, found.n_images) == (20, 60)
    assert np.mean(best >= found.cosine) <= 0.1 < np.mean(best >= found.cosine - 0.05)


def test_whoever_lies_under_two_names_is_no_probe() -> None:
    one, pair = noisy()
    unseen = Calibrator().unseen(sets(one))
    assert unseen is not None
    assert not set(pair) & set(unseen.images)
    assert unseen.similarity.max() < 0.7
    assert [{suspect.one, suspect.other} for suspect in unseen.suspects] == [set(pair)]


def test_unseen_people_come_with_what_they_find() -> None:
    source = labelled("training", 12, 1, seed=1)
    theirs = near(source.templates.templates.vectors[[4, 7]], 0.9, seed=3)
    control = embedded(
        "unseen",
        [image("a", "ann", "amy"), image("b", "ben"), image("c")],
        np.vstack([theirs, people(1, seed=4)]),
    )
    unseen = Calibrator().unseen(sets(source, control=control))
    assert unseen is not None
    assert unseen.nearest.tolist()[:2] == [4, 7]
    assert unseen.similarity.tolist()[:2] == pytest.approx([0.9, 0.9], abs=1e-6)
    assert unseen.people == [("ann", "amy"), ("ben",), (digest("c"),)]
    assert unseen.vectors.tolist() == control.templates.templates.vectors.tolist()
    assert unseen.gallery.images == source.images


# ------------------------------------------------------------------------------ what is worked out once


def test_what_two_checks_share_is_worked_out_once() -> None:
    calibrator, those = Calibrator(), sets(labelled("training"))
    assert calibrator.unseen(those) is calibrator.unseen(sets(those.source))
    assert calibrator.unseen(replace(those, spec=replace(SPEC, weights_sha256="b" * 64))) is not (
        calibrator.unseen(those)
    )


def test_one_folder_with_and_without_labels_is_two_sets() -> None:
    calibrator, source = Calibrator(), labelled("training")
    bare = embedded(
        "training", [replace(one, labels=()) for one in source.images], source.templates.templates.vectors
    )
    assert calibrator.unseen(sets(bare)) is None
    assert calibrator.unseen(sets(source)) is not None


def test_one_folder_embedded_in_two_ways_is_two_sets() -> None:
    """Chips may be cut or taken whole, and of several faces one or all may count."""
    calibrator, source = Calibrator(), labelled("training")
    cut = replace(
        labelled("training", seed=2), alignment=Alignment(asked="mtcnn", used="mtcnn", reason="asked for")
    )
    assert source.summary.sha256 == cut.summary.sha256
    for threshold in (Threshold(fmr=0.01), Threshold(fpir=0.1)):
        found = [calibrator.resolved(threshold, sets(one)) for one in (source, cut)]
        assert found == [Calibrator().resolved(threshold, sets(one)) for one in (source, cut)]
        assert found[0] != found[1]


def test_a_set_of_which_a_part_was_lost_is_another_one() -> None:
    """As where another embedder found no face in some images."""
    calibrator, source = Calibrator(), labelled("training")
    parts = [
        replace(
            source,
            images=tuple(source.images[row] for row in rows),
            templates=source.templates.taken(np.array(rows)),
        )
        for rows in (range(35), range(5, 40), range(40))
    ]
    for one in parts:
        unseen = calibrator.unseen(sets(one))
        assert unseen is not None
        assert unseen.gallery.images == one.images
        threshold = Threshold(fmr=0.01)
        assert calibrator.resolved(threshold, sets(one)) == Calibrator().resolved(threshold, sets(one))


# ------------------------------------------------------------------------------------------ chance matches


def test_chance_matches_are_the_rate_times_the_comparisons() -> None:
    one = labelled("training", 30, 2)
    chance = Calibrator().chance(0.2, sets(one), 1000)
    assert chance is not None
    vectors = one.templates.templates.vectors
    cosines = (vectors @ vectors.T)[np.arange(60)[:, None] // 2 < np.arange(60)[None] // 2]
    assert chance.rate == pytest.approx(np.mean(cosines >= 0.2))
    assert (chance.n_comparisons, chance.unit, chance.basis) == (
        60_000,
        "pairs",
        "impostor pairs of 'training'",
    )
    assert chance.expected == pytest.approx(60_000 * np.mean(cosines >= 0.2))
    assert chance.low < chance.expected < chance.high


def two_groups(name: str) -> EmbeddedSet:
    """A network that has only two answers: most strangers have the highest cosine of all."""
    vectors = unit([[1.0, 0.0]] * 36 + [[0.0, 1.0]] * 4)
    return embedded(name, images(name, names(name, 40)), vectors)


@pytest.mark.parametrize("one", [unlabelled("training"), labelled("training", 4, 2), two_groups("training")])
def test_where_no_set_tells_chance_is_not_known(one: EmbeddedSet) -> None:
    assert Calibrator().chance(0.5, sets(one), 100) is None


# ----------------------------------------------------------------------------------------- pinned thresholds


def pin(kind: str = "fmr", **keys: Any) -> PinnedThreshold:
    given: dict[str, Any] = {
        "kind": kind,
        "rate": 0.01,
        "cosine": 0.4321,
        "low": 0.4,
        "high": 0.5,
        "confidence": 0.95,
        "extrapolated": True,
        "embedder": "own",
        "embedder_sha256": SPEC.sha256,
        "dataset": "training",
        "dataset_sha256": "b" * 64,
        "source": "training" if kind == "fpir" else "",
        "source_sha256": "b" * 64 if kind == "fpir" else None,
        "n_people": 10,
        "n_images": 40,
        "n_comparisons": 700,
    }
    return PinnedThreshold(**(given | keys))


def pinned(*those: PinnedThreshold) -> PinnedThresholds:
    return PinnedThresholds(
        file="release.thresholds.yaml",
        path=Path("/policies/release.thresholds.yaml"),
        sha256="c" * 64,
        thresholds=those,
    )


def test_a_pinned_threshold_is_taken_as_it_is() -> None:
    training = labelled("training")
    those = pinned(pin(rate=0.1, cosine=0.41), pin(dataset_sha256=training.summary.sha256))
    found = Calibrator().resolved(Threshold(fmr=0.01), sets(training, pinned=those))
    assert (found.asked, found.cosine, found.low, found.high) == ("FMR 0.01", 0.4321, 0.4, 0.5)
    assert (found.confidence, found.extrapolated) == (0.95, True)
    assert (found.n_people, found.n_images, found.n_comparisons) == (10, 40, 700)
    assert found.origin == "pinned in 'release.thresholds.yaml': 'training'"


def test_a_pinned_fpir_is_of_one_source_and_its_people() -> None:
    source, control = labelled("training"), unlabelled("unseen", seed=2)
    digests = {"dataset_sha256": control.summary.sha256, "source_sha256": source.summary.sha256}
    those = [
        pin("fpir", source="other", cosine=0.41),
        pin("fpir", dataset="strangers", cosine=0.42),
        pin("fpir", dataset="unseen", cosine=0.43, **digests),
        pin("fpir", cosine=0.44),
    ]
    with_control = sets(source, control=control, pinned=pinned(*those))
    found = Calibrator().resolved(Threshold(fpir=0.01), with_control)
    assert (found.cosine, found.origin) == (
        0.43,
        "pinned in 'release.thresholds.yaml': 'unseen' against 'training'",
    )
    left_out = Calibrator().resolved(Threshold(fpir=0.01), sets(source, pinned=pinned(*those)))
    assert (left_out.cosine, left_out.asked) == (0.44, "FPIR 0.01")


@pytest.mark.parametrize(
    ("changed", "origin"),
    [
        (["dataset_sha256"], "'unseen' (changed since) against 'training'"),
        (["source_sha256"], "'unseen' against 'training' (changed since)"),
        (["dataset_sha256", "source_sha256"], "'unseen' (changed since) against 'training' (changed since)"),
    ],
)
def test_sets_that_changed_since_a_threshold_was_pinned_are_told(changed: list[str], origin: str) -> None:
    source, control = labelled("training"), unlabelled("unseen", seed=2)
    digests = {"dataset_sha256": control.summary.sha256, "source_sha256": source.summary.sha256}
    before = pin("fpir", dataset="unseen", **digests | dict.fromkeys(changed, "d" * 64))
    found = Calibrator().resolved(Threshold(fpir=0.01), sets(source, control=control, pinned=pinned(before)))
    assert (found.cosine, found.origin) == (0.4321, f"pinned in 'release.thresholds.yaml': {origin}")


def test_nothing_is_said_of_a_pinned_set_that_the_check_does_not_name() -> None:
    found = Calibrator().resolved(
        Threshold(fmr=0.01), sets(labelled("training"), pinned=pinned(pin(dataset="lfw")))
    )
    assert found.origin == "pinned in 'release.thresholds.yaml': 'lfw'"


def test_of_several_pinned_sets_the_one_is_taken_that_would_be_calibrated_on() -> None:
    both = pinned(pin(dataset="lfw", cosine=0.41), pin(dataset="training", cosine=0.42))
    found = Calibrator().resolved(Threshold(fmr=0.01), sets(labelled("training"), pinned=both))
    assert found.cosine == 0.42
    # any labelled set will do for an FMR
    found = Calibrator().resolved(Threshold(fmr=0.01), sets(labelled("faces"), pinned=both))
    assert found.cosine == 0.41


ADVICE = (
    "/policies/release.thresholds.yaml: write it anew with: faceleak calibrate POLICY --write "
    "release.thresholds.yaml"
)


@pytest.mark.parametrize(
    ("threshold", "there", "message"),
    [
        (
            Threshold(fmr=0.001),
            [pin()],
            "the pinned thresholds have no FMR of 0.001 for embedder 'own'",
        ),
        (
            Threshold(fmr=0.01),
            [pin(embedder_sha256="d" * 64, embedder="dlib")],
            "the pinned thresholds have no FMR of 0.01 for embedder 'own'; they hold one of 'dlib'",
        ),
        (
            Threshold(fpir=0.01),
            [pin(), pin("fpir", source="other")],
            "the pinned thresholds have no FPIR of 0.01 of 'training' against 'training' for embedder 'own'",
        ),
        (
            Threshold(fpir=0.01),
            [pin("fpir", dataset="unseen")],
            "the pinned thresholds have no FPIR of 0.01 of 'training' against 'training' for embedder 'own'",
        ),
    ],
)
def test_a_pinned_threshold_that_is_not_there_is_told(
    threshold: Threshold, there: list[PinnedThreshold], message: str
) -> None:
    assert problem(threshold, sets(labelled("training"), pinned=pinned(*there))) == (message, ADVICE)


# ----------------------------------------------------------------------------------------------- the rows


def test_a_found_threshold_lies_in_its_interval_as_a_file_of_them_asks() -> None:
    """Even where every draw of people gives the same cosine."""
    vectors = unit([[1.0, 0.0]] * 20 + [[0.0, 1.0]] * 20)
    one = embedded("training", images("t", names("p", 40)), vectors)
    found = Calibrator().resolved(Threshold(fmr=0.6), sets(one))
    assert found.low <= found.cosine <= found.high


def test_suspects_are_records_of_two_images() -> None:
    one, _ = noisy()
    found = Calibrator().resolved(Threshold(fpir=0.1), sets(one))
    assert all(isinstance(suspect, Suspect) for suspect in found.suspects)
    assert len(found.suspects) == 1


def test_vectors_are_of_the_first_face() -> None:
    source = labelled("training", 12)
    vectors: Rows = people(3, seed=8)
    group = embedded("unseen", [image("a"), image("b")], vectors, n_faces=[2, 1])
    unseen = Calibrator().unseen(sets(source, control=group))
    assert unseen is not None
    assert unseen.vectors.tolist() == vectors[[0, 2]].tolist()
