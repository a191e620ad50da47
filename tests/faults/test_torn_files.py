"""Half-written files that a killed run leaves in the store: named by ``cache info``, and taken away a day later."""

from __future__ import annotations

import os
import time

from fault_project import SPEC, FaultProject, write_pictures

TORN = f".{'5' * 48}.{'0f' * 8}.tmp"


def test_torn_files_of_the_store(ran: FaultProject) -> None:
    spec = ran.path / "store/v2/templates" / SPEC
    torn = [spec / TORN, ran.path / "store/v2/listings" / TORN]
    for file in torn:
        file.write_bytes(b"half")
    told = ran.run("faceleak", "cache", "info")
    line = "2 half-written files of runs that are at work or were killed; a run a day later takes them away"
    assert line in told.output.splitlines()
    _add(ran, "new0")
    ran.gate()
    assert all(file.exists() for file in torn), "they may be written this moment"
    two_days_ago = time.time() - 2 * 24 * 3600
    for file in torn:
        os.utime(file, (two_days_ago, two_days_ago))
    _add(ran, "new1")
    ran.gate()
    assert not any(file.exists() for file in torn)


def _add(project: FaultProject, name: str) -> None:
    """A picture that must be embedded."""
    write_pictures(project.path / "generated", [f"{name}.png"], seed=sum(name.encode()))
