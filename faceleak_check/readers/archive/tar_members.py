"""The members of a tar archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from faceleak_check.readers.archive.contents import Content, Found, link
from faceleak_check.readers.archive.names import as_text, tidied
from faceleak_check.readers.archive.tar_headers import (
    BLOCK,
    Header,
    PaxError,
    padded,
    parse_header,
    parse_pax,
)
from faceleak_check.readers.archive.trouble import ArchiveError, MemberError, refuse_size
from faceleak_check.readers.archive.window import Bytes, Window
from faceleak_check.readers.inspection import LINK
from faceleak_check.readers.packed.member import Damage, Member, Other, Place
from faceleak_check.records import UNREADABLE

__all__ = ["TarWalk", "read_tar"]

_LONGEST_HEADER = 1 << 20
_MOST_ZEROS = 1 << 16
"""More than programs write between two archives or behind one, unless they are asked to fill large tapes."""
_EMPTY = 10_240
"""Length of an archive without members, as all programs write it."""

_LINKS = frozenset({b"1", b"2"})
_NO_FILES = {
    b"1": "a hard link inside the archive, which is not followed",
    b"2": "a symbolic link inside the archive, which is not followed",
    b"3": "a device, not a file",
    b"4": "a device, not a file",
    b"6": "a named pipe, not a file",
}
_FOLDERS = frozenset({b"5", b"V"})
"""What is no file and has no bytes; what a folder says of its length means something else."""
_NO_MEMBERS = frozenset({b"g", b"D", b"N"})
_SPARSE, _GOES_ON = b"S", b"M"


@dataclass(kw_only=True, slots=True)
class _Extended:
    """What headers in front of a member say of it, in place of its own header."""

    name: bytes | None = None
    n_bytes: int | None = None
    is_sparse: bool = False


class TarWalk:
    """Goes from one header to the next, past what is damaged.

    Args:
        source: The archive, unpacked where it is packed.
        why_it_ends: Once its end is reached: why it is not the proper end; empty where it is.
    """

    def __init__(self, source: Bytes, why_it_ends: Callable[[], str] = str) -> None:
        self._window = Window(source)
        self._why_it_ends = why_it_ends
        self._place = self._n_zeros = self._n_members = 0
        self._is_lost = False
        self._extended = _Extended()

    def __iter__(self) -> Iterator[Found]:
        self._refuse_no_tar()
        while block := self._window.read(self._place, BLOCK):
            header = parse_header(block)
            if header is not None:
                if self._n_zeros > _MOST_ZEROS:
                    yield self._hole()
                self._n_zeros, self._is_lost = 0, False
                self._n_members += 1
                self._place += BLOCK
                yield from self._member(header)
            elif not any(block):
                self._n_zeros += len(block)
                self._place += len(block)
            else:
                yield self._skipped()
        yield from self._end()

    def _refuse_no_tar(self) -> None:
        """Raises ArchiveError where no header is found at all."""
        first = self._window.read(0, BLOCK)
        if (not first or any(first)) and not self._next_header(0)[1]:
            why = self._why_it_ends()
            what = f"is no tar archive, or is damaged: no header of a member is in it{why and f' ({why})'}"
            raise ArchiveError(
                what, "Expected a file that tar -t can list. Fetch it again, or write it again."
            )

    def _next_header(self, place: int) -> tuple[int, bool]:
        """Where the next header is; the end, and no, where there is none."""
        while block := self._window.read(place, BLOCK):
            if parse_header(block) is not None:
                return place, True
            place += len(block)
        return place, False

    def _skipped(self) -> Damage:
        """Goes on at the next block that is a header."""
        start = self._place
        self._place, is_header = self._next_header(start)
        self._extended, self._is_lost = _Extended(), not is_header
        reason = f"{self._place - start:,} bytes are damaged: no header of a member is among them"
        return Damage(name=f"from byte {start:,} on", reason=reason)

    def _hole(self) -> Damage:
        """As where parts were fetched side by side, and one of them was not."""
        reason = f"{self._n_zeros:,} zeros lie between two members, as where a part of a file was not fetched"
        return Damage(name=f"from byte {self._place - self._n_zeros:,} on", reason=reason)

    def _end(self) -> Iterator[Damage]:
        why = self._why_it_ends() or self._oddity()
        if why:
            yield Damage(name=f"from byte {self._place - self._n_zeros:,} on", reason=why)

    def _oddity(self) -> str:
        """What is wrong with the zeros that end the archive; empty where nothing is."""
        if self._n_zeros > (_MOST_ZEROS if self._n_members else _EMPTY):
            return f"it ends with {self._n_zeros:,} zeros, as a file does that was not fetched to its end"
        if self._n_zeros % BLOCK:
            return f"bytes of it were lost or added: a tar archive has a multiple of {BLOCK} bytes"
        if not self._n_zeros and not self._is_lost:
            return "it is cut short: the zeros that end a tar archive are missing"
        return ""

    def _member(self, header: Header) -> Iterator[Found]:
        if header.kind in {b"x", b"X", b"L", b"K"}:
            yield from self._extend(header)
            return
        extended, self._extended = self._extended, _Extended()
        name = tidied(as_text(extended.name or header.name))
        if header.kind in _NO_FILES:
            yield link(name, _NO_FILES[header.kind], LINK if header.kind in _LINKS else UNREADABLE)
        elif header.kind not in _FOLDERS:
            yield from self._file(header, extended, name)

    def _extend(self, header: Header) -> Iterator[Damage]:
        """Takes in what a header says of the member after it."""
        place, n_bytes = self._place, header.n_bytes
        self._place += padded(n_bytes)
        data = self._window.read(place, min(n_bytes, _LONGEST_HEADER))
        if header.kind == b"L":
            self._extended.name = data.partition(b"\0")[0]
        if header.kind in {b"K", b"L"}:
            return
        try:
            self._take(parse_pax(data))
        except ValueError as error:
            place -= BLOCK
            yield Damage(name=f"at byte {place:,}", reason=f"an extended header is damaged: {error}")

    def _take(self, records: dict[str, bytes]) -> None:
        extended = self._extended
        extended.name = records.get("GNU.sparse.name", records.get("path", extended.name))
        extended.is_sparse = any(key.startswith("GNU.sparse.") for key in records)
        if "size" in records:
            if not records["size"].isdigit() or len(records["size"]) > 18:
                raise PaxError("its size is no number")
            extended.n_bytes = int(records["size"])

    def _file(self, header: Header, extended: _Extended, name: str) -> Iterator[Content | Member | Other]:
        if header.kind == _SPARSE and header.goes_on:
            self._skip_map()
        place, n_bytes = self._place, header.n_bytes if extended.n_bytes is None else extended.n_bytes
        self._place += padded(n_bytes)
        if header.kind in _NO_MEMBERS or (header.kind in b"0\0" and _is_folder(header, extended)):
            return
        why = ""
        if header.kind == _SPARSE or extended.is_sparse:
            why = "a sparse file, which cannot be read: write the archive without tar's --sparse"
        elif header.kind == _GOES_ON:
            why = "the rest of a file that begins in another volume: write the archive as one"
        yield Content(
            name=name,
            place=(place, n_bytes),
            n_bytes=n_bytes,
            read=partial(_read, self._window, (place, n_bytes), why),
        )

    def _skip_map(self) -> None:
        while block := self._window.read(self._place, BLOCK):
            self._place += BLOCK
            if len(block) < BLOCK or not block[504]:
                return


def _is_folder(header: Header, extended: _Extended) -> bool:
    """Whether a member without bytes is named like a folder, as old programs write one."""
    return (extended.name or header.name).endswith(b"/") and not header.n_bytes


def _read(window: Window, place: Place, why: str, most: int | None) -> bytes:
    if why:
        raise MemberError(why)
    start, n_bytes = place
    if most is None:
        refuse_size(n_bytes)
    wanted = n_bytes if most is None else min(n_bytes, most)
    data = window.read(start, wanted)
    if len(data) < wanted:
        raise MemberError("it is cut short: the archive ends inside it")
    return data


def read_tar(source: Bytes, place: Place) -> bytes:
    """The bytes of a member.

    Args:
        source: The archive, unpacked where it is packed.
        place: Where the member's bytes begin, and how many there are.

    Raises:
        MemberError: They are not there any more.
    """
    data = source.read(*place)
    if len(data) < place[1]:
        raise MemberError("it is no longer there: the archive changed while the gate ran")
    return data
