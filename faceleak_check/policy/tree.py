"""What is built from the YAML of a policy while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from faceleak_check.errors import Problem
from faceleak_check.policy.text import PolicyText
from faceleak_check.policy.wording import KeyPath, dotted

__all__ = ["Tree", "index_of"]


def index_of(event: yaml.Event) -> int:
    """Index in the text of an event's first character."""
    return event.start_mark.index if event.start_mark else 0


@dataclass(kw_only=True, slots=True)
class Tree:
    """Plain data, the place of everything in it, and what was wrong.

    Attributes:
        text: The policy.
        data: What stands at the top; None while the file holds nothing.
        problems: All that was wrong.
        keys: Index in the text of each key.
        values: Index in the text of each value.
        broken: Paths whose value could not be read.
        filled: Values that come from the environment, by path: as they are written, and as they are.
    """

    text: PolicyText
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    keys: dict[KeyPath, int] = field(default_factory=dict)
    values: dict[KeyPath, int] = field(default_factory=dict)
    broken: set[KeyPath] = field(default_factory=set)
    filled: dict[KeyPath, tuple[str, object]] = field(default_factory=dict)

    def report(self, index: int, message: str, path: KeyPath | None = None) -> None:
        """Note a problem, unless the message is empty."""
        if message:
            self.problems.append(self.text.problem(index, message, dotted(path or ())))

    def mark_broken(self, path: KeyPath | None) -> None:
        """Note that the value at a path means nothing; None stands for a value that is dropped."""
        if path is not None:
            self.broken.add(path)
