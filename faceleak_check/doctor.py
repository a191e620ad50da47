"""What can run on this machine, and what brings the rest here: ``faceleak doctor`` and ``faceleak prefetch``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from faceleak_check.errors import FaceleakError, UsageError
from faceleak_check.guards import blamed
from faceleak_check.model_files import PREFETCH, ModelFile
from faceleak_check.policy.schema import EmbedderChoice, Policy
from faceleak_check.records import EmbedderSpec, ScreenSpec
from faceleak_check.registry import EMBEDDERS, SCREENS

__all__ = ["Finding", "Part", "devices", "examine", "fetch", "part_named", "parts_of", "parts_that_ship"]


class _NeedsPolicyError(FaceleakError):
    """A part cannot be tried without keys that only a policy can state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """An embedder or a screen, as a policy asks for it.

    Attributes:
        kind: ``embedder`` or ``screen``.
        name: What it is called in the policy.
        method: Name of its class in the registry.
        file: What tells where its weights lie; None where it has none.
        build: What makes it.
        policy: The policy that asks for it, as the user named it; empty for what ships.
        licence: What tells the licence of its weights where they are not here.
        needs_a_file: Whether only a policy can name its weights, or what they were.
    """

    kind: str
    name: str
    method: str
    file: Callable[[], ModelFile | None]
    build: Callable[[], Any]
    policy: str = ""
    licence: Callable[[], str] = str
    needs_a_file: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """How an embedder or a screen fares on this machine.

    Attributes:
        part: Which one.
        status: ``ready``, ``missing`` (its weights are not here), ``broken`` or ``yours`` (a policy names its file).
        spec: What it is; None where it is not ready.
        licence: Licence of weights that are not here, where it is known.
        sentence: What is wrong and what to do; empty where it is ready.
    """

    part: Part
    status: str
    spec: EmbedderSpec | ScreenSpec | None = None
    licence: str = ""
    sentence: str = ""


def parts_that_ship() -> Iterator[Part]:
    """Every embedder and screen that is installed, with its default keys."""
    for name in EMBEDDERS:
        yield _embedder(name, EmbedderChoice(name=name))
    for name in SCREENS:
        yield _screen(_shown_for(name), name, None)


def _shown_for(method: str) -> str:
    """The rule that a screen is tried with; one of another package that cannot be imported is told of later."""
    try:
        return str(getattr(SCREENS.load(method), "shown_for", method))
    except UsageError:
        return method


def part_named(name: str) -> Part | None:
    """The embedder or screen of that name with its default keys; None where there is none."""
    return next((part for part in parts_that_ship() if part.name == name), None)


def parts_of(policy: Policy) -> Iterator[Part]:
    """The embedders and screens of a policy, and what its checks bring to compare pictures with."""
    choices = list(policy.embedders.items())
    for case in policy.cases:
        if case.embedder and (own := (case.embedder.name, case.embedder.choice)) not in choices:
            choices.append(own)
    for name, choice in choices:
        yield replace(_embedder(name, choice), policy=policy.shown_as)
    for rule in policy.screens:
        for method in rule.methods:
            yield replace(_screen(rule.name, method.method, method), policy=policy.shown_as)


def _embedder(name: str, choice: EmbedderChoice) -> Part:
    def build() -> Any:
        return EMBEDDERS.load(choice.name)(choice)

    def file() -> ModelFile | None:
        tells = getattr(EMBEDDERS.load(choice.name), "model_file", None)
        found: ModelFile | None = tells(choice) if tells else None
        return found if found is None or name == choice.name else replace(found, keys=f"embedders.{name}")

    def licence() -> str:
        tells = getattr(EMBEDDERS.load(choice.name), "licence_of", None)
        return tells(choice) if tells else ""

    return Part(
        kind="embedder",
        name=name,
        method=choice.name,
        file=file,
        build=build,
        licence=licence,
        needs_a_file=any(getattr(choice, key) is None for key in EMBEDDERS.about(choice.name).needs),
    )


