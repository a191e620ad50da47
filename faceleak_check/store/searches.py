"""What searches found, kept so that one that was interrupted goes on and none is made twice."""

from __future__ import annotations

from faceleak_check.store.kept import KeptArrays
from faceleak_check.store.roots import Root

__all__ = ["SearchStore"]


class SearchStore(KeptArrays):
    """What was found for some thousand queries at a time, in ``<root>/v2/searches``.

    A key stands for all that decides the answer, so nothing here is ever out of date
    (see `faceleak_check.search.checkpoints`).

    Args:
        root: Folder that holds all stores.
    """

    def __init__(self, root: Root) -> None:
        super().__init__(root, "searches")
