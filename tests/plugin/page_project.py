"""A project for tests of the report page: real gates in processes of their own, shared by the tests of a module."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

HOSTILE = "<script>window.owned=1</script>.png"
"""A folder and a file in it: their path is an element of HTML."""
ARABIC = "صورة مسرّبة.png"
JAPANESE = "写真の複製.png"
PEOPLE = ("محمد", "山田太郎", "<b>bold", *(f"p{n:02}" for n in range(9)))
N_LEAKS = 30
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"]
"""Of the browser: what pretends to be a graphics card took more time than the pages."""

RELEASE = """\
version: 1
name: release
description: Samples of generator v3 against its training photographs
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
  unseen: {path: unseen, labels: parent_folder}
embedder: {name: fake-pixels}
exclusions: {at_most: 20%}
checks:
  - leak_rate:
      {generated: generated, source: training, control: unseen, threshold: {fpir: 5%}, at_most: 1%, confidence: 95%}
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
  - membership_inference: {generated: generated, source: training, control: unseen, fpr: 10%, at_most: 50%}
  - top_k_similarity: {generated: generated, source: training, k: 3, at_most: 0.9}
  - coverage: {dataset: generated, min_images: 10}
"""
ONE = """\
version: 1
name: {name}
datasets:
  generated: {{path: {generated}}}
  training: {{path: training, labels: parent_folder}}
embedder: {{name: fake-pixels}}
{keys}checks:
  - leak_count: {{generated: generated, source: training, threshold: {{cosine: 0.9}}, at_most: 0}}
"""


@dataclass(frozen=True, kw_only=True)
class PageProject:
    """A folder in which gates are run."""

    path: Path

    @property
    def folder(self) -> Path:
        return self.path / "faceleak-evidence"

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    def write(self, file: str, text: str) -> None:
        (self.path / file).write_text(text, encoding="utf-8")

    def gate(self, *arguments: str) -> tuple[int, str]:
        """Exit status and output of pytest in a process of its own."""
        return self._python("-m", "pytest", *arguments)

    def command(self, *arguments: str) -> tuple[int, str]:
        """Exit status and output of ``faceleak``."""
        return self._python("-c", "from faceleak_check.cli import main; main()", *arguments)

    def _python(self, *arguments: str) -> tuple[int, str]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GITHUB"))
        }
        own = {
            "FACELEAK_STORE": str(self.path / "store"),
            "PYTEST_ADDOPTS": "-p no:hypothesispytest",
            "COLUMNS": "200",
        }
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env=environment | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return ran.returncode, ran.stdout


def write_pictures(folder: Path, names: list[str], *, seed: int) -> None:
    """Small random pictures; no two seeds share one."""
    random = np.random.default_rng(seed)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)


def leaky_project(path: Path) -> PageProject:
    """30 of 55 generated pictures are copies of training photographs, some under names that mean harm."""
    people = [f"{person}/{n}.png" for person in PEOPLE for n in range(3)]
    write_pictures(path / "training", people, seed=2)
    write_pictures(
        path / "unseen", [f"u{person:02}/{n}.png" for person in range(12) for n in range(3)], seed=3
    )
    write_pictures(path / "generated", [f"g{n:02}.png" for n in range(25)], seed=1)
    names = [HOSTILE, ARABIC, JAPANESE, *(f"leak-{n:02}.png" for n in range(N_LEAKS - 3))]
    for n, (name, source) in enumerate(zip(names, people, strict=False)):
        _leak(path / "training" / source, path / "generated" / name, noise=n)
    (path / "generated" / "broken.png").write_bytes(b"no picture")
    shutil.copytree(
        path / "generated", path / "two", ignore=lambda _, names: set(names) - {"leak-00.png", "leak-01.png"}
    )
    write_pictures(path / "one", ["only.png"], seed=4)
    project = PageProject(path=path)
    project.write("release.yaml", RELEASE)
    project.write("two.yaml", ONE.format(name="two leaks", generated="two", keys=""))
    project.write("one.yaml", ONE.format(name="one image", generated="one", keys=""))
    return project


def _leak(source: Path, target: Path, *, noise: int) -> None:
    pixels = np.asarray(Image.open(source)).astype(int)
    pixels = pixels + np.random.default_rng(noise).integers(-noise, noise + 1, pixels.shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(target)


def match_list(path: Path, n: int) -> PageProject:
    """A policy on a list of matches, all of which leak."""
    rows = [
        f"gen/{row:05}.png,{row % 500}/{row}.png,person {row % 500},{0.99 - row / (10 * n):.6f}"
        for row in range(n)
    ]
    text = "\n".join(["generated,source,person,similarity", *rows, ""])
    (path / "list.csv").write_text(text, encoding="utf-8")
    project = PageProject(path=path)
    project.write(
        "many.yaml",
        "version: 1\nname: many\ndatasets:\n  list:\n    path: list.csv\n    format: matches\n"
        "    columns: {generated: generated, source: source, source_identity: person, similarity: similarity}\n"
        "checks:\n  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}\n",
    )
    return project


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(kw_only=True)
class Seen:
    """What a page did in the browser besides being shown."""

    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Any]:
    """Headless Chromium; tests are skipped where there is none."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install 'faceleak-check[test]'"
    )
    with api.sync_playwright() as playwright:
        installed = Path(playwright.chromium.executable_path)
        executable = shutil.which("chromium") or (str(installed) if installed.exists() else None)
        if executable is None:
            pytest.skip("needs a browser: install chromium, or run: playwright install chromium")
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield running
        running.close()


@contextmanager
def opened(running: Any, file: Path, **options: Any) -> Iterator[tuple[Any, Seen]]:
    """A page in a browser profile of its own, and what it did besides."""
    script = options.pop("script", "")
    context = running.new_context(accept_downloads=True, **options)
    seen = Seen()
    context.on("request", lambda request: seen.requests.append(request.url))
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: seen.messages.append(message.text))
    page.on("pageerror", lambda error: seen.messages.append(str(error)))
    page.goto(file.as_uri())
    yield page, seen
    context.close()
