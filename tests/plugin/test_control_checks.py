"""The checks that need people whom the generator never saw, and the people whom leaks expose."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from gate_project import NOTE, failure, summary
from labelled_project import PAIR, TRIPLE, LabelledProject, noisy, save, validate
from rich.cells import cell_len

EXCESS = "excess_risk[generated-vs-training-vs-unseen]"
MEMBERSHIP = "membership_inference[generated-vs-training-vs-unseen]"
SETS = """\
generated  generated: 48 seen, 48 compared
source     training: 36 seen, 36 compared
control    unseen: 36 seen, 36 compared
embedder   fake-pixels"""
COPIES = "\n".join(f"  1.0000  copy    leak{n}.png        p{n:02}/1.png" for n in range(8))


@pytest.fixture
def leaky(labelled: LabelledProject) -> LabelledProject:
    """Eight copies of training pictures, of eight people, among the generated ones."""
    for n in range(8):
        labelled.leak(f"leak{n}.png", f"p{n:02}/1.png")
    return labelled


def test_the_whole_text_of_an_excess_risk(leaky: LabelledProject) -> None:
    result = leaky.judge(f"excess_risk: {TRIPLE}, at_most: 2%, confidence: 95%")
    result.assert_outcomes(failed=1)
    text = leaky.text(result)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text == (
        f"""\
LEAK: the excess risk is 19.6%: 22.9% hit, 4.17% of the control; the policy
    allows at most 2%; 95% confidence: 3.91% to 37.1%

rule       FPIR 0.01, cosine >= 0.221423
threshold  cosine >= 0.2214 for FPIR 0.01 (95%: 0.1918 to 0.2510, extrapolated),
           people of 'unseen' against 'training'; 36 comparisons of 12 people
chance     about 1.2 chance matches (0.11 to 8.2) in 1,728 comparisons
figure     r_source 0.2292
figure     r_control 0.04167
figure     n_parts 1
{SETS}

leaks, worst first (10 of 11):
  cosine  kind    generated image  source image
{COPIES}
  0.2399  person  g17.png          p08/1.png
  0.2316  person  g04.png          p08/2.png
all pairs, in the evidence folder:
  pairs/release.excess_risk.generated-vs-training-vs-unseen.KEY.parquet
{NOTE}
release.yaml:9: {EXCESS}"""
    )
    assert summary(result.stdout.str()).splitlines()[1:4] == [
        "  outcome      case                                          value  limit",
        "  LEAK         excess_risk[generated-vs-training-vs-unseen]  19.6%  <= 2%",
        "               interval 95%: 3.91% to 37.1%",
    ]
    # 11 of 48 hit the source, 2 of 48 the control
    assert leaky.case()["measurement"]["value"] == pytest.approx((11 - 2) / (48 - 2))
    named = dict(leaky.properties())
    assert {
        name: value for name, value in named.items() if name.startswith(("figure.", "pairs_", "inter"))
    } == {
        "interval_low": str(leaky.case()["measurement"]["interval"]["low"]),
        "interval_high": str(leaky.case()["measurement"]["interval"]["high"]),
        "interval_confidence": "0.95",
        "figure.r_source": "0.229166667",
        "figure.r_control": "0.041666667",
        "figure.n_parts": "1",
        "pairs_copies": "8",
        "pairs_persons": "3",
    }
    assert leaky.in_junit("leak0", "p00") == []


def test_an_excess_that_straddles_its_limit_is_open(leaky: LabelledProject) -> None:
    result = leaky.judge(f"excess_risk: {TRIPLE}, at_most: 20%, confidence: 95%")
    result.assert_outcomes(errors=1)
    assert leaky.text(result).startswith(
        "INCONCLUSIVE: the excess risk is 19.6%: 22.9% hit, 4.17% of the control; the\n"
        "    policy allows at most 20%; 95% confidence: 3.91% to 37.1%, which straddles\n"
        "    the limit: only more images can settle it\n\nrule"
    )


def test_a_source_larger_than_the_control_is_cut_into_parts(leaky: LabelledProject) -> None:
    more = [f"q{person:02}/{n}.png" for person in range(12) for n in range(6)]
    leaky.write_set(leaky.path / "training", more, seed=12)
    result = leaky.judge(f"excess_risk: {TRIPLE}, threshold: {{cosine: 0.9}}, at_most: 2%")
    result.assert_outcomes(failed=1)
    assert leaky.text(result).splitlines()[:2] == [
        "LEAK: the excess risk is 16.7%: 5.56% hit in each of 3 parts of the source as",
        "    large as the control, 0% of the control; the policy allows at most 2%",
    ]
    # 8 of 48 leak, whatever the parts
    assert leaky.case()["measurement"]["value"] == pytest.approx(8 / 48)
    assert dict(leaky.properties())["figure.n_parts"] == "3"


def test_nothing_beyond_the_control_passes(labelled: LabelledProject) -> None:
    labelled.judge(f"excess_risk: {TRIPLE}, at_most: 10%").assert_outcomes(passed=1)
    assert [one["name"] for one in labelled.case()["histograms"]] == [
        "best_match",
        "best_match_in_control",
        "best_match_of_control",
    ]


def test_the_whole_text_of_a_membership_inference(leaky: LabelledProject) -> None:
    result = leaky.judge(f"membership_inference: {TRIPLE}, fpr: 5%, at_most: 6%")
    result.assert_outcomes(failed=1)
    assert leaky.text(result) == (
        f"""\
