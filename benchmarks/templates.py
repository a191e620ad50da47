"""Where MTCNN's five points lie in the chips that networks were trained on, and how near our chips come to dlib's.

python benchmarks/templates.py [--faces ../shared/faces]

The points are medians over the largest faces of identities/, adults_age/ and generated/; they are the numbers in
faceleak_check/landmarks.py. dlib's part needs dlib-bin and its five-point predictor (extras offline and test).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tables import show as show_table
from verification import equal_error_rate, errors_of, pairs_of

from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.faces.align import aligned_chip
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.faces.survey import FAR, offset, summarise
from faceleak_check.landmarks import DLIB_150, TEMPLATES
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.records import ChipTemplate, Face

MEASURED = ("identities", "adults_age", "generated")
COMPARED = ("identities", "orl")
FACENET_SIZE, FACENET_MARGIN = 160, 14
"""The author of facenet-pytorch names 14 as the margin of its pretrained networks (its issue 62)."""

Points = npt.NDArray[np.float64]


class Dlib:
    """dlib's own way from a picture to a chip."""

    def __init__(self) -> None:
        import dlib

        package = find_spec("face_recognition_models")
        assert package is not None
        assert package.submodule_search_locations
        models = Path(package.submodule_search_locations[0]) / "models"
        self._dlib = dlib
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))

    def shape(self, picture: Pixels, face: Face) -> Any:
        """dlib's five points of the face, or None where its detector does not see it."""
        overlaps = [(overlap(face, found), found) for found in self._detector(picture, 1)]
        best = max(overlaps, key=lambda pair: pair[0], default=(0.0, None))
        return self._predictor(picture, best[1]) if best[0] > 0.3 else None

    def chip(self, picture: Pixels, shape: Any) -> Pixels:
        return np.asarray(self._dlib.get_face_chip(picture, shape, size=150, padding=0.25))

    def places(self, points: Points, shape: Any) -> Points:
        """Where points of the picture lie in the chip."""
        details = self._dlib.get_face_chip_details(shape, size=150, padding=0.25)
        box, turn = details.rect, np.exp(-1j * details.angle)
        centre = complex(box.left() + box.right(), box.top() + box.bottom()) / 2
        turned = (points[:, 0] + 1j * points[:, 1] - centre) * turn + centre
        across, down = 149 / (box.right() - box.left()), 149 / (box.bottom() - box.top())
        return np.column_stack([(turned.real - box.left()) * across, (turned.imag - box.top()) * down])


def overlap(face: Face, found: Any) -> float:
    """Shared area over joint area of the two boxes."""
    left, top, right, bottom = face.box
    across = min(right, found.right()) - max(left, found.left())
    down = min(bottom, found.bottom()) - max(top, found.top())
    shared = max(0.0, across) * max(0.0, down)
    return float(shared / ((right - left) * (bottom - top) + found.width() * found.height() - shared))


def facenet_places(points: Points, face: Face) -> Points:
    """Where points lie in the crop of facenet-pytorch: the box and a margin, stretched to a square."""
    left, top, right, bottom = face.box
    grown = FACENET_SIZE / (FACENET_SIZE - FACENET_MARGIN)
    side = np.array([right - left, bottom - top]) * grown
    corner = np.array([left + right, top + bottom]) / 2 - side / 2
    return (points - corner + 0.5) / side * FACENET_SIZE - 0.5


def read(root: Path, groups: Sequence[str]) -> list[tuple[Path, Pixels]]:
    files = sorted(file for group in groups for file in (root / group).rglob("*") if file.is_file())
    return [(file, decode(file.read_bytes())) for file in files]


def largest_faces(
    pictures: Sequence[tuple[Path, Pixels]], detector: Mtcnn
) -> list[tuple[Path, Pixels, Face]]:
    found = [(file, picture, detector.detect([picture])[0]) for file, picture in pictures]
    return [(file, picture, faces[0]) for file, picture, faces in found if faces]


