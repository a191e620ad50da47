"""One ``<testsuite>`` for each policy in the file of ``--junitxml``; pytest writes a single one for the whole run."""

from __future__ import annotations

import contextlib
import os
import re
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from faceleak_check.whole_files import write_whole

__all__ = ["PolicySuites", "split_suites"]

_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_BETWEEN = re.compile(r"::|/")


class PolicySuites:
    """Rewrites the JUnit file once pytest has written it; registered as a plugin where there is one.

    Args:
        config: pytest's configuration.
        policies: Node id of each policy.
    """

    def __init__(self, config: pytest.Config, policies: list[str]) -> None:
        # as pytest does it, before a test can change the folder that it runs in
        self._file = Path(os.path.expandvars(config.getoption("xmlpath"))).expanduser().absolute()
        self._prefix = config.getoption("junitprefix") or ""
        self._policies = policies
        self._trouble = ""

    def pytest_sessionstart(self) -> None:
        """Empties the file of an earlier run: a run that is killed writes none. Who could read it still can."""
        with contextlib.suppress(OSError):
            if self._file.is_file():
                os.truncate(self._file, 0)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Waits for pytest to write the file, but not for its summary."""
        try:
            yield
        except OSError as error:
            if not _is_of_junit(error):
                raise
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
            self._trouble = self._not_written(error)
            return
        self._split()

    def _not_written(self, error: OSError) -> str:
        """What to tell of a file that pytest could not write; what it has begun is taken away."""
        with contextlib.suppress(OSError):
            self._file.unlink()
        left = " What lies there is of an earlier run." if self._file.exists() else ""
        return (
            f"ERROR: the JUnit file cannot be written: {error.strerror or type(error).__name__}\n{self._file}: choose "
            f"another file with --junitxml FILE, or free some space.{left}"
        )

    def _split(self) -> None:
        try:
            data = self._file.read_bytes()
            split = split_suites(data, self._policies, self._prefix)
            if split is not None:
                self._write(split)
        except FileNotFoundError:
            return  # there was nowhere to write it, and pytest says so
        except OSError as error:
            self._trouble = (
                f"note: {self._file}: the policies stand in one <testsuite>, as it cannot be written again: "
                f"{error.strerror or type(error).__name__}"
            )

    def _write(self, data: bytes) -> None:
        """In place of the file, for those who could read it before."""
        mode, file = self._file.stat().st_mode, self._file.resolve()
        write_whole(file, data)
        file.chmod(mode & 0o777)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tells that there is no file, or that it is still as pytest wrote it."""
        if self._trouble:
            terminalreporter.write_line(self._trouble, red=self._trouble.startswith("ERROR"))


def _is_of_junit(error: OSError) -> bool:
    """Whether pytest could not write its JUnit file; other plugins may end with an error of the system, too."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__") == "_pytest.junitxml" for frame in frames)


def split_suites(data: bytes, policies: list[str], prefix: str = "") -> bytes | None:
    """A JUnit file of pytest with a suite for each policy behind the suite of all other tests.

    Args:
        data: The file.
        policies: Node id of each policy, which becomes the name of its suite.
        prefix: What ``--junitprefix`` puts in front of each class name.

    Returns:
        The new file; None where there is nothing to split: no case of a policy, or no file of pytest's.
    """
    try:
        root = ET.fromstring(data)  # noqa: S314  what pytest wrote a moment ago
    except ET.ParseError:
        return None
    suites = root.findall("testsuite")
    if root.tag != "testsuites" or len(suites) != 1:
        return None
    whole = suites[0]
    cases = _by_policy(whole, policies, prefix)
    if not cases:
        return None
    for name, of_policy in cases.items():
        root.append(_suite(name, whole, of_policy))
        _take_out(whole, of_policy)
    if not list(whole):
        root.remove(whole)
    return b'<?xml version="1.0" encoding="utf-8"?>' + ET.tostring(root, encoding="unicode").encode()


def _by_policy(suite: ET.Element, policies: list[str], prefix: str) -> Mapping[str, list[ET.Element]]:
    """The cases of each policy that has any, in the order of the policies."""
    keys = {_BETWEEN.sub(".", node_id): node_id for node_id in policies}
    found: dict[str, list[ET.Element]] = {node_id: [] for node_id in policies}
    for case in suite.findall("testcase"):
        whole = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        key = _BETWEEN.sub(".", whole.removeprefix(f"{prefix}.") if prefix else whole)
        of = [one for one in keys if key == one or key.startswith(f"{one}.")]
        if of:
            found[keys[max(of, key=len)]].append(case)
    return {node_id: cases for node_id, cases in found.items() if cases}


def _suite(name: str, whole: ET.Element, cases: list[ET.Element]) -> ET.Element:
    """A suite of its own, of the same machine and hour."""
    suite = ET.Element("testsuite", whole.attrib | {"name": name, "time": f"{_seconds(cases):.3f}"})
    suite.extend(cases)
    _count(suite)
    return suite


def _take_out(whole: ET.Element, cases: list[ET.Element]) -> None:
    """Leaves in the suite of the whole run what is not of these cases."""
    # of several workers the times of the cases may be more than that of the run
    left = max(0.0, float(whole.get("time", "0")) - _seconds(cases))
    whole.set("time", f"{left:.3f}")
    for case in cases:
        whole.remove(case)
    _count(whole)


def _count(suite: ET.Element) -> None:
    """States what a suite holds; pytest before 9.1 counts a test twice that passes and cannot be torn down."""
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for count, mark in _COUNTS.items():
        suite.set(count, str(sum(len(case.findall(mark)) for case in cases)))


def _seconds(cases: list[ET.Element]) -> float:
    return sum(float(case.get("time", "0")) for case in cases)
