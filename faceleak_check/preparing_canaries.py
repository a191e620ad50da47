"""What a case of canaries compares: altered copies of source images, gone the whole way, with the source."""

from __future__ import annotations

from dataclasses import replace

from faceleak_check.calibrating import Calibrator
from faceleak_check.canaries import CanaryReader
from faceleak_check.case_comparison import Comparison
from faceleak_check.case_sets import CaseSets, expected, of_one
from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.error_rates import ErrorRates
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.measuring import CanaryFigures
from faceleak_check.policy.schema import Case, Policy
from faceleak_check.readers.decode import decode
from faceleak_check.records import Exclusion, ImageRef
from faceleak_check.screening import Screener

__all__ = ["canaries_compared"]


def canaries_compared(
    policy: Policy, case: Case, check: CanaryRecall, case_sets: CaseSets, calibrator: Calibrator
) -> Comparison:
    """What such a case compares.

    Args:
        policy: The policy.
        case: Its case.
        check: The case's check.
        case_sets: Embeds the source and its altered copies.
        calibrator: Finds the threshold from which on a copy is caught, where it is an error rate.

    Raises:
        InconclusiveError: A dataset, a model, a threshold or the store cannot be had.
    """
    assert case.embedder is not None
    sets = case_sets.by_role(policy, case, case.embedder)
    screener = case_sets.screener(policy, case, sets)
    rates = ErrorRates(policy, case, case_sets, calibrator)
    if check.threshold is None:
        check = replace(check, threshold=rates.strictest())
    else:
        check = rates.with_cosine(check, case.embedder, sets, screener)
    figures = None
    originals = _originals(sets["source"], check.n, screener)
    if originals:
        sets["canaries"], figures = _altered(policy, case, check, sets["source"], originals, case_sets)
    sets = of_one(sets, case.embedder)
    return Comparison(
        check=check,
        figures=figures,
        sets={role: one.summary for role, one in sets.items()},
        expected=expected(policy, case),
        embedder=case_sets.spec(case.embedder),
        screener=case_sets.screener(policy, case, sets),
        whole=("canaries",) if originals else (),
        embedded=sets,
        thresholds=rates.found,
        error_rates=rates.around(check, case.embedder, sets, screener),
    )


def _altered(
    policy: Policy,
    case: Case,
    check: CanaryRecall,
    source: EmbeddedSet,
    originals: tuple[ImageRef, ...],
    case_sets: CaseSets,
) -> tuple[EmbeddedSet, CanaryFigures]:
    """The altered copies, gone the whole way, and what measures how many were caught."""
    assert case.embedder is not None
    assert case.source is not None
    name = f"canaries of {source.summary.name}"
    reader = CanaryReader(source.reader, originals, decode, name=name)
    dataset = replace(policy.datasets[case.source], name=name)
    choice = case.embedder.choice
    canaries = case_sets.embedded.embed_from(
        reader, dataset, choice, case_sets.embedder(choice), source.alignment
    )
    ids: dict[str, list[str]] = {}
    all_of_them: list[ImageRef | Exclusion] = [*canaries.images, *canaries.summary.excluded]
    for image in all_of_them:
        ids.setdefault(reader.kind_of(image), []).append(image.id)
    return canaries, CanaryFigures(
        check=check,
        canaries=canaries.gallery(),
        source=source.gallery(each_content_once=True),
        ids=dict(sorted(ids.items())),
        original_of=reader.original_of,
    )


def _originals(source: EmbeddedSet, n: int, screener: Screener | None) -> tuple[ImageRef, ...]:
    """The first images by content that no screen takes out: an altered child would be taken out for its age."""
    chosen: list[ImageRef] = []
    in_order = sorted(source.gallery(each_content_once=True).images, key=lambda image: image.sha256)
    while len(chosen) < n and in_order:
        some, in_order = in_order[: n - len(chosen)], in_order[n - len(chosen) :]
        if screener is not None:
            screener.look_at("source", some)
            some = [image for image in some if image.sha256 not in screener.rejected["source"]]
        chosen += some
    return tuple(chosen)
