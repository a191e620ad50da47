"""From a URL to the client that reads it."""

from __future__ import annotations

import logging
from typing import Any

from faceleak_check.model_files import offline
from faceleak_check.policy.urls import Url
from faceleak_check.readers.storage.place import Place
from faceleak_check.readers.storage.reasons import RemoteError, refusal_of

__all__ = ["connected"]

_HTTP = frozenset({"http", "https"})
_HERE = frozenset({"dir", "file", "git", "libarchive", "local", "memory", "tar", "zip"})
_IN_EXTRA = frozenset({"http", "https", "s3", "s3a", "gs", "gcs"})
_CHATTY = ("fsspec", "httpcore", "httpx", "requests", "urllib3")


def connected(url: Url, seconds: float) -> Place:
    """What reads a URL; nothing is asked of its server yet, or no more than the client asks by itself.

    Args:
        url: The URL.
        seconds: How long a server may be silent.

    Raises:
        FileError: The network may not be used, a package is missing, or no client knows the URL.
    """
    _refuse_when_offline(url)
    _silence()
    if len(url.schemes) == 1 and url.schemes[0] in _HTTP:
        from faceleak_check.readers.storage.http import HttpPlace

        return HttpPlace(url, seconds)
    for scheme in url.schemes:
        _require_client(scheme)
    return _in_file_system(url)


def _in_file_system(url: Url) -> Place:
    from fsspec.core import url_to_fs

    from faceleak_check.readers.storage.filesystem import FileSystemPlace

    try:
        client, path = url_to_fs(url.address, skip_instance_cache=True)
    except (TypeError, KeyError, ImportError) as error:
        raise RemoteError(
            f"fsspec cannot open such a URL ({type(error).__name__})", advice="Correct the URL."
        ) from None
    except Exception as error:  # noqa: BLE001 - any client raises what it likes, and its words may hold secrets
        raise refusal_of(error).error() from None
    return FileSystemPlace(client, path)


def _refuse_when_offline(url: Url) -> None:
    if offline() and not _HERE.issuperset(url.schemes):
        raise RemoteError(
            "it lies on another machine, and the network may not be used",
            advice="Take --faceleak-offline or FACELEAK_OFFLINE away, or give a path on this machine.",
        )


def _require_client(scheme: str) -> None:
    from fsspec.registry import get_filesystem_class, known_implementations

    try:
        get_filesystem_class(scheme)
    except ValueError:
        raise RemoteError(
            f"no storage is known by {scheme}://",
            advice="Expected s3://, gs://, hf://, https:// or another that fsspec knows.",
        ) from None
    except ImportError:
        told: Any = known_implementations.get(scheme, {}).get("err", "its package is not installed")
        how = (
            "Install it with: pip install 'faceleak-check[remote]'"
            if scheme in _IN_EXTRA
            else f"fsspec says: {told}"
        )
        raise RemoteError(f"{scheme}:// needs a package that is not installed", advice=f"{how}.") from None


def _silence() -> None:
    """Keeps addresses with their tokens out of logs, which pytest shows beside failures and puts into JUnit files."""
    for name in _CHATTY:
        logger = logging.getLogger(name)
        if logger.level < logging.ERROR:
            logger.setLevel(logging.ERROR)
