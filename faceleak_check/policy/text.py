"""The bytes of a policy file → text that is safe to parse, and the line and column of each place."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import stat
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.errors import PolicyError, Problem

__all__ = ["MAX_BYTES", "PolicyText", "read_text"]

MAX_BYTES = 1024 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")
# What YAML calls non-printable, at which PyYAML would stop without a line number; and U+0085, U+2028 and U+2029,
# at which it would start a new line where an editor shows none.
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyText:
    """The text of a policy file.

    Attributes:
        file: The file as the user named it.
        text: The text, without a byte order mark.
        sha256: Digest of the file's bytes.
        notes: What is harmless but should be known.
        line_starts: Index of the first character of each line.
    """

    file: str
    text: str
    sha256: str
    notes: tuple[str, ...]
    line_starts: tuple[int, ...]

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, from 1, of a character."""
        line = bisect_right(self.line_starts, index)
        return line, index - self.line_starts[line - 1] + 1

    def problem(self, index: int, message: str, key: str = "") -> Problem:
        """A problem at a character."""
        line, column = self.place(index)
        return Problem(file=self.file, line=line, column=column, message=message, key=key)


def read_text(path: Path, shown_as: str, max_bytes: int = MAX_BYTES) -> PolicyText:
    """Read a policy file as text.

    Args:
        path: The file.
        shown_as: The file as the user named it.
        max_bytes: The largest size of such a file.

    Raises:
        PolicyError: It cannot be read, is too large, or is no plain UTF-8 text.
    """
    raw = _read_bytes(path, shown_as, max_bytes)
    if raw.startswith(_WIDE_MARKS) or raw[:2].count(0) == 1:
        raise _refused(shown_as, "the file is UTF-16 or UTF-32 text; save it as UTF-8")
    body = raw.removeprefix(codecs.BOM_UTF8)
    content = body.decode("utf-8", "replace")
    text = PolicyText(
        file=shown_as,
        text=content,
        sha256=hashlib.sha256(raw).hexdigest(),
        notes=_notes(has_mark=body != raw, content=content),
        line_starts=(0, *(end.end() for end in _LINE_END.finditer(content))),
    )
    problems = [*_undecodable(text, body), *_control_characters(text)]
    if problems:
        raise PolicyError(problems)
    return text


def _read_bytes(path: Path, shown_as: str, max_bytes: int) -> bytes:
    try:
        if path.is_dir():
            raise _refused(shown_as, "this is a folder, not a policy file; name a .yaml file in it")
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _refused(shown_as, "this is not an ordinary file; save the policy as a .yaml file")
        if status.st_size > max_bytes:
            kind = "a policy" if max_bytes == MAX_BYTES else "such a file"
            raise _refused(
                shown_as, f"the file has {status.st_size:,} bytes, {kind} has at most {max_bytes:,}"
            )
        with path.open("rb") as file:
            return file.read(max_bytes)
    except FileNotFoundError:
        raise _refused(shown_as, "the file does not exist") from None
    except PermissionError:
        raise _refused(shown_as, "no permission to read the file; allow it with chmod u+r") from None
    except OSError as error:
        raise _refused(shown_as, f"the file cannot be read: {os.strerror(error.errno or 0)}") from None
    except ValueError:
        raise _refused(shown_as, "the name holds a NUL character, which no file name may") from None


def _refused(shown_as: str, message: str) -> PolicyError:
    return PolicyError([Problem(file=shown_as, line=1, column=1, message=message)])


def _notes(*, has_mark: bool, content: str) -> tuple[str, ...]:
    notes = []
    if has_mark:
        notes.append("starts with a byte order mark, which is ignored; save it as UTF-8 without one")
    if "\r" in content:
        notes.append("has Windows line ends (CRLF), which are accepted; save it with LF line ends")
    return tuple(notes)


def _undecodable(text: PolicyText, body: bytes) -> list[Problem]:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        index = len(body[: error.start].decode("utf-8"))
        found = f"the byte 0x{body[error.start]:02X} is not UTF-8 text"
        return [text.problem(index, f"{found}; save the file as UTF-8")]
    return []


def _control_characters(text: PolicyText) -> list[Problem]:
    matches = list(_CONTROL.finditer(text.text))
    if not matches:
        return []
    more = f" (and {len(matches) - 1} more in the file)" if len(matches) > 1 else ""
    found = f"found the control character U+{ord(matches[0].group()):04X}{more}"
    return [text.problem(matches[0].start(), f"{found}; a policy is plain text, take it out")]
