"""Which arrays of a file hold the pictures or templates, their names and their people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceleak_check.policy.schema import ArrayNames
from faceleak_check.readers.arrays.rows import ArrayPlace, FileArrays, arrays_in
from faceleak_check.readers.arrays.trouble import ArrayError, called
from faceleak_check.readers.formats import suffix_of
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.trouble import first_names
from faceleak_check.registry import suggestion

__all__ = ["ChosenArrays", "chosen"]

_TEXT_OR_NUMBERS = "Uiu"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenArrays:
    """The arrays of a file that are looked at.

    Attributes:
        data: That of pictures or templates.
        ids: That of the rows' names; None where they are numbered.
        identity: That of the people; None where nobody is named.
        others: Suffix of everything else in the file.
    """

    data: ArrayPlace
    ids: ArrayPlace | None
    identity: ArrayPlace | None
    others: tuple[str, ...]


def chosen(file: OpenFile, names: ArrayNames | None) -> ChosenArrays:
    """The arrays that the policy names; where it names no `data`, the only one that is left.

    Raises:
        ArrayError: They are not there, or of another kind or length.
        FileError: The file cannot be read.
    """
    found = arrays_in(file)
    asked = [] if names is None else [name for name in (names.data, names.ids, names.identity) if name]
    if found.infos is None and asked:
        raise ArrayError(
            f"the policy names {first_names(asked)}, and an .npy file holds one array without a name",
            "Leave out `arrays`, or save the arrays together with numpy.savez.",
        )
    for name in asked:
        _require_there(name, found)
    beside = [name for name in (names.ids, names.identity) if name] if names else []
    data = names.data if names and names.data else _only(found, beside)
    place = found.place(file, data)
    looked_at = {data, *beside}
    return ChosenArrays(
        data=place,
        ids=_beside(file, found, None if names is None else names.ids, place),
        identity=_beside(file, found, None if names is None else names.identity, place),
        others=(
            *(".npy" for name in found.names if name not in looked_at),
            *map(suffix_of, found.others),
        ),
    )


def _require_there(name: str, found: FileArrays) -> None:
    if name not in found.names:
        there = first_names(list(found.names)) if found.names else "none"
        raise ArrayError(
            f"there is no array {name!r}{suggestion(name, list(found.names))}",
            f"The arrays in the file: {there}.",
        )


def _only(found: FileArrays, beside: Sequence[str]) -> str:
    left = [name for name in found.names if name not in beside]
    if len(left) == 1:
        return left[0]
    if not left:
        raise ArrayError("the file holds no array of pictures or templates", "Save one with numpy.savez.")
    raise ArrayError(
        f"the file holds {len(left):,} arrays, and nothing says which of them is meant",
        f"Name it in the policy: `arrays: {{data: {left[0]}}}`. The arrays in the file: {first_names(left)}.",
    )


def _beside(file: OpenFile, found: FileArrays, name: str | None, data: ArrayPlace) -> ArrayPlace | None:
    """An array with one text or whole number for each row."""
    if name is None:
        return None
    place = found.place(file, name)
    kind, shape = place.header.kind, place.header.shape
    if kind.kind not in _TEXT_OR_NUMBERS:
        raise ArrayError(
            f"{called(name)} holds values of type {kind}, expected text or whole numbers",
            "Save it as such: numpy.array(LIST, dtype=str).",
        )
    if shape != (data.header.shape[0],) or place.n_rows != shape[0]:
        raise ArrayError(
            f"{called(name)} has shape {shape}, and {called(data.name)} has {data.header.shape[0]:,} rows",
            "Each row needs one value.",
        )
    return place
