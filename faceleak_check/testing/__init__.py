"""What the author of a check, reader, embedder or screen runs in a test of his own.

Each function asks a part what the gate asks it, and raises AssertionError with what was found and expected at the first
rule that it breaks. The rules are those of `faceleak_check.protocols`; no network, no store and no policy is used.
"""

from __future__ import annotations

from faceleak_check.testing.checks import check_check, some_matches
from faceleak_check.testing.networks import check_embedder, check_screen
from faceleak_check.testing.readers import a_dataset, check_reader

__all__ = ["a_dataset", "check_check", "check_embedder", "check_reader", "check_screen", "some_matches"]
