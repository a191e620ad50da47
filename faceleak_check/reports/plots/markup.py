"""From the SVG file that matplotlib writes to an element that can stand in a page beside others."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from faceleak_check.reports.plots.colours import as_variables

__all__ = ["Told", "inline"]

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_METRICS = "'DejaVu Sans'"
_SHOWN = "system-ui, 'DejaVu Sans', sans-serif"
"""Letters are placed by the font that comes with matplotlib, and drawn in the reader's own."""
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_DROPPED = ("metadata", "style")
_KEY_DIGITS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a figure shows, for those who do not see it.

    Attributes:
        kind: Which figure it is, such as ``roc``.
        title: Its title.
        text: What it shows, with the values.
        place: Where in a page it stands, where an equal figure may stand elsewhere in it.
    """

    kind: str
    title: str
    text: str
    place: str = ""


def inline(svg: str, told: Told) -> str:
    """The SVG as an element for a page.

    It has no size of its own, names that only it has, a title and a description, and the page's colours. What would
    reach beyond it is taken out: matplotlib's style sheet counts for the whole page.

    Args:
        svg: A file of matplotlib's.
        told: What it shows.
    """
    root = ET.fromstring(svg)  # noqa: S314  written by matplotlib a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.removeprefix(f"{{{_SVG}}}") in _DROPPED:
                parent.remove(child)
    _without_empty(root)
    key = _key(svg, told)
    _renamed(root, key)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib |= {
        "xmlns": _SVG,
        "viewBox": box,
        "role": "img",
        "aria-labelledby": f"{key}-title {key}-desc",
        "class": f"plot plot-{told.kind}",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    for place, (tag, text) in enumerate((("title", told.title), ("desc", told.text))):
        element = ET.Element(tag, {"id": f"{key}-{tag}"})
        element.text = _printable(text)
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")


def _key(svg: str, told: Told) -> str:
    """A name that only equal figures have, to be put before the names of its parts."""
    text = "\0".join((told.kind, told.place, told.title, told.text, svg))
    return f"f{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:_KEY_DIGITS]}"


def _without_empty(root: ET.Element) -> None:
    """Takes out elements that would hold nothing."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}defs" and not len(child):
                parent.remove(child)


def _renamed(root: ET.Element, key: str) -> None:
    """Names the parts that others refer to as only this figure does; nobody needs the names of the others."""
    wanted = {name for element in root.iter() for name in _referred(element)}
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        element.text, element.tail = (element.text or "").strip(), None
        name = element.attrib.pop("id", "")
        if name in wanted:
            element.attrib["id"] = f"{key}-{name}"
        target = element.attrib.pop(_XLINK, "")
        if target:
            element.attrib["href"] = f"#{key}-{target.removeprefix('#')}"
        for attribute, value in element.attrib.items():
            shown = _REFERENCE.sub(rf"url(#{key}-\1)", value).replace(_METRICS, _SHOWN)
            element.attrib[attribute] = as_variables(shown)


def _referred(element: ET.Element) -> list[str]:
    links = [element.attrib[_XLINK].removeprefix("#")] if _XLINK in element.attrib else []
    return links + [name for value in element.attrib.values() for name in _REFERENCE.findall(value)]


def _printable(text: str) -> str:
    """The text without letters that XML cannot hold."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
