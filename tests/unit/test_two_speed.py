from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceleak_check import Outcome, check
from faceleak_check.policy.parse import parse_policy
from faceleak_check.records import Verdict

POLICY = """\
version: 1
name: two-speed
datasets:
  generated: {{path: generated}}
  training: {{path: training}}
embedder: {{name: fake-pixels, align: none{scan}}}
checks:
  - {check}
"""
LEAKS = "leak_count: {{generated: generated, source: training, threshold: {{cosine: {cosine}}}, at_most: {at_most}}}"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faint copies of fewer pictures, so that their cosines lie close together."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)
    faces = rng.integers(0, 256, (6, 8, 8, 3))
    for side, n in (("generated", 300), ("training", 200)):
        (folder / side).mkdir()
        for row in range(n):
            noise = rng.normal(0, rng.uniform(5, 60), (8, 8, 3))
            pixels = np.clip(faces[row % 6] + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / side / f"{row:03d}.png")
    return folder


def verdict(folder: Path, cosine: float, *, scan: str, at_most: int = 10_000, text: str = LEAKS) -> Verdict:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY.format(scan=scan, check=text.format(cosine=cosine, at_most=at_most)))
    (found,) = check(policy, store=folder / "store").verdicts
    return found


@pytest.mark.parametrize("cosine", [0.5, 0.9, 0.95, 0.97, 0.98, 0.99])
def test_the_leaks_are_those_of_full_precision_to_the_last_bit(pictures: Path, cosine: float) -> None:
    one = verdict(pictures, cosine, scan="")
    other = verdict(pictures, cosine, scan=", scan: bf16")
    assert one.measurement is not None
    assert other.measurement is not None
    assert one.measurement == other.measurement
    assert one.measurement.pairs == other.measurement.pairs
    assert one.embedder == other.embedder
    assert one.scan is None
    assert other.scan is not None
    assert other.scan.precision == "bf16"
    assert 0.0005 < other.scan.largest_angle < 0.01
    assert other.scan.bound == 2 * other.scan.largest_angle


def test_a_threshold_that_is_one_of_the_cosines_counts_the_pair(pictures: Path) -> None:
    known = verdict(pictures, 0.98, scan="")
    assert known.measurement is not None
    for pair in known.measurement.pairs[::7]:
        for cosine in (pair.similarity, np.nextafter(pair.similarity, 1)):
            one, other = (verdict(pictures, float(cosine), scan=scan) for scan in ("", ", scan: bf16"))
            assert one.measurement == other.measurement


def test_only_what_could_count_is_looked_at_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for side in ("generated", "training"):
        (tmp_path / side).mkdir()
        for row in range(600):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(
                tmp_path / side / f"{row}.png"
            )
    Image.open(tmp_path / "training" / "7.png").save(tmp_path / "generated" / "copy.bmp")
    found = verdict(tmp_path, 0.9, scan=", scan: bf16", at_most=0)
    assert found.outcome is Outcome.LEAK
    assert found.measurement is not None
    assert [pair.generated.id for pair in found.measurement.pairs] == ["copy.bmp"]
    assert found.measurement.pairs[0].similarity == 1.0
    assert found.scan is not None
    assert all(256 <= n <= 257 for n in found.scan.n_looked_at.values())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "top_k_similarity: {{generated: generated, source: training, k: 3, at_most: 0.9}}",
            "it has no threshold from which on a pair counts",
        ),
        (
            "leak_count: {{generated: generated, source: training, threshold: {{euclidean: 0.1}}, at_most: 0}}",
            "its threshold is a distance",
        ),
    ],
)
def test_other_checks_embed_everything_in_full_and_say_so(
    tmp_path: Path, pictures: Path, text: str, why: str
) -> None:
    found = verdict(pictures, 0.9, scan=", scan: bf16", text=text)
    assert found.scan is None
    assert found == verdict(pictures, 0.9, scan="", text=text)
    (tmp_path / "p.yaml").write_text(POLICY.format(scan=", scan: bf16", check=text.format()))
    policy = parse_policy(tmp_path / "p.yaml")
    (case,) = policy.cases
    assert policy.notes == (f"line 8: {case.id} embeds every image in full precision despite 'scan': {why}",)


def test_an_empty_set_is_no_pass(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "generated").mkdir()
    (tmp_path / "training").symlink_to(pictures / "training")
    (tmp_path / "generated" / "a.png").write_bytes(b"")
    found = verdict(tmp_path, 0.9, scan=", scan: bf16")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.reasons[0] == "nothing is left to compare in 'generated'"
