from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from faceleak_check.checks.left_out import too_many_left_out, unexpected, unseen_folders, warnings_on
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.schema import EmbedderChoice, Expect
from faceleak_check.records import (
    UNSEEN_FOLDER,
    Alignment,
    Counts,
    EmbedderSpec,
    Exclusion,
    Hub,
    ImageRef,
    Measurement,
    Outcome,
    ScreenedGroup,
    ScreenSummary,
    SetSummary,
    Verdict,
)


def summary(
    n_seen: int,
    n_unreadable: int = 0,
    *,
    rules: Mapping[str, int] | None = None,
    excluded: tuple[Exclusion, ...] = (),
    other_files: Mapping[str, int] | None = None,
) -> SetSummary:
    rules = rules or {}
    counts = Counts(
        n_seen=n_seen,
        n_embedded=n_seen - n_unreadable - sum(rules.values()),
        n_unreadable=n_unreadable,
        n_excluded=rules,
    )
    return SetSummary(
        name="photos", sha256="", counts=counts, excluded=excluded, n_other_files=other_files or {}
    )


def spec(*, recognises_people: bool) -> EmbedderSpec:
    return EmbedderSpec(
        name="fake-pixels",
        weights_sha256="",
        licence="MIT",
        dimension=192,
        input_size=8,
        colour_order="RGB",
        normalisation="",
        alignment="",
        recognises_people=recognises_people,
    )


def reason(one: SetSummary, at_most: float) -> str:
    ((words, _),) = too_many_left_out({"source": one}, at_most)
    return words


def test_nothing_left_out_is_always_fine() -> None:
    assert too_many_left_out({"generated": summary(3), "source": summary(0)}, 0.0) == ()


@pytest.mark.parametrize("n_seen", [7, 50, 100, 1000])
def test_a_cap_that_is_met_exactly_is_kept(n_seen: int) -> None:
    """29% of 100 images are 29 images, though 0.29 * 100 is less than 29 in floating point."""
    for n_left_out in range(1, n_seen):
        at_most = float(f"{n_left_out / n_seen:.15g}") if n_seen != 7 else n_left_out / n_seen
        assert too_many_left_out({"source": summary(n_seen, n_left_out)}, at_most) == ()
        assert too_many_left_out({"source": summary(n_seen, n_left_out + 1)}, at_most) != ()


def test_the_reason_gives_shares_and_rules_and_the_detail_names_files() -> None:
    excluded = tuple(
        Exclusion(id=f"a/{number} \udcff.png", rule="unreadable", reason="the PNG file is cut short")
        for number in range(3)
    )
    one = summary(1_200, 2, rules={"link": 1, "child": 10}, excluded=excluded)
    ((words, detail),) = too_many_left_out({"generated": summary(9), "source": one}, 0.01)
    assert words == (
        "13 of 1,200 images of 'photos' were left out (1.08%: 2 unreadable, 1 link, 10 child); "
        "exclusions.at_most allows 1%"
    )
    assert detail.splitlines() == [
        f"photos: 'a/{number} \\udcff.png': the PNG file is cut short" for number in range(3)
    ]


def test_both_sets_are_judged() -> None:
    assert len(too_many_left_out({"generated": summary(5, 1), "source": summary(5, 2)}, 0.1)) == 2


@pytest.mark.parametrize(
    ("one", "at_most", "words"),
    [
        (
            summary(50, 1),
            0.0,
            "1 of 50 images of 'photos' was left out (2%: 1 unreadable); exclusions.at_most allows 0%",
        ),
        (
            summary(1, 1),
            0.0,
            "1 of 1 image of 'photos' was left out (100%: 1 unreadable); exclusions.at_most allows 0%",
        ),
        (
            summary(2_000_000, 100_001),
            0.05,
            (
                "100,001 of 2,000,000 images of 'photos' were left out (5.00005%: 100,001 unreadable); "
                "exclusions.at_most allows 5%"
            ),
        ),
    ],
)
def test_the_reason_reads_well(one: SetSummary, at_most: float, words: str) -> None:
    assert reason(one, at_most) == words


