"""Names and numbers as the page writes them."""
# ruff: noqa: RUF001  names in Persian

from __future__ import annotations

import pytest

from faceleak_check.reports.page.words import cleaned, counted, joined, on_one_line, percent


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a<script>.png", "a<script>.png"),
        ("صورة.png", "صورة.png"),
        ("نیم\u200cفاصله.png", "نیم\u200cفاصله.png"),
        ("写真.png", "写真.png"),
        ("gnp\u202egpj.exe", r"gnp\u202egpj.exe"),
        ("\u2067x\u2069", r"\u2067x\u2069"),
        ("red \x1b[31m", r"red \x1b[31m"),
        ("\x00\x07\r", r"\x00\x07\r"),
        ("\ud800", r"\ud800"),
        ("next\x85line\u2028", r"next\x85line\u2028"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_could_mislead_a_reader_is_escaped_and_nothing_else(written: str, shown: str) -> None:
    assert cleaned(written) == shown
    assert cleaned({written: [1, None, (written, True)]}) == {shown: [1, None, [shown, True]]}
    shown.encode()


def test_a_name_stays_on_one_line() -> None:
    assert on_one_line("two\nlines\tx") == r"two\nlines\tx"


def test_numbers_with_their_nouns() -> None:
    assert counted(1, "image") == "1 image"
    assert counted(1200, "person", "people") == "1,200 people"
    assert percent(0.00746) == "0.746%"
    assert percent(-0.0) == "0%"
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"
