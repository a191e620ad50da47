"""Text that fits a terminal of 80 columns, whatever letters it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, chop_cells

__all__ = ["WIDTH", "aligned", "cut", "fitted", "padded", "paragraphs", "safe"]

WIDTH = 80
"""Columns of a terminal."""


def safe(text: str) -> str:
    """The text without anything that could move a terminal's cursor or break a line."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def paragraphs(sentences: Iterable[str], *, indent: int = 4, width: int = WIDTH) -> Iterator[str]:
    """The lines of sentences, each begun on a new line.

    Args:
        sentences: Any text; it is made safe.
        indent: Columns before each line but a sentence's first.
        width: Columns of the longest line.
    """
    for sentence in sentences:
        yield from _wrapped(safe(sentence), " " * indent, width)


def _wrapped(sentence: str, indent: str, width: int) -> Iterator[str]:
    line = ""
    for word in sentence.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            yield line
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
        while cell_len(line) > width:  # a word that fits no line, such as a sentence in Chinese
            head = chop_cells(line, width)[0]
            yield head
            line = indent + line[len(head) :]
    yield line


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as text, two spaces behind the widest cell of each column."""
    widths = [max(map(cell_len, column)) + 2 for column in zip(*rows, strict=True)]
    return ["".join(map(padded, row, widths)) for row in rows]


def padded(text: str, width: int) -> str:
    """The text with spaces behind it."""
    return text + " " * (width - cell_len(text))


def fitted(text: str, width: int) -> str:
    """The text cut in its middle to fit; both ends of a file's name tell something."""
    if cell_len(text) <= width:
        return text
    head = chop_cells(text, (width - 1) // 2)[0]
    tail = chop_cells(text[::-1], width - 1 - cell_len(head))[0][::-1]
    return f"{head}…{tail}"


def cut(text: str, width: int) -> str:
    """The text cut at its end to fit."""
    if cell_len(text) <= width:
        return text
    return chop_cells(text, width - 1)[0] + "…" if width > 1 else ""