@pytest.mark.parametrize(
    ("n", "lines", "last"),
    [
        (5, 5, "photos: '4.png': cut short"),
        (6, 6, "photos: and 1 more, all in the evidence"),
        (2000, 6, "photos: and 1,995 more, all in the evidence"),
    ],
)
def test_five_files_are_named_and_the_rest_counted(n: int, lines: int, last: str) -> None:
    excluded = tuple(Exclusion(id=f"{i}.png", rule="unreadable", reason="cut short") for i in range(n))
    ((_, detail),) = too_many_left_out({"source": summary(n, n, excluded=excluded)}, 0.0)
    assert (len(detail.splitlines()), detail.splitlines()[-1]) == (lines, last)


@pytest.mark.parametrize("n", [1, 6, 1_200])
def test_a_folder_that_nobody_looked_into_is_a_reason_however_many_images_there_are(n: int) -> None:
    """Other images that were left out are none of them."""
    gone = [Exclusion(id=f"sub{i}", rule=UNSEEN_FOLDER, reason="permission denied") for i in range(n)]
    other = Exclusion(id="a.png", rule="unreadable", reason="cut short")
    sets = {
        "generated": summary(9, 1, excluded=(other,)),
        "source": replace(summary(1_000_000, 1, excluded=(other, *gone)), name="real"),
        "control": summary(9, excluded=(gone[0],)),
    }
    (words, detail), (_, second) = unseen_folders(sets)
    assert words == f"'real' holds folders or parts of files that were not looked into: {n:,}"
    more = [f"real: and {n - 5:,} more, all in the evidence"] if n > 5 else []
    assert detail.splitlines() == [f"real: 'sub{i}': permission denied" for i in range(min(n, 5))] + more
    assert second == "photos: 'sub0': permission denied"


# ------------------------------------------------------------------------------------------------ warnings


def verdict(**known: Any) -> Verdict:
    return Verdict(
        outcome=Outcome.PASS, policy="release", check="leak_count", case="leak_count[g-vs-t]", **known
    )


def count(n_leaks: int, n: int) -> Measurement:
    return Measurement(value=n_leaks, limit=0, unit="images", n=n, rule="cosine >= 0.9", pairs=())


def screened(rule: str, **groups: tuple[int, int, int]) -> ScreenSummary:
    """A screen that has looked at, taken out, and of those seen leaking, so many images by role."""
    return ScreenSummary(
        rule=rule,
        combine="any_of",
        methods=(),
        groups={
            role: ScreenedGroup(n_looked_at=n_looked_at, n_excluded=n_excluded, n_leaking=n_leaking)
            for role, (n_looked_at, n_excluded, n_leaking) in groups.items()
        },
    )


def test_nothing_to_say_of_an_ordinary_verdict() -> None:
    assert warnings_on(verdict(sets={"generated": summary(3)}, embedder=spec(recognises_people=True))) == ()


def test_other_files_are_told_by_suffix() -> None:
    sets = {
        "generated": summary(1, other_files={".txt": 1}),
        "source": summary(1, other_files={".txt": 1_000, "": 2}),
        "control": summary(1),
    }
    assert warnings_on(verdict(sets=sets, embedder=spec(recognises_people=True))) == (
        "1 file of 'photos' is no image and was not looked at (1 .txt)",
        "1,002 files of 'photos' are no images and were not looked at (2 without suffix, 1,000 .txt)",
    )


STAND_IN = (
    "'fake-pixels' is no face recogniser but a stand-in for tests: this verdict says nothing about people"
)


def test_an_embedder_for_tests_says_so() -> None:
    assert warnings_on(verdict(embedder=spec(recognises_people=False))) == (STAND_IN,)


