from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from policy_examples import DESIGN_EXAMPLE, FULL, GATE, SETS

from faceleak_check.checks.identity_exposure import IdentityExposure
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.schema import (
    Case,
    Columns,
    Dataset,
    EmbedderChoice,
    Exclusions,
    HubKeys,
    Labels,
    NamedEmbedder,
    Policy,
)
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.waivers import Waivers

Parse = Callable[..., Policy]
Problems = Callable[..., list[str]]


def test_a_full_policy(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "w.waivers.yaml").write_text("version: 1\nwaivers: []\n")
    policy = parse(FULL, {"TRAINING": str(tmp_path / "elsewhere" / ".." / "train")})
    choice = EmbedderChoice(
        name="dlib-resnet", weights=tmp_path / "w.dat", sha256="ab" * 32, precision="bf16", device="auto"
    )
    pair = {
        "generated": "generated",
        "source": "training",
        "matches": None,
        "embedder": NamedEmbedder(name="dlib-resnet", choice=choice),
    }
    published = {"generated": None, "source": None, "matches": "list", "embedder": None}
    assert policy == Policy(
        name="release gate",
        description="Two\nlines\n",
        path=tmp_path / "p.yaml",
        shown_as="p.yaml",
        sha256=hashlib.sha256(FULL.encode()).hexdigest(),
        datasets={
            "generated": Dataset(
                name="generated",
                path=tmp_path.parent / "data" / "gen",
                format="folder",
                labels=Labels(kind="none"),
                columns=None,
                line=7,
                column=3,
            ),
            "training": Dataset(
                name="training",
                path=tmp_path / "train",
                format="folder",
                labels=Labels(kind="csv", csv=Path.home() / "people.csv", image="file", identity="person"),
                columns=None,
                line=8,
                column=3,
            ),
            "list": Dataset(
                name="list",
                path=tmp_path / "lists" / "dcface.csv",
                format="matches",
                labels=Labels(kind="none"),
                columns=Columns(
                    generated=("sample_identity", "sample_image_name"),
                    source=("best_match_identity", "best_match_image_name"),
                    generated_identity="sample_identity",
                    source_identity="best_match_identity",
                    similarity="similarity",
                ),
                line=11,
                column=3,
            ),
        },
        embedders={"dlib-resnet": choice},
        exclusions=Exclusions(at_most=0.05),
        cases=(
            Case(
                id="top_k_similarity[generated-vs-training]",
                check_name="top_k_similarity",
                check=TopKSimilarity(k=10, at_most=0.94),
                line=15,
                column=5,
                **pair,
            ),
            Case(
                id="leak_rate[generated-vs-training]",
                check_name="leak_rate",
                check=LeakRate(threshold=Threshold(cosine=0.9), at_most=0.001, confidence=0.95),
                line=16,
                column=5,
                **pair,
            ),
            Case(
                id="leak_rate[generated-vs-training#2]",
                check_name="leak_rate",
                check=LeakRate(threshold=Threshold(euclidean=0.6), at_most=0.001),
                line=22,
                column=5,
                **pair,
            ),
            Case(
                id="identity_exposure[list]",
                check_name="identity_exposure",
                check=IdentityExposure(threshold=Threshold(cosine=0.5), at_most=0, k=3),
                line=23,
                column=5,
                **published,
            ),
            Case(
                id="leak_count[list]",
                check_name="leak_count",
                check=LeakCount(threshold=Threshold(cosine=0.5), at_most=14),
                line=24,
                column=5,
                **published,
            ),
            Case(
                id="leak_rate[generated-vs-training#3]",
                check_name="leak_rate",
                check=LeakRate(threshold=Threshold(cosine=1.0), at_most=0.0),
                line=25,
                column=5,
                **pair,
            ),
        ),
        waivers=Waivers(
            file="w.waivers.yaml", sha256=hashlib.sha256(b"version: 1\nwaivers: []\n").hexdigest()
        ),
        notes=(),
        screens=(),
        licences=None,
    )


