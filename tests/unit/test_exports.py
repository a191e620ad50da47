from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import faceleak_check

PACKAGE = Path(faceleak_check.__file__).parent
MODULES = sorted(
    found.name for found in pkgutil.walk_packages([str(PACKAGE)], "faceleak_check.") if not found.ispkg
)
HEAVY = [
    "faiss",
    "jinja2",
    "matplotlib",
    "numpy",
    "PIL",
    "pyarrow",
    "pydantic",
    "rich",
    "safetensors",
    "torch",
    "typer",
    "yaml",
]


def syntax(module: str) -> ast.Module:
    return ast.parse(PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py").read_text())


@pytest.mark.parametrize("module", MODULES)
def test_all_is_stated_and_true(module: str) -> None:
    loaded = importlib.import_module(module)
    if module == "faceleak_check.plugin":
        hooks = {node.name for node in syntax(module).body if isinstance(node, ast.FunctionDef)}
        assert {name for name in hooks if not name.startswith("pytest_")} == {"faceleak"}
        return
    assert len(loaded.__all__) == len(set(loaded.__all__))
    assert [name for name in loaded.__all__ if not hasattr(loaded, name) or name.startswith("_")] == []


@pytest.mark.parametrize("module", MODULES)
def test_all_is_complete_for_the_other_modules(module: str) -> None:
    for node in ast.walk(syntax(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("faceleak_check."):
            home = importlib.import_module(node.module or "")
            submodules = {found.name for found in pkgutil.iter_modules(getattr(home, "__path__", []))}
            hidden = {name.name for name in node.names} - set(getattr(home, "__all__", [])) - submodules
            assert not hidden, f"{node.module} does not export {hidden}"


def test_the_package_exports_what_it_says_lazily() -> None:
    assert sorted(faceleak_check.__all__) == faceleak_check.__all__ == dir(faceleak_check)
    for name in faceleak_check.__all__:
        assert getattr(faceleak_check, name).__name__ == name


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'faceleak_check' has no attribute 'chekc'$"):
        _ = faceleak_check.chekc  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", ["faceleak_check", "faceleak_check.plugin"])
def test_what_pytest_loads_in_every_project_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(sorted(set(sys.modules) & set({HEAVY})))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
