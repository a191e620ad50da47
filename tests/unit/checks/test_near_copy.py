from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hand_made_sets import image
from pydantic import ValidationError

from faceleak_check.checks.judge import judge
from faceleak_check.checks.leaks import cosine_of
from faceleak_check.checks.near_copy import HASH_BITS, NearCopy
from faceleak_check.matches import Matches
from faceleak_check.records import Outcome

WEIGHTS: dict[str, Any] = {"weights": "sscd.torchscript.pt"}


def at_bits(bits: list[float]) -> Matches:
    """Best matches whose hashes differ in so many bits, but for the rounding of 32-bit templates."""
    cosines = [max(-1.0, 1 - 2 * n / HASH_BITS - 1e-7) for n in bits]
    return Matches(
        generated=tuple(image(f"g{n}") for n in range(len(bits))),
        source=tuple(image(f"s{n}") for n in range(len(bits))),
        source_index=np.arange(len(bits))[:, None],
        similarity=np.array(cosines)[:, None],
    )


@pytest.mark.parametrize("max_bits", [None, 0, 1, 6, 13, 32, 63])
def test_hashes_that_differ_in_as_many_bits_as_allowed_are_copies(max_bits: int | None) -> None:
    check = NearCopy(at_most=0, max_bits=max_bits)
    most = 6 if max_bits is None else max_bits
    found = check.measure(at_bits(list(range(HASH_BITS + 1))))
    assert found.value == most + 1
    assert [pair.generated.id for pair in found.pairs] == [f"g{n}" for n in range(most + 1)]
    assert found.rule == f"at most {most} of 64 bits of the hashes differ"
    assert check.leaking(at_bits(list(range(HASH_BITS + 1)))).sum() == most + 1


def test_all_bits_allow_everything() -> None:
    check = NearCopy(at_most=0, max_bits=64)
    assert check.threshold.cosine == -1
    assert check.measure(at_bits([64, 0])).value == 2


@pytest.mark.parametrize(
    ("bits", "sentence"),
    [
        ([30], "0 of 1 generated image is a copy of a source image; the policy allows at most 0"),
        ([3], "1 of 1 generated image is a copy of a source image; the policy allows at most 0"),
        ([3, 30], "1 of 2 generated images is a copy of a source image; the policy allows at most 0"),
        ([30, 30], "0 of 2 generated images are copies of a source image; the policy allows at most 0"),
        (
            [3] * 1200,
            "1,200 of 1,200 generated images are copies of a source image; the policy allows at most 0",
        ),
    ],
)
def test_the_sentence(bits: list[float], sentence: str) -> None:
    found = NearCopy(at_most=0).measure(at_bits(bits))
    is_copied = min(bits) <= 6
    assert found.n == len(bits)
    assert judge(found) == (Outcome.LEAK if is_copied else Outcome.PASS, sentence)


def test_sscd_has_a_cosine_of_its_own() -> None:
    plain = NearCopy(at_most=0, method="sscd", **WEIGHTS)
    strict = NearCopy(at_most=0, method="sscd", min_similarity=0.9, **WEIGHTS)
    assert [cosine_of(check) for check in (plain, strict)] == [0.75, 0.9]
    assert strict.measure(at_bits([0, 4])).value == 1
    assert strict.measure(at_bits([0])).rule == "cosine >= 0.9"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"min_similarity": 0.9}, "found 'min_similarity', which method 'phash' does not have; take it out"),
        (WEIGHTS, "found 'weights', which method 'phash' does not have; take it out"),
        ({"sha256": "a" * 64}, "found 'sha256', which method 'phash' does not have; take it out"),
        (
            {"method": "sscd", "max_bits": 3, **WEIGHTS},
            "found 'max_bits', which method 'sscd' does not have; take it out",
        ),
        ({"method": "sscd"}, "method 'sscd' needs 'weights: FILE', the TorchScript file of SSCD"),
    ],
)
def test_keys_of_the_other_method_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as found:
        NearCopy(at_most=0, **keys)
    assert [error["msg"] for error in found.value.errors()] == [f"Value error, {message}"]
