"""``format: example-sqlite``: images in a table with the columns ``name``, ``image`` and ``person``."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

from faceleak_check.errors import DatasetError
from faceleak_check.policy.names import Text
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.types import check_keys
from faceleak_check.protocols import Progress
from faceleak_check.records import UNREADABLE, Exclusion, ImageRef, ImageSet


@check_keys
class SqliteOptions:
    """What a policy may say under ``options``.

    Attributes:
        table: Name of the table.
    """

    table: Text = "images"


class SqliteReader:
    """Opens the file anew for each question, so that threads and other machines share nothing."""

    options: ClassVar[type[SqliteOptions]] = SqliteOptions
    names_people: ClassVar[str] = "if_asked"

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._table = '"' + dataset.options.table.replace('"', '""') + '"'

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image; a row without one is counted as unreadable."""
        images, excluded = list[ImageRef](), list[Exclusion]()
        try:
            for row in self._rows("SELECT name, image, person FROM {} ORDER BY CAST(name AS BLOB)"):
                name, data, person = row
                if isinstance(data, bytes):
                    labels = () if person is None else (str(person),)
                    sha256 = hashlib.sha256(data).hexdigest()
                    images.append(ImageRef(id=str(name), sha256=sha256, labels=labels))
                else:
                    excluded.append(Exclusion(id=str(name), rule=UNREADABLE, reason="its row holds no image"))
                progress(f"listing {self._dataset.name}", len(images) + len(excluded), 0)
        except sqlite3.Error as error:
            raise DatasetError(
                f"dataset {self._dataset.name!r} cannot be read as an SQLite table ({type(error).__name__})",
                detail=f"{self._dataset.path}: {error}. Correct `path` or `options.table` in the policy.",
            ) from error
        if not images and not excluded:
            raise DatasetError(f"dataset {self._dataset.name!r} is empty", detail=f"{self._dataset.path}")
        return ImageSet(name=self._dataset.name, images=images, excluded=tuple(excluded))

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image; OSError where they are gone, so that the gate counts it as unreadable."""
        try:
            found = list(self._rows("SELECT image FROM {} WHERE name = ?", image.id))
        except sqlite3.Error as error:
            raise OSError(f"the table cannot be read ({type(error).__name__})") from error
        if len(found) != 1 or not isinstance(found[0][0], bytes):
            raise OSError("its row is gone")
        return found[0][0]

    def _rows(self, query: str, *values: str) -> Iterator[tuple]:
        with closing(sqlite3.connect(f"{self._dataset.path.as_uri()}?mode=ro", uri=True)) as file:
            yield from file.execute(query.format(self._table), values)
