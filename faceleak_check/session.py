"""A pytest run with policies: what is collected, what comes back from workers, what is left behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faceleak_check.asked import (
    evidence_folder,
    policies_asked_for,
    refuse_blur_alone,
    take_chosen,
)
from faceleak_check.case_texts import FailureText, InvalidText
from faceleak_check.collection import (
    RUN,
    PolicyFile,
    PolicyItem,
    PolicyRun,
)
from faceleak_check.errors import EvidenceError, PolicyError
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.waiver_use import WaiverUse, waiver_use
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.github import PolicyPlace, inert, tell_github
from faceleak_check.reports.layout import safe
from faceleak_check.reports.policy_records import invalid_policy_record, policy_record
from faceleak_check.reports.summary import summary_lines
from faceleak_check.reports.waivers import UnmatchedText, fails
from faceleak_check.suites import PolicySuites
from faceleak_check.unheard import Heard

__all__ = ["PolicySession"]

_REPORTED = "faceleak"
_INTERRUPTED = "the run was interrupted while its evidence was written: run it again"
_NOTHING_RUNS = ("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow", "setupplan")


class PolicySession:
    """What a run with policies knows; registered as a plugin only where there are policies.

    Args:
        config: pytest's configuration.

    Raises:
        pytest.UsageError: A policy that was asked for is not there, or an option makes no sense alone.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        refuse_blur_alone(config)
        evidence = EvidenceFolder(evidence_folder(config))
        self._run = PolicyRun(policies=policies_asked_for(config), evidence=evidence)
        self._started, self._began = datetime.now(UTC), time.monotonic()
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        self._waivers_matched: dict[str, set[tuple[str, str]]] = {}
        self._evidence_error = ""
        self._said_to_github: list[str] = []
        self._chosen: dict[Path, set[str]] = {}
        if config.getoption("--faceleak-policy") and config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []
        config.stash[RUN] = self._run
        self._heard = Heard(config)
        config.pluginmanager.register(self._heard, "faceleak-heard")
        if not self._is_worker and config.getoption("xmlpath", default=None):
            suites = PolicySuites(config, [self._node_id(path) for path in self._run.policies])
            config.pluginmanager.register(suites, "faceleak-suites")

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
                self.config.add_cleanup(self._run.evidence.keep_alone())
                self._run.evidence.start()
            except EvidenceError as error:
                raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Takes node ids of policies out of the arguments: pytest itself cannot find them."""
        self._chosen = take_chosen(self.config, self._run.policies)

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
        if isinstance(report.longrepr, InvalidText):
            setattr(report, _REPORTED, report.longrepr.text)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Gives an invalid policy that comes from a worker as text its folders back, for the terminal alone."""
        if not self._is_worker and (text := vars(report).pop(_REPORTED, None)) is not None:
            report.longrepr = InvalidText(text, str(report.longrepr))  # type: ignore[assignment]

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
            sent = {
                "policy": item.policy.shown_as,
                "line": item.case.line,
                "record": item.record,
                "waivers_matched": item.waivers_matched,
            }
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
        # a worker's tuples come as lists
        matched = {(generated, source) for generated, source in sent["waivers_matched"]}
        self._waivers_matched.setdefault(sent["policy"], set()).update(matched)
        if report.failed and report.when != "teardown":
            report.longrepr = FailureText(sent["record"], sent["policy"], sent["line"])  # type: ignore[assignment]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Writes the evidence; a run without evidence is not a pass, in the JUnit file neither."""
        if not self._leaves_evidence:
            return
        records = self._policy_records()
        self._heard.at_the_end_of(session)
        for path, record in zip(self._run.policies, records, strict=True):
            for node_id, text in self._heard.missing(record, self._node_id(path), self._chosen.get(path)):
                self._add_error(session, node_id, text)
            if fails(record["waivers"]):
                self._add_error(session, f"{self._node_id(path)}::waivers", UnmatchedText(record["waivers"]))
        try:
            self._run.evidence.finish(records, self._run_record(session.exitstatus))
            self._write_report()
        except EvidenceError as error:
            self._evidence_error = str(error)
            self._add_error(session, "faceleak-evidence", error.message)
        except KeyboardInterrupt:
            self._evidence_error = _INTERRUPTED
            self._add_error(session, "faceleak-evidence", _INTERRUPTED)
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        self._said_to_github = tell_github(
            list(zip(records, map(self._place, self._run.policies), strict=True)),
            evidence=self._shown(self._run.evidence.evidence_file),
            trouble=self._evidence_error,
        )

    def _write_report(self) -> None:
        from faceleak_check.reports.opening import open_evidence
        from faceleak_check.reports.page.build import PageOptions, write_page

        evidence, asked = self._run.evidence, self.config.getoption
        options = PageOptions(
            thumbnails=asked("--faceleak-thumbnails"), blur_source=asked("--faceleak-blur-source")
        )
        write_page(open_evidence(evidence.evidence_file), evidence.report_file, options)

    def _add_error(self, session: pytest.Session, node_id: str, text: Any) -> None:
        """An error that belongs to no case, also in the JUnit file."""
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        self.config.hook.pytest_collectreport(report=pytest.CollectReport(node_id, "failed", text, []))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line a case, and where the evidence lies."""
        if not self._leaves_evidence:
            return
        terminalreporter.section("faceleak-check")
        for record in self._policy_records():
            for line in summary_lines(record):
                terminalreporter.write(inert(line.head), **dict.fromkeys(line.markup, True))
                terminalreporter.line(line.tail)
        if self._evidence_error:
            terminalreporter.write_line(f"ERROR: {self._evidence_error}", red=True)
        else:
            terminalreporter.write_line(f"evidence: {self._shown(self._run.evidence.evidence_file)}")
            terminalreporter.write_line(f"report: {self._shown(self._run.evidence.report_file)}")
        for text in self._said_to_github:
            terminalreporter.write_line(text)

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
        return policy_record(policy, ran, self._waiver_use(policy, ran))

    def _waiver_use(self, policy: Policy, ran: Mapping[str, dict[str, Any] | None]) -> WaiverUse | None:
        is_measured = all(record and record["measurement"] for record in ran.values())
        matched = self._waivers_matched.get(policy.shown_as, set())
        return waiver_use(policy.waivers, self._started.date(), matched if is_measured else None)

    def _place(self, path: Path) -> PolicyPlace:
        file = None if self._run.policies[path].shown_as.startswith("builtin:") else path
        try:
            cases = self._run.parse(path).cases
        except PolicyError as error:
            return PolicyPlace(path=file, problems=error.problems)
        return PolicyPlace(path=file, lines={case.id: case.line for case in cases})

    def _run_record(self, exitstatus: int) -> dict[str, Any]:
        return {
            "started": self._started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self._began, 3),  # whatever the clock was set to meanwhile
            "pytest_exit_status": int(exitstatus),
            "cases": {
                f"{policy}::{case}": record["run"] for (policy, case), record in sorted(self._records.items())
            },
        }
