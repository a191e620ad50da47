"""From one entry of an LMDB data file to the next, past what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from faceleak_check.readers.lmdb.environment import Environment
from faceleak_check.readers.lmdb.pages import (
    DUPLICATES,
    ELSEWHERE,
    TREE,
    BeyondEndError,
    Node,
    Page,
    PageError,
    Tree,
)
from faceleak_check.readers.packed.member import Damage
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["Entry", "walk"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An entry of a database.

    Attributes:
        database: The key of the database that it is in; empty for the one without a name.
        node: Where its key and its value are.
    """

    database: bytes
    node: Node


def walk(file: OpenFile, found: Environment) -> Iterator[Entry | Damage]:
    """All entries of all databases, in the order of their keys; the databases with names come last.

    Args:
        file: The file.
        found: What its beginning says.
    """
    walker = _Walk(file, found)
    yield from walker.entries(b"", found.main)
    for name, tree in walker.named.items():
        yield from walker.entries(name, tree)


class _Walk:
    def __init__(self, file: OpenFile, found: Environment) -> None:
        self._file = file
        self._form = found.form
        self._seen: set[int] = set()
        self._cut_short = False
        self.named: dict[bytes, Tree] = {}

    def entries(self, database: bytes, tree: Tree) -> Iterator[Entry | Damage]:
        n_entries, is_whole, several = 0, True, False
        left = [] if tree.root is None else [tree.root]
        while left:
            number = left.pop()
            try:
                for one in self._page(number, left, first=not database):
                    n_entries += 1
                    several = several or bool(one.flags & DUPLICATES)
                    if not one.flags & TREE or one.flags & DUPLICATES:
                        yield Entry(database=database, node=one)
            except PageError as error:
                is_whole = False
                yield from self._lost(number, error)
        if is_whole and not several and n_entries != tree.n_entries:
            counted = f"it counts {tree.n_entries:,} entries, and {n_entries:,} were found"
            yield Damage(name="its index", reason=f"the index is damaged: {counted}")

    def _page(self, number: int, left: list[int], *, first: bool) -> Iterator[Node]:
        """The entries of a leaf; of a branch the pages below it are noted."""
        self._take(number, "the index leads to it twice")
        page = Page(self._file, self._form, number)
        if not page.is_leaf:
            left += reversed(list(page.children()))
            return
        for node in page.nodes():
            if node.flags & TREE and not node.flags & DUPLICATES:
                if not first:
                    raise PageError("it has a database inside another one")
                self.named[node.key] = Tree.of(node.value)
            if node.flags & ELSEWHERE:
                self._take(node.start, "the value of an entry lies in a page that is taken already")
            yield node

    def _take(self, number: int, twice: str) -> None:
        if number in self._seen:
            raise PageError(twice)
        self._seen.add(number)

    def _lost(self, number: int, error: PageError) -> Iterator[Damage]:
        """What to say of a page that cannot be read; once alone of those that are cut off."""
        if not isinstance(error, BeyondEndError):
            yield Damage(name=f"page {number}", reason=f"page {number:,} is damaged: {error}")
        elif not self._cut_short:
            self._cut_short = True
            end = f"{self._file.n_bytes:,}"
            yield Damage(
                name=f"from byte {end} on",
                reason=f"the file is cut short: it ends at byte {end}, and its index leads further",
            )
