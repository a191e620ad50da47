"""The digest that evidence names of itself."""

from __future__ import annotations

import json
import re

import pytest

from faceleak_check.seals import digest_of


def test_what_can_be_read_and_is_too_deep_to_be_written_is_told() -> None:
    depth = 20_000  # deeper than the limit of any Python, in C too
    deep: object = {}
    for _ in range(depth):
        deep = {"a": deep}
    with pytest.raises(ValueError, match=f"^{re.escape('it is nested too deeply')}$"):
        digest_of({"a": deep})


def test_another_order_and_another_seal_change_nothing() -> None:
    first, second = json.loads('{"b": 1, "a": [2.5], "sha256": "x"}'), {"a": [2.5], "b": 1}
    assert digest_of(first) == digest_of(second)
