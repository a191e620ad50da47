"""Asks a policy's screens about images: each image once, and none that nothing depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from faceleak_check.embedding import damage, loaded
from faceleak_check.errors import DatasetError
from faceleak_check.executors.protocol import Executor
from faceleak_check.executors.stages import ScreenStage
from faceleak_check.guards import blamed, require_spec
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.policy.schema import ScreenRule
from faceleak_check.protocols import Progress, Screen
from faceleak_check.records import (
    Exclusion,
    ImageList,
    ImageRef,
    ScreenedGroup,
    ScreenMethod,
    ScreenSpec,
    ScreenSummary,
)
from faceleak_check.registry import SCREENS
from faceleak_check.store.roots import Root
from faceleak_check.store.values import DiskValueStore

__all__ = ["ScreenValues", "Screener"]


class ScreenValues:
    """The values that screens give to images, from the store where they are known.

    Args:
        root: Root folder of the store.
        executor: Does the work.
        progress: Told how far it is.
        notes: Where to say what happened besides.
    """

    def __init__(self, root: Root, executor: Executor, progress: Progress, notes: list[str]) -> None:
        self._root = root
        self._executor = executor
        self._progress = progress
        self._notes = notes
        self._store = cache(self._opened)
        self.screen = cache(_built)
        self.n_measured = 0

    def _opened(self, spec: ScreenSpec) -> DiskValueStore:
        store = DiskValueStore(self._root, spec, self._progress)
        self._notes += damage(store)
        return store

    def values(
        self, screen: Screen, one: EmbeddedSet, images: Collection[ImageRef], faces: str
    ) -> dict[str, float]:
        """The value of each image by its content digest.

        Args:
            screen: The screen.
            one: The set that the images are from.
            images: The images, each content once.
            faces: Which faces of a picture count, as the policy says.

        Raises:
            InconclusiveError: The screen cannot be used, or an image is gone.
        """
        store = self._store(spec_for(screen, one, faces))
        asked = ImageList.of(images)
        if store.missing(asked.digests).any():
            with store.embedding():
                missing = np.flatnonzero(store.missing(asked.digests))
                self._measure(screen, one, asked.taken(missing), store)
        return dict(zip(asked.contents, store.get(asked.digests).tolist(), strict=True))

    def _measure(self, screen: Screen, one: EmbeddedSet, images: ImageList, store: DiskValueStore) -> None:
        stage = ScreenStage(screen, one.faces_by_content())
        name = f"{screen.spec.method} on {one.summary.name}"
        gone = self._executor.run(images, one.reader, stage, store, self._progress, name)
        self.n_measured += len(images) - len(gone)
        if gone:
            raise DatasetError(
                f"images of {one.summary.name!r} went away or changed while the gate ran: {len(gone):,}",
                detail="\n".join(f"{one.summary.name}: {lost.id!r}: {lost.reason}" for lost in gone[:5]),
            )


def _built(rule: str, method: Any) -> Screen:
    part, kind = f"screen {method.method!r}", loaded(SCREENS, method.method)
    with blamed(part, "be made"):
        screen: Screen = kind(rule, method)
    require_spec(part, screen, ScreenSpec, method.method)
    return screen


def spec_for(screen: Screen, one: EmbeddedSet, faces: str) -> ScreenSpec:
    """The screen's spec with the faces that it is given."""
    if one.templates.faces is None or not getattr(screen, "uses_faces", True):
        return replace(screen.spec, faces="none")
    return replace(screen.spec, faces="largest" if faces == "largest" else "all")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rejected:
    """Why an image was taken out."""

    rule: str
    reason: str
    value: float


