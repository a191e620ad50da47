"""What every reader of large files does alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.files import FileError
from faceleak_check.readers.packed.member import Member
from faceleak_check.readers.packed.reader import PackedReader
from faceleak_check.records import Exclusion
from faceleak_check.silence import silent


class _Torn(PackedReader):
    """A format of which every file breaks off after its first image."""

    noun: ClassVar[str] = "a torn file"

    def _files(self, told: object) -> Sequence[str]:
        return ("",)

    def _walk(self, file: Any) -> Iterator[Member]:
        yield Member(name="1.ppm", data=b"P6 1 1 255 rgb", place=(0, 1))
        raise FileError("the connection broke off")

    def _read(self, file: Any, name: str, place: tuple[int, int]) -> bytes:
        raise NotImplementedError


def test_the_rest_of_a_file_that_breaks_off_is_named(dataset: Callable[..., Dataset], faces: Path) -> None:
    one = faces / "one.torn"
    one.write_bytes(b"x")
    found = _Torn(dataset(one)).scan(silent)
    assert [image.id for image in found.images] == ["1.ppm"]
    reason = "a torn file that cannot be read: the connection broke off"
    assert found.excluded == (Exclusion(id="the rest", rule="folder", reason=reason),)
