"""What the images that were not compared mean for a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faceleak_check.checks.judge import judge, told_apart
from faceleak_check.policy.document import Expect
from faceleak_check.records import (
    IN_SOURCE,
    UNSEEN_FOLDER,
    Counts,
    Exclusion,
    ScreenSummary,
    SetSummary,
    Verdict,
)

__all__ = ["too_many_left_out", "unexpected", "unseen_folders", "warnings_on"]

_SHOWN = 5
_NORMS_APART = 1.25
"""Times by which median lengths may differ; dlib-resnet's differ by up to 1.13 between good and poor pictures."""


def too_many_left_out(sets: Mapping[str, SetSummary], at_most: float) -> tuple[tuple[str, str], ...]:
    """A reason (without names of files) and a detail (with them) for each set that lost more than allowed.

    Args:
        sets: The compared sets by role.
        at_most: Highest share of a set's images that may be left out, in [0, 1].
    """
    too_many = [
        (_reason(one, at_most), _detail(one.name, one.excluded))
        for one in sets.values()
        if _n_lost(one.counts) and _n_lost(one.counts) / one.counts.n_seen > at_most
    ]
    return tuple(too_many)


def _n_lost(counts: Counts) -> int:
    """Images that were left out against the policy's intent; people of the source do not belong into a control."""
    return counts.n_left_out - counts.n_excluded.get(IN_SOURCE, 0)


def unexpected(
    sets: Mapping[str, SetSummary], expected: Mapping[str, Expect]
) -> tuple[list[tuple[str, str]], list[str]]:
    """What a dataset holds in place of what the policy says: reasons (with no detail), and warnings.

    Args:
        sets: The sets by role.
        expected: What they should hold, by role.
    """
    reasons, warnings = list[tuple[str, str]](), list[str]()
    for role, expect in expected.items():
        for sentence in _surprises(sets[role], expect) if role in sets else ():
            if expect.otherwise == "warn":
                warnings.append(sentence)
            else:
                reasons.append((sentence, ""))
    return reasons, warnings


def _surprises(one: SetSummary, expect: Expect) -> Iterator[str]:
    if expect.images is not None and one.counts.n_seen != expect.images:
        yield (
            f"{one.name!r} holds {one.counts.n_seen:,} images, and the policy expects {expect.images:,}: "
            "is it the right folder?"
        )
    n_people = one.n_people or 0
    if expect.identities is not None and n_people != expect.identities:
        yield (
            f"{one.name!r} names {n_people:,} people, and the policy expects {expect.identities:,}: "
            "is it the right folder?"
        )


def unseen_folders(sets: Mapping[str, SetSummary]) -> Iterator[tuple[str, str]]:
    """What nobody looked into may hold any number of images, so no share of it can be allowed."""
    for one in sets.values():
        folders = tuple(gone for gone in one.excluded if gone.rule == UNSEEN_FOLDER)
        if folders:
            yield (
                f"{one.name!r} holds folders or parts of files that were not looked into: {len(folders):,}",
                _detail(one.name, folders),
            )


def _reason(one: SetSummary, at_most: float) -> str:
    counts = one.counts
    n_lost = _n_lost(counts)
    share, limit = told_apart(n_lost / counts.n_seen, at_most, "share")
    images = "image" if counts.n_seen == 1 else "images"
    were = "was" if n_lost == 1 else "were"
    return (
        f"{n_lost:,} of {counts.n_seen:,} {images} of {one.name!r} {were} left out ({share}: "
        f"{_by_rule(counts)}); exclusions.at_most allows {limit}"
    )


def _detail(name: str, excluded: tuple[Exclusion, ...]) -> str:
    lines = [f"{name}: {gone.id!r}: {gone.reason}" for gone in excluded[:_SHOWN]]
    if len(excluded) > _SHOWN:
        lines.append(f"{name}: and {len(excluded) - _SHOWN:,} more, all in the evidence")
    return "\n".join(lines)


