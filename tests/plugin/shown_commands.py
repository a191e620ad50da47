"""What README and docs show to be typed, and what they show to be printed."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "Block", "agrees", "blocks", "commands_of", "names_what_exists"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"-?\d+\.\d{3,}|-?\d+\.\d+(?=%)")
_DIGEST = re.compile(r"\b[0-9a-f]{12,64}\b")
_OF_OTHERS = ("wheels", "torch", "torchvision", "ADDRESS")
"""What pages show to be installed beside us, from where, and where to."""
_NEAR = 0.002
"""How far a cosine may lie from the one shown: other processors and versions add in another order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: The word behind the fence; empty for what is printed.
        text: What stands in it.
        line: Number of the line of its fence.
    """

    language: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(language=found[1], text=found[2], line=text.count("\n", 0, found.start()) + 1)
        for found in _FENCE.finditer(text)
    ]


def commands_of(text: str) -> list[str]:
    """The commands of a block, without comments, each whole on one line."""
    joined = re.sub(r" *\\\n *", " ", text)
    lines = [re.sub(r"(^|\s+)#\s.*$", "", line).strip() for line in joined.splitlines()]
    return [command for line in lines if line for command in line.split(" && ")]


def names_what_exists(command: str) -> bool | None:
    """Whether a command that a test cannot run names files, extras and recipes of ours that exist.

    Installing fetches packages, recipes and benchmarks of developers take minutes: for those it is what can be told.

    Returns:
        None where it is no such command.
    """
    words = shlex.split(command)
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    match words:
        case ["pip", "install" | "wheel", *rest]:
            named = [word for word in rest if not word.startswith("-") and word not in _OF_OTHERS]
            return all(_is_installable(word) for word in named)
        case ["just", recipe, *_]:
            return recipe in _recipes()
        case ["python", script, *_] if script.startswith("benchmarks/"):
            file = ROOT / script
            folder = file.parent if file.is_file() else None
            text = "".join(one.read_text(encoding="utf-8") for one in folder.glob("*.py")) if folder else ""
            return file.is_file() and all(f'"{option}"' in text for option in options)
        case ["python", "-m", "pytest", *rest]:
            return all((ROOT / word).exists() for word in rest if word.startswith("tests"))
    return None


def _recipes() -> set[str]:
    text = (ROOT / "justfile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*)(?: [^\n]*)?:(?!=)", text, re.MULTILINE))


def _is_installable(word: str) -> bool:
    name, _, extras = word.rstrip("]").partition("[")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = set(extras.split(",")) - {""} <= project["optional-dependencies"].keys()
    return known and (name in (".", project["name"]) or (ROOT / name / "pyproject.toml").is_file())


def agrees(shown: str, printed: str) -> bool:
    """Whether what a page shows was printed: each line whole and in order, `...` standing for any lines or words.

    Cosines may differ a little, and digests in their digits: other versions of Pillow write other bytes of PNG.
    """
    lines, at = printed.splitlines(), 0
    for part in _parts(shown.splitlines()):
        found = next((n for n in range(at, len(lines) + 1 - len(part)) if _equal(part, lines[n:])), None)
        if found is None:
            return False
        at = found + len(part)
    return True


def _parts(shown: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _equal(shown: Sequence[str], printed: Sequence[str]) -> bool:
    return all(_is_line(one, other) for one, other in zip(shown, printed, strict=False))


def _is_line(shown: str, printed: str) -> bool:
    shown, printed = (_DIGEST.sub("DIGEST", line.rstrip()) for line in (shown, printed))
    texts = [re.escape(text).replace(r"\.\.\.", ".*") for text in _NUMBER.split(shown)]
    found = re.fullmatch(rf"({_NUMBER.pattern})".join(texts), printed)
    pairs = zip(_NUMBER.findall(shown), found.groups() if found else (), strict=False)
    return found is not None and all(abs(float(one) - float(other)) <= _NEAR for one, other in pairs)
