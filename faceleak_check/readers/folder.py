"""A dataset that is a folder of image files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.readers.files import read_file
from faceleak_check.readers.formats import suffix_of
from faceleak_check.readers.inspection import Seen, inspect, name_of, unreadable
from faceleak_check.readers.labels import with_labels
from faceleak_check.readers.listing import Listing, id_of, path_of, walk
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.trouble import CLOSED_ADVICE, NOT_FOUND_ADVICE, number_of, system_words, trouble
from faceleak_check.records import UNSEEN_FOLDER, Exclusion, ImageRef, ImageSet

__all__ = ["FolderReader"]

_N_THREADS = 4
_FILES_A_TASK = 64
_TABLES = frozenset({".csv", ".tsv", ".parquet"})
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".7z", ".lmdb", ".h5", ".npz", ".npy"})
_RECORDS = frozenset({".rec", ".idx"})


class FolderReader:
    """Reads a folder and the folders in it.

    A file is an image if its name or its first bytes say so. Nothing is decoded here: whether the file keeps
    that promise comes out when it is decoded.

    Args:
        dataset: The dataset as the policy declares it.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._root = os.path.realpath(os.fsencode(dataset.path))

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image, in the order of the bytes of the ids.

        A symbolic link is read where it leads to a file inside the folder, and excluded otherwise.

        Raises:
            DatasetError: The folder is missing, closed or without images, or a label is missing or wrong.
        """
        told = PacedProgress(progress, f"listing {self._dataset.name}")
        listing = self._walk(told)
        images, excluded, others = _sorted_out(self._inspect_all(listing.files, told))
        excluded += [unreadable(path, reason) for path, reason in listing.unreadable.items()]
        excluded += [
            Exclusion(id=id_of(path), rule=UNSEEN_FOLDER, reason=reason)
            for path, reason in listing.unseen.items()
        ]
        others.update(suffix_of(name_of(path)) for path in listing.others)
        if not images and not excluded:
            raise self._no_images(others)
        told.finish(len(listing.files))
        return ImageSet(
            name=self._dataset.name,
            images=with_labels(self._dataset, images, {gone.id for gone in excluded}),
            excluded=tuple(sorted(excluded, key=lambda gone: path_of(gone.id))),
            n_other_files=dict(sorted(others.items())),
        )

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image.

        Raises:
            OSError: The file went away, cannot be read, or has become a link that leads out of the folder;
                the message names no path.
        """
        return read_file(self._root, path_of(image.id))

    def _walk(self, told: PacedProgress) -> Listing:
        try:
            return walk(self._root, lambda n_files: told.update(n_files, 0))
        except OSError as error:
            message, advice = self._no_folder(error)
            raise trouble(self._dataset, message, place=self._dataset.path, advice=advice) from error

    def _no_folder(self, error: OSError) -> tuple[str, str]:
        subject = f"dataset {self._dataset.name!r}"
        if isinstance(error, FileNotFoundError):
            return f"{subject} was not found", NOT_FOUND_ADVICE
        if isinstance(error, NotADirectoryError):
            return f"{subject} is a file, expected a folder", _advice_on_file(self._dataset.path.suffix)
        return f"{subject} cannot be listed ({system_words(error)})", CLOSED_ADVICE

    def _inspect_all(self, paths: list[bytes], told: PacedProgress) -> Iterator[Seen]:
        tasks = [paths[start : start + _FILES_A_TASK] for start in range(0, len(paths), _FILES_A_TASK)]
        n_done = 0
        with ThreadPoolExecutor(_N_THREADS, thread_name_prefix="faceleak-digest") as threads:
            for seen in threads.map(self._inspect_some, tasks):
                n_done += len(seen)
                told.update(n_done, len(paths))
                yield from seen

    def _inspect_some(self, paths: list[bytes]) -> list[Seen]:
        return [inspect(self._root, path) for path in paths]

    def _no_images(self, others: Mapping[str, int]) -> DatasetError:
        name = self._dataset.name
        if not others:
            message, advice = f"dataset {name!r} is empty", "The folder holds no file."
        else:
            listed = ", ".join(f"{n:,} {suffix or 'without suffix'}" for suffix, n in sorted(others.items()))
            message = f"dataset {name!r} has no images among {number_of(sum(others.values()), 'file')}"
            advice = f"By suffix: {listed}."
        advice += " Expected image files such as JPEG or PNG in this folder or in folders below it."
        return trouble(self._dataset, message, place=self._dataset.path, advice=advice)


def _sorted_out(seen: Iterable[Seen]) -> tuple[list[ImageRef], list[Exclusion], Counter[str]]:
    images: list[ImageRef] = []
    excluded: list[Exclusion] = []
    others: Counter[str] = Counter()
    for found in seen:
        if isinstance(found, ImageRef):
            images.append(found)
        elif isinstance(found, Exclusion):
            excluded.append(found)
        else:
            others[found] += 1
    return images, excluded, others


def _advice_on_file(suffix: str) -> str:
    if suffix.lower() in _TABLES:
        return "For a list of precomputed matches write format: matches; for images give their folder."
    if suffix.lower() in _RECORDS:
        return "For records of InsightFace or MXNet write format: recordio."
    if suffix.lower() in _ARCHIVES:
        return "Archives cannot be read: unpack the images into a folder and give that folder."
    return "Give the folder that the images are in."
