"""docs/dependencies.md earns each package of pyproject.toml, with the versions that are asked for there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE, EXTRAS = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8").split("\n## Extras\n")
ROW = re.compile(r"^\| (?P<package>[^|]+) \| (?P<why>[^|]+) \| (?P<licence>[^|]+) \|$", re.MULTILINE)


def told(requirement: Requirement) -> str:
    """As the page writes it: ``facenet-pytorch ≥ 2.5.3, < 2.6``."""
    bounds = sorted(requirement.specifier, key=lambda one: one.operator, reverse=True)
    signs = {">=": "≥", "<": "<"}
    return f"{requirement.name} {', '.join(f'{signs[one.operator]} {one.version}' for one in bounds)}"


def test_each_package_has_its_line_with_its_versions() -> None:
    rows = [row["package"].strip() for row in ROW.finditer(CORE)][1:]  # behind the table's head
    assert sorted(rows) == sorted(told(Requirement(one)) for one in PROJECT["dependencies"])


def test_each_package_of_an_extra_is_named() -> None:
    """With its version where one is told."""
    for extra, requirements in PROJECT["optional-dependencies"].items():
        assert f"`{extra}`" in EXTRAS
        for one in map(Requirement, requirements):
            name = "types-*" if one.name.startswith("types-") else one.name
            if one.name == PROJECT["name"]:
                continue
            found = re.search(rf"(?<![\w-]){re.escape(name)}(?:\[\w+\])?(?: ≥ ([\d.]+))?(?![\w-])", EXTRAS)
            assert found is not None, f"{one.name} of the extra {extra!r} is not in docs/dependencies.md"
            assert found[1] in {None, *(bound.version for bound in one.specifier)}, found[0]
