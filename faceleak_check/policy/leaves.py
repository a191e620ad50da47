"""PyYAML's scalar events → values, with variables filled in."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from faceleak_check.policy.refusals import refused_null
from faceleak_check.policy.scalars import Scalar, expand, resolve, unprintable
from faceleak_check.policy.tree import Tree, index_of
from faceleak_check.policy.wording import KeyPath

__all__ = ["LeafReader"]

_COPIED = (
    "this text goes into every report as it is, so no environment variable is filled in; write the text itself, or $${ "
    "for the characters ${"
)


class LeafReader:
    """Reads the values that are no mapping and no list.

    Args:
        tree: Where problems go.
        environment: Where ``${NAME}`` is looked up.
    """

    def __init__(self, tree: Tree, environment: Mapping[str, str]) -> None:
        self._tree = tree
        self._environment = environment

    def read(self, event: yaml.NodeEvent, path: KeyPath | None) -> Scalar:
        """The value of a scalar or alias; where it cannot be read its path is noted as broken.

        Args:
            event: The event.
            path: Where the value stands; None where it is dropped.
        """
        if not isinstance(event, yaml.ScalarEvent):
            self._tree.mark_broken(path)
            return None
        expansion = expand(event.value, self._environment)
        for written, message in expansion.problems:
            self._tree.report(self._index_of(written, event), message, path)
        if path is not None and _is_copied(path) and "${" in event.value.replace("$${", ""):
            self._tree.report(index_of(event), _COPIED, path)
            self._tree.mark_broken(path)
            return None
        letter = unprintable(expansion.text)
        if letter:
            self._tree.report(index_of(event), f"this text holds the character {letter}; take it out", path)
        if expansion.problems or letter or event.tag is not None:
            self._tree.mark_broken(path)
            return None
        value = resolve(expansion.text) if event.style is None else expansion.text
        if expansion.is_filled and path is not None:
            self._tree.filled[path] = event.value, value
        if value is None and path:
            self._tree.report(self._tree.keys.get(path, index_of(event)), refused_null(path[-1]), path)
            self._tree.mark_broken(path)
        return value

    def _index_of(self, written: str, event: yaml.ScalarEvent) -> int:
        """Index of a variable as it is written; an escape before it can hide it, then that of the text."""
        start = index_of(event)
        end = event.end_mark.index if event.end_mark else None
        return max(start, self._tree.text.text.find(written, start, end))


def _is_copied(path: KeyPath) -> bool:
    return path in (("name",), ("description",)) or path[-1:] == ("licence",)
