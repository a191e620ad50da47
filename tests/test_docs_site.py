"""The documentation site, built as it is published: no broken link, no page left out, no request to others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from lxml import html

ROOT = Path(__file__).parents[1]
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("needs MkDocs Material: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # the theme greets its users with a warning about another version of MkDocs
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_every_page_is_built_and_reached(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {path.stem for path in site.glob("*.html")} == {*pages, "404"}
    links = {
        link.partition("#")[0] for _, _, link, _ in html.parse(site / "index.html").getroot().iterlinks()
    }
    assert {f"{page}.html" for page in pages} - {"index.html"} <= links


def test_nothing_is_asked_of_other_servers(site: Path) -> None:
    """Links that a reader follows may lead anywhere; what a page loads by itself may not."""
    for page in site.rglob("*.html"):
        loaded = [
            link
            for element, _, link, _ in html.parse(page).getroot().iterlinks()
            if element.tag != "a" and not (element.tag == "link" and element.get("rel") == "canonical")
        ]
        assert [link for link in loaded if re.match(r"(https?:)?//", link)] == [], page
    assert "fonts.g" not in "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))


def test_it_begins_with_what_a_newcomer_needs() -> None:
    (first, *_) = yaml.safe_load(CONFIG)["nav"]
    assert first == {
        "Start here": [
            {"What it is": "index.md"},
            {"A tutorial on the demo": "tutorial.md"},
            {"Questions": "faq.md"},
            {"Installing": "install.md"},
            {"Your situation": "situations.md"},
        ]
    }


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
)
def test_links_to_files_lead_somewhere_in_a_checkout_too(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)}
    here = (ROOT / page).parent
    lost = [one for one in targets if one and "://" not in one and not (here / one).exists()]
    assert lost == []
