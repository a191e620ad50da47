from __future__ import annotations

import numpy as np
import pytest
from hand_made_sets import digest, gallery, image, people

import faceleak_check.search.histogram as module
from faceleak_check.search.histogram import N_BINS, all_pairs, counted
from faceleak_check.search.neighbours import Gallery

EDGES = np.linspace(-1, 1, N_BINS + 1)


def some(prefix: str, n_faces: list[int], seed: int) -> Gallery:
    shown = [image(f"{prefix}{n}") for n in range(len(n_faces))]
    return gallery(shown, people(sum(n_faces), seed=seed, dimension=4), n_faces=n_faces)


def by_numpy(cosines: np.ndarray) -> list[int]:
    counts: list[int] = np.histogram(cosines, bins=N_BINS, range=(-1, 1))[0].tolist()
    return counts


def test_counts_are_those_of_numpy() -> None:
    cosines = np.random.default_rng(1).uniform(-1, 1, 20_000)
    assert counted(cosines).tolist() == by_numpy(cosines)


def test_each_bin_holds_its_lower_edge_and_the_last_one_both() -> None:
    middles = (EDGES[:-1] + EDGES[1:]) / 2
    assert counted(middles).tolist() == [1] * N_BINS
    assert counted(np.array([-1.0, 1.0])).nonzero()[0].tolist() == [0, N_BINS - 1]
    # edges that binary fractions give exactly
    assert counted(np.array([-0.5, 0.0, 0.5])).nonzero()[0].tolist() == [50, 100, 150]


def test_what_rounding_puts_beyond_1_stays_in_the_last_bins() -> None:
    counts = counted(np.array([[1.0000001, -1.0000001]], dtype=np.float32))
    assert (counts[0], counts[-1], counts.sum()) == (1, 1, 2)


def test_nothing_is_counted_of_nothing() -> None:
    assert counted(np.empty(0)).tolist() == [0] * N_BINS


@pytest.mark.parametrize("blocks", [(1024, 4096), (3, 4), (1, 1)])
def test_every_face_is_counted_with_every_other(
    blocks: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GENERATED_FACES", blocks[0])
    monkeypatch.setattr(module, "_SOURCE_FACES", blocks[1])
    generated, source = some("g", [1, 2, 1, 3], 1), some("s", [2, 1, 1, 1, 1], 2)
    counts, is_sample = all_pairs(generated, source)
    expected = by_numpy(generated.templates.vectors @ source.templates.vectors.T)
    assert (counts.tolist(), is_sample) == (expected, False)
    assert counts.sum() == 7 * 6


def test_of_too_many_pairs_images_are_taken_evenly_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    generated, source = some("g", [1] * 20, 1), some("s", [1] * 10, 2)
    monkeypatch.setattr(module, "MOST_PAIRS", 59)
    counts, is_sample = all_pairs(generated, source)
    in_order = sorted(range(20), key=lambda row: digest(f"g{row}"))
    taken = [in_order[0], in_order[4], in_order[9], in_order[14], in_order[19]]
    assert is_sample
    assert counts.tolist() == by_numpy(generated.templates.vectors[taken] @ source.templates.vectors.T)


def test_exactly_as_many_pairs_as_allowed_are_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 200)
    counts, is_sample = all_pairs(some("g", [1] * 20, 1), some("s", [1] * 10, 2))
    assert (int(counts.sum()), is_sample) == (200, False)


def test_a_sample_does_not_depend_on_the_order_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 60)
    generated, source = some("g", [1] * 20, 1), some("s", [1] * 10, 2)
    turned = generated.of_images(np.random.default_rng(1).permutation(20))
    assert all_pairs(generated, source)[0].tolist() == all_pairs(turned, source)[0].tolist()
