"""Policies as pytest collects and runs them: one file a policy, one item a case."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faceleak_check.case_texts import FailureText, InvalidText
from faceleak_check.errors import EvidenceError, PolicyError
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import PolicyFileArgument
from faceleak_check.policy.schema import Case, Policy
from faceleak_check.policy.waiver_use import matched_by
from faceleak_check.records import Outcome, Verdict
from faceleak_check.registry import suggestion
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.junit import junit_properties
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.reading import reading_record
from faceleak_check.reports.thumbnails import thumbnails

if TYPE_CHECKING:
    from faceleak_check.pipeline import Gate, Judged
    from faceleak_check.protocols import Progress
    from faceleak_check.reports.progress import ProgressBar

__all__ = [
    "RUN",
    "PolicyFile",
    "PolicyItem",
    "PolicyRun",
    "PolicyWarning",
    "bar_taken_away",
    "gate_of",
    "new_gate",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRun:
    """The policies of a run and where their evidence goes.

    Attributes:
        policies: What the user asked for, by resolved path.
        evidence: The evidence folder.
    """

    policies: Mapping[Path, PolicyFileArgument]
    evidence: EvidenceFolder
    _parsed: dict[Path, Policy] = field(default_factory=dict)

    def parse(self, path: Path) -> Policy:
        """The policy in a file, parsed once.

        Raises:
            PolicyError: The policy is wrong.
        """
        path = path.resolve()
        if path not in self._parsed:
            self._parsed[path] = parse_argument(self.policies[path])
        return self._parsed[path]


RUN: pytest.StashKey[PolicyRun] = pytest.StashKey()
_GATE: pytest.StashKey[Gate] = pytest.StashKey()
_BAR: pytest.StashKey[ProgressBar] = pytest.StashKey()


class PolicyWarning(pytest.PytestWarning):
    """A policy can be run and something about it should be mended."""


class _InvalidError(pytest.Collector.CollectError):
    """The policy is wrong."""

    def __init__(self, error: PolicyError) -> None:
        super().__init__(str(error))
        self.shown = InvalidText(str(error), "\n".join(problem.public for problem in error.problems))


class _NotPassedError(Exception):
    """Tells pytest that a case did not pass; all there is to say is in the item's record."""


