"""Cases whose verdict reaches neither the exit code nor the JUnit file, though they were asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest

from faceleak_check.reports.layout import WIDTH

__all__ = ["Heard"]

_SENT = "faceleak_left_out"
_OVERRULED = (
    "pytest reports no failure: the case was marked xfail, or a plugin or a conftest.py changed its report. A leak is "
    "accepted with a waiver and not with a mark."
)
_LOST = (
    "pytest reports no failure: the case was skipped, or a plugin or a conftest.py took it out. Leave a case out with "
    "-k, -m, --deselect or a node id, or take it out of the policy."
)
_CUT_OFF = "NOT RUN: the run was cut off before this case had a verdict"


class Heard:
    """What pytest and its user know of a run's cases; registered as a plugin.

    Args:
        config: pytest's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._left_out: set[str] = set()
        self._failed: set[str] = set()
        self._has_lost_worker = False
        self._is_fine = self._is_cut_off = False

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Takes in the tests that were left out on purpose: ``-k``, ``-m``, ``--deselect``, ``--lf``."""
        self._left_out |= {item.nodeid for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A case that failed is in the JUnit file already."""
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Sends what was left out from an xdist worker to the run that started it, which itself collects nothing."""
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_SENT] = sorted(self._left_out)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """Takes in what a worker sent; one that crashed sent nothing, and no other may have taken its place."""
        self._left_out |= set(getattr(node, "workeroutput", {}).get(_SENT, ()))
        self._has_lost_worker |= bool(error)

    def at_the_end_of(self, session: pytest.Session) -> None:
        """Notes how pytest itself sees the run, before anything is added to that."""
        self._is_fine = session.exitstatus == pytest.ExitCode.OK
        stopped = session.exitstatus == pytest.ExitCode.INTERRUPTED
        self._is_cut_off = bool(stopped or session.shouldstop or session.shouldfail or self._has_lost_worker)

    def missing(
        self, policy: Mapping[str, Any], node_id: str, chosen: Collection[str] | None
    ) -> Iterator[tuple[str, str]]:
        """The cases of a policy of which nobody would hear.

        Args:
            policy: The policy's record.
            node_id: Its node id.
            chosen: The cases that the command line names; None where it names none.

        Yields:
            Node id of each, and what to say of it.
        """
        for case in policy["cases"]:
            is_heard = case["outcome"] in ("pass", "waived") or f"{node_id}::{case['case']}" in self._failed
            if not is_heard:  # also where something else has failed: the JUnit file tells of each case
                said = f"the verdict on {case['case']} is {case['outcome']!r}, and {_OVERRULED}"
                yield f"{node_id}::{case['case']}", textwrap.fill(said, WIDTH)
        for name in policy["not_run"]:
            of_case = f"{node_id}::{name}"
            if of_case in self._left_out | self._failed or (chosen is not None and name not in chosen):
                continue
            if self._is_fine:
                yield of_case, textwrap.fill(f"{name} has no verdict, and {_LOST}", WIDTH)
            elif self._is_cut_off:
                yield of_case, _CUT_OFF
