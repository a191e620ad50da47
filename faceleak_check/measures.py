"""What a check measures on its sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.checks.near_copy import NearCopy
from faceleak_check.comparison import Figures
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.measuring import PairFigures
from faceleak_check.measuring_controls import ExcessFigures, MembershipFigures
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.neighbours import Neighbours

__all__ = ["figures_of"]


def figures_of(check: Any, sets: Mapping[Role, EmbeddedSet], engine: SearchEngine) -> Figures | None:
    """What measures a check; None where one of its sets has no image that can be compared.

    Args:
        check: The check, its thresholds as cosines or distances.
        sets: Its sets by role.
        engine: How nearest neighbours are looked for.
    """
    if not all(one.images for role, one in sets.items() if role != "calibration"):
        return None
    names = {role: one.summary.name for role, one in sets.items()}
    # the mirror images among the source's hashes are enough to know a mirrored copy
    generated = sets["generated"].gallery(first_only=isinstance(check, NearCopy))
    source = sets["source"].gallery(each_content_once=True)
    if isinstance(check, ExcessRisk):
        return ExcessFigures(
            check=check,
            generated=generated,
            source=source,
            control=sets["control"].gallery(each_content_once=True),
            engine=engine.between(names["generated"], f"{names['source']} and {names['control']}"),
        )
    if isinstance(check, MembershipInference):
        return MembershipFigures(
            check=check,
            generated=sets["generated"].gallery(each_content_once=True),
            source=source,
            control=sets["control"].gallery(each_content_once=True),
            engine=engine.between(f"{names['source']} and {names['control']}", names["generated"]),
        )
    neighbours = Neighbours(
        generated=generated,
        source=source,
        metric=check.metric,
        engine=engine.between(names["generated"], names["source"]),
    )
    return PairFigures(check=check, neighbours=neighbours)
