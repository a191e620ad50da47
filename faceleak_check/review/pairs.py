"""The leaks that a reviewer is asked about, from the evidence alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceleak_check.errors import FaceleakError
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import resolve_policies
from faceleak_check.policy.schema import Policy
from faceleak_check.reports.blamed import blamed_pairs
from faceleak_check.reports.opening import Evidence

__all__ = ["ReviewedImage", "ReviewedPair", "pairs_to_review"]

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewedImage:
    """One image of a pair.

    Attributes:
        id: Its name in its dataset.
        sha256: Its content digest.
        path: Where it lies; None where that is not known here.
    """

    id: str
    sha256: str
    path: Path | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewedPair:
    """A leak, as a reviewer is shown it.

    Attributes:
        generated: The generated image.
        source: The source image.
        similarity: Cosine of the two, the highest where several cases tell one.
        kind: ``copy`` or ``person``; empty where it is not known.
        people: Who is in the source image.
        cases: The cases that call it a leak.
    """

    generated: ReviewedImage
    source: ReviewedImage
    similarity: float
    kind: str
    people: tuple[str, ...]
    cases: tuple[str, ...]

    @property
    def digests(self) -> tuple[str, str]:
        """Content digests of generated and source image."""
        return self.generated.sha256, self.source.sha256


def pairs_to_review(evidence: Evidence, policy: Record) -> list[ReviewedPair]:
    """The leaks of all cases that do not pass for them, each pair once, the worst first.

    Args:
        evidence: The evidence.
        policy: The record of a policy in it.

    Raises:
        EvidenceError: A table of pairs is not the one that the evidence names.
    """
    path_of = _paths(policy)
    found: dict[tuple[str, str], list[tuple[Record, Record]]] = {}
    for case in policy["cases"]:
        for pair in blamed_pairs(evidence, case):
            found.setdefault((pair["generated_sha256"], pair["source_sha256"]), []).append((case, pair))
    pairs = [_reviewed(said, path_of) for said in found.values()]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.generated.id, pair.source.id))


PathOf = Callable[[Record, str, str], Path | None]


def _reviewed(said: list[tuple[Record, Record]], path_of: PathOf) -> ReviewedPair:
    case, worst = max(said, key=lambda one: one[1]["similarity"])
    images = {
        role: ReviewedImage(
            id=worst[role], sha256=worst[f"{role}_sha256"], path=path_of(case, role, worst[role])
        )
        for role in ("generated", "source")
    }
    return ReviewedPair(
        **images,
        similarity=worst["similarity"],
        kind=next((pair["kind"] for _, pair in said if pair["kind"]), ""),
        people=tuple(worst["source_people"]),
        cases=tuple(case["case"] for case, _ in said),
    )


def _paths(record: Record) -> PathOf:
    """Tells where images lie, where the policy is found here as it was in the run."""
    policy = _policy(record)

    def path_of(case: Record, role: str, image_id: str) -> Path | None:
        one = case["sets"].get(role)
        dataset = policy.datasets.get(one["name"]) if policy and one else None
        folder = dataset.local_folder if dataset else None
        path = folder / image_id if folder else None
        return path if path is not None and path.is_file() else None

    return path_of


def _policy(record: Record) -> Policy | None:
    try:
        argument, *_ = resolve_policies([record["file"]], Path.cwd())
        policy = parse_argument(argument)
    except (FaceleakError, OSError):
        return None
    return policy if policy.sha256 == record["sha256"] else None
