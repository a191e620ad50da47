"""The gate itself: what two cases share, and what becomes of a case that nothing can be said about."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.pipeline import Gate
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.schema import Policy
from faceleak_check.records import Outcome

WriteSet = Callable[..., Path]

CHECKS = (
    "leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}",
    "coverage: {dataset: elsewhere, min_images: 1}",
)


class Project:
    """40 generated pictures, more than a batch, two of which are training pictures; one dataset is not there."""

    def __init__(self, folder: Path, write_set: WriteSet) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.write_set = write_set
        self.told: list[tuple[str, int, int]] = []
        write_set(folder / "generated", [f"g{n:02d}.png" for n in range(38)], seed=1)
        write_set(folder / "training", ["ann/1.png", "ben/1.png", "cy/1.png"], seed=2)
        for name in ("ann", "ben"):
            shutil.copy(folder / f"training/{name}/1.png", folder / f"generated/{name}.png")

    def policy(self, *checks: str, keys: str = "") -> Policy:
        """A policy with these checks, not called as its file is."""
        file = self.folder / "p.yaml"
        file.write_text(
            "version: 1\nname: release\n"
            "datasets:\n  generated: {path: generated}\n  training: {path: training, labels: parent_folder}\n"
            "  elsewhere: {path: elsewhere}\n"
            f"embedder: {{name: fake-pixels}}\n{keys}checks:\n"
            + "".join(f"  - {check}\n" for check in checks),
            encoding="utf-8",
        )
        return parse_policy(file, shown_as="p.yaml", environment={})

    def waive(self, name: str, *, expires: dt.date) -> None:
        """Accepts the picture of this person until a day."""
        digest = hashlib.sha256((self.folder / f"generated/{name}.png").read_bytes()).hexdigest()
        (self.folder / "w.yaml").write_text(
            f"version: 1\nwaivers:\n  - {{generated: {digest}, source: {digest}, reason: x, owner: O. Ther, "
            f"date: 2026-01-01, expires: {expires}}}\n",
            encoding="utf-8",
        )

    def gate(self) -> Gate:
        return Gate(store=self.store, progress=lambda *stage: self.told.append(stage))


@pytest.fixture
def project(tmp_path: Path, write_set: WriteSet) -> Project:
    return Project(tmp_path, write_set)


def test_two_cases_share_what_is_worked_out(project: Project) -> None:
    policy = project.policy(CHECKS[0], CHECKS[0].replace("at_most: 0", "at_most: 2"))
    gate = project.gate()
    first, second = (gate.run(policy, case) for case in policy.cases)
    assert (first.outcome, second.outcome) == (Outcome.LEAK, Outcome.PASS)
    assert (first.policy, first.check, first.case) == (
        "release",
        "leak_count",
        "leak_count[generated-vs-training]",
    )
    assert first.reasons == ("2 of 40 generated images leak; the policy allows at most 0",)
    assert (gate.n_embedded, gate.n_screened, gate.notes) == (41, 0, [])
    assert project.told.count(("embedding generated", 40, 40)) == 1
    assert project.store.is_dir()


def test_a_judged_case_comes_with_its_sets_and_their_pictures(project: Project) -> None:
    policy = project.policy(CHECKS[0])
    judged = project.gate().judged(policy, policy.cases[0])
    assert judged.verdict == project.gate().run(policy, policy.cases[0])
    assert {role: len(one.images) for role, one in judged.sets.items()} == {"generated": 40, "source": 3}
    assert judged.verdict.sets == {role: one.summary for role, one in judged.sets.items()}


def test_what_keeps_a_case_from_a_verdict_makes_it_inconclusive_and_no_other(project: Project) -> None:
    policy = project.policy(CHECKS[1], CHECKS[0])
    gate = project.gate()
    missing, other = (gate.judged(policy, case) for case in policy.cases)
    verdict = missing.verdict
    assert (verdict.outcome, verdict.policy, verdict.check, verdict.case) == (
        Outcome.INCONCLUSIVE,
        "release",
        "coverage",
        "coverage[elsewhere]",
    )
    assert verdict.reasons == ("dataset 'elsewhere' was not found",)
    assert verdict.details == (
        (
            f"{project.folder / 'elsewhere'} (see datasets.elsewhere at line 6, column 3 of the policy)\n"
            "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
        ),
    )
    assert (verdict.measurement, verdict.sets, missing.sets) == (None, {}, {})
    assert other.verdict.outcome is Outcome.LEAK


def test_a_reason_without_a_detail_leaves_none(project: Project) -> None:
    """An empty line in the report would look as if something were missing."""
    project.write_set(project.folder / "elsewhere", [f"p{n}/1.png" for n in range(40)], seed=3)
    policy = project.policy(
        "membership_inference: {generated: generated, source: training, control: elsewhere, fpr: 1%, at_most: 1%}"
    )
    verdict = project.gate().run(policy, policy.cases[0])
    assert (verdict.outcome, verdict.details) == (Outcome.INCONCLUSIVE, ())
    assert verdict.reasons == (
        (
            "membership inference cannot be measured: "
            "3 members are too few for membership inference: give at least 30 images"
        ),
    )


def test_each_way_of_execution_has_executors_of_its_own(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One gate runs several policies: what one asks for is not what another gets."""
    monkeypatch.setitem(sys.modules, "ray", None)
    shared, here = project.policy(CHECKS[0], keys="execution: {engine: ray}\n"), project.policy(CHECKS[0])
    gate = project.gate()
    refused, judged = (gate.run(policy, policy.cases[0]) for policy in (shared, here))
    assert (refused.outcome, refused.reasons) == (
        Outcome.INCONCLUSIVE,
        ("the policy asks for engine 'ray', which is not installed",),
    )
    assert judged.outcome is Outcome.LEAK
    assert gate.n_embedded == 41


