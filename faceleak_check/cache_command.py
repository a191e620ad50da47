"""``faceleak cache``: what the store of templates holds, whether it is whole, and how to delete it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceleak_check.command_progress import shown_progress
from faceleak_check.short_digests import short

if TYPE_CHECKING:
    from faceleak_check.store.inventory import Inventory, SpecFolder
    from faceleak_check.store.purge import Chosen
    from faceleak_check.store.roots import Root

__all__ = ["app"]

app = typer.Typer(help="Show, check or delete the templates that are kept.", no_args_is_help=True)

_Store = Annotated[
    str | None, typer.Option("--store", help="The store; default: $FACELEAK_STORE or your cache folder.")
]
_MOST_FOREIGN = 10


@app.command()
def info(store: _Store = None) -> None:
    """Show what is kept: how many images and faces of which embedder, and how much room they take."""
    from faceleak_check.store.inventory import inventory_of

    root = _root(store)
    found = inventory_of(_local(root))
    typer.echo("\n".join([*_place(root), *_lines(found)]))


@app.command()
def verify(store: _Store = None) -> None:
    """Hash everything, and tell what is damaged; the next run computes that again."""
    from faceleak_check.store.checkup import damaged_shards
    from faceleak_check.store.inventory import inventory_of

    root = _root(store)
    found = inventory_of(_local(root))
    n_shards = sum(len(one.shards) for one in found.specs)
    with shown_progress(sys.stdout) as progress:
        damaged = damaged_shards(found, lambda done, total: progress("hashing shards", done, total))
    for path in damaged:
        typer.echo(f"damaged: {_shown(path, found.root)}")
    if damaged:
        typer.echo(
            f"Damaged: {len(damaged):,} of {_many(n_shards, 'shard')}. The next run that needs their images "
            "computes\nthem again and takes the damaged files away; nothing else is to be done."
        )
        raise typer.Exit(1)
    typer.echo(f"{_many(n_shards, 'shard')} hashed, none of them damaged.")


@app.command()
def purge(
    store: _Store = None,
    spec: Annotated[
        str | None, typer.Option(help="Delete what this embedder or screen found alone: its name, or digits.")
    ] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="DAYS", help="Delete only what was written before.")
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the templates, or some of them, for good; what is not ours is left where it is."""
    from faceleak_check.store.inventory import inventory_of
    from faceleak_check.store.purge import chosen
    from faceleak_check.store.purge import purge as delete

    root = _root(store)
    shared = None if isinstance(root, Path) else root.shared
    found = inventory_of(_local(root))
    wanted = chosen(found, shared, spec, older_than)
    if wanted:
        typer.echo("\n".join([*_place(root), _to_delete(wanted)]))
        if not yes:
            typer.confirm("Delete for good?", abort=True)
        delete(found, wanted, shared)
    typer.echo("Deleted." if wanted else "There is nothing to delete.")
    typer.echo("\n".join(_foreign(found)), nl=bool(found.foreign))


def _to_delete(wanted: Chosen) -> str:
    names = ", ".join(sorted({one.name for one in wanted.specs})) or "no templates"
    besides = f", and {_many(len(wanted.shared), 'file')} of the shared store" if wanted.shared else ""
    return f"to delete: {_many(len(wanted.files), 'file')}, {_size(wanted.files)}: {names}{besides}"


def _root(store: str | None) -> Root:
    from faceleak_check.shared_folder import store_root

    return store_root(store)


def _local(root: Root) -> Path:
    from faceleak_check.store.roots import local_folder

    return local_folder(root)


def _place(root: Root) -> Iterator[str]:
    from faceleak_check.reports.layout import safe

    if isinstance(root, Path):
        yield f"store: {safe(str(root))}"
    else:
        yield f"store: {safe(str(root.shared))}"
        yield f"copy of this machine: {safe(str(root.mirror))}"


def _lines(found: Inventory) -> Iterator[str]:
    if not found.files:
        yield "Nothing is kept."
    else:
        yield f"{_many(len(found.files), 'file')}, {_size(found.files)}"
    for kind in ("templates", "screens"):
        of_kind = [one for one in found.specs if one.kind == kind]
        if of_kind:
            yield f"\n{kind}"
        for one in sorted(of_kind, key=lambda one: (one.name, one.path)):
            yield from _spec_lines(one)
    if found.besides:
        yield "\nbesides"
    for name, paths in found.besides.items():
        yield f"  {name:<22}  {_many(len(paths), 'file'):>16}  {'':>15}  {_size(paths):>9}"
        if name.startswith("v") and name[1:].isdigit():
            yield "      written by another version of faceleak-check, and not read by this one"
    if found.torn:
        n = _many(len(found.torn), "half-written file")
        yield f"\n{n} of runs that are at work or were killed; a run a day later takes them away"
    yield from _foreign(found)


def _spec_lines(one: SpecFolder) -> Iterator[str]:
    """Two or three lines on what one spec's network has found."""
    from faceleak_check.reports.layout import paragraphs

    n_images, n_faces = _counts(one.shards)
    faces = _many(n_faces, "face") if one.kind == "templates" else ""
    yield f"  {one.name:<22}  {_many(n_images, 'image'):>16}  {faces:>15}  {_size(one.files):>9}"
    spec = one.spec
    weights = short(str(spec.get("weights_sha256", ""))) or "none"
    about = f"spec {short(one.path.name)}, weights {weights}, {_many(len(one.shards), 'shard')}"
    about += f", {spec['precision']} on {spec['device']}" if spec else ", its spec is lost"
    yield f"      {about}"
    words = spec.get("alignment") or spec.get("question")
    if words:
        yield from ("      " + line for line in paragraphs([str(words)], indent=0, width=74))


def _counts(shards: Iterable[Path]) -> tuple[int, int]:
    """Images and faces, as the shards' headers tell; a damaged shard has none."""
    from faceleak_check.store.shards import open_shard

    n_images = n_faces = 0
    for path in shards:
        with contextlib.suppress(OSError, ValueError):
            shard = open_shard(path, is_trusted=True)
            n_images += len(shard.digests)
            n_faces += len(shard.arrays.get("vectors", ()))
    return n_images, n_faces


def _foreign(found: Inventory) -> Iterator[str]:
    if found.foreign:
        yield f"\nnot ours, and left alone: {len(found.foreign):,}"
        for path in found.foreign[:_MOST_FOREIGN]:
            yield f"  {_shown(path, found.root)}"
        if len(found.foreign) > _MOST_FOREIGN:
            yield f"  and {len(found.foreign) - _MOST_FOREIGN:,} more"


def _shown(path: Path, root: Path) -> str:
    from faceleak_check.reports.layout import safe

    return safe(str(path.relative_to(root)))


def _size(paths: Iterable[Path]) -> str:
    n_bytes = 0
    for path in paths:
        with contextlib.suppress(OSError):
            n_bytes += path.lstat().st_size
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}"
    return f"{n_bytes} B"


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
