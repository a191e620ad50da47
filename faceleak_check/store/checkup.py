"""Hashes every shard of a store, whatever is noted of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from faceleak_check.kept_arrays import Arrays
from faceleak_check.store.folders import store_errors
from faceleak_check.store.inventory import Inventory, SpecFolder
from faceleak_check.store.shards import open_shard
from faceleak_check.store.templates import refuse_unsound
from faceleak_check.store.values import refuse_no_probabilities
from faceleak_check.store.verified import Verified

__all__ = ["damaged_shards"]


def damaged_shards(inventory: Inventory, tell: Callable[[int, int], None]) -> list[Path]:
    """The shards whose bytes are not those that were written.

    They leave the note of what was verified, so the next run finds them, too, and computes their images again.

    Args:
        inventory: What lies in the store.
        tell: Told how many of how many shards were hashed.

    Raises:
        StoreError: A shard cannot be read.
    """
    damaged: list[Path] = []
    n_all, n_done = sum(len(one.shards) for one in inventory.specs), 0
    for one in inventory.specs:
        note = Verified(inventory.root, one.path)
        for shard in one.shards:
            with store_errors(one.path, "read"):
                damaged += [] if _is_sound(one, shard, note) else [shard]
            n_done += 1
            tell(n_done, n_all)
        note.save([shard.name for shard in one.shards])
    return damaged


def _is_sound(one: SpecFolder, shard: Path, note: Verified) -> bool:
    note.forget(shard.name)
    with contextlib.suppress(ValueError), note.looking_at(shard.name):
        found = open_shard(shard)
        if one.kind == "screens":
            refuse_no_probabilities(len(found.digests), found.arrays)
        else:
            refuse_unsound(len(found.digests), found.arrays, _dimension(one, found.arrays))
        return True
    return not shard.exists()  # a run has just taken it away


def _dimension(one: SpecFolder, arrays: Arrays) -> int:
    vectors = arrays.get("vectors")
    rows_say = vectors.shape[1] if vectors is not None and vectors.ndim == 2 else 0
    return int(one.spec.get("dimension", rows_say))
