"""From one case of a policy to its verdict: the one place where the parts meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceleak_check.checks.judge import judge
from faceleak_check.checks.left_out import too_many_left_out, warnings_on
from faceleak_check.errors import InconclusiveError, UsageError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.matches import Matches
from faceleak_check.policy.schema import Case, Dataset, EmbedderChoice, Policy
from faceleak_check.protocols import Embedder, Progress
from faceleak_check.readers.decode import decode
from faceleak_check.records import (
    UNREADABLE,
    Counts,
    EmbedderSpec,
    Exclusion,
    ImageRef,
    ImageSet,
    Measurement,
    Outcome,
    Pair,
    SetSummary,
    Verdict,
)
from faceleak_check.registry import EMBEDDERS, READERS, Registry
from faceleak_check.search.exact import nearest
from faceleak_check.store.templates import DiskTemplateStore

__all__ = ["Gate", "silent"]

_MOST_NEIGHBOURS = 100_000_000


def silent(stage: str, done: int, total: int) -> None:
    """A progress that tells nobody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Comparison:
    """The matches of a case: `n_neighbours` of them, and some more to stand in for waived ones.

    None where a set has no image that can be read.
    """

    matches: Matches | None
    n_neighbours: int
    sets: Mapping[str, SetSummary]
    embedder: EmbedderSpec | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _EmbeddedSet:
    images: tuple[ImageRef, ...]
    summary: SetSummary


class Gate:
    """Gives verdicts; what two cases share (listing, templates) is worked out once.

    Args:
        store: Root folder of the template store.
        progress: Told how far long work is.
    """

    def __init__(self, *, store: Path, progress: Progress = silent) -> None:
        self._root = store
        self._progress = progress
        self._executor = LocalExecutor(decode)
        self._embedder = lru_cache(maxsize=None)(_build_embedder)
        self._store = lru_cache(maxsize=None)(self._open_store)
        self._set = lru_cache(maxsize=None)(self._embed_set)
        self.n_embedded = 0
        self.notes: list[str] = []

    def run(self, policy: Policy, case: Case) -> Verdict:
        """The verdict of one case.

        Everything that keeps it from being given makes it inconclusive.
        """
        blank = Verdict(outcome=Outcome.INCONCLUSIVE, policy=policy.name, check=case.check_name, case=case.id)
        try:
            comparison = self._compare(policy, case)
        except InconclusiveError as error:
            return replace(blank, reasons=(error.message,), details=tuple(filter(None, [error.detail])))
        filled = replace(blank, sets=comparison.sets, embedder=comparison.embedder)
        filled = replace(filled, warnings=warnings_on(filled.sets, filled.embedder))
        if comparison.matches is None:
            return _nothing_left(filled, policy)
        return _concluded(filled, comparison.matches, comparison.n_neighbours, policy, case)

    def _compare(self, policy: Policy, case: Case) -> _Comparison:
        if case.matches is not None:
            return _listed(policy.datasets[case.matches], case.check.n_neighbours, self._progress)
        assert case.generated is not None
        assert case.source is not None
        assert policy.embedder is not None
        generated = self._set(policy.datasets[case.generated], policy.embedder)
        source = self._set(policy.datasets[case.source], policy.embedder)
        n_neighbours = case.check.n_neighbours
        return _Comparison(
            matches=self._search(policy, case, generated.images, _each_content_once(source.images)),
            n_neighbours=n_neighbours,
            sets={"generated": generated.summary, "source": source.summary},
            embedder=self._embedder(policy.embedder).spec,
        )

    def _search(
        self, policy: Policy, case: Case, generated: tuple[ImageRef, ...], source: tuple[ImageRef, ...]
    ) -> Matches | None:
        if not generated or not source:
            return None
        assert policy.embedder is not None
        k = min(case.check.n_neighbours + policy.waivers.most_for_one_image, len(source))
        if k * len(generated) > _MOST_NEIGHBOURS:
            raise InconclusiveError(
                f"k = {case.check.n_neighbours:,} is too large for {len(generated):,} generated images",
                detail=f"At most {_MOST_NEIGHBOURS:,} neighbours can be held at a time: choose a smaller k.",
            )
        store = self._store(policy.embedder)
        rows, similarity, distance = nearest(
            store.get([image.sha256 for image in generated]),
            store.get([image.sha256 for image in source]),
            k,
            metric=case.check.metric,
        )
        return Matches(
            generated=generated, source=source, source_index=rows, similarity=similarity, distance=distance
        )

    def _open_store(self, choice: EmbedderChoice) -> DiskTemplateStore:
        store = DiskTemplateStore(self._root, self._embedder(choice).spec)
        if store.damaged:
            self.notes.append(
                f"{len(store.damaged)} damaged shards of the template store were passed over and their images "
                f"embedded again: {', '.join(store.damaged)} in {store.folder}"
            )
        return store

    def _embed_set(self, dataset: Dataset, choice: EmbedderChoice) -> _EmbeddedSet:
        embedder = self._embedder(choice)
        store = self._store(choice)
        reader = _loaded(READERS, dataset.format)(dataset)
        found: ImageSet = reader.scan(self._progress)
        failed: dict[str, Exclusion] = {}
        if store.missing([image.sha256 for image in found.images]):
            with store.embedding():
                missing = set(store.missing([image.sha256 for image in found.images]))
                images = [image for image in _each_content_once(found.images) if image.sha256 in missing]
                gone = self._executor.embed(
                    images, reader, embedder, store, self._progress, f"embedding {dataset.name}"
                )
                self.n_embedded += len(images) - len(gone)
                failed = {exclusion.sha256 or "": exclusion for exclusion in gone}
        return _accounted(found, failed)


