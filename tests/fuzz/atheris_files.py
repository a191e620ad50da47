"""Coverage-guided fuzzing of one kind of file; run as ``python tests/fuzz/atheris_files.py KIND [RUNS] [SEED]``.

Needs the extra ``fuzz``. ``kinds.py`` lists the kinds. Ends with status 0 once it has judged so many damaged files, and
with a traceback and the file in ``crash-…`` of the current folder where one of them gets another answer than it may.
"""

from __future__ import annotations

import atexit
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parents[1]), str(_HERE.parent), str(_HERE)]

import atheris  # noqa: E402

with atheris.instrument_imports(include=["faceleak_check"]):
    from kinds import Kind, Whole, kind_named

from limits import SECONDS, bounded_memory  # noqa: E402
from mutations import mutated  # noqa: E402


def main(name: str, runs: int, seed: int) -> None:
    """Judges so many damaged files of a kind."""
    folder = Path(tempfile.mkdtemp(prefix="faceleak-fuzz-"))
    os.environ["FACELEAK_STORE"] = str(folder / "store")
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=["faceleak_check"]):
        kind = kind_named(name)
        wholes = list(kind.wholes(folder))
        for whole in wholes:
            kind.judge(folder, whole, whole.data)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, whole in enumerate(wholes):
        (corpus / f"{number}").write_bytes(bytes([number]) + whole.data)
    _fuzz(kind, wholes, folder, runs, seed)


def _fuzz(kind: Kind, wholes: list[Whole], folder: Path, runs: int, seed: int) -> None:
    seen, started, numbers = Counter[str](), time.monotonic(), itertools.count(1)

    def judge(data: bytes) -> None:
        number = next(numbers)
        if data:
            seen[kind.judge(folder, wholes[data[0] % len(wholes)], data[1:])] += 1
        if not number % 10_000 or number == runs:
            _tell(kind.name, seen, started)
        if number == runs:  # libfuzzer ends the process without a word to Python
            shutil.rmtree(folder)

    def change(data: bytes, most: int, number: int) -> bytes:
        """One of our changes to a valid file; as often one more to a damaged one, or libfuzzer's own."""
        dice = random.Random(number)
        row, so_far = dice.randrange(len(wholes)), data[1:]
        way = dice.randrange(4)
        if way < 2 or not so_far or wholes[data[0] % len(wholes)].spared is not None or not wholes[row].cuts:
            whole = wholes[row]
            damaged = mutated(dice, whole.data, tokens=kind.tokens, spared=whole.spared, cuts=whole.cuts)
        else:
            row = data[0] % len(wholes)
            damaged = (
                mutated(dice, so_far, tokens=kind.tokens)
                if way == 2
                else bytes(atheris.Mutate(so_far, most - 1))
            )
        return bytes([row]) + damaged[: most - 1]

    arguments = [
        *(sys.argv[0], f"-runs={runs}", f"-seed={seed}", f"-timeout={SECONDS}", "-rss_limit_mb=0"),
        *("-max_len=200000", "-len_control=0", f"-artifact_prefix={Path.cwd()}/", "-print_final_stats=0"),
        *("-verbosity=0", str(folder / "corpus")),
    ]
    atheris.Setup(arguments, judge, custom_mutator=change)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(_tell, kind.name, seen, started)
    with bounded_memory():
        atheris.Fuzz()


def _tell(name: str, seen: Counter[str], started: float) -> None:
    answers = ", ".join(f"{n:,} {answer}" for answer, n in sorted(seen.items()))
    sys.stdout.write(f"{name}: {seen.total():,} files in {time.monotonic() - started:.0f} s: {answers}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]) if len(sys.argv) > 2 else 20_000,
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    )
