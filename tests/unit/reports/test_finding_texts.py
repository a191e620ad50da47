"""What a terminal shows of thresholds, chance, kinds of pairs, canaries and hubs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from whole_verdicts import (
    CANARIES,
    COPY,
    FIRST,
    HUBS,
    NOT_COMPARED,
    SUSPECTS,
    calibrated,
    calibration,
    canary_recall,
    image,
    membership,
)

from faceleak_check.records import ChanceMatches, Figure, Hub, Previous, SecondOpinion, Verdict
from faceleak_check.reports.layout import paragraphs
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.terminal import failure_text


def text_of(verdict: Verdict, *, names: bool = True) -> str:
    record = {**verdict_record(verdict), "pairs_file": {"file": "pairs/x.parquet"}}
    return failure_text(record, names=names)


def lines_of(verdict: Verdict, *, names: bool = True) -> list[str]:
    lines = text_of(verdict, names=names).split("\n")
    assert max(map(cell_len, lines)) <= 80
    assert "".join(lines).isprintable()
    return lines


def measured(verdict: Verdict, **changes: Any) -> Verdict:
    assert verdict.measurement is not None
    return replace(verdict, measurement=replace(verdict.measurement, **changes))


def test_a_calibrated_leak_with_hubs() -> None:
    assert text_of(calibrated()) == (
        """\
LEAK: 2 of 10,000 generated images leak (0.02%); the policy allows at most 0.01%

rule        cosine >= 0.9412 (FMR 0.001%)
threshold   cosine >= 0.9412 for FMR 0.001% (95%: 0.9300 to 0.9512,
            extrapolated), impostor pairs of 'training'; 250,000 comparisons of
            120 people
suspects    2 pairs seem to show one person under two names; they did not set
            the threshold; see 'suspects' in evidence.json
chance      about 12 chance matches (3.2 to 40) in 4,940,000 comparisons
figure      r_control 0.0001235 (90%: 0 to 0.0003)
figure      n_parts 4
previous    0.004568% in evidence eeeeeeeeeeee
generated   generated: 10,000 seen, 10,000 compared
source      training: 494 seen, 494 compared
calibration strangers: 300 seen, 300 compared
embedder    adaface-ir101 cccccccccccc
scan        every image in bf16, 12 generated and 34 source again in fp32: those
            that could reach the threshold (off by up to 0.00012 radians;
            0.00025 are allowed for)
search      approximate, 87 of 1,405 lists; it found the nearest source image of
            509 of 512 generated images (95%: at least 98.29%)

leaks, worst first (3 of 3):
  cosine  kind    generated image  source image
  0.9700  copy    secret-1.png     secret-2.png
  0.9600  person  secret-3.png     secret-4.png
  0.9500  -       secret-3.png     secret-5.png
all pairs, in the evidence folder:
  pairs/x.parquet

source images that are the best match of many (2):
  secret-2.png: 700 of 10,000 generated images match it best, and so do 41 of
      500 images of unseen people
  secret-9.png: 40 of 10,000 generated images match it best, and no image of
      unseen people does: all count"""
    )


def test_without_names_pairs_and_hubs_have_digests() -> None:
    lines = lines_of(calibrated(), names=False)
    assert "  0.9600  person  333333333333     444444444444" in lines
    assert "  222222222222: 700 of 10,000 generated images match it best, and so do 41 of" in lines


def test_a_gate_that_is_not_awake() -> None:
    assert text_of(canary_recall()) == (
        """\
INCONCLUSIVE: 58 of 61 canaries are caught (95.1%); the policy asks for at least
    99%

rule       cosine >= 0.9
source     training: 494 seen, 494 compared
embedder   adaface-ir101 cccccccccccc

canaries, altered copies of source images:
  kind      caught    lowest cosine
  mirrored  30 of 30  0.9712
  shrunk    28 of 30  0.4100
  cropped   0 of 1    -
