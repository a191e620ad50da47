from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.paths import overlap
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.urls import Url

Parse = Callable[..., Policy]
Problems = Callable[..., list[str]]

POLICY = """\
version: 1
name: gate
datasets:
  generated: {path: %s}
  training: {path: %s}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.5}, at_most: 0}
"""
DOUBTFUL = (
    "found a URL in which host and port cannot be told; in a user name or a password write %3A for a colon, %2F for a "
    "slash, %3F for a question mark, %23 for a hash and %40 for an at sign"
)


def of(generated: str, training: str = "b") -> str:
    return POLICY % (json.dumps(generated), json.dumps(training))


@pytest.mark.parametrize(
    ("url", "shown", "name", "suffix"),
    [
        ("s3://bucket/a/faces.zip", "s3://bucket/a/faces.zip", "faces.zip", ".zip"),
        ("gs://bucket/a/", "gs://bucket/a/", "a", ""),
        (
            "hf://datasets/us/set@main/x.parquet",
            "hf://datasets/us/set@main/x.parquet",
            "x.parquet",
            ".parquet",
        ),
        ("memory://a", "memory://a", "a", ""),
        ("HTTPS://host/x", "HTTPS://host/x", "x", ""),
        ("https://user:secret@host/x.zip", "https://host/x.zip", "x.zip", ".zip"),
        ("https://secret@host:8080/x.zip?token=secret", "https://host:8080/x.zip", "x.zip", ".zip"),
        ("https://user:s%2Fecret@host/x#secret", "https://host/x", "x", ""),
        ("https://user:p@secret@host/x", "https://host/x", "x", ""),
        ("https://user:12/secret@host/x", "https://host/x", "x", ""),
        ("https://host/x.zip?a=b?c@d#secret", "https://host/x.zip", "x.zip", ".zip"),
        ("s3://key:secret@bucket/a.tar", "s3://bucket/a.tar", "a.tar", ".tar"),
        ("zip://in::https://me:secret@h/x.zip?t=secret", "zip://in::https://h/x.zip", "in", ""),
        ("github://org:secret@main/faces", "github://main/faces", "faces", ""),
        ("https://h/s-{00..09}.tar?t=secret", "https://h/s-{00..09}.tar", "s-{00..09}.tar", ".tar"),
    ],
)
def test_a_url_is_opened_whole_and_shown_without_secrets(
    parse: Parse, url: str, shown: str, name: str, suffix: str
) -> None:
    found = parse(of(url)).datasets["generated"].path
    assert isinstance(found, Url)
    assert found.address == url
    assert (str(found), found.name, found.suffix) == (shown, name, suffix)
    assert repr(found) == f"Url({shown!r})"
    assert found == Url(url)
    assert hash(found) == hash(Url(url))
    assert pickle.loads(pickle.dumps(found)) == found


def test_nothing_that_prints_a_policy_tells_its_secrets(parse: Parse) -> None:
    policy = parse(of("https://user:secret@host/x?token=secret"))
    assert "secret" not in repr(policy) + str(policy)
    assert "secret" not in str(dataclasses.asdict(policy.datasets["generated"]))
    assert "secret" not in str(copy.deepcopy(policy.datasets["generated"]))


def test_a_url_may_hold_variables(parse: Parse) -> None:
    environment = {"TOKEN": "secret", "BUCKET": "faces"}
    policy = parse(of("https://${BUCKET}.invalid/x.zip?t=${TOKEN}"), environment)
    found = policy.datasets["generated"].path
    assert isinstance(found, Url)
    assert found.address == "https://faces.invalid/x.zip?t=secret"


def test_a_file_url_is_a_path(parse: Parse, tmp_path: Path) -> None:
    policy = parse(of(f"file://{tmp_path}/a b/../faces", "local:///elsewhere"))
    assert policy.datasets["generated"].path == tmp_path.resolve() / "faces"
    assert policy.datasets["training"].path == Path("/elsewhere")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "file://faces",
            "found a URL that begins with the text 'file://', expected file:/// and an absolute path",
        ),
        (
            "simplecache::s3://bucket/x",
            "found a URL with simplecache, which leaves copies of the images on this machine; take 'simplecache' out",
        ),
        (
            "zip://::filecache::https://secret@h/x.zip",
            "found a URL with filecache, which leaves copies of the images on this machine; take 'filecache' out",
        ),
        (
            "reference::https://secret@h/x.json",
            "found a URL with reference, which names other files by rules of its own; give their own URL",
        ),
        ("https://user:pa/secret@host/x", DOUBTFUL),
        ("https://user:pa?secret@host/x", DOUBTFUL),
        ("https://user:pa#secret@host/x", DOUBTFUL),
        ("https://user:pa::secret@host/x", DOUBTFUL),
        ("https://user:se\ncret@host/x", "found a URL, expected one on one line without control characters"),
    ],
)
def test_a_url_that_is_refused_is_not_quoted(problems: Problems, url: str, message: str) -> None:
    assert problems(of(url)) == [f"p.yaml:4:21: datasets.generated.path: {message}"]


