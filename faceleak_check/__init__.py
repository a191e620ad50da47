"""faceleak-check: a release gate for synthetic face datasets, as a pytest plugin.

``from faceleak_check import check`` runs a policy from Python; everything is imported when it is first used,
because pytest loads this package in every run of every project.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceleak_check.api import PolicyResult, check
    from faceleak_check.errors import FaceleakError, InconclusiveError, PolicyError, UsageError
    from faceleak_check.records import Outcome, Verdict

__all__ = [
    "FaceleakError",
    "InconclusiveError",
    "Outcome",
    "PolicyError",
    "PolicyResult",
    "UsageError",
    "Verdict",
    "check",
]

_HOMES = {
    "PolicyResult": "api",
    "check": "api",
    "FaceleakError": "errors",
    "InconclusiveError": "errors",
    "PolicyError": "errors",
    "UsageError": "errors",
    "Outcome": "records",
    "Verdict": "records",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