def test_defaults(parse: Parse, valid: str) -> None:
    policy = parse(valid)
    assert policy.description == ""
    assert policy.embedders == {"dlib-resnet": EmbedderChoice(name="dlib-resnet", align="auto", faces="all")}
    assert (policy.screens, policy.licences) == ((), None)
    assert [(policy.datasets["training"].align, policy.datasets["training"].faces)] == [(None, None)]
    assert policy.exclusions == Exclusions(at_most=0.0)
    assert policy.waivers == Waivers()
    assert policy.notes == ()


def test_a_relative_path_starts_at_the_policy_not_at_the_working_folder(
    tmp_path: Path, valid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.yaml").write_text(valid)
    monkeypatch.chdir(tmp_path)
    policy = parse_policy("policies/p.yaml", environment={})
    assert policy.shown_as == "policies/p.yaml"
    assert policy.path == tmp_path / "policies" / "p.yaml"
    assert policy.datasets["training"].path == tmp_path / "policies" / "train"


def test_two_dots_after_a_link_leave_the_folder_that_it_leads_to(
    tmp_path: Path, parse: Parse, valid: str
) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    policy = parse(valid.replace("path: train", "path: link/../train"))
    assert policy.datasets["training"].path == tmp_path / "far" / "train"


def test_harmless_things_are_notes(parse: Parse) -> None:
    text = """\
version: 1
name: gate
datasets:
  list: {path: a.csv, format: matches, columns: {generated: g, source: [s, t], generated_identity: w, similarity: c}}
  other: {path: b}
embedder: {name: dlib-resnet}
screens: {child: {method: age}}
checks:
  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 14}
"""
    policy = parse(b"\xef\xbb\xbf" + text.encode())
    assert policy.embedders == {"dlib-resnet": EmbedderChoice(name="dlib-resnet")}
    assert policy.datasets["list"].columns == Columns(
        generated=("g",),
        source=("s", "t"),
        generated_identity="w",
        source_identity=None,
        similarity="c",
    )
    assert policy.notes == (
        "starts with a byte order mark, which is ignored; save it as UTF-8 without one",
        "line 5: no check uses the dataset 'other'",
        "line 6: no check uses the embedder, as all compare precomputed matches",
        "line 7: no check uses the screens, as all compare precomputed matches",
    )


@pytest.mark.parametrize(
    ("top", "checks", "expected"),
    [
        (
            "screens: {hub: {max_share: 1%}}\n",
            [
                "coverage: {dataset: gen, min_images: 1}",
                "canary_recall: {source: train, at_least: 1%, threshold: {cosine: 1}}",
            ],
            ["line 11: no check can have hubs, as none compares generated images"],
        ),
        (
            "screens: {hub: {max_share: 1%}}\n",
            ["leak_count: {matches: list, threshold: {cosine: 1}, at_most: 0}"],
            [],
        ),
        (
            "screens: {hub: {max_share: 1%}, child: {method: clip}}\nembedder: {name: dlib-resnet}\n",
            ["leak_count: {matches: list, threshold: {cosine: 1}, at_most: 0}"],
            [
                "line 12: no check uses the embedder, as all compare precomputed matches",
                "line 11: no check uses the screens, as all compare precomputed matches",
            ],
        ),
        (
            "screens: {child: {method: clip}}\nembedders: {a: {name: dlib-resnet}}\n",
            ["near_copy: {generated: gen, source: train, at_most: 0}"],
            [
                "line 12: no check uses the embedders, as none looks for people in pictures",
                "line 11: no check uses the screens, as none looks for people in pictures",
            ],
        ),
        (
            "screens: {child: {method: clip}}\nembedders: {phash: {name: dlib-resnet}, b: {name: facenet-casia}}\n",
            [
                "near_copy: {generated: gen, source: train, at_most: 0}",
                "coverage: {dataset: gen, embedder: b, min_images: 1}",
            ],
            ["line 12: no check uses the embedder 'phash'"],
        ),
    ],
)
def test_parts_that_nothing_uses(parse: Parse, top: str, checks: list[str], expected: list[str]) -> None:
    text = SETS % "\n  - ".join(checks)
    notes = parse(text.replace("checks:\n", f"{top}checks:\n")).notes
    assert [note for note in notes if "uses the dataset" not in note] == expected


def test_thresholds_that_nothing_uses(parse: Parse, tmp_path: Path, valid: str) -> None:
    (tmp_path / "t.yaml").write_text("version: 1\nthresholds: []\n")
    assert parse(valid + "thresholds: t.yaml\n").notes == (
        "line 8: no check uses the thresholds, as none asks for an error rate",
    )


@pytest.mark.parametrize(
    ("role", "n_unused"),
    [("control: unseen", 5), ("calibration: named", 5), ("control: unseen, calibration: named", 4)],
)
def test_every_role_is_a_use(parse: Parse, role: str, n_unused: int) -> None:
    check = f"leak_count: {{generated: gen, source: train, {role}, threshold: {{cosine: 1}}, at_most: 0}}"
    assert len(parse(SETS % check).notes) == n_unused - 1


def test_the_design_example(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "release.waivers.yaml").write_text("version: 1\nwaivers: []\n")
    policy = parse(DESIGN_EXAMPLE)
    assert [case.id for case in policy.cases] == [
        "top_k_similarity[generated-vs-training]",
        "leak_rate[generated-vs-training]",
        "identity_exposure[generated-vs-training]",
        "excess_risk[generated-vs-training-vs-unseen]",
        "membership_inference[generated-vs-training-vs-unseen]",
        "canary_recall[training]",
    ]
    assert (policy.hub, policy.notes) == (HubKeys(max_share=0.01), ())


@pytest.mark.parametrize(
    ("hub", "expected"),
    [
        ("5", "6:16: screens.hub: found 5, expected a mapping of keys and values"),
        (
            "{max_share: 5}",
            "6:28: screens.hub.max_share: found 5, expected a share between 0 and 1: write 5% or 0.05",
        ),
        (
            "{method: clip, max_share: 1%}",
            "6:17: screens.hub: unknown key 'method'; expected: max_share",
        ),
    ],
)
def test_hub(problems: Callable[..., list[str]], valid: str, hub: str, expected: str) -> None:
    assert problems(valid.replace("checks:", f"screens: {{hub: {hub}}}\nchecks:")) == [f"p.yaml:{expected}"]


def test_no_screens_are_fine(parse: Parse, valid: str) -> None:
    policy = parse(valid.replace("checks:", "screens: {}\nchecks:"))
    assert (policy.screens, policy.hub) == ((), None)


def test_the_issue_example_of_a_match_list(parse: Parse) -> None:
    policy = parse(
        "version: 1\nname: dcface\ndatasets: {dcface: {path: DCFace.csv, format: matches}}\n"
        "checks: [{leak_count: {matches: dcface, threshold: {cosine: 0.5}, at_most: 14}}]\n"
    )
    assert [case.id for case in policy.cases] == ["leak_count[dcface]"]
    assert policy.embedders == {}
    assert policy.cases[0].embedder is None


def test_licences_and_what_a_dataset_says_of_its_faces(parse: Parse, valid: str) -> None:
    text = valid.replace("path: gen", "path: gen, align: mtcnn, faces: largest")
    policy = parse(text.replace("checks:", "licences: {allow: [CC0-1.0, MIT]}\nchecks:"))
    assert policy.licences == ("CC0-1.0", "MIT")
    assert (policy.datasets["generated"].align, policy.datasets["generated"].faces) == ("mtcnn", "largest")


def test_a_policy_is_read_without_the_models(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GATE)
    code = (
        "import sys; from faceleak_check.policy.parse import parse_policy; parse_policy('p.yaml'); "
        "print(sorted({'torch', 'faiss', 'PIL', 'pyarrow', 'scipy', 'imagehash'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
