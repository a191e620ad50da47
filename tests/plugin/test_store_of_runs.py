"""What runs leave in the store for later ones, and runs on a store that cannot be written or locked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gate_project import Project

CASE = "release.yaml::leak_count[generated-vs-training]"
SLOW = """\
import time
from faceleak_check.embedders.fake_pixels import FakePixels

class Slow(FakePixels):
    batch_size = 1

    def embed(self, chips):
        time.sleep(0.1)
        return super().embed(chips)
"""


def evidence_of(project: Project, folder: str = "faceleak-evidence") -> bytes:
    return (project.path / folder / "evidence.json").read_bytes()


def test_a_hundred_more_images_are_a_hundred_to_embed(project: Project) -> None:
    project.write_set(project.path / "generated", [f"many{n}.png" for n in range(500)], seed=3)
    project.policy()
    project.gate().assert_outcomes(passed=1)
    assert project.n_embedded() == 500 + 12
    project.write_set(project.path / "generated", [f"more{n}.png" for n in range(100)], seed=4)
    project.gate().assert_outcomes(passed=1)
    assert project.n_embedded() == 100
    project.gate().assert_outcomes(passed=1)
    assert project.n_embedded() == 0


def test_two_runs_without_locks_may_do_the_work_twice_and_are_both_right(project: Project) -> None:
    """A folder where the lock should be cannot be locked, as on file systems without locks."""
    project.policy()
    project.gate()
    for name in ("embedding.lock", "*.safetensors"):
        for path in project.store.rglob(name):
            path.unlink()
    (folder,) = (project.store / "v2/templates").iterdir()
    (folder / "embedding.lock").mkdir()
    project.install_embedder("slow", "slow:Slow", SLOW)

    folders = ("one", "two")
    processes = [
        project.start("--faceleak-policy=release.yaml", f"--faceleak-evidence={name}") for name in folders
    ]
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == pytest.ExitCode.OK, output
    n_embedded = [project.run_record(name)["cases"][CASE]["n_embedded"] for name in folders]
    assert 12 <= sum(n_embedded) <= 24
    assert (folder / "embedding.lock").is_dir()
    assert len({evidence_of(project, name) for name in folders}) == 1


def run_read_only(project: Project, *arguments: str) -> tuple[int, str]:
    """Runs pytest in a name space of its own in which the store cannot be written."""
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", str(project.store)]
    try:
        ran = subprocess.run(
            [*command, sys.executable, "-m", "pytest", "--faceleak-policy=release.yaml", *arguments],
            cwd=project.path,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("needs the command `unshare`, which is not there")
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip(f"this system lets nobody mount: {ran.stderr.strip()}")
    return ran.returncode, ran.stdout


def nothing(store: Path) -> None:
    pass


def without_notes(store: Path) -> None:
    for name in ("verified.json", "embedding.lock"):
        for path in store.rglob(name):
            path.unlink()


@pytest.mark.parametrize("change", [nothing, without_notes])
def test_a_read_only_store_with_everything_in_it_is_enough(
    change: Callable[[Path], None], project: Project
) -> None:
    project.policy()
    project.leak()
    project.gate().assert_outcomes(failed=1)
    expected = evidence_of(project)
    change(project.store)
    files = sorted(project.store.rglob("*"))

    status, output = run_read_only(project)
    assert status == pytest.ExitCode.TESTS_FAILED, output
    assert (evidence_of(project), project.n_embedded()) == (expected, 0)
    assert sorted(project.store.rglob("*")) == files


def test_a_read_only_store_that_lacks_something_is_inconclusive(project: Project) -> None:
    project.policy()
    project.gate().assert_outcomes(passed=1)
    project.write_set(project.path / "generated", ["new.png"], seed=5)
    status, _ = run_read_only(project)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert (status, case["outcome"], case["reasons"]) == (
        pytest.ExitCode.TESTS_FAILED,
        "inconclusive",
        ["the template store cannot be written: Read-only file system"],
    )


def test_runs_on_two_machines_share_a_store(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cache folders stand for two machines."""
    project.policy()
    project.leak()
    project.gate().assert_outcomes(failed=1)
    expected = evidence_of(project)
    n_embedded = []
    for machine in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))
        project.gate(f"--faceleak-store=local://{tmp_path}/shared").assert_outcomes(failed=1)
        n_embedded.append(project.n_embedded())
        assert evidence_of(project) == expected
    assert n_embedded == [12, 0]


def test_the_secrets_of_a_stores_url_are_shown_nowhere(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project.policy()
    result = project.gate("--faceleak-store=sftp://ann:hunter2@host.invalid/store", "--faceleak-offline")
    result.assert_outcomes(errors=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert case["reasons"] == [
        "the shared template store cannot be read: it lies on another machine, and the network may not be used"
    ]
    assert "sftp://host.invalid/store: Take --faceleak-offline or" in result.stdout.str()
    written = [path.read_bytes() for path in project.path.rglob("*") if path.is_file()]
    assert not [data for data in written if b"hunter2" in data]
    assert "hunter2" not in result.stdout.str() + result.stderr.str()
