"""The figures of a report as SVG, drawn from a case's record alone."""

from __future__ import annotations

from faceleak_check.reports.plots.error_rates import error_rates_svg
from faceleak_check.reports.plots.histogram import histogram_svg
from faceleak_check.reports.plots.roc import roc_svg

__all__ = ["error_rates_svg", "histogram_svg", "roc_svg"]
