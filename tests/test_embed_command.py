"""``faceleak embed``: templates to hand out in place of pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from faceleak_check.cli import main
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.schema import EmbedderChoice

WriteSet = Callable[..., Path]
Faceleak = Callable[..., tuple[int, str, str]]

SHA = FakePixels(EmbedderChoice(name="fake-pixels")).spec.sha256
POLICY = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
  list: {path: list.csv, format: matches}
  made: {path: made.npz, format: arrays, templates: {embedder: fake-pixels, sha256: "%s"}}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""


@pytest.fixture
def faceleak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Faceleak:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["faceleak", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return int(left.value.code or 0), written.out, written.err

    return run


@pytest.fixture
def policy(tmp_path: Path, write_set: WriteSet) -> Path:
    write_set(tmp_path / "generated", ["g1.png"], seed=1)
    write_set(tmp_path / "training", ["ann/1.png", "bob/1.png", "bob/2.png"], seed=2)
    (tmp_path / "training" / "bob" / "3.png").write_bytes(b"torn")
    path = tmp_path / "release.yaml"
    path.write_text(POLICY % SHA)
    return path


def test_templates_are_written_with_the_keys_that_a_policy_needs(
    policy: Path, faceleak: Faceleak, tmp_path: Path
) -> None:
    status, out, err = faceleak("embed", "release.yaml", "training", "--write", "training.npz")
    assert (status, err) == (0, "")
    assert out == (
        "Wrote training.npz: 3 templates of 3 images of 'training' by fake-pixels.\n"
        "1 more could not be embedded: each has a row without numbers, and counts as left out.\n"
        "Templates of real people are biometric data: give the file to nobody who may not have it.\n"
        "In the policy that compares it:\n"
        "\n"
        "  training:\n"
        '    path: "training.npz"\n'
        "    format: arrays\n"
        "    arrays: {data: templates, ids: ids, identity: people}\n"
        f'    templates: {{embedder: fake-pixels, sha256: "{SHA}"}}\n'
        "\n"
        "Where all sets of that policy are templates, the network need not be there:\n"
        "\n"
        f'  embedder: {{name: precomputed, sha256: "{SHA}", dimension: 192}}\n'
    )
    with np.load(tmp_path / "training.npz") as arrays:
        assert arrays["ids"].tolist() == ["ann/1.png", "bob/1.png", "bob/2.png", "bob/3.png"]
        assert arrays["people"].tolist() == ["ann", "bob", "bob", ""]
        assert arrays["templates"].shape == (4, 192)
        assert np.isnan(arrays["templates"]).all(axis=1).tolist() == [False, False, False, True]
    keys = yaml.safe_load(out[out.index("  training:") : out.index("Where all")])
    (tmp_path / "other.yaml").write_text(
        yaml.safe_dump(
            {**yaml.safe_load(policy.read_text()), "datasets": {"generated": {"path": "generated"}, **keys}}
        )
    )
    assert faceleak("validate", "other.yaml") == (0, "other.yaml: valid, 1 check\n", "")


def test_a_set_in_which_nobody_is_named(policy: Path, faceleak: Faceleak, tmp_path: Path) -> None:
    status, out, _ = faceleak("embed", "release.yaml", "generated", "--write", "g.npz")
    assert status == 0
    assert "    arrays: {data: templates, ids: ids}\n" in out
    assert "could not be embedded" not in out
    with np.load(tmp_path / "g.npz") as arrays:
        assert sorted(arrays) == ["ids", "templates"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("release.yaml", "trainign"),
            "unknown dataset 'trainign' (did you mean 'training'?); there are: generated, training, list, made",
        ),
        (("release.yaml", "list"), "'list' is a match list, which has no pictures to embed"),
        (("release.yaml", "made"), "'made' is a set of templates already"),
        (
            ("release.yaml", "training", "--embedder", "fake"),
            "unknown embedder 'fake'; there are: fake-pixels",
        ),
        ((".", "training"), "'.' holds 2 policies; name one of them"),
    ],
)
def test_what_cannot_be_written_is_told(
    arguments: tuple[str, ...], message: str, policy: Path, faceleak: Faceleak, tmp_path: Path
) -> None:
    if arguments[0] == ".":
        (tmp_path / "other.yaml").write_text(POLICY % SHA)
    assert faceleak("embed", *arguments, "--write", "t.npz") == (2, "", f"faceleak: {message}\n")
    assert not (tmp_path / "t.npz").exists()


def test_one_of_several_embedders_must_be_named(policy: Path, faceleak: Faceleak) -> None:
    several = "embedders: {one: {name: fake-pixels}, two: {name: dlib-resnet}}"
    text = policy.read_text().replace("embedder: {name: fake-pixels}\n", several + "\n")
    policy.write_text(text.replace("{cosine: 0.9}, at", "{cosine: 0.9}, embedder: one, at"))
    assert faceleak("embed", "release.yaml", "generated", "--write", "t.npz") == (
        2,
        "",
        "faceleak: this policy has several embedders; name one with --embedder: one, two\n",
    )
    assert faceleak("embed", "release.yaml", "generated", "--write", "t.npz", "--embedder", "one")[0] == 0


def test_a_policy_of_match_lists_has_no_embedder(policy: Path, faceleak: Faceleak) -> None:
    text = policy.read_text().replace("embedder: {name: fake-pixels}\n", "")
    policy.write_text(text.replace("generated: generated, source: training", "matches: list"))
    assert faceleak("embed", "release.yaml", "generated", "--write", "t.npz") == (
        2,
        "",
        "faceleak: this policy has no embedder; add one with 'embedder'\n",
    )


def test_a_folder_that_is_not_there_is_told(policy: Path, faceleak: Faceleak) -> None:
    assert faceleak("embed", "release.yaml", "generated", "--write", "no/t.npz") == (
        2,
        "",
        "faceleak: no/t.npz cannot be written: No such file or directory; choose another file, or free some space\n",
    )


def test_a_part_that_was_not_looked_into_makes_no_file(
    policy: Path, faceleak: Faceleak, tmp_path: Path
) -> None:
    batch = np.zeros((3, 8, 8, 3), np.uint8)
    np.save(tmp_path / "batch.npy", batch)
    (tmp_path / "batch.npy").write_bytes((tmp_path / "batch.npy").read_bytes()[:-1])
    policy.write_text(policy.read_text().replace("{path: generated}", "{path: batch.npy, format: arrays}"))
    assert faceleak("embed", "release.yaml", "generated", "--write", "t.npz") == (
        2,
        "",
        (
            "faceleak: parts of 'generated' could not be looked into, so its templates would not be all: 1\n"
            "generated: 'row 00000002 and the rows after it': the file is cut short: 2 of 3 rows are there\n"
        ),
    )
    assert not (tmp_path / "t.npz").exists()
