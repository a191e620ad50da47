"""What a shell offers on Tab: policies, and the names of models."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, MutableMapping
from itertools import chain
from pathlib import Path

from faceleak_check.policy.presets import BUILTIN, builtin_names, is_policy_name
from faceleak_check.registry import EMBEDDERS, SCREENS

__all__ = ["heal_words", "models_and_policies", "policies"]

_HALF = "_FACELEAK_AFTER_BUILTIN"


def heal_words(environment: MutableMapping[str, str]) -> None:
    """Takes ``builtin:`` out of the words that bash gives to a completion.

    Bash takes the colon of ``builtin:quick`` for the end of a word, so that the policy would count as three
    arguments, and puts what is offered behind it.

    Args:
        environment: The process's; `policies` reads there that the prefix is gone.
    """
    words = environment.get("COMP_WORDS", "").split("\n")
    at = int(environment.get("COMP_CWORD") or 0)
    start = at - 1 if words[at : at + 1] == [":"] else at - 2
    if start < 1 or words[start : start + 2] != ["builtin", ":"]:
        return
    environment["COMP_WORDS"] = "\n".join([*words[:start], *words[start + 2 : at + 1]])
    environment["COMP_CWORD"] = str(start)
    environment[_HALF] = "1"


def policies(incomplete: str) -> list[str]:
    """The built-in policies, and the policy files here and one folder further down.

    Args:
        incomplete: What the user has typed of the word.
    """
    if os.environ.get(_HALF):
        return list(builtin_names())
    return [*_files(incomplete), *(f"{BUILTIN}{name}" for name in builtin_names())]


def _files(incomplete: str) -> Iterator[str]:
    begun = glob.escape(incomplete)
    # Path.glob knows no pattern that is absolute
    found = (sorted(glob.glob(f"{begun}{rest}")) for rest in ("*.y*ml", "*/*.y*ml"))  # noqa: PTH207
    return (file for file in chain.from_iterable(found) if is_policy_name(Path(file).name))


def models_and_policies(incomplete: str) -> list[str]:
    """What ``faceleak doctor`` and ``faceleak prefetch`` take.

    Args:
        incomplete: What the user has typed of the word.
    """
    return [*policies(incomplete), *([] if os.environ.get(_HALF) else [*EMBEDDERS, *SCREENS])]
