"""What authors of parts run: it finds every rule that is broken, and passes what ships."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import broken_parts as broken
import numpy as np
import pytest

from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.policy.types import Threshold, check_keys
from faceleak_check.readers.folder import FolderReader
from faceleak_check.records import Templates
from faceleak_check.testing import a_dataset, check_check, check_embedder, check_reader, check_screen

CHOICE = EmbedderChoice(name="fake-pixels")


class InCompany(broken.Embedder):
    """Subtracts the mean of a batch."""

    def embed(self, chips: Any) -> Templates:
        found = super().embed(np.concatenate([chips, chips.mean(axis=0, keepdims=True).astype(np.uint8)]))
        vectors = np.asarray(found.vectors[:-1]) - 0.01 * np.asarray(found.vectors[-1:])
        norms = np.linalg.norm(vectors, axis=1)
        return Templates(
            vectors=(vectors / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32)
        )


class Constant(broken.Embedder):
    def embed(self, chips: Any) -> Templates:
        return super().embed(np.zeros_like(chips))


class Writing(broken.Embedder):
    def embed(self, chips: Any) -> Templates:
        found = super().embed(chips)
        chips[:] = 0
        return found


class Unsendable(broken.Embedder):
    """Holds a lock, which no pickle takes along."""

    def __init__(self, choice: Any) -> None:
        super().__init__(choice)
        self._lock = Lock()

    def __reduce__(self) -> Any:
        return type(self), (self._lock,)


def message(check: Any, *arguments: Any, **named: Any) -> str:
    """The first line; what pytest adds to an assert of its own modules is not ours."""
    with pytest.raises((AssertionError, ZeroDivisionError)) as error:
        check(*arguments, **named)
    return str(error.value).splitlines()[0]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (InCompany, "a chip's template depends on the others in its batch: 7 of 7 differ"),
        (Constant, "it gives different pictures the same template"),
        (Writing, "it changes the chips that it is given"),
        (Unsendable, "it cannot be sent to other machines: cannot pickle '_thread.lock' object"),
        (
            broken.Batchless,
            "the part does not say what it is",
        ),
        (broken.Short, "embed gave 1 faces, vectors of shape (0, 192) and norms of shape (0,)"),
        (broken.NotANumber, "embed gave vectors that are not of length 1"),
        (broken.Nothing, "embed gave NoneType, expected Templates"),
        (broken.Failing, "division by zero"),
    ],
)
def test_embedders_that_break_a_rule(kind: Any, found: str) -> None:
    assert message(check_embedder, kind(CHOICE)) == found


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (broken.TooFew, "measure gave values of shape (0,) and type float64"),
        (broken.OverOne, "measure gave values that are not in [0, 1]"),
        (broken.NanScreen, "measure gave values that are not in [0, 1]"),
        (broken.FailingScreen, "division by zero"),
    ],
)
def test_screens_that_break_a_rule(kind: Any, found: str) -> None:
    assert message(check_screen, kind("odd", broken.Keys(method="odd"))) == found


class Comparing(broken.Screen):
    """Says which picture of a batch is the darkest."""

    def measure(self, pictures: Any, faces: Any) -> Any:
        means = np.array([picture.mean() for picture in pictures])
        return (means == means.min()).astype(np.float64)


class Keyless(broken.Screen):
    keys = None  # type: ignore[assignment]


def test_screens_that_look_at_more_than_one_picture_or_have_no_keys() -> None:
    keys = broken.Keys(method="odd")
    assert (
        message(check_screen, Comparing("odd", keys))
        == "a picture's value depends on the others in its batch: 7 of 8 differ"
    )
    assert (
        message(check_screen, Keyless("odd", keys))
        == "its class has no `keys` made with check_keys that hold method and reject_above"
    )


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(b"\x89PNG" + name.encode())
    return folder


class Anything(broken.Reader):
    """Finds nothing where nothing is, and says so to nobody."""

    def images(self) -> Any:
        return super().images() if Path(self.dataset.path).exists() else []


class Chatty(broken.Reader):
    def scan(self, progress: Any) -> Any:
        from faceleak_check.errors import DatasetError

        if not Path(self.dataset.path).exists():
            raise DatasetError(f"{self.dataset.path} was not found")
        return super().scan(progress)


class Polite(broken.Reader):
    """Gives some bytes for whatever it is asked."""

    def scan(self, progress: Any) -> Any:
        from faceleak_check.errors import DatasetError

        if not Path(self.dataset.path).exists():
            raise DatasetError("it was not found")
        return super().scan(progress)

    def read(self, image: Any) -> Any:
        path = Path(self.dataset.path) / image.id
        return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (
            broken.Twice,
            "found the image 'c.png' twice, expected each id once, in the order of its bytes",
        ),
        (broken.NoSet, "found list, expected an ImageSet"),
        (
            broken.Careful,
            "found 2 images and 1 left out, expected 3 and 0: an image that is neither is lost without a trace",
        ),
        (broken.WrongBytes, "'c.png' has other bytes than were listed, sent to another machine"),
        (broken.Forgetful, "its reading order leaves images out"),
        (Anything, "it found something where nothing is, expected a DatasetError"),
        (Chatty, "a message names a path, which belongs into the detail"),
        (Polite, "it gave bytes for an image that is not there, expected an OSError"),
    ],
)
def test_readers_that_break_a_rule(kind: Any, found: str, pictures: Path) -> None:
    assert message(check_reader, kind, a_dataset(pictures, "odd"), n_images=3) == found


@check_keys
class Moody(LeakCount):
    """Counts the leaks up to the first image that has none."""

    def measure(self, matches: Any) -> Any:
        rows = self.leaking(matches)[:, 0]
        first = int(np.argmin(rows)) if not rows.all() else len(rows)
        return replace(LeakCount.measure(self, matches), value=first)


@check_keys
class Alarmed(LeakCount):
    def leaking(self, matches: Any) -> Any:
        return np.ones_like(matches.source_index, dtype=bool)


@check_keys
class Half:
    metric: ClassVar[str] = "cosine"
    limit: float = 0.5


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (broken.NanValue, "its figure is a value of nan (float), expected a finite int or float"),
        (broken.FewerImages, "its figure is a figure on 1 images, expected all 40 that it was given"),
        (broken.NoNeighbours, "it asks for no neighbours"),
        (broken.OddMetric, "its metric is 'manhattan'"),
        (Moody, "its value depends on the order of the images: 1 and 0"),
        (Alarmed, "it says that a neighbour leaks which is not there"),
    ],
)
def test_checks_that_break_a_rule(kind: Any, found: str) -> None:
    assert message(check_check, kind(threshold=Threshold(cosine=0.9), at_most=0)) == found


def test_a_check_without_all_its_parts() -> None:
    assert message(check_check, Half()) == (
        "it lacks needs_whole_set, n_neighbours, leaking, measure; see PairCheck in faceleak_check.protocols"
    )


def test_what_ships_keeps_the_rules(pictures: Path) -> None:
    check_embedder(FakePixels(CHOICE))
    check_screen(broken.Screen("odd", broken.Keys(method="odd")))
    found = check_reader(FolderReader, a_dataset(pictures, "folder"), n_images=3)
    assert [image.id for image in found.images] == ["a.png", "b.png", "c.png"]
    for check in (
        LeakCount(threshold=Threshold(cosine=0.5), at_most=1),
        LeakCount(threshold=Threshold(euclidean=0.5), at_most=1),
        LeakRate(threshold=Threshold(cosine=0.5), at_most=0.1, confidence=0.95),
        TopKSimilarity(k=20, at_most=0.5),
    ):
        check_check(check)


def test_every_rule_that_is_broken_is_told_in_words_and_not_by_a_line_of_code() -> None:
    """An assert without a message would tell its author nothing."""
    folder = Path(broken.__file__).parents[1] / "faceleak_check" / "testing"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    asserts = re.findall(r"^ +assert .*(?:\n.*?)*?(?=\n {0,12}\S)", text, re.MULTILINE)
    assert len(asserts) > 15
    assert [one for one in asserts if ", " not in one] == []
