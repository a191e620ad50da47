from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rich.cells import cell_len

from faceleak_check.reports.terminal import failure_text, headline, place_line, safe


def pair(
    generated: str = "g.png",
    source: str = "p/1.png",
    similarity: float = 0.97,
    seconds: Mapping[str, float] | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    return {
        "generated": generated,
        "generated_sha256": "a" * 64,
        "source": source,
        "source_sha256": "b" * 64,
        "source_people": ["p"],
        "similarity": similarity,
        "distance": None,
        "generated_box": None,
        "source_box": None,
        "seconds": [
            {"embedder": name, "similarity": cosine, "distance": 0.5}
            for name, cosine in (seconds or {}).items()
        ],
        "kind": kind,
        "bits": None,
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
            "unit": "images",
            "figures": [],
        },
        "sets": {"generated": {"name": "g", "counts": counts, "alignments": {}}},
        "unscreened": None,
        "screens": [],
        "embedder": {"name": "dlib-resnet", "weights_sha256": "c" * 64},
        "agreement": {},
        "pairs_file": {"file": "pairs/x.parquet"},
        "thresholds": {},
        "chance": None,
        "hubs": [],
        "canaries": [],
        "previous": None,
        "scan": None,
        "search": None,
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


# -------------------------------------------------------------------- screens, alignments and agreement


def alignment(reason: str, *, sampled: bool = True) -> dict[str, Any]:
    survey = {"n_sampled": 64, "n_with_face": 60, "offset": 0.05} if sampled else None
    return {"asked": "auto", "used": "none", "reason": reason, "survey": survey}


def screen(rule: str, combine: str, **methods: float) -> dict[str, Any]:
    return {
        "rule": rule,
        "combine": combine,
        "methods": [
            {"method": name, "model": f"the {name} model", "reject_above": limit}
            for name, limit in methods.items()
        ],
        "groups": {},
    }


def agreeing(*pairs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A record of two embedders that must agree."""
    others = {"second": {"name": "adaface-ir101", "weights_sha256": "d" * 64}}
    return record(pairs=list(pairs), agreement=others, **changes)


def test_a_failure_with_screens_alignments_and_agreement() -> None:
    counts = {"n_seen": 9, "n_embedded": 5, "n_unreadable": 0, "n_excluded": {"child": 3, "no_face": 1}}
    one = agreeing(
        pair(seconds={"second": 0.61}),
        pair("g2.png", "p/2.png", 0.95, seconds={"second": -0.05}),
        sets={
            "generated": {
                "name": "g",
                "counts": counts,
                "alignments": {
                    "first": alignment("chips already"),
                    "second": alignment("faces lie far " + "and further " * 5 + "off"),
                },
            },
            "source": {
                "name": "t",
                "counts": counts,
                "alignments": {"first": alignment("no template", sampled=False)},
            },
        },
        screens=[
            screen("child", "any_of", clip=0.5, age=0.25),
            screen("odd", "all_of", clip=0.5, face=1 / 3),
        ],
        warnings=["screen 'child' took out 3"],
    )
    assert failure_text(one, names=True) == (
        """\
LEAK: 1 of 1,230 generated images leaks; the policy allows at most 0

rule       cosine >= 0.9
generated  g: 9 seen, 5 compared, 3 child, 1 no_face
source     t: 9 seen, 5 compared, 3 child, 1 no_face
alignment  g by first: chips already
alignment  g by second: faces lie far and further and further and further and
           further and further off
embedder   dlib-resnet cccccccccccc
embedder   adaface-ir101 dddddddddddd
screen     child: clip (the clip model) > 0.5 or age (the age model) > 0.25
screen     odd: clip (the clip model) > 0.5 and face (the face model) > 0.333333

leaks, worst first (2 of 2):
  cosine  second   generated image  source image
  0.9700  0.6100   g.png            p/1.png
  0.9500  -0.0500  g2.png           p/2.png
all pairs, in the evidence folder:
  pairs/x.parquet
note: screen 'child' took out 3"""
    )
    assert "  0.9700  0.6100   aaaaaaaaaaaa     bbbbbbbbbbbb" in failure_text(one, names=False).splitlines()


def test_one_embedder_alone_is_not_named_with_an_alignment() -> None:
    counts = {"n_seen": 9, "n_embedded": 9, "n_unreadable": 0, "n_excluded": {}}
    sets = {"generated": {"name": "g", "counts": counts, "alignments": {"e": alignment("chips already")}}}
    assert "alignment  g: chips already" in failure_text(record(sets=sets), names=True).splitlines()


@pytest.mark.parametrize(
    ("generated", "source", "embedder"),
    [
        ("g" * 300, "s" * 300, "an-embedder-with-a-long-name"),
        ("漢" * 200, "字" * 200, "漢" * 64),
        ("a\nb" * 100, "\x1b" * 100, "\x1b" * 64),
        ("e\u0301" * 200, "😀" * 100, "e\u0301" * 40),
        ("", "", "e"),
    ],
    ids=["long", "wide", "unsafe", "combined", "short"],
)
@pytest.mark.parametrize("n_others", [1, 2, 3, 5, 6, 40])
def test_cosines_of_others_fit_whatever_their_names(
    generated: str, source: str, embedder: str, n_others: int
) -> None:
    seconds = {f"{embedder}{n}": 0.5 for n in range(n_others)}
    negative = dict.fromkeys(seconds, -0.5)
    pairs = (pair(generated, source, seconds=seconds), pair("short.png", "p/1.png", -0.99, seconds=negative))
    lines = failure_text(agreeing(*pairs), names=True).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "".join(lines).isprintable()
    first = next(n for n, line in enumerate(lines) if line.startswith("leaks")) + 2
    assert lines[first].startswith("  0.9700   0.5000")
    assert lines[first].count("0.5000") == lines[first + 1].count("0.5000") == min(n_others, 5)


def test_long_names_of_others_are_cut_in_their_middle() -> None:
    one = pair("g" * 50 + ".png", "s" * 60, seconds={"begin-of-one-end": 0.5, "begin-of-two-end": 0.25})
    lines = failure_text(agreeing(one), names=True).splitlines()
    start = lines.index("leaks, worst first (1 of 1):")
    assert lines[start + 1 : start + 3] == [
        "  cosine  begin…ne-end  begin…wo-end  generated image      source image",
        "  0.9700  0.5000        0.2500        ggggggggg…ggggg.png  sssssssss…ssssssssss",
    ]


def test_of_many_others_five_are_shown_and_their_names_are_short() -> None:
    one = pair("g" * 50 + ".png", "s" * 60, seconds={f"embedder-{n}": n / 8 for n in range(7)})
    lines = failure_text(agreeing(one), names=True).splitlines()
    start = lines.index("leaks, worst first (1 of 1):")
    assert lines[start + 1 : start + 3] == [
        "  cosine  em…r-0  em…r-1  em…r-2  em…r-3  em…r-4  genera… image  source image",
        "  0.9700  0.0000  0.1250  0.2500  0.3750  0.5000  gggggg…gg.png  ssssss…sssssss",
    ]


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


def test_what_is_safe() -> None:
    assert safe("plain ünï 漢 'q\" <b>") == "plain ünï 漢 'q\" <b>"
    assert (
        safe("\x00\x1b\x7f\x9b\n\r\t\u2028\u200b\u202e\ud800")
        == r"\x00\x1b\x7f\x9b\n\r\t\u2028\u200b\u202e\ud800"
    )
