"""Which embedders a policy has, and which of them a check asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceleak_check.policy.agreement import can_agree, has_threshold
from faceleak_check.policy.document import Document, EmbedderChoice
from faceleak_check.policy.schema import NamedEmbedder
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import suggestion

__all__ = [
    "AGREEMENT",
    "EMBEDDER",
    "EmbedderRules",
    "chosen_embedders",
    "has_own_embedder",
    "own_embedder",
]

AGREEMENT = "agreement"
EMBEDDER = "embedder"
SEVERAL = "embedders"
DEFAULT = "dlib-resnet"


def chosen_embedders(document: Document) -> dict[str, EmbedderChoice]:
    """The embedders by the names that checks use; the default one where the policy names none."""
    if document.embedders is not None:
        return dict(document.embedders)
    only = document.embedder or EmbedderChoice(name=DEFAULT)
    return {only.name: only}


def has_own_embedder(kind: type[Any]) -> bool:
    """Whether a check brings its way of comparing pictures, in place of the policy's embedders."""
    return not getattr(kind, "has_embedder", True)


def own_embedder(check: Any) -> NamedEmbedder:
    """What such a check compares pictures with; they are compared whole.

    Args:
        check: The check, with its method, weights and digest.
    """
    choice = EmbedderChoice(name=check.method, weights=check.weights, sha256=check.sha256, align="none")
    return NamedEmbedder(name=choice.name, choice=choice)


class EmbedderRules:
    """Looks at the embedders of one check after the other; what is wrong goes to the validator.

    Args:
        validator: Where problems go.
        choices: The embedders that are free of errors, by the names that checks use.

    Attributes:
        named_by_user: Whether the policy lists embedders under names of its own.
    """

    def __init__(self, validator: Validator, choices: Mapping[str, EmbedderChoice]) -> None:
        self.named_by_user = SEVERAL in validator.source.data
        self._validator = validator
        self._choices = choices
        self._names = _names(validator)

    def find(self, kind: type[Any], keys: Mapping[str, Any], path: KeyPath) -> tuple[str, ...]:
        """The names of the embedders that a check asks for; none where one has a problem.

        Args:
            kind: The check's class.
            keys: All keys of the check.
            path: Where the check stands.
        """
        if AGREEMENT in keys:
            return self._agreeing(kind, keys, path)
        if EMBEDDER in keys:
            return (keys[EMBEDDER],) if self._is_named(keys[EMBEDDER], (*path, EMBEDDER)) else ()
        if self._names is None or len(self._names) == 1:
            return tuple(self._names or ())
        needed = (EMBEDDER, AGREEMENT) if can_agree(kind) else (EMBEDDER,)
        unknown = keys.keys() - kind.__pydantic_fields__.keys()
        # a slip such as `embeder` is reported as an unknown key
        if self._names and not any(suggestion(key, list(needed)) for key in unknown):
            message = f"missing key {' or '.join(map(repr, needed))}; there are: {', '.join(self._names)}"
            self._validator.report(path, message, at_key=True)
        return ()

    def refuse(self, reason: str, keys: Mapping[str, Any], path: KeyPath) -> None:
        """Report the embedders of a check that needs none.

        Args:
            reason: What to tell the user after the name of the key.
            keys: All keys of the check.
            path: Where the check stands.
        """
        for key in (EMBEDDER, AGREEMENT):
            if key in keys:
                self._validator.report((*path, key), f"found {key!r} {reason}", at_key=True)

    def named(self, names: tuple[str, ...]) -> tuple[NamedEmbedder, ...]:
        """Those of the embedders that are free of errors."""
        return tuple(
            NamedEmbedder(name=name, choice=self._choices[name]) for name in names if name in self._choices
        )

    def _agreeing(self, kind: type[Any], keys: Mapping[str, Any], path: KeyPath) -> tuple[str, ...]:
        names, place = keys[AGREEMENT], (*path, AGREEMENT)
        if EMBEDDER in keys:
            message = "found 'embedder' beside 'agreement'; name all embedders in 'agreement'"
            self._validator.report((*path, EMBEDDER), message, at_key=True)
        refusal = self._refused_agreement(kind, names)
        if refusal:
            self._validator.report(place, refusal, at_key=not can_agree(kind) or not self.named_by_user)
            return ()
        known = [self._is_new(names, n, (*place, n)) for n in range(len(names))]
        return tuple(names) if all(known) else ()

    def _refused_agreement(self, kind: type[Any], names: object) -> str:
        """What is wrong with an agreement as a whole; empty where nothing is."""
        if has_threshold(kind) and not can_agree(kind):
            return "this check compares with one embedder; name it with 'embedder'"
        if not has_threshold(kind):
            return "this check has no threshold that embedders could agree on; name one with 'embedder'"
        if not self.named_by_user:
            return "this policy has one embedder; list those that must agree under 'embedders'"
        if not isinstance(names, list):
            return f"found {found(names)}, expected a list of two or more embedders, such as [a, b]"
        if len(names) < 2:
            return f"found {len(names) or 'no'} embedder in it, expected two or more"
        return ""

    def _is_new(self, names: list[object], n: int, path: KeyPath) -> bool:
        if not self._is_named(names[n], path):
            return False
        if names[n] in names[:n]:
            self._validator.report(path, f"found {names[n]!r} twice, expected different embedders")
        return names[n] not in names[:n]

    def _is_named(self, name: object, path: KeyPath) -> bool:
        if not isinstance(name, str):
            self._validator.report(path, f"found {found(name)}, expected the name of an embedder")
            return False
        if self._names is None or name in self._names:
            return self._names is not None
        there = ", ".join(self._names) or "none"
        more = "" if self.named_by_user else "; list several under 'embedders'"
        near = suggestion(name, list(self._names))
        self._validator.report(path, f"unknown embedder {quoted(name)}{near}; there are: {there}{more}")
        return False


def _names(validator: Validator) -> list[str] | None:
    """The names that checks may use, whether or not the embedders are free of errors; None where unreadable."""
    data = validator.source.data
    if SEVERAL in data:
        several = data[SEVERAL]
        return (
            list(several) if isinstance(several, dict) and (SEVERAL,) not in validator.source.broken else None
        )
    only = data.get(EMBEDDER, {"name": DEFAULT})
    name = only.get("name") if isinstance(only, dict) else None
    return [name] if isinstance(name, str) else None
