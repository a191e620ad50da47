"""Images, galleries and embedded sets made by hand, without files or networks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.protocols import Progress
from faceleak_check.records import (
    Alignment,
    Counts,
    Exclusion,
    FaceTemplates,
    ImageRef,
    ImageSet,
    SetSummary,
    Templates,
)
from faceleak_check.search.neighbours import Gallery

Rows = npt.NDArray[np.floating]


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def image(name: str, *labels: str, content: str = "") -> ImageRef:
    """An image whose content is told by its name, where no other is given."""
    return ImageRef(id=name, sha256=digest(content or name), labels=labels)


def images(prefix: str, people: Sequence[tuple[str, ...]]) -> list[ImageRef]:
    """An image of each of these people; two sets with other prefixes have no content in common."""
    return [image(f"{prefix}{n:04d}", *names) for n, names in enumerate(people)]


def names(prefix: str, n_people: int, n_images: int = 1) -> list[tuple[str, ...]]:
    return [(f"{prefix}{person:03d}",) for person in range(n_people) for _ in range(n_images)]


def unit(rows: object) -> Rows:
    found = np.asarray(rows, dtype=np.float64)
    lengths = np.linalg.norm(found, axis=-1, keepdims=True)
    return np.asarray((found / lengths).astype(np.float32))


def people(
    n_people: int, n_images: int = 1, *, seed: int, dimension: int = 64, likeness: float = 0.6
) -> Rows:
    """Templates, image by image; two of one person have a cosine of about `likeness`, of two people about 0."""
    random = np.random.default_rng(seed)
    persons = unit(random.normal(size=(n_people, 1, dimension)))
    departures = unit(random.normal(size=(n_people, n_images, dimension)))
    vectors = np.sqrt(likeness) * persons + np.sqrt(1 - likeness) * departures
    return unit(vectors.reshape(-1, dimension))


def near(vectors: Rows, cosine: float, *, seed: int) -> Rows:
    """A template at exactly this cosine to each of those, else in any direction."""
    random = np.random.default_rng(seed)
    away = random.normal(size=vectors.shape)
    away -= (away * vectors).sum(axis=-1, keepdims=True) * vectors
    return unit(cosine * vectors + np.sqrt(1 - cosine**2) * unit(away))


def around_a_hub(n_people: int, *, seed: int, dimension: int = 256) -> Rows:
    """Templates that share a direction, so that the first one, which lies along it, is everybody's nearest."""
    rows = np.random.default_rng(seed).normal(size=(n_people, dimension))
    rows[:, 0] = 0
    rows = unit(rows) * np.sqrt(0.5)
    rows[:, 0] = np.sqrt(0.5)
    rows[0] = unit([0.99, *rows[0, 1:] / 5])
    return unit(rows)


def gallery(
    those: Sequence[ImageRef],
    vectors: Rows,
    *,
    n_faces: Sequence[int] | None = None,
    norms: Sequence[float] | None = None,
    boxes: Rows | None = None,
) -> Gallery:
    return Gallery(
        images=tuple(those),
        n_faces=np.array(n_faces or [1] * len(those), dtype=np.int64),
        templates=_templates(vectors, norms),
        boxes=boxes,
    )


def _templates(vectors: Rows, norms: Sequence[float] | None) -> Templates:
    lengths = np.ones(len(vectors)) if norms is None else np.array(norms)
    return Templates(vectors=unit(vectors), norms=lengths.astype(np.float32))


class NoReader:
    """Hands out nothing: the templates are there already."""

    def scan(self, progress: Progress) -> ImageSet:
        raise NotImplementedError

    def read(self, image: ImageRef) -> bytes:
        raise NotImplementedError


def embedded(
    name: str,
    those: Sequence[ImageRef],
    vectors: Rows,
    *,
    n_faces: Sequence[int] | None = None,
    excluded: Sequence[Exclusion] = (),
) -> EmbeddedSet:
    """A set as if these images had been embedded and the others left out."""
    found = ImageSet(name=name, images=tuple(those), excluded=tuple(excluded))
    rules = {gone.rule for gone in excluded} - {"unreadable"}
    counts = Counts(
        n_seen=len(those) + len(excluded),
        n_embedded=len(those),
        n_unreadable=sum(gone.rule == "unreadable" for gone in excluded),
        n_excluded={rule: sum(gone.rule == rule for gone in excluded) for rule in sorted(rules)},
    )
    return EmbeddedSet(
        images=tuple(those),
        templates=FaceTemplates(
            n_faces=np.array(n_faces or [1] * len(those), dtype=np.int64),
            templates=_templates(vectors, None),
        ),
        reader=NoReader(),
        summary=SetSummary(
            name=name,
            sha256=found.sha256,
            labels_sha256=found.labels_sha256,
            counts=counts,
            excluded=tuple(excluded),
            n_people=found.n_people,
        ),
        alignment=Alignment(asked="none", used="none", reason="made by hand"),
    )
