"""The commented policy that ``faceleak init`` writes."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from faceleak_check.errors import UsageError
from faceleak_check.whole_files import opened_whole, remove_torn

__all__ = ["init_text", "write_init"]


def init_text() -> str:
    """A policy in which every key is explained; its two dataset paths are for the user to set."""
    return files("faceleak_check.policy").joinpath("init.yaml").read_text(encoding="utf-8")


def write_init(path: Path) -> None:
    """Write that policy to a new file.

    Raises:
        UsageError: The file is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_torn(path)
        with opened_whole(path, new=True, mode=0o666) as file:
            file.write(init_text().encode())
    except (OSError, ValueError) as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise UsageError(f"{str(path)!r} is there already; name another file or take it away") from None
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        advice = "name another file, or free some space"
        raise UsageError(f"{str(path)!r} cannot be written: {reason}; {advice}") from None
