"""All benchmarks, one after the other on one machine, so that the figures of the documentation belong together.

python benchmarks/everything.py FOLDER [--others PYTHON ...] [--only NAME,...]

What each prints goes into FOLDER/NAME.txt; FOLDER/README.md says with which command, how long it took, and on what. It
took half an hour to two hours on two cores; run nothing else meanwhile. --others: see scale.py and embed.py, whose
other tools need environments of their own; the first is embed.py's. Where one fails the others go on, and the exit
code is 1.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scale_parts.machine import describe

ROOT = Path(__file__).resolve().parents[1]
HEADER = "| command | seconds | exit code | figures in |\n|---|---:|---:|---|\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """One command, and the pages that hold its figures."""

    name: str
    arguments: str
    pages: str
    others: int = 0
    """How many of the other tools' environments it can use."""

    def command(self, others: Sequence[str]) -> list[str]:
        given = [word for python in others[: self.others] for word in ("--others", python)]
        script, *arguments = shlex.split(self.arguments)
        return [sys.executable, f"benchmarks/{script}", *arguments, *given]


ALL = (
    Benchmark(name="plugin-cost", arguments="plugin_cost.py", pages="README"),
    Benchmark(name="detector", arguments="detector.py", pages="README, accuracy"),
    Benchmark(
        name="embed",
        arguments="embed.py --images 960 --embedders dlib-resnet",
        pages="README, accuracy",
        others=1,
    ),
    Benchmark(
        name="embed-adaface",
        arguments="embed.py --images 288 --seconds 3 --embedders adaface-ir18 --photographs 1",
        pages="README",
    ),
    Benchmark(name="rerun", arguments="rerun.py", pages="README"),
    Benchmark(name="report-page", arguments="report_page.py", pages="README, report"),
    Benchmark(name="accuracy", arguments="accuracy.py --markdown", pages="accuracy"),
    Benchmark(name="screens", arguments="screens.py", pages="decisions"),
    Benchmark(name="templates", arguments="templates.py", pages="accuracy"),
    Benchmark(name="copies", arguments="copies.py --markdown", pages="accuracy"),
    Benchmark(name="leaklab", arguments="leaklab/lab.py --markdown", pages="evidence"),
    Benchmark(name="null", arguments="leaklab/null.py --markdown", pages="evidence"),
    Benchmark(name="scale-readers", arguments="scale.py --only readers", pages="scale"),
    Benchmark(name="scale-memory", arguments="scale.py --only memory", pages="README, scale"),
    Benchmark(name="scale-search", arguments="scale.py --only search", pages="README, scale"),
    Benchmark(name="scale-rerun", arguments="scale.py --only rerun", pages="README, scale"),
    Benchmark(name="scale-processes", arguments="scale.py --only processes", pages="scale"),
    Benchmark(name="scale-resume", arguments="scale.py --only resume", pages="scale"),
    Benchmark(name="scale-others", arguments="scale.py --only others", pages="scale", others=99),
)


def run(one: Benchmark, folder: Path, others: Sequence[str]) -> tuple[int, float]:
    """Exit code and seconds; what it prints goes into a file."""
    started = time.monotonic()
    with (folder / f"{one.name}.txt").open("wb") as file:
        code = subprocess.run(
            one.command(others), cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode
    return code, time.monotonic() - started


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], epilog=f"names: {', '.join(one.name for one in ALL)}"
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--others", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--only", type=lambda names: names.split(","), default=[one.name for one in ALL])
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - {one.name for one in ALL}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    return arguments


def main() -> int:
    asked = parsed()
    asked.folder.mkdir(parents=True, exist_ok=True)
    index = asked.folder / "README.md"
    index.write_text(f"{datetime.now(UTC):%Y-%m-%d}\n\n{describe()}\n\n{HEADER}")
    failed = False
    for one in (one for one in ALL if one.name in asked.only):
        code, seconds = run(one, asked.folder, asked.others)
        failed |= code != 0
        line = f"| `python benchmarks/{one.arguments}` | {seconds:.0f} | {code} | {one.pages} |"
        print(line, flush=True)
        with index.open("a") as file:
            file.write(line + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