LEAK: 9 of 36 source images (25%) are told to be members at a false positive
    rate of 5%; the policy allows at most 6%

rule       the cosine that 5% of the non-members reach
figure     auc 0.6574 (95%: 0.52 to 0.7858)
figure     threshold 0.2346
{SETS}

leaks, worst first (9 of 9):
  cosine  kind    generated image  source image
{COPIES}
  0.2399  person  g17.png          p08/1.png
all pairs, in the evidence folder:
  pairs/release.membership_inference.generated-vs-training-vs-u.KEY.parquet
{NOTE}
release.yaml:9: {MEMBERSHIP}"""
    )
    case = leaky.case()
    assert case["curve"]["fpr"][0] == 0
    assert (case["curve"]["fpr"][-1], case["curve"]["tpr"][-1]) == (1, 1)
    named = dict(leaky.properties())
    [auc] = [figure for figure in case["measurement"]["figures"] if figure["name"] == "auc"]
    assert {name: value for name, value in named.items() if name.startswith("figure.auc")} == {
        "figure.auc": "0.657407407",
        "figure.auc.low": str(auc["low"]),
        "figure.auc.high": str(auc["high"]),
        "figure.auc.confidence": "0.95",
    }
    assert leaky.in_junit("leak0", "p00") == []


@pytest.mark.parametrize(("at_most", "outcome"), [("60%", "passed"), ("30%", "errors"), ("10%", "failed")])
def test_the_interval_of_a_membership_inference_decides_where_confidence_is_asked(
    leaky: LabelledProject, at_most: str, outcome: str
) -> None:
    """9 of 36, and 13.9% to 46.3% with confidence."""
    result = leaky.judge(f"membership_inference: {TRIPLE}, fpr: 5%, at_most: {at_most}, confidence: 95%")
    result.assert_outcomes(**{outcome: 1})


# ------------------------------------------------------------------------------------------ the control


def the_source_again(project: LabelledProject) -> None:
    shutil.rmtree(project.path / "unseen")
    shutil.copytree(project.path / "training", project.path / "unseen")


def too_few(project: LabelledProject) -> None:
    for person in range(3):
        shutil.rmtree(project.path / f"unseen/u{person:02}")


def nothing(project: LabelledProject) -> None:
    """Leaves the sets as they are."""


TOO_SMALL: dict[str, tuple[Callable[[LabelledProject], None], str, str]] = {
    "the control is the source": (
        the_source_again,
        f"excess_risk: {TRIPLE}, at_most: 5%",
        f"""\
