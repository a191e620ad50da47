from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from faceleak_check.errors import UsageError
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.presets import (
    PolicyFileArgument,
    builtin_names,
    builtin_path,
    resolve_policies,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "policies/b.yaml",
        "policies/a.yml",
        "policies/deep/c.yaml",
        "policies/a.waivers.yaml",
        "policies/a.thresholds.yaml",
        "policies/notes.txt",
        "policies/.hidden.yaml",
        "policies/.git/d.yaml",
        "single.yaml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def _refusal(argument: str, base: Path) -> str:
    with pytest.raises(UsageError) as refused:
        resolve_policies([argument], base)
    return str(refused.value)


def _argument(project: Path, name: str, shown_as: str = "") -> PolicyFileArgument:
    path = project / name
    return PolicyFileArgument(path=path, shown_as=shown_as or name, folder=path.parent)


def test_a_link_starts_paths_where_it_leads_to(project: Path) -> None:
    (project / "link.yaml").symlink_to("policies/b.yaml")
    (found,) = resolve_policies(["link.yaml"], project)
    assert (found.shown_as, found.folder) == ("link.yaml", project / "policies")


def test_a_builtin_starts_paths_at_the_users_folder(project: Path) -> None:
    (found,) = resolve_policies(["builtin:quickstart"], project)
    assert (found.shown_as, found.folder) == ("builtin:quickstart", project)


def test_files_and_folders_in_the_order_of_the_command_line(project: Path) -> None:
    absolute = str(project / "single.yaml")
    assert resolve_policies([absolute, "policies"], project) == (
        _argument(project, "single.yaml", shown_as=absolute),
        _argument(project, "policies/a.yml"),
        _argument(project, "policies/b.yaml"),
        _argument(project, "policies/deep/c.yaml"),
    )


def test_each_file_once(project: Path) -> None:
    (project / "link.yaml").symlink_to("policies/b.yaml")
    found = resolve_policies(
        ["policies/b.yaml", "link.yaml", "policies/../policies/b.yaml", "policies"], project
    )
    assert [policy.shown_as for policy in found] == [
        "policies/b.yaml",
        "policies/a.yml",
        "policies/deep/c.yaml",
    ]


def test_a_file_may_have_any_name(project: Path) -> None:
    assert resolve_policies(["policies/notes.txt"], project) == (_argument(project, "policies/notes.txt"),)


def test_no_arguments(project: Path) -> None:
    assert resolve_policies([], project) == ()


def test_missing_file(project: Path) -> None:
    builtins = ", ".join(builtin_names()) or "none"
    assert _refusal("policies/bb.yaml", project) == (
        "there is no policy file or folder 'policies/bb.yaml' (did you mean 'b.yaml'?), "
        f"looked for in '{project}/policies'; "
        f"name a .yaml file, a folder of policies, or builtin:NAME with one of: {builtins}"
    )
    assert _refusal("nowhere/x.yaml", project) == (
        f"there is no policy file or folder 'nowhere/x.yaml', looked for in '{project}/nowhere'; "
        f"name a .yaml file, a folder of policies, or builtin:NAME with one of: {builtins}"
    )


def test_folder_without_policies(project: Path) -> None:
    assert (
        _refusal("empty", project)
        == "the folder 'empty' holds no policy: no file in it ends in .yaml or .yml"
    )


@pytest.mark.parametrize("argument", ["", " "])
def test_empty_argument(project: Path, argument: str) -> None:
    expected = "a policy argument is empty; name a .yaml file, a folder or builtin:NAME"
    assert _refusal(argument, project) == expected


def test_home_of_nobody(project: Path) -> None:
    expected = "no home folder is known for the policy argument '~no-such-user/x.yaml'"
    assert _refusal("~no-such-user/x.yaml", project) == expected


def test_folder_without_permission(project: Path) -> None:
    (project / "empty").chmod(0)
    if os.access(project / "empty", os.R_OK):
        pytest.skip("this user may read every folder")
    try:
        assert _refusal("empty", project) == f"the folder '{project}/empty' cannot be read: Permission denied"
        assert _refusal("empty/x.yaml", project) == "no permission to reach the policy 'empty/x.yaml'"
    finally:
        (project / "empty").chmod(0o700)


def test_unknown_builtin() -> None:
    there = ", ".join(builtin_names()) or "none"
    with pytest.raises(UsageError) as refused:
        builtin_path("builtin:../secret")
    assert str(refused.value) == f"unknown policy 'builtin:../secret'; there are: {there}"


@pytest.mark.parametrize("name", builtin_names())
def test_every_builtin_is_valid(name: str, tmp_path: Path) -> None:
    [argument] = resolve_policies([f"builtin:{name}"], tmp_path)
    variables = re.findall(
        r"\$\{(\w+)\}", argument.path.read_text(encoding="utf-8")
    )  # those with a default keep it
    environment = {variable: str(tmp_path / variable) for variable in variables}
    assert argument.shown_as == f"builtin:{name}"
    policy = parse_policy(argument.path, shown_as=argument.shown_as, environment=environment)
    assert policy.cases
