"""A run with a leak and a pass on names of every kind, and what it leaves for auditors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from gate_project import Project

__all__ = ["FOLDER", "leave_run", "lines_in", "manifest_of", "statement"]

FOLDER = "faceleak-evidence"


def leave_run(project: Project, kept: Path) -> None:
    """Leaves the run in the project; equal projects leave equal files, so one run is enough.

    Args:
        project: The project.
        kept: Where the run is kept for the next equal project.
    """
    if kept.exists():
        shutil.copytree(kept, project.path, symlinks=True, dirs_exist_ok=True)
    else:
        _run(project)
        shutil.copytree(project.path, kept, symlinks=True)


def _run(project: Project) -> None:
    project.leak("b/صورة.png")
    for name in ("<script>.png", "two\nlines.png", "写真.png"):
        project.write_set(project.path / "generated", [name], seed=len(name))
    project.write("generated/broken.png", "no picture")
    project.write("generated/notes.txt", "no picture")
    (project.path / "generated/link.png").symlink_to("/etc/hostname")
    project.policy(
        "release.yaml",
        "leak_count",
        "top_k_similarity: k: 3, at_most: 1",
        keys="exclusions: {at_most: 50%}\n",
    )
    project.gate()


def statement(project: Project) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((project.path / FOLDER / "statement.json").read_bytes())
    return data


def manifest_of(project: Project) -> Path:
    (manifest,) = (project.path / FOLDER / "manifests").iterdir()
    return manifest


def lines_in(folder: Path, *lost: str) -> list[bytes]:
    """The lines of a set's list, by the tools of this test alone."""
    found = []
    for path in (path for path in folder.rglob("*") if path.suffix == ".png"):
        name = os.fsencode(path.relative_to(folder))
        digest = "link" if path.name in lost else hashlib.sha256(path.read_bytes()).hexdigest()
        found.append((name, digest))
    lines = []
    for name, digest in sorted(found):
        plain = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        lines.append((b"" if plain == name else b"\\") + digest.encode() + b"  " + plain)
    return lines
