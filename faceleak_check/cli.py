"""The ``faceleak`` command."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from faceleak_check.errors import FaceleakError, PolicyError

__all__ = ["app", "main"]

app = typer.Typer(
    name="faceleak",
    help="A release gate for synthetic face datasets. Run a policy with: pytest --faceleak-policy POLICY",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Described(StrEnum):
    """What ``faceleak schema`` prints a JSON Schema of."""

    POLICY = "policy"
    EVIDENCE = "evidence"


def main() -> None:
    """Runs the command; what a user can cause ends in a message, not in a traceback."""
    try:
        app()
    except FaceleakError as error:
        typer.echo(f"faceleak: {error}", err=True)
        sys.exit(2)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"faceleak-check {version('faceleak-check')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A release gate for synthetic face datasets. Run a policy with: pytest --faceleak-policy POLICY."""


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("faceleak-demo"),
) -> None:
    """Run the gate on real faces: one clean set, one with five planted leaks."""
    from faceleak_check.demo import run_demo

    sys.stdout.flush()
    if not run_demo(folder, typer.echo):
        raise typer.Exit(1)


@app.command()
def init(
    policy: Annotated[Path, typer.Argument(help="File to write.")] = Path("policies/release.yaml"),
) -> None:
    """Write a commented policy to start from."""
    from faceleak_check.policy.init import write_init

    write_init(policy)
    typer.echo(f"Wrote {policy}. Set its two paths, then run: pytest --faceleak-policy {policy}")


@app.command()
def validate(
    policies: Annotated[list[str], typer.Argument(help="Policy files, folders of them, or builtin:NAME.")],
) -> None:
    """Check policies without running them or looking at any data."""
    from faceleak_check.policy.parse import parse_argument
    from faceleak_check.policy.presets import resolve_policies

    n_invalid = 0
    for argument in resolve_policies(policies, Path.cwd()):
        try:
            policy = parse_argument(argument)
        except PolicyError as error:
            typer.echo(str(error), err=True)
            n_invalid += 1
        else:
            for note in policy.notes:
                typer.echo(f"{policy.shown_as}: note: {note}")
            n_checks = len(policy.cases)
            typer.echo(f"{policy.shown_as}: valid, {n_checks} {'check' if n_checks == 1 else 'checks'}")
    if n_invalid:
        raise typer.Exit(1)


@app.command()
def schema(
    of: Annotated[Described, typer.Argument(help="What the schema describes.")] = Described.POLICY,
) -> None:
    """Print a JSON Schema: of policies, for your editor, or of evidence.json."""
    folder = {Described.POLICY: "policy", Described.EVIDENCE: "reports"}[of]
    file = files("faceleak_check") / folder / f"{of}.schema.json"
    typer.echo(file.read_text(encoding="utf-8"), nl=False)
