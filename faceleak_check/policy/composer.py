"""PyYAML's events → plain data, and the place of everything in it, without recursion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from faceleak_check.policy.leaves import LeafReader
from faceleak_check.policy.refusals import refused_document, refused_extras, refused_key
from faceleak_check.policy.scalars import Scalar
from faceleak_check.policy.syntax import syntax_problems
from faceleak_check.policy.text import PolicyText
from faceleak_check.policy.tree import Tree, index_of
from faceleak_check.policy.wording import KeyPath

__all__ = ["Composer"]

MAX_DEPTH = 20
_Container = dict[str, Any] | list[Any]


class _Stop(Exception):  # noqa: N818  it ends the reading; the problem is already in the list
    """Nothing after this place can be read with sense."""


@dataclass(slots=True)
class _Frame:
    """An open mapping or list.

    Attributes:
        container: What is being filled.
        path: Where it stands; None where it is dropped.
        is_key: Whether it stands where a key should.
        awaits_key: Whether the next node is a key.
        next_path: In a mapping, where the next value goes; None where it is dropped.
    """

    container: _Container
    path: KeyPath | None
    is_key: bool
    awaits_key: bool
    next_path: KeyPath | None = None


class Composer:
    """Builds the data of one policy and remembers where everything stands.

    Args:
        text: The policy.
        environment: Where ``${NAME}`` is looked up.

    Attributes:
        tree: What was built so far.
        complete: Whether the whole file was read.
    """

    def __init__(self, text: PolicyText, environment: Mapping[str, str]) -> None:
        self.tree = Tree(text=text)
        self.complete = False
        self._leaves = LeafReader(self.tree, environment)
        self._stack: list[_Frame] = []
        self._n_documents = 0

    def run(self) -> None:
        """Read to the end, or to the first place after which nothing has sense."""
        loader: Any = yaml.SafeLoader(self.tree.text.text)
        try:
            while loader.check_event():
                self._take(loader.get_event())
            self.complete = True
        except _Stop:
            pass
        except (yaml.YAMLError, ValueError, ArithmeticError) as error:
            self.tree.problems += syntax_problems(self.tree.text, error, loader.index)
        finally:
            loader.dispose()

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self._stack.pop()
            if not closed.is_key:
                self._finish_value()
        elif isinstance(event, yaml.NodeEvent):
            for message in refused_extras(event):
                self.tree.report(index_of(event), message)
            if self._stack and self._stack[-1].awaits_key:
                self._take_key(self._stack[-1], event)
            else:
                self._take_value(event)

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        self._n_documents += 1
        if self._n_documents > 1:
            self.tree.report(index_of(event), "a second document starts here; a policy file holds one")
            raise _Stop
        self.tree.report(index_of(event), refused_document(event))

    def _take_key(self, frame: _Frame, event: yaml.NodeEvent) -> None:
        frame.awaits_key = False
        frame.next_path = self._key_path(frame.path, event)
        if isinstance(event, yaml.CollectionStartEvent):
            self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [], None, is_key=True)

    def _key_path(self, mapping: KeyPath | None, event: yaml.NodeEvent) -> KeyPath | None:
        if mapping is None:
            return None
        refused = refused_key(event)
        if refused or not isinstance(event, yaml.ScalarEvent):
            self.tree.report(index_of(event), refused, mapping)
            self.tree.mark_broken(mapping)
            return None
        path = (*mapping, event.value)
        if path in self.tree.keys:
            line, _ = self.tree.text.place(self.tree.keys[path])
            self.tree.report(
                index_of(event), f"this key is already on line {line}; keep one of the two", path
            )
            return None
        self.tree.keys[path] = index_of(event)
        return path

    def _take_value(self, event: yaml.NodeEvent) -> None:
        path = self._value_path()
        if isinstance(event, yaml.CollectionStartEvent):
            container: _Container = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(path, container, event)
            self._open(event, container, path)
        else:
            self._put(path, self._leaves.read(event, path), event)
            self._finish_value()

    def _value_path(self) -> KeyPath | None:
        if not self._stack:
            return ()
        frame = self._stack[-1]
        if isinstance(frame.container, dict):
            return frame.next_path
        return None if frame.path is None else (*frame.path, len(frame.container))

    def _put(self, path: KeyPath | None, value: Scalar | _Container, event: yaml.NodeEvent) -> None:
        if path is None:
            return
        self.tree.values[path] = index_of(event)
        if not self._stack:
            self.tree.data = value
        elif isinstance(container := self._stack[-1].container, dict):
            container[str(path[-1])] = value
        else:
            container.append(value)

    def _open(
        self, event: yaml.Event, container: _Container, path: KeyPath | None, *, is_key: bool = False
    ) -> None:
        if len(self._stack) == MAX_DEPTH:
            self.tree.report(
                index_of(event), f"more than {MAX_DEPTH} levels of nesting; a policy has at most 5"
            )
            raise _Stop
        self._stack.append(
            _Frame(container=container, path=path, is_key=is_key, awaits_key=isinstance(container, dict))
        )

    def _finish_value(self) -> None:
        if self._stack:
            self._stack[-1].awaits_key = isinstance(self._stack[-1].container, dict)
