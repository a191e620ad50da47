"""Every whole policy, and every file of waivers, that the documentation shows is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.waivers import read_waivers

ROOT = Path(__file__).parents[3]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(
            r"^```yaml\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    )
    if re.search(r"^version: 1$", block, re.MULTILINE) and "…" not in block and "example-" not in block
]
"""Those whose parts are installed: that of the example package runs in tests/plugin/test_example_parts.py."""


@pytest.mark.parametrize("block", BLOCKS)
def test_it_is_valid(block: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.yaml"
    file.write_text(block, encoding="utf-8")
    if re.search(r"^checks:", block, re.MULTILINE):
        assert parse_policy(file, environment={}, pinned=False).cases
    else:
        assert read_waivers(file, "shown.yaml").waivers


def test_there_are_some() -> None:
    assert len(BLOCKS) >= 4
