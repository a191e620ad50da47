from __future__ import annotations

from collections.abc import Callable

import pytest

from faceleak_check.policy.source import Source

Problems = Callable[..., list[str]]
START = "expected the keys version, name, datasets and checks (faceleak init writes a policy to start from)"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1:30", "1:30"),
        ("010", 10),
        ("1_000", "1_000"),
        ("2026-11-22", "2026-11-22"),
        ("1e-5", 1e-5),
        ("-.5", -0.5),
        ("+3", 3),
        ("3.", 3.0),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("0.1%", "0.1%"),
        ("'5'", "5"),
        ('"true"', "true"),
        ('"null"', "null"),
        ("|\n  5\n", "5\n"),
        ("9" * 5000, float("inf")),
    ],
)
def test_scalars_are_yaml_1_2(read: Callable[..., Source], written: str, value: object) -> None:
    data = read(f"a: {written}").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_every_key_and_value_has_its_place(read: Callable[..., Source]) -> None:
    source = read("# head\na:\n  - b: 1\n    c: {d: [x, y]}\n")
    assert source.data == {"a": [{"b": 1, "c": {"d": ["x", "y"]}}]}
    places = {path: source.text.place(index) for path, index in source.values.items()}
    assert places == {
        (): (2, 1),
        ("a",): (3, 3),
        ("a", 0): (3, 5),
        ("a", 0, "b"): (3, 8),
        ("a", 0, "c"): (4, 8),
        ("a", 0, "c", "d"): (4, 12),
        ("a", 0, "c", "d", 0): (4, 13),
        ("a", 0, "c", "d", 1): (4, 16),
    }
    assert {path: source.text.place(index) for path, index in source.keys.items()} == {
        ("a",): (2, 1),
        ("a", 0, "b"): (3, 5),
        ("a", 0, "c"): (4, 5),
        ("a", 0, "c", "d"): (4, 9),
    }


