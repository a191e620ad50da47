from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from faceleak_check.reports.terminal import failure_text, headline, place_line, policy_lines, safe


def pair(generated: str = "g.png", source: str = "p/1.png", similarity: float = 0.97) -> dict[str, Any]:
    return {
        "generated": generated,
        "generated_sha256": "a" * 64,
        "source": source,
        "source_sha256": "b" * 64,
        "source_people": ["p"],
        "similarity": similarity,
        "distance": None,
    }


def record(outcome: str = "leak", **changes: Any) -> dict[str, Any]:
    pairs = changes.pop("pairs", [pair()])
    counts = {"n_seen": 1234, "n_embedded": 1230, "n_unreadable": 3, "n_excluded": {"link": 1}}
    return {
        "case": "leak_count[g-vs-t]",
        "check": "leak_count",
        "outcome": outcome,
        "brief": "1 > 0 images",
        "reasons": ["1 of 1,230 generated images leaks; the policy allows at most 0"],
        "details": [],
        "warnings": [],
        "measurement": {
            "rule": "cosine >= 0.9",
            "pairs_are_leaks": True,
            "n_pairs": len(pairs),
            "worst_pairs": pairs,
        },
        "sets": {"generated": {"name": "g", "counts": counts}},
        "embedder": {"name": "dlib-resnet", "weights_sha256": "c" * 64},
        "pairs_file": {"file": "pairs/x.parquet"},
        **changes,
    }


def test_a_failure_with_names() -> None:
    assert failure_text(record(), names=True) == (
        """\
LEAK: 1 of 1,230 generated images leaks; the policy allows at most 0

rule       cosine >= 0.9
generated  g: 1,234 seen, 1,230 compared, 3 unreadable, 1 link
embedder   dlib-resnet cccccccccccc

leaks, worst first (1 of 1):
  cosine  generated image  source image
  0.9700  g.png            p/1.png
all pairs, in the evidence folder:
  pairs/x.parquet"""
    )


def test_without_names_there_are_digests_and_no_details() -> None:
    text = failure_text(record(details=["/home/me/secret"]), names=False)
    assert "  0.9700  aaaaaaaaaaaa     bbbbbbbbbbbb" in text.splitlines()
    for name in ("g.png", "p/1.png", "secret"):
        assert name not in text


def test_nothing_measured() -> None:
    nothing = record(
        "inconclusive",
        reasons=["dataset 't' was not found"],
        details=["/data/t\nNothing is there."],
        measurement=None,
        sets={},
        embedder=None,
    )
    assert failure_text(nothing, names=True) == (
        "INCONCLUSIVE: dataset 't' was not found\n/data/t\nNothing is there."
    )
    assert failure_text(nothing, names=False) == "INCONCLUSIVE: dataset 't' was not found"


def test_a_second_reason_and_notes_are_wrapped() -> None:
    text = failure_text(
        record(reasons=["a", "word " * 30 + "end"], warnings=["note " * 20 + "end"]), names=True
    )
    assert text.splitlines()[:4] == [
        "LEAK: a",
        "also: " + "word " * 14 + "word",
        "    " + "word " * 14 + "word",
        "    end",
    ]
    assert text.splitlines()[-2:] == ["note: " + "note " * 14 + "note", "    " + "note " * 5 + "end"]


def test_details_move_no_cursor() -> None:
    text = failure_text(record(details=["a\x1b[31m\nb\r\tc\u202e"]), names=True)
    assert text.splitlines()[1:3] == [r"a\x1b[31m", r"b\r\tc\u202e"]


@pytest.mark.parametrize(
    ("generated", "source"),
    [
        ("g" * 300, "s"),
        ("g", "s" * 300),
        ("g" * 300, "s" * 300),
        ("漢" * 200, "字" * 200),
        ("a\nb" * 100, "\x1b" * 100),
        ("e\u0301" * 200, "😀" * 100),
        ("", ""),
    ],
)
def test_pairs_fit_whatever_their_names(generated: str, source: str) -> None:
    text = failure_text(record(pairs=[pair(generated, source), pair("short.png", "p/1.png")]), names=True)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == 12


