"""Waivers and pinned thresholds: what is read stands in the file, as PyYAML by itself reads it, too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from kinds import FalsePassError, Kind, Whole, require_words

from faceleak_check.errors import PolicyError
from faceleak_check.policy.pinned import PinnedThreshold, pinned_yaml, read_pinned
from faceleak_check.policy.waivers import read_waivers

__all__ = ["KINDS"]

_DIGITS = [f"{n:x}" * 64 for n in range(10, 16)]
_TODAY = dt.date(2026, 11, 23)
_WAIVER_TOKENS = (
    *(
        b"generated",
        b"source",
        b"reason",
        b"owner",
        b"date",
        b"expires",
        b"version",
        b"waivers",
        b"2026-12-01",
    ),
    *(
        b"2026-01-01",
        b"9999-12-31",
        b": ",
        b"- ",
        b"[]",
        b"{}",
        b"'",
        b'"',
        b"#",
        b"~",
        b"&a ",
        b"*a",
        b"<<: *a",
    ),
    *(_DIGITS[0].encode(), _DIGITS[1].upper().encode(), b"!!str ", b"\n---\n", b"|", b">", b"${A}"),
)


def _entry(generated: str, source: str, expires: str) -> str:
    return (
        f"  - generated: {generated}\n    source: {source}\n    reason: Not the same person\n"
        f"    owner: A. Reviewer\n    date: 2026-01-01\n    expires: {expires}\n"
    )


def _waivers(_: Path) -> Sequence[Whole]:
    over, valid = "2026-02-01", "2027-02-01"
    head, (a, b, c, d, e, f) = "version: 1\nwaivers:\n", _DIGITS
    files = {
        "over": head + _entry(a, b, over),
        "mixed": head + _entry(a, b, over) + _entry(c, d, valid) + _entry(e, f, valid),
        "none": "version: 1\nwaivers: []\n",
    }
    return [Whole(name=name, data=text.encode()) for name, text in files.items()]


def _judged_waivers(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "w.yaml"
    path.write_bytes(data)
    try:
        found = read_waivers(path, "w.yaml")
    except PolicyError as error:
        require_words(str(error.problems[0]))
        return "refused"
    told = [_plain(one) for one in _as_pyyaml(data)["waivers"]]
    for pair in found.pairs(_TODAY):
        if not any(pair == (one["generated"], one["source"]) and one["expires"] >= _TODAY for one in told):
            raise FalsePassError(f"{pair} is waived, and the file does not say so")
    if len(found.waivers) != len(told):
        raise FalsePassError(f"{len(found.waivers)} waivers of {len(told)}")
    return "read"


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    expires = entry["expires"]
    day = dt.date.fromisoformat(expires) if isinstance(expires, str) else expires
    return {
        "generated": str(entry["generated"]).lower(),
        "source": str(entry["source"]).lower(),
        "expires": day,
    }


def _as_pyyaml(data: bytes) -> dict[str, Any]:
    """What PyYAML itself reads; digests stay text."""
    plain: dict[str, Any] = yaml.load(data.decode("utf-8-sig"), _Texts)
    return plain


class _Texts(yaml.SafeLoader):
    """Takes numbers for text, as a digest may be all digits."""


_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

_PINNED = PinnedThreshold(
    kind="fmr",
    rate=1e-5,
    cosine=0.9412345678901234,
    low=0.93,
    high=0.95,
    confidence=0.95,
    extrapolated=True,
    embedder="fake-pixels",
    embedder_sha256="a" * 64,
    dataset="train",
    dataset_sha256="b" * 64,
    n_people=120,
    n_images=1000,
    n_comparisons=499_500,
)
_PINNED_TOKENS = (
    *(b"kind", b"rate", b"cosine", b"low", b"high", b"confidence", b"extrapolated", b"embedder", b"dataset"),
    *(
        b"source",
        b"n_people",
        b"n_images",
        b"fmr",
        b"fpir",
        b"true",
        b"0.93",
        b"0.95",
        b".nan",
        b"1e999",
        b"- ",
    ),
    *(
        b": ",
        b"'",
        b'"',
        b"#",
        b"~",
        b"{}",
        b"[]",
        b"version",
        b"thresholds",
        b"0.9412345678901234",
        b"\n---\n",
    ),
)


def _thresholds(_: Path) -> Sequence[Whole]:
    two = [
        _PINNED,
        PinnedThreshold(
            **{**_fields(_PINNED), "kind": "fpir", "rate": 0.01, "source": "train", "source_sha256": "c" * 64}
        ),
    ]
    return [Whole(name="two", data=pinned_yaml(two).encode())]


def _fields(one: PinnedThreshold) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _judged_thresholds(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "t.yaml"
    path.write_bytes(data)
    try:
        found = read_pinned(path, "t.yaml").thresholds
    except PolicyError as error:
        require_words(str(error.problems[0]))
        return "refused"
    told = _as_pyyaml(data)["thresholds"]
    if len(found) != len(told):
        raise FalsePassError(f"{len(found)} thresholds of {len(told)}")
    for one, plain in zip(found, told, strict=True):
        if (one.kind, one.cosine) != (plain["kind"], _number(plain["cosine"])):
            raise FalsePassError(f"{one.kind} {one.cosine} is not {plain}")
        assert -1 <= one.low <= one.cosine <= one.high <= 1
    return "read"


def _number(text: str) -> float:
    return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


KINDS = (
    Kind(name="waivers", wholes=_waivers, judge=_judged_waivers, tokens=_WAIVER_TOKENS),
    Kind(name="thresholds", wholes=_thresholds, judge=_judged_thresholds, tokens=_PINNED_TOKENS),
)
