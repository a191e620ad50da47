"""Every error a user can meet.

::

    FaceleakError
    ├── PolicyError          the policy file is wrong: every problem with line and column
    ├── UsageError           the command line or a call is wrong
    └── InconclusiveError    no verdict can be given; never a pass
        ├── DatasetError     a dataset cannot be read as the policy says
        ├── ModelError       a model or a device is missing, damaged or of the wrong kind
        ├── StoreError       the template store cannot be read or written
        └── EvidenceError    the evidence cannot be written, or cannot be read

A *violated* policy is not an error: it is a `Verdict` whose outcome is ``leak``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "DatasetError",
    "EvidenceError",
    "FaceleakError",
    "InconclusiveError",
    "ModelError",
    "PolicyError",
    "Problem",
    "StoreError",
    "UsageError",
    "is_short_of_memory",
    "refusal_of_the_machine",
]


class FaceleakError(Exception):
    """Base of all errors that faceleak-check raises on purpose."""


class UsageError(FaceleakError):
    """A command line or a function call asks for something that does not exist."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Problem:
    """One thing wrong in one place of a policy file.

    Attributes:
        file: The policy as the user named it.
        line: Line in the file, from 1.
        column: Column in the line, from 1.
        message: What was found, what was expected and what to do.
        key: Dotted path of the key, such as ``checks[0].leak_rate.at_most``; empty for the file itself.
        hidden: The part of the message that names folders of this machine, which a JUnit file does without.
    """

    file: str
    line: int
    column: int
    message: str
    key: str = ""
    hidden: str = ""

    def __str__(self) -> str:
        return self._told(self.message)

    @property
    def public(self) -> str:
        """The same without folders of this machine."""
        return self._told(self.public_message)

    @property
    def public_message(self) -> str:
        """The message without folders of this machine."""
        return self.message.replace(self.hidden, "") if self.hidden else self.message

    def _told(self, message: str) -> str:
        place = f"{self.file}:{self.line}:{self.column}: "
        return place + (f"{self.key}: {message}" if self.key else message)


class PolicyError(FaceleakError):
    """A policy file is wrong; `problems` holds all that was found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


class InconclusiveError(FaceleakError):
    """No verdict can be given.

    Args:
        message: What is wrong, in words that name no path, so that it may go into a JUnit file.
        detail: Paths and what to do: for the terminal and the evidence only.
    """

    def __init__(self, message: str, *, detail: str = "") -> None:
        self.message = message
        self.detail = detail
        super().__init__(f"{message}\n{detail}" if detail else message)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.detail)


def _rebuild(kind: type[InconclusiveError], message: str, detail: str) -> InconclusiveError:
    return kind(message, detail=detail)


class DatasetError(InconclusiveError):
    """A dataset cannot be read as the policy says."""


class ModelError(InconclusiveError):
    """A model or a device is missing, damaged or of the wrong kind."""


class StoreError(InconclusiveError):
    """The template store cannot be read or written."""


class EvidenceError(InconclusiveError):
    """The evidence cannot be written, or what was written cannot be read as it was."""


_NO_MEMORY = ("out of memory", "allocate memory", "not enough memory")
_MORE_MEMORY = (
    "Run fewer workers (pytest -n), give the search less with `search: {memory: ...}`, "
    "or use another machine."
)


def is_short_of_memory(error: Exception) -> bool:
    """Whether an error says that there is no memory left; torch says so by a RuntimeError."""
    says_so = isinstance(error, RuntimeError) and any(word in str(error) for word in _NO_MEMORY)
    return says_so or isinstance(error, MemoryError)


def refusal_of_the_machine(error: Exception) -> InconclusiveError | None:
    """What an error says that a machine gives no memory or no file; None where this program itself is at fault.

    Args:
        error: Whatever was raised.
    """
    if is_short_of_memory(error):
        return InconclusiveError("this machine has not enough memory for it", detail=_MORE_MEMORY)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return InconclusiveError(
            f"the system refused a file or a service: {error.strerror}",
            detail=f"{place}see that what the run reads and writes stays there, and that there is room for it.",
        )
    return None
