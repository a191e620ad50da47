"""The files and folders that a page of a web server lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from faceleak_check.readers.storage.reasons import RemoteError

__all__ = ["links_in"]

_ABOVE = (".", "..")

_FURTHER_PAGE = re.compile(r"(?:^|[&;])(?:p|page|offset|start|from|marker|cursor)=", re.IGNORECASE)


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.targets += [value for name, value in attrs if name == "href" and value]


def links_in(page: str, address: str) -> set[str]:
    """What a page names directly in its own folder, folders with a slash at the end.

    Links to pages that sort the list, to the folder above and to other servers are none of them. What lies further
    below names the folder that it is in, and a file may have a query.

    Args:
        page: Its HTML.
        address: Its own address, which ends with a slash.

    Raises:
        RemoteError: It lists only a part of the folder.
    """
    own = urlsplit(address)
    below = set()
    for link in _on_the_server(page, own):
        name = _path(link).removeprefix(_path(own))
        if link.query and not name and _FURTHER_PAGE.search(link.query):
            raise RemoteError("its page lists only a part of the folder")
        if name and _path(link).startswith(_path(own)):
            first, slash, _ = name.partition("/")
            if first not in _ABOVE:  # as `%2e%2e%2f` is
                below.add(first + slash)
    return below


def _on_the_server(page: str, own: SplitResult) -> Iterator[SplitResult]:
    anchors = _Anchors()
    anchors.feed(page)
    for target in anchors.targets:
        link = urlsplit(urljoin(own.geturl(), target))
        if _server(link) == _server(own):
            yield link


def _path(link: SplitResult) -> str:
    return unquote(link.path, errors="surrogateescape")


def _server(link: SplitResult) -> str:
    return link.netloc.rpartition("@")[2].lower()
