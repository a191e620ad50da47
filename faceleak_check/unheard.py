"""Cases whose verdict does not reach the exit code: pytest says that all went well, and nothing else says so."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest

from faceleak_check.reports.layout import WIDTH

__all__ = ["LeftOut", "unheard"]

_SENT = "faceleak_left_out"
_OVERRULED = (
    "pytest reports no failure: the case was marked xfail, or a plugin or a conftest.py changed its report. A leak is "
    "accepted with a waiver and not with a mark."
)
_LOST = (
    "pytest reports no failure: the case was skipped, or a plugin or a conftest.py took it out. Leave a case out with "
    "-k, -m, --deselect or a node id, or take it out of the policy."
)


class LeftOut:
    """Which tests were left out with pytest's knowledge: ``-k``, ``-m``, ``--deselect``, ``--lf``.

    Args:
        config: pytest's configuration.

    Attributes:
        node_ids: The tests.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.node_ids: set[str] = set()
        self._config = config

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Takes them in."""
        self.node_ids |= {item.nodeid for item in items}

    def pytest_sessionfinish(self) -> None:
        """Sends them from an xdist worker to the run that started it, which itself collects nothing."""
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_SENT] = sorted(self.node_ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes in what a worker sent; one that crashed sent nothing."""
        self.node_ids |= set(getattr(node, "workeroutput", {}).get(_SENT, ()))


def unheard(
    policy: Mapping[str, Any], node_id: str, *, chosen: Collection[str] | None, left_out: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The cases of a policy that keep it from passing, of a run in which pytest has seen no failure.

    Args:
        policy: The policy's record.
        node_id: Its node id.
        chosen: The cases that the command line names; None where it names none.
        left_out: Node ids of the tests that were left out with pytest's knowledge.

    Yields:
        Node id of each, and what to say of it.
    """
    for case in policy["cases"]:
        if case["outcome"] not in ("pass", "waived"):
            said = f"the verdict on {case['case']} is {case['outcome']!r}, and {_OVERRULED}"
            yield f"{node_id}::{case['case']}", textwrap.fill(said, WIDTH)
    for name in policy["not_run"]:
        of_case = f"{node_id}::{name}"
        if of_case not in left_out and (chosen is None or name in chosen):
            yield of_case, textwrap.fill(f"{name} has no verdict, and {_LOST}", WIDTH)
