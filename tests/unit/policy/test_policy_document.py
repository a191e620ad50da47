from __future__ import annotations

from collections.abc import Callable

import pytest

from faceleak_check.errors import PolicyError
from faceleak_check.policy.schema import Policy
from faceleak_check.registry import EMBEDDERS, READERS

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

TOP_KEYS = (
    "version, name, description, datasets, embedder, embedders, licences, screens, exclusions, "
    "checks, search, execution, waivers, thresholds, report"
)
TEXT_IN_QUOTES = "expected text; put it in quotes"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "version: 0", ["p.yaml:1:10: version: found 0, expected 1"]),
        ("version: 1", "version: true", ["p.yaml:1:10: version: found true, expected 1"]),
        ("version: 1", "version: '1'", ["p.yaml:1:10: version: found the text '1', expected 1"]),
        (
            "version: 1",
            "version: 2",
            [
                (
                    "p.yaml:1:10: version: found 2, expected 1; "
                    "this policy is for a newer faceleak-check: upgrade it"
                )
            ],
        ),
        ("version: 1\n", "", ["p.yaml:1:1: missing key 'version'"]),
        (
            "name: gate",
            "nmae: gate",
            [f"p.yaml:2:1: unknown key 'nmae' (did you mean 'name'?); expected: {TOP_KEYS}"],
        ),
        ("name: gate", "name: 2026", [f"p.yaml:2:7: name: found 2026, {TEXT_IN_QUOTES}"]),
        (
            "name: gate",
            'name: "a\\nb"',
            [
                (
                    "p.yaml:2:7: name: found the text 'a\\nb', expected one line of 1 to 100 characters, "
                    "without control characters and without spaces at its ends"
                )
            ],
        ),
        (
            "name: gate",
            "name: ' '",
            [
                (
                    "p.yaml:2:7: name: found the text ' ', expected one line of 1 to 100 characters, "
                    "without control characters and without spaces at its ends"
                )
            ],
        ),
        (
            "name: gate",
            f"name: {'x' * 101}",
            [
                (
                    f"p.yaml:2:7: name: found the text '{'x' * 60}…', expected one line of 1 to 100 characters, "
                    "without control characters and without spaces at its ends"
                )
            ],
        ),
        (
            "name: gate",
            "name: gate\ndescription: [a]",
            ["p.yaml:3:14: description: found a list, expected text"],
        ),
        ("name: gate", "name:", ["p.yaml:2:1: name: this key has no value; write one or take the key out"]),
        (
            "  generated: {path: gen}",
            "  generated: {path: gen}\n  a b: {path: x}\n  ..: {path: y}",
            [
                (
                    "p.yaml:5:3: datasets.'a b': a dataset's name has 1 to 64 letters A-Z, a-z, digits, "
                    "'_', '.' and '-'; found the text 'a b'"
                ),
                (
                    "p.yaml:6:3: datasets.'..': a dataset's name has 1 to 64 letters A-Z, a-z, digits, "
                    "'_', '.' and '-'; found the text '..'"
                ),
            ],
        ),
        (
            "{path: gen}",
            "{pth: gen}",
            [
                (
                    "p.yaml:4:15: datasets.generated: unknown key 'pth' (did you mean 'path'?); "
                    "expected: path, format, labels, columns, arrays, templates, options, align, faces, expect"
                )
            ],
        ),
        ("{path: gen}", "{}", ["p.yaml:4:3: datasets.generated: missing key 'path'"]),
        (
            "{path: gen}",
            "gen",
            ["p.yaml:4:14: datasets.generated: found the text 'gen', expected a mapping of keys and values"],
        ),
        (
            "path: gen",
            "path: 5",
            ["p.yaml:4:21: datasets.generated.path: found 5, expected a path; put it in quotes"],
        ),
        (
            "path: gen",
            "path: ''",
            [
                (
                    "p.yaml:4:21: datasets.generated.path: found the text '', expected a path on one "
                    "line without control characters"
                )
            ],
        ),
        (
            "path: gen",
            "path: ~no-such-user/x",
            [
                (
                    "p.yaml:4:21: datasets.generated.path: found the text '~no-such-user/x', but no home "
                    "folder of that name is known"
                )
            ],
        ),
        (
            "path: gen",
            "path: gen, format: foldr",
            [
                (
                    "p.yaml:4:34: datasets.generated.format: unknown reader 'foldr' (did you mean 'folder'?); "
                    f"there are: {', '.join(READERS)}"
                )
            ],
        ),
        (
            "labels: parent_folder",
            "labels: parent_foldr",
            [
                (
                    "p.yaml:5:35: datasets.training.labels: found the text 'parent_foldr' "
                    "(did you mean 'parent_folder'?), expected parent_folder, own, none, or a mapping "
                    "such as {csv: labels.csv}"
                )
            ],
        ),
        (
            "labels: parent_folder",
            "labels: [a]",
            [
                (
                    "p.yaml:5:35: datasets.training.labels: found a list, "
                    "expected parent_folder, own, none, or a mapping such as {csv: labels.csv}"
                )
            ],
        ),
        (
            "labels: parent_folder",
            "labels: {csv: 5, imag: x}",
            [
                "p.yaml:5:41: datasets.training.labels.csv: found 5, expected a path; put it in quotes",
                (
                    "p.yaml:5:44: datasets.training.labels: unknown key 'imag' (did you mean 'image'?); "
                    "expected: csv, image, identity"
                ),
            ],
        ),
        (
            "labels: parent_folder",
            "labels: {image: x}",
            ["p.yaml:5:27: datasets.training.labels: missing key 'csv'"],
        ),
        (
            "{path: gen}",
            "{path: gen, columns: {similarity: s}}",
            [
                (
                    "p.yaml:4:26: datasets.generated.columns: 'columns' belong to a match list "
                    "(format: matches) or to Parquet files of images (format: parquet), and this is format: folder"
                )
            ],
        ),
        (
            "checks:",
            "embedder: {name: dlib-resnt, sha256: abc, precision: fp16, device: 5}\nchecks:",
            [
                (
                    "p.yaml:6:18: embedder.name: unknown embedder 'dlib-resnt' (did you mean 'dlib-resnet'?); "
                    f"there are: {', '.join(EMBEDDERS)}"
                ),
                "p.yaml:6:38: embedder.sha256: found the text 'abc', expected 64 hexadecimal digits",
                "p.yaml:6:54: embedder.precision: found the text 'fp16' (did you mean 'bf16'?), expected fp32 or bf16",
                "p.yaml:6:68: embedder.device: found 5, expected cpu, cuda or auto",
            ],
        ),
        (
            "checks:",
            "embedder: dlib-resnet\nchecks:",
            ["p.yaml:6:11: embedder: found the text 'dlib-resnet', expected a mapping of keys and values"],
        ),
        (
            "checks:",
            "exclusions: {at_most: 5}\nchecks:",
            ["p.yaml:6:23: exclusions.at_most: found 5, expected a share between 0 and 1: write 5% or 0.05"],
        ),
        (
            "checks:",
            "waivers: 5\nchecks:",
            ["p.yaml:6:10: waivers: found 5, expected a path; put it in quotes"],
        ),
        (
            "checks:",
            "waivers: {on_expired: ignore, on_unmached: warn}\nchecks:",
            [
                "p.yaml:6:1: waivers: missing key 'file'",
                "p.yaml:6:23: waivers.on_expired: found the text 'ignore', expected fail or warn",
                (
                    "p.yaml:6:31: waivers: unknown key 'on_unmached' (did you mean 'on_unmatched'?); "
                    "expected: file, on_expired, on_unmatched"
                ),
            ],
        ),
        (
            "checks:",
            "waivers: {file: w.yaml, on_expired: warn}\nchecks:",
            [
                "p.yaml:6:17: waivers.file: the waivers file 'w.yaml' does not exist; correct it or leave it out"
            ],
        ),
        (
            "checks:",
            "licences: {allow: []}\nchecks:",
            ["p.yaml:6:19: licences.allow: found nothing in it, expected at least one"],
        ),
        (
            "checks:",
            "licences: {allow: MIT}\nchecks:",
            [
                (
                    "p.yaml:6:19: licences.allow: found the text 'MIT', "
                    "expected a list, each item on a line that starts with '- '"
                )
            ],
        ),
        (
            "checks:",
            "licences: {allow: ['', 5]}\nchecks:",
            [
                (
                    "p.yaml:6:20: licences.allow[0]: found the text '', "
                    "expected the name of a licence, such as CC0-1.0"
                ),
                f"p.yaml:6:24: licences.allow[1]: found 5, {TEXT_IN_QUOTES}",
            ],
        ),
        (
            "checks:",
            "licences: {}\nchecks:",
            ["p.yaml:6:1: licences: missing key 'allow'"],
        ),
        (
            "{path: gen}",
            "{path: gen, align: mtcn, faces: one}",
            [
                (
                    "p.yaml:4:33: datasets.generated.align: found the text 'mtcn' (did you mean 'mtcnn'?), "
                    "expected none, mtcnn or auto"
                ),
                (
                    "p.yaml:4:46: datasets.generated.faces: found the text 'one', "
                    "expected all, largest or error"
                ),
            ],
        ),
    ],
)
def test_problems_outside_the_checks(
    problems_after: Callable[[str, str], list[str]], old: str, new: str, expected: list[str]
) -> None:
    assert problems_after(old, new) == expected


