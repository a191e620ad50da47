"""A leak is planted at each place between template and verdict where one could be lost: see docs/trust.md."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made_sets import embedded, images, names, near, people
from judged_sets import COUNT, PAIR, TRIPLE, JudgedSets

from faceleak_check import Outcome, PolicyError, PolicyResult
from faceleak_check.calibrating import Calibrator
from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leaks import leaking
from faceleak_check.comparison import SecondEmbedder, settle
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import InconclusiveError
from faceleak_check.matches import Matches
from faceleak_check.measuring import PairFigures
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.policy.types import Threshold
from faceleak_check.records import ImageRef, Templates
from faceleak_check.search.neighbours import Gallery, Neighbours

RATE = Threshold(cosine=0.9)


@pytest.fixture
def sets(tmp_path: Path, write_set: Callable[..., Path]) -> JudgedSets:
    return JudgedSets(tmp_path, write_set)


def gallery(prefix: str, rows: list[list[float]], norms: list[float] | None = None) -> Gallery:
    """Templates as they are, also such as no embedder may give."""
    images = tuple(
        ImageRef(id=f"{prefix}{n}", sha256=hashlib.sha256(f"{prefix}{n}".encode()).hexdigest())
        for n in range(len(rows))
    )
    return Gallery(
        images=images,
        n_faces=np.ones(len(rows), np.int64),
        templates=Templates(
            vectors=np.array(rows, np.float32), norms=np.array(norms or [1] * len(rows), np.float32)
        ),
    )


ACROSS = [[1.0, 0.0], [0.0, 1.0]]
BROKEN = [[1.0, 0.0], [float("nan"), 1.0]]


# figures that are no numbers


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("generated", "source"), [(BROKEN, ACROSS), (ACROSS, BROKEN)])
def test_a_template_that_is_no_number_gives_no_figure(
    generated: list[list[float]], source: list[list[float]], metric: str
) -> None:
    """The first pictures are copies; one broken template beside them made the search find nothing at all."""
    neighbours = Neighbours(generated=gallery("g", generated), source=gallery("s", source), metric=metric)
    with pytest.raises(InconclusiveError) as raised:
        neighbours.matches(1)
    assert str(raised.value) == (
        "1 of 2 templates that are compared hold numbers that are not finite\n"
        "The embedder or its store is broken: run `faceleak cache verify`, and embed again."
    )


def test_a_length_that_is_no_number_gives_no_figure_by_distance() -> None:
    generated = gallery("g", ACROSS, [float("nan"), 1])
    neighbours = Neighbours(generated=generated, source=gallery("s", ACROSS), metric="euclidean")
    with pytest.raises(InconclusiveError, match=r"^1 of 2 templates that are compared hold numbers"):
        neighbours.matches(1)


def test_a_similarity_that_is_no_number_is_a_leak() -> None:
    one = gallery("g", ACROSS)
    matches = Matches(
        generated=one.images,
        source=gallery("s", ACROSS).images,
        source_index=np.array([[0], [1]]),
        similarity=np.array([[np.nan], [0.1]]),
        distance=np.array([[np.nan], [3.0]]),
    )
    assert leaking(matches, Threshold(cosine=0.9)).tolist() == [[True], [False]]
    assert leaking(matches, Threshold(euclidean=0.5)).tolist() == [[True], [False]]


@pytest.mark.parametrize("threshold", [Threshold(cosine=0.9), Threshold(euclidean=0.5)])
def test_a_second_embedder_without_a_number_excuses_nothing(threshold: Threshold) -> None:
    check = LeakCount(threshold=RATE, at_most=0)
    figures = PairFigures(
        check=check,
        neighbours=Neighbours(generated=gallery("g", ACROSS), source=gallery("s", ACROSS), metric="cosine"),
    )
    nothing = [[float("nan"), 0.0], [0.0, 1.0]]
    second = SecondEmbedder(
        name="blind", threshold=threshold, generated=gallery("g", nothing), source=gallery("s", ACROSS)
    )
    settled = settle(figures, seconds=(second,))
    assert settled is not None
    assert (settled.measured.value, settled.n_disagreed) == (2, 0)


# nothing to compare, nothing to exceed


@pytest.mark.parametrize("limit", ["max_no_face: 1%", "max_screened: 1%", "max_unreadable: 100%"])
def test_a_dataset_of_which_nothing_can_be_compared_is_no_coverage(sets: JudgedSets, limit: str) -> None:
    for file in (sets.path / "generated").iterdir():
        file.write_bytes(b"no picture")
    assert sets.reasons(f"coverage: {{dataset: generated, {limit}}}") == [
        ("inconclusive", "nothing is left to compare in 'generated'")
    ]


def test_a_source_whose_people_are_all_one_name_exposes_more_than_that(sets: JudgedSets) -> None:
    """Everybody in one folder counts as one person, however many leak."""
    sets.leak(5)
    for file in (sets.path / "training").rglob("*.png"):
        file.rename(file.parent.parent / f"{file.parent.name}-{file.name}")
    (sets.path / "training").rename(sets.path / "images")
    (sets.path / "training").mkdir()
    (sets.path / "images").rename(sets.path / "training/images")
    exposure = f"identity_exposure: {{{PAIR}, threshold: {{cosine: 0.9}}, at_most: 1}}"
    for file in (sets.path / "training").glob("p*"):
        file.rmdir()
    [(outcome, reason)] = sets.reasons(exposure)
    assert (outcome, reason) == (
        "inconclusive",
        (
            "the source names 1 person, and the policy allows 1 to be exposed: no leak could exceed that; are these "
            "the names of people?"
        ),
    )


@pytest.mark.parametrize("limit", ["at_most: 1", 'at_most: "1"'])
def test_one_that_may_mean_one_in_a_hundred_is_no_limit(sets: JudgedSets, limit: str) -> None:
    """As a share it is all: nothing could exceed it."""
    sets.leak(12)
    with pytest.raises(PolicyError) as raised:
        sets.judge(f"leak_rate: {{{PAIR}, threshold: {{cosine: 0.9}}, {limit}}}")
    found = "1" if '"' not in limit else "the text '1'"
    assert str(raised.value).partition(": ")[2] == (
        f"checks[0].leak_rate.at_most: found {found}, which may be one in a hundred or all: write 1% or 100%"
    )


def test_a_result_is_as_true_as_its_verdicts(sets: JudgedSets) -> None:
    """Somebody will forget ``.passed``."""
    sets.leak()
    result = sets.judge(COUNT, COUNT.replace("at_most: 0", "at_most: 1"))
    assert [bool(verdict) for verdict in result.verdicts] == [False, True]
    assert not result
    assert replace(result, verdicts=result.verdicts[1:])
    assert not PolicyResult(policy=result.policy, verdicts=())


# sets that are not what they are called


def test_people_who_leak_hide_in_no_control(sets: JudgedSets) -> None:
    """Other pictures of three people of the source, two of whom leak, lie in the control under a new name each."""
    sets.leak(2)
    for person in range(3):
        for n in range(3):
            sets.noisy(f"training/p{person:02}/{n}.png", f"unseen/alias{person}/{n}.png", seed=50 + n)
    checks = (
        f"excess_risk: {{{TRIPLE}, at_most: 1%}}",
        f"leak_rate: {{{TRIPLE}, threshold: {{fpir: 5%}}, at_most: 1%}}",
    )
    result = sets.judge(*checks)
    assert [verdict.outcome for verdict in result.verdicts] == [Outcome.LEAK, Outcome.LEAK]
    for verdict in result.verdicts:
        assert verdict.sets["control"].counts.n_excluded == {"in_source": 9}
        assert verdict.measurement is not None
        found = {pair.generated.id for pair in verdict.measurement.pairs}
        assert {"leak00.png", "leak01.png"} <= found


def test_generated_pictures_in_the_control_are_no_strangers(sets: JudgedSets) -> None:
    """Each matches itself there: that hides the excess, and sets the bar of the membership inference at 1.

    What leaks is not among the 40: it shows people of the source, and was taken out of the control before.
    """
    sets.leak(6)
    for number, file in enumerate(sorted((sets.path / "generated").iterdir())):
        sets.copy(f"generated/{file.name}", f"unseen/x{number:02}/1.png")
    checks = (
        f"excess_risk: {{{TRIPLE}, threshold: {{cosine: 0.9}}, at_most: 1%}}",
        f"membership_inference: {{{TRIPLE}, fpr: 5%, at_most: 5%}}",
        f"leak_rate: {{{TRIPLE}, threshold: {{fpir: 5%}}, at_most: 20%}}",
    )
    reason = "40 of 76 images of the control 'unseen' are generated ones: 'generated' holds them too"
    assert sets.reasons(*checks) == [("inconclusive", reason)] * 3


def test_a_control_that_is_nearer_than_the_source_is_no_control(sets: JudgedSets) -> None:
    """What is generated lies in it once more, saved anew, so that no content is equal."""
    sets.leak(2)
    for number, file in enumerate(sorted((sets.path / "generated").iterdir())):
        if file.name.startswith("g"):
            sets.noisy(f"generated/{file.name}", f"unseen/x{number:02}/1.png", seed=number)
    checks = (
        f"excess_risk: {{{TRIPLE}, threshold: {{cosine: 0.9}}, at_most: 1%}}",
        f"membership_inference: {{{TRIPLE}, fpr: 5%, at_most: 5%}}",
    )
    assert sets.reasons(*checks) == [
        (
            "inconclusive",
            "the control is hit more often than the source, so what leaks cannot stand out from it: is it a control?",
        ),
        (
            "inconclusive",
            (
                "the generated images are nearer to the control than to the source, so what leaks cannot stand out: is "
                "it a control?"
            ),
        ),
    ]


def test_generated_pictures_in_the_calibration_set_are_no_strangers(sets: JudgedSets) -> None:
    sets.leak()
    sets.copy("generated/leak00.png", "unseen/u00/3.png")
    check = f"leak_count: {{{PAIR}, calibration: unseen, threshold: {{fmr: 1e-2}}, at_most: 9}}"
    assert sets.reasons(check) == [
        (
            "inconclusive",
            "1 of 37 images of the calibration 'unseen' are generated ones: 'generated' holds them too",
        )
    ]


def test_a_threshold_that_only_equal_pictures_reach_is_none() -> None:
    """Six of 40 strangers in the control are people of the source, their pictures saved once more."""
    shown = images("training", names("training", 40)), images("unseen", names("unseen", 40))
    source, control = (people(40, seed=seed) for seed in (1, 2))
    control[:6] = near(source[:6], 0.9999998, seed=3)
    theirs, strangers = (
        embedded(name, those, rows)
        for name, those, rows in zip(("training", "unseen"), shown, (source, control), strict=True)
    )
    spec = FakePixels(EmbedderChoice(name="fake-pixels")).spec
    found = CalibrationSets(name="fake-pixels", spec=spec, source=theirs, control=strangers)
    with pytest.raises(InconclusiveError) as raised:
        Calibrator().resolved(Threshold(fpir=0.1), found)
    assert str(raised.value) == (
        "no threshold can be found for an FPIR of 0.1 with people of 'unseen' against 'training': strangers are as "
        "near to each other as equal pictures; are they strangers?"
    )


# what takes leaks out


def test_a_screen_cannot_take_the_name_of_what_is_not_capped(sets: JudgedSets) -> None:
    """Control images of source people are left out of the cap; a screen of that name was, too."""
    sets.leak()
    with pytest.raises(PolicyError) as raised:
        sets.judge(COUNT, keys="screens:\n  in_source: {method: face, reject_above: 0.5}")
    assert str(raised.value).splitlines()[0].partition(": ")[2] == (
        "screens.in_source: reports call another rule 'in_source' already; give this screen another name"
    )


def test_a_hub_rule_that_suspects_nobody_excuses_nobody(sets: JudgedSets) -> None:
    """A share of 100% is never exceeded."""
    for number in range(40):
        sets.noisy("training/p00/0.png", f"generated/g{number:02}.png", seed=number)
    [(outcome, reason)] = sets.reasons(COUNT, keys="screens:\n  hub: {max_share: 100%}")
    assert (outcome, reason) == ("leak", "40 of 40 generated images leak; the policy allows at most 0")


def test_a_waiver_turned_around_waives_nothing(sets: JudgedSets) -> None:
    sets.leak()
    sets.waive([sets.digest("training/p00/0.png"), sets.digest("generated/leak00.png")])
    result = sets.judge(COUNT, keys="waivers: waivers.yaml")
    assert [verdict.outcome for verdict in result.verdicts] == [Outcome.LEAK]
    assert not result.passed


def test_a_waiver_for_one_source_picture_leaves_the_next_of_the_same_person(sets: JudgedSets) -> None:
    sets.leak()
    sets.noisy("training/p00/0.png", "training/p00/3.png", seed=77)
    sets.waive([sets.digest("generated/leak00.png"), sets.digest("training/p00/0.png")])
    [(outcome, reason)] = sets.reasons(COUNT, keys="waivers: waivers.yaml")
    assert (outcome, reason) == ("leak", "1 of 41 generated images leaks; the policy allows at most 0")


def test_what_quarantine_leaves_out_is_no_key_of_a_policy(sets: JudgedSets) -> None:
    sets.leak()
    digest = sets.digest("generated/leak00.png")
    with pytest.raises(PolicyError) as raised:
        sets.judge(COUNT, generated=f"path: generated, without: [{digest}]")
    assert str(raised.value).partition(": ")[2] == (
        "datasets.generated: unknown key 'without'; expected: path, format, labels, columns, arrays, templates, "
        "options, align, faces, expect"
    )


def test_more_neighbours_than_there_are_hide_none(sets: JudgedSets) -> None:
    sets.leak()
    checks = (
        f"top_k_similarity: {{{PAIR}, k: 1000000, at_most: 0.9}}",
        f"identity_exposure: {{{PAIR}, threshold: {{cosine: 0.9}}, k: 1000, at_most: 0}}",
    )
    assert [outcome for outcome, _ in sets.reasons(*checks)] == ["leak", "leak"]


# lists of matches

LIST = "leak_count: {{matches: {}, threshold: {{cosine: 0.9}}, at_most: 0}}"


def test_a_waiver_for_one_list_does_not_hold_for_the_same_names_in_another(sets: JudgedSets) -> None:
    """Names are all that a list has: 0001.png of another generator is another picture."""
    rows = (("0001.png", "p/1.png", 0.95), ("0002.png", "p/2.png", 0.3))
    ours, theirs = sets.match_list("ours.csv", *rows), sets.match_list("theirs.csv", *rows)
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in ("ours/0001.png", "p/1.png")]
    sets.waive(digests)
    checks = LIST.format("ours"), LIST.format("theirs")
    found = sets.judge(*checks, keys="waivers: waivers.yaml", embedder="", ours=ours, theirs=theirs)
    assert [verdict.outcome for verdict in found.verdicts] == [Outcome.WAIVED, Outcome.LEAK]


@pytest.mark.parametrize("highest", [-0.3, 0.0])
def test_a_list_with_the_sign_turned_is_no_list_of_similarities(sets: JudgedSets, highest: float) -> None:
    rows = (("0001.png", "p/1.png", -0.95), ("0002.png", "p/2.png", highest))
    ours = sets.match_list("ours.csv", *rows)
    result = sets.judge(LIST.format("ours"), embedder="", ours=ours)
    [verdict] = result.verdicts
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        (f"the match list of dataset 'ours' holds no similarity above 0: the highest is {highest:g}",),
    )
    assert verdict.details[0].splitlines()[1] == (
        "Expected cosines, which are higher for the nearer: are these distances, or is their sign turned?"
    )


@pytest.mark.parametrize("head", ["distance", "cosine_distance", "L2Distance", "dist", "best_dist"])
def test_a_column_of_distances_is_no_column_of_similarities(sets: JudgedSets, head: str) -> None:
    """A copy has the distance 0.05, which by itself looks like the cosine of strangers."""
    ours = sets.match_list("ours.csv", ("0001.png", "p/1.png", 0.05), head=head)
    with pytest.raises(PolicyError) as raised:
        sets.judge(LIST.format("ours"), embedder="", ours=ours)
    assert str(raised.value).partition(": ")[2] == (
        f"datasets.ours.columns: found {head!r} as the column of similarities, expected one of cosines, which are "
        "higher for the nearer; write 1 - distance into another column, and name that one"
    )


def test_other_columns_may_be_called_what_they_like(sets: JudgedSets) -> None:
    ours = sets.match_list("ours.csv", ("0001.png", "p/1.png", 0.95), head="district")
    assert sets.reasons(LIST.format("ours"), embedder="", ours=ours) == [
        ("leak", "1 of 1 generated image leaks; the policy allows at most 0")
    ]


def test_a_list_that_was_cut_is_not_the_list_that_was_expected(sets: JudgedSets) -> None:
    """Of three rows one, a leak, is lost; how many there should be only the policy can say."""
    ours = sets.match_list("ours.csv", ("0001.png", "p/1.png", 0.2), ("0002.png", "p/2.png", 0.3))
    found = sets.reasons(LIST.format("ours"), embedder="", ours=f"{ours}, expect: {{images: 3}}")
    assert found == [
        (
            "inconclusive",
            "'ours' holds 2 images, and the policy expects 3: is it the right folder?",
        )
    ]


@pytest.mark.parametrize("similarity", ["95", "-1.2", "nan", ""])
def test_a_similarity_on_another_scale_takes_its_picture_out_and_nothing_passes(
    sets: JudgedSets, similarity: str
) -> None:
    ours = sets.match_list("ours.csv", ("0002.png", "p/2.png", 0.3))
    sets.write("ours.csv", (sets.path / "ours.csv").read_text() + f"0001.png,p/1.png,{similarity}\n")
    [(outcome, reason)] = sets.reasons(LIST.format("ours"), embedder="", ours=ours)
    assert (outcome, reason) == (
        "inconclusive",
        "1 of 2 images of 'ours' was left out (50%: 1 unreadable); exclusions.at_most allows 0%",
    )