def show(name: str, places: Sequence[Points]) -> None:
    stacked = np.stack(places)
    median = np.median(stacked, axis=0)
    print(f"{name}, median of {len(places)} faces:")
    print("    " + ", ".join(f"({x:.2f}, {y:.2f})" for x, y in median))
    errors = np.sqrt(((stacked - median) ** 2).sum(axis=2).mean(axis=1))
    print(f"    RMS distance of a face's points from them: median {np.median(errors):.1f} pixels")


def embedded(embedder: DlibResNet, chips: Sequence[Pixels]) -> npt.NDArray[np.float32]:
    starts = range(0, len(chips), embedder.batch_size)
    rows = [embedder.embed(np.stack(chips[start : start + embedder.batch_size])).vectors for start in starts]
    return np.concatenate(rows)


def compare(root: Path, detector: Mtcnn, dlib: Dlib) -> None:
    faces = largest_faces(read(root, COMPARED), detector)
    shapes = [dlib.shape(picture, face) for _, picture, face in faces]
    ours = [aligned_chip(picture, face, DLIB_150, 150) for _, picture, face in faces]
    seen = [row for row, shape in enumerate(shapes) if shape is not None]
    theirs = [dlib.chip(faces[row][1], shapes[row]) for row in seen]
    embedder = DlibResNet(EmbedderChoice(name="dlib-resnet"))
    embedder.load()
    our_vectors, their_vectors = embedded(embedder, ours), embedded(embedder, theirs)
    people = [str(file.parent) for file, _, _ in faces]
    cosines = np.sum(our_vectors[seen] * their_vectors, axis=1)
    print(f"faces of {' and '.join(COMPARED)}: {len(faces)} seen by MTCNN, {len(seen)} of them by dlib too")
    print(
        f"our chip beside dlib's: cosine mean {cosines.mean():.4f}, 1st percentile {np.quantile(cosines, 0.01):.4f}"
    )
    both = [people[row] for row in seen]
    trials = {
        "dlib's aligner, faces that both see": pairs_of(their_vectors, both),
        "our aligner, faces that both see": pairs_of(our_vectors[seen], both),
        "our aligner, all faces": pairs_of(our_vectors, people),
    }
    for name, pairs in trials.items():
        rate = equal_error_rate(errors_of(pairs))
        print(f"EER {rate:.2%}  {name} ({pairs.n_genuine:,} genuine and {pairs.n_impostor:,} impostor pairs)")


def show_offsets(faces: Sequence[tuple[Path, Pixels, Face]], detector: Mtcnn) -> None:
    """How far nine in ten of the faces in pictures of a kind lie from each template, in its eye distances."""
    kinds = {"as they are": [picture for _, picture, _ in faces]} | {
        f"cut for {one.name}": [aligned_chip(picture, face, one, one.size) for _, picture, face in faces]
        for one in TEMPLATES.values()
    }
    found = {kind: detector.detect(pictures) for kind, pictures in kinds.items()}
    rows = [
        [kind, *(_offset(kinds[kind], found[kind], template) for template in TEMPLATES.values())]
        for kind in kinds
    ]
    show_table(f"offset (at most {FAR} is near)", ["pictures", *TEMPLATES], rows)


def _offset(pictures: Sequence[Pixels], found: Sequence[tuple[Face, ...]], template: ChipTemplate) -> str:
    pairs = zip(pictures, found, strict=True)
    survey = summarise([offset(picture, faces, template, template.size) for picture, faces in pairs])
    return f"{survey.offset:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    here = Path(__file__).resolve()
    parser.add_argument("--faces", type=Path, default=here.parents[2] / "shared" / "faces")
    root = parser.parse_args().faces
    detector = Mtcnn()
    detector.load()
    faces = largest_faces(read(root, MEASURED), detector)
    show("FACENET_160", [facenet_places(np.array(face.points), face) for _, _, face in faces])
    show_offsets(faces, detector)
    if find_spec("dlib") is None:
        print("dlib is not installed: pip install dlib-bin")
        return
    dlib = Dlib()
    shapes = [(face, dlib.shape(picture, face)) for _, picture, face in faces]
    show(
        "DLIB_150", [dlib.places(np.array(face.points), shape) for face, shape in shapes if shape is not None]
    )
    compare(root, detector, dlib)


if __name__ == "__main__":
    main()
