"""Thresholds that are stated as error rates, from the policy to what a person and an officer read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import pytest
from gate_project import NOTE, failure, summary, without_key
from labelled_project import PAIR, TRIPLE, LabelledProject, Pixels, noisy, save, save_people
from lxml import etree
from rich.cells import cell_len
from typer.testing import CliRunner

from faceleak_check.cli import app

CASE = "leak_rate[generated-vs-training]"
FPIR = f"leak_rate: {TRIPLE}, threshold: {{fpir: 1%}}, at_most: 2%"
FMR = f"leak_count: {PAIR}, threshold: {{fmr: 1e-4}}, at_most: 0"
WHOLE = "none: the embedder does not say where a face lies in its chips, so pictures are taken whole"


def test_the_whole_text_of_a_leak_at_an_error_rate(labelled: LabelledProject) -> None:
    labelled.leak("g99.png", "p03/1.png")
    result = labelled.judge(FPIR)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = labelled.text(result)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text == (
        f"""\
LEAK: 4 of 41 generated images leak (9.76%); the policy allows at most 2%

rule       FPIR 0.01, cosine >= 0.221423
threshold  cosine >= 0.2214 for FPIR 0.01 (95%: 0.1918 to 0.2510, extrapolated),
           people of 'unseen' against 'training'; 36 comparisons of 12 people
chance     about 0.99 chance matches (0.094 to 7) in 1,476 comparisons
generated  generated: 41 seen, 41 compared
source     training: 36 seen, 36 compared
control    unseen: 36 seen, 36 compared
embedder   fake-pixels

leaks, worst first (4 of 4):
  cosine  kind    generated image  source image
  1.0000  copy    g99.png          p03/1.png
  0.2399  person  g17.png          p08/1.png
  0.2316  person  g04.png          p08/2.png
  0.2297  person  g29.png          p00/2.png
all pairs, in the evidence folder:
  pairs/release.leak_rate.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:9: {CASE}"""
    )
    assert summary(result.stdout.str()) == (
        f"release.yaml (release)\n  outcome      {'case':<{len(CASE)}}  value  limit\n"
        f"  LEAK         {CASE}  9.76%  <= 2%\n               interval 95%: 3.86% to 22.5%\n"
        "evidence: faceleak-evidence/evidence.json"
    )
    assert labelled.in_junit("p03", "g99", "1.png") == []


def test_the_properties_of_a_threshold_and_of_chance(labelled: LabelledProject) -> None:
    labelled.judge(FPIR)
    case = labelled.case()
    found, chance = case["thresholds"]["fake-pixels"], case["chance"]
    properties = labelled.properties()
    start = [name for name, _ in properties].index("threshold.fake-pixels.asked")
    assert properties[start : start + 14] == [
        ("threshold.fake-pixels.asked", "FPIR 0.01"),
        ("threshold.fake-pixels.cosine", "0.221423"),
        ("threshold.fake-pixels.low", str(found["low"])),
        ("threshold.fake-pixels.high", str(found["high"])),
        ("threshold.fake-pixels.confidence", "0.95"),
        ("threshold.fake-pixels.extrapolated", "yes"),
        ("threshold.fake-pixels.n_people", "12"),
        ("threshold.fake-pixels.n_comparisons", "36"),
        ("threshold.fake-pixels.n_suspects", "0"),
        ("chance_matches", str(chance["expected"])),
        ("chance_matches_low", str(chance["low"])),
        ("chance_matches_high", str(chance["high"])),
        ("chance_matches_unit", "pairs"),
        ("generated.dataset", "generated"),
    ]
    assert [value for name, value in properties if name.startswith("control.")] == [
        "unseen",
        "36",
        "36",
        "0",
        WHOLE,
    ]


def test_a_rate_below_what_the_pairs_resolve_is_extrapolated(labelled: LabelledProject) -> None:
    """12 people are 66 pairs of people, so 1e-1 is the lowest of these rates that three of them reach."""
    checks = [f"leak_count: {PAIR}, threshold: {{fmr: {rate}}}, at_most: 40" for rate in ("1e-1", "1e-4")]
    labelled.judge(*checks).assert_outcomes(passed=2)
    cases = labelled.evidence()["policies"][0]["cases"]
    read, extrapolated = (case["thresholds"]["fake-pixels"] for case in cases)
    assert {
        key: extrapolated[key] for key in ("asked", "origin", "n_people", "n_images", "n_comparisons")
    } == {
        "asked": "FMR 0.0001",
        "origin": "impostor pairs of 'training'",
        "n_people": 12,
        "n_images": 36,
        "n_comparisons": 12 * 11 // 2 * 9,
    }
    assert (read["extrapolated"], extrapolated["extrapolated"]) == (False, True)
    assert read["low"] < read["cosine"] < extrapolated["low"] < extrapolated["cosine"] < extrapolated["high"]
    # 40 x 36 comparisons at the rate itself
    assert [case["chance"]["expected"] for case in cases] == pytest.approx([144, 0.144], rel=0.01)


def test_a_calibration_set_tells_the_rate_in_place_of_the_source(labelled: LabelledProject) -> None:
    check = f"leak_count: {PAIR}, calibration: unseen, threshold: {{fmr: 1e-4}}, at_most: 40"
    labelled.judge(check, training="path: training").assert_outcomes(passed=1)
    assert labelled.case()["thresholds"]["fake-pixels"]["origin"] == "impostor pairs of 'unseen'"


# ------------------------------------------------------------------------------ what cannot be calibrated


def nothing(project: LabelledProject) -> None:
    """Leaves the sets as they are."""


def fewer_than_thirty(project: LabelledProject) -> None:
    for person in range(9, 12):
        shutil.rmtree(project.path / f"training/p{person:02}")


def one_identity(project: LabelledProject) -> None:
    shutil.rmtree(project.path / "training")
    project.write_set(project.path / "training", [f"p/{n}.png" for n in range(36)], seed=2)


CANNOT: dict[str, tuple[Callable[[LabelledProject], None], str, str]] = {
    "an FMR out of reach": (
        nothing,
        f"leak_count: {PAIR}, threshold: {{fmr: 1e-9}}, at_most: 0",
        """\
