"""Archives that are small on the disk and fill the memory."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from faceleak_check.errors import ModelError

__all__ = ["refuse_bomb"]

_MOST_BYTES = 64 << 20
_MOST_TIMES = 4
"""Numbers of networks hardly compress, and torch does not compress them; it does its code, of which there is little."""


def refuse_bomb(data: bytes, *, path: Path, owner: str) -> None:
    """Refuses a zip archive that says that it takes far more bytes than it has; anything else is fine.

    Args:
        data: The file's bytes.
        path: Where they come from, for messages.
        owner: Whose weights they are, for messages: ``embedder 'torchscript'``.

    Raises:
        ModelError: It is such an archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            n_bytes = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return  # whoever reads it says so
    if n_bytes > _MOST_BYTES + _MOST_TIMES * len(data):
        raise ModelError(
            f"the weights of {owner} are refused: the file would fill the memory",
            detail=f"{path} has {len(data):,} bytes and takes {n_bytes:,} unpacked, which no network does. Get the "
            "file from those who made it.",
        )
