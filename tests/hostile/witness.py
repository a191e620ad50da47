"""Watches an attack: did code run, was anything written outside, was a secret told, was a terminal commanded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MEMORY", "Witness", "commands", "peak"]

MEMORY = 512 << 20
"""Bytes that no attack may take on top of what a run takes."""


class Witness:
    """Knows a secret and a folder that is nobody's business.

    Attributes:
        outside: The folder, with a file ``secret.txt``.
        mark: What code that runs would make.
    """

    SECRET = "s3cr3t-of-the-deployment"

    def __init__(self, project: Path, outside: Path) -> None:
        self._project = project
        self.outside = outside
        self.outside.mkdir()
        (outside / "secret.txt").write_text(self.SECRET)
        self.mark = outside / "owned"
        self._before: list[tuple[str, bytes]] = []
        self.note()

    def note(self) -> None:
        """From now on nothing outside may change."""
        self._before = sorted(self._outside())

    def _outside(self) -> Iterator[tuple[str, bytes]]:
        for path in self.outside.rglob("*"):
            kind = os.fsencode(path.readlink()) if path.is_symlink() else b""
            yield (
                str(path.relative_to(self.outside)),
                kind or (path.read_bytes() if path.is_file() else b"-"),
            )

    def assert_unharmed(self, *texts: str, planted: tuple[str, ...] = ()) -> None:
        """Nothing ran, nothing changed outside, and the secret stands nowhere.

        Args:
            texts: What was written to terminals.
            planted: Files of the project that hold the secret because the test put it there.
        """
        assert sorted(self._outside()) == self._before
        told = [text for text in texts if self.SECRET in text]
        told += [name for name, data in self._inside() if self.SECRET.encode() in data]
        assert sorted(set(told) - set(planted)) == []

    def _inside(self) -> Iterator[tuple[str, bytes]]:
        for path in self._project.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 26:
                yield str(path.relative_to(self._project)), path.read_bytes()


def commands(text: str) -> set[str]:
    """What in a text could command a terminal or reorder what it shows."""
    return {letter for letter in text if not letter.isprintable() and letter != "\n"}


@contextmanager
def peak() -> Iterator[list[int]]:
    """Bytes by which this process grew at most while the block ran; empty until it has ended."""
    grown: list[int] = []
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmRSS")
    yield grown
    grown.append(1024 * (_kilobytes("VmHWM") - before))


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
