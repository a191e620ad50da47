from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from faceleak_check.errors import PolicyError, UsageError
from faceleak_check.policy.waivers import Waiver, read_waivers
from faceleak_check.review.waivers_file import WaiversFile, waivers_yaml

DAY = dt.date(2026, 11, 23)
HEAD = """\
# Leaks that somebody looked at and takes responsibility for. A policy names this file with the key 'waivers'.
version: 1
waivers:
"""


def waiver(digit: str, reason: str = "Not the same person: by eye", owner: str = "A. Reviewer") -> Waiver:
    return Waiver(
        generated=digit * 64,
        source="f" * 64,
        reason=reason,
        owner=owner,
        date=DAY,
        expires=DAY + dt.timedelta(days=1),
    )


def item(digit: str, indent: str = "  ") -> str:
    return (
        f'{indent}- generated: "{digit * 64}"\n'
        f'{indent}  source: "{"f" * 64}"\n'
        f'{indent}  reason: "Not the same person: by eye"\n'
        f'{indent}  owner: "A. Reviewer"\n'
        f"{indent}  date: 2026-11-23\n"
        f"{indent}  expires: 2026-11-24\n"
    )


def read(path: Path) -> tuple[Waiver, ...]:
    return read_waivers(path, path.name).waivers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.yaml"


def test_a_new_file(path: Path) -> None:
    file = WaiversFile(path)
    assert not path.exists()
    assert not file.loses_comments([])
    file.write([waiver("1"), waiver("2")])
    assert path.read_text(encoding="utf-8") == HEAD + item("1") + item("2")
    assert path.stat().st_mode & 0o077 == 0
    assert file.n_written == 2
    file.write([])
    assert path.read_text(encoding="utf-8") == HEAD + "  []\n"
    assert read(path) == ()


@pytest.mark.parametrize(
    "text",
    [
        "plain \"quoted\" \\ and 'single'",
        "colon: dash - hash # ",
        "a ${HOME} and $${HOME}",
        "true",
        "2026-11-23",
        "e\u0301 und ß, صورة, 顔写真, 🙂",
        "<script>alert(1)</script>",
    ],
)
def test_every_text_comes_back_as_it_was(path: Path, text: str) -> None:
    WaiversFile(path).write([waiver("1", text, text)])
    assert read(path) == (waiver("1", text, text),)


def test_digits_alone_stay_a_digest(path: Path) -> None:
    assert WaiversFile(path).write([waiver("0")]) is None
    assert [one.generated for one in read(path)] == ["0" * 64]


@pytest.mark.parametrize("indent", ["", "  ", "      "])
@pytest.mark.parametrize("end", ["", "\n", "\n# the end\n", "\n\n\n"])
def test_what_is_there_stays_byte_for_byte(path: Path, indent: str, end: str) -> None:
    text = f"# ours\nversion: 1 # one\nwaivers:\n{item('1', indent)}\n# more\n{item('2', indent)}".rstrip(
        "\n"
    )
    path.write_text(text + end, encoding="utf-8")
    file = WaiversFile(path)
    assert not file.loses_comments([])
    file.write([waiver("3")])
    begun = text + (end if end.endswith("\n") else end + "\n")
    assert path.read_text(encoding="utf-8") == begun + item("3", indent)
    file.write([waiver("3"), waiver("4")])
    assert path.read_text(encoding="utf-8") == begun + item("3", indent) + item("4", indent)
    file.write([])
    assert path.read_text(encoding="utf-8") == begun
    assert [one.generated[0] for one in read(path)] == ["1", "2"]


def test_windows_line_ends_and_a_byte_order_mark_stay(path: Path) -> None:
    text = b"\xef\xbb\xbf" + (HEAD + item("1")).replace("\n", "\r\n").encode()
    path.write_bytes(text)
    WaiversFile(path).write([waiver("2")])
    assert path.read_bytes() == text + item("2").replace("\n", "\r\n").encode()
    assert len(read(path)) == 2


FLOW = "# ours\nversion: 1\nwaivers: [{generated: '%s', source: '%s', reason: x, owner: y, date: %s, expires: %s}]\n"


@pytest.mark.parametrize(
    "text",
    [
        FLOW % ("1" * 64, "f" * 64, DAY, DAY),
        "# ours\nwaivers:\n" + item("1") + "version: 1\n",
    ],
    ids=["one line", "other keys behind"],
)
def test_where_nothing_can_be_put_behind_it_is_written_anew(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    (known,) = read(path)
    file = WaiversFile(path)
    assert file.loses_comments([])
    file.write([waiver("2")])
    assert read(path) == (known, waiver("2"))
    assert "# ours" not in path.read_text(encoding="utf-8")


def test_an_empty_list_without_comments_loses_none(path: Path) -> None:
    path.write_text("version: 1\nwaivers: []\n", encoding="utf-8")
    file = WaiversFile(path)
    assert not file.loses_comments([])
    file.write([waiver("2")])
    assert read(path) == (waiver("2"),)


def test_a_renewed_waiver_takes_the_place_of_the_old_one(path: Path) -> None:
    path.write_text(HEAD + item("1") + item("2"), encoding="utf-8")
    file = WaiversFile(path)
    again = waiver("1", "Accepted: still")
    assert file.loses_comments([again.pair])
    file.write([again])
    assert read(path) == (waiver("2"), again)
    assert file.n_written == 2
    file.write([])
    assert path.read_text(encoding="utf-8") == HEAD + item("1") + item("2")


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.yaml"
    target.write_text(HEAD + item("1"), encoding="utf-8")
    path.symlink_to(target)
    WaiversFile(path).write([waiver("2")])
    assert path.is_symlink()
    assert len(read(target)) == 2


def test_a_file_that_is_wrong_is_not_added_to(path: Path) -> None:
    path.write_text("version: 1\nwaivers:\n  - {generated: abc}\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"waivers\[0\]: missing key 'source'"):
        WaiversFile(path)


def test_a_file_that_changed_meanwhile_is_left_alone(path: Path) -> None:
    file = WaiversFile(path)
    file.write([waiver("1")])
    path.write_text(HEAD + item("9"), encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        file.write([waiver("1"), waiver("2")])
    assert str(raised.value) == (
        f"{path} was changed by somebody else while it was open here, and is left as it is; the last answer is not "
        "in it: start again"
    )
    assert path.read_text(encoding="utf-8") == HEAD + item("9")


def test_the_text_of_waivers() -> None:
    assert waivers_yaml([]) == HEAD + "  []\n"
    assert waivers_yaml([waiver("1")]) == HEAD + item("1")
