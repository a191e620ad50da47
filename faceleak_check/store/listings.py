"""What was found in datasets, kept so that nothing is listed and digested twice."""

from __future__ import annotations

from faceleak_check.store.kept import KeptArrays
from faceleak_check.store.roots import Root

__all__ = ["ListingStore"]


class ListingStore(KeptArrays):
    """The columns of each dataset, in ``<root>/v2/listings``.

    A key stands for a place and for how it is read; a later listing takes the place of an earlier one. The files hold
    names of images, so they are as private as templates.

    Args:
        root: Folder that holds all stores.
    """

    def __init__(self, root: Root) -> None:
        super().__init__(root, "listings")
