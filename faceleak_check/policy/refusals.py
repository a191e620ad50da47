"""What YAML allows and a policy does not: each makes a file mean something else than it shows."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from faceleak_check.policy.scalars import resolve, unprintable
from faceleak_check.policy.wording import found, quoted

__all__ = ["refused_document", "refused_extras", "refused_key", "refused_null"]

_STANDARD_TAG = "tag:yaml.org,2002:"


def refused_document(event: yaml.DocumentStartEvent) -> str:
    """What is wrong with the head of the document; empty where nothing is."""
    if event.tags or event.version not in (None, (1, 2)):
        return "directives (lines that start with %) are not supported; take them out"
    return ""


def refused_extras(event: yaml.NodeEvent) -> Iterator[str]:
    """What is wrong with a value's or a key's alias, anchor and tag."""
    if isinstance(event, yaml.AliasEvent):
        yield f"aliases (*{event.anchor}) are not supported; write the value out here"
    elif event.anchor is not None:
        yield f"anchors (&{event.anchor}) are not supported; take it out"
    tag = getattr(event, "tag", None)
    if tag is not None:
        shown = f"!!{tag.removeprefix(_STANDARD_TAG)}" if tag.startswith(_STANDARD_TAG) else tag
        yield f"tags ({quoted(shown)[1:-1]}) are not supported; take it out"


def refused_key(event: yaml.NodeEvent) -> str:
    """What is wrong with a key in itself; empty where nothing is, or where `refused_extras` said it."""
    if isinstance(event, yaml.AliasEvent):
        return ""
    if not isinstance(event, yaml.ScalarEvent):
        return "a list or a mapping cannot be a key; keys are text"
    value = resolve(event.value) if event.style is None else event.value
    if event.style is None and value == "<<":
        return "merge keys (<<) are not supported; write the keys out here"
    if not isinstance(value, str):
        return f"found {found(value)} as a key, but keys are text; put it in quotes"
    letter = unprintable(value)
    return f"the key {quoted(value)} holds the character {letter}; take it out" if letter else ""


def refused_null(path_end: str | int) -> str:
    """What to tell a user about a key or a list item without a value."""
    if isinstance(path_end, int):
        return "this list item has no value; write one or take the '-' out"
    if ":" in path_end:
        key, _, value = path_end.partition(":")
        return f"found no space after the colon; write {quoted(f'{key}: {value}')}"
    return "this key has no value; write one or take the key out"
