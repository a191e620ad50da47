"""A file elsewhere, read in blocks: few requests for one who walks through it, small ones for one who jumps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

from faceleak_check.readers.storage.place import Found
from faceleak_check.readers.storage.reasons import RemoteError

__all__ = ["RemoteFile"]

_BLOCK_BYTES = 1 << 18
_MOST_BLOCKS_A_REQUEST = 32
_BLOCKS_KEPT = 64
_WHOLE_BYTES = 1 << 28

Fetch = Callable[[int, int], bytes]
"""The bytes from one place up to another."""


class RemoteFile:
    """A file elsewhere, with its last blocks in memory; several threads may read it at once.

    Each request that goes on where blocks are known already asks for twice as much as the one before, up to 8 MiB;
    16 MiB are kept.

    Args:
        found: What is known of it.
        fetch: Asks for a part of it; raises FileError.

    Raises:
        FileError: Its length is not known, or it can be had only as a whole and is too large for that.
    """

    def __init__(self, found: Found, fetch: Fetch) -> None:
        if found.n_bytes is None:
            raise RemoteError("the server does not tell how long it is")
        self.n_bytes = found.n_bytes
        self.identity = found.identity
        self.is_settled = found.is_settled
        self._fetch = fetch
        self._block_bytes = _BLOCK_BYTES
        if not found.takes_ranges:
            _refuse_large(found.n_bytes)
            self._block_bytes = max(found.n_bytes, 1)
        self._lock = Lock()
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._window = 1
        self._head = found.head

    def read(self, start: int, n_bytes: int) -> bytes:
        """See `OpenFile`."""
        end = min(start + n_bytes, self.n_bytes)
        if end <= len(self._head):
            return self._head[start:end]
        parts = []
        while start < end:
            block, place = divmod(start, self._block_bytes)
            data = self._block(block, -(-end // self._block_bytes))
            parts.append(data[place : place + end - start])
            start = (block + 1) * self._block_bytes
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _block(self, block: int, last: int) -> bytes:
        """A block; where it must be asked for, so are those up to `last`."""
        with self._lock:
            known = self._blocks.get(block)
            if known is not None:
                self._blocks.move_to_end(block)
            else:
                wanted = self._wanted(block, last)
                promises: list[Future[bytes]] = [Future() for _ in wanted]
                self._blocks.update(zip(wanted, promises, strict=True))
        if known is not None:
            return known.result()
        return self._asked(wanted, promises)

    def _wanted(self, block: int, last: int) -> range:
        goes_on = block > 0 and block - 1 in self._blocks
        self._window = min(2 * self._window, _MOST_BLOCKS_A_REQUEST) if goes_on else 1
        n_blocks = min(max(last - block, self._window), _MOST_BLOCKS_A_REQUEST)
        end = min(block + n_blocks, -(-self.n_bytes // self._block_bytes))
        stop = next((one for one in range(block + 1, end) if one in self._blocks), end)
        return range(block, stop)

    def _asked(self, wanted: range, promises: list[Future[bytes]]) -> bytes:
        size = self._block_bytes
        start, end = wanted.start * size, min(wanted.stop * size, self.n_bytes)
        try:
            data = self._fetched(start, end)
        except BaseException as error:
            self._forget(wanted, promises, error)
            raise
        for row, promise in enumerate(promises):
            promise.set_result(data[row * size : (row + 1) * size])
        with self._lock:
            while len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return promises[0].result()

    def _fetched(self, start: int, end: int) -> bytes:
        data = self._fetch(start, end)
        if len(data) != end - start:
            raise RemoteError("it changed while it was read")
        return data

    def _forget(self, wanted: range, promises: list[Future[bytes]], error: BaseException) -> None:
        with self._lock:
            for block in wanted:
                self._blocks.pop(block, None)
        for promise in promises:
            promise.set_exception(error)


def _refuse_large(n_bytes: int) -> None:
    if n_bytes > _WHOLE_BYTES:
        raise RemoteError(
            f"the server hands out whole files alone, and this one has {n_bytes:,} bytes",
            advice="Fetch it to this machine, or serve it with ranges (HTTP 206), as nginx does.",
        )
