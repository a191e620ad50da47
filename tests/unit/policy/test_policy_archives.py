"""What a policy says of archives: patterns of shards, and sidecars that name people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from faceleak_check.policy.braces import BracesError, expand
from faceleak_check.policy.json_schema import build_schema
from faceleak_check.policy.patterns import pattern_of
from faceleak_check.policy.schema import Labels, Policy
from faceleak_check.policy.urls import Url

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

SETS = """\
version: 1
name: gate
datasets:
  generated: {path: gen.zip, format: archive}
  training: {path: "%s", %s}
checks:
  - leak_rate: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0.1%%}
"""


# ----------------------------------------------------------------------------------------------------------- braces


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        # what bash makes of each
        ("s-{00..03}.tar", ["s-00.tar", "s-01.tar", "s-02.tar", "s-03.tar"]),
        ("s-{8..11}", ["s-8", "s-9", "s-10", "s-11"]),
        ("s-{08..11}", ["s-08", "s-09", "s-10", "s-11"]),
        ("s-{3..1}", ["s-3", "s-2", "s-1"]),
        ("{0..7..3}", ["0", "3", "6"]),
        ("{-03..3..3}", ["-03", "000", "003"]),
        ("{a..e..2}", ["a", "c", "e"]),
        ("{train,test}/{0..1}.tar", ["train/0.tar", "train/1.tar", "test/0.tar", "test/1.tar"]),
        ("{a,b{1,2},{x..y}}", ["a", "b1", "b2", "x", "y"]),
        ("{,x}y", ["y", "xy"]),
        ("{1,1}", ["1"]),
        ("{x}{1,2}", ["{x}1", "{x}2"]),
        ("{{1..2}}", ["{1}", "{2}"]),
        ("a{b{1,2}c", ["a{b1c", "a{b2c"]),
        ("a}b{1,2}", ["a}b1", "a}b2"]),
        ("plain", ["plain"]),
        ("{}{1..}{..2}{1...2}{a..1}{", ["{}{1..}{..2}{1...2}{a..1}{"]),
    ],
)
def test_braces_are_those_of_a_shell(pattern: str, expected: list[str]) -> None:
    assert expand(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("{0..1000000}", "it stands for more than 1,000,000 paths"),
        ("{0..999999999999999999}", "it stands for more than 1,000,000 paths"),
        ("{0..9}" * 7, "it stands for more than 1,000,000 paths"),
        ("{a}" * 51, "it has more than 50 braces"),
        ("{" * 100_000, "it has more than 50 braces"),
    ],
)
def test_a_pattern_of_too_much(pattern: str, why: str) -> None:
    with pytest.raises(BracesError) as caught:
        expand(pattern)
    assert str(caught.value) == why


def test_a_pattern_begins_where_its_braces_do() -> None:
    found = pattern_of(Path("/data/{train,test}/s-{0..1}.tar"))
    assert found is not None
    assert found.folder == Path("/data")
    assert found.names == ["train/s-0.tar", "train/s-1.tar", "test/s-0.tar", "test/s-1.tar"]
    assert pattern_of(Path("/data/{old}/s.tar")) is None
    assert pattern_of(Path("/data/s.tar")) is None


def test_a_pattern_behind_a_url_keeps_its_secrets_to_itself() -> None:
    found = pattern_of(Url("s3://key:pass{1,2}word@bucket/deep/s-{0..1}.tar"))
    assert found is not None
    assert found.folder == Url("s3://key:pass{1,2}word@bucket/deep")
    assert found.names == ["s-0.tar", "s-1.tar"]
    assert pattern_of(Url("s3://key:pass{1,2}word@bucket/deep/s.tar")) is None


@pytest.mark.parametrize(
    ("one", "two", "shared"),
    [
        ("s-{0..3}.tar", "s-{4..7}.tar", None),
        ("s-{0..3}.tar", "t-{0..3}.tar", None),
        ("s-{0..5}.tar", "s-{5..9}.tar", "both have 'FOLDER/s-5.tar'"),
        ("s-{0..5}.tar", "s-3.tar", "both have 'FOLDER/s-3.tar'"),
        ("s-{0..5}.tar", "s-{0..5}.tar", "both are 'FOLDER/s-{0..5}.tar'"),
        ("all/s-{0..5}.tar", "all", "'FOLDER/all/s-{0..5}.tar' lies inside 'FOLDER/all'"),
        ("{a,b}/s.tar", "b", "'FOLDER/b/s.tar' lies inside 'FOLDER/b'"),
        ("b", "{a,b}/s.tar", "'FOLDER/b/s.tar' lies inside 'FOLDER/b'"),
        ("s3://b/s-{0..5}.tar", "s3://b/s-{5..6}.tar", "both have 's3://b/s-5.tar'"),
        ("s3://b/s-{0..5}.tar", "s3://b/s-{6..9}.tar", None),
    ],
)
def test_two_sets_share_no_shard(
    parse: Parse, problems: Problems, tmp_path: Path, one: str, two: str, shared: str | None
) -> None:
    text = (SETS % (two, "format: archive")).replace("gen.zip", f'"{one}"')
    if shared is None:
        assert str(parse(text).datasets["training"].path).endswith(two)
        return
    expected = shared.replace("FOLDER", str(tmp_path))
    assert problems(text) == [
        (
            "p.yaml:7:47: checks[0].leak_rate.source: 'training' and 'generated' hold the same files: "
            f"{expected}; keep them apart"
        )
    ]


# --------------------------------------------------------------------------------------------------------- sidecars


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("{sidecar: cls}", Labels(kind="sidecar", sidecar="cls")),
        ("{sidecar: id.txt}", Labels(kind="sidecar", sidecar="id.txt")),
        ("{sidecar: json, key: identity}", Labels(kind="sidecar", sidecar="json", key="identity")),
        ("{sidecar: meta.JSON, key: who}", Labels(kind="sidecar", sidecar="meta.JSON", key="who")),
    ],
)
def test_sidecars_name_the_people(parse: Parse, labels: str, expected: Labels) -> None:
    keys = f"format: archive, labels: {labels}, expect: {{identities: 5}}"
    text = SETS % ("t-{0..3}.tar", keys)
    dataset = parse(text).datasets["training"]
    assert dataset.labels == expected
    assert dataset.is_labelled


ADVICE = "write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.training"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "format: archive, labels: {sidecar: .cls}",
            (
                "5:64: datasets.training.labels.sidecar: found the text '.cls', expected a suffix without its first "
                "dot, such as cls or json"
            ),
        ),
        (
            "format: archive, labels: {sidecar: 5}",
            "5:64: datasets.training.labels.sidecar: found 5, expected text; put it in quotes",
        ),
        (
            "format: archive, labels: {sidecar: json}",
            (
                "5:54: datasets.training.labels: found no 'key', expected the key of the .json files that names the "
                "person, such as {sidecar: json, key: identity}"
            ),
        ),
        (
            "format: archive, labels: {sidecar: cls, key: identity}",
            "5:54: datasets.training.labels: found a 'key', and .cls files are plain text; take it out",
        ),
        (
            'format: archive, labels: {sidecar: json, key: ""}',
            "5:75: datasets.training.labels.key: found the text '', expected a key of the JSON files",
        ),
        (
            "format: archive, labels: {sidecar: json, kye: identity}",
            (
                "5:70: datasets.training.labels: unknown key 'kye' (did you mean 'key'?); expected: sidecar, key"
            ),
        ),
        (
            "format: archive, labels: {csv: a.csv, sidecar: cls}",
            "5:55: datasets.training.labels: unknown key 'csv'; expected: sidecar, key",
        ),
        (
            "labels: {sidecar: cls}",
            (
                "5:37: datasets.training.labels: sidecars belong to images in archives (format: archive), and this is "
                f"format: folder; {ADVICE}"
            ),
        ),
        (
            "format: archive, expect: {identities: 3}",
            (
                "5:55: datasets.training.expect.identities: this dataset has no labels to count; write "
                "'labels: parent_folder', 'labels: {sidecar: cls}' or 'labels: {csv: labels.csv}' under "
                "datasets.training, or take 'identities' out"
            ),
        ),
    ],
)
def test_sidecars_that_cannot_be_meant(problems: Problems, keys: str, expected: str) -> None:
    assert problems(SETS % ("t.tar", keys)) == [f"p.yaml:{expected}"]


def test_an_editor_knows_sidecars() -> None:
    schema = build_schema()
    check = {"leak_rate": {"generated": "g", "source": "t", "threshold": {"cosine": 0.9}, "at_most": 0}}

    def errors(labels: object) -> bool:
        sets = {"g": {"path": "g"}, "t": {"path": "t.tar", "format": "archive", "labels": labels}}
        policy = {"version": 1, "name": "gate", "datasets": sets, "checks": [check]}
        validator = jsonschema.Draft202012Validator(schema)
        return not validator.is_valid(json.loads(json.dumps(policy)))

    assert not errors({"sidecar": "cls"})
    assert not errors({"sidecar": "json", "key": "identity"})
    assert errors({"sidecar": ".cls"})
    assert errors({"sidecar": "cls", "csv": "a.csv"})
    assert errors({"key": "identity"})
