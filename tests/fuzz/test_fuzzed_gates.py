"""A gate on damaged files with a leak in them: what is found leaks, all else is inconclusive, nothing passes."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from gates import PAIR, judge, write_evidence, write_folder, write_policy, write_source
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kinds import Kind, Whole, kind_named
from limits import bounded_memory, in_time
from mutations import mutated
from planted import LEAK, as_file, pictures

from faceleak_check.errors import PolicyError
from faceleak_check.policy.waivers import read_waivers
from faceleak_check.records import Outcome

_FEW, _MANY = 5, 1500
_RED = {Outcome.LEAK, Outcome.INCONCLUSIVE}
_SETS = {
    "zip": "path: set.zip, format: archive",
    "tar": "path: set.tar, format: archive",
    "tar.gz": "path: set.tar.gz, format: archive",
    "rec": "path: {name}/train.rec, format: recordio",
    "idx": "path: {name}/train.rec, format: recordio",
    "lmdb": "path: set.mdb, format: lmdb",
    "parquet": "path: set.parquet, format: parquet, columns: {image: image}",
    "arrays": "path: set.npy, format: arrays",
}
_LIST = (
    "path: list{suffix}, format: matches, columns: {{generated: synthetic, source: real, similarity: cosine}}"
)

Tried = Callable[[random.Random], str]


def often(tried: Tried, n: int) -> Counter[str]:
    """Tries it with so many dice, in time and in memory; how often each answer came."""
    seen = Counter[str]()

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
            seen[tried(dice)] += 1

    with bounded_memory():
        damage()
    return seen


def outcome_of(policy: Path, store: Path) -> Outcome:
    (verdict,) = judge(policy, store).verdicts
    return verdict.outcome


def damaged(kind: Kind, whole: Whole, dice: random.Random) -> bytes:
    return mutated(dice, whole.data, tokens=kind.tokens, spared=whole.spared, cuts=whole.cuts)


@pytest.mark.parametrize("name", _SETS)
def test_a_damaged_set_does_not_pass(name: str, tmp_path: Path, long: bool) -> None:
    kind = kind_named(name)
    write_source(tmp_path)
    wholes = [whole for whole in kind.wholes(tmp_path) if not whole.name.endswith(".npz")]

    def tried(dice: random.Random) -> str:
        whole = dice.choice(wholes)
        answer = kind.judge(tmp_path, whole, damaged(kind, whole, dice))
        if answer == "another":
            return answer
        keys = _SETS[name].replace("{name}", whole.name)
        outcome = outcome_of(write_policy(tmp_path, generated=keys), tmp_path / "store")
        assert outcome in ({Outcome.LEAK} if answer == "found" else _RED), (whole.name, answer)
        return str(outcome)

    assert often(tried, _MANY if long else _FEW)["inconclusive"]


def test_a_damaged_match_list_does_not_pass(tmp_path: Path, long: bool) -> None:
    kind = kind_named("matches")
    wholes = kind.wholes(tmp_path)
    write_source(tmp_path)

    def tried(dice: random.Random) -> str:
        whole = dice.choice(wholes)
        answer = kind.judge(tmp_path, whole, damaged(kind, whole, dice))
        policy = write_policy(
            tmp_path,
            "leak_count: {matches: generated, threshold: {cosine: 0.95}, at_most: 0}",
            generated=_LIST.format(suffix=Path(whole.name).suffix),
        )
        text = policy.read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if not line.startswith(("  training:", "embedder:"))]
        policy.write_text("\n".join(kept), encoding="utf-8")
        outcome = outcome_of(policy, tmp_path / "store")
        assert outcome in ({Outcome.LEAK} if answer == "found" else _RED), (whole.name, answer)
        return str(outcome)

    assert often(tried, _MANY if long else 15)["inconclusive"]


def test_damaged_waivers_waive_nothing(tmp_path: Path, long: bool) -> None:
    kind, leak = kind_named("waivers"), hashlib.sha256(as_file(LEAK)).hexdigest()
    write_source(tmp_path)
    write_folder(tmp_path / "generated", pictures(3))
    keys = "waivers: {file: w.yaml, on_unmatched: warn}"
    policy = write_policy(tmp_path, keys=keys)
    # waivers of the leak that are over, and with a source that is not its own
    texts = [
        whole.data.decode().replace("a" * 64, leak).replace("b" * 64, leak) for whole in kind.wholes(tmp_path)
    ]
    texts += [texts[1].replace("c" * 64, leak), texts[1].replace("d" * 64, leak)]
    wholes = [Whole(name="waivers", data=text.encode()) for text in texts]

    def tried(dice: random.Random) -> str:
        whole = dice.choice(wholes)
        (tmp_path / "w.yaml").write_bytes(damaged(kind, whole, dice))
        try:
            outcome = outcome_of(policy, tmp_path / "store")
        except PolicyError:
            return "refused"
        waived = read_waivers(tmp_path / "w.yaml", "w.yaml").pairs(dt.datetime.now(dt.UTC).date())
        # what is waived stands in the file, as `fuzzed_yaml` finds with another parser
        assert outcome in _RED or (leak, leak) in waived
        return str(outcome)

    seen = often(tried, _MANY if long else 25)
    assert seen["refused"]
    assert seen["leak"] + seen["inconclusive"]


def test_damaged_evidence_of_an_earlier_release_is_no_bound(tmp_path: Path, long: bool) -> None:
    kind = kind_named("evidence")
    clean = {name: data for name, data in pictures(3).items() if data != as_file(LEAK)}
    folder = write_evidence(tmp_path, clean)
    whole = Whole(name="evidence", data=(folder / "evidence.json").read_bytes())
    write_folder(tmp_path / "generated", pictures(3))
    keys = f"{PAIR}, threshold: {{cosine: 0.95}}, at_most: 50%, no_worse_than: damaged.json"
    policy = write_policy(tmp_path, f"leak_rate: {{{keys}}}", name="next.yaml")

    def tried(dice: random.Random) -> str:
        (tmp_path / "damaged.json").write_bytes(damaged(kind, whole, dice))
        outcome = outcome_of(policy, tmp_path / "store")
        assert outcome in _RED
        return str(outcome)

    (tmp_path / "damaged.json").write_bytes(whole.data)
    assert outcome_of(policy, tmp_path / "store") is Outcome.LEAK
    assert often(tried, _MANY if long else 20)["inconclusive"]
