"""Damages the bytes of a file in ways that know what files are made of: numbers, lengths, marks, text, places.

The dice are Python's or Hypothesis's: with the latter a failing case shrinks by itself.
"""

from __future__ import annotations

import random
import string
import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Spot", "mutated"]

_LENGTHS = (1, 1, 2, 3, 4, 8, 12, 30, 46, 100, 512, 600, 4096)
_EXTREMES = (
    0,
    1,
    -1,
    2,
    127,
    128,
    255,
    256,
    1 << 15,
    (1 << 16) - 1,
    1 << 31,
    (1 << 31) - 1,
    1 << 62,
    1 << 63,
)
_BYTES = (0, 1, 10, 13, 32, 34, 39, 44, 47, 58, 92, 127, 128, 255)
_NUMBERS = (
    "0",
    "-1",
    "1e999",
    "nan",
    "-inf",
    "9" * 400,
    "1e-400",
    "0x10",
    "1_0",
    "٣",
    "true",
    "",
    "99999999999999",
)
_ODD = ("\0", "\r", "\u2028", "\u202e", "\ufeff", "\x1b[2J", "é", "𝄞", "e\u0301", "\x85", "\t")
_DIGITS = frozenset(string.digits.encode())


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A part of a file that damage spares: other parts change around it.

    Attributes:
        start: Its first byte.
        end: The byte after it.
    """

    start: int
    end: int


def mutated(
    dice: random.Random,
    data: bytes,
    *,
    tokens: Sequence[bytes] = (),
    spared: Spot | None = None,
    cuts: bool = True,
) -> bytes:
    """A copy with one to four changes.

    Args:
        dice: Where chance comes from.
        data: A valid file.
        tokens: Words of its format; with these it is taken for text as often as not.
        spared: What stays as it is, though it may move.
        cuts: Whether the file may end early.
    """
    before, kept, after = data, b"", b""
    if spared is not None:
        before, kept, after = data[: spared.start], data[spared.start : spared.end], data[spared.end :]
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        if kept and dice.randrange(len(before) + len(after) + 1) >= len(before):
            after = _changed(dice, after, tokens)
        else:
            before = _changed(dice, before, tokens)
    whole = before + kept + after
    if cuts and not dice.randrange(12):
        whole = whole[: dice.randrange(len(whole) + 1)]
    return whole


def _changed(dice: random.Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    as_text = tokens and dice.randrange(3)
    return _changed_text(dice, data, tokens) if as_text else _changed_bytes(dice, data)


def _changed_bytes(dice: random.Random, data: bytes) -> bytes:
    copy, place, length = bytearray(data), dice.randrange(len(data) + 1), dice.choice(_LENGTHS)
    # beginnings and ends are where formats say what they are
    reach = dice.choice((len(data), len(data), 64, 600))
    place = place if reach == len(data) else place % (reach + 1)
    place = len(data) - place if dice.randrange(4) == 0 else place
    place = max(0, min(place, len(data)))
    way = dice.randrange(9)
    if way == 0:
        copy[place : place + 1] = bytes([dice.choice(_BYTES)])
    elif way == 1 and place < len(copy):
        copy[place] ^= 1 << dice.randrange(8)
    elif way == 2:
        del copy[place : place + length]
    elif way == 3:
        copy[place:place] = bytes(dice.randrange(256) for _ in range(min(length, 8)))
    elif way == 4:
        copy[place : place + length] = bytes(len(copy[place : place + length]))
    elif way == 5:
        copy[place:place] = data[place : place + length]
    elif way == 6:
        other = dice.randrange(len(data) + 1)
        piece = data[other : other + length]
        copy[place : place + len(piece)] = piece
    elif way == 7:
        _change_number(dice, copy, place)
    else:
        copy[place : place + 1] = bytes([dice.randrange(256)])
    return bytes(copy)


def _change_number(dice: random.Random, copy: bytearray, place: int) -> None:
    """Gives a number of 1, 2, 4 or 8 bytes another value: an extreme one, one near it, or that of its neighbour."""
    form = dice.choice(("<B", "<H", "<I", "<Q", ">H", ">I", ">Q"))
    size = struct.calcsize(form)
    place = place // size * size if dice.randrange(2) else place
    if place + size > len(copy):
        return
    (number,) = struct.unpack_from(form, copy, place)
    way, limit = dice.randrange(4), 1 << (8 * size)
    if way == 0:
        number = dice.choice(_EXTREMES)
    elif way == 1:
        number += dice.choice((-1, 1, -4, 4, 8, -8, 512, -512, 4096))
    elif way == 2:
        number = number * 2 if dice.randrange(2) else number // 2
    elif place + 2 * size <= len(copy):
        (number,) = struct.unpack_from(form, copy, place + size)
    struct.pack_into(form, copy, place, number % limit)


def _changed_text(dice: random.Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    lines, way = data.split(b"\n"), dice.randrange(9)
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    if way == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif way == 1:
        lines.insert(other, lines[one])
    elif way == 2:
        del lines[one]
    elif way == 3:
        lines[one] = _with_number(dice, lines[one])
    elif way == 4:
        lines[one] = _put(dice, lines[one], dice.choice(_ODD).encode())
    elif way == 5:
        deep, count = dice.choice((b"[", b"{a: ", b"- ", b'{"a":', b"(", b"  ")), dice.choice((3, 40, 2000))
        lines[one] = _put(dice, lines[one], deep * count)
    elif way == 6:
        mine, hers = dice.choice(tokens), dice.choice(tokens)
        return data.replace(mine, hers, 1 if dice.randrange(2) else -1)
    else:
        lines[one] = _put(dice, lines[one], dice.choice(tokens))
    return b"\n".join(lines)


def _put(dice: random.Random, line: bytes, token: bytes) -> bytes:
    place = dice.randrange(len(line) + 1)
    return line[:place] + token + line[place + dice.choice((0, 0, 1, len(token), 12)) :]


def _with_number(dice: random.Random, line: bytes) -> bytes:
    """Another number in place of one of the line's, or at its end."""
    places = [n for n, byte in enumerate(line) if byte in _DIGITS]
    start = end = dice.choice(places) if places else len(line)
    while (end < len(line) and line[end] in _DIGITS) or line[end : end + 1] in (b".", b"e", b"%"):
        end += 1
    return line[:start] + dice.choice(_NUMBERS).encode() + line[end:]