INCONCLUSIVE: no threshold can be found for an FMR of 1e-09 on 'training': a
    rate of 1e-09 is out of reach of 12 people: the lowest that they calibrate,
    by extrapolation, is 1.5e-05; add people or ask for a higher rate
release.yaml:8: leak_count[generated-vs-training]""",
    ),
    "an FPIR out of reach": (
        nothing,
        f"leak_count: {TRIPLE}, threshold: {{fpir: 1e-6}}, at_most: 0",
        """\
INCONCLUSIVE: no threshold can be found for an FPIR of 1e-06 with people of
    'unseen' against 'training': a rate of 1e-06 is out of reach of 12 people:
    the lowest that they calibrate, by extrapolation, is 8.3e-05; add people or
    ask for a higher rate
release.yaml:9: leak_count[generated-vs-training]""",
    ),
    "fewer than 30 images": (
        fewer_than_thirty,
        FMR,
        """\
INCONCLUSIVE: no threshold can be found for an FMR of 0.0001 on 'training':
    found 27 images with a person's name: a threshold needs at least 30
release.yaml:8: leak_count[generated-vs-training]""",
    ),
    "fewer than 30 images left out in turn": (
        fewer_than_thirty,
        f"leak_count: {PAIR}, threshold: {{fpir: 5%}}, at_most: 0",
        """\
INCONCLUSIVE: no threshold can be found for an FPIR of 0.05 with each person of
    'training' left out in turn: found 27 probes: a threshold needs at least 30
release.yaml:8: leak_count[generated-vs-training]""",
    ),
    "one identity only": (
        one_identity,
        FMR,
        """\
INCONCLUSIVE: no threshold can be found for an FMR of 0.0001 on 'training':
    found images with a person's name of 1 person: a threshold needs at least 10
    people, since how sure it is comes from how much people differ
