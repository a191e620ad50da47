"""benchmarks/scale.py: that its cheap parts run, and the pictures and folders that it measures on."""

from __future__ import annotations

import hashlib
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from faceleak_check.policy.parse import parse_policy
from faceleak_check.readers.decode import decode
from faceleak_check.registry import READERS
from faceleak_check.silence import silent

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
NAMES = ("tables", "faces", "scale_parts")


def ours(module: str) -> bool:
    return module.partition(".")[0] in NAMES


@pytest.fixture(scope="module")
def parts() -> Iterator[dict[str, ModuleType]]:
    """Loaded from their folder: benchmarks are no package and not installed."""
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        names = ("formats", "gates", "pictures", "planted", "processes", "searching", "vectors")
        yield {name: importlib.import_module(f"scale_parts.{name}") for name in names}
    for name in list(filter(ours, sys.modules)):
        del sys.modules[name]
    sys.modules.update(known)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "scale.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_search_part_runs(tmp_path: Path) -> None:
    sizes = ["--searches", "40x300x16", "--tiles", "40x300x16"]
    ran = run("--quick", "--only", "search", "--folder", str(tmp_path), *sizes)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    headers = [" ".join(line.split()) for line in lines]
    assert "queries x source seconds Gpairs/s GFLOP/s peak RSS anonymous" in headers
    assert "queries x source seconds Gpairs/s GFLOP/s anonymous" in headers
    assert "what seen aim" in headers
    assert [line.split()[5] for line in headers if line.startswith("40 x 300, d=16, k=1")] == [
        "ours",
        "faiss",
        "measured",
    ]
    assert "in short, of sizes that tell nothing (--quick)" in lines
    assert max(map(len, lines)) <= 120
    assert not list(tmp_path.iterdir())


def test_an_unknown_part_is_refused() -> None:
    ran = run("--only", "search,speed")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1] == (
        "scale.py: error: argument --only: there is no part 'speed'; there are readers, memory, search, rerun, "
        "processes, resume, others"
    )


@pytest.mark.needs("demo")
def test_every_format_holds_the_same_pictures(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    files = list(parts["pictures"].crops(5))
    pixels = sorted(decode(data).tobytes() for data in files)
    for number, (title, (format_name, write)) in enumerate(parts["formats"].FORMATS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        checks = ["coverage: {dataset: images, min_images: 5}"]
        keys = write(folder, files)
        policy = parts["gates"].write_policy(folder, {"images": keys}, "{name: fake-pixels}", checks)
        dataset = parse_policy(policy).datasets["images"]
        assert dataset.format == format_name
        reader = READERS.load(dataset.format)(dataset)
        found = reader.scan(silent)
        assert (len(found.images), found.excluded) == (5, ()), title
        assert sorted(decode(reader.read(image)).tobytes() for image in found.images) == pixels, title


@pytest.mark.needs("demo")
def test_stamped_crops_are_different_files_of_a_hundred_pictures(parts: dict[str, ModuleType]) -> None:
    files = [*parts["pictures"].stamped_crops(101), *parts["pictures"].stamped_crops(2, first=101)]
    assert len({hashlib.sha256(data).digest() for data in files}) == 103
    assert np.array_equal(decode(files[0]), decode(files[100]))
    assert len({decode(data).tobytes() for data in files}) == 100


@pytest.mark.needs("demo")
def test_copies_are_planted_among_the_first(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    found = parts["planted"].plant_chips(tmp_path, 40, 3)
    assert list(found.originals) == ["000000.jpg", "000010.jpg", "000020.jpg"]
    sides = [
        {path.name: decode(path.read_bytes()).astype(int) for path in side.iterdir()}
        for side in (found.generated, found.source)
    ]
    assert [len(side) for side in sides] == [40, 40]
    for copy, original in found.originals.items():
        far = {name: abs(sides[0][copy] - pixels).mean() for name, pixels in sides[1].items()}
        assert min(far, key=far.__getitem__) == original
        assert 0 < far[original] < 8


def test_memory_of_a_process(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    code = "import time; block = bytearray(b'x') * (64 << 20); time.sleep(0.3); print(len(block))"
    ran = parts["processes"].watched([sys.executable, "-c", code], tmp_path)
    assert (ran.status, ran.output) == (0, f"{64 << 20}\n")
    assert 64 << 20 < ran.peak_anonymous <= ran.peak_rss < 256 << 20
    assert ran.seconds > 0.3


def test_vectors_are_near_each_other_and_of_length_one(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    rows = np.load(parts["vectors"].write_vectors(tmp_path / "rows.npy", 500, 128, seed=0))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    cosines = rows @ rows.T
    assert cosines[~np.eye(500, dtype=bool)].mean() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("text", "expected", "gflop"),
    [
        ("10x20x128", "10 x 20, d=128, k=1", 5.12e-5),
        ("1000x2000x512x10", "1,000 x 2,000, d=512, k=10", 2.048),
    ],
)
def test_searches(parts: dict[str, ModuleType], text: str, expected: str, gflop: float) -> None:
    found = parts["searching"].Search.parsed(text)
    assert str(found) == expected
    assert found.gflop == pytest.approx(gflop)