def test_an_embedder_for_tests_that_has_to_agree_says_so_too() -> None:
    agreeing = verdict(
        embedder=spec(recognises_people=True), agreement={"pixels": spec(recognises_people=False)}
    )
    assert warnings_on(agreeing) == (STAND_IN,)


def test_precomputed_matches_have_no_embedder_to_warn_of() -> None:
    assert warnings_on(verdict(sets={"matches": summary(1)})) == ()


def test_what_a_screen_took_out_is_told_with_its_leaks() -> None:
    sets = {"generated": replace(summary(9), name="faces"), "source": summary(9)}
    screens = (
        screened("child", generated=(1_234, 40, 1), source=(20, 2, 2)),
        screened("non_face", generated=(1_194, 3, 0), source=(18, 0, 0)),
    )
    assert warnings_on(verdict(sets=sets, screens=screens)) == (
        (
            "screen 'child' took out 40 of the 1,234 images of 'faces' that it looked at; 1 of them is in a pair that "
            "counts against the release (2.5%)"
        ),
        (
            "screen 'child' took out 2 of the 20 images of 'photos' that it looked at; 2 of them are in a pair that "
            "counts against the release (100%)"
        ),
        (
            "screen 'non_face' took out 3 of the 1,194 images of 'faces' that it looked at; 0 of them are in a pair "
            "that counts against the release (0%)"
        ),
    )


def test_the_figure_without_the_screens_is_told() -> None:
    assert warnings_on(verdict(measurement=count(0, 9), unscreened=count(4, 14))) == (
        "without the screens: 4 of 14 generated images leak; the policy allows at most 0",
    )


def test_pairs_that_only_one_embedder_sees_are_counted() -> None:
    assert warnings_on(verdict(), 1_200) == (
        "pairs over the first embedder's threshold that another one does not confirm, and that do not count: 1,200",
    )


def hub(n_excused: int) -> Hub:
    return Hub(
        source=ImageRef(id="s.png", sha256="0" * 64),
        n_best=2_000,
        n_excused=n_excused,
        evidence="unseen" if n_excused else "none",
        level=0.9 if n_excused else None,
        n_unseen_best=9,
        n_unseen=99,
        reason="",
    )


def test_pairs_that_are_excused_are_counted_and_so_are_their_hubs() -> None:
    """A hub none of whose pairs is excused is no reason to look."""
    assert warnings_on(verdict(hubs=(hub(1_200), hub(0), hub(3)))) == (
        "pairs over the threshold that are excused, as the source image is a hub (2 of them): 1,203",
    )
    assert warnings_on(verdict(hubs=(hub(0),))) == ()


def test_what_looks_wrong_about_an_alignment_is_told_once_for_equal_embedders() -> None:
    odd = Alignment(asked="none", used="none", reason="said so", warnings=("faces lie far off", "few faces"))
    other = replace(odd, warnings=("faces lie elsewhere",))
    sets = {"generated": replace(summary(3), alignments={"one": odd, "two": odd, "three": other})}
    assert warnings_on(verdict(sets=sets)) == (
        "'photos': faces lie far off",
        "'photos': few faces",
        "'photos': faces lie elsewhere",
    )


def test_the_warnings_stand_in_one_order() -> None:
    odd = Alignment(asked="none", used="none", reason="said so", warnings=("faces lie far off",))
    full = verdict(
        sets={"generated": replace(summary(3, other_files={".txt": 1}), alignments={"one": odd})},
        screens=(screened("child", generated=(3, 1, 0)),),
        unscreened=count(1, 4),
        embedder=spec(recognises_people=False),
    )
    assert [warning.partition(" ")[0] for warning in warnings_on(full, 1)] == [
        "screen",
        "without",
        "pairs",
        "'photos':",
        "1",
        "'fake-pixels'",
    ]