release.yaml:8: leak_count[generated-vs-training]""",
    ),
}


@pytest.mark.parametrize("name", CANNOT)
def test_a_threshold_that_cannot_be_found_is_no_verdict(labelled: LabelledProject, name: str) -> None:
    spoil, check, text = CANNOT[name]
    spoil(labelled)
    result = labelled.judge(check)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert labelled.text(result) == text
    assert labelled.properties() == [
        ("policy", "release"),
        ("check", "leak_count"),
        ("outcome", "inconclusive"),
    ]


INVALID: dict[str, tuple[Sequence[str], str]] = {
    "unlabelled sets": (
        (
            f"leak_count: {PAIR}, threshold: {{fmr: 1e-3}}, at_most: 0",
            f"leak_count: {PAIR}, threshold: {{fpir: 1%}}, at_most: 0",
            f"identity_exposure: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0",
        ),
        """\
release.yaml:8:70: checks[0].leak_count.threshold.fmr: FMR 0.001 is found on pictures of different people, \
and none of its sets has labels; name a labelled set with 'calibration', or write 'labels: parent_folder' or \
'labels: {csv: labels.csv}' under datasets.training, or pin the threshold with 'thresholds: FILE'
release.yaml:9:70: checks[1].leak_count.threshold.fpir: FPIR 0.01 is found on people who are not in the source \
set; name a set of people whom the generator never saw with 'control', or write 'labels: parent_folder' or \
'labels: {csv: labels.csv}' under datasets.training, or pin the threshold with 'thresholds: FILE'
release.yaml:10:55: checks[2].identity_exposure.source: this check counts people, and 'training' has no labels; \
write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.training, or 'people: clusters' here""",
    ),
    "5 where 5% is meant": (
        (
            f"leak_rate: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 5",
            f"leak_count: {PAIR}, threshold: {{fpir: 5}}, at_most: 5%",
            f"membership_inference: {PAIR}, control: training, fpr: 1, at_most: 2",
        ),
        """\
release.yaml:8:92: checks[0].leak_rate.at_most: found 5, expected a share between 0 and 1: write 5% or 0.05
release.yaml:9:76: checks[1].leak_count.threshold.fpir: found 5, expected a share between 0 and 1: \
write 5% or 0.05
release.yaml:9:89: checks[1].leak_count.at_most: found the text '5%', expected a whole number of 0 or more, \
not a share
release.yaml:10:77: checks[2].membership_inference.control: control and source are the same dataset 'training'; \
name two
release.yaml:10:92: checks[2].membership_inference.fpr: found 1, expected an error rate above 0 and below 1, \
such as 1e-5 or 0.1%: for one in a hundred write 1% or 0.01
release.yaml:10:104: checks[2].membership_inference.at_most: found 2, expected a share between 0 and 1: \
write 2% or 0.02""",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_it_is_an_invalid_policy(labelled: LabelledProject, name: str) -> None:
    checks, text = INVALID[name]
    result = labelled.judge(*checks, training="path: training")
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == text


# ------------------------------------------------------------------------------------------------ people


def test_one_person_under_two_names_sets_no_threshold_and_is_listed(labelled: LabelledProject) -> None:
    labelled.judge(FMR)
    clean = labelled.case()["thresholds"]["fake-pixels"]["cosine"]
    for n in range(3):
        picture = noisy(labelled.path / f"training/p03/{n}.png", seed=n)
        save(labelled.path / f"training/someone/{n}.png", picture)
    labelled.leak("g99.png", "p03/1.png")
    result = labelled.judge(FMR)
    found = labelled.case()["thresholds"]["fake-pixels"]
    assert found["cosine"] == pytest.approx(clean, abs=0.02)
    [suspect] = found["suspects"]
    assert (suspect["one_people"], suspect["other_people"]) == (["p03"], ["someone"])
    assert suspect["similarity"] > 0.95
    lines = labelled.text(result).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("suspects"))
    assert lines[start : start + 2] == [
        "suspects   1 pair seems to show one person under two names; it did not set the",
        "           threshold; see 'suspects' in evidence.json",
    ]
    assert ("threshold.fake-pixels.n_suspects", "1") in labelled.properties()
    assert labelled.in_junit("someone", "p03") == []


ODD = ['O\'Brien "Bob"', "<script>alert(1)", "Łucja Ärger 漢字", "a & b; $(x) %s", "--\u202eevil"]


def test_people_and_files_of_any_name(labelled: LabelledProject) -> None:
    for n, name in enumerate(ODD):
        (labelled.path / f"training/p{n:02}").rename(labelled.path / f"training/{name}")
        labelled.leak(f"{name}.png", f"{name}/1.png")
    result = labelled.judge(f"identity_exposure: {TRIPLE}, threshold: {{fpir: 0.1%}}, at_most: 0")
    text = labelled.text(result)
    table = text[text.index("leaks, worst first") : text.index("all pairs")]
    assert table == (
        """\
