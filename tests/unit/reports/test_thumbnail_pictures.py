"""Small pictures: which are made of a verdict, and what is in them."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from faceleak_check.faces.detect import Mtcnn
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.pipeline import Gate, Judged
from faceleak_check.policy.parse import parse_policy
from faceleak_check.readers.decode import decode
from faceleak_check.records import Exclusion, Measurement, Pair, Verdict
from faceleak_check.reports.cropping import LONGEST, small_jpeg
from faceleak_check.reports.names import THUMBNAILS
from faceleak_check.reports.thumbnails import N_PAIRS, N_SAMPLES, thumbnail_of, thumbnails
from faceleak_check.silence import silent

Pixels = npt.NDArray[np.uint8]
BOX = (2.0, 2.0, 6.0, 6.0)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def file_of(pixels: Pixels, kind: str = "PNG", **keys: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **keys)
    return file.getvalue()


def flat(width: int, height: int, colour: tuple[int, int, int]) -> Pixels:
    return np.full((height, width, 3), colour, dtype=np.uint8)


# ------------------------------------------------------------------------------------------ one picture


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(1600, 800, (160, 80)), (300, 900, (53, 160)), (100, 90, (100, 90)), (2000, 3, (160, 1))],
)
def test_a_picture_is_made_small_and_never_large(width: int, height: int, size: tuple[int, int]) -> None:
    pixels = flat(width, height, (200, 30, 10))
    assert opened(small_jpeg(b"", pixels, None)).size == size


def test_a_face_has_a_margin_inside_the_picture() -> None:
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    assert opened(small_jpeg(b"", pixels, (50.2, 20, 90.2, 60))).size == (65, 64)
    assert opened(small_jpeg(b"", pixels, (-5, -5, 20, 30))).size == (31, 41)
    assert opened(small_jpeg(b"", pixels, (150, 50, 400, 400))).size == (155, 100)


@pytest.mark.parametrize(
    "box", [(300, 300, 310, 310), (-90, -90, -50, -50), (50, 50, 50, 50), (90, 20, 50, 60)]
)
def test_a_box_outside_the_picture_gives_all_of_it(box: tuple[float, ...]) -> None:
    assert opened(small_jpeg(b"", flat(100, 90, (1, 2, 3)), box)).size == (100, 90)


def test_notes_of_the_original_are_left_out() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    data = file_of(flat(40, 30, (200, 30, 10)), "JPEG", exif=exif, comment=b"a secret")
    made = small_jpeg(data, decode(data), None)
    assert b"secret" in data
    assert b"secret" not in made
    assert opened(made).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_picture_is_upright_and_red_stays_red() -> None:
    pixels = flat(40, 20, (0, 0, 0))
    pixels[:, :20] = (250, 10, 10)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = file_of(pixels, "JPEG", exif=exif, quality=95)
    made = opened(small_jpeg(data, decode(data), None)).convert("RGB")
    assert made.size == (20, 40)
    assert np.abs(np.array(made.getpixel((10, 5))) - (250, 10, 10)).max() < 12
    assert max(made.getpixel((10, 35))) < 12


def turned_profile() -> bytes:
    """sRGB's profile with red and blue exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (n_tags,) = struct.unpack_from(">I", profile, 128)
    for place in range(132, 132 + 12 * n_tags, 12):
        name = bytes(profile[place : place + 4])
        profile[place : place + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name, name)
    return bytes(profile)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_colours_mean_what_the_files_profile_says(kind: str) -> None:
    pixels = flat(16, 16, (220, 20, 20))
    data = file_of(pixels, kind, icc_profile=turned_profile())
    red, _, blue = opened(small_jpeg(data, decode(data), None)).convert("RGB").getpixel((8, 8))
    assert (blue > 180, red < 80) == (True, True)


def test_a_damaged_profile_does_not_matter() -> None:
    data = file_of(flat(16, 16, (220, 20, 20)), "PNG", icc_profile=b"no profile")
    red, _, blue = opened(small_jpeg(data, decode(data), None)).convert("RGB").getpixel((8, 8))
    assert (red > 180, blue < 80) == (True, True)


# ------------------------------------------------------------------------------------------ whose pictures


