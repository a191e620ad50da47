"""``coverage``: whether enough of a dataset was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from faceleak_check.policy.types import PositiveCount, Share, check_keys
from faceleak_check.records import NO_FACE, AboutCheck, Figure, Measurement, Outcome

__all__ = ["Coverage"]


@check_keys
class Coverage:
    """How much of a dataset can be compared; what is missed is inconclusive.

    Attributes:
        min_images: Fewest images that must be embedded.
        max_unreadable: Highest share of the images that may be unreadable.
        max_no_face: Highest share that may show no face.
        max_screened: Highest share that the screens may take out.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Was enough looked at?",
        question="Could enough of the dataset's images be compared at all?",
        kind="coverage",
        not_shown="Whether anything leaks: it tells only how much could be looked at.",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("dataset",),)
    needs_whole_set: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    min_images: PositiveCount | None = None
    max_unreadable: Share | None = None
    max_no_face: Share | None = None
    max_screened: Share | None = None

    def __post_init__(self) -> None:
        if all(
            limit is None
            for limit in (self.min_images, self.max_unreadable, self.max_no_face, self.max_screened)
        ):
            raise ValueError(
                "found no limit, expected at least one of min_images, max_unreadable, max_no_face, max_screened"
            )

    def measure_counts(self, n_seen: int, n_compared: int, n_left_out: Mapping[str, int]) -> Measurement:
        """The limit that is missed by most, or the number of images where all are met.

        Args:
            n_seen: Images of the dataset.
            n_compared: Those that can be compared.
            n_left_out: The others by rule: ``unreadable``, ``no_face``, and ``screened`` for all screens together.
        """
        shares = {
            name: n_left_out.get(name, 0) / max(1, n_seen) for name in ("unreadable", NO_FACE, "screened")
        }
        figures = tuple(Figure(name=f"share_{name}", value=share) for name, share in shares.items())
        missed = [one for one in self._limits(shares) if one[0] > one[1]]
        if self.min_images is not None and (n_compared < self.min_images or not missed):
            return Measurement(
                value=n_compared,
                limit=self.min_images,
                unit="images",
                n=n_seen,
                rule="images that can be compared",
                pairs=(),
                finding=f"{n_compared:,} of {n_seen:,} images can be compared",
                at_least=True,
                missed=Outcome.INCONCLUSIVE,
                figures=figures,
            )
        share, limit, what = max(missed or list(self._limits(shares)), key=lambda one: one[0] - one[1])
        return Measurement(
            value=share,
            limit=limit,
            unit="share",
            n=n_seen,
            rule=f"images that are {what}",
            pairs=(),
            finding=f"{round(share * n_seen):,} of {n_seen:,} images ({{value}}) are {what}",
            missed=Outcome.INCONCLUSIVE,
            figures=figures,
        )

    def _limits(self, shares: Mapping[str, float]) -> Iterator[tuple[float, float, str]]:
        if self.max_unreadable is not None:
            yield shares["unreadable"], self.max_unreadable, "unreadable"
        if self.max_no_face is not None:
            yield shares[NO_FACE], self.max_no_face, "without a face"
        if self.max_screened is not None:
            yield shares["screened"], self.max_screened, "taken out by a screen"
