"""Keys that no other test of a whole run states: each changes what comes of it."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_project import PAIR, TRIPLE, LabelledProject
from typer.testing import CliRunner

from faceleak_check.case_sets import CaseSets
from faceleak_check.checks.near_copy import NearCopy
from faceleak_check.cli import app
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.policy.parse import parse_policy
from faceleak_check.readers.decode import decode
from faceleak_check.silence import silent

SEVERAL = "embedders: {one: {name: fake-pixels}, two: {name: fake-pixels, align: none}}"
COUNT = f"leak_count: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0"
RATE = COUNT.replace("leak_count", "leak_rate")
EXCESS = f"excess_risk: {TRIPLE}, threshold: {{cosine: 0.9}}, at_most: 50%"
MEMBERSHIP = f"membership_inference: {TRIPLE}, fpr: 10%, at_most: 100%"
EXPOSURE = f"identity_exposure: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0"
NEAREST = f"top_k_similarity: {PAIR}, k: 3, at_most: 0.99"
COPIES = f"near_copy: {PAIR}, at_most: 3"
CANARIES = "canary_recall: source: training, at_least: 1%, threshold: {cosine: 0.5}, n: 3"
DIGEST = "0" * 64


def name_of(check: str) -> str:
    return check.partition(":")[0]


@pytest.mark.parametrize("check", [CANARIES, EXCESS, MEMBERSHIP, COPIES, NEAREST], ids=name_of)
def test_every_check_can_be_held_against_an_earlier_release(labelled: LabelledProject, check: str) -> None:
    embedder = "" if check == COPIES else "fake-pixels"
    labelled.judge(check, embedder=embedder)
    shutil.copy(labelled.path / "faceleak-evidence/evidence.json", labelled.path / "earlier.json")
    before = labelled.case()["measurement"]["value"]
    labelled.judge(f"{check}, no_worse_than: earlier.json", embedder=embedder)
    assert labelled.case()["previous"]["value"] == before


@pytest.mark.parametrize("check", [EXCESS, EXPOSURE, MEMBERSHIP, NEAREST, RATE], ids=name_of)
def test_a_check_names_its_embedder_among_several(labelled: LabelledProject, check: str) -> None:
    labelled.judge(f"{COUNT}, embedder: one", f"{check}, embedder: two", keys=SEVERAL, embedder="")
    cases = labelled.evidence()["policies"][0]["cases"]
    assert [list(case["sets"]["generated"]["alignments"]) for case in cases] == [["one"], ["two"]]


@pytest.mark.parametrize(
    "check",
    [*(one.replace("cosine: 0.9", "fmr: 10%") for one in (EXCESS, EXPOSURE, RATE)), NEAREST],
    ids=name_of,
)
def test_chance_is_told_by_the_set_that_the_check_names(labelled: LabelledProject, check: str) -> None:
    labelled.write_set(labelled.path / "others", [f"o{n // 3:02}/{n}.png" for n in range(120)], seed=9)
    labelled.judge(f"{check}, calibration: others", others="path: others, labels: parent_folder")
    assert labelled.case()["chance"]["basis"] == "impostor pairs of 'others'"


def test_an_embedder_aligns_as_the_policy_says(labelled: LabelledProject) -> None:
    labelled.judge(COUNT, embedder="fake-pixels, align: none")
    [alignment] = labelled.case()["sets"]["generated"]["alignments"].values()
    assert alignment["asked"] == "none"


def test_pictures_of_a_table_have_the_names_of_its_column(labelled: LabelledProject) -> None:
    pictures = [(labelled.path / f"training/p03/{n}.png").read_bytes() for n in range(2)]
    table = pa.table({"picture": pictures, "number": [f"n{n}" for n in range(2)]})
    pq.write_table(table, labelled.path / "generated.parquet")
    columns = "columns: {image: picture, id: number}"
    labelled.judge(COUNT, generated=f"path: generated.parquet, format: parquet, {columns}")
    assert {one["generated"] for one in labelled.case()["measurement"]["worst_pairs"]} == {"n0", "n1"}


def test_a_picture_without_a_face_stays_up_to_the_limit_of_the_screen(labelled: LabelledProject) -> None:
    screens = "screens: {{non_face: {{method: face{}}}}}"
    check = "coverage: dataset: generated, max_screened: 50%"
    labelled.judge(check, keys=screens.format("")).assert_outcomes(errors=1)
    labelled.judge(check, keys=screens.format(", reject_above: 100%")).assert_outcomes(passed=1)
    assert labelled.case()["sets"]["dataset"]["counts"]["n_excluded"] == {}


def test_the_nearest_pairs_stand_beside_those_of_a_control(labelled: LabelledProject) -> None:
    labelled.judge(NEAREST.replace(PAIR, TRIPLE))
    names = [one["name"] for one in labelled.case()["histograms"]]
    assert names == ["all_pairs", "best_match", "best_match_of_control"]


def test_canaries_are_caught_at_a_rate_that_a_control_tells(labelled: LabelledProject) -> None:
    check = CANARIES.replace("cosine: 0.5", "fmr: 10%")
    labelled.judge(f"{check}, control: unseen", training="path: training")
    assert labelled.case()["thresholds"]["fake-pixels"]["origin"] == "impostor pairs of 'unseen'"


def test_the_evidence_says_what_a_policy_is_for(labelled: LabelledProject) -> None:
    labelled.judge(COUNT, keys="description: Samples of the third generator")
    (policy,) = labelled.evidence()["policies"]
    assert policy["description"] == "Samples of the third generator"


@pytest.mark.parametrize(
    ("screen", "reason"),
    [
        (
            f"method: clip, weights: own.file, sha256: '{DIGEST}'",
            "the weights of screen 'child' are not the expected ones",
        ),
        (
            "method: clip, weights: own.file, licence: MINE",
            "the licence of screen 'child' (clip) is 'MINE', which the policy does not allow",
        ),
        pytest.param(
            "method: age, weights: own.file",
            "the weights of screen 'child' are not the expected ones",
            marks=pytest.mark.needs("age"),
        ),
        (
            "method: clip, pretrained: nowhere",
            "screen 'child': open_clip knows no weights 'nowhere' of ViT-B-32-256",
        ),
    ],
    ids=["sha256", "licence", "age", "pretrained"],
)
def test_a_screen_uses_the_weights_that_its_keys_name(
    labelled: LabelledProject, screen: str, reason: str
) -> None:
    labelled.write("own.file", "no network")
    keys = f"screens: {{child: {{{screen}}}}}\nlicences: {{allow: [MIT, not stated]}}"
    labelled.judge(RATE, keys=keys).assert_outcomes(errors=1)
    assert labelled.case()["reasons"] == [reason]


def test_copies_are_looked_for_with_the_weights_of_that_digest(labelled: LabelledProject) -> None:
    labelled.write("own.file", "no network")
    check = f"near_copy: {PAIR}, at_most: 0, method: sscd, weights: own.file, sha256: '{DIGEST}'"
    labelled.judge(check, embedder="").assert_outcomes(errors=1)
    assert labelled.case()["reasons"] == ["the weights of embedder 'sscd' are not the expected ones"]


def test_copies_are_as_alike_as_the_check_says(labelled: LabelledProject) -> None:
    check = f"near_copy: {PAIR}, at_most: 0, method: sscd, weights: own.file, min_similarity: 0.9"
    (case,) = parse_policy(labelled.write_policy(check, embedder="")).cases
    assert case.check == NearCopy(
        at_most=0, method="sscd", weights=labelled.path / "own.file", min_similarity=0.9
    )


def test_neighbours_are_looked_for_as_the_policy_says(labelled: LabelledProject) -> None:
    check = f"leak_rate: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 50%, confidence: 95%"
    path = labelled.write_policy(check, keys="search: {memory: 64 MiB, index: ivf, device: cuda}")
    sets = CaseSets(labelled.store, LocalExecutor(decode), silent, [])
    engine = sets.engine(parse_policy(path))
    assert (engine.memory, engine.index, engine.device) == (64 << 20, "ivf", "cuda")


@pytest.mark.parametrize("name", ["leak_count", "leak_rate", "identity_exposure"])
def test_a_leak_is_one_where_embedders_agree(labelled: LabelledProject, name: str) -> None:
    thresholds = "{one: {cosine: 0.9}, two: {cosine: 0.8}}"
    check = f"{name}: {PAIR}, threshold: {thresholds}, at_most: 0, agreement: [one, two]"
    labelled.judge(check, keys=SEVERAL, embedder="").assert_outcomes(passed=1)
    assert labelled.case()["measurement"]["rule"] == "one: cosine >= 0.9 and two: cosine >= 0.8"


@pytest.mark.parametrize(
    "arguments",
    [
        "calibrate release.yaml",
        "embed release.yaml training --write training.npz",
        "quarantine faceleak-evidence",
    ],
    ids=lambda arguments: arguments.partition(" ")[0],
)
def test_a_command_keeps_templates_where_it_is_told(labelled: LabelledProject, arguments: str) -> None:
    labelled.leak("leak.png", "p03/1.png")
    labelled.judge(COUNT.replace("cosine: 0.9", "fmr: 10%"))
    done = CliRunner().invoke(app, [*arguments.split(), "--store", "of-its-own"])
    assert done.exit_code in (0, 1), done.output
    assert [*(labelled.path / "of-its-own").rglob("*.safetensors")] != []
