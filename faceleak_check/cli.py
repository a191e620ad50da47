"""The ``faceleak`` command."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from faceleak_check import completion
from faceleak_check.cache_command import app as cache
from faceleak_check.command_progress import shown_progress
from faceleak_check.doctor_command import doctor, prefetch
from faceleak_check.errors import FaceleakError, PolicyError, refusal_of_the_machine
from faceleak_check.quarantine_command import quarantine
from faceleak_check.registry import brought_by_others
from faceleak_check.report_command import report
from faceleak_check.review_command import review
from faceleak_check.verify_command import verify

__all__ = ["app", "main"]

_START, _BEFORE, _AFTER, _REST = "Start here", "Before a release", "After a run", "The rest"
_ABORTED = 130
_PANELS = (_START, _BEFORE, _AFTER, _REST)


class _NewcomersFirst(TyperGroup):
    """Shows the commands in the order of their panels; typer itself would begin with groups of commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        """See `typer.core.TyperGroup`."""
        panels = {
            name: getattr(self.commands[name], "rich_help_panel", "") for name in super().list_commands(ctx)
        }
        return sorted(panels, key=lambda name: _PANELS.index(panels[name]) if panels[name] in _PANELS else -1)


app = typer.Typer(
    name="faceleak",
    cls=_NewcomersFirst,
    help="A release gate for synthetic face datasets. Run a policy with: pytest --faceleak-policy POLICY",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(cache, name="cache", rich_help_panel=_REST)


class Described(StrEnum):
    """What ``faceleak schema`` prints a JSON Schema of."""

    POLICY = "policy"
    WAIVERS = "waivers"
    EVIDENCE = "evidence"
    STATEMENT = "statement"


def main() -> None:
    """Runs the command; what a user can cause ends in a message, not in a traceback."""
    if "_FACELEAK_COMPLETE" in os.environ:
        completion.heal_words(os.environ)
    try:
        app()
    except FaceleakError as error:
        _leave(error)
    except KeyboardInterrupt:  # before typer has begun to look out for it
        typer.echo("Aborted.", err=True)
        sys.exit(_ABORTED)
    except (MemoryError, OSError, RuntimeError) as raised:
        refusal = refusal_of_the_machine(raised)
        if refusal is None:
            raise
        _leave(refusal)


def _leave(error: FaceleakError) -> NoReturn:
    _say(f"faceleak: {error}", err=True)
    sys.exit(2)


def _say(text: str, *, err: bool = False) -> None:
    """Writes lines that may quote files of somebody else's making, without what could command a terminal."""
    from faceleak_check.reports.layout import safe

    typer.echo("\n".join(safe(line) for line in text.split("\n")), err=err)


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


@app.command(rich_help_panel=_START)
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("faceleak-demo"),
) -> None:
    """Run the gate on real faces: one clean set, one with five planted leaks."""
    from faceleak_check.demo import run_demo

    sys.stdout.flush()
    if not run_demo(folder, typer.echo):
        raise typer.Exit(1)


@app.command(rich_help_panel=_START)
def init(
    policy: Annotated[Path, typer.Argument(help="File to write.")] = Path("policies/release.yaml"),
) -> None:
    """Write a commented policy to start from."""
    from faceleak_check.policy.init import write_init

    write_init(policy)
    typer.echo(f"Wrote {policy}. Set its two paths, then run: pytest --faceleak-policy {policy}")


@app.command(rich_help_panel=_START)
def validate(
    policies: Annotated[
        list[str],
        typer.Argument(
            help="Policy files, folders of them, or builtin:NAME.", autocompletion=completion.policies
        ),
    ],
) -> None:
    """Check policies without running them or looking at any data."""
    from faceleak_check.policy.parse import parse_argument
    from faceleak_check.policy.presets import resolve_policies

    n_invalid = 0
    for argument in resolve_policies(policies, Path.cwd()):
        try:
            policy = parse_argument(argument)
        except PolicyError as error:
            _say(str(error), err=True)
            n_invalid += 1
        else:
            for note in policy.notes:
                _say(f"{policy.shown_as}: note: {note}")
            n_checks = len(policy.cases)
            _say(f"{policy.shown_as}: valid, {n_checks} {'check' if n_checks == 1 else 'checks'}")
    if n_invalid:
        raise typer.Exit(1)


