from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from faceleak_check.alterations import ALTERATIONS, cropped, mirrored
from faceleak_check.canaries import CanaryReader
from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.errors import DatasetError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, EmbedStage
from faceleak_check.faces.align import AlignedFaces
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.landmarks import DLIB_150
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.readers.folder import FolderReader
from faceleak_check.records import Exclusion, FaceTemplates, ImageRef

Pixels = npt.NDArray[np.uint8]
WriteSet = Callable[..., Path]
KINDS = list(ALTERATIONS)


def quiet(stage: str, done: int, total: int) -> None:
    """Nobody looks on."""


def reader_of(folder: Path) -> FolderReader:
    dataset = Dataset(
        name="training",
        path=folder,
        format="folder",
        labels=Labels(kind="parent_folder"),
        columns=None,
        line=1,
        column=1,
    )
    return FolderReader(dataset)


def canaries_of(folder: Path) -> CanaryReader:
    reader = reader_of(folder)
    return CanaryReader(reader, reader.scan(quiet).images, decode, name="canaries of training")


@pytest.fixture
def faces(tmp_path: Path, write_set: WriteSet) -> Path:
    """Two people with three pictures."""
    return write_set(tmp_path / "faces", ["ann/1.png", "ann/2.png", "bob/1.png"], seed=1)


def ids(name: str) -> list[str]:
    return [f"{kind}/{name}{ALTERATIONS[kind].suffix}" for kind in KINDS]


# --------------------------------------------------------------------------------------------- the copies


def test_each_image_is_altered_in_every_way(faces: Path) -> None:
    canaries = canaries_of(faces)
    found = canaries.scan(quiet)
    assert found.name == "canaries of training"
    expected = [*ids("ann/1.png"), *ids("ann/2.png"), *ids("bob/1.png")]
    assert [image.id for image in found.images] == sorted(expected)
    assert "mirrored/bob/1.png.png" in expected
    assert "recompressed/bob/1.png.jpg" in expected
    assert found.excluded == ()
    for image in found.images:
        kind, person, name = image.id.split("/")
        original = canaries.original_of(image)
        assert (canaries.kind_of(image), image.labels, original.labels) == (kind, (person,), (person,))
        assert original.id == f"{person}/{name[:5]}"
        assert original.sha256 == hashlib.sha256((faces / original.id).read_bytes()).hexdigest()


def test_a_copy_has_the_same_bytes_each_time(faces: Path) -> None:
    one, two = canaries_of(faces), canaries_of(faces)
    assert one.scan(quiet) == two.scan(quiet)
    for image in one.scan(quiet).images:
        data = two.read(image)
        picture = decode((faces / one.original_of(image).id).read_bytes())
        assert hashlib.sha256(data).hexdigest() == image.sha256
        assert data == ALTERATIONS[one.kind_of(image)].altered(picture)


def test_a_part_that_was_sent_elsewhere_reads_its_copies(faces: Path) -> None:
    canaries = canaries_of(faces)
    wanted = [
        one for one in canaries.scan(quiet).images if one.id.endswith(("ann/1.png.png", "bob/1.png.png"))
    ]
    part = pickle.loads(pickle.dumps(canaries.part(wanted)))
    assert [part.read(image) for image in wanted] == [canaries.read(image) for image in wanted]
    assert len({canaries.original_of(image) for image in part.scan(quiet).images}) == 2


