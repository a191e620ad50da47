"""What the tests of attacks share: the project of the plugin's tests, and somebody who watches what happens."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_PLUGIN = Path(__file__).parents[1] / "plugin"
sys.path.append(str(_PLUGIN))

from attacks import CHECK, Attack, Attacked, answer  # noqa: E402
from faceleak_command import Faceleak, run_faceleak  # noqa: E402
from gate_project import Project  # noqa: E402
from witness import Witness  # noqa: E402

_spec = spec_from_file_location("conftest_of_plugin", _PLUGIN / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_shared = module_from_spec(_spec)
_spec.loader.exec_module(_shared)
environment, project = _shared.environment, _shared.project


@pytest.fixture
def witness(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    """Knows a secret, and notes what lies outside of the project."""
    monkeypatch.setenv("DEPLOY_TOKEN", Witness.SECRET)
    return Witness(project.path, tmp_path / "outside")


@pytest.fixture
def faceleak(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Faceleak:
    """Runs the command in the project."""
    return run_faceleak(project.path, monkeypatch, capsysbinary)


@pytest.fixture
def attack(project: Project) -> Attack:
    """Runs one policy for each attack, all in one gate.

    Each attack gives the policy's keys from ``datasets:`` to ``embedder:``; the check stays the same.
    """

    def run(attacks: dict[str, str], *arguments: str) -> Attacked:
        for name, keys in attacks.items():
            project.write(f"attacks/{name}.yaml", f"version: 1\nname: {name}\n{keys}\n{CHECK}")
        result = project.run("--faceleak-policy", "attacks", "--junitxml=out.xml", *arguments)
        answers = {
            policy["file"].removeprefix("attacks/").removesuffix(".yaml"): answer(policy)
            for policy in project.evidence()["policies"]
        }
        return Attacked(answers=answers, code=int(result.ret), output=f"{result.stdout}{result.stderr}")

    return run