@app.command(rich_help_panel=_BEFORE)
def calibrate(
    policy: Annotated[
        str, typer.Argument(help="A policy file, or builtin:NAME.", autocompletion=completion.policies)
    ],
    write: Annotated[
        Path | None,
        typer.Option(help="File to write, for `thresholds:` in the policy: its gate then does not move."),
    ] = None,
    store: Annotated[str | None, typer.Option(help="Root folder of the template store, or its URL.")] = None,
) -> None:
    """Show the cosine of each error rate on a policy's own sets, and write them to a file to pin."""
    from faceleak_check.calibration import calibrate as calibrated
    from faceleak_check.calibration import pinned_thresholds, table_lines
    from faceleak_check.policy.parse import parse_argument
    from faceleak_check.policy.pinned import pinned_yaml
    from faceleak_check.policy.presets import resolve_policy
    from faceleak_check.shared_folder import store_root
    from faceleak_check.whole_files import write_whole, writing_where_asked

    argument = resolve_policy(policy, Path.cwd())
    with shown_progress(sys.stdout) as progress:
        tables = calibrated(parse_argument(argument, pinned=False), store_root(store), progress)
    typer.echo("\n\n".join("\n".join(table_lines(table)) for table in tables))
    if write is not None:
        with writing_where_asked(write):
            write_whole(write, pinned_yaml(pinned_thresholds(tables)).encode())
        typer.echo(f"\nWrote {write}. Pin it in the policy: thresholds: {write.name}")


@app.command(rich_help_panel=_BEFORE)
def embed(
    policy: Annotated[
        str, typer.Argument(help="A policy file, or builtin:NAME.", autocompletion=completion.policies)
    ],
    dataset: Annotated[str, typer.Argument(help="Name of one of its datasets.")],
    write: Annotated[Path, typer.Option(help="File to write, such as training.npz.")],
    embedder: Annotated[
        str | None, typer.Option(help="Name of the embedder, where the policy has several.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="Root folder of the template store, or its URL.")] = None,
) -> None:
    """Write a dataset's templates to a file that others compare their sets with, in place of its pictures."""
    from faceleak_check.embed_command import embed_to
    from faceleak_check.shared_folder import store_root

    with shown_progress(sys.stdout) as progress:
        lines = embed_to(write, policy, dataset, embedder, store=store_root(store), progress=progress)
    typer.echo("\n".join(lines))


app.command(rich_help_panel=_AFTER)(report)
app.command(rich_help_panel=_AFTER)(review)
app.command(rich_help_panel=_AFTER)(quarantine)
app.command(rich_help_panel=_AFTER)(verify)
app.command(rich_help_panel=_BEFORE)(doctor)
app.command(rich_help_panel=_BEFORE)(prefetch)


@app.command(rich_help_panel=_REST)
def schema(
    of: Annotated[Described, typer.Argument(help="What the schema describes.")] = Described.POLICY,
) -> None:
    """Print a JSON Schema: of policies and waivers, for your editor, or of evidence.json and statement.json.

    That of policies knows the installed parts of other packages, too.
    """
    if of is Described.POLICY and brought_by_others():
        from faceleak_check.policy.json_schema import schema_text

        typer.echo(schema_text(), nl=False)
        return
    folder = "policy" if of in (Described.POLICY, Described.WAIVERS) else "reports"
    file = files("faceleak_check") / folder / f"{of}.schema.json"
    typer.echo(file.read_text(encoding="utf-8"), nl=False)
