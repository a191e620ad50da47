"""The ``faceleak`` command."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceleak_check.cache_command import app as cache
from faceleak_check.errors import FaceleakError, PolicyError

if TYPE_CHECKING:
    from faceleak_check.doctor import Finding, Part
    from faceleak_check.protocols import Progress

__all__ = ["app", "main"]

app = typer.Typer(
    name="faceleak",
    help="A release gate for synthetic face datasets. Run a policy with: pytest --faceleak-policy POLICY",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(cache, name="cache")


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
def calibrate(
    policy: Annotated[str, typer.Argument(help="A policy file, or builtin:NAME.")],
    write: Annotated[
        Path | None,
        typer.Option(help="File to write, for `thresholds:` in the policy: its gate then does not move."),
    ] = None,
    store: Annotated[str | None, typer.Option(help="Root folder of the template store, or its URL.")] = None,
) -> None:
    """Show the cosine of each error rate on a policy's own sets, and write them to a file to pin."""
    from faceleak_check.calibration import calibrate as calibrated
    from faceleak_check.calibration import pinned_thresholds, table_lines
    from faceleak_check.errors import UsageError
    from faceleak_check.pipeline import silent
    from faceleak_check.policy.parse import parse_argument
    from faceleak_check.policy.pinned import pinned_yaml
    from faceleak_check.policy.presets import resolve_policies
    from faceleak_check.shared_folder import store_root

    argument, *others = resolve_policies([policy], Path.cwd())
    if others:
        raise UsageError(f"{policy!r} holds {1 + len(others)} policies; name one of them")
    with _bar() as progress:
        tables = calibrated(parse_argument(argument, pinned=False), store_root(store), progress or silent)
    typer.echo("\n\n".join("\n".join(table_lines(table)) for table in tables))
    if write is not None:
        _write(write, pinned_yaml(pinned_thresholds(tables)))
        typer.echo(f"\nWrote {write}. Pin it in the policy: thresholds: {write.name}")


@app.command()
def embed(
    policy: Annotated[str, typer.Argument(help="A policy file, or builtin:NAME.")],
    dataset: Annotated[str, typer.Argument(help="Name of one of its datasets.")],
    write: Annotated[Path, typer.Option(help="File to write, such as training.npz.")],
    embedder: Annotated[
        str | None, typer.Option(help="Name of the embedder, where the policy has several.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="Root folder of the template store, or its URL.")] = None,
) -> None:
    """Write a dataset's templates to a file that others compare their sets with, in place of its pictures."""
    from faceleak_check.embed_command import embed_to
    from faceleak_check.pipeline import silent
    from faceleak_check.shared_folder import store_root

    with _bar() as progress:
        lines = embed_to(
            write, policy, dataset, embedder, store=store_root(store), progress=progress or silent
        )
    typer.echo("\n".join(lines))


@contextlib.contextmanager
def _bar() -> Iterator[Progress | None]:
    """A progress bar on a terminal, and nothing elsewhere."""
    if not sys.stdout.isatty():
        yield None
        return
    from faceleak_check.reports.progress import ProgressBar

    bar = ProgressBar(sys.stdout, contextlib.nullcontext)
    try:
        yield bar
    finally:
        bar.close()


def _write(path: Path, text: str) -> None:
    from faceleak_check.errors import UsageError
    from faceleak_check.files import write_whole

    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another file") from None


@app.command()
def doctor(
    policies: Annotated[
        list[str] | None,
        typer.Argument(
            help="Policies, or names of embedders and screens; all that are installed by default."
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


@app.command()
def prefetch(
    wanted: Annotated[
        list[str], typer.Argument(help="Policies, or names of embedders and screens, such as adaface-ir101.")
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
    from faceleak_check.registry import EMBEDDERS, SCREENS, suggestion

    known = [*EMBEDDERS, *SCREENS]
    if suggestion(name, known) and not Path(name).exists():
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
    digest = f"SHA-256 {spec.weights_sha256[:12]}" if spec.weights_sha256 else "no weights"
    return f"{spec.device}  {spec.precision}  {spec.licence}  {digest}"


@app.command()
def schema(
    of: Annotated[Described, typer.Argument(help="What the schema describes.")] = Described.POLICY,
) -> None:
    """Print a JSON Schema: of policies, for your editor, or of evidence.json."""
    folder = {Described.POLICY: "policy", Described.EVIDENCE: "reports"}[of]
    file = files("faceleak_check") / folder / f"{of}.schema.json"
    typer.echo(file.read_text(encoding="utf-8"), nl=False)
