"""What pytest prints under a case or a policy, with the names of files, and without them where it becomes text."""

from __future__ import annotations

from typing import Any

from faceleak_check.reports.github import inert
from faceleak_check.reports.terminal import failure_text, headline, place_line

__all__ = ["FailureText", "InvalidText"]


class InvalidText:
    """What is wrong in a policy: with folders on the terminal, without them wherever it becomes text.

    Args:
        text: All that there is to say.
        public: The same without folders of this machine.
    """

    def __init__(self, text: str, public: str) -> None:
        self.text = text
        self._public = public

    def toterminal(self, tw: Any) -> None:
        """Prints it with folders."""
        tw.line(self.text, red=True)

    def __str__(self) -> str:
        """Without the folders: this is what JUnit gets."""
        return self._public


class _Place:
    """What pytest prints in its short summary and puts in JUnit's ``message``."""

    def __init__(self, path: str, lineno: int, message: str) -> None:
        self.path = path
        self.lineno = lineno
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


class FailureText:
    """A failed case as pytest prints it: names of files on the terminal, digests wherever it becomes text."""

    def __init__(self, record: dict[str, Any], path: str, line: int) -> None:
        self._record = record
        self.reprcrash = _Place(path, line, headline(record))

    def toterminal(self, writer: Any) -> None:
        """Prints the verdict with the names of files."""
        for line in map(inert, failure_text(self._record, names=True).splitlines()):
            writer.line(line, red=line.startswith("LEAK:"), yellow=line.startswith("INCONCLUSIVE:"))
        writer.line(place_line(self.reprcrash.path, self.reprcrash.lineno, self._record["case"]))

    def __str__(self) -> str:
        """The verdict without the name of any file: this is what JUnit gets."""
        return failure_text(self._record, names=False)
