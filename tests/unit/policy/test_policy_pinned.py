from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from policy_examples import SETS

from faceleak_check.errors import PolicyError
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.pinned import PinnedThreshold, pinned_yaml, read_pinned
from faceleak_check.policy.schema import Policy

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

FMR = PinnedThreshold(
    kind="fmr",
    rate=1e-5,
    cosine=0.9412345678901234,
    low=0.93,
    high=0.95,
    confidence=0.95,
    extrapolated=True,
    embedder="dlib-resnet",
    embedder_sha256="a" * 64,
    dataset="train",
    dataset_sha256="b" * 64,
    n_people=120,
    n_images=1000,
    n_comparisons=499_500,
)
FPIR = replace(
    FMR,
    kind="fpir",
    rate=0.01,
    dataset="unseen",
    source="train",
    source_sha256="c" * 64,
    extrapolated=False,
)
TEXT = """\
version: 1
thresholds:
  - kind: "fmr"
    rate: 1e-05
    cosine: 0.9412345678901234
    low: 0.93
    high: 0.95
    confidence: 0.95
    extrapolated: true
    embedder: "dlib-resnet"
    embedder_sha256: "{}"
    dataset: "train"
    dataset_sha256: "{}"
    n_people: 120
    n_images: 1000
    n_comparisons: 499500
""".format("a" * 64, "b" * 64)


def _read(folder: Path, text: str) -> tuple[PinnedThreshold, ...]:
    (folder / "t.yaml").write_text(text, encoding="utf-8")
    return read_pinned(folder / "t.yaml", "t.yaml").thresholds


def _problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        _read(folder, text)
    return str(refused.value).splitlines()


@pytest.mark.parametrize("thresholds", [(), (FMR,), (FMR, FPIR)], ids=["none", "one", "two"])
def test_what_is_written_is_read(tmp_path: Path, thresholds: tuple[PinnedThreshold, ...]) -> None:
    text = pinned_yaml(thresholds)
    assert _read(tmp_path, text) == thresholds
    assert pinned_yaml(thresholds) == text


def test_the_written_file_says_what_it_is() -> None:
    lines = pinned_yaml([FMR]).splitlines()
    assert [line for line in lines if line.startswith("#")][
        -1
    ] == "#   faceleak calibrate POLICY --write FILE"
    assert [line for line in lines if not line.startswith("#")] == TEXT.splitlines()


def test_names_that_look_like_something_else(tmp_path: Path) -> None:
    odd = replace(FPIR, embedder='a "b" ${HOME} $${x} \\ é', dataset="1e-5", source="true")
    assert _read(tmp_path, pinned_yaml([odd])) == (odd,)


