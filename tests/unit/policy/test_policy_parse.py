from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from policy_examples import FULL

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
        waivers=Waivers(file="w.waivers.yaml"),
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
  list: {path: a.csv, format: matches, columns: {generated: g, source: [s, t], similarity: cos}}
  other: {path: b}
embedder: {name: dlib-resnet}
screens: {child: {method: age}}
checks:
  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 14}
"""
    policy = parse(b"\xef\xbb\xbf" + text.encode())
    assert policy.embedders == {"dlib-resnet": EmbedderChoice(name="dlib-resnet")}
    assert policy.datasets["list"].columns == Columns(
        generated=("g",), source=("s", "t"), source_identity=None, similarity="cos"
    )
    assert policy.notes == (
        "starts with a byte order mark, which is ignored; save it as UTF-8 without one",
        "line 5: no check uses the dataset 'other'",
        "line 6: no check uses the embedder, as all compare precomputed matches",
        "line 7: no check uses the screens, as all compare precomputed matches",
    )


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


def test_a_policy_is_read_without_the_models(tmp_path: Path, valid: str) -> None:
    (tmp_path / "p.yaml").write_text(valid)
    code = (
        "import sys; from faceleak_check.policy.parse import parse_policy; parse_policy('p.yaml'); "
        "print(sorted({'torch', 'faiss', 'PIL', 'pyarrow'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
