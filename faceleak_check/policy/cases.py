"""The items of ``checks`` → cases: each names its sets and builds its check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from faceleak_check.errors import UsageError
from faceleak_check.policy.agreement import THRESHOLD, agreed_thresholds, can_agree
from faceleak_check.policy.canaries import check_canaries
from faceleak_check.policy.document import CommonKeys
from faceleak_check.policy.embedders import AGREEMENT, EMBEDDER, EmbedderRules, has_own_embedder, own_embedder
from faceleak_check.policy.pair_checks import why_not_a_check
from faceleak_check.policy.rates import RateRules
from faceleak_check.policy.roles import MATCHES, ROLES, role_keys
from faceleak_check.policy.schema import Agreeing, Case, NamedEmbedder
from faceleak_check.policy.sets import SetRules
from faceleak_check.policy.template_rules import check_template_sets
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import CHECKS, suggestion

__all__ = ["CaseBuilder"]

_COMMON = tuple(CommonKeys.__dataclass_fields__)


class CaseBuilder:
    """Builds the cases of one policy.

    Args:
        validator: Where problems go.
        sets: The rules for the datasets that a check names.
        embedders: The rules for the embedders that a check names.
        rates: The rules for the thresholds of a check.
    """

    def __init__(
        self, validator: Validator, sets: SetRules, embedders: EmbedderRules, rates: RateRules
    ) -> None:
        self._validator = validator
        self._sets = sets
        self._embedders = embedders
        self._rates = rates

    def build(self, checks: object) -> tuple[Case, ...]:
        """The cases that are free of errors, in file order, each with an id of its own."""
        entries = checks if isinstance(checks, list) else []
        built = [self._entry(entry, ("checks", n)) for n, entry in enumerate(entries)]
        cases = tuple(_numbered(case for case in built if case is not None))
        if len(cases) == len(built):  # else the check that a canary is for may be among those with a problem
            check_canaries(cases, self._validator)
        return cases

    def _entry(self, entry: object, path: KeyPath) -> Case | None:
        if not isinstance(entry, dict):
            return None
        if len(entry) != 1:
            self._validator.report(path, _not_one(list(entry)))
            return None
        [(name, keys)] = entry.items()
        path = (*path, name)
        if name not in CHECKS:
            message = (
                f"unknown check {quoted(name)}{suggestion(name, CHECKS)}; there are: {', '.join(CHECKS)}"
            )
            self._validator.report(path, message, at_key=True)
        elif not isinstance(keys, dict):
            self._validator.report(
                path, f"found {found(keys)}, expected a mapping with the keys of the check"
            )
        elif (kind := self._check_class(name, path)) is not None:
            return self._case(name, kind, keys, path)
        return None

    def _case(self, name: str, kind: type[Any], keys: dict[str, Any], path: KeyPath) -> Case | None:
        needed = role_keys(kind).chosen(keys)
        roles = [*needed, *self._optional(kind, needed, keys, path)]
        sets = self._sets.find(roles, keys, path)
        names = self._embedder_names(kind, needed, keys, path)
        thresholds = agreed_thresholds(self._validator, keys, names, path) if AGREEMENT in keys else ()
        check = self._check(kind, needed, keys, path, thresholds)
        common = self._validator.build(CommonKeys, {key: keys[key] for key in _COMMON if key in keys}, path)
        self._sets.fit(check, sets, path)
        self._rates.fit(kind, roles, sets, keys, path)
        if check is None or common is None or len(sets) < len(roles):
            return None
        embedders = (own_embedder(check),) if has_own_embedder(kind) else self._embedders.named(names)
        if len(embedders) < max(len(names), MATCHES not in needed):
            return None
        if AGREEMENT in keys and len(thresholds) < len(names):
            return None
        check_template_sets(self._validator, check, keys, sets, embedders, path)
        line, column = self._validator.source.place(path)
        names_of: dict[str, Any] = {role: sets[role].name if role in sets else None for role in ROLES}
        return Case(
            id=f"{name}[{self._id([sets[role].name for role in needed], names)}]",
            check_name=name,
            check=check,
            line=line,
            column=column,
            embedder=next(iter(embedders), None),
            agreement=_agreeing(embedders, thresholds),
            no_worse_than=common.no_worse_than,
            **names_of,
        )

    def _optional(
        self, kind: type[Any], needed: Sequence[str], keys: Mapping[str, Any], path: KeyPath
    ) -> Iterator[str]:
        """The keys for datasets that stand beside those that are needed; those that don't fit are reported."""
        others = role_keys(kind)
        for role in others.all:
            if role in needed or role not in keys:
                continue
            if role not in others.optional:
                message = f"found {role!r} beside 'matches'; a match list stands in place of two sets"
            elif MATCHES in needed:
                message = f"found {role!r} beside 'matches'; a match list has no templates to compare it with"
            else:
                yield role
                continue
            self._validator.report((*path, role), message, at_key=True)

    def _embedder_names(
        self, kind: type[Any], needed: Sequence[str], keys: Mapping[str, Any], path: KeyPath
    ) -> tuple[str, ...]:
        if MATCHES in needed:
            self._embedders.refuse("beside 'matches'; a match list was computed elsewhere", keys, path)
        elif has_own_embedder(kind):
            reason = "at a check that compares pictures and not people; say how with 'method'"
            self._embedders.refuse(reason, keys, path)
        else:
            return self._embedders.find(kind, keys, path)
        return ()

    def _check(
        self,
        kind: type[Any],
        needed: Sequence[str],
        keys: dict[str, Any],
        path: KeyPath,
        thresholds: Sequence[Threshold],
    ) -> Any:
        """The check itself; where embedders must agree it holds the threshold of the first."""
        roles = role_keys(kind).all
        beside = (*roles, EMBEDDER, AGREEMENT, *_COMMON)
        own = {key: value for key, value in keys.items() if key not in beside}
        if can_agree(kind) and AGREEMENT in keys and THRESHOLD in own:
            # each threshold was judged before; the check's other keys are judged even where one was wrong
            own[THRESHOLD] = next(iter(thresholds), Threshold(cosine=1.0))
        lacking = [role for role in needed if role not in keys]
        return self._validator.build(kind, own, path, also=_may_stand_beside(kind, roles), lacking=lacking)

    def _id(self, sets: Sequence[str], embedders: Sequence[str]) -> str:
        by = f"-by-{'+'.join(embedders)}" if embedders and self._embedders.named_by_user else ""
        return "-vs-".join(sets) + by

    def _check_class(self, name: str, path: KeyPath) -> type[Any] | None:
        try:
            kind: type[Any] = CHECKS.load(name)
        except UsageError as error:
            self._validator.report(path, str(error), at_key=True)
            return None
        problem = why_not_a_check(name, kind)
        if not problem:
            return kind
        self._validator.report(path, f"this check of another package {problem}", at_key=True)
        return None


