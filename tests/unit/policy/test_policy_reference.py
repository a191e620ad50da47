"""docs/policy-reference.md, which is made from the schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from faceleak_check.policy.json_schema import SHIPPED
from faceleak_check.policy.reference import PAGE, reference_text
from faceleak_check.policy.schema_words import what_it_is

SCHEMA: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
TEXT = reference_text(SCHEMA)


def test_the_page_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / PAGE
    assert page.read_text(encoding="utf-8") == TEXT, "run python -m faceleak_check.policy.reference"


def test_every_key_of_every_record_has_a_row() -> None:
    for shape in (SCHEMA, *SCHEMA["$defs"].values()):
        for key, one in shape.get("properties", {}).items():
            assert re.search(
                rf"^\| `{key}` \| .*{re.escape(one.get('description', '')[:40])}", TEXT, re.MULTILINE
            ), key


def test_no_value_is_left_unsaid() -> None:
    rows = [line.split(" | ") for line in TEXT.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if len(row) != 4 or row[1] in ("", "anything", "keys")] == []


def test_titles_are_unique_and_links_lead_to_them() -> None:
    titles = re.findall(r"^##+ (.*)$", TEXT, re.MULTILINE)
    slugs = [re.sub(r"[^\w\s-]", "", title).lower().replace(" ", "-") for title in titles]
    assert len(set(slugs)) == len(slugs)
    assert set(re.findall(r"\(#([^)]*)\)", TEXT)) <= set(slugs)


def test_a_check_in_whole() -> None:
    start = TEXT.index("### `membership_inference`")
    assert TEXT[start : TEXT.index("###", start + 3)] == (
        """\
### `membership_inference`

An attack that calls a real image a member of the source set where some generated image is very near to it.

| key | value | default | meaning |
|---|---|---|---|
| `generated` | text | **required** | Name of the dataset of generated images. |
| `source` | text | **required** | Name of the dataset of real images that the generator was trained on. |
| `control` | text | **required** | Name of the dataset of real people whom the generator never saw. |
| `embedder` | text |  | Name of the embedder, where the policy has several. |
| `fpr` | a share over 0 under 1 | **required** | False positive rate at which the attack is measured. |
| `at_most` | a share from 0 to 1 | **required** | Highest true positive rate allowed at that rate. |
| `confidence` | a share over 0.5 under 1 |  | If given, the upper end \
of the interval at this confidence must meet the limit. |
| `no_worse_than` | text |  | Evidence of an earlier release, a JSON file \
relative to the policy file; a figure that is worse than there is a leak. |

"""
    )


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "boolean"}, "`true`, `false`"),
        ({"enum": ["a", "b"]}, "`a`, `b`"),
        ({"const": 1}, "`1`"),
        ({"type": "integer", "minimum": 1, "maximum": 1024}, "a whole number from 1 to 1,024"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number over 0"),
        ({"type": "array", "items": {"type": "string"}}, "a list: text"),
        ({"$ref": "#/$defs/A"}, "[`a`](#a)"),
        (
            {"type": "object", "patternProperties": {"x": {"$ref": "#/$defs/A"}}},
            "names of your own, each with [`a`](#a)",
        ),
        ({"type": "object", "additionalProperties": {}}, "a mapping of keys and values"),
        ({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}, "`a` or a name that another package brings"),
        (
            {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"\$\{"}]},
            "a number from 0",
        ),
        ({}, "anything"),
    ],
)
def test_values_in_words(shape: dict[str, Any], words: str) -> None:
    assert what_it_is(shape, {"A": "[`a`](#a)"}) == words