class PolicyFile(pytest.Collector):
    """A policy; its items are the policy's cases.

    No `pytest.File`: of those, ``--lf`` passes over all whose node id is not the path of a file with a failure,
    and a built-in policy's is none.

    Args:
        chosen: Names of the cases to collect; all where it is None.
    """

    def __init__(self, *, chosen: Collection[str] | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._chosen = chosen

    def collect(self) -> Iterator[PolicyItem]:
        """Parses the policy; looks at no data."""
        try:
            policy = self.config.stash[RUN].parse(self.path)
        except PolicyError as error:
            raise _InvalidError(error) from None
        try:
            for note in policy.notes:
                self.warn(PolicyWarning(f"{policy.shown_as}: {note}"))
        except PolicyWarning as warning:  # where the user has made warnings errors
            raise self.CollectError(str(warning)) from None
        self._refuse_unknown(policy)
        for case in policy.cases:
            if self._chosen is not None and case.id not in self._chosen:
                continue
            # as text, which pytest takes apart in the same way when --lf reads it again
            node_id = f"{self.nodeid}::{case.id}"
            yield PolicyItem.from_parent(self, name=case.id, nodeid=node_id, policy=policy, case=case)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """What is wrong in the policy; a traceback only where this program itself is at fault."""
        if isinstance(excinfo.value, _InvalidError):
            return excinfo.value.shown
        return super().repr_failure(excinfo)

    def _refuse_unknown(self, policy: Policy) -> None:
        cases = [case.id for case in policy.cases]
        for name in sorted(set(self._chosen or ()) - set(cases)):
            raise self.CollectError(
                f"{policy.shown_as} has no case {name!r}{suggestion(name, cases)}; there are: {', '.join(cases)}"
            )


class PolicyItem(pytest.Item):
    """One case of a policy.

    Setting it up measures: what keeps a verdict from being given is an *error* of the test. Running it judges:
    a leak is a *failure*.
    """

    def __init__(self, *, policy: Policy, case: Case, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.policy = policy
        self.case = case
        self.record: dict[str, Any] | None = None
        self.waivers_matched: list[tuple[str, str]] = []

    def setup(self) -> None:
        """Runs the case and leaves its evidence."""
        if self.config.getoption("setupplan", default=False):
            pytest.skip("--setup-plan measures nothing")
        started = time.monotonic()
        gate = gate_of(self.config)
        n_embedded, n_screened = gate.n_embedded, gate.n_screened
        with bar_taken_away(self.config):
            judged = gate.judged(self.policy, self.case)
            verdict, files = self._with_files(judged, gate.progress)
        self.record = verdict_record(verdict)
        self.record["pairs_file"] = files.get("pairs")
        for role, one in self.record["sets"].items():
            reading = reading_record(self.policy.datasets.get(one["name"]))
            one.update(files.get("sets", {}).get(role, {}), reading=reading)
        self.waivers_matched = sorted(matched_by(self.policy.waivers, verdict))
        self.record["run"] = {
            "n_embedded": gate.n_embedded - n_embedded,
            "n_screened": gate.n_screened - n_screened,
            "seconds": round(time.monotonic() - started, 3),
            "notes": list(gate.notes),
        }
        self.user_properties += junit_properties(verdict, self.policy.sha256)
        # with --setup-only pytest never gets to the test itself, where a leak fails
        never_run = self.config.getoption("setuponly", default=False)
        if verdict.outcome is Outcome.INCONCLUSIVE or (never_run and not verdict.passed):
            raise _NotPassedError

    def _with_files(self, judged: Judged, progress: Progress) -> tuple[Verdict, dict[str, Any]]:
        """The verdict and its files beside the evidence; without them what would pass is inconclusive."""
        evidence, files, verdict = self.config.stash[RUN].evidence, dict[str, Any](), judged.verdict
        try:
            files["pairs"] = evidence.add_pairs(self.policy.shown_as, verdict)
            files["sets"] = evidence.add_sets(verdict)
            if self.config.getoption("--faceleak-thumbnails"):
                blur_real = self.config.getoption("--faceleak-blur-source")
                there = evidence.has_thumbnail
                pictures = thumbnails(verdict, judged.sets, there, progress, blur_real=blur_real)
                evidence.add_thumbnails(pictures)
        except EvidenceError as error:
            outcome = Outcome.INCONCLUSIVE if verdict.passed else verdict.outcome
            reasons, details = (error.message, *verdict.reasons), (error.detail, *verdict.details)
            verdict = replace(verdict, outcome=outcome, reasons=reasons, details=details)
        return verdict, files

    def runtest(self) -> None:
        """Fails where people leak."""
        assert self.record is not None
        if self.record["outcome"] == "leak":
            raise _NotPassedError

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """The verdict in words; a traceback only where this program itself is at fault.

        Always a short one: longer ones show the arguments of functions, and so the names of files.
        """
        if self.record is not None and excinfo.errisinstance(_NotPassedError):
            return FailureText(self.record, self.policy.shown_as, self.case.line)
        return excinfo.getrepr(style="short", tbfilter=lambda info: info.traceback.cut(path=__file__))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where in the policy the case stands."""
        return self.path, self.case.line - 1, self.name


def gate_of(config: pytest.Config) -> Gate:
    """The gate of the run's policies, made when it is first needed."""
    if _GATE not in config.stash:
        config.stash[_GATE] = new_gate(config)
    return config.stash[_GATE]


def new_gate(config: pytest.Config) -> Gate:
    """A gate that has looked at nothing yet: this is where NumPy is imported."""
    from faceleak_check.pipeline import Gate
    from faceleak_check.shared_folder import store_root

    store = store_root(config.getoption("--faceleak-store"), config.invocation_params.dir)
    return Gate(store=store, progress=_progress(config))


@contextlib.contextmanager
def bar_taken_away(config: pytest.Config) -> Iterator[None]:
    """Takes the progress bar away at the end, also of work that was cut off: a bar hides the cursor."""
    try:
        yield
    finally:
        if _BAR in config.stash:
            config.stash[_BAR].close()


def _progress(config: pytest.Config) -> Progress:
    from faceleak_check.silence import silent

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty or sys.__stdout__ is None:
        return silent
    from faceleak_check.reports.progress import ProgressBar

    capture = config.pluginmanager.get_plugin("capturemanager")
    shown = capture.global_and_fixture_disabled if capture else contextlib.nullcontext
    config.stash[_BAR] = ProgressBar(sys.__stdout__, shown, coloured=reporter.hasmarkup)
    return config.stash[_BAR]
