"""What came of attacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CHECK", "SETS", "Attack", "Attacked", "answer"]

SETS = "datasets: {generated: {path: ../generated}, training: {path: ../training}}\n"
CHECK = (
    "checks: [leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}]\n"
)


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """What a gate on many attacks gave: outcome and reasons by the attack's name, exit code, and what was printed."""

    answers: dict[str, tuple[str, str]]
    code: int
    output: str


Attack = Callable[..., Attacked]


def answer(policy: Mapping[str, Any]) -> tuple[str, str]:
    told = [*policy["problems"], *(reason for case in policy["cases"] for reason in case["reasons"])]
    return policy["outcome"], "; ".join(told)
