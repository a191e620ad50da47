"""Whole runs of pytest whose work Ray does: the same evidence, and nothing left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pytest
from gate_project import Project, failure, without_key
from PIL import Image
from ray_cluster import processes_with

POLICY = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
embedder: {name: dlib-resnet, align: mtcnn}
screens:
  child: {method: age, below: 13, reject_above: 0.9}
exclusions: {at_most: 10%}
execution: {engine: "${ENGINE:-local}"}
checks:
  - leak_rate: {generated: generated, source: training, threshold: {cosine: 0.97}, at_most: 1%}
  - top_k_similarity: {generated: generated, source: training, k: 3, at_most: 1}
"""
SLOW = """\
import os, time
from faceleak_check.embedders.fake_pixels import FakePixels

class Slow(FakePixels):
    batch_size = 2

    def embed(self, chips):
        time.sleep(float(os.environ["SECONDS"]))
        return super().embed(chips)
"""
PATIENCE = 240
ADVICE = (
    "Start one on this machine (`ray start --head`, or `ray start --address=HEAD:6379` to join one), correct the "
    "address, or leave it out to use this machine alone."
)
CASE = "leak_count[generated-vs-training]"


@pytest.fixture
def faces(project: Project, lfw_faces: Sequence[npt.NDArray[Any]]) -> Project:
    """A project with real faces, of which two are in both sets, and files that cannot be read."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'faceleak-check[ray]'")
    for number, face in enumerate(lfw_faces[:56]):
        for name in ["generated"] * (number < 38) + ["training"] * (number > 35):
            path = project.path / name / f"p{number}" / "1.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(face).save(path)
    for name in ("generated", "training"):
        (project.path / name / "p1").mkdir(exist_ok=True)
        (project.path / name / "p1" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\ntorn")
    project.write("release.yaml", POLICY)
    return project


def run(project: Project, **environment: str) -> tuple[int, str]:
    """Runs the policy, into a store and evidence named after the engine."""
    engine = environment["ENGINE"]
    process = project.start(
        "--faceleak-policy=release.yaml",
        f"--faceleak-store=store-{engine}",
        f"--faceleak-evidence=evidence-{engine}",
        f"--junitxml={engine}.xml",
        "-Werror",
        **environment,
    )
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, output


def evidence(project: Project, engine: str) -> bytes:
    return (project.path / f"evidence-{engine}" / "evidence.json").read_bytes()


def test_ray_leaves_the_same_evidence_as_this_machine_alone(faces: Project) -> None:
    (status, output), (status_by_ray, output_by_ray) = run(faces, ENGINE="local"), run(faces, ENGINE="ray")
    assert (status, status_by_ray) == (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.TESTS_FAILED)
    assert shown(output, "local") == shown(output_by_ray, "ray")
    assert "  LEAK         leak_rate[generated-vs-training]" in output
    assert evidence(faces, "local") == evidence(faces, "ray")
    assert b"torn.png" in evidence(faces, "local")
    assert counts(faces, "local") == counts(faces, "ray")
    assert min(counts(faces, "ray")[0]) >= 38, "more than one batch, which would not go to Ray"


def counts(project: Project, engine: str) -> list[tuple[int, int]]:
    """Number of images embedded and screened for each case."""
    cases = project.run_record(f"evidence-{engine}")["cases"].values()
    return [(case["n_embedded"], case["n_screened"]) for case in cases]


def shown(output: str, engine: str) -> list[str]:
    """What pytest prints, without times and names of folders."""
    lines = (
        without_key(output)
        .replace(f"evidence-{engine}", "EVIDENCE")
        .replace(f"{engine}.xml", "XML")
        .splitlines()
    )
    return [line for line in lines if " in " not in line or "====" not in line]


def test_ctrl_c_takes_all_of_ray_down_and_the_next_run_does_the_rest(
    project: Project, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'faceleak-check[ray]'")
    project.write_set(project.path / "generated", [f"g{n}.png" for n in range(194)], seed=1)
    project.policy(keys='execution: {engine: "${ENGINE:-local}", workers: 2}\n')
    project.install_embedder("slow", "slow:Slow", SLOW)
    mark = uuid.uuid4().hex
    process = project.start("--faceleak-policy=release.yaml", ENGINE="ray", SECONDS="0.2", MARK=mark)
    try:
        wait_for_a_shard(project, process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "  NOT RUN      leak_count[generated-vs-training]" in output.splitlines()
    assert processes_with("MARK", mark) == []
    assert project.run_apart("--faceleak-policy=release.yaml", SECONDS="0")[0] == pytest.ExitCode.OK
    assert 6 < project.n_embedded() <= 200 - 14
    assert run(project, ENGINE="local", SECONDS="0")[0] == pytest.ExitCode.OK
    assert (project.path / "faceleak-evidence" / "evidence.json").read_bytes() == evidence(project, "local")


def wait_for_a_shard(project: Project, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not list(project.store.glob("*/templates/*/*.safetensors")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_nothing_listens_at_the_policys_address(project: Project) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'faceleak-check[ray]'")
    project.write_set(project.path / "generated", [f"g{n}.png" for n in range(40)], seed=1)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))  # and does not listen
        port = one.getsockname()[1]
        project.policy(keys=f"execution: {{engine: ray, address: '127.0.0.1:{port}'}}\n")
        result = project.gate()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert failure(result.stdout.str(), CASE).splitlines() == [
        "INCONCLUSIVE: there is no Ray cluster at the policy's address",
        f"execution.address is '127.0.0.1:{port}': Connection refused. {ADVICE}",
        f"release.yaml:9: {CASE}",
    ]


def test_ray_is_not_installed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    project.write_set(project.path / "generated", [f"g{n}.png" for n in range(40)], seed=1)
    project.policy(keys="execution: {engine: ray}\n")
    result = project.gate()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert failure(result.stdout.str(), CASE).splitlines() == [
        "INCONCLUSIVE: the policy asks for engine 'ray', which is not installed",
        "Run: pip install 'faceleak-check[ray]', or set `execution: {engine: local}`.",
        f"release.yaml:9: {CASE}",
    ]
