"""The keys with which a check names its datasets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from faceleak_check.registry import suggestion

__all__ = [
    "CALIBRATION",
    "CONTROL",
    "DATASET",
    "GENERATED",
    "MATCHES",
    "PAIR",
    "ROLES",
    "SOURCE",
    "RoleKeys",
    "role_keys",
    "unknown_roles",
]

GENERATED = "generated"
SOURCE = "source"
MATCHES = "matches"
CONTROL = "control"
CALIBRATION = "calibration"
DATASET = "dataset"
PAIR = (GENERATED, SOURCE)
ROLES = (*PAIR, MATCHES, CONTROL, CALIBRATION, DATASET)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleKeys:
    """What a check's class says about the datasets that it needs.

    Attributes:
        alternatives: The ways to name them, at least one: the keys of each are all needed.
        optional: Keys that may stand beside them.
    """

    alternatives: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of these keys, each once."""
        return tuple(dict.fromkeys([key for keys in self.alternatives for key in keys] + list(self.optional)))

    def chosen(self, keys: Collection[str]) -> tuple[str, ...]:
        """The alternative that a policy means; the first where nothing speaks for another.

        Args:
            keys: All keys of the check; a slip such as ``match`` speaks for ``matches``.
        """
        first, *others = self.alternatives
        for other in others:
            own = [role for role in other if role not in first]
            names_first = any(role in keys for role in first if role not in other)
            is_slip = not names_first and any(suggestion(key, own) for key in keys)
            if is_slip or any(role in keys for role in own):
                return other
        return first


def role_keys(kind: type[Any]) -> RoleKeys:
    """The keys of a check's class; a pair of sets or a match list where it says nothing.

    Args:
        kind: The class, with `roles` (alternatives) and `may_name` (optional keys) where it has its own.
    """
    return RoleKeys(
        alternatives=getattr(kind, "roles", (PAIR, (MATCHES,))), optional=getattr(kind, "may_name", ())
    )


def unknown_roles(kind: type[Any]) -> tuple[str, ...]:
    """Those of a class's keys for datasets that nothing is known about."""
    return tuple(role for role in role_keys(kind).all if role not in ROLES)
