"""A pytest run with policies: what is collected, what comes back from workers, what is left behind."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faceleak_check.collection import (
    RUN,
    FailureText,
    PolicyFile,
    PolicyItem,
    PolicyRun,
    bar_taken_away,
    gate_of,
)
from faceleak_check.errors import EvidenceError, PolicyError, UsageError
from faceleak_check.policy.presets import PolicyFileArgument, resolve_policies
from faceleak_check.reports.evidence import EvidenceFolder, invalid_policy_record, policy_record
from faceleak_check.reports.terminal import policy_lines, safe

if TYPE_CHECKING:
    from faceleak_check.api import PolicyResult

__all__ = ["FaceleakFixture", "PolicySession"]

_REPORTED = "faceleak"
_NOTHING_RUNS = ("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow", "setupplan")


class PolicySession:
    """What a run with policies knows; registered as a plugin only where there are policies.

    Args:
        config: pytest's configuration.

    Raises:
        pytest.UsageError: A policy that was asked for is not there.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._run = PolicyRun(policies=_asked_for(config), evidence=EvidenceFolder(_evidence_folder(config)))
        self._started = datetime.now(UTC)
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        self._evidence_error = ""
        self._chosen: dict[Path, set[str]] = {}
        if config.getoption("--faceleak-policy") and config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []
        config.stash[RUN] = self._run

    @property
    def _is_worker(self) -> bool:
        return hasattr(self.config, "workerinput")

    @property
    def _leaves_evidence(self) -> bool:
        return not self._is_worker and not any(
            self.config.getoption(name, default=False) for name in _NOTHING_RUNS
        )

    def pytest_report_header(self) -> str:
        """Names the policies."""
        names = [safe(argument.shown_as) for argument in self._run.policies.values()]
        return f"faceleak policies: {', '.join(names)}"

    def pytest_sessionstart(self) -> None:
        """Makes room for the evidence before any work is done."""
        if self._leaves_evidence:
            try:
                self._run.evidence.start()
            except EvidenceError as error:
                raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Takes node ids of policies out of the arguments: pytest itself cannot find them."""
        self._chosen = _take_chosen(self.config, self._run.policies)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        """Adds the policies to what the session collects.

        Not by their paths: pytest would look for tests and conftest files beside them. So no other YAML is ever
        collected, and a policy is collected once, wherever it lies.
        """
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result = [
                *report.result,
                *(self._policy_file(collector, path) for path in self._run.policies),
            ]
        return report

    def _policy_file(self, session: pytest.Session, path: Path) -> PolicyFile:
        file: PolicyFile = PolicyFile.from_parent(
            session,
            name=path.name,
            path=path,
            nodeid=self._node_id(path),
            chosen=self._chosen.get(path),
        )
        return file

    def _node_id(self, path: Path) -> str:
        shown_as = self._run.policies[path].shown_as
        # a built-in's path lies in some site-packages and would make the node id another on every machine
        if shown_as.startswith("builtin:") or not path.is_relative_to(self.config.rootpath):
            return shown_as
        return path.relative_to(self.config.rootpath).as_posix()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        """Sends the record of a case along with its report, also from an xdist worker."""
        report = yield
        if not isinstance(item, PolicyItem):
            return report
        if report.failed and call.excinfo is not None:
            # pytest itself asks the item only about failures of its call
            report.longrepr = item.repr_failure(call.excinfo)
        if item.record is not None and (report.failed or report.when == "teardown"):
            sent = {"policy": item.policy.shown_as, "line": item.case.line, "record": item.record}
            setattr(report, _REPORTED, sent)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the record out of a report, and gives a failure that came as text its names and colours back."""
        if self._is_worker:
            return
        # taken out, because plugins that save reports would save the names of files with it
        sent = vars(report).pop(_REPORTED, None)
        if sent is None:
            return
        self._records[sent["policy"], sent["record"]["case"]] = sent["record"]
        if report.failed and report.when != "teardown":
            report.longrepr = FailureText(sent["record"], sent["policy"], sent["line"])  # type: ignore[assignment]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Writes the evidence; a run without evidence is not a pass, in the JUnit file neither."""
        if not self._leaves_evidence:
            return
        try:
            self._run.evidence.finish(self._policy_records(), self._run_record(exitstatus))
        except EvidenceError as error:
            self._evidence_error = str(error)
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
            report = pytest.CollectReport("faceleak-evidence", "failed", error.message, [])
            self.config.hook.pytest_collectreport(report=report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line a case, and where the evidence lies."""
        if not self._leaves_evidence:
            return
        terminalreporter.section("faceleak-check")
        for record in self._policy_records():
            for line, colour in policy_lines(record):
                terminalreporter.write_line(line, **{colour: True} if colour else {})
        if self._evidence_error:
            terminalreporter.write_line(f"ERROR: {self._evidence_error}", red=True)
        else:
            terminalreporter.write_line(f"evidence: {self._shown(self._run.evidence.evidence_file)}")

    def _shown(self, path: Path) -> str:
        with contextlib.suppress(ValueError):
            return str(path.relative_to(self.config.invocation_params.dir))
        return str(path)

    def _policy_records(self) -> list[dict[str, Any]]:
        return [self._policy_record(path) for path in self._run.policies]

    def _policy_record(self, path: Path) -> dict[str, Any]:
        try:
            policy = self._run.parse(path)
        except PolicyError as error:
            return invalid_policy_record(self._run.policies[path].shown_as, error)
        ran = {case.id: self._records.get((policy.shown_as, case.id)) for case in policy.cases}
        return policy_record(policy, ran)

    def _run_record(self, exitstatus: int) -> dict[str, Any]:
        finished = datetime.now(UTC)
        return {
            "started": self._started.isoformat(timespec="seconds"),
            "finished": finished.isoformat(timespec="seconds"),
            "seconds": round((finished - self._started).total_seconds(), 3),
            "pytest_exit_status": int(exitstatus),
            "cases": {
                f"{policy}::{case}": record["run"] for (policy, case), record in sorted(self._records.items())
            },
        }


def _evidence_folder(config: pytest.Config) -> Path:
    folder: str = config.getoption("--faceleak-evidence")
    if not folder:
        raise pytest.UsageError("--faceleak-evidence is empty; name a folder, or leave the option out")
    return config.invocation_params.dir / folder


def _asked_for(config: pytest.Config) -> dict[Path, PolicyFileArgument]:
    folder = config.inipath.parent if config.inipath else config.rootpath
    try:
        asked = [
            *resolve_policies(config.getoption("--faceleak-policy"), config.invocation_params.dir),
            *resolve_policies(config.getini("faceleak_policies"), folder),
        ]
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    policies: dict[Path, PolicyFileArgument] = {}
    for argument in asked:
        policies.setdefault(argument.path.resolve(), argument)
    return _told_apart(policies)


def _told_apart(policies: Mapping[Path, PolicyFileArgument]) -> dict[Path, PolicyFileArgument]:
    """The policies, by their whole path where the user's words for two of them are the same."""
    times = Counter(argument.shown_as for argument in policies.values())
    return {
        path: argument if times[argument.shown_as] == 1 else replace(argument, shown_as=str(path))
        for path, argument in policies.items()
    }


def _take_chosen(config: pytest.Config, policies: Mapping[Path, PolicyFileArgument]) -> dict[Path, set[str]]:
    """Removes arguments such as ``release.yaml::leak_rate[a-vs-b]`` and returns the names of the chosen cases."""
    chosen: dict[Path, set[str]] = {}
    others = []
    for argument in config.args:
        file, _, case = argument.partition("::")
        path = (config.invocation_params.dir / file).resolve()
        known = next(
            (known for known, one in policies.items() if path == known or file == one.shown_as), None
        )
        if known is None:
            others.append(argument)
        elif case:
            chosen.setdefault(known, set()).add(case)
    config.args = others
    return chosen


class FaceleakFixture:
    """What the `faceleak` fixture gives to a test.

    Args:
        config: pytest's configuration, for ``--faceleak-store``.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __call__(self, policy: Path | str, *, environment: Mapping[str, str] | None = None) -> PolicyResult:
        """Runs a policy; see `faceleak_check.check`.

        Args:
            policy: A policy file, or ``builtin:NAME``.
            environment: Values for ``${NAME}`` in the policy; by default the process's environment.
        """
        from faceleak_check.api import check_with

        with bar_taken_away(self._config):
            return check_with(gate_of(self._config), policy, environment)