def write(folder: Path, names: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)


POLICY = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Of twenty generated images one is a copy of one of twenty source images."""
    write(tmp_path / "generated", [f"g{n:02}.png" for n in range(19)], 1)
    write(tmp_path / "training", [f"t{n:02}.png" for n in range(20)], 2)
    (tmp_path / "generated/copy.png").write_bytes((tmp_path / "training/t07.png").read_bytes())
    (tmp_path / "release.yaml").write_text(POLICY, encoding="utf-8")
    policy = parse_policy(tmp_path / "release.yaml", environment={})
    return Gate(store=tmp_path / "store").judged(policy, policy.cases[0])


def made(
    verdict: Verdict, sets: Mapping[Role, EmbeddedSet], *, blur_real: bool = False, there: str = ""
) -> dict[str, bytes]:
    found = thumbnails(verdict, sets, lambda name: name == there, silent, blur_real=blur_real)
    return dict(found)


def written(folder: Path, pictures: Mapping[str, bytes]) -> Path:
    (folder / THUMBNAILS).mkdir()
    for name, data in pictures.items():
        (folder / THUMBNAILS / name).write_bytes(data)
    return folder


def with_pairs(judged: Judged, *pairs: Pair, waived: tuple[Pair, ...] = ()) -> Verdict:
    measured = judged.verdict.measurement
    assert isinstance(measured, Measurement)
    return replace(judged.verdict, measurement=replace(measured, pairs=pairs), waived=waived)


def test_both_sides_of_a_pair_can_be_found(judged: Judged, tmp_path: Path) -> None:
    [pair] = judged.verdict.measurement.pairs
    other = replace(
        pair, generated=judged.sets["generated"].images[3], source=judged.sets["source"].images[5]
    )
    boxed = replace(other, generated_box=BOX, source_box=(0.04, -0.04, 5.96, 6.0))
    pictures = made(with_pairs(judged, pair, waived=(boxed,)), judged.sets)
    folder = written(tmp_path, pictures)
    assert len(pictures) == 3  # the copy has the bytes of its original
    for sha256, box in (
        (pair.generated.sha256, None),
        (pair.source.sha256, None),
        (boxed.generated.sha256, [2.0, 2.0, 6.0, 6.0]),
        (boxed.source.sha256, [0.0, 0.0, 6.0, 6.0]),
    ):
        found = thumbnail_of(folder, sha256, box)
        assert found is not None
        assert opened(found).format == "JPEG"
    assert thumbnail_of(folder, boxed.generated.sha256, None) is None
    assert thumbnail_of(folder, boxed.generated.sha256, [2.0, 2.0, 6.0, 6.1]) is None
    assert thumbnail_of(folder, "0" * 64, None) is None
    assert thumbnail_of(tmp_path / "nowhere", pair.source.sha256, None) is None


def test_a_real_person_is_blurred_and_a_generated_image_of_the_same_bytes_is_not(
    judged: Judged, tmp_path: Path
) -> None:
    [pair] = judged.verdict.measurement.pairs
    assert pair.generated.sha256 == pair.source.sha256
    other = replace(
        pair, generated=judged.sets["generated"].images[3], source=judged.sets["source"].images[5]
    )
    pictures = made(with_pairs(judged, pair, other), judged.sets, blur_real=True)
    assert (
        sorted(name.partition(".")[2] for name in pictures) == ["whole.blurred.jpg"] * 2 + ["whole.jpg"] * 2
    )
    folder = written(tmp_path, pictures)
    plain, blurred = (pictures[f"{pair.source.sha256}.whole{kind}.jpg"] for kind in ("", ".blurred"))
    assert thumbnail_of(folder, pair.source.sha256, None) == plain != blurred
    assert (
        thumbnail_of(folder, other.source.sha256, None)
        == pictures[f"{other.source.sha256}.whole.blurred.jpg"]
    )


def test_a_picture_that_is_written_already_is_not_made_again(judged: Judged) -> None:
    [name] = made(judged.verdict, judged.sets)
    assert made(judged.verdict, judged.sets, there=name) == {}


def test_no_more_than_the_first_thousand_pairs_have_pictures(judged: Judged) -> None:
    [pair] = judged.verdict.measurement.pairs
    faces = [replace(pair, generated_box=(0.0, 0.0, 4.0, n / 10)) for n in range(1, 1006)]
    pictures = made(with_pairs(judged, *faces[:990], waived=tuple(faces[990:])), judged.sets)
    assert len(pictures) == N_PAIRS + 1 == 1001


def left_out(judged: Judged, role: Role, rule: str, *names: str) -> Verdict:
    one = judged.sets[role]
    gone = tuple(
        Exclusion(id=image.id, rule=rule, reason="", sha256=image.sha256)
        for image in one.images
        if not names or image.id in names
    )
    sets = {**judged.verdict.sets, role: replace(one.summary, excluded=gone)}
    return replace(with_pairs(judged), sets=sets)


def test_samples_of_what_a_rule_left_out_have_pictures(judged: Judged) -> None:
    pictures = made(left_out(judged, "source", "child"), judged.sets)
    expected = [f"{image.sha256}.whole.jpg" for image in judged.sets["source"].images[:N_SAMPLES]]
    assert list(pictures) == expected
    assert N_SAMPLES == 12
    assert made(left_out(judged, "source", "unreadable"), judged.sets) == {}
    blurred = made(left_out(judged, "source", "child"), judged.sets, blur_real=True)
    assert {name.partition(".")[2] for name in blurred} == {"whole.blurred.jpg"}
    generated = made(left_out(judged, "generated", "child", "g01.png"), judged.sets, blur_real=True)
    assert [name.partition(".")[2] for name in generated] == ["whole.jpg"]


def test_what_cannot_be_read_any_more_goes_without(judged: Judged, tmp_path: Path) -> None:
    source = {image.id: image for image in judged.sets["source"].images}
    (tmp_path / "training/t01.png").unlink()
    (tmp_path / "training/t02.png").write_bytes(b"no picture")
    (tmp_path / "training/t03.png").write_bytes(file_of(flat(8, 8, (1, 2, 3))))
    verdict = left_out(judged, "source", "child", "t01.png", "t02.png", "t03.png", "t04.png")
    assert list(made(verdict, judged.sets)) == [f"{source['t04.png'].sha256}.whole.jpg"]


class Broken:
    """A reader of another package at its worst."""

    def read(self, image: object) -> bytes:
        raise KeyError(image)


def test_a_reader_that_raises_anything_changes_no_verdict(judged: Judged) -> None:
    sets = {**judged.sets, "source": replace(judged.sets["source"], reader=Broken())}
    assert made(left_out(judged, "source", "child"), sets) == {}


def test_templates_and_match_lists_have_no_pictures(judged: Judged) -> None:
    sets = {role: replace(one, has_pictures=False) for role, one in judged.sets.items()}
    assert made(judged.verdict, sets) == {}
    assert made(judged.verdict, {}) == {}


def test_progress_is_told(judged: Judged) -> None:
    told: list[tuple[str, int, int]] = []
    verdict = left_out(judged, "source", "child", "t01.png", "t02.png")
    list(thumbnails(verdict, judged.sets, lambda _: False, lambda *how_far: told.append(how_far)))
    assert told == [("making thumbnails", 1, 2), ("making thumbnails", 2, 2)]


# ------------------------------------------------------------------------------------------ real faces


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    found = Mtcnn()
    found.load()
    return found


def test_in_a_blurred_picture_nobody_can_be_told(detector: Mtcnn, shared_faces: Path) -> None:
    for path in sorted((shared_faces / "identities/ariel_sharon").glob("*.jpg"))[:2]:
        data = path.read_bytes()
        pixels = decode(data)
        [[face, *_]] = detector.detect([pixels])
        plain, blurred = (small_jpeg(data, pixels, face.box, blur=blur) for blur in (False, True))
        assert max(opened(plain).size) <= LONGEST
        [[again, *_]] = detector.detect([decode(plain)])
        left, top, right, bottom = again.box
        width, height = opened(plain).size
        assert 0 < left < width / 2 < right < width
        assert 0 < top < height / 2 < bottom < height
        assert detector.detect([decode(blurred)]) == [()]
