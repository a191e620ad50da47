"""What people do today with two folders of faces; run by others.py, in an environment of its own.

OTHER_PYTHON benchmarks/scale_parts/other_gates.py JOB GENERATED SOURCE N_QUERIES ANSWER

Each job is a plain script by the documentation of its library: faces of the source folder, then for each generated face
the nearest of them. It leaves JSON: seconds to start (imports, loading of the network), to look at the source and for
the first N_QUERIES generated images, and whom it flagged. JOB may be `names`: then the answer is what can run here.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE = 0.6  # face_recognition's documented one
COSINE_DISTANCE = 0.4  # what scripts with FaceNet usually take
DLIB_FILES = {
    "face_recognition_model_location": "dlib_face_recognition_resnet_model_v1.dat",
    "pose_predictor_five_point_model_location": "shape_predictor_5_face_landmarks.dat",
}
FACENET_FILE = "20180402-114759-vggface2.pt"
BATCH = 32


@dataclass(kw_only=True)
class Answer:
    """What a job found.

    Attributes:
        start: Seconds until the first image can be looked at.
        source: Seconds for all source images.
        queries: Seconds for the generated images, their nearest sources included.
        n_source: Source images.
        n_queries: Generated images.
        n_missed: Images in which no face was found.
        knows_people: Whether its network has weights that were trained.
        nearest: Nearest source image of each flagged generated image, by name.
        note: What to say of it.
    """

    start: float = 0.0
    source: float = 0.0
    queries: float = 0.0
    n_source: int = 0
    n_queries: int = 0
    n_missed: int = 0
    knows_people: bool = True
    nearest: dict[str, str] = field(default_factory=dict)
    note: str = ""


class Clock:
    """Seconds since it was last asked."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def __call__(self) -> float:
        before, self._since = self._since, time.perf_counter()
        return self._since - before


Job = Callable[[list[Path], list[Path], Clock, Answer], None]


def face_recognition_loop(generated: list[Path], source: list[Path], clock: Clock, answer: Answer) -> None:
    """`face_encodings` of every picture, then `face_distance` of each to all; no detector, the chip is the face."""
    _face_recognition(generated, source, clock, answer, detect=False)


def face_recognition_detecting(
    generated: list[Path], source: list[Path], clock: Clock, answer: Answer
) -> None:
    """The same with its own detector (HOG)."""
    _face_recognition(generated, source, clock, answer, detect=True)


def _face_recognition(
    generated: list[Path], source: list[Path], clock: Clock, answer: Answer, *, detect: bool
) -> None:
    module = importlib.import_module("face_recognition")

    def encodings(path: Path) -> list[Any]:
        picture = module.load_image_file(str(path))
        height, width = picture.shape[:2]
        where = None if detect else [(0, width, height, 0)]
        found: list[Any] = module.face_encodings(picture, known_face_locations=where)
        answer.n_missed += not found
        return found

    answer.start = clock()
    names, known = [], []
    for path in source:
        found = encodings(path)
        known += found
        names += [path.name] * len(found)
    answer.source = clock()
    for path in generated:
        for encoding in encodings(path):
            distances = module.face_distance(known, encoding)
            best = int(np.argmin(distances))
            if distances[best] <= TOLERANCE:
                answer.nearest[path.name] = names[best]
    answer.queries = clock()
    answer.note = f"tolerance {TOLERANCE}"


def deepface_find(generated: list[Path], source: list[Path], clock: Clock, answer: Answer) -> None:
    """`DeepFace.find` with what its documentation recommends for large folders; no detector."""
    _deepface(generated, source, clock, answer, detector_backend="skip", align=False)


def deepface_find_detecting(generated: list[Path], source: list[Path], clock: Clock, answer: Answer) -> None:
    """The same with dlib's detector, whose files are here; those of its default one are not."""
    _deepface(generated, source, clock, answer, detector_backend="dlib", align=True)


def _deepface(generated: list[Path], source: list[Path], clock: Clock, answer: Answer, **more: Any) -> None:
    for kept in source[0].parent.glob("ds_model_*"):  # what an earlier job has embedded
        kept.unlink()
    with tempfile.TemporaryDirectory() as name:
        _deepface_home(Path(name))
        deepface = importlib.import_module("deepface.DeepFace")
        deepface.build_model("Dlib")
        answer.start = clock()
        keys = {
            "db_path": str(source[0].parent),
            "model_name": "Dlib",
            "enforce_detection": False,
            "silent": True,
            "return_type": "dict",
        } | more
        deepface.find(str(generated[0]), **keys)  # embeds the folder, and keeps the result beside it
        answer.source = clock()
        for path in generated:
            for rows in deepface.find(str(path), refresh_database=False, **keys):
                if rows:
                    best = min(rows, key=lambda row: row["distance"])
                    answer.nearest[path.name] = Path(best["identity"]).name
        answer.queries = clock()
        answer.note = "its Dlib model and threshold"


