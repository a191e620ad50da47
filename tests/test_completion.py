"""What bash offers on Tab: the script that ``faceleak --show-completion`` prints, run by a real bash."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from faceleak_check.policy.presets import builtin_names
from faceleak_check.registry import EMBEDDERS, SCREENS

ROOT = Path(__file__).parents[1]
BUILTINS = [f"builtin:{name}" for name in builtin_names()]

TYPED = """\
eval "$(_FACELEAK_COMPLETE=source_bash faceleak)"
COMP_WORDS=({words}) COMP_CWORD={at}
_faceleak_completion faceleak
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def bash(script: str, folder: Path) -> str:
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    ran = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout


def offered(folder: Path, *words: str) -> list[str]:
    """What is offered for the last of these words, split as bash splits them."""
    script = TYPED.format(words=" ".join(map(shlex.quote, words)), at=len(words) - 1)
    return bash(script, folder).split()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "policies/release.yaml",
        "policies/release.waivers.yaml",
        "policies/.hidden.yaml",
        "other.yml",
        "a.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ini"], ["init"]),
        (["cache", "p"], ["purge"]),
        (["validate", "pol"], ["policies/release.yaml"]),
        (["validate", "policies/"], ["policies/release.yaml"]),
        (["validate", "policies/release.yaml", "o"], ["other.yml"]),
        (["calibrate", "builtin"], BUILTINS),
        (["calibrate", ""], ["other.yml", "policies/release.yaml", *BUILTINS]),
        # bash takes the colon for a word of its own
        (["calibrate", "builtin", ":"], list(builtin_names())),
        (["calibrate", "builtin", ":", "quick"], ["quickstart"]),
        (
            ["validate", "other.yml", "builtin", ":", "paper/gate/"],
            [n for n in builtin_names() if "/gate/" in n],
        ),
        (["validate", "nothing-of-that-name"], []),
        (["prefetch", "adaface-ir1"], ["adaface-ir101", "adaface-ir18"]),
        (["doctor", "cl"], ["clip"]),
        (["schema", "evi"], ["evidence"]),
        (["--vers"], ["--version"]),
    ],
    ids=lambda value: " ".join(value)[:30],
)
def test_what_is_offered(project: Path, words: list[str], expected: list[str]) -> None:
    assert offered(project, "faceleak", *words) == expected


def test_models_are_offered_beside_policies(project: Path) -> None:
    assert offered(project, "faceleak", "doctor", "") == [
        "other.yml",
        "policies/release.yaml",
        *BUILTINS,
        *EMBEDDERS,
        *SCREENS,
    ]


def test_installing_it_writes_a_script_that_a_new_bash_reads(tmp_path: Path) -> None:
    # with a command behind it, or bash would be replaced by faceleak, which looks for the shell above itself
    said = bash("faceleak --install-completion; true", tmp_path)
    assert f"bash completion installed in {tmp_path}/.bash_completions/faceleak.sh" in said
    assert "bash_completions/faceleak.sh" in (tmp_path / ".bashrc").read_text(encoding="utf-8")
    assert bash("source ~/.bash_completions/faceleak.sh; complete -p faceleak", tmp_path) == (
        "complete -o default -F _faceleak_completion faceleak\n"
    )


def test_tab_imports_nothing_heavy() -> None:
    code = "import faceleak_check.cli, sys; print(sorted({'torch', 'numpy', 'yaml', 'pydantic'} & sys.modules.keys()))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"
