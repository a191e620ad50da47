"""What a check of another package must be: a comparison of two sets, with all that the gate asks it."""

from __future__ import annotations

from typing import Any

from faceleak_check.policy.roles import CALIBRATION, CONTROL, MATCHES, PAIR, role_keys
from faceleak_check.registry import CHECKS

__all__ = ["why_not_a_pair_check"]

_PARTS = ("needs_whole_set", "n_neighbours", "metric", "leaking", "measure")
"""Those of `faceleak_check.protocols.PairCheck`."""


def why_not_a_pair_check(name: str, kind: type[Any]) -> str:
    """Why the gate cannot ask a check of another package; empty where it can, and for a check of our own.

    Args:
        name: Its name in the policy.
        kind: Its class, made with `check_keys`.
    """
    if CHECKS.is_built_in(name):
        return ""
    if lacking := [part for part in _PARTS if not hasattr(kind, part)]:
        return f"lacks {', '.join(lacking)}; see PairCheck in faceleak_check.protocols"
    roles = role_keys(kind)
    if not {*roles.alternatives} <= {PAIR, (MATCHES,)} or not {*roles.optional} <= {CONTROL, CALIBRATION}:
        return "looks at other sets than 'generated' and 'source' or 'matches', which only our own checks can"
    if not getattr(kind, "has_embedder", True):
        return "brings its own way of comparing pictures, which only our own checks can"
    return ""
