"""From one case of a policy to its verdict: the one place where the parts meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from faceleak_check.comparison import ListedMatches, SecondEmbedder
from faceleak_check.concluding import Comparison, conclude
from faceleak_check.embedding import EmbeddedSets, build_embedder, loaded
from faceleak_check.errors import InconclusiveError, ModelError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.image_sets import EmbeddedSet, summary_of
from faceleak_check.policy.schema import Case, Dataset, EmbedderChoice, NamedEmbedder, Policy
from faceleak_check.protocols import Embedder, Progress
from faceleak_check.readers.decode import decode
from faceleak_check.records import Outcome, Verdict
from faceleak_check.registry import READERS
from faceleak_check.screening import Role, Screener, ScreenValues
from faceleak_check.search.neighbours import Neighbours

if TYPE_CHECKING:
    from faceleak_check.readers.matches import MatchList

__all__ = ["Gate", "silent"]


def silent(stage: str, done: int, total: int) -> None:
    """A progress that tells nobody."""


class Gate:
    """Gives verdicts; what two cases share (listing, templates, values of screens) is worked out once.

    Args:
        store: Root folder of the template store.
        progress: Told how far long work is.
    """

    def __init__(self, *, store: Path, progress: Progress = silent) -> None:
        executor = LocalExecutor(decode)
        self.notes: list[str] = []
        self._progress = progress
        self._sets = EmbeddedSets(store, executor, progress, self.notes)
        self._screen_values = ScreenValues(store, executor, progress, self.notes)
        self._embedder = lru_cache(maxsize=None)(build_embedder)
        self._set = lru_cache(maxsize=None)(self._embed)

    @property
    def n_embedded(self) -> int:
        """Images that this gate has embedded."""
        return self._sets.n_embedded

    @property
    def n_screened(self) -> int:
        """Values that this gate's screens have worked out."""
        return self._screen_values.n_measured

    def run(self, policy: Policy, case: Case) -> Verdict:
        """The verdict of one case.

        Everything that keeps it from being given makes it inconclusive.
        """
        blank = Verdict(outcome=Outcome.INCONCLUSIVE, policy=policy.name, check=case.check_name, case=case.id)
        try:
            return conclude(blank, self._compare(policy, case), policy, case)
        except InconclusiveError as error:
            return replace(blank, reasons=(error.message,), details=tuple(filter(None, [error.detail])))

    def _compare(self, policy: Policy, case: Case) -> Comparison:
        if case.matches is not None:
            return _listed(policy.datasets[case.matches], self._progress)
        assert case.embedder is not None
        by_embedder = {
            named.name: self._both(policy, case, named)
            for named in (case.embedder, *(other.embedder for other in case.agreement))
        }
        first, *_ = by_embedder.values()
        sets = {role: _in_all({name: both[role] for name, both in by_embedder.items()}) for role in first}
        generated, source = sets["generated"], sets["source"]
        neighbours = Neighbours(
            generated=generated.gallery(),
            source=source.gallery(each_content_once=True),
            metric=case.check.metric,
        )
        return Comparison(
            candidates=neighbours if generated.images and source.images else None,
            sets={role: one.summary for role, one in sets.items()},
            embedder=self._embedder(case.embedder.choice).spec,
            agreement={
                other.embedder.name: self._embedder(other.embedder.choice).spec for other in case.agreement
            },
            seconds=tuple(
                SecondEmbedder(
                    name=other.embedder.name,
                    threshold=other.threshold,
                    generated=by_embedder[other.embedder.name]["generated"].gallery(),
                    source=by_embedder[other.embedder.name]["source"].gallery(),
                )
                for other in case.agreement
            ),
            screener=self._screener(policy, case, sets),
            embedded=sets,
        )

    def _both(self, policy: Policy, case: Case, named: NamedEmbedder) -> dict[Role, EmbeddedSet]:
        assert case.generated is not None
        assert case.source is not None
        spec = self._embedder(named.choice).spec
        _require_licence(policy, f"embedder {named.name!r}", spec.licence)
        if spec.template is not None:  # then faces are looked for, if only to see where they lie
            _require_licence(policy, f"face detector {Mtcnn.name!r}", Mtcnn.licence)
        return {
            "generated": self._set(policy.datasets[case.generated], named.choice),
            "source": self._set(policy.datasets[case.source], named.choice),
        }

    def _embed(self, dataset: Dataset, choice: EmbedderChoice) -> EmbeddedSet:
        embedder: Embedder = self._embedder(choice)
        return self._sets.embed(dataset, choice, embedder)

    def _screener(self, policy: Policy, case: Case, sets: Mapping[Role, EmbeddedSet]) -> Screener | None:
        if not policy.screens:
            return None
        for rule in policy.screens:
            for method in rule.methods:
                spec = self._screen_values.screen(rule.name, method).spec
                _require_licence(policy, f"screen {rule.name!r} ({method.method})", spec.licence)
        assert case.embedder is not None
        named: dict[Role, str | None] = {"generated": case.generated, "source": case.source}
        choice = case.embedder.choice
        faces = {role: policy.datasets[name or ""].faces or choice.faces for role, name in named.items()}
        return Screener(policy.screens, self._screen_values, sets, faces)


def _require_licence(policy: Policy, what: str, licence: str) -> None:
    if policy.licences is not None and licence not in policy.licences:
        raise ModelError(
            f"the licence of {what} is {licence!r}, which the policy does not allow",
            detail=f"licences.allow lists: {', '.join(policy.licences)}. Add {licence!r} if you may use it, or "
            "choose another model.",
        )


def _in_all(by_embedder: Mapping[str, EmbeddedSet]) -> EmbeddedSet:
    """The images that every embedder could compare, with the first one's templates; what another one lost is lost."""
    first, *others = by_embedder.values()
    left = first.without({gone.id: gone for other in others for gone in other.summary.excluded})
    alignments = {name: one.alignment for name, one in by_embedder.items()}
    return replace(left, summary=replace(left.summary, alignments=alignments))


def _listed(dataset: Dataset, progress: Progress) -> Comparison:
    found: MatchList = loaded(READERS, dataset.format)(dataset).read_matches(progress)
    summary = summary_of(found.generated_set, len(found.matches), found.generated_set.excluded)
    return Comparison(
        candidates=ListedMatches(listed=found.matches) if len(found.matches) else None,
        sets={"matches": replace(summary, sha256=found.sha256)},
        agreement={},
        embedded={},
    )
