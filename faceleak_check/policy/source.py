"""The YAML of a policy → plain data, and where in the file each key and each value stands.

Built from PyYAML's events: anchors, merge keys and tags never take effect, because no policy needs them and
each can make a file mean something else than it shows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceleak_check.errors import PolicyError, Problem
from faceleak_check.policy.composer import Composer
from faceleak_check.policy.text import MAX_BYTES, PolicyText, read_text
from faceleak_check.policy.wording import KeyPath, dotted, found, quoted

__all__ = ["Source", "read_source"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A policy file as plain data.

    Attributes:
        text: The file's text, digest and notes.
        data: The top-level mapping; a value is a mapping, a list, text, a number or a truth value.
        problems: What the YAML itself has wrong.
        keys: Index in the text of each key.
        values: Index in the text of each value.
        broken: Paths whose value could not be read, so that nothing more can be said about it.
        filled: Values that come from the environment, by path: as they are written, and as they are.
    """

    text: PolicyText
    data: Mapping[str, Any]
    problems: tuple[Problem, ...]
    keys: Mapping[KeyPath, int]
    values: Mapping[KeyPath, int]
    broken: frozenset[KeyPath]
    filled: Mapping[KeyPath, tuple[str, object]]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is harmless but should be known, such as a byte order mark."""
        return self.text.notes

    def place(self, path: KeyPath) -> tuple[int, int]:
        """Line and column of a key, or of a list item."""
        return self.text.place(self._index(path, at_key=True))

    def problem(
        self,
        path: KeyPath,
        message: str,
        *,
        at_key: bool = False,
        named: KeyPath | None = None,
        hidden: str = "",
    ) -> Problem:
        """A problem with a value or with its key.

        Args:
            path: Where it is.
            message: What was found, what was expected, what to do.
            at_key: Whether the key is wrong, not its value.
            named: The path to show, where it is another.
            hidden: The part of the message that names folders of this machine.
        """
        shown = dotted(path if named is None else named)
        told = self._without_values(message, path)
        return replace(self.text.problem(self._index(path, at_key=at_key), told, shown), hidden=hidden)

    def _without_values(self, message: str, path: KeyPath) -> str:
        """The message with variables as they are written: what they hold may be a secret, and logs are read by many."""
        for place, (written, value) in self.filled.items():
            if place[: len(path)] == path or path[: len(place)] == place:
                message = message.replace(f"found {found(value)}", f"found what {quoted(written)} holds")
                if isinstance(value, str):
                    message = message.replace(quoted(value), quoted(written))
                    message = message.replace(repr(value), quoted(written))
        return message

    def _index(self, path: KeyPath, *, at_key: bool) -> int:
        places = (self.keys, self.values) if at_key else (self.values, self.keys)
        return next((place[path] for place in places if path in place), 0)


_A_POLICY = "the keys version, name, datasets and checks (faceleak init writes a policy to start from)"


def read_source(
    path: Path,
    shown_as: str,
    environment: Mapping[str, str] | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    expected: str = _A_POLICY,
) -> Source:
    """Read a policy file as plain data.

    Args:
        path: The file.
        shown_as: The file as the user named it.
        environment: Where ``${NAME}`` is looked up; the process's own where it is left out.
        max_bytes: The largest size of such a file.
        expected: What should be in a file that has no keys.

    Raises:
        PolicyError: The file is no readable YAML mapping; what can be found later is in `Source.problems`.
    """
    text = read_text(path, shown_as, max_bytes)
    composer = Composer(text, os.environ if environment is None else environment)
    composer.run()
    tree = composer.tree
    if composer.complete and not isinstance(tree.data, dict):
        tree.report(tree.values.get((), 0), _no_mapping(tree.data, expected))
    if not composer.complete or not isinstance(tree.data, dict):
        raise PolicyError(tree.problems)
    return Source(
        text=text,
        data=tree.data,
        problems=tuple(tree.problems),
        keys=tree.keys,
        values=tree.values,
        broken=frozenset(tree.broken),
        filled=tree.filled,
    )


def _no_mapping(data: object, expected: str) -> str:
    nothing = "the file holds no keys, it is empty or has comments only"
    # the text of a file that is no policy is nobody's business
    what = "a text" if isinstance(data, str) else found(data)
    return f"{nothing if data is None else f'found {what}'}; expected {expected}"
