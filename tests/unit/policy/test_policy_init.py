from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from faceleak_check.errors import UsageError
from faceleak_check.policy.init import init_text, write_init
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.planned import PLANNED_CHECKS
from faceleak_check.policy.waivers import Waivers


def test_the_written_policy_is_valid_once_the_paths_are_set(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    write_init(file)
    text = file.read_text(encoding="utf-8")
    for name in ("generated", "training"):
        assert f"path: path/to/{name}" in text
        text = text.replace(f"path: path/to/{name}", f"path: /data/{name}")
    file.write_text(text, encoding="utf-8")
    policy = parse_policy(file, environment={})
    assert [case.id for case in policy.cases] == [
        "top_k_similarity[generated-vs-training]",
        "leak_rate[generated-vs-training]",
        "leak_count[generated-vs-training]",
        "identity_exposure[generated-vs-training]",
    ]
    assert {name: str(dataset.path) for name, dataset in policy.datasets.items()} == {
        "generated": "/data/generated",
        "training": "/data/training",
    }
    assert policy.notes == ()


def test_every_key_that_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    text = init_text()
    for key in ("weights", "sha256", "waivers"):
        text, n_found = re.subn(rf"^( *)# ({key}: )", r"\1\2", text, flags=re.MULTILINE)
        assert n_found == 1
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "release.waivers.yaml").write_text("version: 1\nwaivers: []\n", encoding="utf-8")
    policy = parse_policy(tmp_path / "p.yaml", environment={})
    assert policy.waivers == Waivers(file="release.waivers.yaml")


def test_its_match_list_is_valid_too(tmp_path: Path) -> None:
    example = init_text().partition('name it under "datasets" and in a check:\n#\n')[2]
    lines = [line.removeprefix("#").removeprefix("   ") for line in example.splitlines()]
    (tmp_path / "p.yaml").write_text("version: 1\nname: gate\n" + "\n".join(lines), encoding="utf-8")
    assert [case.id for case in parse_policy(tmp_path / "p.yaml", environment={}).cases] == [
        "leak_count[published]"
    ]


def test_it_names_nothing_that_is_not_available() -> None:
    later = [*PLANNED_CHECKS, "screens", "fmr", "fpir", "mtcnn", "recordio"]
    assert [word for word in later if re.search(rf"\b{word}\b", init_text())] == []


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    file.write_text("mine")
    with pytest.raises(UsageError) as refused:
        write_init(file)
    assert str(refused.value) == f"'{file}' is there already; name another file or take it away"
    assert file.read_text() == "mine"


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    write_init(tmp_path / "no" / "release.yaml")
    assert (tmp_path / "no" / "release.yaml").read_text() == init_text()


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "no").touch()
    with pytest.raises(UsageError) as refused:
        write_init(tmp_path / "no" / "release.yaml")
    assert str(refused.value) == f"'{tmp_path}/no/release.yaml' cannot be written: {os.strerror(17)}"
