"""The keys under ``waivers`` of a policy, where they are more than the name of a file."""

from __future__ import annotations

from faceleak_check.policy.paths import PolicyPath
from faceleak_check.policy.types import check_keys
from faceleak_check.policy.waivers import Follows

__all__ = ["WaiverKeys", "waiver_form"]


@check_keys
class WaiverKeys:
    """A file of accepted leaks, and what follows where it no longer fits.

    Attributes:
        file: The file, relative to the policy file.
        on_expired: What follows where a waiver is over, fail or warn; either way its pair counts again.
        on_unmatched: What follows where the pair of a waiver is no leak in any check, fail or warn.
    """

    file: PolicyPath
    on_expired: Follows = "fail"
    on_unmatched: Follows = "fail"


def waiver_form(value: object) -> str:
    """Which of the forms a value has: ``file form`` or ``keys form``."""
    return "keys form" if isinstance(value, dict | WaiverKeys) else "file form"