def test_empty_datasets(problems: Problems) -> None:
    checks = "checks: [{leak_count: {matches: a, threshold: {cosine: 0.5}, at_most: 1}}]\n"
    assert problems(f"version: 1\nname: gate\ndatasets: {{}}\n{checks}") == [
        "p.yaml:3:11: datasets: found nothing in it, expected at least one",
        "p.yaml:4:33: checks[0].leak_count.matches: unknown dataset 'a'; there are: none",
    ]


def test_yaml_and_schema_problems_come_together_in_file_order(problems: Problems, valid: str) -> None:
    text = (
        valid.replace("name: gate", "name: &n gate\nname: x\nnmae: y")
        .replace("0.1%", "*n")
        .replace("0.9", "9")
    )
    assert problems(text) == [
        "p.yaml:2:7: anchors (&n) are not supported; take it out",
        "p.yaml:3:1: name: this key is already on line 2; keep one of the two",
        f"p.yaml:4:1: unknown key 'nmae' (did you mean 'name'?); expected: {TOP_KEYS}",
        "p.yaml:9:77: checks[0].leak_rate.threshold.cosine: found 9, expected a cosine between -1 and 1, such as 0.94",
        "p.yaml:9:90: aliases (*n) are not supported; write the value out here",
    ]


def test_what_cannot_be_read_is_not_also_missing(problems: Problems, valid: str) -> None:
    text = valid.replace("{cosine: 0.9}", "{cosine: !x 0.9}").replace("path: train", "<<: {path: train}")
    assert problems(text) == [
        "p.yaml:5:14: datasets.training: merge keys (<<) are not supported; write the keys out here",
        "p.yaml:7:77: tags (!x) are not supported; take it out",
    ]


