"""The items of ``checks`` → cases: each names its sets and builds its check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from faceleak_check.errors import UsageError
from faceleak_check.policy.agreement import THRESHOLD, agreed_thresholds, has_threshold
from faceleak_check.policy.embedders import AGREEMENT, EMBEDDER, EmbedderRules
from faceleak_check.policy.planned import PLANNED_CHECKS
from faceleak_check.policy.schema import Agreeing, Case, NamedEmbedder
from faceleak_check.policy.sets import MATCHES, PAIR, SetRules
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.validation import Validator, is_made_with_check_keys
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import CHECKS, suggestion

__all__ = ["CaseBuilder"]


class CaseBuilder:
    """Builds the cases of one policy.

    Args:
        validator: Where problems go.
        sets: The rules for the datasets that a check names.
        embedders: The rules for the embedders that a check names.
    """

    def __init__(self, validator: Validator, sets: SetRules, embedders: EmbedderRules) -> None:
        self._validator = validator
        self._sets = sets
        self._embedders = embedders

    def build(self, checks: object) -> tuple[Case, ...]:
        """The cases that are free of errors, in file order, each with an id of its own."""
        entries = checks if isinstance(checks, list) else []
        built = [self._entry(entry, ("checks", n)) for n, entry in enumerate(entries)]
        return tuple(_numbered(case for case in built if case is not None))

    def _entry(self, entry: object, path: KeyPath) -> Case | None:
        if not isinstance(entry, dict):
            return None
        if len(entry) != 1:
            self._validator.report(path, _not_one(list(entry)))
            return None
        [(name, keys)] = entry.items()
        path = (*path, name)
        if name not in CHECKS and name not in PLANNED_CHECKS:
            near = suggestion(name, [*CHECKS, *PLANNED_CHECKS])
            message = f"unknown check {quoted(name)}{near}; there are: {', '.join(CHECKS)}"
            self._validator.report(path, message, at_key=True)
        elif not isinstance(keys, dict):
            self._validator.report(
                path, f"found {found(keys)}, expected a mapping with the keys of the check"
            )
        elif name in PLANNED_CHECKS:
            self._planned(PLANNED_CHECKS[name], keys, path)
        else:
            return self._case(name, keys, path)
        return None

    def _planned(self, kind: type[Any], keys: dict[str, Any], path: KeyPath) -> None:
        """Check the form of a check that a later version serves."""
        lacking = [role for role in kind.roles if role not in keys]
        self._validator.build(kind, _without(keys, kind.roles), path, also=kind.roles, lacking=lacking)
        self._sets.find(kind.roles, keys, path)

    def _case(self, name: str, keys: dict[str, Any], path: KeyPath) -> Case | None:
        kind = self._check_class(name, path)
        roles = _roles(keys)
        sets = self._sets.find(roles, keys, path)
        if kind is None:
            return None
        names = self._embedder_names(kind, roles, keys, path)
        thresholds = agreed_thresholds(self._validator, keys, names, path) if AGREEMENT in keys else ()
        check = self._check(kind, roles, keys, path, thresholds)
        self._refuse_both(keys, path)
        self._sets.fit(kind, sets, keys, path)
        embedders = self._embedders.named(names)
        n_needed = max(len(names), roles == PAIR)
        if check is None or len(sets) < len(roles) or len(embedders) < n_needed:
            return None
        if AGREEMENT in keys and len(thresholds) < len(names):
            return None
        line, column = self._validator.source.place(path)
        return Case(
            id=f"{name}[{self._id([sets[role].name for role in roles], names)}]",
            check_name=name,
            check=check,
            line=line,
            column=column,
            embedder=next(iter(embedders), None),
            agreement=_agreeing(embedders, thresholds),
            **{role: sets[role].name if role in sets else None for role in (*PAIR, MATCHES)},
        )

    def _embedder_names(
        self, kind: type[Any], roles: Sequence[str], keys: dict[str, Any], path: KeyPath
    ) -> tuple[str, ...]:
        if MATCHES not in roles:
            return self._embedders.find(kind, keys, path)
        self._embedders.refuse_beside(MATCHES, keys, path)
        return ()

    def _check(
        self,
        kind: type[Any],
        roles: Sequence[str],
        keys: dict[str, Any],
        path: KeyPath,
        thresholds: Sequence[Threshold],
    ) -> Any:
        """The check itself; where embedders must agree it holds the threshold of the first."""
        beside = (*PAIR, MATCHES, EMBEDDER, AGREEMENT)
        own = _without(keys, beside)
        can_agree = has_threshold(kind)
        if can_agree and AGREEMENT in keys and THRESHOLD in own:
            # each threshold was judged before; the check's other keys are judged even where one was wrong
            own[THRESHOLD] = next(iter(thresholds), Threshold(cosine=1.0))
        lacking = [role for role in roles if role not in keys]
        also = beside if can_agree else beside[:-1]
        return self._validator.build(kind, own, path, also=also, lacking=lacking)

    def _id(self, sets: Sequence[str], embedders: Sequence[str]) -> str:
        by = f"-by-{'+'.join(embedders)}" if embedders and self._embedders.named_by_user else ""
        return "-vs-".join(sets) + by

    def _check_class(self, name: str, path: KeyPath) -> type[Any] | None:
        try:
            kind: type[Any] = CHECKS.load(name)
        except UsageError as error:
            self._validator.report(path, str(error), at_key=True)
            return None
        if is_made_with_check_keys(kind):
            return kind
        message = "this check of another package is not made with check_keys, so its keys cannot be checked"
        self._validator.report(path, message, at_key=True)
        return None

    def _refuse_both(self, keys: dict[str, Any], path: KeyPath) -> None:
        for role in PAIR:
            if MATCHES in keys and role in keys:
                message = f"found '{role}' beside 'matches'; a match list stands in place of two sets"
                self._validator.report((*path, role), message, at_key=True)


def _roles(keys: dict[str, Any]) -> tuple[str, ...]:
    """The keys that name this check's datasets; a slip such as ``match`` is reported as an unknown key."""
    names_pair = any(role in keys for role in PAIR)
    if MATCHES in keys or (not names_pair and any(suggestion(key, [MATCHES]) for key in keys)):
        return (MATCHES,)
    return PAIR


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


def _without(keys: dict[str, Any], roles: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key not in roles}


def _numbered(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases with ``#2`` and so on at the end of an id that was there before."""
    n_seen = Counter[str]()
    for case in cases:
        n_seen[case.id] += 1
        yield case if n_seen[case.id] == 1 else replace(case, id=f"{case.id[:-1]}#{n_seen[case.id]}]")
