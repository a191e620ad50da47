from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from scanned import MakeDataset, ids, reasons, scanned

from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.files import MAX_FILE_BYTES
from faceleak_check.readers.folder import FolderReader
from faceleak_check.records import Exclusion, ImageRef, ImageSet

Drop = Callable[[], AbstractContextManager[None]]

JPEG = b"\xff\xd8\xff\xe0 and so on"
PNG = b"\x89PNG\r\n\x1a\n and so on"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def scan(dataset: Dataset) -> ImageSet:
    return scanned(FolderReader, dataset)


def test_all_images_are_found_in_the_order_of_their_ids(dataset: MakeDataset, faces: Path) -> None:
    names = ["b/2.png", "b/10.png", "a.png", "b.png", "a/z/1.png", "Z.png", "é.png", "a b.png"]
    write(faces, {name: PNG + name.encode() for name in names})
    found = scan(dataset())
    assert found == ImageSet(
        name="training",
        images=tuple(
            ImageRef(id=name, sha256=sha256(PNG + name.encode()))
            for name in ["Z.png", "a b.png", "a.png", "a/z/1.png", "b.png", "b/10.png", "b/2.png", "é.png"]
        ),
    )


@pytest.mark.parametrize(
    "name",
    [
        b"with spaces.jpg",
        b"with 'single' and \"double\" quotes.jpg",
        b"<script>alert(1)<.jpg",
        b"new\nline.jpg",
        "лицо_façe_顔.jpg".encode(),
        b"latin-1 \xe9.jpg",
        b"half a character \xf0\x9f.jpg",
        b"-rf.jpg",
        b"..jpg",
        b"per%20cent.jpg",
        b"back\\slash.jpg",
    ],
)
def test_any_name_is_read_and_read_again(dataset: MakeDataset, faces: Path, name: bytes) -> None:
    with open(os.fsencode(faces) + b"/" + name, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(JPEG)
    reader = FolderReader(dataset())
    (image,) = reader.scan(lambda *_: None).images
    assert image == ImageRef(id=name.decode("utf-8", "surrogateescape"), sha256=sha256(JPEG))
    assert reader.read(image) == JPEG


@pytest.mark.parametrize(
    "suffix", ["jpg", "JPEG", "jpe", "jfif", "Png", "webp", "bmp", "dib", "tif", "TIFF", "gif", "avif"]
)
def test_a_name_makes_an_image_whatever_is_in_it(dataset: MakeDataset, faces: Path, suffix: str) -> None:
    write(faces, {f"face.{suffix}": b"an error page"})
    assert ids(scan(dataset())) == [f"face.{suffix}"]


@pytest.mark.parametrize(
    "head",
    [
        JPEG,
        PNG,
        b"GIF87a",
        b"GIF89a",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"II+\0\x08\0\0\0",
        b"P6\n32 48\n255\n",
        b"\0\0\0\x1cftypavif",
        b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif",
    ],
)
@pytest.mark.parametrize("name", ["face", "face.dat", "face.12345", ".hidden", "1.5 metres away"])
def test_first_bytes_make_an_image_whatever_its_name(
    dataset: MakeDataset, faces: Path, name: str, head: bytes
) -> None:
    write(faces, {name: head})
    assert ids(scan(dataset())) == [name]


def test_other_files_are_counted_by_suffix(dataset: MakeDataset, faces: Path) -> None:
    others = {
        "README": b"BMW cars",
        "notes.TXT": b"",
        "sub/more.txt": b"P5 is a format",
        "table.csv.gz": b"\x1f\x8b",
        ".DS_Store": b"\0\0\0\1Bud1",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "A sentence. With a dot": b"",
        "sub/._face.jpg": b"\0\5\x16\7\0\2\0\0Mac OS X",
        "sound.mp3": b"ID3",
        "._shard.zip": b"\0\5\x16\7\0\2\0\0Mac OS X",
    }
    write(faces, {"face.jpg": JPEG, "._real.jpg": JPEG, **others})
    found = scan(dataset())
    assert ids(found) == ["._real.jpg", "face.jpg"]
    assert found.n_other_files == {"": 3, "._": 1, ".db": 1, ".gz": 1, ".mp3": 1, ".txt": 2, ".zip": 1}
    assert found.excluded == ()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *(
            (name, "an archive")
            for name in ("a.zip", "sub/b.TAR", "c.tar.gz", "d.tgz", "e.7z", "f.rar", "g.zip.001")
        ),
        *((name, "a file of records") for name in ("a.rec", "data.mdb", "b.tfrecord")),
        *((name, "a video") for name in ("a.mp4", "b.MOV")),
    ],
)
def test_what_may_hold_images_was_not_looked_into(
    dataset: MakeDataset, faces: Path, name: str, what: str
) -> None:
    write(faces, {"face.jpg": JPEG, name: b"some bytes"})
    found = scan(dataset())
    assert (ids(found), found.n_other_files) == (["face.jpg"], {})
    why = f"{what}, which was not looked into: unpack its images, or take it out of the dataset"
    assert found.excluded == (Exclusion(id=name, rule="folder", reason=why),)


