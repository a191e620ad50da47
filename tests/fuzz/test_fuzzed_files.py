"""Damaged files of every kind: a refusal in our own words or an answer, in time and in memory, and no lost leak."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from fuzzed_policies import TOKENS, judged
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kinds import KINDS, Whole, kind_named, try_one
from limits import bounded_memory, in_time

_FEW, _MANY = 20, 20_000
_FEW_OF = {
    "policy": 40,
    "image": 60,
    "lmdb": 40,
    "zip": 40,
    "store": 8,
    "pairs": 8,
    "onnx": 8,
    "evidence": 12,
}
_MANY_OF = {"policy": 100_000, "store": 3_000, "onnx": 5_000}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.needs("onnx")) if name == "onnx" else name for name in KINDS],
)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path, long: bool) -> None:
    kind, seen = kind_named(name), Counter[str]()
    wholes = kind.wholes(tmp_path)
    answers = {whole.name: kind.judge(tmp_path, whole, whole.data) for whole in wholes}
    assert set(answers.values()) <= {"read", "found", "made anew"}, answers
    n = _MANY_OF.get(name, _MANY) if long else _FEW_OF.get(name, _FEW)

    @settings(
        max_examples=n,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def damage(dice: random.Random) -> None:
        with in_time():
            seen[try_one(kind, wholes, tmp_path, dice)] += 1

    with bounded_memory():
        damage()
    assert seen.total() >= n
    assert len({*seen, *answers.values()}) > 1, (
        "the judge always says the same: it sees nothing of the damage"
    )


_PIECES = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)


@settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.one_of(st.binary(max_size=200), _PIECES))
def test_no_policy_at_all_is_refused(tmp_path: Path, data: bytes) -> None:
    assert judged(tmp_path, Whole(name="none", data=b""), data) == "refused"