def _may_stand_beside(kind: type[Any], roles: Sequence[str]) -> tuple[str, ...]:
    """The keys that a check may have beside those of its class, as a message lists them."""
    embedder = () if has_own_embedder(kind) else (EMBEDDER,)
    agreement = (AGREEMENT,) if can_agree(kind) else ()
    return (*roles, *embedder, *agreement, *_COMMON)


def _agreeing(embedders: Sequence[NamedEmbedder], thresholds: Sequence[Threshold]) -> tuple[Agreeing, ...]:
    """The embedders after the first, each with its threshold; nothing where a check asks for one alone."""
    pairs = zip(embedders[1:], thresholds[1:], strict=True)
    return tuple(Agreeing(embedder=embedder, threshold=threshold) for embedder, threshold in pairs)


def _not_one(names: list[str]) -> str:
    if not names:
        return "found an empty mapping, expected one check"
    shown = ", ".join(map(quoted, names))
    return (
        f"found {len(names)} keys ({shown}), expected one check; "
        "indent the keys of a check deeper than its name, and begin each check with '- '"
    )


def _numbered(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases with ``#2`` and so on at the end of an id that was there before."""
    n_seen = Counter[str]()
    for case in cases:
        n_seen[case.id] += 1
        yield case if n_seen[case.id] == 1 else replace(case, id=f"{case.id[:-1]}#{n_seen[case.id]}]")
