"""What went wrong elsewhere, in words that quote nothing: messages of storage clients hold addresses and tokens."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from faceleak_check.readers.files import FileError

__all__ = ["DeniedError", "MissingError", "Refusal", "RemoteError", "refusal_of"]

_GONE = frozenset({404, 410})
_DENIED = frozenset({401, 403, 407})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"})
_LOST = frozenset(
    {
        "ClientConnectionError",
        "ClientPayloadError",
        "ChunkedEncodingError",
        "ConnectError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "IncompleteRead",
        "IncompleteReadError",
        "NetworkError",
        "ProtocolError",
        "RemoteProtocolError",
    }
)


class RemoteError(FileError):
    """A file elsewhere cannot be read; the message names no path.

    Args:
        message: Why.
        advice: What to do, in whole sentences, where the general advice does not fit; empty otherwise.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args[0], self.advice)


class MissingError(RemoteError):
    """There is no such file."""


class DeniedError(RemoteError):
    """Nobody may read it with these credentials; some storages say so of files that are not there."""


def _rebuilt(kind: type[RemoteError], message: str, advice: str) -> RemoteError:
    return kind(message, advice=advice)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why something could not be had.

    Attributes:
        reason: In words that quote no address.
        kind: What to raise.
        may_pass: Whether to try again.
    """

    reason: str
    kind: type[RemoteError] = RemoteError
    may_pass: bool = False

    def error(self) -> RemoteError:
        """The error to raise."""
        return self.kind(self.reason)


def refusal_of(error: BaseException) -> Refusal:
    """Why a call of any storage client failed: by what its error and the errors behind it are."""
    chain = list(_chain(error))
    for judge in (_by_status, _by_cause, _by_kind):
        for one in chain:
            found = judge(one)
            if found is not None:
                return found
    number = error.errno if isinstance(error, OSError) else None
    return Refusal(
        reason=os.strerror(number) if number else f"the storage failed with {type(error).__name__}"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _by_status(error: BaseException) -> Refusal | None:
    if "TooManyRedirects" in _names(error):
        return Refusal(reason="the server sends from one address to another without end")
    status = _status(error)
    if status is None:
        return None
    if status in _GONE:
        return Refusal(reason="not found", kind=MissingError)
    if status in _DENIED:
        return Refusal(reason=f"access denied (HTTP {status})", kind=DeniedError)
    words = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return Refusal(reason=f"the server answered {status} {words}".rstrip(), may_pass=status in _PASSING)


def _status(error: BaseException) -> int | None:
    """The HTTP status, as aiohttp, requests, httpx, botocore and gcsfs keep it."""
    response: Any = getattr(error, "response", None)
    found: Any = getattr(error, "status", None) or getattr(response, "status_code", None)
    if isinstance(response, dict):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if found is None and type(error).__name__ == "HttpError":
        found = getattr(error, "code", None)
    return found if isinstance(found, int) and 300 <= found < 600 else None


def _by_cause(error: BaseException) -> Refusal | None:
    """What lies behind the errors of clients, which often look like another kind of error."""
    if _NO_CREDENTIALS.intersection(_names(error)):
        return Refusal(reason="no credentials were found")
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return Refusal(reason="the connection cannot be trusted: its certificate was refused")
    if isinstance(error, ConnectionRefusedError):
        return Refusal(reason="the connection was refused", may_pass=True)
    if isinstance(error, socket.gaierror):
        return Refusal(reason="the name of the host is not known", may_pass=error.errno == socket.EAI_AGAIN)
    return None


def _by_kind(error: BaseException) -> Refusal | None:
    names = _names(error)
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        return Refusal(reason="no answer in time", may_pass=True)
    if isinstance(error, ConnectionError) or names & _LOST:
        return Refusal(reason="the connection was lost", may_pass=True)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Refusal(reason="not found", kind=MissingError)
    return Refusal(reason="access denied", kind=DeniedError) if isinstance(error, PermissionError) else None


def _names(error: BaseException) -> set[str]:
    """The names of its kinds: what to know a client's error by without importing the client."""
    return {kind.__name__ for kind in type(error).__mro__}
