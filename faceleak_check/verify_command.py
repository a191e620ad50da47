"""``faceleak verify``: whether a folder is what was tested."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceleak_check.command_progress import shown_progress

if TYPE_CHECKING:
    from faceleak_check.records import ImageSet

__all__ = ["verify"]


def verify(
    statement: Annotated[
        Path, typer.Argument(help="The statement.json of a run, its folder, or what a signer has made of it.")
    ],
    generated: Annotated[
        str, typer.Option(metavar="DIR", help="What to compare with it: a folder, a file or a URL.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="Which set of the statement it should be; by default the generated one."),
    ] = None,
    read_as: Annotated[
        str | None,
        typer.Option(
            "--format", help="How to read it, as in a policy; by default as it was read for the test."
        ),
    ] = None,
) -> None:
    """Tell whether a folder is what was tested, and if not, the first file that differs."""
    from faceleak_check.reports.layout import safe
    from faceleak_check.reports.statement_file import open_statement
    from faceleak_check.verifying import chosen_set, compared, evidence_beside, reading_of

    stated = open_statement(statement)
    name = chosen_set(stated, dataset)
    found = _files_at(generated, name, reading_of(stated.predicate["sets"][name], read_as))
    answers = [compared(stated, name, found, _shown(generated)), evidence_beside(stated)]
    typer.echo("\n".join(safe(line) for answer in answers for line in answer.lines))
    if stated.is_wrapped:
        typer.echo(
            "The statement came in an envelope; whose signature it bears is not looked at here.", err=True
        )
    if not all(answer.is_same for answer in answers):
        raise typer.Exit(1)


def _shown(place: str) -> str:
    """Without what gives access to it."""
    from faceleak_check.policy.urls import Url

    return str(Url(place)) if Url.is_one(place) else place


def _files_at(place: str, name: str, reading: Mapping[str, Any]) -> ImageSet:
    """Every file there with its digest; nothing that an earlier run remembers is taken for granted.

    Raises:
        DatasetError: They cannot be read.
    """
    from faceleak_check.policy.urls import Url
    from faceleak_check.readers.arrays.templates import TemplateReader
    from faceleak_check.readers.building import build_reader
    from faceleak_check.registry import READERS
    from faceleak_check.reports.reading import dataset_at

    where = Url(place) if Url.is_one(place) else Path(os.path.realpath(Path(place).expanduser()))
    dataset = dataset_at(where, name, reading)
    kind = READERS.load(dataset.format)
    reader = TemplateReader(dataset) if dataset.templates else build_reader(kind, dataset)
    with shown_progress(sys.stderr) as progress:
        found: ImageSet = reader.scan(progress)
    return found