leaks, worst first (5 of 5):
  cosine  kind  generated image       source image
  1.0000  copy  --\\u202eevil.png      --\\u202eevil/1.png
  1.0000  copy  <script>alert(1).png  <script>alert(1)/1.png
  1.0000  copy  O'Brien "Bob".png     O'Brien "Bob"/1.png
  1.0000  copy  a & b; $(x) %s.png    a & b; $(x) %s/1.png
  1.0000  copy  Łucja Ärger 漢字.png  Łucja Ärger 漢字/1.png
"""
    )
    assert labelled.in_junit(*ODD, *map(_escaped, ODD), "script", "evil") == []
    pairs = labelled.case()["measurement"]["worst_pairs"]
    assert {tuple(pair["source_people"]) for pair in pairs} == {(name,) for name in ODD}


def _escaped(text: str) -> str:
    element = etree.Element("a")
    element.text = text
    return etree.tostring(element, encoding="unicode")[3:-4]


@pytest.mark.needs("offline")
def test_a_real_network_at_a_rate_found_on_real_people(
    labelled: LabelledProject, lfw_faces: list[Pixels]
) -> None:
    """45 people in the source, 45 others in the control, nine strangers, and one of the source mirrored."""
    for folder in ("generated", "training", "unseen"):
        shutil.rmtree(labelled.path / folder)
    save_people(labelled.path / "training", lfw_faces[:45], "p")
    save_people(labelled.path / "unseen", lfw_faces[45:90], "u")
    for n, face in enumerate(lfw_faces[90:99]):
        save(labelled.path / f"generated/stranger-{n}.png", face)
    save(labelled.path / "generated/mirrored.png", lfw_faces[7][:, ::-1])
    check = f"leak_count: {TRIPLE}, threshold: {{fpir: 0.1%}}, at_most: 0"
    labelled.judge(check, embedder="dlib-resnet, align: none").assert_outcomes(failed=1)
    case = labelled.case()
    [pair] = case["measurement"]["worst_pairs"]
    assert (pair["generated"], pair["source_people"], pair["kind"]) == ("mirrored.png", ["p07"], "copy")
    assert 0.9 < case["thresholds"]["dlib-resnet"]["cosine"] < pair["similarity"]
    assert case["chance"]["expected"] < 1


# ---------------------------------------------------------------------------------------- pinned thresholds

PINNED = "thresholds: release.thresholds.yaml"


@pytest.fixture
def pinned(labelled: LabelledProject) -> LabelledProject:
    """The same project, with the thresholds that ``faceleak calibrate`` writes for it."""
    labelled.write_policy(FPIR, FMR)
    written = CliRunner().invoke(app, ["calibrate", "release.yaml", "--write", "release.thresholds.yaml"])
    assert written.exit_code == 0
    assert written.output.endswith(
        "Wrote release.thresholds.yaml. Pin it in the policy: thresholds: release.thresholds.yaml\n"
    )
    return labelled


def test_a_pinned_threshold_does_not_move_with_the_data(pinned: LabelledProject) -> None:
    pinned.judge(FPIR, FMR)
    before = [case["thresholds"]["fake-pixels"] for case in pinned.evidence()["policies"][0]["cases"]]
    pinned.write_set(pinned.path / "training", [f"p{n}/9.png" for n in range(50, 60)], seed=9)
    pinned.judge(FPIR, FMR)
    moved = [case["thresholds"]["fake-pixels"] for case in pinned.evidence()["policies"][0]["cases"]]
    pinned.judge(FPIR, FMR, keys=PINNED)
    after = [case["thresholds"]["fake-pixels"] for case in pinned.evidence()["policies"][0]["cases"]]
    assert [one["cosine"] for one in after] == [one["cosine"] for one in before]
    assert not {one["cosine"] for one in after} & {one["cosine"] for one in moved}
    assert [one["origin"] for one in after] == [
        "pinned in 'release.thresholds.yaml': 'unseen' against 'training' (changed since)",
        "pinned in 'release.thresholds.yaml': 'training' (changed since)",
    ]


def test_workers_use_a_pinned_threshold_too(pinned: LabelledProject) -> None:
    pinned.judge(FPIR, FMR, keys=PINNED)
    alone = without_key((pinned.path / "faceleak-evidence/evidence.json").read_text(encoding="utf-8"))
    status, output = pinned.run_apart("--faceleak-policy=release.yaml", "-n2", "--faceleak-evidence=two")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert without_key((pinned.path / "two/evidence.json").read_text(encoding="utf-8")) == alone
    assert [line for line in output.splitlines() if "pinned in" in line] == [
        "           pinned in 'release.thresholds.yaml': 'unseen' against 'training'; 36"
    ]


@pytest.mark.needs("offline")
def test_a_file_of_another_embedder_is_no_verdict(pinned: LabelledProject) -> None:
    result = pinned.judge(FMR, keys=PINNED, embedder="dlib-resnet, align: none")
    result.assert_outcomes(errors=1)
    assert pinned.text(result) == (
        """\
