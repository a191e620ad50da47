"""A dataset that is a folder of image files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from faceleak_check.errors import DatasetError
from faceleak_check.kept_arrays import Memory
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.protocols import Progress
from faceleak_check.readers.folders.again import Listed
from faceleak_check.readers.folders.local import LocalFolder
from faceleak_check.readers.folders.walked import FolderFiles, Walked
from faceleak_check.readers.formats import suffix_of
from faceleak_check.readers.inspection import Seen, name_of, unreadable
from faceleak_check.readers.labels import labels_of
from faceleak_check.readers.listing import id_of, path_of
from faceleak_check.readers.listings.files import FolderMemory
from faceleak_check.readers.listings.keys import key_of
from faceleak_check.readers.listings.rows import FileRows
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.trouble import (
    CLOSED_ADVICE,
    NOT_FOUND_ADVICE,
    advice_on,
    number_of,
    shown,
    system_words,
    trouble,
)
from faceleak_check.records import UNSEEN_FOLDER, Exclusion, ImageColumns, ImageList, ImageRef, ImageSet
from faceleak_check.silence import silent

__all__ = ["FolderReader"]

_FILES_A_TASK = 64
_UNPACK = "Files of this kind cannot be read: unpack the images into a folder and give that folder."
_ADVICE = {
    ".csv .tsv": "For a list of precomputed matches write format: matches; for images give their folder.",
    ".parquet": "For images in Parquet files write format: parquet; for a list of precomputed matches format: matches.",
    ".rec .idx": "For records of InsightFace or MXNet write format: recordio.",
    ".mdb .lmdb": "For images in an LMDB file write format: lmdb.",
    ".npy .npz": "For arrays of images or of templates write format: arrays.",
    ".zip .tar .gz .tgz": "For images in zip and tar archives write format: archive.",
    ".7z .rar .xz .txz .bz2 .tbz2 .zst .h5": _UNPACK,
}


class FolderReader:
    """Reads a folder and the folders in it, on this machine or behind a URL.

    A file is an image if its name or its first bytes say so. Nothing is decoded here: whether the file keeps
    that promise comes out when it is decoded.

    Args:
        dataset: The dataset as the policy declares it.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._folder = _folder_at(dataset.path)
        self._memory: Memory | None = None
        self._listed: Listed | None = None

    def remember(self, memory: Memory) -> None:
        """Uses what earlier runs have found in files that are unchanged."""
        self._memory = memory

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image, in the order of the bytes of the ids.

        A symbolic link is read where it leads to a file inside the folder, and excluded otherwise.

        Raises:
            DatasetError: The folder is missing, closed or without images, a label is missing or wrong, or images were
                added, removed or changed meanwhile.
        """
        told = PacedProgress(progress, f"listing {self._dataset.name}")
        walked = self._walk(told)
        rows, n_read = self._rows(walked, told)
        if isinstance(self._dataset.path, Path):
            self._listed = Listed(walked, rows.watched)
            if n_read:  # that took its time
                self._require_as(self._listed)
        excluded, others = _left_out(walked, rows)
        images = [id_of(walked.names[row]) for row in rows.images.tolist()]
        if not images and not excluded:
            raise self._no_images(others)
        labels = labels_of(self._dataset, images, {gone.id for gone in excluded})
        told.finish(len(walked.names))
        return ImageSet(
            name=self._dataset.name,
            images=ImageList(ImageColumns.of(images, rows.digests[rows.images], labels)),
            excluded=tuple(sorted(excluded, key=lambda gone: path_of(gone.id))),
            n_other_files=dict(sorted(others.items())),
        )

    def require_unchanged(self) -> None:
        """See `faceleak_check.protocols.WatchfulReader`; a folder behind a URL is not listed a second time.

        Raises:
            DatasetError: Images were added, removed or changed since the last scan.
        """
        listed, self._listed = self._listed, None
        if listed is not None:
            self._require_as(listed)

    def _require_as(self, listed: Listed) -> None:
        changes = listed.changes(self._walk(PacedProgress(silent, "")))
        if changes:
            what = {"added": changes.n_added, "removed": changes.n_removed, "changed": changes.n_changed}
            counts = ", ".join(f"{n:,} {verb}" for verb, n in what.items() if n)
            raise trouble(
                self._dataset,
                f"{self._dataset.name!r} did not stay as it was listed: {counts}",
                place=self._dataset.path,
                advice=f"The first is '{shown(id_of(changes.first))}'. Wait until nothing is written into the folder, "
                "then run again.",
            )

    def part(self, images: Sequence[ImageRef]) -> Self:  # noqa: ARG002
        """A reader of some of the images, small enough to be sent to another machine."""
        return type(self)(self._dataset)

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image.

        Raises:
            OSError: The file went away, cannot be read, or has become a link that leads out of the folder;
                the message names no path.
        """
        return self._folder.read(path_of(image.id))

    def _walk(self, told: PacedProgress) -> Walked:
        try:
            return self._folder.walk(lambda n_files: told.update(n_files, 0))
        except OSError as error:
            message, advice = self._no_folder(error)
            raise trouble(self._dataset, message, place=self._dataset.path, advice=advice) from error

    def _no_folder(self, error: OSError) -> tuple[str, str]:
        subject = f"dataset {self._dataset.name!r}"
        if isinstance(error, FileNotFoundError):
            return f"{subject} was not found", NOT_FOUND_ADVICE
        if isinstance(error, NotADirectoryError):
            return f"{subject} is a file, expected a folder", _advice_on_file(self._dataset.path.suffix)
        return f"{subject} cannot be listed ({system_words(error)})", advice_on(error, CLOSED_ADVICE)

    def _rows(self, walked: Walked, told: PacedProgress) -> tuple[FileRows, int]:
        """What each file is, and how many were read: those that are unchanged since an earlier run are not."""
        if self._memory is None:
            rows = FileRows(len(walked.names))
            return rows, self._inspect_all(walked, rows, told)
        memory = FolderMemory(self._memory, key_of(self._folder.place, ["folder"]))
        rows = memory.recall(walked)
        n_read = self._inspect_all(walked, rows, told)
        memory.keep(walked, rows)
        return rows, n_read

    def _inspect_all(self, walked: Walked, rows: FileRows, told: PacedProgress) -> int:
        """Takes in what the files are of which nothing is known yet; returns how many those were."""
        unknown = rows.unknown.tolist()
        n_done = len(walked.names) - len(unknown)
        for some, seen in self._inspected(walked, unknown):
            for row, one in zip(some, seen, strict=True):
                rows.note(row, one)
            n_done += len(some)
            told.update(n_done, len(walked.names))
        return len(unknown)

    def _inspected(self, walked: Walked, unknown: list[int]) -> Iterator[tuple[list[int], list[Seen]]]:
        folder = self._folder
        size = min(_FILES_A_TASK, len(unknown) // folder.n_threads + 1)
        tasks = [unknown[start : start + size] for start in range(0, len(unknown), size)]
        with ThreadPoolExecutor(folder.n_threads, thread_name_prefix="faceleak-digest") as threads:
            found = threads.map(lambda some: [folder.inspect(walked, row) for row in some], tasks)
            yield from zip(tasks, found, strict=True)

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


def _folder_at(place: Path | Url) -> FolderFiles:
    if isinstance(place, Path):
        return LocalFolder(place)
    from faceleak_check.readers.folders.elsewhere import RemoteFolder

    return RemoteFolder(place)


def _left_out(walked: Walked, rows: FileRows) -> tuple[list[Exclusion], Counter[str]]:
    """What is, or may be, an image and cannot be read; and how many files are none, by suffix."""
    excluded = list(rows.excluded(walked.names))
    excluded += [unreadable(path, reason) for path, reason in walked.unreadable.items()]
    excluded += [
        Exclusion(id=id_of(path), rule=UNSEEN_FOLDER, reason=reason) for path, reason in walked.unseen.items()
    ]
    others = rows.others()
    others.update(suffix_of(name_of(path)) for path in walked.others)
    return excluded, others


def _advice_on_file(suffix: str) -> str:
    found = (advice for suffixes, advice in _ADVICE.items() if suffix.lower() in suffixes.split())
    return next(found, "Give the folder that the images are in.")
