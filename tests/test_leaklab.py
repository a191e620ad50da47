"""The pure parts of the leak lab: who is dealt where, what is planted, and its figures."""

from __future__ import annotations

import hashlib
import importlib
import math
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceleak_check.readers.decode import decode
from faceleak_check.records import Calibration, Hub, ImageRef, Measurement, Outcome, Pair, Verdict

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
MODULES = (
    "tables",
    "faces",
    "people",
    "planting",
    "normalised",
    "figures",
    "gates",
    "rules",
    "results",
    "lab",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[ModuleType]:
    """Loaded from its folder: benchmarks are no package and not installed."""
    known = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        patch.syspath_prepend(str(BENCHMARKS / "leaklab"))
        yield importlib.import_module("lab")
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.modules.update(known)


def module(lab: ModuleType, name: str) -> Any:
    """One of the modules that the lab is made of."""
    return sys.modules[name]


def photograph(lab: ModuleType, person: str, number: int, folder: Path = Path("nowhere")) -> Any:
    name = f"{person}_{number}"
    return lab.Photograph(person=person, name=name, file=folder / f"{name}.jpg")


@pytest.fixture
def crowd(lab: ModuleType) -> tuple[Any, ...]:
    """20 people with 4 photographs each, one with 2, and 30 with one."""
    many = [photograph(lab, f"m{person:02}", number) for person in range(20) for number in range(4)]
    two = [photograph(lab, "two", number) for number in range(2)]
    return (*many, *two, *(photograph(lab, f"s{person:02}", 0) for person in range(30)))


def people(shots: Any) -> set[str]:
    return {shot.person for shot in shots}


@pytest.mark.parametrize("seed", range(20))
def test_everybody_is_dealt_into_one_part(lab: ModuleType, crowd: tuple[Any, ...], seed: int) -> None:
    parts = lab.split(crowd, seed)
    dealt = [people(part) for part in (parts.source, parts.control, parts.others)]
    assert sum(map(len, dealt)) == len(set.union(*dealt)) == 51
    # 45% and 30% of the 21 with several photographs, and of the 20 singles that are no donors
    assert [len(one) for one in dealt] == [9 + 9, 7 + 6, 5 + 5 + 10]
    everything = [*parts.source, *parts.held_back, *parts.control, *parts.others]
    assert sorted(everything) == sorted(crowd)


def test_where_nobody_has_several_photographs_the_control_is_larger(lab: ModuleType) -> None:
    parts = lab.split(tuple(photograph(lab, f"s{person:03}", 0) for person in range(100)), 0)
    sizes = [len(part) for part in (parts.source, parts.held_back, parts.control, parts.others)]
    assert sizes == [30, 0, 34, 36]


@pytest.mark.parametrize("seed", range(20))
def test_one_photograph_of_each_source_person_with_three_is_held_back(
    lab: ModuleType, crowd: tuple[Any, ...], seed: int
) -> None:
    parts = lab.split(crowd, seed)
    names = [shot.person for shot in parts.held_back]
    several = {name for name in people(parts.source) if name.startswith("m")}
    assert sorted(names) == sorted(several)
    assert not set(parts.held_back) & set(parts.source)


@pytest.mark.parametrize("seed", range(20))
def test_donors_are_always_others(lab: ModuleType, crowd: tuple[Any, ...], seed: int) -> None:
    donors = lab.donors_of(crowd)
    assert [donor.person for donor in donors] == [f"s{number:02}" for number in range(0, 30, 3)]
    assert set(donors) <= set(lab.split(crowd, seed).others)


def test_splits_depend_on_the_seed_alone(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    assert lab.split(crowd, 3) == lab.split(crowd[::-1], 3)
    assert lab.split(crowd, 3) != lab.split(crowd, 4)


def synthetic(lab: ModuleType, n: int) -> list[Any]:
    return [photograph(lab, f"g{number:02}", 0) for number in range(n)]


@pytest.mark.parametrize("n", [30, 80, 150])
def test_nobody_of_source_or_control_is_in_a_clean_set(
    lab: ModuleType, crowd: tuple[Any, ...], n: int
) -> None:
    for seed in range(10):
        parts = lab.split(crowd, seed)
        pictures = lab.clean_pictures(parts, synthetic(lab, 25), n, seed, 10)
        shown = people(picture.shot for picture in pictures)
        assert not shown & (people(parts.source) | people(parts.control))
        assert len(set(pictures)) == len(pictures) == n


def test_too_few_others_are_altered_too(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    parts = lab.split(crowd, 0)
    n_others = len(parts.others)
    enough = lab.clean_pictures(parts, synthetic(lab, 25), 25 + n_others, 0, 10)
    assert {picture.kind for picture in enough} == {"original"}
    more = lab.clean_pictures(parts, synthetic(lab, 25), 26 + n_others, 0, 10)
    assert {picture.kind for picture in more} <= {"original", "mirrored"}
    # with a single donor nobody can be laid over him
    all_of_them = lab.clean_pictures(parts, synthetic(lab, 25), 25 + 5 * n_others, 0, 1)
    assert {picture.kind for picture in all_of_them} == {
        "original",
        "mirrored",
        "relit",
        "cropped and turned",
        "low resolution",
    }
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        lab.clean_pictures(parts, synthetic(lab, 25), 26 + 5 * n_others, 0, 1)
    assert str(caught.value) == (
        f"a clean set of {26 + 5 * n_others} pictures was asked for, and there are {25 + 5 * n_others}"
    )


def test_a_clean_set_that_shows_a_source_person_is_refused(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    parts = lab.split(crowd, 0)
    with pytest.raises(AssertionError):
        lab.clean_pictures(parts, parts.source[:1], 10, 0, 10)


def test_leaks_are_of_source_people(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    parts = lab.split(crowd, 0)
    for kind in lab.KINDS:
        planted = lab.planted_pictures(parts, kind, 8, 0)
        shots = [picture.shot for picture in planted]
        assert len(set(shots)) == 8
        if kind == "other photograph":
            assert set(shots) <= set(parts.held_back)
            assert {picture.kind for picture in planted} == {"original"}
        else:
            assert set(shots) <= set(parts.source)
            assert {picture.kind for picture in planted} == {kind}


@pytest.mark.parametrize(("rate", "n"), [(0.0, 0), (0.001, 1), (0.005, 1), (0.0125, 3), (0.02, 4), (0.1, 20)])
def test_a_rate_is_at_least_one_leak(lab: ModuleType, crowd: tuple[Any, ...], rate: float, n: int) -> None:
    clean = [lab.Picture(shot=shot) for shot in synthetic(lab, 200)]
    planted = lab.planted_pictures(lab.split(crowd, 0), "exact", 20, 0)
    one = lab.generated_set(clean, planted, "exact", rate)
    assert one.planted == planted[:n]
    assert one.clean == tuple(clean[: 200 - n])
    assert len(one.names) == len(set(one.names)) == 200
    assert one.names[0] == "0000.jpg"
    assert one.names[-1] == ("0199.png" if n else "0199.jpg")


def test_a_rate_without_enough_leaks_is_left_out(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    clean = [lab.Picture(shot=shot) for shot in synthetic(lab, 200)]
    planted = lab.planted_pictures(lab.split(crowd, 0), "exact", 19, 0)
    assert lab.generated_set(clean, planted, "exact", 0.1) is None


@pytest.fixture
def drawn(lab: ModuleType, tmp_path: Path) -> list[Any]:
    """Photographs in files: noise of 200 x 150 pixels, of which the second person's are dark."""
    random = np.random.default_rng(0)
    shots = [photograph(lab, person, 0, tmp_path) for person in ("ada", "bob")]
    for shot, highest in zip(shots, (255, 10), strict=True):
        Image.fromarray(random.integers(0, highest, (200, 150, 3), np.uint8)).save(shot.file, quality=95)
    return shots


def test_every_kind_is_made_of_the_photograph(lab: ModuleType, drawn: list[Any], tmp_path: Path) -> None:
    ada = decode(drawn[0].file.read_bytes())
    made = {}
    for kind in ("original", *(kind for kind in lab.KINDS if kind != "other photograph")):
        picture = lab.Picture(shot=drawn[0], kind=kind)
        file = lab.write_picture(picture, tmp_path / "made", drawn)
        assert file == tmp_path / "made" / kind / picture.name
        made[kind] = decode(file.read_bytes())
    assert (tmp_path / "made" / "original" / "ada_0.jpg").read_bytes() == drawn[0].file.read_bytes()
    assert (tmp_path / "made" / "exact" / "ada_0.png").read_bytes() != drawn[0].file.read_bytes()
    assert np.array_equal(made["exact"], ada)
    assert np.array_equal(made["mirrored"], ada[:, ::-1])
    assert made["cropped and turned"].shape == (168, 126, 3)
    # bob is dark: the more of him, the darker
    blends = [made[kind].mean() for kind in ("original", "blended 0.2", "blended 0.3", "blended 0.4")]
    assert all(darker < lighter for lighter, darker in pairwise(blends))
    different = {kind: hashlib.sha256(pixels.tobytes()).hexdigest() for kind, pixels in made.items()}
    assert len(set(different.values())) == len(different) - 1  # the exact copy


def test_a_picture_is_made_once(lab: ModuleType, drawn: list[Any], tmp_path: Path) -> None:
    picture = lab.Picture(shot=drawn[0], kind="relit")
    file = lab.write_picture(picture, tmp_path / "made", drawn)
    before = file.stat().st_mtime_ns
    assert lab.write_picture(picture, tmp_path / "made", drawn).stat().st_mtime_ns == before
    assert [found.name for found in file.parent.iterdir()] == ["ada_0.png"]


def test_nobody_is_blended_with_himself(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    donors = lab.donors_of(crowd)
    donor_for = module(lab, "planting").donor_for
    assert all(donor_for(shot, donors).person != shot.person for shot in crowd)
    assert {donor_for(shot, donors) for shot in crowd} == set(donors)


@pytest.mark.parametrize(
    ("outcome", "has_leaks", "expected"),
    [
        ("pass", False, True),
        ("leak", True, True),
        ("leak", False, False),
        ("pass", True, False),
        ("inconclusive", False, False),
        ("inconclusive", True, False),
    ],
)
def test_right_verdicts(lab: ModuleType, outcome: str, has_leaks: bool, expected: bool) -> None:
    assert module(lab, "figures").is_right(outcome, has_leaks=has_leaks) is expected


@pytest.mark.parametrize(
    ("clean", "leaky", "expected"),
    [
        ([0.1, 0.2], [0.8, 0.9], 0.5),  # the middle of the gap
        ([0.1, 0.5], [0.4, 0.9], 0.7),  # one mistake on the one side is as good as
        ([0.1, 0.3], [0.2, 0.9], 0.6),  # one on the other: the wider gap is taken
        ([0.9], [0.1], -0.9),  # the wrong way round: always fail
    ],
)
def test_the_best_threshold_in_hindsight(
    lab: ModuleType, clean: list[float], leaky: list[float], expected: float
) -> None:
    figures = module(lab, "figures")
    assert figures.best_threshold({("nothing", 0.0): clean, ("exact", 0.1): leaky}) == pytest.approx(expected)


def test_clean_sets_weigh_as_much_as_leaky_ones(lab: ModuleType) -> None:
    highest = {("nothing", 0.0): [0.5], ("exact", 0.1): [0.4] * 9, ("exact", 0.2): [0.9]}
    # always to fail would be right 10 times of 11, and is right of half of all kinds of sets
    assert module(lab, "figures").best_threshold(highest) == pytest.approx(0.7)


def test_a_threshold_needs_both_kinds_of_sets(lab: ModuleType) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        module(lab, "figures").best_threshold({("exact", 0.1): [0.4], ("nothing", 0.0): []})
    assert str(caught.value) == "a threshold is judged on clean and on leaky sets"


@pytest.mark.parametrize(
    ("n_caught", "expected"),
    [
        (0, (np.inf, 0, 0)),
        (1, (0.9, 1, 0)),
        (2, (0.5, 3, 2)),  # two leaks are equal: both are caught
        (4, (-np.inf, 4, 3)),  # one cannot be compared
    ],
)
def test_false_alarms_at_a_recall(lab: ModuleType, n_caught: int, expected: tuple[float, int, int]) -> None:
    planted, clean = np.array([0.5, 0.9, -np.inf, 0.5]), np.array([0.5, 0.6, 0.1])
    found = module(lab, "figures").at_recall(planted, clean, n_caught)
    assert (found.threshold, found.n_caught, found.n_false) == expected


def test_normalised_cosines(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two probes, a source of one, and strangers of whom the nearest two count: worked out by hand."""
    monkeypatch.setattr(module(lab, "normalised"), "N_NEAREST", 2)
    probes = np.array([[1.0, 0.0], [0.8, 0.6]])
    source = np.array([[0.6, 0.8]])
    control = np.array([[0.0, 1.0], [-0.6, 0.8], [0.8, -0.6]])
    found = module(lab, "normalised").normalised(probes, source, control)
    # cosines to the control: 0, -.6, .8 and .6, 0, .28 of the probes, .8, .28, 0 of the source
    both = [math.sqrt((1 - 0.4) * (1 - 0.54)), math.sqrt((1 - 0.44) * (1 - 0.54))]
    of_source = [(0.6 - 0.54) / 0.26, (0.96 - 0.54) / 0.26]
    of_probe = [(0.6 - 0.4) / 0.4, (0.96 - 0.44) / 0.16]
    mean = np.array([0.2, 1.2]) / 3
    units = [(one - mean) / np.linalg.norm(one - mean) for one in (*probes, *source)]
    expected = {
        "plain": [0.6, 0.96],
        "centred": [units[0] @ units[2], units[1] @ units[2]],
        "ratio": [-(1 - 0.6) / (1 - 0.8), -(1 - 0.96) / (1 - 0.6)],
        "both sides": [-0.4 / both[0], -0.04 / both[1]],
        "S-norm": [(of_source[0] + of_probe[0]) / 2, (of_source[1] + of_probe[1]) / 2],
    }
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values), name


@pytest.mark.parametrize(
    ("n_hits", "n", "expected"),
    [(0, 0, "-"), (0, 20, "0 (0-16.1)"), (20, 20, "100 (83.9-100)"), (1, 3, "33.3 (6.1-79.2)")],
)
def test_shares_with_their_intervals(lab: ModuleType, n_hits: int, n: int, expected: str) -> None:
    assert module(lab, "figures").share(n_hits, n) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.PASS, Outcome.PASS], "pass"),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], "inconclusive"),
        ([Outcome.INCONCLUSIVE, Outcome.LEAK], "leak"),
        ([Outcome.PASS, Outcome.WAIVED], "inconclusive"),
    ],
)
def test_the_outcome_of_a_whole_policy(lab: ModuleType, outcomes: list[Outcome], expected: str) -> None:
    assert module(lab, "gates").combined(outcomes) == expected


def verdict(check: str, names: dict[str, str], **more: Any) -> Verdict:
    pairs = [
        Pair(
            generated=ImageRef(id=name, sha256=name),
            source=ImageRef(id=person, sha256=person, labels=(person,)),
            similarity=0.99,
        )
        for name, person in names.items()
    ]
    measured = Measurement(value=len(pairs), limit=0, unit="images", n=3, rule="", pairs=tuple(pairs))
    outcome = Outcome.LEAK if pairs else Outcome.PASS
    return Verdict(outcome=outcome, policy="", check=check, case=check, measurement=measured, **more)


def test_verdicts_are_told_in_terms_of_pictures(lab: ModuleType, crowd: tuple[Any, ...]) -> None:
    clean = [lab.Picture(shot=shot) for shot in synthetic(lab, 3)]
    planted = [lab.Picture(shot=crowd[0], kind="exact")]
    one = lab.generated_set(clean, planted, "exact", 0.33)
    found = Calibration(
        asked="FMR 5e-07",
        cosine=0.96,
        low=0.95,
        high=0.97,
        confidence=0.95,
        extrapolated=True,
        origin="",
        n_people=2,
        n_images=2,
        n_comparisons=1,
    )
    hub = Hub(
        source=ImageRef(id="h", sha256="h"),
        n_best=3,
        n_excused=2,
        evidence="unseen",
        level=0.9,
        n_unseen_best=3,
        n_unseen=9,
        reason="",
    )
    count = verdict(
        "leak_count", {"0001.jpg": "x", "0002.png": "m00"}, thresholds={"dlib": found}, hubs=(hub,)
    )
    judged = module(lab, "gates").judged(
        one, [verdict("near_copy", {"0002.png": "m01"}), count], [verdict("leak_rate", {"0000.jpg": "x"})]
    )
    assert judged.outcome == "leak"
    assert judged.outcomes == {"near_copy": "leak", "leak_count": "leak", "leak_rate": "leak"}
    assert judged.flagged == {clean[1]: frozenset({"x"}), planted[0]: frozenset({"m00", "m01"})}
    assert judged.by_cosine == {clean[1], planted[0]}
    assert (judged.cosine, judged.n_excused) == (0.96, 2)
    assert np.isnan(judged.expected)


def test_the_plans_on_the_test_images(lab: ModuleType, shared_faces: Path) -> None:
    """No file of a source person or a control person is in a clean set, under whatever name."""
    real, made = lab.photographs(shared_faces), lab.synthetic_faces(shared_faces)
    digests = {shot: hashlib.sha256(shot.file.read_bytes()).hexdigest() for shot in (*real, *made)}
    assert (len(real), len(people(real)), len(made)) == (455, 115, 87)
    for seed in range(5):
        plan = lab.plan(real, made, seed)
        assert [len(one.pictures) for one in plan.sets] == [200] * 34
        assert [len(one.planted) for one in plan.sets] == [0] + [1, 4, 20] * 11
        taken = {digests[shot] for shot in (*plan.parts.source, *plan.parts.control)}
        for one in plan.sets:
            assert not {digests[picture.shot] for picture in one.clean} & taken
            assert people(p.shot for p in one.planted) <= people(plan.parts.source)
