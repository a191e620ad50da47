"""Where published weights lie on a machine, and how they get there."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Protocol

from faceleak_check.whole_files import opened_whole, remove_torn

__all__ = [
    "PREFETCH",
    "AtUrl",
    "InPackage",
    "OnHub",
    "Source",
    "Unreachable",
    "offline",
    "torch_checkpoints",
]

PREFETCH = "faceleak prefetch POLICY"
"""The command that downloads what a policy needs."""


class Unreachable(Exception):  # noqa: N818 — the sentence that quotes it makes the error
    """Why a download failed, as the end of a sentence without paths."""


class Source(Protocol):
    """A place from which a file of published weights comes."""

    @property
    def command(self) -> str:
        """The command that brings the file to this machine."""

    @property
    def description(self) -> str:
        """Where it comes from and where it is kept, in words."""

    def find(self) -> Path | None:
        """The file, where it is on this machine; never asks the network."""

    def fetch(self, timeout: float) -> Path:
        """Downloads the file.

        Args:
            timeout: Seconds without any progress after which to give up.

        Raises:
            Unreachable: It cannot be downloaded.
        """


def offline() -> bool:
    """Whether the environment variable ``FACELEAK_OFFLINE`` forbids to use the network."""
    return bool(os.environ.get("FACELEAK_OFFLINE"))


def torch_checkpoints(*folders: str) -> Path:
    """The folder ``checkpoints`` below torch's own folder for downloads (and the named folders in it)."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")  # noqa: PTH118 — may start with ~
    return Path(home).expanduser().joinpath(*folders, "checkpoints")


@dataclass(frozen=True, kw_only=True, slots=True)
class InPackage:
    """A file inside an installed package.

    Attributes:
        package: Name by which the package is imported; it is found, never imported.
        file: The file's path inside it.
        command: What installs it.
    """

    package: str
    file: str
    command: str

    @property
    def description(self) -> str:
        """Where it comes from, in words."""
        return f"{self.file} in the Python package {self.package}"

    def find(self) -> Path | None:
        """The file, where the package is installed."""
        found = find_spec(self.package)
        folders = (found.submodule_search_locations or []) if found else []
        paths = (Path(folder) / self.file for folder in folders)
        return next(filter(Path.is_file, paths), None)

    def fetch(self, timeout: float) -> Path:  # noqa: ARG002 — pip is the user's to run
        """Nothing is installed behind the user's back."""
        raise Unreachable(f"it is part of the package {self.package}, which is not installed")


@dataclass(frozen=True, kw_only=True, slots=True)
class AtUrl:
    """A file on a web server, kept in a folder on this machine.

    Attributes:
        url: Where it is published; its last part is the file's name.
        folder: Where it is kept.
    """

    url: str
    folder: Path

    @property
    def command(self) -> str:
        """The command that brings the file to this machine."""
        return PREFETCH

    @property
    def description(self) -> str:
        """Where it comes from and where it is kept, in words."""
        return f"{self.url}, kept as {self._path}"

    @property
    def _path(self) -> Path:
        return self.folder / self.url.rpartition("/")[2]

    def find(self) -> Path | None:
        """The file, where it was downloaded before."""
        return self._path if self._path.is_file() else None

    def fetch(self, timeout: float) -> Path:
        """Downloads the file under a temporary name and renames it when it is whole."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_torn(self._path)
            with opened_whole(self._path, mode=0o666) as file:  # other users may share the folder
                _download(self.url, file, timeout)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_in_words(error, "the server")) from None
        return self._path


@dataclass(frozen=True, kw_only=True, slots=True)
class OnHub:
    """A file on the Hugging Face hub, kept in the cache of huggingface_hub.

    Attributes:
        repo: ``owner/name``.
        file: Path in the repository.
        revision: Branch, tag or commit.
    """

    repo: str
    file: str
    revision: str = "main"

    @property
    def command(self) -> str:
        """The command that brings the file to this machine."""
        return PREFETCH

    @property
    def description(self) -> str:
        """Where it comes from and where it is kept, in words."""
        from huggingface_hub.constants import HF_HUB_CACHE

        return f"{self.file} of {self.repo} on the Hugging Face hub, kept in {HF_HUB_CACHE}"

    def find(self) -> Path | None:
        """The file, where it was downloaded before."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repo, self.file, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def fetch(self, timeout: float) -> Path:
        """Downloads the file through huggingface_hub, once the hub has answered at all."""
        from huggingface_hub import hf_hub_download, hf_hub_url

        # huggingface_hub tries a silent hub six times over, for minutes
        _knock(hf_hub_url(self.repo, self.file, revision=self.revision), timeout)
        try:
            path = hf_hub_download(self.repo, self.file, revision=self.revision, etag_timeout=timeout)
        # which HTTP client it uses, and so which errors it lets through, changed between its releases
        except Exception as error:  # noqa: BLE001
            raise Unreachable(_in_words(error, "the hub")) from None
        return Path(path)


def _knock(url: str, timeout: float) -> None:
    """Raises Unreachable where nobody answers; what an answer means, huggingface_hub knows."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 — the hub's own address
    try:
        urllib.request.urlopen(request, timeout=timeout).close()  # noqa: S310
    except urllib.error.HTTPError as answer:
        answer.close()
    except (OSError, http.client.HTTPException) as error:
        # it may know certificates that urllib does not
        if not isinstance(getattr(error, "reason", None), ssl.SSLError):
            raise Unreachable(_in_words(error, "the hub")) from None


def _download(url: str, file: BinaryIO, timeout: float) -> None:
    try:
        answer = urllib.request.urlopen(url, timeout=timeout)  # noqa: S310 — addresses of our own
    except urllib.error.HTTPError as refusal:
        refusal.close()
        raise
    with answer:
        shutil.copyfileobj(answer, file, 1 << 20)
        expected = answer.headers.get("Content-Length")
        if expected is not None and file.tell() != int(expected):
            raise ConnectionError(f"the file ended after {file.tell():,} of {int(expected):,} bytes")


def _timed_out(error: BaseException) -> bool:
    reason = getattr(error, "reason", error)
    return isinstance(error, TimeoutError) or isinstance(reason, TimeoutError)


def _in_words(error: Exception, who: str) -> str:
    if _timed_out(error):
        return f"{who} did not answer"
    if isinstance(error, urllib.error.HTTPError):
        return f"{who} answered {error.code} {error.reason}"
    for response in (getattr(error, "response", None), getattr(error.__cause__, "response", None)):
        if response is not None:
            return f"{who} answered {response.status_code}"
    if isinstance(error, urllib.error.URLError) or type(error).__name__ == "LocalEntryNotFoundError":
        return f"{who} cannot be reached"
    if isinstance(error, ConnectionError) and error.args and isinstance(error.args[0], str):
        return error.args[0]
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"the download failed ({reason})"
