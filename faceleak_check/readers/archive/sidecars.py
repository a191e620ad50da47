"""Who is in each image, told by a small file of the same name beside it, as in WebDataset's shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.archive.contents import Content
from faceleak_check.readers.archive.names import last_part
from faceleak_check.readers.archive.trouble import MemberError
from faceleak_check.readers.formats import HEAD_BYTES, has_image_suffix, sniff
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.trouble import first_names, number_of, shown, trouble
from faceleak_check.records import UNSEEN_FOLDER

__all__ = ["Sidecars"]

_MOST_BYTES = 1 << 20
_SHOWN_LETTERS = 60


class _SidecarError(ValueError):
    """A file names nobody; the message says why, to follow its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wrong:
    """A sidecar that names nobody.

    Attributes:
        name: Its name.
        reason: Why, to follow its name.
    """

    name: str
    reason: str


class Sidecars:
    """Keeps what the sidecars of all archives say.

    Args:
        dataset: Says which files are sidecars, and where in them the person is named.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._suffix = dataset.labels.sidecar
        self._key = dataset.labels.key
        self._number = 0
        self._said: dict[tuple[int, str], str | _Wrong] = {}
        self._people: dict[str, str] = {}

    def begin(self, number: int) -> None:
        """From now on the sidecars are those of this archive."""
        self._number = number

    def keep(self, content: Content) -> bool:
        """Takes in what a file says, if it is a sidecar; returns whether it was one."""
        stem, suffix = _split(content.name)
        if not self._suffix or suffix != self._suffix or has_image_suffix(content.name):
            return False
        try:
            person = self._person(self._text(content))
        except _SidecarError as error:
            if _is_image(content):
                return False
            self._said.setdefault((self._number, stem), _Wrong(name=content.name, reason=str(error)))
        else:
            # each name is kept once, however many images a person has
            self._said.setdefault((self._number, stem), self._people.setdefault(person, person))
        return True

    def people(self, listing: PackedListing) -> list[str]:
        """The person in each image.

        Raises:
            DatasetError: An image has no sidecar, or its sidecar names nobody.
        """
        said = [
            self._said.get((number, _split(path)[0]))
            for number, path in zip(listing.files.tolist(), listing.paths, strict=True)
        ]
        missing = [name for name, one in zip(listing.ids, said, strict=True) if one is None]
        if missing:
            raise self._missing(missing, listing)
        wrong = [one for one in said if isinstance(one, _Wrong)]
        if wrong:
            raise self._wrong(wrong)
        return [one for one in said if isinstance(one, str)]

    def _text(self, content: Content) -> str:
        if content.n_bytes > _MOST_BYTES:
            raise _SidecarError(f"has {content.n_bytes:,} bytes, and the limit is {_MOST_BYTES:,}")
        try:
            return content.read(None).decode("utf-8-sig")
        except MemberError as error:
            raise _SidecarError(f"cannot be read: {error}") from error
        except UnicodeDecodeError as error:
            raise _SidecarError("is not UTF-8 text") from error

    def _person(self, text: str) -> str:
        person = text.strip() if self._key is None else _value(text, self._key)
        if not person:
            raise _SidecarError(
                "names nobody: it is empty" if self._key is None else f"has an empty {self._key!r}"
            )
        if len(person.splitlines()) > 1:
            raise _SidecarError("has more than one line, expected the name of one person")
        return person

    def _missing(self, names: list[str], listing: PackedListing) -> DatasetError:
        of_all = f"{len(names):,} of {number_of(len(listing.ids), 'image')}"
        advice = "Add them, or name the people in another way under labels."
        lost = next((gone for gone in listing.excluded if gone.rule == UNSEEN_FOLDER), None)
        if lost is not None:
            advice = f"They may lie where nothing can be read ('{shown(lost.id)}': {lost.reason})."
        what = f"has no .{self._suffix} file beside {of_all}"
        return self._trouble(what, f"Without one: {first_names(names)}. {advice}")

    def _wrong(self, wrong: list[_Wrong]) -> DatasetError:
        first = wrong[0]
        what = f"has {number_of(len(wrong), f'.{self._suffix} file')} that cannot tell who is in an image"
        return self._trouble(what, f"'{shown(first.name)}' {first.reason}. Correct it, and all like it.")

    def _trouble(self, what: str, advice: str) -> DatasetError:
        dataset = self._dataset
        return trouble(dataset, f"dataset {dataset.name!r} {what}", place=dataset.path, advice=advice)


def _is_image(content: Content) -> bool:
    """Whether a file with a sidecar's name is an image all the same, which must not go unseen."""
    try:
        return sniff(content.read(HEAD_BYTES)) is not None
    except MemberError:
        return False


def _split(name: str) -> tuple[str, str]:
    """A name up to the first dot of its last part, and what follows the dot."""
    last = last_part(name)
    stem, _, suffix = last.partition(".")
    return name[: len(name) - len(last)] + stem, suffix


def _value(text: str, key: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _SidecarError("is no JSON") from error
    if not isinstance(found, dict):
        raise _SidecarError(f"holds no mapping, so it has no key {key!r}")
    if key not in found:
        raise _SidecarError(f"has no key {key!r}; it has: {', '.join(_first(found)) or 'none'}")
    value = found[key]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _SidecarError(f"has no text or whole number under {key!r}")
    return str(value).strip()


def _first(found: dict[str, object]) -> Iterator[str]:
    """The first few keys as they may be shown."""
    for number, key in enumerate(found):
        if number == 5:
            yield "..."
            return
        yield repr(shown(key)[:_SHOWN_LETTERS])
