"""Addresses of datasets that lie elsewhere, shown without what gives access to them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["Url"]

_URL = re.compile(r"[a-z][a-z0-9+.-]+(?:::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)
_ANYWHERE = re.compile(r"[a-z][a-z0-9+.:-]+://\S*", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#]*")
_PORT = re.compile(r"(?:.*\])?[^:]*(?::[0-9]*)?", re.DOTALL)
_SAME = {"http": "https", "s3a": "s3", "gcs": "gs", "local": "file", "ssh": "sftp"}
_NAMED_USERS = frozenset({"http", "https", "ftp", "sftp", "ssh", "s3", "s3a", "smb", "webhdfs"})
"""Schemes in which the part before the @ says who asks, and not where the files are."""


class Url:
    """Where a dataset lies that is not on this machine; several addresses with ``::`` between them are one.

    Whatever shows or prints it shows it without user, password, query and fragment. Not a dataclass, since
    `dataclasses.asdict` would hand the address out.

    Args:
        address: The whole address, as fsspec opens it.
    """

    __slots__ = ("_address",)

    def __init__(self, address: str) -> None:
        self._address = address

    @staticmethod
    def is_one(text: str) -> bool:
        """Whether a text is meant as a URL and not as a path."""
        return _URL.match(text) is not None

    @staticmethod
    def hidden_in(text: str) -> str:
        """A text with the URLs in it as they are shown."""
        return _ANYWHERE.sub(lambda found: str(Url(found[0])), text)

    @property
    def address(self) -> str:
        """The whole address with all its secrets, for opening alone."""
        return self._address

    @property
    def schemes(self) -> tuple[str, ...]:
        """What each part begins with, such as ``("zip", "https")``."""
        return tuple(_scheme(part).lower() for part in self._parts)

    @property
    def is_clear(self) -> bool:
        """Whether it is certain where host and port end; unescaped passwords make it doubtful."""
        return all(_is_clear(part) for part in self._parts)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self._path).name

    @property
    def suffix(self) -> str:
        """The suffix of the name, with its dot."""
        return PurePosixPath(self._path).suffix

    @property
    def parent(self) -> Url:
        """The folder above, with the same credentials."""
        return self._with_path(self._path.rstrip("/").rpartition("/")[0])

    def joined(self, name: str) -> Url:
        """A file or folder below it, with the same credentials."""
        above = self._path.rstrip("/")
        return self._with_path(f"{above}/{name}" if above else name)

    def shares(self, other: Url) -> bool:
        """Whether it is the other one, or lies inside it."""
        mine, theirs = self._steps, other._steps
        if mine == theirs:
            return self._query == other._query  # a query may name the file, as in ?id=1
        return mine[: len(theirs)] == theirs

    @property
    def _parts(self) -> list[str]:
        return self._address.split("::")

    @property
    def _path(self) -> str:
        """The path in the first part; of ``s3://bucket/a`` this is ``bucket/a``."""
        return re.split(r"[?#]", _without_user(self._parts[0]).partition("://")[2], maxsplit=1)[0]

    @property
    def _query(self) -> str:
        return "::".join(part[len(re.split(r"[?#]", part, maxsplit=1)[0]) :] for part in self._parts)

    @property
    def _steps(self) -> tuple[str, ...]:
        """From the outermost storage to the file."""
        steps: list[str] = []
        for part in reversed(self._parts):
            scheme = _scheme(part).lower()
            kept = _without_user(part) if scheme in _NAMED_USERS else part
            path = re.split(r"[?#]", kept.partition("://")[2], maxsplit=1)[0]
            steps += [_SAME.get(scheme, scheme), *filter(None, path.split("/"))]
        return tuple(steps)

    def _with_path(self, path: str) -> Url:
        first, *others = self._parts
        head = first[: len(first) - len(_without_user(first).partition("://")[2])]
        rest = _without_user(first).partition("://")[2]
        return Url("::".join([head + path + rest[len(self._path) :], *others]))

    def __str__(self) -> str:
        if not self.is_clear:
            return f"{_scheme(self._address)}://..."
        return "::".join(re.split(r"[?#]", _without_user(part), maxsplit=1)[0] for part in self._parts)

    def __fspath__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self._address == other._address

    def __hash__(self) -> int:
        return hash(self._address)


def _scheme(part: str) -> str:
    return part.partition("://")[0]


def _is_clear(part: str) -> bool:
    _, mark, rest = part.partition("://")
    if not mark:
        return "@" not in part
    authority = _AUTHORITY.match(rest)
    return authority is None or "@" in authority[0] or _PORT.fullmatch(authority[0]) is not None


def _without_user(part: str) -> str:
    """The part without user and password; a password of digits may hold a slash and look like a port."""
    scheme, mark, rest = part.partition("://")
    found = _AUTHORITY.match(rest)
    authority = found[0] if found else ""
    if ":" in authority and "@" not in authority:
        authority = re.split(r"[?#]", rest, maxsplit=1)[0]
    return scheme + mark + rest[authority.rfind("@") + 1 :]
