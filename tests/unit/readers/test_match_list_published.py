from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.matches import MatchListReader

# file → pairs at or above .5, people in them, highest similarity, most samples that share a best match
FIGURES = {
    "DCFace": (14, 14, 0.540, 10),
    "SFace": (94, 56, 0.616, 8),
    "IDNet": (25, 20, 0.550, 26),
    "IDiffFace": (28, 23, 0.553, 50),
    "GanDiffFace": (2247, 70, 0.791, 700),
    "DIGIFACE_1M_1": (6, 4, 0.672, 52),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_published_figures_come_out(
    dataset: Callable[..., Dataset], published_matches: Path, name: str
) -> None:
    found = MatchListReader(dataset(published_matches / f"{name}.csv")).read_matches(lambda *_: None)
    matches = found.matches
    hits = matches.similarity >= 0.5
    people = {person for place in matches.source_index[hits] for person in matches.source[place].labels}
    shared = Counter(matches.source_index[:, 0].tolist()).most_common(1)[0][1]
    assert (len(matches), matches.k, found.generated_set.excluded) == (10_000, 1, ())
    assert (
        int(hits.sum()),
        len(people),
        round(float(matches.similarity.max()), 3),
        shared,
    ) == FIGURES[name]
