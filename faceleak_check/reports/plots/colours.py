"""The colours of figures: each is a variable of the page's style sheet, with a value where the page has none."""

from __future__ import annotations

__all__ = ["CONTROL", "GENERATED", "INK", "LINE", "MUTED", "THRESHOLD", "as_variables"]

INK = "#1c2128"
MUTED = "#59636e"
LINE = "#d1d9e0"
GENERATED = "#2457a6"
CONTROL = "#9a5b00"
THRESHOLD = "#b3261e"

_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    GENERATED: "--generated",
    CONTROL: "--control",
    THRESHOLD: "--threshold",
}


def as_variables(style: str) -> str:
    """A style of SVG with our colours as variables, such as ``fill: var(--ink, #1c2128)``."""
    for colour, name in _VARIABLES.items():
        style = style.replace(colour, f"var({name}, {colour})")
    return style
