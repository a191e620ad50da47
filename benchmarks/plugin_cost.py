"""What having the plugin installed adds to a pytest run that has nothing to do with it.

python benchmarks/plugin_cost.py [--runs 20]

Whole processes in turns, with the plugin and with ``-p no:faceleak``, which keeps pytest from importing it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAVY = ("torch", "numpy", "faiss", "yaml", "pydantic", "rich", "PIL", "pyarrow", "typer")
CONFTEST = f"""
import sys

def pytest_sessionfinish():
    print("imported:", [name for name in {HEAVY!r} if name in sys.modules])
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    n_runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing(): pass\n")
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "pytest.ini").write_text("[pytest]\n")
        for switch in ([], ["-p", "no:faceleak"]):
            run(folder, switch)
        pairs = [(run(folder, []), run(folder, ["-p", "no:faceleak"])) for _ in range(n_runs)]
        print(imported(folder))
    with_it, without = (statistics.median(times) for times in zip(*pairs, strict=True))
    added = statistics.median(one - other for one, other in pairs)
    print(f"with the plugin {with_it * 1000:.0f} ms, without {without * 1000:.0f} ms")
    print(f"added, median of {n_runs} pairs: {added * 1000:.1f} ms")


def command(switch: list[str]) -> list[str]:
    # other plugins of this environment would only add noise
    others = ["no:hypothesispytest", "no:xdist", "no:xdist.looponfail", "no:anyio", "no:timeout"]
    quiet = [word for other in others for word in ("-p", other)]
    return [sys.executable, "-m", "pytest", "-q", "-s", *quiet, *switch]


def run(folder: Path, switch: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command(switch), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def imported(folder: Path) -> str:
    output = subprocess.run(command([]), cwd=folder, check=True, capture_output=True, text=True).stdout
    return next(line for line in output.splitlines() if "imported:" in line)


if __name__ == "__main__":
    main()
