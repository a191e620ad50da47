"""The datasets of a case by role, embedded and screened; what two cases share is worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from faceleak_check.controls import refuse_generated, without_source_people
from faceleak_check.embedding import EmbeddedSets, build_embedder
from faceleak_check.errors import ModelError
from faceleak_check.executors.protocol import Executor
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.policy.schema import Case, Dataset, EmbedderChoice, Expect, NamedEmbedder, Policy
from faceleak_check.protocols import Embedder, Progress
from faceleak_check.records import Alignment, EmbedderSpec
from faceleak_check.screening import Screener, ScreenValues
from faceleak_check.search.engine import SearchEngine
from faceleak_check.store.roots import Root
from faceleak_check.store.searches import SearchStore

__all__ = ["OF_STRANGERS", "ROLES", "CaseSets", "expected", "in_all", "of_one"]

ROLES: tuple[Role, ...] = ("generated", "source", "control", "calibration", "dataset")
"""Of the datasets that a case names; match lists are no sets of images."""
OF_STRANGERS: tuple[Role, ...] = ("control", "calibration")
"""People whom the generator never saw."""


class CaseSets:
    """Embeds the datasets that cases name, and builds the screens for them.

    Args:
        store: Root folder of the template store.
        executor: Embeds the images.
        progress: Told how far long work is.
        notes: Where to say what happened besides.
    """

    def __init__(self, store: Root, executor: Executor, progress: Progress, notes: list[str]) -> None:
        self._progress = progress
        self._searches = SearchStore(store)
        self.embedded = EmbeddedSets(store, executor, progress, notes)
        self.screen_values = ScreenValues(store, executor, progress, notes)
        self.embedder = lru_cache(maxsize=None)(build_embedder)
        self._set = lru_cache(maxsize=None)(self._embed)
        self._disjoint = lru_cache(maxsize=None)(without_source_people)

    def engine(self, policy: Policy) -> SearchEngine:
        """How a policy's nearest neighbours are looked for."""
        keys = policy.search
        return SearchEngine(
            memory=keys.memory,
            device=keys.device,
            index=keys.index,
            progress=self._progress,
            checkpoints=self._searches,
        )

    def spec(self, named: NamedEmbedder) -> EmbedderSpec:
        """The embedder's spec.

        Raises:
            InconclusiveError: It is not there.
        """
        return self.embedder(named.choice).spec

    def by_role(self, policy: Policy, case: Case, named: NamedEmbedder) -> dict[Role, EmbeddedSet]:
        """The datasets of a case with an embedder's templates; the control without people of the source.

        Raises:
            InconclusiveError: A dataset, the model or the store cannot be had, or a licence is not allowed.
        """
        names = {role: name for role in ROLES if (name := getattr(case, role)) is not None}
        sets: dict[Role, EmbeddedSet] = {role: self._one(policy, name, named) for role, name in names.items()}
        if "control" in sets and "source" in sets:
            sets["control"] = self._disjoint(sets["control"], sets["source"])
        for role in OF_STRANGERS if "generated" in sets else ():
            if role in sets:
                refuse_generated(sets[role], sets["generated"], role)
        return sets

    def _one(self, policy: Policy, name: str, named: NamedEmbedder) -> EmbeddedSet:
        spec = self.spec(named)
        _require_licence(policy, f"embedder {named.name!r}", spec.licence)
        has_pictures = policy.datasets[name].templates is None
        if (
            has_pictures and spec.template is not None
        ):  # then faces are looked for, if only to see where they lie
            _require_licence(policy, f"face detector {Mtcnn.name!r}", Mtcnn.licence)
        return self._set(policy.datasets[name], named.choice)

    def _embed(self, dataset: Dataset, choice: EmbedderChoice) -> EmbeddedSet:
        embedder: Embedder = self.embedder(choice)
        return self.embedded.embed(dataset, choice, embedder)

    def screener(self, policy: Policy, case: Case, sets: Mapping[Role, EmbeddedSet]) -> Screener | None:
        """The policy's screens for these sets; None where it has none.

        Raises:
            InconclusiveError: A screen is not there, or the policy does not allow its licence.
        """
        if not policy.screens:
            return None
        for rule in policy.screens:
            for method in rule.methods:
                spec = self.screen_values.screen(rule.name, method).spec
                _require_licence(policy, f"screen {rule.name!r} ({method.method})", spec.licence)
        assert case.embedder is not None
        faces = {}
        for role in sets:
            name = getattr(case, "source" if role == "canaries" else role)
            faces[role] = policy.datasets[name].faces or case.embedder.choice.faces
        return Screener(policy.screens, self.screen_values, sets, faces)


def expected(policy: Policy, case: Case) -> dict[str, Expect]:
    """What the policy says that the sets of a case hold, by role."""
    found = {}
    for role in (*ROLES, "matches"):
        name = getattr(case, role)
        expect = None if name is None else policy.datasets[name].expect
        if expect is not None:
            found[role] = expect
    return found


def of_one(sets: Mapping[Role, EmbeddedSet], named: NamedEmbedder) -> dict[Role, EmbeddedSet]:
    """The sets with their alignment in the record."""
    return {role: in_all({named.name: one}) for role, one in sets.items()}


def in_all(by_embedder: Mapping[str, EmbeddedSet]) -> EmbeddedSet:
    """The images that every embedder could compare, with the first one's templates; what another one lost is lost."""
    first, *others = by_embedder.values()
    left = first.without({gone.id: gone for other in others for gone in other.summary.excluded})
    alignments: dict[str, Alignment] = {name: one.alignment for name, one in by_embedder.items()}
    return replace(left, summary=replace(left.summary, alignments=alignments))


def _require_licence(policy: Policy, what: str, licence: str) -> None:
    if policy.licences is not None and licence not in policy.licences:
        raise ModelError(
            f"the licence of {what} is {licence!r}, which the policy does not allow",
            detail=f"licences.allow lists: {', '.join(policy.licences)}. Add {licence!r} if you may use it, or "
            "choose another model.",
        )
