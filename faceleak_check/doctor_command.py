"""``faceleak doctor`` and ``faceleak prefetch``: what can run here, and the models that policies need."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceleak_check.completion import models_and_policies
from faceleak_check.short_digests import short

if TYPE_CHECKING:
    from faceleak_check.doctor import Finding, Part

__all__ = ["doctor", "prefetch"]


def doctor(
    policies: Annotated[
        list[str] | None,
        typer.Argument(
            help="Policies, or names of embedders and screens; all that are installed by default.",
            autocompletion=models_and_policies,
        ),
    ] = None,
) -> None:
    """Show what can run on this machine: each embedder and screen, ready or missing, and what to do."""
    from faceleak_check.doctor import devices, examine, parts_that_ship

    typer.echo(devices())
    findings = [examine(part) for part in (_parts(policies) if policies else parts_that_ship())]
    _show(findings)
    if policies and any(finding.status != "ready" for finding in findings):
        raise typer.Exit(1)


def prefetch(
    wanted: Annotated[
        list[str],
        typer.Argument(
            help="Policies, or names of embedders and screens, such as adaface-ir101.",
            autocompletion=models_and_policies,
        ),
    ],
) -> None:
    """Download and verify the models that policies need, for runs without network."""
    from faceleak_check.doctor import fetch

    findings = [fetch(part) for part in _parts(wanted)]
    _show(findings)
    if any(finding.status != "ready" for finding in findings):
        raise typer.Exit(1)


def _parts(wanted: list[str]) -> list[Part]:
    from faceleak_check.doctor import part_named, parts_of
    from faceleak_check.policy.parse import parse_argument
    from faceleak_check.policy.presets import resolve_policies

    named = {name: part_named(name) for name in wanted}
    policies = [name for name, part in named.items() if part is None]
    parts = [part for part in named.values() if part is not None]
    for name in policies:
        _refuse_slip(name)
    for argument in resolve_policies(policies, Path.cwd()):
        parts += parts_of(parse_argument(argument))
    return parts


def _refuse_slip(name: str) -> None:
    """A name that is no file and near to a model's is told as such, and not as a missing policy."""
    from faceleak_check.errors import UsageError
    from faceleak_check.presence import is_missing
    from faceleak_check.registry import EMBEDDERS, SCREENS, suggestion

    known = [*EMBEDDERS, *SCREENS]
    if suggestion(name, known) and is_missing(Path(name)):
        raise UsageError(f"unknown model {name!r}{suggestion(name, known)}; there are: {', '.join(known)}")


def _show(findings: list[Finding]) -> None:
    """Two lines a model: what it is, and its weights or what is wrong."""
    width = max((len(finding.part.name) for finding in findings), default=0)
    for kind in ("embedder", "screen"):
        of_kind = [finding for finding in findings if finding.part.kind == kind]
        if of_kind:
            typer.echo(f"{kind}s")
        for finding in of_kind:
            typer.echo(f"  {finding.part.name:<{width}}  {finding.status:<7}  {_what(finding)}".rstrip())
            for line in textwrap.wrap(finding.sentence, 74, break_long_words=False, break_on_hyphens=False):
                typer.echo(f"      {line}")


def _what(finding: Finding) -> str:
    spec = finding.spec
    if spec is None:
        return finding.licence
    digest = f"SHA-256 {short(spec.weights_sha256)}" if spec.weights_sha256 else "no weights"
    return f"{spec.device}  {spec.precision}  {spec.licence}  {digest}"
