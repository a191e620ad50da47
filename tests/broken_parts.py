"""Parts of another package that break every rule; each is a class whose name says how."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.types import Share, check_keys
from faceleak_check.records import (
    Exclusion,
    ImageRef,
    ImageSet,
    Interval,
    Outcome,
    Pair,
    ScreenSpec,
    Templates,
)


class Embedder(FakePixels):
    """Fake pixels under its own name; of another spec each, so that none finds another's templates."""

    name: ClassVar[str] = ""

    def __init__(self, choice: Any) -> None:
        super().__init__(choice)
        self.spec = replace(self.spec, name=choice.name)


class Unmade(Embedder):
    def __init__(self, choice: Any) -> None:
        raise RuntimeError("no licence file in /home/somebody/secret")


class Unloaded(Embedder):
    def load(self) -> None:
        raise KeyError("weights")


class Failing(Embedder):
    def embed(self, chips: Any) -> Templates:
        raise ZeroDivisionError("division by zero")


class Short(Embedder):
    """Loses a row of each batch."""

    def embed(self, chips: Any) -> Templates:
        found = super().embed(chips)
        return Templates(vectors=found.vectors[1:], norms=found.norms[1:])


class Shifting(Embedder):
    """As many rows as chips all in all, and each after the first batch another picture's."""

    batch_size = 3
    n_calls = 0

    def embed(self, chips: Any) -> Templates:
        found = super().embed(chips)
        Shifting.n_calls += 1
        one = np.arange(len(chips) + 1) % len(chips) if Shifting.n_calls % 2 else np.arange(1, len(chips))
        return Templates(vectors=found.vectors[one], norms=found.norms[one])


class NotANumber(Embedder):
    def embed(self, chips: Any) -> Templates:
        found = super().embed(chips)
        return Templates(vectors=found.vectors * np.float32("nan"), norms=found.norms)


class Nothing(Embedder):
    def embed(self, chips: Any) -> Any:
        return None


class Disguised(Embedder):
    """Would find its templates where another embedder keeps its own."""

    def __init__(self, choice: Any) -> None:
        super().__init__(choice)
        self.spec = replace(self.spec, name="dlib-resnet")


class Batchless(Embedder):
    batch_size = 0


