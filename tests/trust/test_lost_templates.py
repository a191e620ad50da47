"""From pixels to templates: an embedder that is broken gives no verdict, and no template is taken for another's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import odd_embedders
import pytest
from planting import judged, leaks, left_out, person, saved, source, strangers, write, write_source

from faceleak_check import Outcome, check
from faceleak_check.records import Verdict

SHA = "ab" * 32
MADE_BY = f'format: arrays, templates: {{embedder: net, sha256: "{SHA}"}}'
PRECOMPUTED = f'name: precomputed, sha256: "{SHA}", dimension: 32'
Rows = npt.NDArray[np.floating]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    odd_embedders.install(monkeypatch)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | {"leak.png": saved(source(5))})
    return tmp_path


@pytest.mark.parametrize(
    ("embedder", "found"),
    [
        ("NotFinite", "vectors that are not of length 1"),
        ("Zero", "vectors that are not of length 1"),
        ("NotUnit", "vectors that are not of length 1"),
        ("InfiniteLengths", "norms that are not finite and above 0"),
        ("Doubles", "vectors of type float64"),
        ("Short", "vectors and norms of shape (4, 191) and (4,)"),
    ],
)
def test_templates_that_are_near_to_nothing_give_no_verdict(planted: Path, embedder: str, found: str) -> None:
    for _ in range(2):  # nor is any of them kept
        verdict = judged(planted, embedder=f"name: {embedder}")
        assert (verdict.outcome, verdict.reasons) == (
            Outcome.INCONCLUSIVE,
            (f"embedder {embedder!r} gave templates that cannot be compared",),
        )
        assert found in verdict.details[0]


def test_templates_that_are_shifted_by_one_give_no_verdict(planted: Path) -> None:
    """One too few of a batch and one too many of the next make the right number of wrong ones."""
    verdict = judged(planted, embedder="name: Shifting")
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("embedder 'Shifting' gave templates that cannot be compared",),
    )


def test_templates_in_the_wrong_order_are_found_by_canaries(planted: Path) -> None:
    """Nothing but a copy that should be known can tell."""
    recall = "canary_recall: {source: training, n: 20, at_least: 99%, threshold: {cosine: 0.9}}"
    policy = planted / "canaries.yaml"
    policy.write_text(
        "version: 1\nname: awake\ndatasets: {training: {path: training}}\n"
        f"embedder: {{name: Backwards}}\nchecks:\n  - {recall}\n",
        encoding="utf-8",
    )
    (verdict,) = check(policy, store=planted / "store").verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_an_embedder_that_fails_gives_no_verdict(planted: Path) -> None:
    verdict = judged(planted, embedder="name: Raising")
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("this machine has not enough memory for it",),
    )


def test_templates_of_other_weights_are_never_used(planted: Path) -> None:
    """Two networks of one name, one of which misses the leak, and one store."""
    changed = source(5).astype(np.int16)
    changed[0, 0] += 8 if changed[0, 0, 0] < 128 else -8
    write(planted / "generated", {"leak.png": saved(changed.astype(np.uint8))})
    write(planted, {"blind.bin": b"blind", "seeing.bin": b"seeing"})
    assert judged(planted, embedder="name: Weighted, weights: blind.bin").outcome is Outcome.PASS
    assert leaks(judged(planted, embedder="name: Weighted, weights: seeing.bin")) == {"leak.png": person(5)}
    write(planted, {"blind.bin": b"seeing"})
    assert leaks(judged(planted, embedder="name: Weighted, weights: blind.bin")) == {"leak.png": person(5)}


def test_templates_of_another_precision_are_never_used(planted: Path) -> None:
    one = judged(planted, embedder="name: fake-pixels, precision: bf16")
    other = judged(planted, embedder="name: fake-pixels")
    assert leaks(one) == leaks(other) == {"leak.png": person(5)}
    assert one.embedder is not None
    assert other.embedder is not None
    assert one.embedder.sha256 != other.embedder.sha256


def test_a_scan_whose_arithmetic_is_far_off_misses_no_leak(planted: Path) -> None:
    """Up to 256 images of a set are looked at in full; the largest angle among them widens what is looked at again."""
    verdict = judged(planted, embedder="name: CoarseScan, align: none, scan: bf16")
    assert leaks(verdict) == {"leak.png": person(5)}
    assert verdict.scan is not None
    assert verdict.scan.largest_angle > 1


# ---------------------------------------------------------------------------------- templates of other people's making


def rows(n: int, seed: int) -> Rows:
    found = np.random.default_rng(seed).normal(size=(n, 32))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def compared(root: Path, generated: str = "generated.npy", arrays: str = "", **arguments: str) -> Verdict:
    return judged(
        root,
        **{  # type: ignore[arg-type]
            "generated": f"path: {generated}, {MADE_BY}{arrays}",
            "training": f"path: training.npy, {MADE_BY}",
            "embedder": PRECOMPUTED,
            **arguments,
        },
    )


@pytest.fixture
def templates(tmp_path: Path) -> tuple[Path, Rows]:
    """The source's 40 templates, and 6 of strangers of which one is a source image's."""
    training, generated = rows(40, 1), rows(6, 2)
    generated[4] = training[33]
    np.save(tmp_path / "training.npy", training.astype(np.float32))
    return tmp_path, generated


LEAK = {"row 00000004": "row 00000033"}


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.astype("<f4"),
        lambda found: found.astype("<f8"),
        lambda found: found.astype("<f2"),
        lambda found: found.astype(">f4"),
        lambda found: (found * 37.5).astype("<f4"),
        lambda found: (found * 1e-6).astype("<f8"),
        lambda found: found * np.arange(1, 7)[:, None],
    ],
    ids=["float32", "float64", "float16", "big-endian", "longer", "short", "each of another length"],
)
def test_a_leak_among_templates_is_found_however_they_were_saved(
    templates: tuple[Path, Rows], change: Callable[[Rows], Rows]
) -> None:
    root, generated = templates
    np.save(root / "generated.npy", change(generated))
    assert leaks(compared(root)) == LEAK


def test_templates_that_point_nowhere_are_counted(templates: tuple[Path, Rows]) -> None:
    root, _ = templates
    broken = rows(6, 3)
    broken[0, 3], broken[1, 0], broken[2], broken[3, 0] = np.nan, np.inf, 0, 1e300
    np.save(root / "generated.npy", broken)
    gone = left_out(compared(root))
    assert {name: rule for name, (rule, _) in gone.items()} == dict.fromkeys(
        [f"row {row:08}" for row in range(4)], "unreadable"
    )


def test_names_go_with_their_rows_in_any_order(templates: tuple[Path, Rows]) -> None:
    root, generated = templates
    broken = np.vstack([generated[:2], np.zeros((1, 32)), generated[2:]])
    names = np.array(["z", "b", "broken", "y", "a", "leak", "c"])
    np.savez(root / "generated.npz", data=broken.astype(np.float32), names=names)
    arrays = ", arrays: {data: data, ids: names}"
    allowed = compared(root, "generated.npz", arrays, keys="exclusions: {at_most: 20%}\n")
    assert leaks(allowed) == {"leak": "row 00000033"}
    assert [gone.id for gone in allowed.sets["generated"].excluded] == ["broken"]


@pytest.mark.parametrize(
    ("data", "names", "why"),
    [
        (rows(6, 2), ["a"] * 5, "its array 'names' has shape (5,), and its array 'data' has 6 rows"),
        (rows(6, 2), [*"abcdea"], "its array 'names' gives rows 0 and 5 one name"),
        (
            np.asfortranarray(rows(6, 2)),
            [*"abcdef"],
            "its array 'data' is in Fortran order, in which a row does not lie",
        ),
        (rows(6, 2).astype(np.int8), [*"abcdef"], "its array 'data' holds values of type int8"),
        (rows(6, 2)[:, None], [*"abcdef"], "its array 'data' has shape (6, 1, 32), expected (n, dimension)"),
    ],
)
def test_arrays_that_do_not_fit_give_no_verdict(
    templates: tuple[Path, Rows], data: Rows, names: list[str], why: str
) -> None:
    root, _ = templates
    np.savez(root / "generated.npz", data=data, names=np.array(names))
    verdict = compared(root, "generated.npz", ", arrays: {data: data, ids: names}")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith(f"dataset 'generated' cannot be used: {why}")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            f'name: precomputed, sha256: "{"cd" * 32}", dimension: 32',
            "the templates of 'training' were made by 'net'",
        ),
        (
            f'name: precomputed, sha256: "{SHA}", dimension: 31',
            "the templates of 'generated' have 32 numbers",
        ),
    ],
)
def test_templates_of_another_network_give_no_verdict_here(
    templates: tuple[Path, Rows], keys: str, why: str
) -> None:
    root, generated = templates
    np.save(root / "generated.npy", generated)
    verdict = compared(root, embedder=keys)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith((why, why.replace("training", "generated")))


def test_a_file_of_templates_that_is_damaged_is_no_pass(templates: tuple[Path, Rows]) -> None:
    root, generated = templates
    np.save(root / "generated.npy", generated)
    data = (root / "generated.npy").read_bytes()
    (root / "generated.npy").write_bytes(data[:-300])
    assert left_out(compared(root)).keys() == {"row 00000004 and the rows after it"}
    np.savez(root / "generated.npz", data=generated.astype(np.float32))
    packed = bytearray((root / "generated.npz").read_bytes())
    packed[400] ^= 1
    (root / "generated.npz").write_bytes(packed)
    assert compared(root, "generated.npz").outcome is Outcome.INCONCLUSIVE


def test_a_file_of_templates_among_others_that_cannot_be_used_is_no_pass(
    templates: tuple[Path, Rows],
) -> None:
    root, generated = templates
    (root / "set").mkdir()
    np.save(root / "set" / "1.npy", generated[:3])
    np.save(root / "set" / "2.npy", generated[3:, :31])
    assert left_out(compared(root, "set")).keys() == {"2.npy/all rows"}
    np.save(root / "set" / "2.npy", generated[3:])
    assert leaks(compared(root, "set")) == {"2.npy/row 00000001": "row 00000033"}
