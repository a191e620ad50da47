"""What the images that were not compared mean for a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faceleak_check.checks.judge import told_apart
from faceleak_check.records import UNSEEN_FOLDER, Counts, EmbedderSpec, Exclusion, SetSummary

__all__ = ["too_many_left_out", "warnings_on"]

_SHOWN = 5


def too_many_left_out(sets: Mapping[str, SetSummary], at_most: float) -> tuple[tuple[str, str], ...]:
    """A reason (without names of files) and a detail (with them) for each set that lost more than allowed.

    Args:
        sets: The compared sets by role.
        at_most: Highest share of a set's images that may be left out, in [0, 1].
    """
    too_many = [
        (_reason(one, at_most), _detail(one.name, one.excluded))
        for one in sets.values()
        if one.counts.n_left_out and one.counts.n_left_out / one.counts.n_seen > at_most
    ]
    return (*_unseen_folders(sets), *too_many)


def _unseen_folders(sets: Mapping[str, SetSummary]) -> Iterator[tuple[str, str]]:
    """Folders that nobody looked into may hold any number of images, so no share of them can be allowed."""
    for one in sets.values():
        folders = tuple(gone for gone in one.excluded if gone.rule == UNSEEN_FOLDER)
        if folders:
            yield (
                f"{one.name!r} holds folders that were not looked into: {len(folders):,}",
                _detail(one.name, folders),
            )


def _reason(one: SetSummary, at_most: float) -> str:
    counts = one.counts
    share, limit = told_apart(counts.n_left_out / counts.n_seen, at_most, "share")
    images = "image" if counts.n_seen == 1 else "images"
    were = "was" if counts.n_left_out == 1 else "were"
    return (
        f"{counts.n_left_out:,} of {counts.n_seen:,} {images} of {one.name!r} {were} left out ({share}: "
        f"{_by_rule(counts)}); exclusions.at_most allows {limit}"
    )


def _detail(name: str, excluded: tuple[Exclusion, ...]) -> str:
    lines = [f"{name}: {gone.id!r}: {gone.reason}" for gone in excluded[:_SHOWN]]
    if len(excluded) > _SHOWN:
        lines.append(f"{name}: and {len(excluded) - _SHOWN:,} more, all in the evidence")
    return "\n".join(lines)


def _by_rule(counts: Counts) -> str:
    rules = {"unreadable": counts.n_unreadable, **counts.n_excluded}
    return ", ".join(f"{n:,} {rule}" for rule, n in rules.items() if n)


def warnings_on(sets: Mapping[str, SetSummary], embedder: EmbedderSpec | None) -> tuple[str, ...]:
    """What a reader of the verdict must know besides."""
    warnings = [_on_other_files(one) for one in sets.values() if one.n_other_files]
    if embedder is not None and not embedder.recognises_people:
        warnings.append(
            f"{embedder.name!r} is no face recogniser but a stand-in for tests: this verdict says nothing about people"
        )
    return tuple(warnings)


def _on_other_files(one: SetSummary) -> str:
    by_suffix = [f"{n:,} {suffix or 'without suffix'}" for suffix, n in sorted(one.n_other_files.items())]
    n_files = sum(one.n_other_files.values())
    if n_files == 1:
        return f"1 file of {one.name!r} is no image and was not looked at ({by_suffix[0]})"
    return f"{n_files:,} files of {one.name!r} are no images and were not looked at ({', '.join(by_suffix)})"
