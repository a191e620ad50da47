"""From the path in a policy to the list of images: whatever a file is called and wherever it lies, it is counted."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from planting import judged, leaks, left_out, person, saved, source, strangers, write, write_source

from faceleak_check import Outcome
from faceleak_check.errors import PolicyError

NAMES = [
    "UPPER.PNG",
    "picture.jfif",
    "no-suffix",
    "picture.png.bak",
    "picture.tmp",
    ".hidden.png",
    ".hidden/face.png",
    ".ipynb_checkpoints/face-checkpoint.png",
    "__MACOSX/face.png",
    "._face.png",
    "deep/er/and/deeper/face.png",
    "folder.png/face.png",
    "name with spaces, comma.png",
    "new\nline.png",
    unicodedata.normalize("NFC", "é.png"),
    unicodedata.normalize("NFD", "é.png"),
    "Same.png",
    "same.png",
    "0" * 200 + ".png",
]
"""Each a copy of another person of the source."""


def test_a_leak_under_any_name_is_found(tmp_path: Path) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | {name: saved(source(n)) for n, name in enumerate(NAMES)})
    assert leaks(judged(tmp_path)) == {name: person(n) for n, name in enumerate(NAMES)}


def test_a_leak_whose_name_is_no_text_is_found(tmp_path: Path) -> None:
    write_source(tmp_path)
    folder = write(tmp_path / "generated", strangers())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png")).write_bytes(saved(source(0)))
    assert leaks(judged(tmp_path)) == {"\udcff\udcfe.png": person(0)}


def test_the_same_leak_twice_is_two(tmp_path: Path) -> None:
    """By copy, and by hard link."""
    write_source(tmp_path)
    folder = write(
        tmp_path / "generated", strangers() | {"a.png": saved(source(0)), "b.png": saved(source(0))}
    )
    os.link(folder / "a.png", folder / "c.png")
    verdict = judged(tmp_path)
    assert leaks(verdict) == dict.fromkeys(("a.png", "b.png", "c.png"), person(0))
    assert verdict.sets["generated"].counts.n_seen == 6


def test_the_same_source_image_under_two_people_hides_neither(tmp_path: Path) -> None:
    write_source(tmp_path)
    write(tmp_path / "training", {"twin/face.png": saved(source(0))})
    write(tmp_path / "generated", strangers() | {"a.png": saved(source(0))})
    exposed = judged(
        tmp_path,
        training="path: training, labels: parent_folder",
        check_text="identity_exposure: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 1}",
    )
    assert exposed.outcome is Outcome.LEAK
    assert exposed.reasons == ("2 people of the source set are exposed; the policy allows at most 1",)


UNREAD = {
    "phone.heic": b"\0\0\0\x18ftypheic",
    "phone": b"\0\0\0\x18ftypheic",
    "scan.jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "next.jxl": b"\xff\x0a",
    "camera.raf": b"FUJIFILM",
    "icon.ico": b"\0\0\1\0",
    "drawing.svg": b"<svg/>",
    "empty.png": b"",
    "words.jpg": b"these are words",
    "pointer.png": b"version https://git-lfs.github.com/spec/v1\n",
    "packed.ppm.gz": b"\x1f\x8b",
}


def test_an_image_of_a_format_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    """Any of them may be the leak."""
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | UNREAD)
    gone = left_out(judged(tmp_path))
    assert {name: rule for name, (rule, _) in gone.items()} == dict.fromkeys(UNREAD, "unreadable")


def test_an_image_of_the_source_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    """Whoever leaked may be in it."""
    write_source(tmp_path)
    write(tmp_path / "training", UNREAD)
    write(tmp_path / "generated", strangers())
    assert left_out(judged(tmp_path), "source").keys() == UNREAD.keys()


@pytest.mark.parametrize(
    "name", ["rest.zip", "rest.tar.gz", "rest.7z", "rest.rec", "rest.tfrecord", "clip.mp4"]
)
def test_images_in_a_file_that_nobody_opens_are_no_pass(tmp_path: Path, name: str) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | {name: b"some bytes"})
    verdict = judged(tmp_path, keys="exclusions: {at_most: 99%}\n")
    assert left_out(verdict).keys() == {name}
    assert verdict.reasons[0] == "'generated' holds folders or parts of files that were not looked into: 1"


def test_links_are_followed_or_counted(tmp_path: Path) -> None:
    write_source(tmp_path)
    folder = write(tmp_path / "generated", strangers())
    write(tmp_path / "elsewhere", {"leak.png": saved(source(0))})
    (folder / "out.png").symlink_to("../elsewhere/leak.png")
    (folder / "nowhere.png").symlink_to("gone.png")
    (folder / "more").symlink_to("../elsewhere")
    gone = left_out(judged(tmp_path))
    assert {name: rule for name, (rule, _) in gone.items()} == {
        "more": "folder",
        "nowhere.png": "link",
        "out.png": "link",
    }
    (folder / "more").unlink()
    (folder / "out.png").unlink()
    (folder / "nowhere.png").unlink()
    write(folder, {"deep/leak": saved(source(0))})
    (folder / "inside.png").symlink_to("deep/leak")
    assert leaks(judged(tmp_path)) == {"deep/leak": person(0), "inside.png": person(0)}


def test_what_is_no_file_and_is_named_like_an_image_is_counted(tmp_path: Path) -> None:
    write_source(tmp_path)
    os.mkfifo(write(tmp_path / "generated", strangers()) / "pipe.png")
    assert left_out(judged(tmp_path)) == {"pipe.png": ("unreadable", "a named pipe, not a file")}


def test_a_file_that_is_lost_without_a_trace_is_told_by_the_number_that_the_policy_expects(
    tmp_path: Path,
) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers())
    verdict = judged(tmp_path, generated="path: generated, expect: {images: 4}")
    assert left_out(verdict) == {}
    assert verdict.reasons[0] == (
        "'generated' holds 3 images, and the policy expects 4: is it the right folder?"
    )


@pytest.mark.parametrize("path", ["training", "./generated/../training", "link", "training/p00"])
def test_a_generated_set_that_is_the_source_is_refused(tmp_path: Path, path: str) -> None:
    """Its pictures would be compared with themselves, or the true ones with nothing."""
    write_source(tmp_path)
    (tmp_path / "link").symlink_to("training")
    with pytest.raises(PolicyError, match="hold the same files"):
        judged(tmp_path, generated=f"path: {path}")


@pytest.mark.parametrize("role", ["generated", "training"])
def test_an_empty_set_is_no_pass(tmp_path: Path, role: str) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers())
    (tmp_path / "empty").mkdir()
    verdict = judged(tmp_path, **{role: "path: empty"})
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == (f"dataset {role!r} is empty",)