def test_an_error_keeps_its_problems_apart(parse: Parse, valid: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse(valid.replace("0.1%", "5").replace("version: 1", "version: 3"))
    assert [(problem.line, problem.column, problem.key) for problem in refused.value.problems] == [
        (1, 10, "version"),
        (7, 92, "checks[0].leak_rate.at_most"),
    ]


def test_a_key_that_is_unknown_and_empty_is_both(problems_after: Callable[[str, str], list[str]]) -> None:
    assert problems_after("checks:", "waiver:\nchecks:") == [
        "p.yaml:6:1: waiver: this key has no value; write one or take the key out",
        f"p.yaml:6:1: unknown key 'waiver' (did you mean 'waivers'?); expected: {TOP_KEYS}",
    ]


def test_a_text_that_cannot_be_printed_is_one_problem(
    problems_after: Callable[[str, str], list[str]],
) -> None:
    assert problems_after("name: gate", 'name: "a\\e"') == [
        "p.yaml:2:7: name: this text holds the character U+001B; take it out"
    ]


def test_the_waivers_are_looked_at_too(problems_after: Callable[[str, str], list[str]]) -> None:
    assert problems_after("version: 1", "waivers: w.yaml\nversion: 1") == [
        "p.yaml:1:10: waivers: the waivers file 'w.yaml' does not exist; correct it or leave it out"
    ]
