"""The six datasets of "Unveiling Synthetic Faces" and their sources, small, in the layouts of the releases."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from recordio_files import RecordFile, insightface_records

from faceleak_check.policy.screens import ClipKeys
from faceleak_check.screens.clip import ClipScreen

__all__ = ["Cast", "Miniature", "cast_of", "write_miniature"]

Pixels = npt.NDArray[np.uint8]

N_CASIA, N_FFHQ, N_UNSEEN, N_SYNTHETIC = 14, 40, 30, 6
TIMES = {"casia": 3, "unseen": 2, "synthetic": 7}
FROM_CASIA, FROM_FFHQ, CHILD, PATCH = "a copy from CASIA", "a copy from FFHQ", "a child", "no face"
"""What is planted among the generated pictures: two copies, and two more that the screens should take out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """Who is in the pictures.

    Attributes:
        faces: Faces of different people, none of whom the small CLIP takes for a child or for no face.
        child: The face that it takes for a child before all others.
        patch: A picture without a face.
        child_above: What it gives the child is above this, and what it gives the others below.
    """

    faces: tuple[Pixels, ...]
    child: Pixels
    patch: Pixels
    child_above: float


def cast_of(sheet: Sequence[Pixels], clip: Path) -> Cast:
    """Tells faces by what a small CLIP sees in them.

    Args:
        sheet: Faces, then as many patches without one.
        clip: Its folder.
    """
    faces, patches = sheet[: len(sheet) // 2], sheet[len(sheet) // 2 :]
    childlike, faceless = (_values(rule, clip, faces) for rule in ("child", "non_face"))
    in_order = [row for row in np.argsort(childlike).tolist() if faceless[row] < 0.4]
    *others, child = in_order
    others = [row for row in others if childlike[row] < childlike[child] - 0.1]
    return Cast(
        faces=tuple(faces[row] for row in sorted(others)),
        child=faces[child],
        patch=patches[0],
        child_above=float(childlike[child] + max(childlike[others])) / 2,
    )


def _values(rule: str, clip: Path, pictures: Sequence[Pixels]) -> npt.NDArray[np.float64]:
    screen = ClipScreen(rule, ClipKeys(weights=clip))
    screen.load()
    return np.concatenate([screen.measure([picture], [None]) for picture in pictures])


@dataclass(frozen=True, kw_only=True, slots=True)
class Miniature:
    """Where everything lies.

    Attributes:
        variables: What the policies take from the environment.
        planted: By variable of a generated set, the id of each planted picture.
        sources: The ids of the originals of the two copies, by what is planted.
    """

    variables: Mapping[str, str]
    planted: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, str]


def write_miniature(root: Path, cast: Cast) -> Miniature:
    """Writes every set under `root`."""
    faces = iter(cast.faces)
    casia = [[*_taken(next(faces), TIMES["casia"])] for _ in range(N_CASIA)]
    ffhq = [next(faces) for _ in range(N_FFHQ)]
    unseen = [[*_taken(next(faces), TIMES["unseen"])] for _ in range(N_UNSEEN)]
    synthetic = [[*_taken(next(faces), TIMES["synthetic"])] for _ in range(N_SYNTHETIC)]
    planted = {FROM_CASIA: casia[3][0], FROM_FFHQ: ffhq[7], CHILD: cast.child, PATCH: cast.patch}

    _write_casia(root / "faces_webface_112x112", [*casia, [cast.child], [cast.patch]])
    for n, face in enumerate([*ffhq, cast.child, cast.patch]):
        _write(root / f"ffhq/thumbnails128x128/00000/{n:05}.png", _file(face, 128, "PNG"))
    for person, pictures in enumerate(unseen):
        for n, picture in enumerate(pictures):
            _write(root / f"unseen/person-{person:02}/{n}.jpg", _file(picture, 112, "JPEG"))
    people = [*synthetic[:-1], [*synthetic[-1], *planted.values()]]
    return Miniature(
        variables={
            "CASIA_WEBFACE": str(root / "faces_webface_112x112"),
            "FFHQ": str(root / "ffhq/thumbnails128x128"),
            "UNSEEN": str(root / "unseen"),
            **{name: str(root / folder) for name, (folder, _) in GENERATED.items()},
        },
        planted={
            name: dict(zip(planted, list(write(root / folder, people))[-len(planted) :], strict=True))
            for name, (folder, write) in GENERATED.items()
        },
        sources={FROM_CASIA: f"{3 * TIMES['casia'] + 1:08}", FROM_FFHQ: "00000/00007.png"},
    )