def _by_rule(counts: Counts) -> str:
    rules = {"unreadable": counts.n_unreadable, **counts.n_excluded}
    return ", ".join(f"{n:,} {rule}" for rule, n in rules.items() if n and rule != IN_SOURCE)


def warnings_on(verdict: Verdict, n_disagreed: int = 0) -> tuple[str, ...]:
    """What a reader of the verdict must know besides.

    Args:
        verdict: The verdict, complete but for its warnings.
        n_disagreed: Pairs over the first embedder's threshold that another embedder does not confirm.
    """
    return tuple(_warnings(verdict, n_disagreed))


def _warnings(verdict: Verdict, n_disagreed: int) -> Iterator[str]:
    for screen in verdict.screens:
        yield from _on_screen(screen, verdict.sets)
    if verdict.unscreened is not None:
        yield f"without the screens: {judge(verdict.unscreened)[1]}"
    yield from _on_pairs(verdict, n_disagreed)
    for one in verdict.sets.values():
        for alignment in dict.fromkeys(one.alignments.values()):
            yield from (f"{one.name!r}: {warning}" for warning in alignment.warnings)
        if one.n_other_files:
            yield _on_other_files(one)
    if verdict.embedder is not None and verdict.embedder.recognises_people:
        yield from _on_norms(verdict.sets)
    for embedder in filter(None, [verdict.embedder, *verdict.agreement.values()]):
        if not embedder.recognises_people:
            yield (
                f"{embedder.name!r} is no face recogniser but a stand-in for tests: "
                "this verdict says nothing about people"
            )


def _on_pairs(verdict: Verdict, n_disagreed: int) -> Iterator[str]:
    """Pairs over the threshold that do not count."""
    excused = [hub for hub in verdict.hubs if hub.n_excused]
    if excused:
        yield (
            f"pairs over the threshold that are excused, as the source image is a hub ({len(excused):,} of them): "
            f"{sum(hub.n_excused for hub in excused):,}"
        )
    if n_disagreed:
        yield (
            f"pairs over the first embedder's threshold that another one does not confirm, and that do not count: "
            f"{n_disagreed:,}"
        )


def _on_norms(sets: Mapping[str, SetSummary]) -> Iterator[str]:
    """Lengths of embeddings that differ much: one side's pictures are worse, or cut in another way."""
    norms = [(one.name, one.median_norm) for one in sets.values() if one.median_norm is not None]
    if len(norms) < 2:
        return
    (low_name, low), *_, (high_name, high) = sorted(norms, key=lambda one: one[1])
    if high > _NORMS_APART * low:
        yield (
            f"embeddings of {low_name!r} are {low:.3g} long (median), those of {high_name!r} {high:.3g}: the pictures "
            f"of {low_name!r} are worse, or cut in another way, and similarities between them mean less"
        )


def _on_screen(screen: ScreenSummary, sets: Mapping[str, SetSummary]) -> Iterator[str]:
    for role, group in screen.groups.items():
        if group.n_excluded:
            yield (
                f"screen {screen.rule!r} took out {group.n_excluded:,} of the {group.n_looked_at:,} images of "
                f"{sets[role].name!r} that it looked at; {group.n_leaking:,} of them "
                f"{'is' if group.n_leaking == 1 else 'are'} in a pair that counts against the release "
                f"({100 * group.n_leaking / group.n_excluded:.3g}%)"
            )


def _on_other_files(one: SetSummary) -> str:
    by_suffix = [f"{n:,} {suffix or 'without suffix'}" for suffix, n in sorted(one.n_other_files.items())]
    n_files = sum(one.n_other_files.values())
    if n_files == 1:
        return f"1 file of {one.name!r} is no image and was not looked at ({by_suffix[0]})"
    return f"{n_files:,} files of {one.name!r} are no images and were not looked at ({', '.join(by_suffix)})"
