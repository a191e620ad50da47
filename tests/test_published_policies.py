"""The policies that ship, on the real lists that they are written for."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import facenet_pytorch  # noqa: F401
import pyarrow.parquet as pq
import pytest

# pytester takes out of `sys.modules` what an inner run has imported, and these cannot be imported twice
import faceleak_check.pipeline
import faceleak_check.reports.pairs
import faceleak_check.session  # noqa: F401
from faceleak_check.policy.presets import builtin_names

# name: leaks and people at 0.5, highest similarity, from the lists' README
PUBLISHED = {
    "dcface": (14, 14, 0.540),
    "sface": (94, 56, 0.616),
    "idnet": (25, 20, 0.550),
    "idiff-face": (28, 23, 0.553),
    "gandiffface": (2247, 70, 0.791),
    "digiface-1m": (6, 4, 0.672),
}


def run(pytester: pytest.Pytester, policy: str) -> tuple[int, dict[str, Any]]:
    result = pytester.runpytest("--faceleak-policy", policy, "--junitxml=out.xml")
    evidence = json.loads(Path("faceleak-evidence/evidence.json").read_text(encoding="utf-8"))
    return int(result.ret), {case["check"]: case for case in evidence["policies"][0]["cases"]}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_figures_come_out(
    name: str, pytester: pytest.Pytester, published_matches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISHED_MATCHES", str(published_matches))
    status, cases = run(pytester, f"builtin:published/{name}")
    n_leaks, n_people, highest = PUBLISHED[name]
    assert status == 0
    assert cases["leak_count"]["measurement"]["value"] == n_leaks
    assert cases["leak_count"]["sets"]["matches"]["counts"]["n_embedded"] == 10_000
    assert cases["identity_exposure"]["measurement"]["value"] == n_people
    assert round(cases["top_k_similarity"]["measurement"]["value"], 3) == highest
    pairs = pq.read_table(f"faceleak-evidence/{cases['leak_count']['pairs_file']['file']}")
    assert pairs.num_rows == n_leaks


def test_one_more_leak_than_published_fails(
    pytester: pytest.Pytester, published_matches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert set(builtin_names()) == {"quickstart", "release-gate"} | {
        f"published/{name}" for name in PUBLISHED
    }


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
        ("training/a", range(5)),
        ("training/b", range(5, 10)),
        ("generated", range(50, 60)),
    ):
        Path(folder).mkdir(parents=True)
        for row in rows:
            Image.fromarray(lfw_faces[row]).save(f"{folder}/{row}.png")
    monkeypatch.setenv("GENERATED", "generated")
    monkeypatch.setenv("TRAINING", "training")
    status, cases = run(pytester, "builtin:release-gate")
    assert status == 1
    assert {name: case["outcome"] for name, case in cases.items()} == {
        "leak_rate": "inconclusive",
        "identity_exposure": "pass",
        "top_k_similarity": "pass",
    }
    upper = cases["leak_rate"]["measurement"]["interval"]["high"]
    assert math.isclose(upper, 1.959964**2 / (10 + 1.959964**2), rel_tol=1e-6)