INCONCLUSIVE: the pinned thresholds have no FMR of 0.0001 for embedder
    'dlib-resnet'; they hold one of 'fake-pixels'
PROJECT/release.thresholds.yaml: write it anew with: faceleak calibrate POLICY --write release.thresholds.yaml
release.yaml:9: leak_count[generated-vs-training]"""
    )


def test_a_file_of_other_people_is_no_verdict(pinned: LabelledProject) -> None:
    (pinned.path / "unseen").rename(pinned.path / "strangers")
    check = f"leak_rate: {PAIR}, control: strangers, threshold: {{fpir: 1%}}, at_most: 2%"
    result = pinned.judge(check, keys=PINNED, strangers="path: strangers, labels: parent_folder")
    result.assert_outcomes(errors=1)
    assert pinned.text(result) == (
        f"""\
INCONCLUSIVE: the pinned thresholds have no FPIR of 0.01 of 'strangers' against
    'training' for embedder 'fake-pixels'
PROJECT/release.thresholds.yaml: write it anew with: faceleak calibrate POLICY --write release.thresholds.yaml
release.yaml:10: {CASE}"""
    )


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (
            "gone.yaml",
            (
                "release.yaml:8:13: thresholds: the thresholds file 'gone.yaml' does not exist; "
                "write it with: faceleak calibrate release.yaml --write gone.yaml"
            ),
        ),
        (
            "release.thresholds.yaml",
            (
                "release.yaml:10:86: checks[0].leak_rate.threshold.fpir: 'release.thresholds.yaml' holds no threshold "
                "for FPIR 0.03 against 'training'; write it with: faceleak calibrate release.yaml "
                "--write release.thresholds.yaml"
            ),
        ),
        (
            "damaged.yaml",
            (
                "damaged.yaml:2:13: thresholds: found the text 'many', expected a list, each item on a line that "
                "starts with '- '"
            ),
        ),
    ],
)
def test_a_file_without_the_threshold_is_an_invalid_policy(
    pinned: LabelledProject, file: str, problem: str
) -> None:
    pinned.write("damaged.yaml", "version: 1\nthresholds: many\n")
    result = pinned.judge(FPIR.replace("1%", "3%", 1), keys=f"thresholds: {file}")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == problem
