"""How long the report page of many pairs takes to be made and to open in headless Chromium.

python benchmarks/report_page.py --pairs 10000
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POLICY = """\
version: 1
name: many
datasets:
  list: {path: list.csv, format: matches, columns: {generated: generated, source: source, similarity: similarity}}
checks:
  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}
"""
REPORT = "from faceleak_check.cli import main; main()"
REPEATS = 5


def gate(folder: Path, n: int) -> Path:
    """Runs a policy on a list of matches that all leak; returns the page."""
    rows = [f"gen/{row:06}.png,person {row % 500}/{row}.png,{0.99 - 0.4 * row / n:.6f}" for row in range(n)]
    (folder / "list.csv").write_text("\n".join(["generated,source,similarity", *rows]), encoding="utf-8")
    (folder / "many.yaml").write_text(POLICY, encoding="utf-8")
    environment = os.environ | {"FACELEAK_STORE": str(folder / "store")}
    command = [sys.executable, "-m", "pytest", "--faceleak-policy=many.yaml", "-q"]
    subprocess.run(command, cwd=folder, env=environment, check=False, stdout=subprocess.DEVNULL)
    return folder / "faceleak-evidence" / "report.html"


def made(folder: Path) -> float:
    """Seconds that ``faceleak report`` takes, Python's start included."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", REPORT, "report", "faceleak-evidence"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def opened(page_file: Path) -> list[float]:
    """Seconds from the address to a table whose rows are there and can be sorted, each in a profile of its own."""
    from playwright.sync_api import sync_playwright

    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(REPEATS):
            page = browser.new_context().new_page()
            began = time.perf_counter()
            page.goto(page_file.as_uri())
            page.wait_for_function("document.querySelector('.found').textContent.includes('pairs')")
            times.append(time.perf_counter() - began)
        browser.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10_000)
    n = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        page = gate(folder, n)
        print(f"{n:,} pairs: a page of {page.stat().st_size / 1e6:.1f} MB")
        print(f"made in {made(folder):.1f} s, Python's start included")
        times = opened(page)
        print(
            f"opened in {statistics.median(times):.2f} s, median of {REPEATS} ({min(times):.2f} to "
            f"{max(times):.2f})"
        )


if __name__ == "__main__":
    main()
