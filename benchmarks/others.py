"""The same job done by face_recognition and DeepFace; run by embed.py, in an environment of its own.

OTHER_PYTHON benchmarks/others.py FOLDER N_FILES

Answers on standard output, one line of JSON each: first with what can run, then for each name of a job that it reads,
with the seconds that the job took. A job reads image files that are face chips and makes templates of them.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

DLIB_FILE = "dlib_face_recognition_resnet_model_v1.dat"
PUBLISHED = {"Facenet512": "facenet512_weights.h5", "ArcFace": "arcface_weights.h5"}
FILES: list[str] = []


def by_face_recognition(path: str) -> Any:
    """As its documentation shows; the face is where a chip has it, so no detector runs."""
    module = importlib.import_module("face_recognition")
    picture = module.load_image_file(path)
    height, width = picture.shape[:2]
    return module.face_encodings(picture, known_face_locations=[(0, width, height, 0)])[0]


def by_deepface(path: str, model: str) -> Any:
    deepface = importlib.import_module("deepface.DeepFace")
    found = deepface.represent(path, model_name=model, detector_backend="skip", enforce_detection=False)
    return found[0]["embedding"]


def by_deepface_dlib(path: str) -> Any:
    return by_deepface(path, "Dlib")


def by_deepface_facenet512(path: str) -> Any:
    return by_deepface(path, "Facenet512")


def by_deepface_arcface(path: str) -> Any:
    return by_deepface(path, "ArcFace")


JOBS: dict[str, Callable[[str], Any]] = {
    "face_recognition": by_face_recognition,
    "DeepFace Dlib": by_deepface_dlib,
    "DeepFace Facenet512": by_deepface_facenet512,
    "DeepFace ArcFace": by_deepface_arcface,
}


def home(folder: Path) -> None:
    """A home for DeepFace with the weights that are on this machine; it downloads what it does not find there."""
    theirs = Path(os.environ.get("DEEPFACE_HOME", Path.home())) / ".deepface" / "weights"
    weights = folder / ".deepface" / "weights"
    weights.mkdir(parents=True)
    models = importlib.import_module("face_recognition_models")
    shutil.copy(models.face_recognition_model_location(), weights / DLIB_FILE)
    for file in PUBLISHED.values():
        if (theirs / file).is_file():
            (weights / file).symlink_to(theirs / file)
    os.environ["DEEPFACE_HOME"] = str(folder)


def what_runs(folder: Path) -> dict[str, str]:
    """For each job an empty text, or why it cannot run."""
    found = {}
    for name, job in JOBS.items():
        file = PUBLISHED.get(name.removeprefix("DeepFace "))
        if file and not (folder / ".deepface" / "weights" / file).exists():
            found[name] = f"{file} is not on this machine"
            continue
        try:
            job(FILES[0])
            found[name] = ""
        except Exception as error:  # noqa: BLE001 - whatever keeps it from running is the answer
            found[name] = f"{type(error).__name__}: {error}"
    return found


def seconds(job: Callable[[str], Any], pool: ProcessPoolExecutor | None) -> float:
    started = time.perf_counter()
    for _ in pool.map(job, FILES) if pool else map(job, FILES):
        pass
    return time.perf_counter() - started


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    FILES.extend(sorted(str(path) for path in Path(sys.argv[1]).iterdir())[: int(sys.argv[2])])
    n_cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        home(Path(name))
        with ProcessPoolExecutor(n_cores, get_context("spawn")) as pool:
            runnable = what_runs(Path(name))
            print(json.dumps(runnable), file=answers, flush=True)
            for line in sys.stdin:
                job, _, how = line.strip().partition(":")
                if how == "warm":
                    list(pool.map(JOBS[job], FILES[: 4 * n_cores]))
                taken = seconds(JOBS[job], pool if how == "cores" else None) if how != "warm" else 0.0
                print(json.dumps(taken), file=answers, flush=True)


if __name__ == "__main__":
    main()
