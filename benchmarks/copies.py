"""Which copies a perceptual hash knows again, and how near canaries come to their originals.

python benchmarks/copies.py [--faces ../shared/faces] [--markdown]

Hashes and templates are made by the package's own cutters, embedders and canaries.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from tables import show as show_table

from faceleak_check import alterations
from faceleak_check.alterations import ALTERATIONS
from faceleak_check.canaries import CanaryReader
from faceleak_check.embedders.phash import PerceptualHash
from faceleak_check.embedding import EmbeddedSets, build_embedder
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.faces.stretched import whole_cutter
from faceleak_check.hash_bits import HASH_BITS
from faceleak_check.policy.document import Alignment
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.search.neighbours import between

GROUPS = ("identities", "orl", "adults_age", "generated", "children")
OF_PEOPLE = ("identities", "orl")
BITS = (2, 4, 6, 8, 10, 12)
COSINES = (0.90, 0.92, 0.94, 0.96)
N_ORIGINALS = 30
Hashes = npt.NDArray[np.float32]


def recompressed(quality: int) -> Callable[[Pixels], Pixels]:
    return lambda picture: decode(alterations.jpeg(picture, quality))


def blurred(share: float) -> Callable[[Pixels], Pixels]:
    def change(picture: Pixels) -> Pixels:
        radius = share * min(picture.shape[:2])
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))

    return change


def gamma(power: float) -> Callable[[Pixels], Pixels]:
    table = np.round(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return lambda picture: np.asarray(table[picture], dtype=np.uint8)


COPIES: Mapping[str, Callable[[Pixels], Pixels]] = {
    "exact": alterations.exact,
    "mirrored": alterations.mirrored,
    "JPEG, quality 30": recompressed(30),
    "half the size": alterations.shrunk,
    "blurred by 1% of the side": blurred(0.01),
    "blurred by 2%": blurred(0.02),
    "gamma 0.7": gamma(0.7),
    "gamma 1.4": gamma(1.4),
    "cropped by 2% each side": lambda picture: alterations.cropped(picture, 0.02),
    "cropped by 5%": lambda picture: alterations.cropped(picture, 0.05),
    "cropped by 8%": alterations.cropped,
    "turned by 5 degrees": lambda picture: alterations.rotated(picture, 5.0),
    "turned by 10 degrees": alterations.rotated,
}


class Hasher:
    def __init__(self) -> None:
        self._embedder = PerceptualHash(EmbedderChoice(name="phash", align="none"))
        self._cutter = whole_cutter(self._embedder.spec)
        self._embedder.load()

    def __call__(self, picture: Pixels) -> Hashes:
        """The hash of a picture and of its mirror image, shape (2, 64)."""
        [chips] = self._cutter.cut([picture])
        return np.asarray(self._embedder.embed(np.stack([chip.pixels for chip in chips])).vectors)


def bits(one: Hashes, other: Hashes) -> npt.NDArray[np.float64]:
    """How many bits of two lists of hashes differ, row by row."""
    return np.asarray(np.round(HASH_BITS * (1 - one.astype(np.float64) @ other.T.astype(np.float64)) / 2))


def read(root: Path) -> dict[str, Pixels]:
    """Each picture once, by its path."""
    by_content: dict[bytes, str] = {}
    for group in GROUPS:
        for file in sorted(path for path in (root / group).rglob("*") if path.is_file()):
            by_content.setdefault(file.read_bytes(), file.relative_to(root).as_posix())
    return {name: decode(data) for data, name in by_content.items()}


def hashes(root: Path, *, markdown: bool) -> None:
    pictures, hasher = read(root), Hasher()
    own = {name: hasher(picture) for name, picture in pictures.items()}
    rows = []
    for kind, change in COPIES.items():
        found = np.array(
            [bits(hasher(change(picture))[:1], own[name]).min() for name, picture in pictures.items()]
        )
        shares = [f"{100 * (found <= most).mean():.1f}%" for most in BITS]
        rows.append([kind, *shares])
    header = ["copies found", *(f"<= {most} bits" for most in BITS)]
    show_table(f"perceptual hashes of {len(pictures)} pictures", header, rows, markdown=markdown)
    names = list(pictures)
    apart = np.minimum.reduce(
        [
            bits(np.stack([own[name][side] for name in names]), np.stack([own[name][0] for name in names]))
            for side in (0, 1)
        ]
    )
    people = np.array([str(Path(name).parent) if name.startswith(OF_PEOPLE) else name for name in names])
    same, once = people[:, None] == people[None], np.triu(np.ones(apart.shape, dtype=bool), 1)
    rows = []
    for what, mask in (("two people", ~same), ("two pictures of one person", same)):
        numbers = [f"{int((apart[once & mask] <= most).sum()):,}" for most in BITS]
        rows.append([what, f"{int((once & mask).sum()):,}", *numbers])
    show_table("pairs that are no copies", ["pairs of", "n", *header[1:]], rows, markdown=markdown)


def canaries(root: Path, store: Path, *, markdown: bool) -> None:
    sets = EmbeddedSets(store, LocalExecutor(decode), lambda *_: None, [])
    aligned: tuple[Alignment, ...] = ("mtcnn", "none")
    for align in aligned:
        choice = EmbedderChoice(name="dlib-resnet", align=align)
        embedder, rows = build_embedder(choice), []
        for group in OF_PEOPLE:
            dataset = Dataset(
                name=group,
                path=root / group,
                format="folder",
                labels=Labels(kind="parent_folder"),
                columns=None,
                line=1,
                column=1,
            )
            source = sets.embed(dataset, choice, embedder)
            originals = sorted(source.images, key=lambda image: image.sha256)[:N_ORIGINALS]
            reader = CanaryReader(source.reader, originals, decode, name="canaries")
            copies = sets.embed_from(reader, dataset, choice, embedder, source.alignment)
            real, altered = source.gallery(), copies.gallery()
            for kind in ALTERATIONS:
                near = [
                    float(
                        between(altered, row, real, real.row_of[reader.original_of(image).sha256][0])[0].max()
                    )
                    for row, image in enumerate(altered.images)
                    if reader.kind_of(image) == kind
                ]
                shares = [f"{sum(cosine >= limit for cosine in near) / N_ORIGINALS:.0%}" for limit in COSINES]
                rows.append([f"{group}, {kind}", f"{min(near):.3f}", f"{np.median(near):.3f}", *shares])
        header = ["canaries", "lowest", "median", *(f">= {limit}" for limit in COSINES)]
        title = f"cosine to the original, dlib-resnet, align: {align}, {N_ORIGINALS} originals a group"
        show_table(title, header, rows, markdown=markdown)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces"))
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    hashes(asked.faces, markdown=asked.markdown)
    with tempfile.TemporaryDirectory() as store:
        canaries(asked.faces, Path(store), markdown=asked.markdown)


if __name__ == "__main__":
    main()
