"""The figure of a comparison once its screens have had their say, and what it would be without them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from faceleak_check.case_comparison import Comparison
from faceleak_check.comparison import Settled, settle
from faceleak_check.hubs import HubRule
from faceleak_check.image_sets import Role, with_excluded
from faceleak_check.matches import Gone
from faceleak_check.records import ImageRef, SetSummary, Verdict
from faceleak_check.screening import Screener

__all__ = ["ScreenedFigure"]

_SIDES: Mapping[str, tuple[Role, ...]] = {
    "generated": ("generated", "canaries", "dataset"),
    "source": ("source", "control"),
}
"""Which role's images are looked for among which, once they are gone."""


class ScreenedFigure:
    """The figure of one comparison with its screens, which look at the images that it depends on.

    Args:
        screener: The screens.
        compared: What is compared.
    """

    def __init__(self, screener: Screener, compared: Comparison) -> None:
        self._screener = screener
        self._compared = compared
        self._bare: Settled | None = None
        self._settled: Settled | None = None

    def settled(self, accepted: Collection[tuple[str, str]]) -> Settled | None:
        """The figure once the screens have had their say; None where they leave nothing to compare."""
        compared, figures = self._compared, self._compared.figures
        assert figures is not None
        for role in compared.whole:
            self._screener.look_at(role, compared.embedded[role].images)
        gone = self._all_gone(Gone())
        self._bare = settle(figures, seconds=compared.seconds, hubs=_afresh(compared.hubs))
        self._settled = settle(
            figures,
            gone=gone,
            seconds=compared.seconds,
            screens=self,
            hubs=compared.hubs,
            accepted=accepted,
        )
        return self._settled

    def look_at(self, images: Mapping[Role, Collection[ImageRef]], gone: Gone) -> Gone:
        """Asks about the images, role by role."""
        new = [self._screener.look_at(role, those) for role, those in images.items()]
        return self._all_gone(gone) if any(new) else gone

    def _all_gone(self, gone: Gone) -> Gone:
        rejected = self._screener.rejected
        found = {
            side: frozenset(digest for role in roles for digest in rejected.get(role, ()))
            for side, roles in _SIDES.items()
        }
        return replace(gone, generated=found["generated"], source=found["source"])

    def filled(self, blank: Verdict) -> Verdict:
        """The verdict with what the screens took out, and what the figure would be without them."""
        taken_out = any(self._screener.rejected.values())
        screened: dict[str, SetSummary] = {
            role: with_excluded(blank.sets[role], self._screener.exclusions(role))
            for role in self._screener.rejected
        }
        return replace(
            blank,
            sets={**blank.sets, **screened},
            screens=self._screener.summaries(self._leaking_contents()),
            unscreened=self._bare.measured if self._bare and taken_out else None,
        )

    def _leaking_contents(self) -> dict[Role, set[str]]:
        """The images in pairs that would count against the release if nothing were screened, by role."""
        assert self._bare is not None
        measured, matches = self._bare.measured, self._bare.matches
        pairs = [pair for pair in measured.pairs if measured.leaks or pair.similarity > measured.limit]
        if matches is not None and not (measured.leaks and pairs):
            rows = self._compared.check.leaking(matches)
            pairs += [
                matches.pair(int(row), int(column)) for row, column in zip(*rows.nonzero(), strict=True)
            ]
        if self._settled and measured.leaks:
            pairs += self._settled.seen.values()
        generated, source = {pair.generated.sha256 for pair in pairs}, {pair.source.sha256 for pair in pairs}
        roles: dict[Role, set[str]] = {role: set() for role in self._screener.rejected}
        return roles | {"generated": generated, "source": source}


def _afresh(hubs: HubRule | None) -> HubRule | None:
    return None if hubs is None else hubs.afresh()
