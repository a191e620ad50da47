"""``faceleak report``: the page for people, made again from the evidence alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceleak_check.errors import UsageError

__all__ = ["report"]


def report(
    evidence: Annotated[Path, typer.Argument(help="The evidence.json of a run, or its folder.")],
    write: Annotated[
        Path | None, typer.Option(help="File to write; by default report.html beside the evidence.")
    ] = None,
    *,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Show the pictures that the run has kept.")
    ] = False,
    blur_source: Annotated[
        bool, typer.Option("--blur-source", help="Blur the pictures of real people.")
    ] = False,
) -> None:
    """Write the report page of a run again: no model, no dataset, no network is needed."""
    from faceleak_check.reports.layout import safe
    from faceleak_check.reports.names import REPORT, THUMBNAILS
    from faceleak_check.reports.opening import open_evidence
    from faceleak_check.reports.page.build import PageOptions, write_page

    if blur_source and not thumbnails:
        raise UsageError("--blur-source has no picture to blur without --thumbnails: give both, or neither")
    opened = open_evidence(evidence)
    folder = opened.folder / THUMBNAILS
    if thumbnails and not folder.is_dir():
        raise UsageError(
            f"{safe(str(folder))} is not there: the run kept no pictures. Leave --thumbnails out, or run the policy "
            "again with --faceleak-thumbnails"
        )
    page = write or opened.folder / REPORT
    write_page(opened, page, PageOptions(thumbnails=thumbnails, blur_source=blur_source))
    typer.echo(f"Wrote {safe(str(page))}. Open it in a browser.")
