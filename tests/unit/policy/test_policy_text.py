from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.errors import PolicyError
from faceleak_check.policy.source import Source, read_source

Problems = Callable[..., list[str]]


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 10_000_000])
def test_a_large_file_is_not_read(yaml_problems: Problems, size: int) -> None:
    assert yaml_problems(b"[" * size) == [
        f"p.yaml:1:1: the file has {size:,} bytes, a policy has at most 1,048,576"
    ]


def test_byte_order_mark_and_windows_line_ends_are_noted(read: Callable[..., Source]) -> None:
    source = read("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n".encode())
    assert source.data == {"a": 1, "b": "x\ny\n"}
    assert source.problems == ()
    assert source.notes == (
        "starts with a byte order mark, which is ignored; save it as UTF-8 without one",
        "has Windows line ends (CRLF), which are accepted; save it with LF line ends",
    )
    assert source.text.place(source.keys["b",]) == (2, 1)


def test_a_plain_file_has_no_notes(read: Callable[..., Source]) -> None:
    assert read("a: 1\n").notes == ()


def _refusal(path: Path) -> str:
    with pytest.raises(PolicyError) as refused:
        read_source(path, "p.yaml", {})
    return str(refused.value)


def test_missing_file(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "p.yaml") == "p.yaml:1:1: the file does not exist"


def test_folder(tmp_path: Path) -> None:
    expected = "p.yaml:1:1: this is a folder, not a policy file; name a .yaml file in it"
    assert _refusal(tmp_path) == expected


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    expected = "p.yaml:1:1: this is not an ordinary file; save the policy as a .yaml file"
    assert _refusal(tmp_path / "pipe") == expected


def test_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").symlink_to("p.yaml")
    assert (
        _refusal(tmp_path / "p.yaml")
        == "p.yaml:1:1: the file cannot be read: Too many levels of symbolic links"
    )


def test_name_that_no_file_has(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "a\0b") == "p.yaml:1:1: the name holds a NUL character, which no file name may"
    assert _refusal(tmp_path / ("a" * 300)) == "p.yaml:1:1: the file cannot be read: File name too long"


def test_no_permission(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read every file")
    assert _refusal(file) == "p.yaml:1:1: no permission to read the file; allow it with chmod u+r"
