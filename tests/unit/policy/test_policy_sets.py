from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.schema import Policy

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

MATCH_LIST = """\
version: 1
name: gate
datasets:
  list: {path: a.csv, format: matches%s}
  folder: {path: b}
checks:
  - %s
"""


@pytest.mark.parametrize(
    ("keys", "check", "expected"),
    [
        (
            ", labels: none",
            "leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 1}",
            [
                (
                    "p.yaml:4:40: datasets.list.labels: a match list has no 'labels'; "
                    "name its column of people with columns: {source_identity: ...}"
                )
            ],
        ),
        (
            ", align: none, faces: all",
            "leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 1}",
            [
                "p.yaml:4:40: datasets.list.align: a match list has no 'align'; its faces were compared elsewhere",
                "p.yaml:4:53: datasets.list.faces: a match list has no 'faces'; its faces were compared elsewhere",
            ],
        ),
        (
            ", columns: {genrated: [g], source: [], similarity: [s]}",
            "leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 1}",
            [
                (
                    "p.yaml:4:50: datasets.list.columns: unknown key 'genrated' (did you mean 'generated'?); "
                    "expected: generated, source, generated_identity, source_identity, similarity"
                ),
                (
                    "p.yaml:4:73: datasets.list.columns.source: found an empty list, "
                    "expected the name of a column, or a list of names"
                ),
                "p.yaml:4:89: datasets.list.columns.similarity: found a list, expected text",
            ],
        ),
        (
            "",
            "leak_count: {matches: list, threshold: {euclidean: 0.5}, at_most: 1.5}",
            [
                (
                    "p.yaml:7:45: checks[0].leak_count.threshold.euclidean: a match list has cosines and "
                    "no templates; use a threshold such as {cosine: 0.5}"
                ),
                "p.yaml:7:71: checks[0].leak_count.at_most: found 1.5, expected a whole number of 0 or more",
            ],
        ),
        (
            "",
            "leak_count: {generated: list, source: folder, threshold: {cosine: 0.5}, at_most: 1}",
            [
                (
                    "p.yaml:7:29: checks[0].leak_count.generated: 'list' is a match list; "
                    "name it with 'matches', in place of two sets"
                )
            ],
        ),
        (
            ", columns: {similarity: s}",
            "identity_exposure: {matches: list, threshold: {cosine: 0.5}, at_most: 1}",
            [
                (
                    "p.yaml:7:34: checks[0].identity_exposure.matches: this check counts people, and "
                    "'list' names none; "
                    "write 'source_identity' under datasets.list.columns"
                )
            ],
        ),
    ],
)
def test_match_lists(problems: Problems, keys: str, check: str, expected: list[str]) -> None:
    assert problems(MATCH_LIST % (keys, check)) == expected


def test_people_can_only_be_counted_where_they_are_named(problems: Problems, valid: str) -> None:
    text = valid.replace("leak_rate", "identity_exposure").replace("0.1%", "1")
    assert problems(text.replace(", labels: parent_folder", "")) == [
        (
            "p.yaml:7:55: checks[0].identity_exposure.source: this check counts people, and 'training' has no labels; "
            "write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.training, or "
            "'people: clusters' here"
        )
    ]


@pytest.mark.parametrize(
    ("generated", "training", "shared"),
    [
        ("data", "./data/../data", "both are '{here}/data'"),
        (
            "data/training/gen",
            "data/training",
            "'{here}/data/training/gen' lies inside '{here}/data/training'",
        ),
        ("data", "data/training", "'{here}/data/training' lies inside '{here}/data'"),
        ("link", "real", "both are '{here}/real'"),
        ("link/gen", "real", "'{here}/real/gen' lies inside '{here}/real'"),
    ],
)
def test_sets_that_share_files(
    problems: Problems, tmp_path: Path, valid: str, generated: str, training: str, shared: str
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = valid.replace("path: gen", f"path: {generated}").replace("path: train", f"path: {training}")
    assert problems(text) == [
        (
            "p.yaml:7:47: checks[0].leak_rate.source: 'training' and 'generated' hold the same files: "
            f"{shared.format(here=tmp_path)}; keep them apart"
        )
    ]


@pytest.mark.parametrize(("generated", "training"), [("data", "data2"), ("data2", "data")])
def test_names_that_only_begin_alike_are_apart(
    parse: Parse, valid: str, generated: str, training: str
) -> None:
    text = valid.replace("path: gen", f"path: {generated}").replace("path: train", f"path: {training}")
    assert parse(text).cases


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "path: gen",
            "path: gen, expect: {images: 0}",
            "4:43: datasets.generated.expect.images: found 0, expected a whole number of 1 or more",
        ),
        (
            "path: gen",
            "path: gen, expect: {}",
            "4:34: datasets.generated.expect: found neither images nor identities, expected at least one of them",
        ),
        (
            "path: gen",
            "path: gen, expect: {otherwise: pass, images: 5}",
            "4:46: datasets.generated.expect.otherwise: found the text 'pass', expected inconclusive or warn",
        ),
        (
            "path: gen",
            "path: gen, expect: {image: 5, identities: 5}",
            (
                "4:35: datasets.generated.expect: unknown key 'image' (did you mean 'images'?); "
                "expected: images, identities, otherwise"
            ),
        ),
        (
            "path: gen",
            "path: gen, expect: {identities: 5}",
            (
                "4:35: datasets.generated.expect.identities: this dataset has no labels to count; "
                "write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.generated, "
                "or take 'identities' out"
            ),
        ),
        (
            "path: gen",
            "path: gen.rec, format: recordio, labels: none",
            "4:48: datasets.generated.labels: format: recordio names its people itself; take 'labels' out",
        ),
    ],
)
def test_what_a_dataset_should_hold(
    problems_after: Callable[[str, str], list[str]], old: str, new: str, expected: str
) -> None:
    assert problems_after(old, new) == [f"p.yaml:{expected}"]


def test_a_match_list_should_hold_rows(problems: Problems) -> None:
    check = "leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 1}"
    assert problems(MATCH_LIST % (", expect: {images: 5, identities: 5}", check)) == [
        (
            "p.yaml:4:60: datasets.list.expect.identities: a match list names no people of its own; "
            "only its number of 'images' can be expected"
        )
    ]


def test_a_recordio_file_names_its_people(parse: Parse, valid: str) -> None:
    text = valid.replace("leak_rate", "identity_exposure").replace("0.1%", "1")
    policy = parse(text.replace("path: train, labels: parent_folder", "path: train.rec, format: recordio"))
    assert policy.datasets["training"].is_labelled
    assert not policy.datasets["generated"].is_labelled
