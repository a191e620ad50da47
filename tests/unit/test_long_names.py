"""A name that no file system has is a file that is not there, and no traceback."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.errors import EvidenceError, PolicyError
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.parse import parse_policy
from faceleak_check.presence import is_file, is_folder, is_missing
from faceleak_check.reports.opening import open_evidence
from faceleak_check.reports.statement_file import open_statement

LONG = "w" * 400
POLICY = """\
version: 1
name: gate
datasets:
  generated: {path: gen}
  training: {path: train}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("words")
    for path, expected in (
        (tmp_path, (False, True, False)),
        (tmp_path / "file", (True, False, False)),
        (tmp_path / "file" / "below", (False, False, True)),
        (tmp_path / "gone", (False, False, True)),
        (tmp_path / LONG, (False, False, True)),
        (tmp_path / "a\0b", (False, False, True)),
    ):
        assert (is_file(path), is_folder(path), is_missing(path)) == expected, path


@pytest.mark.parametrize("key", ["waivers", "thresholds"])
def test_a_policy_that_names_it(tmp_path: Path, key: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"{POLICY}{key}: {LONG}\n")
    with pytest.raises(PolicyError) as raised:
        parse_policy(path, shown_as="p.yaml", environment={})
    (problem,) = raised.value.problems
    assert (problem.line, problem.key) == (8, key)
    assert problem.message.startswith(f"the {key} file 'www")
    assert "does not exist; " in problem.message


def test_waivers_in_a_closed_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may open every folder")
    (tmp_path / "closed").mkdir(mode=0)
    path = tmp_path / "p.yaml"
    path.write_text(f"{POLICY}waivers: closed/w.yaml\n")
    with pytest.raises(PolicyError, match="no permission to read the file"):
        parse_policy(path, shown_as="p.yaml", environment={})


@pytest.mark.parametrize("opened", [open_evidence, open_statement])
def test_evidence(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    with pytest.raises(EvidenceError, match=r"cannot be opened\n.*File name too long\. Name the "):
        opened(tmp_path / LONG)


def test_weights(tmp_path: Path) -> None:
    assert ModelFile(owner="embedder 'x'", path=tmp_path / LONG).find() is None
