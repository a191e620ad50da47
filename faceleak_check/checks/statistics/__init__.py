"""Statistics of checks, as pure functions on NumPy arrays."""

from __future__ import annotations

from faceleak_check.checks.statistics.rates import wilson_interval

__all__ = ["wilson_interval"]