def test_lines_are_those_of_an_editor(yaml_problems: Problems) -> None:
    assert yaml_problems("# old Mac\r# Windows\r\na: 1\n\na: 2\n") == [
        "p.yaml:5:1: a: this key is already on line 3; keep one of the two"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "a: 1\nb: {c: 1, c: 2}\na: 3\n",
            [
                "p.yaml:2:11: b.c: this key is already on line 2; keep one of the two",
                "p.yaml:3:1: a: this key is already on line 1; keep one of the two",
            ],
            id="duplicate keys",
        ),
        pytest.param(
            "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n",
            [
                "p.yaml:1:4: anchors (&x) are not supported; take it out",
                "p.yaml:2:4: aliases (*x) are not supported; write the value out here",
                "p.yaml:4:3: d: merge keys (<<) are not supported; write the keys out here",
                "p.yaml:4:7: aliases (*x) are not supported; write the value out here",
            ],
            id="anchors, aliases and merge keys",
        ),
        pytest.param(
            "a: !!python/object/apply:os.system [x]\nb: !env X\nc: !!int 5\n",
            [
                "p.yaml:1:4: tags (!!python/object/apply:os.system) are not supported; take it out",
                "p.yaml:2:4: tags (!env) are not supported; take it out",
                "p.yaml:3:4: tags (!!int) are not supported; take it out",
            ],
            id="tags",
        ),
        pytest.param(
            "a: 1\n---\nb: 1\n",
            ["p.yaml:2:1: a second document starts here; a policy file holds one"],
            id="two documents",
        ),
        pytest.param(
            "%YAML 1.1\n---\na: 1\n",
            ["p.yaml:1:1: directives (lines that start with %) are not supported; take them out"],
            id="directive",
        ),
        pytest.param(
            "a:\n\tb: 1\nc:\n  \td: 1\n",
            [
                "p.yaml:2:1: a tab stands where YAML wants spaces; indent with spaces",
                "p.yaml:4:3: a tab stands where YAML wants spaces; indent with spaces",
            ],
            id="tabs",
        ),
        pytest.param(
            "1: a\ntrue: a\n~: a\n[x, {y: z}]: a\n",
            [
                "p.yaml:1:1: found 1 as a key, but keys are text; put it in quotes",
                "p.yaml:2:1: found true as a key, but keys are text; put it in quotes",
                "p.yaml:3:1: found nothing as a key, but keys are text; put it in quotes",
                "p.yaml:4:1: a list or a mapping cannot be a key; keys are text",
            ],
            id="keys that are no text",
        ),
        pytest.param(
            "a:\nb: [1, ]\nc: {d:1}\ne:\n  -\n  - ~\n",
            [
                "p.yaml:1:1: a: this key has no value; write one or take the key out",
                "p.yaml:3:5: c.'d:1': found no space after the colon; write 'd: 1'",
                "p.yaml:5:4: e[0]: this list item has no value; write one or take the '-' out",
                "p.yaml:6:5: e[1]: this list item has no value; write one or take the '-' out",
            ],
            id="no value",
        ),
        pytest.param(
            'a: "x\\e"\n"b\\0": 1\nc: "\\ud83d\\ude00"\n',
            [
                "p.yaml:1:4: a: this text holds the character U+001B; take it out",
                "p.yaml:2:1: the key 'b\\x00' holds the character U+0000; take it out",
                "p.yaml:3:4: c: this text holds the character U+D83D; take it out",
            ],
            id="escapes of what no text may hold",
        ),
        pytest.param(
            "", [f"p.yaml:1:1: the file holds no keys, it is empty or has comments only; {START}"], id="empty"
        ),
        pytest.param(
            "# a\n\n# b\n",
            [f"p.yaml:1:1: the file holds no keys, it is empty or has comments only; {START}"],
            id="comments only",
        ),
        pytest.param("\n- a\n", [f"p.yaml:2:1: found a list; {START}"], id="a list"),
        pytest.param("hello", [f"p.yaml:1:1: found a text; {START}"], id="a text"),
        pytest.param("5", [f"p.yaml:1:1: found 5; {START}"], id="a number"),
        pytest.param(
            b"a: 1\nb: \xff\n",
            ["p.yaml:2:4: the byte 0xFF is not UTF-8 text; save the file as UTF-8"],
            id="latin-1",
        ),
        pytest.param(
            "a: 1".encode("utf-16"),
            ["p.yaml:1:1: the file is UTF-16 or UTF-32 text; save it as UTF-8"],
            id="utf-16",
        ),
        pytest.param(
            "a: 1".encode("utf-16-be"),
            ["p.yaml:1:1: the file is UTF-16 or UTF-32 text; save it as UTF-8"],
            id="utf-16 without a mark",
        ),
        pytest.param(
            "a: 1 # comment\u2028b: 2\n",
            ["p.yaml:1:15: found the control character U+2028; a policy is plain text, take it out"],
            id="a line end that no editor shows",
        ),
        pytest.param(
            "a: 1\nb: \0\x01\n",
            [
                (
                    "p.yaml:2:4: found the control character U+0000 (and 1 more in the file); "
                    "a policy is plain text, take it out"
                )
            ],
            id="control characters",
        ),
    ],
)
def test_problems(yaml_problems: Problems, text: str | bytes, expected: list[str]) -> None:
    assert yaml_problems(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a: [1, 2",
            (
                "p.yaml:1:9: not valid YAML: while parsing a flow sequence that starts on line 1, "
                "expected ',' or ']', but got '<stream end>'; the bracket is never closed"
            ),
        ),
        (
            "a: 'x",
            (
                "p.yaml:1:6: not valid YAML: while scanning a quoted scalar that starts on line 1, "
                "found unexpected end of stream; the quote is never closed"
            ),
        ),
        (
            "a: b: c",
            (
                "p.yaml:1:5: not valid YAML: mapping values are not allowed here; "
                "put a text that holds ': ' in quotes, or mend the indentation"
            ),
        ),
        (
            "a: 1\nb",
            (
                "p.yaml:2:2: not valid YAML: while scanning a simple key that starts on line 2, "
                "could not find expected ':'; a key needs a colon and a space after it"
            ),
        ),
        (
            "- a\nb: c",
            (
                "p.yaml:2:1: not valid YAML: this does not fit the list or mapping that starts on line 1; "
                "mend the indentation: keys that belong together start in the same column"
            ),
        ),
        (
            "a: @x",
            (
                "p.yaml:1:4: not valid YAML: found character '@' that cannot start any token; "
                "put a text that begins with this character in quotes"
            ),
        ),
        (
            "a: {k: ${K:-10}}",
            (
                "p.yaml:1:9: not valid YAML: while parsing a flow mapping that starts on line 1, "
                "expected ',' or '}', but got '{'; "
                'inside { } and [ ] a variable stands in quotes: "${NAME}"'
            ),
        ),
        (
            'a: "\\q"',
            (
                "p.yaml:1:6: not valid YAML: while scanning a double-quoted scalar that starts on line 1, "
                "found unknown escape character 'q'; write the text in single quotes, or two backslashes for one"
            ),
        ),
        (
            'a: "\\UFFFFFFFF"',
            "p.yaml:1:7: not valid YAML: a number or an escape here is too large; take it out",
        ),
        (
            f"%YAML {'9' * 5000}.1\n---\na: 1",
            "p.yaml:1:7: not valid YAML: a number or an escape here is too large; take it out",
        ),
    ],
)
def test_syntax_errors(yaml_problems: Problems, text: str, expected: str) -> None:
    assert yaml_problems(text) == [expected]


def test_a_syntax_error_hides_nothing_before_it(yaml_problems: Problems) -> None:
    assert yaml_problems("a: &x 1\na: 2\nb: [\n") == [
        "p.yaml:1:4: anchors (&x) are not supported; take it out",
        "p.yaml:2:1: a: this key is already on line 1; keep one of the two",
        (
            "p.yaml:4:1: not valid YAML: while parsing a flow node that starts on line 4, "
            "expected the node content, but found '<stream end>'; "
            "look for a bracket that is never closed, or a comma that is missing"
        ),
    ]


@pytest.mark.parametrize(
    ("brackets", "column"), [("[", 21), ("- ", 41), ("{a: ", 81), ("? ", 41), ("[{", 21), ("{", 21)]
)
def test_deep_nesting_is_answered_at_once(yaml_problems: Problems, brackets: str, column: int) -> None:
    text = brackets * (900_000 // len(brackets))
    assert (
        yaml_problems(text)[-1]
        == f"p.yaml:1:{column}: more than 20 levels of nesting; a policy has at most 5"
    )


def test_twenty_levels_are_read(read: Callable[..., Source]) -> None:
    assert read("a: " + "[" * 19 + "]" * 19).problems == ()