class Reader:
    """The files of a folder, as they should be listed."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def scan(self, progress: Any) -> Any:
        return ImageSet(name=self.dataset.name, images=self.images())

    def images(self) -> list[ImageRef]:
        return [
            ImageRef(id=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(Path(self.dataset.path).iterdir())
        ]

    def read(self, image: ImageRef) -> Any:
        return (Path(self.dataset.path) / image.id).read_bytes()


class UnmadeReader(Reader):
    def __init__(self, dataset: Any) -> None:
        raise AttributeError("no such driver")


class FailingScan(Reader):
    def scan(self, progress: Any) -> Any:
        raise IndexError("list index out of range")


class FailingRead(Reader):
    def read(self, image: ImageRef) -> bytes:
        raise KeyError(image.id)


class Twice(Reader):
    def images(self) -> list[ImageRef]:
        return [*super().images(), super().images()[-1]]


class Backwards(Reader):
    def images(self) -> list[ImageRef]:
        return super().images()[::-1]


class OtherName(Reader):
    def scan(self, progress: Any) -> Any:
        return replace(super().scan(progress), name="training")


class NoSet(Reader):
    def scan(self, progress: Any) -> Any:
        return self.images()


class NoBytes(Reader):
    def read(self, image: ImageRef) -> str:
        return "bytes"


class WrongBytes(Reader):
    """Hands out another image than the one that was listed."""

    def read(self, image: ImageRef) -> bytes:
        first, *_ = self.images()
        return super().read(first)


class Forgetful(Reader):
    """Reads the first half alone."""

    def reading_order(self, images: Any) -> Any:
        return np.arange(len(images) // 2)


class Excluding(Reader):
    def scan(self, progress: Any) -> Any:
        return replace(super().scan(progress), excluded=("g0.png",))


class Nameless(Reader):
    """Says that it names people, and names nobody."""

    names_people = "if_asked"


class Careful(Reader):
    """Says what it cannot read, as it should."""

    def scan(self, progress: Any) -> Any:
        first, *others = self.images()
        gone = Exclusion(id=first.id, rule="unreadable", reason="it is locked", sha256=first.sha256)
        return ImageSet(name=self.dataset.name, images=others, excluded=(gone,))


@check_keys
class Keys:
    """The keys of a screen."""

    method: str = "odd"
    reject_above: Share = 0.5


class Screen:
    """Takes nothing out."""

    keys = Keys
    batch_size = 32
    uses_faces = False

    def __init__(self, rule: str, keys: Any) -> None:
        self.spec = ScreenSpec(
            method=keys.method,
            model=rule,
            weights_sha256="",
            licence="MIT",
            question="?",
            preprocessing="none",
        )

    def load(self) -> None:
        pass

    def measure(self, pictures: Any, faces: Any) -> Any:
        return np.zeros(len(pictures))


class UnmadeScreen(Screen):
    def __init__(self, rule: str, keys: Any) -> None:
        raise TypeError("no such rule")


class FailingScreen(Screen):
    def measure(self, pictures: Any, faces: Any) -> Any:
        raise ZeroDivisionError("division by zero")


class TooFew(Screen):
    def measure(self, pictures: Any, faces: Any) -> Any:
        return np.zeros(len(pictures) - 1)


class OverOne(Screen):
    def measure(self, pictures: Any, faces: Any) -> Any:
        return np.full(len(pictures), 1.5)


class NanScreen(Screen):
    def measure(self, pictures: Any, faces: Any) -> Any:
        return np.full(len(pictures), np.nan)


@check_keys
class Check(LeakCount):
    """Counts leaks, and then changes what it found."""

    changes: ClassVar[dict[str, Any]] = {}

    def measure(self, matches: Any) -> Any:
        return replace(LeakCount.measure(self, matches), **self.changes)


@check_keys
class NanValue(Check):
    changes: ClassVar[dict[str, Any]] = {"value": float("nan")}


@check_keys
class MinusInfinity(Check):
    changes: ClassVar[dict[str, Any]] = {"value": float("-inf")}


@check_keys
class NumpyValue(Check):
    changes: ClassVar[dict[str, Any]] = {"value": np.int64(0)}


@check_keys
class FewerImages(Check):
    changes: ClassVar[dict[str, Any]] = {"n": 1}


@check_keys
class MissedIsPass(Check):
    changes: ClassVar[dict[str, Any]] = {"missed": Outcome.PASS}


@check_keys
class OddUnit(Check):
    changes: ClassVar[dict[str, Any]] = {"unit": "persons"}


@check_keys
class AskedForNothing(Check):
    changes: ClassVar[dict[str, Any]] = {"confidence_asked": True}


@check_keys
class NanInterval(Check):
    changes: ClassVar[dict[str, Any]] = {
        "confidence_asked": True,
        "interval": Interval(low=0.0, high=float("nan"), confidence=0.95),
    }


@check_keys
class Upside(Check):
    """The upper end of an interval under a lowest limit would pass."""

    changes: ClassVar[dict[str, Any]] = {
        "confidence_asked": True,
        "at_least": True,
        "interval": Interval(low=0.0, high=0.0, confidence=0.95),
    }


@check_keys
class OwnPair(Check):
    """A pair that no waiver ever takes away."""

    def measure(self, matches: Any) -> Any:
        stranger = ImageRef(id="s.png", sha256="0" * 64)
        pair = Pair(generated=matches.generated[0], source=stranger, similarity=1.0)
        return replace(LeakCount.measure(self, matches), pairs=(pair,))


@check_keys
class FailingCheck(Check):
    def measure(self, matches: Any) -> Any:
        raise ZeroDivisionError("division by zero")


@check_keys
class NoMeasurement(Check):
    def measure(self, matches: Any) -> Any:
        return 0.0


@check_keys
class NoNeighbours(Check):
    n_neighbours: ClassVar[int] = 0


@check_keys
class OddMetric(Check):
    metric: ClassVar[str] = "manhattan"


@check_keys
class DemandingKeys:
    """The keys of a screen that has no default for one."""

    method: str = "Demanding"
    reject_above: Share = 0.5
    words: str


class Demanding(Screen):
    """Cannot be tried without a policy."""

    keys = DemandingKeys


@check_keys
class Table:
    """Options of a format.

    Attributes:
        table: Name of the table.
        first: Number of the first row.
    """

    table: str
    first: int = 1


class Tabled(Reader):
    """Has options, one of which must be stated."""

    options = Table


class LooseOptions(Reader):
    """Has options of which nobody can say what is unknown."""

    options = dict
