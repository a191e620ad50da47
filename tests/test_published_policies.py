"""The policies that ship, on the real lists that they are written for."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import facenet_pytorch  # noqa: F401
import pyarrow.parquet as pq
import pytest

# pytester takes out of `sys.modules` what an inner run has imported, and these cannot be imported twice
import faceleak_check.pipeline
import faceleak_check.reports.pairs
import faceleak_check.session  # noqa: F401
from faceleak_check.policy.presets import builtin_names, builtin_path

# name: leaks and people at 0.5, highest similarity, from the lists' README
PUBLISHED = {
    "dcface": (14, 14, 0.540),
    "sface": (94, 56, 0.616),
    "idnet": (25, 20, 0.550),
    "idiff-face": (28, 23, 0.553),
    "gandiffface": (2247, 70, 0.791),
    "digiface-1m": (6, 4, 0.672),
}

# name and control: outcome, excess risk, rates, interval, as docs/published.md has them
BEYOND_CONTROL = {
    ("dcface", "digiface-1m"): ("inconclusive", "0.08", "0.14", "0.06", "-0.0518% to 0.198%"),
    ("dcface", "idiff-face"): ("pass", "-0.14", "0.14", "0.28", "-0.326% to 0.0153%"),
    ("sface", "digiface-1m"): ("leak", "0.881", "0.94", "0.06", "0.296% to 1.89%"),
    ("sface", "idiff-face"): ("leak", "0.662", "0.94", "0.28", "0.111% to 1.68%"),
    ("idnet", "digiface-1m"): ("inconclusive", "0.19", "0.25", "0.06", "0.0186% to 0.41%"),
    ("idnet", "idiff-face"): ("inconclusive", "-0.0301", "0.25", "0.28", "-0.243% to 0.212%"),
    ("idiff-face", "digiface-1m"): ("inconclusive", "0.22", "0.28", "0.06", "0.0619% to 0.398%"),
    ("gandiffface", "digiface-1m"): ("leak", "22.4", "22.5", "0.06", "12.7% to 42.5%"),
    ("gandiffface", "idiff-face"): ("leak", "22.3", "22.5", "0.28", "9.7% to 42.4%"),
    ("digiface-1m", "idiff-face"): ("pass", "-0.221", "0.06", "0.28", "-0.4% to -0.0619%"),
}


def run(pytester: pytest.Pytester, policy: str) -> tuple[int, dict[str, Any]]:
    """Exit status, and the cases by their ids and by their checks."""
    result = pytester.runpytest("--faceleak-policy", policy, "--junitxml=out.xml")
    evidence = json.loads(Path("faceleak-evidence/evidence.json").read_text(encoding="utf-8"))
    return int(result.ret), {case["check"]: case for case in evidence["policies"][0]["cases"]} | {
        case["case"]: case for case in evidence["policies"][0]["cases"]
    }


@pytest.fixture
def lists(published_matches: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PUBLISHED_MATCHES", str(published_matches))
    return published_matches


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_figures_come_out(name: str, pytester: pytest.Pytester, lists: Path) -> None:
    status, cases = run(pytester, f"builtin:published/{name}")
    n_leaks, n_people, highest = PUBLISHED[name]
    count, people, top = (cases[check] for check in ("leak_count", "identity_exposure", "top_k_similarity"))
    assert count["reasons"] == [
        f"{n_leaks:,} of 10,000 generated images leak; the policy allows at most {n_leaks:,}"
    ]
    assert count["sets"]["matches"]["counts"]["n_embedded"] == 10_000
    assert people["reasons"] == [
        f"{n_people} people of the source set are exposed; the policy allows at most {n_people}"
    ]
    assert round(top["measurement"]["value"], 3) == highest
    assert {case["outcome"] for case in (count, people, top)} == {"pass"}
    pairs = pq.read_table(f"faceleak-evidence/{count['pairs_file']['file']}")
    assert pairs.num_rows == n_leaks
    beyond = {one: (case["outcome"], case["reasons"]) for one, case in cases.items() if "-vs-" in one}
    assert beyond == expected_beyond_controls(name)
    assert status == (0 if name == "digiface-1m" else 1)


def expected_beyond_controls(name: str) -> dict[str, tuple[str, list[str]]]:
    """The verdicts on what matches beyond each control, by case."""
    expected = {}
    for (this, control), (outcome, excess, rate, other, interval) in BEYOND_CONTROL.items():
        unsure = ", which straddles the limit: only more images can settle it"
        reason = (
            f"the excess risk is {excess}%: {rate}% of the list hit, {other}% of the control; the policy allows at "
            f"most 0.1%; 95% confidence: {interval}{unsure if outcome == 'inconclusive' else ''}"
        )
        if this == name:
            expected[f"excess_risk[{this}-vs-{control}]"] = (outcome, [reason])
    return expected


def test_a_raw_maximum_fails_whom_nobody_can_have_leaked(pytester: pytest.Pytester, lists: Path) -> None:
    status, cases = run(pytester, "builtin:published/raw-maximum")
    assert status == 1
    assert {one: (case["outcome"], *case["reasons"]) for one, case in cases.items() if "[" in one} == {
        f"top_k_similarity[{name}]": (
            outcome,
            f"the most similar pair has a cosine of {highest}; the policy allows at most 0.6000",
        )
        for name, outcome, highest in (
            ("dcface", "pass", "0.5405"),
            ("sface", "leak", "0.6162"),
            ("idnet", "pass", "0.5501"),
            ("idiff-face", "pass", "0.5529"),
            ("gandiffface", "leak", "0.7908"),
            ("digiface-1m", "leak", "0.6724"),
        )
    }


def test_a_hub_that_decides_is_no_verdict(pytester: pytest.Pytester, lists: Path) -> None:
    text = builtin_path("published/gandiffface").read_text(encoding="utf-8")
    # what the suspects match is most of it: with them too many, without them few enough
    Path("gandiffface.yaml").write_text(text.replace("at_most: 2247", "at_most: 1000"), encoding="utf-8")
    _, cases = run(pytester, "gandiffface.yaml")
    count = cases["leak_count"]
    question, figure = count["reasons"]
    assert count["outcome"] == "inconclusive"
    assert question == (
        "11 source images are the best match of up to 700 of 10,000 generated images, and a list of matches cannot "
        "tell a hub from a leaked person: without it the figure is 346 <= 1,000 images"
    )
    assert figure == "2,247 of 10,000 generated images leak; the policy allows at most 1,000"
    assert [hub["n_best"] for hub in count["hubs"]][:1] == [700]


def test_the_hub_of_one_list_is_the_highest_match_of_rendered_heads(lists: Path) -> None:
    """Heads that learned nobody are nearest to the very image that 700 GANDiffFace images match: a poor template."""
    best = {}
    for name in ("GanDiffFace", "DIGIFACE_1M_1"):
        with (lists / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        best[name] = Counter((row["best_match_identity"], row["best_match_image_name"]) for row in rows)
        highest = max(rows, key=lambda row: float(row["similarity"]))
    hub = ("1554887", "image_359032.jpg")
    assert best["GanDiffFace"].most_common(1) == [(hub, 700)]
    assert (highest["best_match_identity"], highest["best_match_image_name"]) == hub
    assert best["DIGIFACE_1M_1"][hub] == 3


def test_one_more_leak_than_published_fails(
    pytester: pytest.Pytester, published_matches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DIGIFACE_1M_1", "IDiffFace"):
        shutil.copy(published_matches / f"{name}.csv", f"{name}.csv")
    text = (published_matches / "DCFace.csv").read_text(encoding="utf-8")
    row = "99999,99999,new.jpg,1,0000001,image_1.jpg,0.5\n"
    Path("DCFace.csv").write_text(text + row, encoding="utf-8")
    monkeypatch.setenv("PUBLISHED_MATCHES", str(Path.cwd()))
    status, cases = run(pytester, "builtin:published/dcface")
    assert status == 1
    assert cases["leak_count"]["outcome"] == "leak"
    assert cases["leak_count"]["reasons"] == [
        "15 of 10,001 generated images leak; the policy allows at most 14"
    ]


def test_every_policy_that_ships_is_run_by_a_test() -> None:
    """Those under ``paper/`` by test_paper_policies.py."""
    others = {name for name in builtin_names() if not name.startswith("paper/")}
    published = {f"published/{name}" for name in (*PUBLISHED, "raw-maximum")}
    assert others == {"quickstart", "release-gate"} | published


@pytest.mark.parametrize(("planted", "status"), [(False, 0), (True, 1)])
def test_quickstart_on_real_faces(
    planted: bool,
    status: int,
    pytester: pytest.Pytester,
    lfw_faces: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from PIL import Image

    for folder, rows in (("training", range(20)), ("generated", range(50, 70))):
        Path(folder).mkdir()
        for row in rows:
            Image.fromarray(lfw_faces[row]).save(f"{folder}/{row}.png")
    if planted:
        Image.fromarray(lfw_faces[3][:, ::-1]).save("generated/mirrored.png")
    # relative: a built-in policy starts paths at the user's folder
    monkeypatch.setenv("GENERATED", "generated")
    monkeypatch.setenv("TRAINING", "training")
    found, cases = run(pytester, "builtin:quickstart")
    assert found == status
    leaks = cases["leak_count"]["measurement"]["worst_pairs"]
    assert [(pair["generated"], pair["source"]) for pair in leaks] == [("mirrored.png", "3.png")] * planted


def test_release_gate_needs_thousands_of_images(
    pytester: pytest.Pytester, lfw_faces: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    for folder, rows in (
        ("training/{}", range(40)),
        ("unseen/other-{}", range(40, 80)),
        ("generated", range(80, 100)),
    ):
        for row in rows:
            path = Path(folder.format(row), f"{row}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(lfw_faces[row]).save(path)
    for name in ("generated", "training", "unseen"):
        monkeypatch.setenv(name.upper(), name)
    status, cases = run(pytester, "builtin:release-gate")
    assert status == 1
    open_questions = {
        name: case["reasons"] for name, case in cases.items() if case["outcome"] == "inconclusive"
    }
    assert open_questions["coverage"] == [
        "20 of 20 images can be compared; the policy asks for at least 1,000"
    ]
    [rate], [membership] = open_questions["leak_rate"], open_questions["membership_inference"]
    assert rate == (
        "0 of 20 generated images leak (0%); the policy allows at most 0.5%; 95% confidence: 0% to 16.1%, which "
        "straddles the limit: only more images can settle it"
    )
    assert membership == (
        "membership inference cannot be measured: 40 non-members cannot resolve a false positive rate of 0.001: give "
        "at least 1000 images of people never trained on, or ask for a rate of at least 1 / 40"
    )
    assert {cases[name]["outcome"] for name in ("near_copy", "identity_exposure")} == {"pass"}