def test_a_url_is_quoted_without_secrets_wherever_it_should_not_stand(problems: Problems) -> None:
    text = POLICY.replace("{path: %s}", "https://user:secret@host/x?token=secret", 1) % '"b"'
    assert problems(text) == [
        "p.yaml:4:14: datasets.generated: found the text 'https://host/x', expected a mapping of keys and values"
    ]


@pytest.mark.parametrize("key", ["waivers", "thresholds"])
def test_other_files_lie_on_this_machine(problems: Problems, key: str) -> None:
    text = of("a") + f"{key}: https://user:secret@host/x.yaml\n"
    assert problems(text) == [
        (
            f"p.yaml:8:{len(key) + 3}: {key}: found a URL, expected a file on this machine; only datasets and "
            "their labels are read elsewhere"
        )
    ]


def test_weights_lie_on_this_machine(problems: Problems) -> None:
    text = of("a") + "embedder: {name: onnx, weights: s3://bucket/x.onnx}\n"
    assert problems(text) == [
        (
            "p.yaml:8:33: embedder.weights: found a URL, expected a file on this machine; only datasets and their "
            "labels are read elsewhere"
        )
    ]


def test_labels_may_lie_elsewhere(parse: Parse) -> None:
    text = of("a").replace('{path: "a"}', '{path: "a", labels: {csv: "https://host/l.csv?t=secret"}}')
    labels = parse(text).datasets["generated"].labels
    assert labels.csv == Url("https://host/l.csv?t=secret")


@pytest.mark.parametrize(
    ("one", "two", "shared"),
    [
        ("s3://b/a", "s3://b/a/", "both are 's3://b/a'"),
        ("s3://b/a/c", "s3a://b/a", "'s3://b/a/c' lies inside 's3a://b/a'"),
        ("s3://b/a", "s3://b/a/c.zip", "'s3://b/a/c.zip' lies inside 's3://b/a'"),
        ("https://u:secret@h/a", "http://h/a", "both are 'https://h/a'"),
        ("https://h/a/b?t=secret", "https://h/a?t=other", "'https://h/a/b' lies inside 'https://h/a'"),
        (
            "zip://::https://h/x.zip",
            "https://h/x.zip",
            "'zip://::https://h/x.zip' lies inside 'https://h/x.zip'",
        ),
        (
            "zip://a::s3://b/x.zip",
            "zip://a/b::s3://b/x.zip",
            "'zip://a/b::s3://b/x.zip' lies inside 'zip://a::s3://b/x.zip'",
        ),
        ("s3://b/ab", "s3://b/a", ""),
        ("s3://b/a", "gs://b/a", ""),
        ("https://h/get?id=1", "https://h/get?id=2", ""),
        ("github://us:one@main/a", "github://us:two@main/a", ""),
        ("s3://b/a", "/b/a", ""),
    ],
)
def test_urls_share_files(one: str, two: str, shared: str) -> None:
    places = [Url(place) if "://" in place else Path(place) for place in (one, two)]
    assert overlap(*places) == shared


def test_a_set_is_not_compared_with_itself(problems: Problems) -> None:
    assert problems(of("s3://key:secret@b/faces/new", "s3://b/faces")) == [
        (
            "p.yaml:7:48: checks[0].leak_count.source: 'training' and 'generated' hold the same files: "
            "'s3://b/faces/new' lies inside 's3://b/faces'; keep them apart"
        )
    ]


@pytest.mark.parametrize(
    ("url", "parent", "below"),
    [
        ("s3://b/a/x.tar", "s3://b/a", "s3://b/a/y.tar"),
        ("https://u:p@h/a/x.tar?t=1#f", "https://u:p@h/a?t=1#f", "https://u:p@h/a/y.tar?t=1#f"),
        ("zip://a/x::s3://b/z.zip", "zip://a::s3://b/z.zip", "zip://a/y.tar::s3://b/z.zip"),
    ],
)
def test_neighbours_keep_the_credentials(url: str, parent: str, below: str) -> None:
    assert Url(url).parent.address == parent
    assert Url(url).parent.joined("y.tar").address == below


@pytest.mark.parametrize("path", ["a:b", "c://x", "x:/y", "a/b://c", "::", "1://x", "://x"])
def test_what_is_no_url_is_a_path(parse: Parse, tmp_path: Path, path: str) -> None:
    assert parse(of(path)).datasets["generated"].path == (tmp_path / path).resolve()
