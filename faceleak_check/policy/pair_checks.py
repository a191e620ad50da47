"""What a check of another package must be: a comparison of two sets, with all that the gate asks it."""

from __future__ import annotations

from typing import Any

from faceleak_check.policy.embedders import has_own_embedder
from faceleak_check.policy.roles import CALIBRATION, CONTROL, MATCHES, PAIR, role_keys, unknown_roles
from faceleak_check.policy.validation import is_made_with_check_keys
from faceleak_check.registry import CHECKS

__all__ = ["is_check", "why_not_a_check"]

_PARTS = ("needs_whole_set", "n_neighbours", "metric", "leaking", "measure")
"""Those of `faceleak_check.protocols.PairCheck`."""


def is_check(name: str, kind: type[Any]) -> bool:
    """Whether the gate can ask a check."""
    return not why_not_a_check(name, kind)


def why_not_a_check(name: str, kind: type[Any]) -> str:
    """Why the gate cannot ask a check of another package; empty where it can, and for a check of our own.

    Args:
        name: Its name in the policy.
        kind: What is registered under that name.
    """
    if not is_made_with_check_keys(kind):
        return "is not made with check_keys, so its keys cannot be checked"
    if unknown := unknown_roles(kind):
        return f"asks for datasets under keys that there are not: {', '.join(unknown)}"
    return "" if CHECKS.is_built_in(name) else _why_no_pair_check(kind)


def _why_no_pair_check(kind: type[Any]) -> str:
    if lacking := [part for part in _PARTS if not hasattr(kind, part)]:
        return f"lacks {', '.join(lacking)}; see PairCheck in faceleak_check.protocols"
    roles = role_keys(kind)
    if not {*roles.alternatives} <= {PAIR, (MATCHES,)} or not {*roles.optional} <= {CONTROL, CALIBRATION}:
        return "looks at other sets than 'generated' and 'source' or 'matches', which only our own checks can"
    if has_own_embedder(kind):
        return "brings its own way of comparing pictures, which only our own checks can"
    return ""