def _screen(rule: str, method: str, keys: Any) -> Part:
    def own_keys() -> Any:
        kind = SCREENS.load(method).keys
        try:
            return kind() if keys is None else keys
        except ValidationError:
            raise _NeedsPolicyError from None

    def build() -> Any:
        return SCREENS.load(method)(rule, own_keys())

    def file() -> ModelFile | None:
        tells = getattr(SCREENS.load(method), "model_file", None)
        return tells(own_keys(), rule) if tells else None

    def licence() -> str:
        tells = getattr(SCREENS.load(method), "licence_of", None)
        return tells(own_keys()) if tells else ""

    name = method if keys is None else rule
    return Part(kind="screen", name=name, method=method, file=file, build=build, licence=licence)


def examine(part: Part) -> Finding:
    """Whether a part is ready; never asks the network."""
    if part.needs_a_file:
        return _of_a_file(part)
    try:
        with blamed(f"{part.kind} {part.method!r}", "be made", passing=(FaceleakError,)):
            file = part.file()
            if file is not None and file.find() is None:
                todo = _what_to_do(part, file)
                return Finding(part=part, status="missing", licence=part.licence(), sentence=todo)
            return _built(part)
    except _NeedsPolicyError:
        return Finding(part=part, status="yours", sentence="a policy states its keys")
    except FaceleakError as error:
        return Finding(part=part, status="broken", sentence=_one_line(error))


def _built(part: Part) -> Finding:
    """What a part is once its network is in memory: only then is it known to be whole."""
    network = part.build()
    network.load()
    return Finding(part=part, status="ready", spec=network.spec)


def _of_a_file(part: Part) -> Finding:
    package, command = getattr(EMBEDDERS.load(part.method), "needs_package", ("", ""))
    if package and find_spec(package) is None:
        return Finding(part=part, status="missing", sentence=f"run: {command}")
    about = EMBEDDERS.about(part.method)
    if not about.has_network:
        stated = " and ".join(f"`{key}`" for key in about.needs)
        return Finding(part=part, status="yours", sentence=f"a policy states its {stated}")
    file = part.file()
    keys = "embedder" if file is None else file.keys
    return Finding(part=part, status="yours", sentence=f"a policy names its file: `{keys}.weights: FILE`")


def _what_to_do(part: Part, file: ModelFile) -> str:
    if file.path is not None:
        return f"{file.path} is not there: correct `{file.keys}.weights`"
    # what a policy needs is fetched with the policy, what ships by its name
    command = file.command.replace(PREFETCH, f"faceleak prefetch {part.policy or part.name}")
    return f"run: {command}" if command else f"name a file of weights as `{file.keys}.weights`"


def fetch(part: Part) -> Finding:
    """Downloads and verifies what a part needs, and brings it into memory once."""
    if part.needs_a_file:
        return _of_a_file(part)
    file = None
    try:
        with blamed(f"{part.kind} {part.method!r}", "be made", passing=(FaceleakError,)):
            file = part.file()
            if file is not None:
                file.locate()
            return _built(part)
    except _NeedsPolicyError:
        return Finding(part=part, status="yours", sentence="a policy states its keys")
    except FaceleakError as error:
        missing = file is not None and file.find() is None
        return Finding(part=part, status="missing" if missing else "broken", sentence=_one_line(error))


def _one_line(error: FaceleakError) -> str:
    detail = getattr(error, "detail", "")
    return " ".join(filter(None, [f"{getattr(error, 'message', error)}.", " ".join(detail.split("\n"))]))


def devices() -> str:
    """What computes here, in words; imports torch."""
    import os

    import torch

    n_cores = len(os.sched_getaffinity(0))
    cores = f"cpu ({n_cores} {'core' if n_cores == 1 else 'cores'})"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__}: {cores}; no CUDA device"
    names = ", ".join(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))
    return f"torch {torch.__version__}: {cores}; cuda ({names})"