def _taken(face: Pixels, n: int) -> Iterator[Pixels]:
    """Pictures of one person: lit and cropped a little otherwise."""
    side = len(face)
    for k in range(n):
        cropped = Image.fromarray(face).crop((k, k // 2, side - k // 2, side - k)).resize((side, side))
        yield np.clip(np.asarray(cropped) * (1 + 0.04 * k), 0, 255).astype(np.uint8)


def _file(picture: Pixels, side: int, form: str) -> bytes:
    file = io.BytesIO()
    small = Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR)
    small.save(file, form, **({"quality": 95} if form == "JPEG" else {}))
    return file.getvalue()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _write_casia(folder: Path, people: Sequence[Sequence[Pixels]]) -> None:
    files = {n: [_file(one, 112, "JPEG") for one in pictures] for n, pictures in enumerate(people)}
    insightface_records(files).write(folder)
    (folder / "property").write_text(f"{len(people)},112,112\n", "ascii")


def _write_dcface(folder: Path, people: Sequence[Sequence[Pixels]]) -> Iterator[str]:
    """As DCFace's own writer does: every label is 0, and names stand in a list of their own."""
    file = RecordFile()
    lines: list[str] = []
    for person, pictures in enumerate(people):
        for n, picture in enumerate(pictures):
            lines.append(f"{len(lines)}\t{person}/{n}.jpg\n")
            file.add(len(lines) - 1, 0.0, _file(picture, 112, "JPEG"))
    file.write(folder, name="file")
    (folder / "list.txt").write_text("".join(lines), "ascii")
    return (line.split()[1] for line in lines)


def _in_folders(name: str, side: int = 112) -> Callable[[Path, Sequence[Sequence[Pixels]]], Iterator[str]]:
    """A folder for each synthetic person; `name` says how files are called."""

    def write(folder: Path, people: Sequence[Sequence[Pixels]]) -> Iterator[str]:
        form = "PNG" if name.endswith("png") else "JPEG"
        for person, pictures in enumerate(people):
            for n, picture in enumerate(pictures):
                file = name.format(person=person, n=n)
                _write(folder / file, _file(picture, side, form))
                yield file

    return write


GENERATED: Mapping[str, tuple[str, Callable[[Path, Sequence[Sequence[Pixels]]], Iterator[str]]]] = {
    "DCFACE": ("dcface_0.5m_oversample_xid/record", _write_dcface),
    "DCFACE_IMAGES": ("dcface_0.5m_oversample_xid/images", _in_folders("{person}/{n}.jpg")),
    "IDIFF_FACE_UNIFORM": ("idiff-face/uniform", _in_folders("{person:05}/{person:05}_{n}.png")),
    "IDIFF_FACE_TWO_STAGE": ("idiff-face/two-stage", _in_folders("{person:05}/{person:05}_{n}.png")),
    "GANDIFFFACE": ("gandiffface", _in_folders("Asian_Female_{person:07}/{n}.png", side=256)),
    "IDNET": ("idnet", _in_folders("{person:06}/{person:06}_normal_{n:03}.jpg")),
    "SFACE": ("sface", _in_folders("{person:06}/{n:06}.png")),
}
"""By variable, where a generated set lies and what writes it and tells the ids of its pictures."""