def test_the_original_is_seen_upright(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown turned clockwise by a quarter
    Image.fromarray(picture).save(tmp_path / "ann/1.jpg", exif=exif, quality=95)
    canaries = canaries_of(tmp_path)
    [image] = [one for one in canaries.scan(quiet).images if canaries.kind_of(one) == "cropped"]
    upright = np.ascontiguousarray(np.rot90(decode_plain(tmp_path / "ann/1.jpg"), -1))
    np.testing.assert_array_equal(decode(canaries.read(image)), cropped(upright), strict=True)


def decode_plain(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_name_may_have_any_bytes(tmp_path: Path, write_set: WriteSet) -> None:
    # their order as text is not that of their bytes
    name, other = os.fsdecode(b"gr\xfc\xdfe.png"), "gr\uf900.png"
    assert (name < other) != (os.fsencode(name) < os.fsencode(other))
    write_set(tmp_path / "faces", [f"ann/{name}", f"ann/{other}"], seed=3)
    canaries = canaries_of(tmp_path / "faces")
    found = canaries.scan(quiet)
    assert [os.fsencode(image.id) for image in found.images] == sorted(
        os.fsencode(one) for one in [*ids(f"ann/{name}"), *ids(f"ann/{other}")]
    )
    assert all(canaries.read(image) for image in found.images)
    for path in (tmp_path / "faces/ann").iterdir():
        path.unlink()
    assert [gone.id for gone in canaries.scan(quiet).excluded] == [image.id for image in found.images]


def test_it_is_told_how_far_the_work_is(faces: Path) -> None:
    told: list[tuple[str, int, int]] = []
    canaries_of(faces).scan(lambda *one: told.append(one))
    assert told == [("making canaries of training", n, 3) for n in range(4)]


# ------------------------------------------------------------------------------------------------ trouble


def test_an_original_that_cannot_be_decoded_is_excluded_in_every_kind(faces: Path) -> None:
    whole = (faces / "ann/2.png").read_bytes()
    (faces / "ann/2.png").write_bytes(whole[: len(whole) // 2])
    found = canaries_of(faces).scan(quiet)
    assert [image.id for image in found.images] == sorted([*ids("ann/1.png"), *ids("bob/1.png")])
    assert found.excluded == tuple(
        Exclusion(
            id=name,
            rule="unreadable",
            reason="its original cannot be decoded: the PNG file is cut short",
        )
        for name in sorted(ids("ann/2.png"))
    )


def test_an_original_that_is_gone_or_another_is_excluded_too(faces: Path) -> None:
    canaries = canaries_of(faces)
    (faces / "ann/1.png").unlink()
    (faces / "bob/1.png").write_bytes((faces / "ann/2.png").read_bytes())
    found = canaries.scan(quiet)
    assert [image.id for image in found.images] == sorted(ids("ann/2.png"))
    assert {gone.id: gone.reason for gone in found.excluded} == {
        **dict.fromkeys(ids("ann/1.png"), "its original cannot be read: No such file or directory"),
        **dict.fromkeys(ids("bob/1.png"), "its original changed while the gate ran"),
    }


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "its original cannot be read: No such file or directory"),
        (lambda path: path.write_bytes(b"no image"), "its original changed while the gate ran"),
    ],
)
def test_an_original_that_is_spoilt_later_cannot_be_read(
    spoil: Callable[[Path], None], message: str, faces: Path
) -> None:
    canaries = canaries_of(faces)
    image = canaries.scan(quiet).images[0]
    spoil(faces / "ann/1.png")
    with pytest.raises(OSError, match=f"^{message}$"):
        canaries.read(image)


class AwayReader(FolderReader):
    """Fails as the system does, with a path in the message."""

    def read(self, image: ImageRef) -> bytes:
        return (Path("/nowhere") / image.id).read_bytes()


def test_no_path_is_named(faces: Path) -> None:
    reader = reader_of(faces)
    away = AwayReader(reader._dataset)
    found = CanaryReader(away, reader.scan(quiet).images, decode, name="canaries").scan(quiet)
    assert {gone.reason for gone in found.excluded} == {
        "its original cannot be read: No such file or directory"
    }


def test_an_original_that_never_was_an_image(faces: Path) -> None:
    (faces / "ann/1.png").write_bytes(b"no image")
    reader = reader_of(faces)
    original = ImageRef(id="ann/1.png", sha256=hashlib.sha256(b"no image").hexdigest())
    canaries = CanaryReader(reader, [original], decode, name="canaries")
    found = canaries.scan(quiet)
    reason = "its original cannot be decoded: text, not an image"
    assert found.images == ()
    assert {gone.reason for gone in found.excluded} == {reason}
    assert sorted(ids("ann/1.png")) == [gone.id for gone in found.excluded]


def test_without_originals_there_is_nothing_to_make(faces: Path) -> None:
    with pytest.raises(DatasetError) as error:
        CanaryReader(reader_of(faces), [], decode, name="canaries of training").scan(quiet)
    assert str(error.value) == "there are no images to make canaries of training of"


# --------------------------------------------------------------------------------------- on the whole way


def embedded(images: list[ImageRef], reader: FolderReader | CanaryReader) -> FaceTemplates:
    embedder = DlibResNet(EmbedderChoice(name="dlib-resnet"))
    stage = EmbedStage(AlignedFaces(Mtcnn("cpu"), DLIB_150, 150), embedder)
    kept = Collected()
    assert LocalExecutor(decode, 2).run(images, reader, stage, kept, quiet, "embedding") == ()
    return stage.joined(kept.results)


@pytest.mark.needs("offline")
def test_a_real_person_is_known_by_every_canary(shared_faces: Path) -> None:
    """No two people of these pictures are as near as 0.95."""
    reader = reader_of(shared_faces / "orl")
    originals = sorted(reader.scan(quiet).images, key=lambda image: image.sha256)[:3]
    canaries = CanaryReader(reader, originals, decode, name="canaries")
    images = list(canaries.scan(quiet).images)
    source, copies = embedded(list(originals), reader), embedded(images, canaries)
    assert copies.n_faces.min() >= 1
    for image, start in zip(images, copies.first_row, strict=True):
        original = originals.index(canaries.original_of(image))
        own = source.templates.vectors[source.first_row[original]]
        assert own @ copies.templates.vectors[start] > 0.95, image.id


def test_mirrored_is_a_picture_in_a_mirror(faces: Path) -> None:
    canaries = canaries_of(faces)
    for image in canaries.scan(quiet).images:
        if canaries.kind_of(image) == "mirrored":
            picture = decode((faces / canaries.original_of(image).id).read_bytes())
            np.testing.assert_array_equal(decode(canaries.read(image)), mirrored(picture), strict=True)