@pytest.mark.parametrize(("other", "n_warnings"), [(1.0, 0), (1.25, 0), (1.26, 1), (0.79, 1), (None, 0)])
def test_embeddings_of_very_different_lengths_are_a_warning(other: float | None, n_warnings: int) -> None:
    counts = Counts(n_seen=1, n_embedded=1, n_unreadable=0)
    sets = {
        "generated": SetSummary(name="made", sha256="0" * 64, counts=counts, median_norm=other),
        "source": SetSummary(name="real", sha256="1" * 64, counts=counts, median_norm=1.0),
    }
    spec = FakePixels(EmbedderChoice(name="fake-pixels")).spec
    for recognises_people in (True, False):
        verdict = Verdict(
            outcome=Outcome.PASS,
            policy="p",
            check="c",
            case="c[a-vs-b]",
            sets=sets,
            embedder=replace(spec, recognises_people=recognises_people),
        )
        on_norms = [warning for warning in warnings_on(verdict) if "long (median)" in warning]
        assert len(on_norms) == (n_warnings if recognises_people else 0)
    if other == 0.79:
        low, high = "made", "real"
        assert on_norms == []
        [warning] = warnings_on(replace(verdict, embedder=replace(spec, recognises_people=True)))
        assert warning == (
            f"embeddings of {low!r} are 0.79 long (median), those of {high!r} 1: the pictures of {low!r} are worse, "
            "or cut in another way, and similarities between them mean less"
        )


# ------------------------------------------------------------------------------ people who are in both sets


def test_people_of_the_source_do_not_count_as_lost_from_a_control() -> None:
    """They do not belong there, so that taking them out hides nothing."""
    both = summary(100, 1, rules={"in_source": 60, "no_face": 2})
    assert too_many_left_out({"control": both}, 0.03) == ()
    assert reason(both, 0.02) == (
        "3 of 100 images of 'photos' were left out (3%: 1 unreadable, 2 no_face); exclusions.at_most allows 2%"
    )
    assert too_many_left_out({"control": summary(100, rules={"in_source": 60})}, 0.0) == ()


# ------------------------------------------------------------------------------------- what was expected


def expecting(n_seen: int, n_people: int | None, **keys: Any) -> tuple[list[tuple[str, str]], list[str]]:
    one = replace(summary(n_seen, 2), n_people=n_people)
    return unexpected({"source": one}, {"source": Expect(**keys)})


def test_a_dataset_that_holds_what_is_expected_is_no_surprise() -> None:
    """Unreadable files are seen too."""
    assert expecting(50, 7, images=50, identities=7) == ([], [])
    assert expecting(50, None, images=50) == ([], [])


IMAGES = "'photos' holds 1,234 images, and the policy expects 500,000: is it the right folder?"
PEOPLE = "'photos' names 1,200 people, and the policy expects 10,000: is it the right folder?"


@pytest.mark.parametrize(
    ("keys", "sentences"),
    [
        ({"images": 500_000}, [IMAGES]),
        ({"identities": 10_000}, [PEOPLE]),
        ({"images": 500_000, "identities": 10_000}, [IMAGES, PEOPLE]),
        ({"images": 1234, "identities": 10_000}, [PEOPLE]),
        ({"images": 500_000, "identities": 1200}, [IMAGES]),
    ],
)
def test_another_number_than_expected_is_a_reason_or_a_warning(
    keys: dict[str, int], sentences: list[str]
) -> None:
    assert expecting(1234, 1200, **keys) == ([(sentence, "") for sentence in sentences], [])
    assert expecting(1234, 1200, **keys, otherwise="warn") == ([], sentences)


def test_a_dataset_without_names_names_nobody() -> None:
    [(sentence, _)], _ = expecting(50, None, identities=3)
    assert sentence == "'photos' names 0 people, and the policy expects 3: is it the right folder?"


def test_each_set_is_looked_at_and_one_that_is_not_there_is_not() -> None:
    expected = {role: Expect(images=3) for role in ("generated", "source", "calibration")}
    reasons, warnings = unexpected({"generated": summary(3), "source": summary(4)}, expected)
    assert reasons == [("'photos' holds 4 images, and the policy expects 3: is it the right folder?", "")]
    assert warnings == []