def test_what_happened_besides_is_noted(project: Project) -> None:
    policy = project.policy(CHECKS[0])
    project.gate().run(policy, policy.cases[0])
    (shard, *_) = sorted((project.store / "v2/templates").rglob("*.safetensors"))
    shard.write_bytes(b"damaged")
    gate = project.gate()
    assert gate.run(policy, policy.cases[0]).outcome is Outcome.LEAK
    assert gate.notes == [
        (
            "1 damaged shard of the store was passed over, and its images are computed again: "
            f"{shard.name} in {shard.parent}"
        )
    ]


def test_without_a_listener_nobody_is_told(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    policy = project.policy(CHECKS[0])
    verdict = Gate(store=project.store).run(policy, policy.cases[0])
    assert verdict.outcome is Outcome.LEAK
    assert capfd.readouterr() == ("", "")


def out_of_memory(stage: str, done: int, total: int) -> None:
    """As whatever is in the middle of its work may find."""
    raise MemoryError


def test_a_machine_that_gives_no_memory_makes_a_case_inconclusive(project: Project) -> None:
    policy = project.policy(CHECKS[0])
    verdict = Gate(store=project.store, progress=out_of_memory).run(policy, policy.cases[0])
    assert (verdict.outcome, verdict.case) == (Outcome.INCONCLUSIVE, "leak_count[generated-vs-training]")
    assert verdict.reasons == ("this machine has not enough memory for it",)
    assert len(verdict.details) == 1
    assert verdict.details[0].startswith("Run fewer workers (pytest -n)")


def test_a_fault_of_the_program_is_no_verdict(project: Project) -> None:
    def broken(stage: str, done: int, total: int) -> None:
        raise RuntimeError("a fault")

    policy = project.policy(CHECKS[0])
    with pytest.raises(RuntimeError, match=r"^a fault$"):
        Gate(store=project.store, progress=broken).run(policy, policy.cases[0])


@pytest.mark.parametrize("zone", ["AHEAD-14", "BEHIND+12"])
def test_a_waiver_ends_with_a_day_of_utc_wherever_the_machine_stands(
    project: Project, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """At any hour the day of one of these two zones is not that of UTC."""
    found = {}
    try:
        with monkeypatch.context() as there:
            there.setenv("TZ", zone)
            time.tzset()
            today = dt.datetime.now(dt.UTC).date()
            for n_days in (0, 1):
                project.waive("ann", expires=today - dt.timedelta(days=n_days))
                policy = project.policy(CHECKS[0], keys="waivers: {file: w.yaml, on_expired: warn}\n")
                found[n_days] = project.gate().run(policy, policy.cases[0])
    finally:
        time.tzset()
    assert [found[n_days].reasons for n_days in (0, 1)] == [
        ("1 of 40 generated images leaks; the policy allows at most 0",),
        ("2 of 40 generated images leak; the policy allows at most 0",),
    ]
