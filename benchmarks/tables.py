"""Tables of figures, as plain text or as markdown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["show"]


def show(
    title: str, header: Sequence[str], rows: Sequence[Sequence[object]], *, markdown: bool = False
) -> None:
    """Prints a table.

    Args:
        title: What it shows.
        header: Names of the columns; the first is set to the left, the others to the right.
        rows: Its cells.
        markdown: Whether to print it for pasting into a document.
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n**{title}**\n" if markdown else f"\n{title}")
    gap = " | " if markdown else "  "
    for number, row in enumerate(cells):
        line = gap.join(
            _set(cell, width, column) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(f"| {line} |" if markdown else line.rstrip())
        if markdown and number == 0:
            rules = [
                "-" * width if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)
            ]
            print("| " + " | ".join(rules) + " |")


def _set(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)
