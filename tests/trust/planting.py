"""A small source, a generated set that is like none of it, and the verdict once a leak is planted."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceleak_check import Outcome, check
from faceleak_check.records import Verdict

Pixels = npt.NDArray[np.uint8]

N_SOURCE = 24
"""Pictures of the source, each of another person."""

POLICY = """\
version: 1
name: trust
datasets:
  generated: {{{generated}}}
  training: {{{training}}}
embedder: {{{embedder}}}
{keys}checks:
  - {check}
"""
LEAKS = "leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}"


def smooth(seed: int, size: int = 32) -> Pixels:
    """A picture that bears compression and is like no other: any two have a cosine far below 0.9."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BOX))


def source(number: int) -> Pixels:
    """A picture of the source."""
    return smooth(1000 + number)


def stranger(number: int) -> Pixels:
    """A picture that is nowhere in the source."""
    return smooth(5000 + number)


def saved(picture: Pixels | Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, image_format, **options)
    return file.getvalue()


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Files by their names."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_source(root: Path) -> Path:
    """The source as a folder of people."""
    return write(root / "training", {f"p{n:02}/face.png": saved(source(n)) for n in range(N_SOURCE)})


def strangers(n: int = 3) -> dict[str, bytes]:
    """Files that leak nobody."""
    return {f"stranger{row}.png": saved(stranger(row)) for row in range(n)}


def judged(
    root: Path,
    *,
    generated: str = "path: generated",
    training: str = "path: training",
    embedder: str = "name: fake-pixels",
    check_text: str = LEAKS,
    keys: str = "",
    store: str = "store",
) -> Verdict:
    """The verdict on the two sets below a folder."""
    policy = root / "policy.yaml"
    text = POLICY.format(
        generated=generated, training=training, embedder=embedder, check=check_text, keys=keys
    )
    policy.write_text(text, encoding="utf-8")
    (verdict,) = check(policy, store=root / store).verdicts
    return verdict


def leaks(verdict: Verdict) -> dict[str, str]:
    """Generated image → source image, of each pair that a verdict names."""
    assert verdict.outcome is Outcome.LEAK, verdict.reasons
    assert verdict.measurement is not None
    return {pair.generated.id: pair.source.id for pair in verdict.measurement.pairs}


def left_out(verdict: Verdict, role: str = "generated") -> dict[str, tuple[str, str]]:
    """What is named as not compared, with its rule and reason; the verdict is none that could be filed as a pass."""
    assert verdict.outcome is Outcome.INCONCLUSIVE, verdict.reasons
    assert not verdict.passed
    return {gone.id: (gone.rule, gone.reason) for gone in verdict.sets[role].excluded}


def person(number: int) -> str:
    """The id of a picture of the source."""
    return f"p{number:02}/face.png"
