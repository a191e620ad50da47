"""What pytest's command line and ini ask for: which policies, which of their cases, and where the evidence goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from faceleak_check.errors import UsageError
from faceleak_check.policy.presets import PolicyFileArgument, resolve_policies

__all__ = ["evidence_folder", "policies_asked_for", "refuse_blur_alone", "take_chosen"]


def evidence_folder(config: pytest.Config) -> Path:
    """Where the evidence goes.

    Raises:
        pytest.UsageError: The option is empty.
    """
    folder: str = config.getoption("--faceleak-evidence")
    if not folder:
        raise pytest.UsageError("--faceleak-evidence is empty; name a folder, or leave the option out")
    return config.invocation_params.dir / folder


def refuse_blur_alone(config: pytest.Config) -> None:
    """Raises pytest.UsageError where pictures are to be blurred and none are asked for."""
    if config.getoption("--faceleak-blur-source") and not config.getoption("--faceleak-thumbnails"):
        raise pytest.UsageError(
            "--faceleak-blur-source blurs the pictures of real people, and without --faceleak-thumbnails there are "
            "none; add --faceleak-thumbnails, or leave it out"
        )


def policies_asked_for(config: pytest.Config) -> dict[Path, PolicyFileArgument]:
    """The policies of the command line and of the project's ini, by resolved path, each once.

    Raises:
        pytest.UsageError: A policy is not there.
    """
    folder = config.inipath.parent if config.inipath else config.rootpath
    try:
        asked = [
            *resolve_policies(config.getoption("--faceleak-policy"), config.invocation_params.dir),
            *resolve_policies(config.getini("faceleak_policies"), folder),
        ]
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    policies: dict[Path, PolicyFileArgument] = {}
    for argument in asked:
        policies.setdefault(argument.path.resolve(), argument)
    return _told_apart(policies)


def _told_apart(policies: Mapping[Path, PolicyFileArgument]) -> dict[Path, PolicyFileArgument]:
    """The policies, by their whole path where the user's words for two of them are the same."""
    times = Counter(argument.shown_as for argument in policies.values())
    return {
        path: argument if times[argument.shown_as] == 1 else replace(argument, shown_as=str(path))
        for path, argument in policies.items()
    }


def take_chosen(config: pytest.Config, policies: Mapping[Path, PolicyFileArgument]) -> dict[Path, set[str]]:
    """Removes arguments such as ``release.yaml::leak_rate[a-vs-b]`` and returns the names of the chosen cases."""
    chosen: dict[Path, set[str]] = {}
    others = []
    for argument in config.args:
        file, _, case = argument.partition("::")
        path = (config.invocation_params.dir / file).resolve()
        known = next(
            (known for known, one in policies.items() if path == known or file == one.shown_as), None
        )
        if known is None:
            others.append(argument)
        elif case:
            chosen.setdefault(known, set()).add(case)
    config.args = others
    return chosen