def _build_embedder(choice: EmbedderChoice) -> Embedder:
    embedder: Embedder = _loaded(EMBEDDERS, choice.name)(choice)
    return embedder


def _loaded(registry: Registry, name: str) -> Any:
    try:
        return registry.load(name)
    except UsageError as error:
        raise InconclusiveError(f"{registry.kind} {name!r} cannot be loaded", detail=str(error)) from None


def _accounted(found: ImageSet, failed: Mapping[str, Exclusion]) -> _EmbeddedSet:
    images = tuple(image for image in found.images if image.sha256 not in failed)
    undecodable = [
        replace(failed[image.sha256], id=image.id) for image in found.images if image.sha256 in failed
    ]
    excluded = tuple(sorted([*found.excluded, *undecodable], key=lambda gone: gone.id))
    return _EmbeddedSet(images=images, summary=_summary(found, len(images), excluded))


def _summary(found: ImageSet, n_embedded: int, excluded: tuple[Exclusion, ...]) -> SetSummary:
    by_rule = Counter(gone.rule for gone in excluded)
    n_unreadable = by_rule.pop(UNREADABLE, 0)
    return SetSummary(
        name=found.name,
        sha256=found.sha256,
        labels_sha256=found.labels_sha256,
        counts=Counts(
            n_seen=n_embedded + len(excluded),
            n_embedded=n_embedded,
            n_unreadable=n_unreadable,
            n_excluded=dict(sorted(by_rule.items())),
        ),
        excluded=excluded,
        n_other_files=found.n_other_files,
    )


def _each_content_once(images: tuple[ImageRef, ...]) -> tuple[ImageRef, ...]:
    """The first image of each content; it takes over the labels of the others."""
    first: dict[str, ImageRef] = {}
    for image in images:
        known = first.get(image.sha256)
        if known is None:
            first[image.sha256] = image
        elif set(image.labels) - set(known.labels):
            first[image.sha256] = replace(known, labels=tuple(dict.fromkeys(known.labels + image.labels)))
    return tuple(first.values())


def _listed(dataset: Dataset, n_neighbours: int, progress: Progress) -> _Comparison:
    found = _loaded(READERS, dataset.format)(dataset).read_matches(progress)
    summary = _summary(found.generated_set, len(found.matches), found.generated_set.excluded)
    return _Comparison(
        matches=found.matches if len(found.matches) else None,
        n_neighbours=n_neighbours,
        sets={"matches": replace(summary, sha256=found.sha256)},
    )


def _nothing_left(blank: Verdict, policy: Policy) -> Verdict:
    empty = " and ".join(repr(one.name) for one in blank.sets.values() if not one.counts.n_embedded)
    lost = too_many_left_out(blank.sets, policy.exclusions.at_most)
    return replace(
        blank,
        reasons=(f"nothing is left to compare in {empty}", *(reason for reason, _ in lost)),
        details=tuple(detail for _, detail in lost),
    )


def _concluded(blank: Verdict, matches: Matches, n_neighbours: int, policy: Policy, case: Case) -> Verdict:
    """Measures without the waived pairs, and lets caps and expired waivers have their say."""
    today = datetime.now(UTC).date()
    measured, waived = _measured(matches, n_neighbours, case, policy.waivers.pairs(today))
    outcome, reason = judge(measured)
    lost = too_many_left_out(blank.sets, policy.exclusions.at_most)
    open_questions = [*lost, *policy.waivers.expired_on(today)]
    reasons = [reason, *(question for question, _ in open_questions)]
    if waived and outcome is Outcome.PASS:
        outcome = Outcome.WAIVED
    if open_questions and outcome is not Outcome.LEAK:
        outcome, reasons = Outcome.INCONCLUSIVE, [*reasons[1:], reason]
    return replace(
        blank,
        outcome=outcome,
        reasons=tuple(reasons),
        details=tuple(detail for _, detail in open_questions),
        measurement=measured,
        waived=waived,
    )


def _measured(
    matches: Matches, n_neighbours: int, case: Case, accepted: frozenset[tuple[str, str]]
) -> tuple[Measurement, tuple[Pair, ...]]:
    """The figure without the waived pairs, and those pairs.

    In rounds, because behind a waived pair may stand another one that is waived too.
    """
    waived: list[Pair] = []
    while True:
        measured = case.check.measure(matches.without(frozenset(map(_digests, waived)), n_neighbours))
        more = [pair for pair in measured.pairs if _digests(pair) in accepted]
        if not more or judge(measured)[0] is Outcome.PASS:
            return measured, tuple(waived)
        waived += more


def _digests(pair: Pair) -> tuple[str, str]:
    return pair.generated.sha256, pair.source.sha256
