"""What a case compares; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faceleak_check.calibration_sets import Unseen
from faceleak_check.comparison import Figures, SecondEmbedder
from faceleak_check.copies import Kinds
from faceleak_check.hubs import HubRule
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.policy.schema import Expect
from faceleak_check.records import Calibration, ChanceMatches, EmbedderSpec, ErrorRate, Scan, SetSummary
from faceleak_check.screening import Screener

__all__ = ["Comparison"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a case compares.

    Attributes:
        check: The check, its thresholds as cosines or distances.
        figures: Measures; None where a set has no image that can be compared.
        sets: Where each image of the sets went, by role.
        expected: What the policy says that they hold, by role.
        embedder: The embedder's spec; None for precomputed matches.
        agreement: The specs of the embedders that must agree, by name.
        seconds: Those embedders with their templates.
        screener: The screens; None where the policy has none, or the check does not ask for them.
        whole: Roles of the sets that are screened whole.
        embedded: The sets with their images, by role; empty for precomputed matches.
        thresholds: The thresholds that were asked for as error rates, by the embedder's name.
        error_rates: Thresholds of other false match rates, for a figure; empty where nothing tells them.
        chance: What the threshold predicts by chance; None where nothing tells.
        hubs: The hub rule; None where the policy has none, or the check does not ask for it.
        kinds: Tells copies from other pictures of a person; None without images.
        unseen: What control people find in the source; None without a control.
        scan: Which images were looked at in full precision; None where all were from the start.
    """

    check: Any
    figures: Figures | None
    sets: Mapping[str, SetSummary]
    expected: Mapping[str, Expect] = field(default_factory=dict)
    embedder: EmbedderSpec | None = None
    agreement: Mapping[str, EmbedderSpec] = field(default_factory=dict)
    seconds: tuple[SecondEmbedder, ...] = ()
    screener: Screener | None = None
    whole: tuple[Role, ...] = ()
    embedded: Mapping[Role, EmbeddedSet] = field(default_factory=dict)
    thresholds: Mapping[str, Calibration] = field(default_factory=dict)
    error_rates: tuple[ErrorRate, ...] = ()
    chance: ChanceMatches | None = None
    hubs: HubRule | None = None
    kinds: Kinds | None = None
    unseen: Unseen | None = None
    scan: Scan | None = None
