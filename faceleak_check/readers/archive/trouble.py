"""What is wrong with an archive as a whole, or with one of its members."""

from __future__ import annotations

from faceleak_check.readers.files import MAX_FILE_BYTES, FileError

__all__ = ["ArchiveError", "MemberError", "refuse_size"]


class ArchiveError(FileError):
    """A file is no archive that can be read.

    Args:
        what: What is wrong, to follow a subject: ``is cut short``.
        advice: What to do, in whole sentences.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"it {what}. {advice}")
        self.what = what
        self.advice = advice

    def __reduce__(self) -> tuple[object, ...]:
        return ArchiveError, (self.what, self.advice)


class MemberError(FileError):
    """A member cannot be unpacked, and the others may; the message says why in one sentence."""


def refuse_size(n_bytes: int) -> None:
    """Raises MemberError where a member is larger than any image."""
    if n_bytes > MAX_FILE_BYTES:
        raise MemberError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