def test_an_image_that_is_packed_by_itself(dataset: MakeDataset, faces: Path) -> None:
    """As FERET's are."""
    write(faces, {"face.jpg": JPEG, "00001.ppm.bz2": b"BZh9"})
    why = "an image that is packed by itself: unpack it"
    assert scan(dataset()).excluded == (Exclusion(id="00001.ppm.bz2", rule="unreadable", reason=why),)


def test_images_that_cannot_be_read_are_excluded(dataset: MakeDataset, faces: Path) -> None:
    write(faces, {"good.jpg": JPEG, "empty.jpg": b"", "phone.jpg": HEIC, "phone": HEIC, "empty": b""})
    heic = "a HEIC image, a format that cannot be read: save it as PNG or JPEG"
    found = scan(dataset())
    assert ids(found) == ["good.jpg"]
    assert found.excluded == (
        Exclusion(id="empty.jpg", rule="unreadable", reason="the file is empty", sha256=sha256(b"")),
        Exclusion(id="phone", rule="unreadable", reason=heic, sha256=sha256(HEIC)),
        Exclusion(id="phone.jpg", rule="unreadable", reason=heic, sha256=sha256(HEIC)),
    )
    assert found.n_other_files == {"": 1}


def test_a_folder_of_nothing_but_unreadable_images_is_no_empty_folder(
    dataset: MakeDataset, faces: Path
) -> None:
    write(faces, {"empty.jpg": b""})
    found = scan(dataset())
    assert found.images == ()
    assert reasons(found) == {"empty.jpg": ("unreadable", "the file is empty")}


def test_links_are_read_inside_and_excluded_elsewhere(
    dataset: MakeDataset, faces: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"outside.jpg": JPEG, "faces-2/near.jpg": JPEG})
    write(faces, {"real/face.jpg": JPEG, "real/notes.txt": b"text"})
    links: dict[str, str | Path] = {
        "inside.jpg": "real/face.jpg",
        "inside-text": "real/notes.txt",
        "inside-twice.jpg": "inside.jpg",
        "absolute.jpg": faces / "real" / "face.jpg",
        "out.jpg": "../outside.jpg",
        "out.txt": "../outside.jpg",
        "out-to-namesake.jpg": "../faces-2/near.jpg",
        "out-to-folder": "..",
        "broken.jpg": "nowhere.jpg",
        "circle.jpg": "circle.jpg",
        "folder": "real",
        "device.jpg": "/dev/zero",
    }
    for name, target in links.items():
        (faces / name).symlink_to(target)
    found = scan(dataset())
    assert ids(found) == ["absolute.jpg", "inside-twice.jpg", "inside.jpg", "real/face.jpg"]
    out = ("link", "a symbolic link that leads out of the dataset's folder")
    nowhere = ("link", "a symbolic link that leads nowhere")
    assert reasons(found) == {
        "broken.jpg": nowhere,
        "circle.jpg": nowhere,
        "device.jpg": out,
        "folder": ("folder", "a symbolic link to a folder, which is not followed"),
        "out-to-folder": ("folder", "a symbolic link to a folder, which is not followed"),
        "out-to-namesake.jpg": out,
        "out.jpg": out,
        "out.txt": out,
    }
    assert found.n_other_files == {"": 1, ".txt": 1}


def test_the_dataset_itself_may_be_a_link(dataset: MakeDataset, faces: Path, tmp_path: Path) -> None:
    write(faces, {"real.jpg": JPEG})
    (faces / "again.jpg").symlink_to("real.jpg")
    (tmp_path / "link").symlink_to(faces)
    reader = FolderReader(dataset(tmp_path / "link"))
    found = reader.scan(lambda *_: None)
    assert ids(found) == ["again.jpg", "real.jpg"]
    assert [reader.read(image) for image in found.images] == [JPEG, JPEG]