INCONCLUSIVE: only 0 of 36 images of the control 'unseen' show people who are
    not in 'training', and at least 30 are needed
A control holds real people whom the generator never saw: name another set, or add people to it.
release.yaml:9: {EXCESS}""",
    ),
    "a threshold on a control that is the source": (
        the_source_again,
        f"leak_rate: {TRIPLE}, threshold: {{fpir: 1%}}, at_most: 5%",
        """\
INCONCLUSIVE: only 0 of 36 images of the control 'unseen' show people who are
    not in 'training', and at least 30 are needed
A control holds real people whom the generator never saw: name another set, or add people to it.
release.yaml:9: leak_rate[generated-vs-training]""",
    ),
    "fewer than 30 images in the control": (
        too_few,
        f"membership_inference: {TRIPLE}, fpr: 5%, at_most: 6%",
        f"""\
INCONCLUSIVE: only 27 of 27 images of the control 'unseen' show people who are
    not in 'training', and at least 30 are needed
A control holds real people whom the generator never saw: name another set, or add people to it.
release.yaml:9: {MEMBERSHIP}""",
    ),
    "a rate that so few cannot resolve": (
        nothing,
        f"membership_inference: {TRIPLE}, fpr: 1%, at_most: 5%",
        f"""\
INCONCLUSIVE: membership inference cannot be measured: 36 non-members cannot
    resolve a false positive rate of 0.01: give at least 100 images of people
    never trained on, or ask for a rate of at least 1 / 36
release.yaml:9: {MEMBERSHIP}""",
    ),
    "every generated image hits the control": (
        nothing,
        f"excess_risk: {TRIPLE}, threshold: {{cosine: 0}}, at_most: 5%",
        f"""\
INCONCLUSIVE: the excess risk cannot be measured: all 40 generated images hit
    the control, so no excess can be seen: raise the threshold
release.yaml:9: {EXCESS}""",
    ),
}


@pytest.mark.parametrize("name", TOO_SMALL)
def test_a_control_that_says_nothing_is_no_verdict(labelled: LabelledProject, name: str) -> None:
    spoil, check, text = TOO_SMALL[name]
    spoil(labelled)
    result = labelled.judge(check)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert labelled.text(result) == text


def test_the_very_folder_of_the_source_as_its_control_is_an_invalid_policy(labelled: LabelledProject) -> None:
    result = labelled.judge(
        f"excess_risk: {TRIPLE}, at_most: 5%", unseen="path: ./training, labels: parent_folder"
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert labelled.shown(failure(result.stdout.str(), "release.yaml")) == (
        "release.yaml:9:68: checks[0].excess_risk.control: 'unseen' and 'training' hold the same files: "
        "both are 'PROJECT/training'; keep them apart"
    )


def test_people_in_both_sets_are_taken_out_of_the_control_and_listed(labelled: LabelledProject) -> None:
    """The same files under another name, one more picture of somebody of that name, and a namesake by looks."""
    shutil.copytree(labelled.path / "training/p03", labelled.path / "unseen/other name")
    labelled.write_set(labelled.path / "unseen", ["p04/9.png"], seed=33)
    for n in range(3):
        picture = noisy(labelled.path / f"training/p05/{n}.png", seed=n)
        save(labelled.path / f"unseen/look/{n}.png", picture)
    labelled.judge(f"excess_risk: {TRIPLE}, at_most: 20%").assert_outcomes(passed=1)
    control = labelled.case()["sets"]["control"]
    assert control["counts"] == {
        "n_seen": 43,
        "n_embedded": 36,
        "n_unreadable": 0,
        "n_excluded": {"in_source": 7},
    }
    assert [(gone["id"], gone["reason"]) for gone in control["excluded"]] == [
        *((f"look/{n}.png", "it seems to show a person of 'training': 'p05'") for n in range(3)),
        *((f"other name/{n}.png", "this very image is in 'training' too") for n in range(3)),
        ("p04/9.png", "'p04' is in 'training' too"),
    ]
    assert ("control.n_excluded.in_source", "7") in labelled.properties()
    assert labelled.in_junit("p03", "p04", "look") == []


# ------------------------------------------------------------------------------------------- match lists

LISTS = """\
version: 1
name: release
datasets:
  ours: {path: ours.csv, format: matches}
  theirs: {path: theirs.csv, format: matches}
