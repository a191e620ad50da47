"""Which policy files a user's arguments mean: files, folders, and the policies that ship in the package."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.errors import UsageError
from faceleak_check.registry import suggestion

__all__ = [
    "BUILTIN",
    "PolicyFileArgument",
    "builtin_names",
    "builtin_path",
    "is_policy_name",
    "resolve_policies",
    "resolve_policy",
]

BUILTIN = "builtin:"
"""Before the name of a policy that ships in the package."""
SUFFIXES = (".yaml", ".yml")
BESIDE_A_POLICY = (".waivers", ".thresholds")
_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyFileArgument:
    """A policy file that the user asked for.

    Attributes:
        path: Absolute path of the file.
        shown_as: How messages and reports name it, as close to the user's words as can be.
        folder: What relative paths in it start from: its own folder, or for a built-in the user's.
    """

    path: Path
    shown_as: str
    folder: Path


def builtin_names() -> tuple[str, ...]:
    """Names of the policies in the package, such as ``quickstart`` and ``published/dcface``."""
    return tuple(_builtins())


def builtin_path(name: str) -> Path:
    """The file of a policy in the package.

    Args:
        name: With or without ``builtin:`` before it.

    Raises:
        UsageError: There is no policy of that name.
    """
    name = name.removeprefix(BUILTIN)
    known = _builtins()
    if name in known:
        return known[name]
    near = suggestion(name, list(known))
    raise UsageError(f"unknown policy {BUILTIN + name!r}{near}; there are: {', '.join(known) or 'none'}")


def _builtins() -> dict[str, Path]:
    # a wheel holds the folder inside the package, a checkout beside it
    folders = (_PACKAGE / "policies", _PACKAGE.parent / "policies")
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        return {}
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in _policies_in(folder)}


def resolve_policies(arguments: Sequence[str], base: Path) -> tuple[PolicyFileArgument, ...]:
    """The policy files of a command line, in its order, each once.

    Args:
        arguments: Each a file, a folder that holds policies at any depth, or ``builtin:NAME``.
        base: The folder that relative arguments start from.

    Raises:
        UsageError: An argument leads to no policy.
    """
    found: dict[str, PolicyFileArgument] = {}
    for argument in arguments:
        for policy in _resolve(argument, base):
            found.setdefault(os.path.realpath(policy.path), policy)
    return tuple(found.values())


def resolve_policy(argument: str, base: Path) -> PolicyFileArgument:
    """The one policy file that an argument of `resolve_policies` leads to.

    Raises:
        UsageError: It leads to no policy, or to several.
    """
    policy, *others = resolve_policies([argument], base)
    if others:
        raise UsageError(f"{argument!r} holds {1 + len(others)} policies; name one of them")
    return policy


def _resolve(argument: str, base: Path) -> Iterator[PolicyFileArgument]:
    if argument.startswith(BUILTIN):
        yield PolicyFileArgument(path=builtin_path(argument), shown_as=argument, folder=base)
        return
    if not argument.strip():
        raise UsageError("a policy argument is empty; name a .yaml file, a folder or builtin:NAME")
    path = base / _home(argument)
    if not _is_folder(path, argument):
        yield PolicyFileArgument(path=path, shown_as=argument, folder=path.resolve().parent)
        return
    files = _policies_in(path)
    if not files:
        raise UsageError(f"the folder {argument!r} holds no policy: no file in it ends in .yaml or .yml")
    for file in files:
        shown_as = str(Path(argument) / file.relative_to(path))
        yield PolicyFileArgument(path=file, shown_as=shown_as, folder=file.resolve().parent)


def _home(argument: str) -> Path:
    try:
        return Path(argument).expanduser()
    except RuntimeError:
        raise UsageError(f"no home folder is known for the policy argument {argument!r}") from None


def _is_folder(path: Path, argument: str) -> bool:
    """Whether a path is a folder; a path that is not there is the user's error."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        raise UsageError(f"no permission to reach the policy {argument!r}") from None
    except (OSError, ValueError):
        raise UsageError(_missing(argument, path)) from None


def _policies_in(folder: Path) -> list[Path]:
    """All policies under a folder, sorted; hidden files and folders, and what policies name, are passed over."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"the folder {error.filename!r} cannot be read: {error.strerror}") from error

    files: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if is_policy_name(name)]
    return sorted(files)


def is_policy_name(name: str) -> bool:
    """Whether a file of that name in a folder counts as a policy; what policies name beside them does not."""
    path = Path(name)
    return path.suffix in SUFFIXES and not name.startswith(".") and not path.stem.endswith(BESIDE_A_POLICY)


def _missing(argument: str, path: Path) -> str:
    names = builtin_names()
    is_builtin = argument in names
    near = f" (did you mean {BUILTIN + argument!r}?)" if is_builtin else suggestion(path.name, _beside(path))
    return (
        f"there is no policy file or folder {argument!r}{near}, looked for in {str(path.parent)!r}; "
        f"name a .yaml file, a folder of policies, or {BUILTIN}NAME with one of: {', '.join(names) or 'none'}"
    )


def _beside(path: Path) -> list[str]:
    """Policies and folders beside a path that is not there."""
    try:
        return [entry.name for entry in path.parent.iterdir() if entry.is_dir() or is_policy_name(entry.name)]
    except OSError:
        return []