def _deepface_home(folder: Path) -> None:
    """A home with the weights that are on this machine: dlib's, which come with face_recognition."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["DEEPFACE_HOME"] = str(folder)
    weights = folder / ".deepface" / "weights"
    weights.mkdir(parents=True)
    models = importlib.import_module("face_recognition_models")
    for function, file in DLIB_FILES.items():
        (weights / file).symlink_to(getattr(models, function)())


def facenet_and_sklearn(generated: list[Path], source: list[Path], clock: Clock, answer: Answer) -> None:
    """InceptionResnetV1 in batches of 32 and scikit-learn's NearestNeighbors; no detector."""
    torch = importlib.import_module("torch")
    network = _facenet(torch, answer)

    def embedded(paths: Sequence[Path]) -> Any:
        rows = []
        with torch.inference_mode():
            for start in range(0, len(paths), BATCH):
                chips = np.stack([_chip(path, 160) for path in paths[start : start + BATCH]])
                rows.append(network(torch.from_numpy(chips)).numpy())
        return np.concatenate(rows)

    _nearest_by_sklearn(embedded, generated, source, clock, answer)


def facenet_detecting(generated: list[Path], source: list[Path], clock: Clock, answer: Answer) -> None:
    """facenet-pytorch's MTCNN and InceptionResnetV1, picture by picture as its example does, and scikit-learn."""
    torch = importlib.import_module("torch")
    image = importlib.import_module("PIL.Image")
    detector = importlib.import_module("facenet_pytorch").MTCNN()
    network = _facenet(torch, answer)

    def embedded(paths: Sequence[Path]) -> Any:
        rows = []
        with torch.inference_mode():
            for path in paths:
                chip = detector(image.open(path).convert("RGB"))
                answer.n_missed += chip is None
                chip = torch.zeros(3, 160, 160) if chip is None else chip
                rows.append(network(chip[None]).numpy())
        return np.concatenate(rows)

    _nearest_by_sklearn(embedded, generated, source, clock, answer)


def _facenet(torch: Any, answer: Answer) -> Any:
    module = importlib.import_module("facenet_pytorch")
    cache = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache" / "torch"))
    if (cache / "checkpoints" / FACENET_FILE).is_file():
        answer.note = f"VGGFace2 weights, cosine distance up to {COSINE_DISTANCE}"
        return module.InceptionResnetV1(pretrained="vggface2").eval()
    torch.manual_seed(0)
    answer.knows_people, answer.note = False, "random weights: as fast, but they know nobody"
    return module.InceptionResnetV1().eval()


def _nearest_by_sklearn(
    embedded: Callable[[Sequence[Path]], Any],
    generated: list[Path],
    source: list[Path],
    clock: Clock,
    answer: Answer,
) -> None:
    neighbours = importlib.import_module("sklearn.neighbors").NearestNeighbors
    answer.start = clock()
    index = neighbours(n_neighbors=1, metric="cosine", algorithm="brute").fit(embedded(source))
    answer.source = clock()
    distances, rows = index.kneighbors(embedded(generated))
    for path, distance, row in zip(generated, distances[:, 0], rows[:, 0], strict=True):
        if distance <= COSINE_DISTANCE:
            answer.nearest[path.name] = source[row].name
    answer.queries = clock()


def _chip(path: Path, side: int) -> Any:
    image = importlib.import_module("PIL.Image")
    with image.open(path) as opened:
        small = opened.convert("RGB").resize((side, side))
    return (np.asarray(small, np.float32).transpose(2, 0, 1) - 127.5) / 128


def imagededup_phash(generated: list[Path], source: list[Path], clock: Clock, answer: Answer) -> None:
    """Perceptual hashes of both folders and duplicates among them, with its default distance."""
    method = importlib.import_module("imagededup.methods").PHash(verbose=False)
    answer.start = clock()
    hashes = {f"source/{path.name}": method.encode_image(image_file=str(path)) for path in source}
    answer.source = clock()
    hashes |= {f"generated/{path.name}": method.encode_image(image_file=str(path)) for path in generated}
    found = method.find_duplicates(encoding_map=hashes, scores=True)
    for path in generated:
        near = [(bits, name) for name, bits in found[f"generated/{path.name}"] if name.startswith("source/")]
        if near:
            answer.nearest[path.name] = min(near)[1].removeprefix("source/")
    answer.queries = clock()
    answer.note = "up to 10 bits; copies of pictures, no identities"


JOBS: dict[str, tuple[Job, str]] = {
    "face_recognition loop": (face_recognition_loop, "face_recognition"),
    "DeepFace.find": (deepface_find, "deepface"),
    "facenet-pytorch + sklearn": (facenet_and_sklearn, "facenet_pytorch sklearn"),
    "imagededup PHash": (imagededup_phash, "imagededup"),
    "face_recognition loop with HOG": (face_recognition_detecting, "face_recognition"),
    "DeepFace.find with dlib's detector": (deepface_find_detecting, "deepface"),
    "facenet-pytorch with MTCNN + sklearn": (facenet_detecting, "facenet_pytorch sklearn"),
}


def _runnable() -> Iterator[str]:
    from importlib.util import find_spec

    for name, (_, modules) in JOBS.items():
        if all(map(find_spec, modules.split())):
            yield name


def main() -> None:
    clock = Clock()
    job, generated, source, n_queries, file = sys.argv[1:]
    if job == "names":
        Path(file).write_text(json.dumps(list(_runnable())), "utf-8")
        return
    sides = [sorted(Path(side).glob("*.jpg")) for side in (generated, source)]
    queries = sides[0][: int(n_queries)]
    answer = Answer(n_source=len(sides[1]), n_queries=len(queries))
    JOBS[job][0](queries, sides[1], clock, answer)
    Path(file).write_text(json.dumps(asdict(answer)), "utf-8")


if __name__ == "__main__":
    main()
