"""The ``faceleak`` fixture: a policy inside a test of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceleak_check.collection import bar_taken_away, new_gate

if TYPE_CHECKING:
    from faceleak_check.api import PolicyResult

__all__ = ["FaceleakFixture"]


class FaceleakFixture:
    """What the `faceleak` fixture gives to a test.

    Args:
        config: pytest's configuration, for ``--faceleak-store``.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __call__(self, policy: Path | str, *, environment: Mapping[str, str] | None = None) -> PolicyResult:
        """Runs a policy; see `faceleak_check.check`. What lies in its datasets is looked at anew each time.

        Args:
            policy: A policy file, or ``builtin:NAME``.
            environment: Values for ``${NAME}`` in the policy; by default the process's environment.
        """
        from faceleak_check.api import check_with

        with bar_taken_away(self._config):
            # a gate that is kept would not see what a test has generated since
            return check_with(new_gate(self._config), policy, environment)