class Screener:
    """The screens of one policy at work on one comparison.

    Rules are asked in the order of the policy; an image belongs to the first rule that takes it out.

    Args:
        rules: The policy's screens.
        values: Gives their values.
        sets: The compared sets by role.
        faces: By role, which faces of a picture count.
    """

    def __init__(
        self,
        rules: tuple[ScreenRule, ...],
        values: ScreenValues,
        sets: Mapping[Role, EmbeddedSet],
        faces: Mapping[Role, str],
    ) -> None:
        self._rules = rules
        self._values = values
        self._sets = sets
        self._faces = faces
        self._looked_at: dict[tuple[Role, str], set[str]] = defaultdict(set)
        self._asked: dict[tuple[str, int], set[tuple[Role, str]]] = defaultdict(set)
        self._known: dict[Role, set[str]] = {role: set() for role in sets}
        self.rejected: dict[Role, dict[str, _Rejected]] = {role: {} for role in sets}

    def look_at(self, role: Role, images: Iterable[ImageRef]) -> bool:
        """Asks about images that were not asked about yet; returns whether one of them was taken out.

        Raises:
            InconclusiveError: A screen cannot be used.
        """
        new = {image.sha256: image for image in images if image.sha256 not in self._known[role]}
        self._known[role] |= new.keys()
        n_before = len(self.rejected[role])
        left = list(new.values())
        for rule in self._rules:
            if left:
                self._looked_at[role, rule.name] |= {image.sha256 for image in left}
                taken_out = self._taken_out(rule, role, left)
                self.rejected[role] |= taken_out
                left = [image for image in left if image.sha256 not in taken_out]
        return len(self.rejected[role]) > n_before

    def _taken_out(self, rule: ScreenRule, role: Role, images: list[ImageRef]) -> dict[str, _Rejected]:
        """What a rule takes out; a method is asked only about images that depend on it."""
        open_images, rejected = images, dict[str, _Rejected]()
        for n, method in enumerate(rule.methods):
            screen = self._values.screen(rule.name, method)
            values = self._values.values(screen, self._sets[role], open_images, self._faces[role])
            self._asked[rule.name, n] |= {(role, image.sha256) for image in open_images}
            over = {
                digest: _rejection(rule.name, method, value)
                for digest, value in values.items()
                if value > method.reject_above
            }
            rejected = rejected | over if rule.combine == "any_of" else over
            goes_on = rule.combine == "all_of"
            open_images = [image for image in open_images if (image.sha256 in over) == goes_on]
            if not open_images:
                break
        return rejected

    def exclusions(self, role: Role) -> list[Exclusion]:
        """Each image of the set that was taken out."""
        rejected = self.rejected[role]
        return [
            Exclusion(
                id=image.id,
                rule=rejected[image.sha256].rule,
                reason=rejected[image.sha256].reason,
                sha256=image.sha256,
                value=rejected[image.sha256].value,
            )
            for image in self._sets[role].images
            if image.sha256 in rejected
        ]

    def summaries(self, leaking: Mapping[Role, Collection[str]]) -> tuple[ScreenSummary, ...]:
        """What each screen did.

        Args:
            leaking: By role, the contents that are in a pair that would count against the release.
        """
        return tuple(
            ScreenSummary(
                rule=rule.name,
                combine=rule.combine,
                methods=tuple(self._method(rule, n) for n in range(len(rule.methods))),
                groups={role: self._group(rule.name, role, leaking[role]) for role in self._sets},
            )
            for rule in self._rules
        )

    def _method(self, rule: ScreenRule, n: int) -> ScreenMethod:
        method = rule.methods[n]
        return ScreenMethod(
            spec=self._values.screen(rule.name, method).spec,
            reject_above=method.reject_above,
            n_images=len(self._asked[rule.name, n]),
        )

    def _group(self, rule: str, role: Role, leaking: Collection[str]) -> ScreenedGroup:
        contents = {digest for digest, one in self.rejected[role].items() if one.rule == rule}
        images = self._sets[role].images.contents
        return ScreenedGroup(
            n_looked_at=sum(digest in self._looked_at[role, rule] for digest in images),
            n_excluded=sum(digest in contents for digest in images),
            n_leaking=sum(digest in contents and digest in leaking for digest in images),
        )


def _rejection(rule: str, method: Any, value: float) -> _Rejected:
    limit = f"{method.reject_above:.6g}"
    return _Rejected(
        rule=rule,
        reason=f"screen {rule!r} ({method.method}) gave {value:.6g}, and takes out what is above {limit}",
        value=value,
    )