def test_both_ends_of_a_long_name_are_shown() -> None:
    text = failure_text(record(pairs=[pair("begin-" + "x" * 100 + "-end.png", "p/1.png")]), names=True)
    row = text.splitlines()[8]
    assert row.startswith("  0.9700  begin-xxx")
    assert "xxx-end.png  p/1.png" in row
    assert row.count("…") == 1


def test_ten_pairs_are_shown() -> None:
    text = failure_text(record(pairs=[pair(f"g{n}.png") for n in range(20)]), names=True)
    assert "leaks, worst first (10 of 20):" in text
    assert text.count("0.9700") == 10


def test_pairs_that_are_no_leaks_are_not_called_so() -> None:
    one = record()
    one["measurement"]["pairs_are_leaks"] = False
    assert "most similar pairs, worst first (1 of 1):" in failure_text(one, names=True).splitlines()


def test_without_a_pairs_file_none_is_named() -> None:
    assert "all pairs" not in failure_text(record(pairs_file=None), names=True)
    assert "all pairs" not in failure_text(record(pairs=[]), names=True)


def test_the_headline_has_all_reasons() -> None:
    assert headline(record(reasons=["a", "b"])) == "a; b"


@pytest.mark.parametrize(
    ("path", "case", "expected"),
    [
        ("p.yaml", "a[b]", "p.yaml:7: a[b]"),
        ("p.yaml", "a" * 71, "p.yaml:7: " + "a" * 70 + "a"),
        ("p\n.yaml", "a", r"p\n.yaml:7: a"),
    ],
)
def test_the_place_of_a_case(path: str, case: str, expected: str) -> None:
    wanted = expected if len(expected) <= 80 else "p.yaml:7"
    assert place_line(path, 7, case) == wanted


def policy(**changes: Any) -> dict[str, Any]:
    return {"file": "p.yaml", "name": "p", "problems": [], "cases": [], "not_run": [], **changes}


def test_a_line_a_case() -> None:
    cases = [
        record(brief="1 > 0 images"),
        record("pass", brief="0 <= 0 images"),
        record("waived", brief="0 <= 0 images"),
        record("inconclusive", brief="", reasons=["dataset 't' was not found"]),
        record("inconclusive", brief="0 <= 0 images", reasons=["2 waivers have expired", "0 of 1 leak"]),
    ]
    assert list(policy_lines(policy(cases=cases, not_run=["leak_rate[g-vs-t]"]))) == [
        ("p.yaml (p)", ""),
        ("  LEAK         leak_count[g-vs-t]  1 > 0 images", "red"),
        ("  PASS         leak_count[g-vs-t]  0 <= 0 images", "green"),
        ("  WAIVED       leak_count[g-vs-t]  0 <= 0 images", "green"),
        ("  INCONCLUSIVE leak_count[g-vs-t]  dataset 't' was not found", "yellow"),
        ("  INCONCLUSIVE leak_count[g-vs-t]  2 waivers have expired", "yellow"),
        ("  NOT RUN      leak_rate[g-vs-t]", "yellow"),
    ]


def test_an_invalid_policy() -> None:
    assert list(policy_lines(policy(name=None, problems=["p.yaml:1:1: a", "p.yaml:2:1: b"]))) == [
        ("p.yaml", ""),
        ("  INVALID      problems: 2, shown above", "red"),
    ]


@pytest.mark.parametrize("letter", ["x", "漢", "\x1b"])
def test_summary_lines_fit(letter: str) -> None:
    long = letter * 150
    lines = policy_lines(
        policy(name=long, cases=[record(case=long, brief=long), record(brief=long)], not_run=[long])
    )
    for line, _ in lines:
        assert cell_len(line) <= 80
        assert line.isprintable()


def test_what_is_safe() -> None:
    assert safe("plain ünï 漢 'q\" <b>") == "plain ünï 漢 'q\" <b>"
    assert (
        safe("\x00\x1b\x7f\x9b\n\r\t\u2028\u200b\u202e\ud800")
        == r"\x00\x1b\x7f\x9b\n\r\t\u2028\u200b\u202e\ud800"
    )
