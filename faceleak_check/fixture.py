"""The `faceleak` fixture: a policy inside a test of somebody's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from faceleak_check.api import PolicyResult, check_with
from faceleak_check.collection import bar_taken_away, gate_of

__all__ = ["FaceleakFixture"]


class FaceleakFixture:
    """What the `faceleak` fixture gives to a test.

    Args:
        config: pytest's configuration, for ``--faceleak-store``.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __call__(self, policy: Path | str, *, environment: Mapping[str, str] | None = None) -> PolicyResult:
        """Runs a policy; see `faceleak_check.check`.

        Args:
            policy: A policy file, or ``builtin:NAME``.
            environment: Values for ``${NAME}`` in the policy; by default the process's environment.
        """
        with bar_taken_away(self._config):
            return check_with(gate_of(self._config), policy, environment)