those that were not caught: see 'canaries' in evidence.json"""
    )
    all_caught = replace(canary_recall(), canaries=CANARIES[:1])
    assert lines_of(all_caught)[-1] == "  mirrored  30 of 30  0.9712"


def test_two_embedders_with_a_threshold_each() -> None:
    assert text_of(membership()) == (
        """\
LEAK: 25% of source images are told from strangers; the policy allows at most 1%

rule       highest cosine to a generated image
threshold  first: cosine >= 0.9412 for FMR 0.001% (95%: 0.9300 to 0.9512),
           impostor pairs of 'training'; 250,000 comparisons of 120 people
threshold  second: cosine >= 0.9412 for FMR 0.001% (95%: 0.9300 to 0.9512,
           extrapolated), impostor pairs of 'training'; 250,000 comparisons of
           120 people
suspects   second: 1 pair seems to show one person under two names; it did not
           set the threshold; see 'suspects' in evidence.json
chance     fewer than 0.01 generated images match by chance (0 to 0.01) in 1
           comparison
figure     auc 0.71 (95%: 0.68 to 0.74)
control    unseen: 300 seen, 300 compared
embedder   adaface-ir101 cccccccccccc
embedder   onnx dddddddddddd"""
    )


@pytest.mark.parametrize(
    ("expected", "low", "high", "unit", "shown"),
    [
        (0.0, 0.0, 0.0, "pairs", "fewer than 0.01 chance matches (0 to 0.01)"),
        (0.00999, 0.00999, 0.02, "pairs", "fewer than 0.01 chance matches (0 to 0.02)"),
        (0.01, 0.01, 0.25, "pairs", "about 0.01 chance matches (0.01 to 0.25)"),
        (0.96, 0.1, 9.94, "images", "about 0.96 generated images match by chance (0.1 to 9.9)"),
        (1.0, 0.5, 9.95, "images", "about 1 generated image matches by chance (0.5 to 10)"),
        (1.04, 0.5, 2.0, "pairs", "about 1 chance match (0.5 to 2)"),
        (250_000.4, 1234.5, 1e6, "pairs", "about 250,000 chance matches (1,234 to 1,000,000)"),
    ],
)
def test_numbers_of_chance_matches(expected: float, low: float, high: float, unit: str, shown: str) -> None:
    chance = ChanceMatches(
        expected=expected, low=low, high=high, n_comparisons=2, rate=0.1, unit=unit, basis="so"
    )
    text = " ".join(line.strip() for line in lines_of(replace(calibrated(), chance=chance)))
    assert f" chance      {shown} in 2 comparisons figure " in text


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("share", 0.012345, "1.234%"),
        ("images", 1, "1 image"),
        ("images", 1234, "1,234 images"),
        ("people", 1, "1 person"),
        ("people", 2, "2 people"),
        ("cosine", 0.5, "0.5000"),
    ],
)
def test_the_earlier_figure_in_its_unit(unit: str, value: float, shown: str) -> None:
    earlier = Previous(value=value, evidence_sha256="e" * 64, generated_sha256="f" * 64)
    one = measured(replace(calibrated(), previous=earlier), unit=unit)
    assert f"previous    {shown} in evidence eeeeeeeeeeee" in lines_of(one)


def test_a_figure_with_half_an_interval_has_none() -> None:
    figures = (Figure(name="auc", value=0.5, low=0.25), Figure(name="r", value=1 / 3, low=0, high=1))
    lines = lines_of(measured(calibrated(), figures=figures))
    assert "figure      auc 0.5" in lines
    assert "figure      r 0.3333 (0 to 1)" in lines


def test_pairs_that_were_not_compared_have_no_column_of_kinds() -> None:
    lines = lines_of(measured(calibrated(), pairs=(NOT_COMPARED,)))
    assert "  cosine  generated image  source image" in lines


def test_five_hubs_are_shown() -> None:
    hubs = tuple(
        replace(HUBS[0], source=image(str(n)), reason=f"{1000 - n} images match it best") for n in range(8)
    )
    lines = lines_of(replace(calibrated(), hubs=hubs))
    assert lines[lines.index("source images that are the best match of many (8):") :] == [
        "source images that are the best match of many (8):",
        *(f"  secret-{n}.png: {1000 - n} images match it best" for n in range(5)),
        "  and 3 more: see 'hubs' in evidence.json",
    ]
    assert "and" not in lines_of(replace(calibrated(), hubs=hubs[:5]))[-1]


HOSTILE = {
    "long": "x" * 300,
    "wide": "漢字" * 150,
    "unsafe": "a\nb\x1b[31m" * 50,
    "combined": "e\u0301" * 200,
    "pictures": "👩\u200d🔬" * 60,
    "empty": "",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("n_others", [0, 1, 4, 5, 9])
def test_all_fits_whatever_it_is_called(hostile: str, names: bool, n_others: int) -> None:
    hub = Hub(
        source=image("2", hostile or "x"),
        n_best=1,
        n_excused=0,
        evidence="none",
        level=None,
        n_unseen_best=0,
        n_unseen=0,
        reason=f"{hostile} {hostile}",
    )
    seconds = tuple(
        SecondOpinion(embedder=f"{n}{hostile[:64]}", similarity=-0.5, distance=1) for n in range(n_others)
    )
    pairs = tuple(
        replace(pair, generated=image("1", hostile), source=image("2", hostile), seconds=seconds)
        for pair in (COPY, NOT_COMPARED)
    )
    found = replace(calibration(*SUSPECTS), asked=hostile, origin=hostile)
    verdict = replace(
        calibrated(),
        reasons=(hostile,),
        hubs=(hub,),
        canaries=tuple(replace(one, kind=hostile) for one in CANARIES),
        thresholds={hostile[:64]: found},
        agreement={hostile[:64]: FIRST},
    )
    lines = lines_of(measured(verdict, pairs=pairs, figures=(Figure(name=hostile, value=-0.0),)), names=names)
    [first] = [n for n, line in enumerate(lines) if line.startswith("leaks, worst first")]
    shown = min(n_others, 4)
    assert lines[first + 2].count("-0.5000") == lines[first + 3].count("-0.5000") == shown
    assert lines[first + 2].split()[shown + 1] == "copy"
    if not names:
        assert lines[first + 2].split()[shown + 2 :] == ["1" * 12, "2" * 12]


def test_kinds_stand_behind_the_cosines_of_others() -> None:
    pair = replace(COPY, seconds=(SecondOpinion(embedder="second", similarity=0.5, distance=1),))
    lines = lines_of(measured(calibrated(), pairs=(pair,)))
    start = lines.index("leaks, worst first (1 of 1):")
    assert lines[start + 1 : start + 3] == [
        "  cosine  second  kind  generated image  source image",
        "  0.9700  0.5000  copy  secret-1.png     secret-2.png",
    ]


def test_both_ends_of_a_hubs_long_name_are_shown() -> None:
    hub = replace(HUBS[0], source=image("2", f"begin-{'x' * 100}-end.png"), reason="it is near to all")
    assert lines_of(replace(calibrated(), hubs=(hub,)))[-1] == (
        f"  begin-{'x' * 13}…{'x' * 12}-end.png: it is near to all"
    )


def test_a_sentence_without_spaces_is_broken_and_keeps_its_letters() -> None:
    letters = "".join(chr(0x4E00 + n) for n in range(100))
    assert list(paragraphs([letters])) == [letters[:40], "    " + letters[40:78], "    " + letters[78:]]
    lines = lines_of(replace(calibrated(), reasons=(f"so {letters}",)))
    assert lines[:4] == ["LEAK: so", "    " + letters[:38], "    " + letters[38:76], "    " + letters[76:]]
