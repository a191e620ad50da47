"""The key ``report``: what the report tells besides the verdicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from faceleak_check.policy.types import check_keys

__all__ = ["ReportKeys", "StandardName"]

StandardName = Literal["gdpr-recital-26", "edpb-28-2024", "iso-27559", "iso-19795-1"]
"""A text that asks for figures such as ours."""


@check_keys
class ReportKeys:
    """What the report tells besides the verdicts.

    Attributes:
        standards: Texts of law and standards whose topics the report puts beside the figures; evidence towards them,
            and no more.
    """

    standards: Annotated[tuple[StandardName, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.standards if self.standards.count(name) > 1})
        if twice:
            raise ValueError(f"found {twice[0]!r} twice in 'standards'; name each once")
