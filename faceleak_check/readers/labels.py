"""Who is in each image: by folder, by a CSV file, or unknown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.table_file import table_file
from faceleak_check.readers.tables import Cells, TableError, csv_rows
from faceleak_check.readers.trouble import first_names, number_of, shown, trouble

__all__ = ["labels_of"]


def labels_of(
    dataset: Dataset,
    ids: Sequence[str],
    excluded: Collection[str],
    paths: Sequence[str] | None = None,
) -> list[tuple[str, ...]] | None:
    """The names of the people in each image, as the dataset's ``labels`` say; None where they name nobody.

    Args:
        dataset: The dataset as the policy declares it.
        ids: Its readable images.
        excluded: Ids of the others, which may have labels and need none.
        paths: The path of each image, where its id is another; its folder is the person's.

    Raises:
        DatasetError: An image has no label, or the labels contradict each other.
    """
    if dataset.labels.kind == "parent_folder":
        return _from_folders(dataset, ids if paths is None else paths)
    if dataset.labels.kind == "csv":
        return _from_csv(dataset, ids, excluded)
    return None


def _from_folders(dataset: Dataset, paths: Sequence[str]) -> list[tuple[str, ...]]:
    stray = [path for path in paths if "/" not in path]
    if stray:
        raise trouble(
            dataset,
            f"dataset {dataset.name!r} has labels: parent_folder, and {number_of(len(stray), 'image')} "
            "outside any person's folder",
            place=dataset.path,
            advice=f"Directly in the dataset's folder: {first_names(stray)}. Move each into a folder named "
            "after the person, or write labels: none.",
        )
    return [(path.split("/")[-2],) for path in paths]


def _from_csv(dataset: Dataset, ids: Sequence[str], excluded: Collection[str]) -> list[tuple[str, ...]]:
    path = dataset.labels.csv or dataset.path
    identities = _read(dataset, path)
    if identities.keys().isdisjoint(ids) and identities.keys().isdisjoint(excluded):
        raise _no_match(dataset, path, identities, ids)
    missing = [name for name in ids if name not in identities]
    if missing:
        raise trouble(
            dataset,
            f"the label file of dataset {dataset.name!r} has no row for {len(missing):,} of "
            f"{number_of(len(ids), 'image')}",
            place=path,
            advice=f"Without a row: {first_names(missing)}. Add rows for them.",
        )
    return [(identities[name],) for name in ids]


def _read(dataset: Dataset, path: Path | Url) -> Mapping[str, str]:
    labels = dataset.labels
    hint = "The keys image and identity of labels name the two columns to read."
    identities: dict[str, str] = {}
    with table_file(dataset, path, "label file", columns_hint=hint) as data:
        for number, cells in csv_rows(data, (labels.image, labels.identity)):
            _add(identities, number, cells)
        if not identities:
            raise TableError("has no rows", "Expected one row for each image.")
    return identities


def _add(identities: dict[str, str], number: int, cells: Cells) -> None:
    if isinstance(cells, str):
        raise TableError(f"is wrong in row {number:,}", f"Row {number:,} has {cells}.")
    image, identity = cells
    if not image or not identity:
        empty = "image" if not image else "identity"
        raise TableError(f"is wrong in row {number:,}", f"Row {number:,} has no {empty}.")
    if identities.setdefault(image, identity) != identity:
        raise TableError(
            f"names two people for one image in row {number:,}",
            f"'{shown(image)}' is '{shown(identities[image])}' in an earlier row and '{shown(identity)}' in "
            "this one. Keep the right one.",
        )


def _no_match(
    dataset: Dataset, path: Path | Url, identities: Mapping[str, str], ids: Sequence[str]
) -> DatasetError:
    return trouble(
        dataset,
        f"the label file of dataset {dataset.name!r} names none of its {number_of(len(ids), 'image')}",
        place=path,
        advice=f"It names {first_names(list(identities))}; the images are "
        f"{first_names(list(ids))}. Write paths relative to the dataset's folder, "
        "with / between folders.",
    )
