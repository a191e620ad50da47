from __future__ import annotations

from collections.abc import Mapping

import pytest

from faceleak_check.checks.left_out import too_many_left_out, warnings_on
from faceleak_check.records import Counts, EmbedderSpec, Exclusion, SetSummary


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


# ------------------------------------------------------------------------------------------------ warnings


def test_other_files_are_told_by_suffix() -> None:
    sets = {
        "generated": summary(1, other_files={".txt": 1}),
        "source": summary(1, other_files={".txt": 1_000, "": 2}),
        "control": summary(1),
    }
    assert warnings_on(sets, spec(recognises_people=True)) == (
        "1 file of 'photos' is no image and was not looked at (1 .txt)",
        "1,002 files of 'photos' are no images and were not looked at (2 without suffix, 1,000 .txt)",
    )


def test_an_embedder_for_tests_says_so() -> None:
    assert warnings_on({}, spec(recognises_people=False)) == (
        "'fake-pixels' is no face recogniser but a stand-in for tests: this verdict says nothing about people",
    )


def test_precomputed_matches_have_no_embedder_to_warn_of() -> None:
    assert warnings_on({"matches": summary(1)}, None) == ()