def test_the_file_is_known_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(TEXT)
    one = read_pinned(tmp_path / "t.yaml", "t.yaml")
    (tmp_path / "t.yaml").write_text(TEXT + "# seen\n")
    assert (one.file, one.path) == ("t.yaml", tmp_path / "t.yaml")
    assert one.sha256 != read_pinned(tmp_path / "t.yaml", "t.yaml").sha256


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "version: 1",
            "version: 2",
            "1:10: version: found 2, expected 1; this policy is for a newer faceleak-check: upgrade it",
        ),
        (
            TEXT.partition("thresholds:")[2],
            " 5\n",
            "2:13: thresholds: found 5, expected a list, each item on a line that starts with '- '",
        ),
        (
            'kind: "fmr"',
            "kind: far",
            "3:11: thresholds[0].kind: found the text 'far' (did you mean 'fmr'?), expected fmr or fpir",
        ),
        (
            "rate: 1e-05",
            "rate: 1",
            (
                "4:11: thresholds[0].rate: found 1, expected an error rate above 0 and below 1, such as 1e-5 or 0.1%: "
                "for one in a hundred write 1% or 0.01"
            ),
        ),
        (
            "rate: 1e-05",
            "rat: 1e-05",
            (
                "4:5: thresholds[0]: unknown key 'rat' (did you mean 'rate'?); expected: kind, rate, cosine, "
                "low, high, "
                "confidence, extrapolated, embedder, embedder_sha256, dataset, dataset_sha256, source, source_sha256, "
                "n_people, n_images, n_comparisons"
            ),
        ),
        ("    low: 0.93\n", "", "3:5: thresholds[0]: missing key 'low'"),
        (
            "high: 0.95",
            "high: 1.1",
            "7:11: thresholds[0].high: found 1.1, expected a cosine between -1 and 1, such as 0.94",
        ),
        (
            "high: 0.95",
            "high: 0.94",
            "3:5: thresholds[0]: the cosine 0.9412345678901234 lies outside its interval [0.93, 0.94]",
        ),
        (
            "low: 0.93",
            "low: 0.95",
            "3:5: thresholds[0]: the cosine 0.9412345678901234 lies outside its interval [0.95, 0.95]",
        ),
        (
            "extrapolated: true",
            "extrapolated: 1",
            "9:19: thresholds[0].extrapolated: found 1, expected true or false",
        ),
        (
            "embedder_sha256: " + '"' + "a" * 64,
            'embedder_sha256: "abc',
            "11:22: thresholds[0].embedder_sha256: found the text 'abc', expected 64 hexadecimal digits",
        ),
        (
            "n_people: 120",
            "n_people: -1",
            "14:15: thresholds[0].n_people: found -1, expected a whole number of 0 or more",
        ),
        (
            'kind: "fmr"',
            "kind: fpir",
            "3:5: thresholds[0]: an FPIR holds for one source set; name it with 'source'",
        ),
        (
            'dataset: "train"',
            "dataset: train\n    source: train",
            "3:5: thresholds[0]: an FMR holds for any source set; take 'source' out",
        ),
        (
            'kind: "fmr"',
            "kind: fpir\n    source: train",
            "3:5: thresholds[0]: 'source' and 'source_sha256' go together; give both or neither",
        ),
    ],
)
def test_every_mistake_has_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    assert _problems(tmp_path, TEXT.replace(old, new)) == [f"t.yaml:{expected}"]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("rate: 1e-05", "rate: 0").replace("confidence: 0.95", "confidence: 95")
    assert _problems(tmp_path, text) == [
        (
            "t.yaml:4:11: thresholds[0].rate: found 0, expected an error rate above 0 and below 1, "
            "such as 1e-5 or 0.1%"
        ),
        "t.yaml:8:17: thresholds[0].confidence: found 95, expected a share between 0 and 1: write 95% or 0.95",
    ]


@pytest.mark.parametrize(
    ("first", "second", "against"),
    [(FMR, replace(FMR, cosine=0.94), ""), (FPIR, replace(FPIR, n_people=5), " against 'train'")],
)
def test_one_threshold_twice(
    tmp_path: Path, first: PinnedThreshold, second: PinnedThreshold, against: str
) -> None:
    text = "\n".join(line for line in pinned_yaml([first, second]).splitlines() if not line.startswith("#"))
    line = 3 + len(text[: text.rindex("  - ")].splitlines()[2:])
    assert _problems(tmp_path, text) == [
        (
            f"t.yaml:{line}:5: thresholds[1]: {first.asked.describe()} of 'dlib-resnet' on "
            f"'{first.dataset}'{against} is "
            "already on line 3; keep one of the two"
        )
    ]


@pytest.mark.parametrize(
    "other",
    [
        replace(FPIR, rate=0.02),
        replace(FPIR, embedder_sha256="c" * 64),
        replace(FPIR, dataset="named"),
        replace(FPIR, source="bare"),
        replace(FPIR, kind="fmr", source="", source_sha256=None),
    ],
)
def test_two_thresholds(tmp_path: Path, other: PinnedThreshold) -> None:
    assert _read(tmp_path, pinned_yaml([FPIR, other])) == (FPIR, other)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as refused:
        read_pinned(tmp_path / "gone.yaml", "gone.yaml")
    assert str(refused.value) == "gone.yaml:1:1: the file does not exist"


PINS = SETS.replace("checks:", "thresholds: a b.yaml\nchecks:")
CHECK = "leak_count: {generated: gen, source: %s, threshold: {%s}, at_most: 1}"


