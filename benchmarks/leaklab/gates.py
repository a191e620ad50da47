"""Our own gate on sets of known truth: real policies, on folders of linked files."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from people import Photograph, Split
from planting import GeneratedSet, Picture

from faceleak_check.api import check
from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.concluding import conclude
from faceleak_check.embedding import EmbeddedSets, loaded
from faceleak_check.errors import InconclusiveError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import resolve_policies
from faceleak_check.policy.schema import Case, Dataset, EmbedderChoice, Policy
from faceleak_check.preparing import Preparation
from faceleak_check.protocols import Embedder
from faceleak_check.readers.decode import decode
from faceleak_check.records import Alignment, Outcome, Verdict
from faceleak_check.registry import READERS
from faceleak_check.silence import silent

__all__ = ["Judged", "Run", "combined", "judged"]

HERE = Path(__file__).resolve().parent
GATE, BESIDE = HERE / "gate.yaml", HERE / "beside.yaml"
ROLES = ("source", "control", "both")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What the gate said of one set.

    Attributes:
        outcome: Of all its checks together.
        outcomes: Of each check, those beside the gate too.
        flagged: People named for each picture that a check of the gate calls a leak.
        cosine: The threshold that its leak_count had; infinite where none could be found.
        expected: How many chance matches it predicts.
        n_excused: Pairs that the hub rule excused.
        by_cosine: The pictures that leak_count calls leaks.
    """

    outcome: str
    outcomes: Mapping[str, str]
    flagged: Mapping[Picture, frozenset[str]]
    cosine: float
    expected: float
    n_excused: int
    by_cosine: frozenset[Picture]


class Aligned(EmbeddedSets):
    """Embeds as the package does, but does not sample each set to warn of its alignment: that takes seconds a set."""

    def embed(self, dataset: Dataset, choice: EmbedderChoice, embedder: Embedder) -> EmbeddedSet:
        if embedder.spec.template is None:
            return super().embed(dataset, choice, embedder)
        decided = Alignment(asked="mtcnn", used="mtcnn", reason="the policy says so")
        reader = loaded(READERS, dataset.format)(dataset)
        return self.embed_from(reader, dataset, choice, embedder, decided)


class Run:
    """One split of the people in folders, and the gate that judges sets against them.

    Args:
        folder: Where the links are made; what is there is removed.
        store: Root folder of the template store.
        parts: Who is what.
        files: The file of each picture.
        asks_canaries: Whether canaries are made of the source and embedded, which takes most of the time of a run.
    """

    def __init__(
        self,
        folder: Path,
        store: Path,
        parts: Split,
        files: Mapping[Picture, Path],
        *,
        asks_canaries: bool = True,
    ) -> None:
        self._folder = folder
        self._asks_canaries = asks_canaries
        self._store = store
        self._files = files
        self._today = datetime.now(UTC).date()
        self._preparation = Preparation(store, silent, [])
        self._preparation.sets.embedded = Aligned(store, LocalExecutor(decode), silent, [])
        self._canaries: Verdict | None = None
        self._n_judged = 0
        shutil.rmtree(folder, ignore_errors=True)
        roles: dict[str, Sequence[Photograph]] = {"source": parts.source, "control": parts.control}
        roles["both"] = (*parts.source, *parts.control)
        for role, shots in roles.items():
            for shot in shots:
                picture = Picture(shot=shot)
                link(files[picture], folder / role / shot.person / picture.name)

    def judge(self, one: GeneratedSet, *, by_api: bool = False) -> Judged:
        """What the gate says of a set.

        Args:
            one: The set.
            by_api: Whether to go the user's whole way, `faceleak_check.api.check`, and not the quicker one, which
                shares listing and templates between sets.
        """
        # what is shared is known by its folder, so that each set needs one of its own
        self._n_judged += 1
        generated = self._folder / f"generated {self._n_judged}"
        for picture, name in zip(one.pictures, one.names, strict=True):
            link(self._files[picture], generated / name)
        environment = {"GENERATED": str(generated), "PEOPLE": str(self._folder)}
        gate, beside = (
            check(file, store=self._store, environment=environment).verdicts
            if by_api
            else self._verdicts(file, environment)
            for file in (GATE, BESIDE)
        )
        return judged(one, gate, beside)

    def _verdicts(self, file: Path, environment: Mapping[str, str]) -> tuple[Verdict, ...]:
        (argument,) = resolve_policies([str(file)], Path.cwd())
        policy = parse_argument(argument, environment)
        return tuple(
            self._verdict(policy, case)
            for case in policy.cases
            if self._asks_canaries or not isinstance(case.check, CanaryRecall)
        )

    def _verdict(self, policy: Policy, case: Case) -> Verdict:
        """Of one case; the canaries are the same for every set of the run and are asked once."""
        is_canaries = isinstance(case.check, CanaryRecall)
        if is_canaries and self._canaries is not None:
            return self._canaries
        blank = Verdict(outcome=Outcome.INCONCLUSIVE, policy=policy.name, check=case.check_name, case=case.id)
        try:
            verdict = conclude(blank, self._preparation.compared(policy, case), policy, case, self._today)
        except InconclusiveError as error:
            verdict = replace(blank, reasons=(error.message,))
        if is_canaries:
            self._canaries = verdict
        return verdict

    def remove(self) -> None:
        """Takes the links away."""
        shutil.rmtree(self._folder, ignore_errors=True)


def link(file: Path, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    os.link(file, at)


def judged(one: GeneratedSet, gate: Sequence[Verdict], beside: Sequence[Verdict]) -> Judged:
    """The gate's verdicts, in terms of the set's pictures."""
    picture_of = dict(zip(one.names, one.pictures, strict=True))
    flagged: dict[Picture, frozenset[str]] = {}
    by_check: dict[str, set[Picture]] = {verdict.check: set() for verdict in gate}
    for verdict in gate:
        for pair in verdict.measurement.pairs if verdict.measurement else ():
            picture = picture_of[pair.generated.id]
            flagged[picture] = flagged.get(picture, frozenset()) | set(pair.source.labels)
            by_check[verdict.check].add(picture)
    (count,) = (verdict for verdict in gate if verdict.check == "leak_count")
    cosines = [found.cosine for found in count.thresholds.values()]
    return Judged(
        outcome=combined([verdict.outcome for verdict in gate]),
        outcomes={verdict.check: str(verdict.outcome) for verdict in (*gate, *beside)},
        flagged=flagged,
        cosine=cosines[0] if cosines else math.inf,
        expected=count.chance.expected if count.chance else math.nan,
        n_excused=sum(hub.n_excused for hub in count.hubs),
        by_cosine=frozenset(by_check["leak_count"]),
    )


def combined(outcomes: Sequence[Outcome]) -> str:
    """The outcome of a whole policy: a leak where any check finds one, a pass where all pass."""
    if Outcome.LEAK in outcomes:
        return "leak"
    return "pass" if all(outcome is Outcome.PASS for outcome in outcomes) else "inconclusive"