checks:
  - excess_risk: {matches: ours, control: theirs, threshold: {cosine: 0.5}, at_most: 1%, confidence: 95%}
  - excess_risk: {matches: theirs, control: ours, threshold: {cosine: 0.5}, at_most: 1%, confidence: 95%}
"""


def test_two_lists_against_the_same_source(labelled: LabelledProject) -> None:
    header = "sample_identity,sample_image_name,best_match_identity,best_match_image_name,similarity\n"
    for name, n_leaks in (("ours", 60), ("theirs", 4)):
        lines = [f"{name},{n}.png,p{n},1.png,{0.8 if n < n_leaks else 0.2}\n" for n in range(400)]
        labelled.write(f"{name}.csv", header + "".join(lines))
    labelled.write("release.yaml", LISTS)
    result = labelled.gate()
    result.assert_outcomes(failed=1, passed=1)
    validate(labelled.evidence())
    text = failure(result.stdout.str(), "excess_risk[ours-vs-theirs]")
    assert text[: text.index("leaks, worst")] == (
        """\
LEAK: the excess risk is 14.1%: 15% of the list hit, 1% of the control; the
    policy allows at most 1%; 95% confidence: 11% to 17.9%

rule       cosine >= 0.5
figure     r_source 0.15
figure     r_control 0.01
figure     n_parts 1
matches    ours: 400 seen, 400 compared
control    theirs: 400 seen, 400 compared

"""
    )
    assert text.splitlines()[-1] == "release.yaml:7: excess_risk[ours-vs-theirs]"


# -------------------------------------------------------------------------------------- exposed people


def test_people_without_names_are_told_apart_by_their_templates(labelled: LabelledProject) -> None:
    """Copies of two pictures that look like one person, and of one of somebody else."""
    save(labelled.path / "training/p03/7.png", noisy(labelled.path / "training/p03/0.png", seed=7))
    for n, source in enumerate(("p03/0.png", "p03/7.png", "p04/1.png")):
        labelled.leak(f"leak{n}.png", source)
    check = f"identity_exposure: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 1, people: clusters"
    result = labelled.judge(check, training="path: training")
    result.assert_outcomes(failed=1)
    assert labelled.text(result) == (
        f"""\
LEAK: 2 people of the source set are exposed; the policy allows at most 1

rule       cosine >= 0.9, people told apart by their templates
generated  generated: 43 seen, 43 compared
source     training: 37 seen, 37 compared
embedder   fake-pixels

leaks, worst first (3 of 3):
  cosine  kind  generated image  source image
  1.0000  copy  leak0.png        p03/0.png
  1.0000  copy  leak1.png        p03/7.png
  1.0000  copy  leak2.png        p04/1.png
all pairs, in the evidence folder:
  pairs/release.identity_exposure.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:8: identity_exposure[generated-vs-training]"""
    )


@pytest.mark.parametrize(("min_images", "outcome"), [(3, "failed"), (4, "passed")])
def test_a_person_counts_from_so_many_images_on(
    labelled: LabelledProject, min_images: int, outcome: str
) -> None:
    for n in range(3):
        labelled.leak(f"leak{n}.png", f"p03/{n}.png")
    check = f"identity_exposure: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0, min_images: {min_images}"
    labelled.judge(check).assert_outcomes(**{outcome: 1})
    measured = labelled.case()["measurement"]
    assert measured["rule"] == f"cosine >= 0.9, people whom at least {min_images} images match"
    assert measured["n_pairs"] == (3 if outcome == "failed" else 0)