def test_a_policy_holds_its_thresholds(parse: Parse, tmp_path: Path) -> None:
    (tmp_path / "a b.yaml").write_text(pinned_yaml([FMR, FPIR]))
    policy = parse(PINS % (CHECK % ("bare", "fmr: 1e-5")))
    assert policy.thresholds == read_pinned(tmp_path / "a b.yaml", "a b.yaml")
    assert parse(SETS % (CHECK % ("train", "fmr: 1e-5"))).thresholds is None


@pytest.mark.parametrize(
    ("check", "place"),
    [
        (CHECK % ("bare", "fmr: 1e-5"), ""),
        (CHECK % ("train", "fmr: 1e-5"), ""),
        (CHECK % ("train", "fpir: 1%"), ""),
        (CHECK % ("train", "cosine: 0.9"), ""),
        ("excess_risk: {generated: gen, source: train, control: unseen, at_most: 1%}", ""),
        (CHECK % ("train", "fmr: 1e-4"), "13:61: checks[0].leak_count.threshold.fmr: FMR 0.0001"),
        (
            CHECK % ("train", "fpir: 2%"),
            "13:61: checks[0].leak_count.threshold.fpir: FPIR 0.02 against 'train'",
        ),
        (
            CHECK % ("bare", "fpir: 1%"),
            "13:60: checks[0].leak_count.threshold.fpir: FPIR 0.01 against 'bare'",
        ),
        (
            "excess_risk: {generated: gen, source: bare, control: unseen, at_most: 1%}",
            "13:5: checks[0].excess_risk: FPIR 0.01 against 'bare'",
        ),
        (
            "canary_recall: {source: train, at_least: 99%, threshold: {fmr: 1e-3}}",
            "13:63: checks[0].canary_recall.threshold.fmr: FMR 0.001",
        ),
    ],
)
def test_each_rate_is_in_the_file(
    problems: Problems, parse: Parse, tmp_path: Path, check: str, place: str
) -> None:
    (tmp_path / "a b.yaml").write_text(pinned_yaml([FMR, FPIR]))
    if not place:
        assert parse(PINS % check).cases
        return
    where, _, rate = place.rpartition(": ")
    assert problems(PINS % check) == [
        (
            f"p.yaml:{where}: 'a b.yaml' holds no threshold for {rate}; "
            f"write it with: faceleak calibrate p.yaml --write '{tmp_path}/a b.yaml'"
        )
    ]


def test_the_command_is_short_where_the_user_stands_beside_the_file(
    problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert problems(PINS % (CHECK % ("train", "fmr: 1e-5"))) == [
        (
            "p.yaml:11:13: thresholds: the thresholds file 'a b.yaml' does not exist; "
            "write it with: faceleak calibrate p.yaml --write 'a b.yaml'"
        )
    ]


def test_problems_of_the_file_and_of_the_policy_come_together(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "a b.yaml").write_text("version: 1\nthresholds: [{}]\n".replace("[{}]", "5"))
    assert problems(PINS % (CHECK % ("bare", "fmr: 5"))) == [
        "a b.yaml:2:13: thresholds: found 5, expected a list, each item on a line that starts with '- '",
        (
            "p.yaml:13:65: checks[0].leak_count.threshold.fmr: found 5, expected a share between 0 and 1: "
            "write 5% or 0.05"
        ),
    ]


def test_the_file_does_not_count_where_it_is_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PINS % (CHECK % ("train", "fmr: 1e-5")))
    policy = parse_policy(tmp_path / "p.yaml", environment={}, pinned=False)
    assert (policy.thresholds, len(policy.cases)) == (None, 1)
    (tmp_path / "p.yaml").write_text(PINS % (CHECK % ("bare", "fmr: 1e-5")))
    with pytest.raises(PolicyError) as refused:
        parse_policy(tmp_path / "p.yaml", shown_as="p.yaml", environment={}, pinned=False)
    assert str(refused.value) == (
        "p.yaml:13:60: checks[0].leak_count.threshold.fmr: FMR 1e-05 is found on pictures of different people, and "
        "none of its sets has labels; name a labelled set with 'calibration', or write 'labels: parent_folder' or "
        "'labels: {csv: labels.csv}' under datasets.bare, or pin the threshold with 'thresholds: FILE'"
    )
