"""Writes small LMDB environments as the tools of face datasets do, with LMDB's own library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import lmdb

JPEG = b"\xff\xd8\xff"

OLD, NEW = 0, 1
"""The libraries: LMDB 0.9 and 1.0."""


def write_lmdb(
    path: Path,
    entries: Mapping[bytes, bytes],
    *,
    library: int = OLD,
    subdir: bool = True,
    databases: Mapping[str, Mapping[bytes, bytes]] | None = None,
    several: bool = False,
) -> Path:
    """An LMDB environment.

    Args:
        path: Its folder; its file without `subdir`.
        entries: Keys and values.
        library: The library that writes it.
        subdir: Whether it is a folder.
        databases: The entries of databases with names.
        several: Whether each value is written beside another one under its key.
    """
    (path if subdir else path.parent).mkdir(parents=True, exist_ok=True)
    options = {"map_size": 1 << 28, "max_dbs": 4, "lib_version": library, "subdir": subdir, "sync": False}
    with lmdb.open(str(path), **options) as environment:
        named = {name: environment.open_db(name.encode()) for name in databases or {}}
        main = environment.open_db(b"several", dupsort=True) if several else None
        with environment.begin(write=True) as transaction:
            for key, value in entries.items():
                transaction.put(key, value, db=main)
                if several:
                    transaction.put(key, value + b"2", db=main)
            for name, values in (databases or {}).items():
                for key, value in values.items():
                    transaction.put(key, value, db=named[name])
    return path


def data_of(path: Path) -> Path:
    """The file that holds an environment's data."""
    return path / "data.mdb" if path.is_dir() else path
