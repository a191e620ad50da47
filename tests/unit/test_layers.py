from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import linter on the package that lies in a folder."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / "faceleak_check", tmp_path / "faceleak_check", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_imports_point_down_only() -> None:
    ran = lint_imports(ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 broken" in ran.stdout


@pytest.mark.parametrize(
    ("module", "planted", "broken"),
    [
        (
            "records/arrays.py",
            "import faceleak_check.policy.types",
            "faceleak_check.records is not allowed to import",
        ),
        (
            "store/templates.py",
            "import faceleak_check.search.exact",
            "faceleak_check.store is not allowed to import",
        ),
        ("api.py", "import faceleak_check.collection", "faceleak_check.api is not allowed to import"),
        ("checks/leaks.py", "import torch", "faceleak_check.checks is not allowed to import torch"),
    ],
)
def test_an_import_that_points_up_is_found(module: str, planted: str, broken: str, copied: Path) -> None:
    path = copied / "faceleak_check" / module
    path.write_text(f"{path.read_text()}\n{planted}\n")
    ran = lint_imports(copied)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert broken in ran.stdout


def test_a_module_without_a_layer_is_found(copied: Path) -> None:
    (copied / "faceleak_check" / "utils.py").write_text('"""Whatever."""\n')
    ran = lint_imports(copied)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "utils" in ran.stdout
