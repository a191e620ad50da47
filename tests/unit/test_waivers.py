from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from faceleak_check.errors import PolicyError
from faceleak_check.policy.waivers import Waivers, read_waivers

A, B, C, D = (letter * 64 for letter in "abcd")
TODAY = dt.date(2026, 11, 22)
ONE = f"""\
version: 1
waivers:
  - generated: {A}
    source: {B}
    reason: Not the same person
    owner: A. Reviewer
    date: 2026-11-01
    expires: 2026-12-01
"""


def read(folder: Path, text: str) -> Waivers:
    path = folder / "w.yaml"
    path.write_text(text, encoding="utf-8")
    return read_waivers(path, "w.yaml")


def problems(folder: Path, text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        read(folder, text)
    return str(raised.value)


def another(generated: str, source: str, expires: str = "2026-12-01") -> str:
    return (
        f"  - {{generated: {generated}, source: {source}, reason: x, owner: O. Ther, date: 2026-01-01, "
        f"expires: {expires}}}\n"
    )


def test_a_waiver_is_read(tmp_path: Path) -> None:
    (waiver,) = read(tmp_path, ONE).waivers
    assert (waiver.generated, waiver.source) == (A, B)
    assert (waiver.reason, waiver.owner) == ("Not the same person", "A. Reviewer")
    assert (waiver.date, waiver.expires) == (dt.date(2026, 11, 1), dt.date(2026, 12, 1))


def test_what_the_policy_says_of_a_file_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_bytes(ONE.encode())
    waivers = read_waivers(tmp_path / "w.yaml", "w.yaml", on_expired="warn", on_unmatched="warn")
    assert waivers.sha256 == hashlib.sha256(ONE.encode()).hexdigest()
    assert (waivers.file, waivers.on_expired, waivers.on_unmatched) == ("w.yaml", "warn", "warn")
    late = dt.date(2027, 1, 1)
    assert waivers.pairs(late) == frozenset()
    assert waivers.expired_on(late) == ()
    assert list(waivers.expiry_warnings(late)) == [
        "1 waiver has expired, and its pair counts again: renew it, or take it out"
    ]
    assert list(waivers.expiry_warnings(TODAY)) == []


def test_a_pair_is_waived_once(tmp_path: Path) -> None:
    text = ONE + another(C, D) + another(A, B.upper(), "2027-01-01") + another(B, A)
    assert problems(tmp_path, text) == (
        "w.yaml:10:5: waivers[2]: this pair is waived on line 3 already; keep one of the two"
    )


def test_a_file_may_be_larger_than_a_policy(tmp_path: Path) -> None:
    reason = "x" * 500_000
    text = ONE + another(C, D).replace("reason: x", f"reason: {reason}") + f"# {reason}\n" * 2
    assert len(text) > 1024 * 1024
    assert [len(one.reason) for one in read(tmp_path, text).waivers] == [19, 500_000]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_bytes(b"#" * (16 << 20) + b"\n")
    with pytest.raises(PolicyError) as raised:
        read_waivers(tmp_path / "w.yaml", "w.yaml")
    assert (
        str(raised.value) == "w.yaml:1:1: the file has 16,777,217 bytes, such a file has at most 16,777,216"
    )


def test_an_empty_file(tmp_path: Path) -> None:
    assert problems(tmp_path, "# nothing yet\n") == (
        "w.yaml:1:1: the file holds no keys, it is empty or has comments only; "
        "expected the keys version and waivers"
    )


def test_no_waivers(tmp_path: Path) -> None:
    for waivers in (Waivers(), read(tmp_path, "version: 1\nwaivers: []\n")):
        assert waivers.pairs(TODAY) == frozenset()
        assert waivers.expired_on(TODAY) == ()


@pytest.mark.parametrize(("day", "holds"), [(1, True), (2, False)])
def test_the_last_day_still_counts(tmp_path: Path, day: int, holds: bool) -> None:
    waivers = read(tmp_path, ONE)
    today = dt.date(2026, 12, day)
    assert (waivers.pairs(today) == {(A, B)}) is holds
    assert (waivers.expired_on(today) == ()) is holds


def test_what_has_expired_is_named(tmp_path: Path) -> None:
    text = ONE + another(C, D, "2026-11-21") + another(A, D, "2026-11-20")
    waivers = read(tmp_path, text)
    assert waivers.pairs(TODAY) == {(A, B)}
    assert waivers.expired_on(TODAY) == (
        (
            "2 waivers have expired",
            (
                "w.yaml: cccccccccccc with dddddddddddd, owner O. Ther: expired on 2026-11-21; "
                "renew it or take it out\n"
                "w.yaml: aaaaaaaaaaaa with dddddddddddd, owner O. Ther: expired on 2026-11-20; "
                "renew it or take it out"
            ),
        ),
    )
    ((reason, _),) = read(tmp_path, ONE).expired_on(dt.date(2027, 1, 1))
    assert reason == "1 waiver has expired"


def test_digests_in_capitals_are_the_same(tmp_path: Path) -> None:
    assert read(tmp_path, ONE.replace(A, A.upper())).pairs(TODAY) == {(A, B)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            f"generated: {A}",
            "generated: abc",
            "w.yaml:3:16: waivers[0].generated: found the text 'abc', expected 64 hexadecimal digits",
        ),
        (
            "date: 2026-11-01",
            "date: 01.11.2026",
            "w.yaml:7:11: waivers[0].date: found the text '01.11.2026', expected a day such as 2026-11-22",
        ),
        (
            "expires: 2026-12-01",
            "expires: 2026-02-30",
            "w.yaml:8:14: waivers[0].expires: found the text '2026-02-30', expected a day such as 2026-11-22",
        ),
        (
            "expires: 2026-12-01",
            "expires: 2027",
            "w.yaml:8:14: waivers[0].expires: found 2027, expected a day such as 2026-11-22",
        ),
        (
            "expires: 2026-12-01",
            "expires: 2026-10-31",
            "w.yaml:3:5: waivers[0]: expires on 2026-10-31, before its date 2026-11-01",
        ),
        ("reason: Not the same person", "reason: ' '", "w.yaml:3:5: waivers[0]: the reason is empty"),
        ("    owner: A. Reviewer\n", "", "w.yaml:3:5: waivers[0]: missing key 'owner'"),
        (
            "    owner:",
            "    ownr:",
            (
                "w.yaml:6:5: waivers[0]: unknown key 'ownr' (did you mean 'owner'?); "
                "expected: generated, source, reason, owner, date, expires"
            ),
        ),
        (
            "version: 1",
            "version: 2",
            "w.yaml:1:10: version: found 2, expected 1; this policy is for a newer faceleak-check: upgrade it",
        ),
        (
            "waivers:\n",
            "waiver:\n",
            "w.yaml:2:1: unknown key 'waiver' (did you mean 'waivers'?); expected: version, waivers",
        ),
    ],
)
def test_every_mistake_has_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in ONE
    assert problems(tmp_path, ONE.replace(old, new)) == expected


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = ONE.replace(A, "abc").replace("date: 2026-11-01", "date: then")
    assert problems(tmp_path, text).splitlines() == [
        "w.yaml:3:16: waivers[0].generated: found the text 'abc', expected 64 hexadecimal digits",
        "w.yaml:7:11: waivers[0].date: found the text 'then', expected a day such as 2026-11-22",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as raised:
        read_waivers(tmp_path / "gone.yaml", "gone.yaml")
    assert str(raised.value) == "gone.yaml:1:1: the file does not exist"