def test_pipes_and_sockets_are_told_and_not_opened(
    dataset: MakeDataset, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(faces, {"face.jpg": JPEG})
    for name in ("pipe.jpg", "pipe", "inner-pipe"):
        os.mkfifo(faces / name)
    (faces / "link-to-pipe.jpg").symlink_to("inner-pipe")
    monkeypatch.chdir(faces)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        found = scan(dataset())
    assert ids(found) == ["face.jpg"]
    assert reasons(found) == {
        "link-to-pipe.jpg": ("unreadable", "the file cannot be read: not a regular file"),
        "pipe.jpg": ("unreadable", "a named pipe, not a file"),
        "socket.png": ("unreadable", "a socket, not a file"),
    }
    assert found.n_other_files == {"": 2}


def test_closed_folders_and_files_are_excluded(
    dataset: MakeDataset, open_folder: Path, unprivileged: Drop
) -> None:
    write(open_folder, {"face.jpg": JPEG, "closed.jpg": JPEG, "closed.txt": b"", "private/face.jpg": JPEG})
    closed = [open_folder / name for name in ("closed.jpg", "closed.txt", "private")]
    for path in closed:
        path.chmod(0)
    with unprivileged():
        found = scan(dataset(open_folder))
    for path in closed:
        path.chmod(0o700)
    assert ids(found) == ["face.jpg"]
    denied = ("unreadable", "the file cannot be read: Permission denied")
    assert reasons(found) == {
        "closed.jpg": denied,
        "closed.txt": denied,
        "private/": ("folder", "a folder that cannot be listed (Permission denied)"),
    }


def test_a_file_larger_than_any_image_is_not_read(dataset: MakeDataset, faces: Path) -> None:
    write(faces, {"face.jpg": JPEG, "huge.jpg": JPEG})
    os.truncate(faces / "huge.jpg", MAX_FILE_BYTES + 1)
    assert reasons(scan(dataset())) == {
        "huge.jpg": ("unreadable", "the file cannot be read: it is larger than 1,073,741,824 bytes")
    }


@pytest.mark.parametrize("n_bytes", [1 << 20, (1 << 20) + 1, 5_000_000])
def test_large_files_are_digested_and_read_whole(dataset: MakeDataset, faces: Path, n_bytes: int) -> None:
    data = JPEG + os.urandom(n_bytes - len(JPEG))
    write(faces, {"large.jpg": data})
    reader = FolderReader(dataset())
    (image,) = reader.scan(lambda *_: None).images
    assert image.sha256 == sha256(data)
    assert reader.read(image) == data


def test_many_files_keep_their_order_and_their_digests(dataset: MakeDataset, faces: Path) -> None:
    files = {f"{n % 7}/{n:04}.jpg": JPEG + str(n).encode() for n in range(1000)}
    write(faces, files)
    found = scan(dataset())
    assert [(image.id, image.sha256) for image in found.images] == [
        (name, sha256(data)) for name, data in sorted(files.items())
    ]
    assert found.sha256 == scan(dataset()).sha256


def test_the_same_name_with_other_bytes_makes_another_set(dataset: MakeDataset, faces: Path) -> None:
    write(faces, {"face.jpg": JPEG})
    before = scan(dataset()).sha256
    write(faces, {"face.jpg": JPEG + b"!"})
    assert scan(dataset()).sha256 != before


def test_a_file_that_went_away_says_so_without_its_path(dataset: MakeDataset, faces: Path) -> None:
    write(faces, {"face.jpg": JPEG})
    reader = FolderReader(dataset())
    (image,) = reader.scan(lambda *_: None).images
    (faces / "face.jpg").unlink()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the whole message is compared
        reader.read(image)
    assert str(caught.value) == "No such file or directory"


def test_a_file_that_became_a_link_out_is_not_followed(
    dataset: MakeDataset, faces: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"secret.jpg": JPEG})
    write(faces, {"face.jpg": JPEG})
    reader = FolderReader(dataset())
    (image,) = reader.scan(lambda *_: None).images
    (faces / "face.jpg").unlink()
    (faces / "face.jpg").symlink_to("../secret.jpg")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the whole message is compared
        reader.read(image)
    assert str(caught.value) == "a symbolic link that leads out of the dataset's folder"


def test_progress_ends_with_all_files(dataset: MakeDataset, faces: Path) -> None:
    write(faces, {f"{n}.jpg": JPEG for n in range(5)} | {"notes.txt": b""})
    calls: list[tuple[str, int, int]] = []
    FolderReader(dataset()).scan(lambda *call: calls.append(call))
    assert calls == [("listing training", 6, 6)]
