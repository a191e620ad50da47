"""The same pictures are the same set, whatever they lie in and wherever that is."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from every_format import WRITERS, WRITERS_OF_PIXELS, Pictures, Written
from http_files import serving
from PIL import Image

from faceleak_check.api import check
from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedding import EmbeddedSets
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.schema import Dataset, EmbedderChoice
from faceleak_check.policy.urls import Url
from faceleak_check.protocols import Embedder
from faceleak_check.readers.decode import decode
from faceleak_check.records import ImageRef, Outcome
from faceleak_check.registry import READERS

WHERE = ["here", "http", "memory"]
POLICY = """\
version: 1
name: gate
datasets:
  generated: {{path: generated}}
  training: {source}
embedder: {{name: fake-pixels, align: none}}
checks:
  - leak_count: {{generated: generated, source: training, threshold: {{cosine: 0.99999}}, at_most: 0}}
"""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _ppm(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PPM")
    return file.getvalue()


def made(suffixes: Sequence[str], seed: int = 9) -> dict[str, bytes]:
    """Random pictures of three people, one of them there twice."""
    random, pictures = np.random.default_rng(seed), dict[str, bytes]()
    for number in range(9):
        file, suffix = io.BytesIO(), suffixes[number % len(suffixes)]
        Image.fromarray(random.integers(0, 256, (16, 12, 3), dtype=np.uint8)).save(file, suffix.upper())
        pictures[f"person-{number // 3}/{number}.{suffix.lower()}"] = file.getvalue()
    name, data = next(iter(pictures.items()))
    return {**pictures, f"person-2/again{Path(name).suffix}": data}


@pytest.fixture
def faces(shared_faces: Path) -> Pictures:
    """Real photographs of three people."""
    folders = sorted((shared_faces / "identities").iterdir())[:3]
    files = [file for folder in folders for file in sorted(folder.glob("*.jpg"))[:3]]
    return {f"{file.parent.name}/{file.name}": file.read_bytes() for file in files}


@pytest.fixture
def faces_as_pixels(faces: Pictures) -> Pictures:
    """The same as binary PPM files of one size."""
    small = {
        name: np.asarray(Image.fromarray(decode(data)).resize((80, 80)))
        for name, data in [*faces.items()][:3]
    }
    return {f"{Path(name).with_suffix('.ppm')}": _ppm(picture) for name, picture in small.items()}


@contextmanager
def lying(where: str, root: Path, written: Written) -> Iterator[Path | Url]:
    """Puts what was written somewhere, and says where."""
    files = {
        file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()
    }
    if where == "here":
        yield root / written.path
    elif where == "http":
        with serving(files) as server:
            yield Url(f"{server.url()}{written.path}")
    else:
        memory = fsspec.filesystem("memory")
        try:
            memory.pipe({f"/sets/{name}": data for name, data in files.items()})
            yield Url(f"memory://sets/{written.path}")
        finally:
            memory.store.clear()
            memory.pseudo_dirs[:] = [""]


def dataset_of(written: Written, place: Path | Url, folder: Path) -> Dataset:
    """The dataset as a policy declares it."""
    address = place.address if isinstance(place, Url) else place
    (folder / "policy.yaml").write_text(POLICY.format(source=f'{{path: "{address}", {written.keys}}}'))
    return parse_policy(folder / "policy.yaml", environment={}).datasets["training"]


def who_is_where(images: Sequence[ImageRef]) -> set[frozenset[str]]:
    """The contents that show one person, of each person; what the person is called is up to the format."""
    people: dict[tuple[str, ...], set[str]] = {}
    for image in images:
        people.setdefault(image.labels, set()).add(image.sha256)
    return {frozenset(contents) for contents in people.values()}


def same_set(root: Path, name: str, where: str, pictures: Pictures) -> None:
    root.mkdir()
    written = WRITERS_OF_PIXELS[name](root, pictures)
    with lying(where, root, written) as place:
        dataset = dataset_of(written, place, root.parent)
        reader = READERS.load(dataset.format)(dataset)
        found = reader.scan(lambda *_: None)
        read = [reader.read(image) for image in found.images]
        part = pickle.loads(pickle.dumps(reader.part(found.images[1:3])))
        assert [part.read(image) for image in found.images[1:3]] == read[1:3]
    assert sorted(read) == sorted(pictures.values())
    assert [sha256(data) for data in read] == [image.sha256 for image in found.images]
    assert found.excluded == ()
    if not written.names_people:
        return
    expected = [
        ImageRef(id=file, sha256=sha256(data), labels=(file.split("/")[0],))
        for file, data in pictures.items()
    ]
    assert who_is_where(found.images) == who_is_where(expected)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", WRITERS)
def test_picture_files_are_the_same_in_every_format(tmp_path: Path, name: str, where: str) -> None:
    same_set(tmp_path / "sets", name, where, made(["JPEG", "PNG", "PPM"]))


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", WRITERS_OF_PIXELS)
def test_pixels_are_the_same_in_every_format(tmp_path: Path, name: str, where: str) -> None:
    same_set(tmp_path / "sets", name, where, made(["PPM"]))


@pytest.mark.parametrize("name", WRITERS)
def test_real_faces_are_the_same_in_every_format(tmp_path: Path, faces: Pictures, name: str) -> None:
    same_set(tmp_path / "sets", name, "here", faces)


@pytest.fixture
def embed(tmp_path: Path) -> Callable[[str, str, Pictures, Embedder, EmbedderChoice], EmbeddedSet]:
    """Writes a set and embeds it into a store of its own."""

    def run(
        name: str, where: str, pictures: Pictures, embedder: Embedder, choice: EmbedderChoice
    ) -> EmbeddedSet:
        root = tmp_path / name
        (root / "sets").mkdir(parents=True)
        written = WRITERS_OF_PIXELS[name](root / "sets", pictures)
        first = tmp_path / "folder" / "store"
        for surveys in first.glob(
            "*/surveys"
        ):  # of the same pictures, and the detector takes seconds to load
            if root / "store" != first:
                shutil.copytree(surveys, root / "store" / surveys.relative_to(first))
        sets = EmbeddedSets(root / "store", LocalExecutor(decode, 2), lambda *_: None, [])
        with lying(where, root / "sets", written) as place:
            found = sets.embed(dataset_of(written, place, root), choice, embedder)
        assert sets.n_embedded == len(set(pictures.values()))
        return found

    return run


Embed = Callable[[str, str, Pictures, Embedder, EmbedderChoice], EmbeddedSet]


def templates_of(one: EmbeddedSet) -> dict[str, bytes]:
    """The template of each content."""
    rows = one.templates.templates.vectors
    assert len(rows) == len(one.images)
    return {image.sha256: rows[row].tobytes() for row, image in enumerate(one.images)}


def same_templates(embed: Embed, names: Sequence[str], where: str, pictures: Pictures, embedder: Any) -> None:
    choice = EmbedderChoice(name=embedder.spec.name, align="none")
    expected = templates_of(embed("folder", "here", pictures, embedder, choice))
    assert len(expected) == len(set(expected.values())) == len(set(pictures.values()))
    for name in names:
        if name != "folder":
            assert templates_of(embed(name, where, pictures, embedder, choice)) == expected, name


@pytest.mark.parametrize("where", WHERE)
def test_templates_are_the_same_in_every_format(embed: Embed, where: str) -> None:
    embedder = FakePixels(EmbedderChoice(name="fake-pixels"))
    same_templates(embed, [*WRITERS_OF_PIXELS], where, made(["PPM"]), embedder)


class _LoadedOnce(DlibResNet):
    is_loaded = False

    def load(self) -> None:
        if not self.is_loaded:
            super().load()
        self.is_loaded = True


def test_templates_of_real_faces_are_the_same_in_every_format(
    embed: Embed, faces_as_pixels: Pictures
) -> None:
    if find_spec("face_recognition_models") is None:
        pytest.skip("needs the weights of dlib-resnet, which the extra offline brings")
    embedder = _LoadedOnce(EmbedderChoice(name="dlib-resnet"))
    same_templates(embed, [*WRITERS_OF_PIXELS], "here", faces_as_pixels, embedder)


@pytest.mark.parametrize("where", ["here", "http"])
def test_the_gate_finds_the_same_leaks_in_every_format(tmp_path: Path, where: str) -> None:
    pictures = made(["PPM"])
    leaking = [*pictures.values()][3:6]
    for number, data in enumerate([*leaking, *made(["PPM"], seed=10).values()][:5]):
        (tmp_path / "generated").mkdir(exist_ok=True)
        (tmp_path / "generated" / f"{number}.ppm").write_bytes(data)
    for name, write in WRITERS_OF_PIXELS.items():
        root = tmp_path / name / "sets"
        root.mkdir(parents=True)
        written = write(root, pictures)
        with lying(where, root, written) as place:
            dataset_of(written, place, tmp_path)
            (verdict,) = check(tmp_path / "policy.yaml").verdicts
        assert verdict.measurement is not None
        pairs = verdict.measurement.pairs
        assert (verdict.outcome, sorted(pair.generated.id for pair in pairs), name) == (
            Outcome.LEAK,
            ["0.ppm", "1.ppm", "2.ppm"],
            name,
        )
        assert sorted(pair.source.sha256 for pair in pairs) == sorted(map(sha256, leaking))
