"""Whether the checks of a policy bear an index that misses some neighbours."""

from __future__ import annotations

from collections.abc import Iterable

from faceleak_check.policy.document import SearchKeys
from faceleak_check.policy.schema import Case
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import quoted

__all__ = ["check_index"]

_INDEX = ("search", "index")


def check_index(search: SearchKeys, cases: Iterable[Case], validator: Validator) -> None:
    """Refuses an approximate index where a check needs every neighbour.

    A check of another package that bears it says ``bears_misses``, a property.

    Args:
        search: How the policy looks for neighbours.
        cases: Its cases.
        validator: Where problems go.
    """
    if search.index == "exact":
        return
    for case in cases:
        if case.source is not None and not getattr(case.check, "bears_misses", False):
            message = (
                f"found {quoted(search.index)}, an index that misses some neighbours, but {_why_not(case)}; "
                "write 'exact', or take the key out"
            )
            validator.report(_INDEX, message)


def _why_not(case: Case) -> str:
    name = f"{quoted(case.check_name)} in line {case.line}"
    if hasattr(case.check, "bears_misses"):
        return f"{name} has no 'confidence', whose interval would allow for that"
    return f"{name} needs every one"
