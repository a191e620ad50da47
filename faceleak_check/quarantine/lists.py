"""The files to remove as a plain list and as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.policy.schema import Policy
from faceleak_check.quarantine.proof import Removal
from faceleak_check.records import ImageSet

__all__ = ["COLUMNS", "RemovedFile", "csv_list", "plain_list", "removed_files"]

COLUMNS = ("dataset", "id", "sha256", "path", "cases", "cosine", "source_sha256")

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), in full width too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovedFile:
    """A generated file to remove.

    Attributes:
        dataset: Name of its dataset in the policy.
        id: Its name in the dataset.
        sha256: Its content digest.
        path: Where it lies; None in an archive, a table or behind a URL.
        cases: The cases that call it a leak.
        similarity: Cosine of its worst leak.
        source: Content digest of the source image in that.
    """

    dataset: str
    id: str
    sha256: str
    path: Path | None
    cases: tuple[str, ...]
    similarity: float
    source: str


def removed_files(removal: Removal, policy: Policy, listed: Mapping[str, ImageSet]) -> list[RemovedFile]:
    """Every file with a content that is to be removed, the worst leak first.

    Args:
        removal: What is to be removed.
        policy: The policy.
        listed: The files of the generated sets, by dataset.
    """
    files = [one for name in removal.n_contents for one in _of_dataset(removal, policy, name, listed[name])]
    return sorted(files, key=lambda one: (-one.similarity, one.dataset, one.id))


def _of_dataset(removal: Removal, policy: Policy, name: str, listed: ImageSet) -> Iterator[RemovedFile]:
    folder = policy.datasets[name].local_folder
    rows = listed.images.by_content
    for content in sorted(removal.contents(name)):
        leaks = removal.leaks[name, content]
        worst = max(leaks, key=lambda leak: (leak.similarity, leak.source))
        for row in rows.get(content, []):
            image = listed.images[row]
            yield RemovedFile(
                dataset=name,
                id=image.id,
                sha256=content,
                path=None if folder is None else folder / image.id,
                cases=tuple(dict.fromkeys(leak.case for leak in leaks)),
                similarity=worst.similarity,
                source=worst.source,
            )


def plain_list(files: Sequence[RemovedFile]) -> str:
    """A line for each file: its id, after the dataset's name and a tab where there are several datasets.

    An id with characters that cannot be printed is a JSON string, so that each line is one file and no line can do
    anything to a terminal.
    """
    several = len({one.dataset for one in files}) > 1
    return "".join("\t".join([one.dataset] * several + [_line(one.id)]) + "\n" for one in files)


def _line(name: str) -> str:
    return name if name.isprintable() and not name.startswith('"') else json.dumps(name)


def csv_list(files: Sequence[RemovedFile]) -> str:
    """A CSV table with a header; texts that a spreadsheet could take for a formula begin with an apostrophe."""
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in files:
        path = "" if one.path is None else str(one.path)
        names = [_text(one.dataset), _text(one.id), one.sha256, _text(path), _text("; ".join(one.cases))]
        table.writerow([*names, f"{one.similarity:.9g}", one.source])
    return text.getvalue()


def _text(text: str) -> str:
    """A text as one cell: printable, and no formula."""
    cell = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return f"'{cell}" if text.lstrip(" ").startswith(_FORMULA) else cell
