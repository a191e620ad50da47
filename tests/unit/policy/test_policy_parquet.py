from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml
from jsonschema import Draft202012Validator

from faceleak_check.policy.json_schema import SHIPPED
from faceleak_check.policy.schema import Labels, ParquetColumns, Policy

Parse = Callable[..., Policy]
ProblemsAfter = Callable[[str, str], list[str]]

TRAINING = "path: train, labels: parent_folder"
HOW = "write 'columns: {identity: ...}' or 'labels: {csv: labels.csv}' under datasets.training"


def test_columns_of_images(parse: Parse, valid: str) -> None:
    keys = "path: train.parquet, format: parquet, columns: {image: picture, id: file, identity: person}"
    training = parse(valid.replace(TRAINING, keys)).datasets["training"]
    assert training.image_columns == ParquetColumns(image="picture", id="file", identity="person")
    assert (training.columns, training.labels) == (None, Labels(kind="own"))
    assert training.is_labelled


@pytest.mark.parametrize("columns", ["", ", columns: {image: picture}", ", columns: {}"])
def test_nobody_is_named_without_a_column_of_people(parse: Parse, valid: str, columns: str) -> None:
    training = parse(valid.replace(TRAINING, f"path: t, format: parquet{columns}")).datasets["training"]
    assert training.labels == Labels(kind="none")
    assert not training.is_labelled


def test_people_may_be_counted_by_their_column(parse: Parse, valid: str) -> None:
    text = valid.replace("leak_rate", "identity_exposure").replace("0.1%", "1")
    keys = "path: t, format: parquet, columns: {identity: person}, expect: {identities: 7}"
    assert parse(text.replace(TRAINING, keys)).datasets["training"].is_labelled


@pytest.mark.parametrize("name", ["parquet", "lmdb"])
def test_labels_may_stand_in_a_table(parse: Parse, valid: str, name: str) -> None:
    training = parse(valid.replace(TRAINING, f"path: t, format: {name}, labels: {{csv: l.csv}}")).datasets
    assert training["training"].labels.kind == "csv"


@pytest.mark.parametrize("labels", ["own", "parent_folder", "none"])
def test_labels_of_an_lmdb_file(parse: Parse, valid: str, labels: str) -> None:
    training = parse(valid.replace(TRAINING, f"path: t, format: lmdb, labels: {labels}")).datasets["training"]
    assert training.labels.kind == labels


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "path: t, format: parquet, columns: {identity: person}, labels: none",
            [
                (
                    "5:69: datasets.training.labels: 'identity' under columns names the people already; "
                    "take one of the two out"
                )
            ],
        ),
        (
            "path: t, format: parquet, labels: parent_folder",
            [f"5:48: datasets.training.labels: a row of a Parquet file lies in no folder; {HOW}"],
        ),
        (
            "path: t, format: parquet, labels: own",
            [f"5:48: datasets.training.labels: format: parquet has no labels of its own; {HOW}"],
        ),
        (
            "path: t, labels: own",
            [
                (
                    "5:31: datasets.training.labels: format: folder has no labels of its own; "
                    "write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.training"
                )
            ],
        ),
        (
            "path: t, format: lmdb, expect: {identities: 5}",
            [
                (
                    "5:46: datasets.training.expect.identities: this dataset has no labels to count; "
                    "write 'labels: own' or 'labels: {csv: labels.csv}' under datasets.training, "
                    "or take 'identities' out"
                )
            ],
        ),
        (
            "path: t, format: parquet, expect: {identities: 5}",
            [
                (
                    f"5:49: datasets.training.expect.identities: this dataset has no labels to count; {HOW}, "
                    "or take 'identities' out"
                )
            ],
        ),
        (
            "path: t, format: lmdb, columns: {image: a}",
            [
                (
                    "5:37: datasets.training.columns: 'columns' belong to a match list (format: matches) or to Parquet "
                    "files of images (format: parquet), and this is format: lmdb"
                )
            ],
        ),
        (
            "path: t, format: parquet, columns: {imag: a, identity: 5, id: [a]}",
            [
                (
                    "5:50: datasets.training.columns: unknown key 'imag' (did you mean 'image'?); "
                    "expected: image, id, identity"
                ),
                "5:69: datasets.training.columns.identity: found 5, expected text; put it in quotes",
                "5:76: datasets.training.columns.id: found a list, expected text",
            ],
        ),
        (
            "path: t, format: parquet, columns: image",
            [
                "5:49: datasets.training.columns: found the text 'image', expected a mapping of keys and values"
            ],
        ),
        (
            "path: 5, format: parquet, columns: {source: a}",
            [
                "5:20: datasets.training.path: found 5, expected a path; put it in quotes",
                "5:50: datasets.training.columns: unknown key 'source'; expected: image, id, identity",
            ],
        ),
    ],
)
def test_keys_that_do_not_fit(problems_after: ProblemsAfter, keys: str, expected: list[str]) -> None:
    found = problems_after(TRAINING, keys)
    assert [one.removeprefix("p.yaml:") for one in found] == expected


def test_a_source_without_people(problems: Callable[..., list[str]], valid: str) -> None:
    text = valid.replace("leak_rate", "identity_exposure").replace("0.1%", "1")
    assert problems(text.replace(TRAINING, "path: t, format: parquet")) == [
        (
            "p.yaml:7:55: checks[0].identity_exposure.source: this check counts people, and 'training' has no labels; "
            f"{HOW}, or 'people: clusters' here"
        )
    ]


@pytest.mark.parametrize(
    ("keys", "is_valid"),
    [
        ("format: parquet, columns: {image: a, id: b, identity: c}", True),
        ("format: parquet, columns: {source: a}", False),
        ("format: matches, columns: {source: a}", True),
        ("format: matches, columns: {image: a}", False),
        ("format: lmdb, labels: own", True),
    ],
)
def test_the_json_schema_knows_the_columns_of_each_format(valid: str, keys: str, *, is_valid: bool) -> None:
    schema = Draft202012Validator(json.loads(SHIPPED.read_text(encoding="utf-8")))
    policy = yaml.safe_load(valid.replace(TRAINING, f"path: t, {keys}"))
    assert schema.is_valid(policy) is is_valid
