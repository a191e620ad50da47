from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from faceleak_check.errors import ModelError, StoreError
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.records import ChipTemplate, EmbedderSpec, FaceTemplates, Templates
from faceleak_check.store.folders import FORMAT
from faceleak_check.store.templates import DiskTemplateStore, default_root

DIMENSION = 4
SPEC = EmbedderSpec(
    name="tiny",
    weights_sha256="ab" * 32,
    licence="MIT",
    dimension=DIMENSION,
    input_size=8,
    colour_order="RGB",
    normalisation="none",
    alignment="none",
)
OTHER_VALUES: dict[str, Any] = {
    "name": "other",
    "weights_sha256": "cd" * 32,
    "licence": "CC0-1.0",
    "dimension": 5,
    "input_size": 9,
    "colour_order": "BGR",
    "normalisation": "some",
    "alignment": "mtcnn",
    "template": ARCFACE_112,
    "metric": "euclidean",
    "precision": "bf16",
    "device": "cuda",
    "recognises_people": False,
    "decoding": 2,
}
OTHER_CHIPS: list[dict[str, Any]] = [
    {"name": "other"},
    {"size": 113},
    {"points": (*ARCFACE_112.points[:4], (0.0, 0.0))},
]
ADVICE = "choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."


def digest(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def digests(*names: object) -> list[str]:
    return [digest(name) for name in names]


def rows(n: int, seed: int = 1, dimension: int = DIMENSION) -> Templates:
    numbers = np.random.default_rng(seed).standard_normal((n, dimension))
    norms = np.linalg.norm(numbers, axis=1)
    return Templates(vectors=(numbers / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def templates(n: int, seed: int = 1) -> FaceTemplates:
    """Templates of whole pictures."""
    return FaceTemplates(n_faces=np.ones(n, np.int64), templates=rows(n, seed))


def found_faces(*n_faces: int, seed: int = 1) -> FaceTemplates:
    """Templates of so many faces in each picture."""
    n = sum(n_faces)
    numbers = np.random.default_rng(seed).random((n, 15)).astype(np.float32)
    return FaceTemplates(n_faces=np.array(n_faces, np.int64), templates=rows(n, seed), faces=numbers)


def picked(found: FaceTemplates, *images: int) -> FaceTemplates:
    """The same of some of the images, row by row."""
    wanted = [
        row for image in images for row in range(sum(found.n_faces[:image]), sum(found.n_faces[: image + 1]))
    ]
    return FaceTemplates(
        n_faces=found.n_faces[list(images)],
        templates=Templates(vectors=found.templates.vectors[wanted], norms=found.templates.norms[wanted]),
        faces=None if found.faces is None else found.faces[wanted],
    )


def assert_same(one: FaceTemplates, other: FaceTemplates) -> None:
    np.testing.assert_array_equal(one.n_faces, other.n_faces, strict=True)
    np.testing.assert_array_equal(one.templates.vectors, other.templates.vectors, strict=True)
    np.testing.assert_array_equal(one.templates.norms, other.templates.norms, strict=True)
    assert (one.faces is None) == (other.faces is None)
    if one.faces is not None and other.faces is not None:
        np.testing.assert_array_equal(one.faces, other.faces, strict=True)


def folder_of(root: Path) -> Path:
    return root / FORMAT / "templates" / SPEC.sha256[:32]


def shards(root: Path) -> list[Path]:
    return sorted(folder_of(root).glob("*.safetensors"))


def write_shard(root: Path, data: bytes) -> str:
    """A file whose name is the digest of its bytes, as a whole shard's is."""
    name = f"{hashlib.sha256(data).hexdigest()}.safetensors"
    (folder_of(root) / name).write_bytes(data)
    return name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> DiskTemplateStore:
    return DiskTemplateStore(root, SPEC)


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# ---------------------------------------------------------------------------------------------- round trip


def test_what_is_added_is_given_back_in_the_order_asked_for(root: Path, store: DiskTemplateStore) -> None:
    first, second = templates(2, seed=1), templates(1, seed=2)
    store.add(digests("a", "b"), first)
    store.add(digests("c"), second)

    for opened in (store, DiskTemplateStore(root, SPEC)):
        found = opened.get(digests("c", "a", "c"))
        one, other = first.templates, second.templates
        np.testing.assert_array_equal(
            found.templates.vectors, [other.vectors[0], one.vectors[0], other.vectors[0]]
        )
        np.testing.assert_array_equal(found.templates.norms, [other.norms[0], one.norms[0], other.norms[0]])
        assert (found.n_faces.tolist(), found.faces) == ([1, 1, 1], None)
        assert len(opened) == 3
        assert opened.damaged == ()


def test_missing_names_each_once_and_in_order(store: DiskTemplateStore) -> None:
    store.add(digests("b"), templates(1))
    assert store.missing(digests("c", "b", "a", "c")) == digests("c", "a")


def test_an_empty_store_gives_no_rows(store: DiskTemplateStore) -> None:
    found = store.get([])
    assert (found.templates.vectors.shape, found.templates.norms.shape) == ((0, DIMENSION), (0,))
    assert (len(found), found.faces, len(store)) == (0, None, 0)


def test_an_unknown_digest_is_a_key_error(store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1))
    with pytest.raises(KeyError):
        store.get(digests("a", "b"))


def test_nothing_to_add_writes_nothing(root: Path, store: DiskTemplateStore) -> None:
    store.add([], templates(0))
    assert shards(root) == []


def test_what_is_there_twice_keeps_its_first_template(root: Path, store: DiskTemplateStore) -> None:
    first, second = templates(1, seed=1), templates(1, seed=2)
    store.add(digests("a"), first)
    store.add(digests("a"), second)
    assert_same(store.get(digests("a")), first)


def test_memory_that_is_not_in_row_order_is_stored_in_row_order(root: Path, store: DiskTemplateStore) -> None:
    plain = found_faces(1, 0, 2, 1, 1, 1)
    assert plain.faces is not None
    turned = Templates(
        vectors=np.asfortranarray(plain.templates.vectors), norms=np.repeat(plain.templates.norms, 2)[::2]
    )
    n_faces, faces = np.repeat(plain.n_faces, 2)[::2], np.asfortranarray(plain.faces)
    store.add(digests(*range(6)), FaceTemplates(n_faces=n_faces, templates=turned, faces=faces))
    assert_same(DiskTemplateStore(root, SPEC).get(digests(*range(6))), plain)


def test_equal_templates_make_equal_shards(tmp_path: Path) -> None:
    for name in ("one", "other"):
        DiskTemplateStore(tmp_path / name, SPEC).add(digests("a", "b"), templates(2))
    (one,), (other,) = shards(tmp_path / "one"), shards(tmp_path / "other")
    assert (one.name, one.read_bytes()) == (other.name, other.read_bytes())


# --------------------------------------------------------------------------- no face, one face, many faces


def test_an_image_without_a_face_is_known_and_has_no_rows(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a", "b"), found_faces(0, 0))
    for opened in (store, DiskTemplateStore(root, SPEC)):
        found = opened.get(digests("b", "a", "b"))
        assert opened.missing(digests("a", "b", "c")) == digests("c")
        assert (len(opened), len(found), found.n_faces.tolist()) == (2, 3, [0, 0, 0])
        assert found.templates.vectors.shape == (0, DIMENSION)
        assert found.faces is not None
        assert found.faces.shape == (0, 15)


@pytest.mark.parametrize("seed", range(5))
def test_each_image_gets_its_own_faces_in_their_order(
    seed: int, root: Path, store: DiskTemplateStore
) -> None:
    random = np.random.default_rng(seed)
    kept = found_faces(*random.integers(0, 4, 30).tolist(), seed=seed)
    for start in range(0, 30, 10):
        images = range(start, start + 10)
        store.add(digests(*images), picked(kept, *images))
    asked = random.integers(0, 30, 50).tolist()

    for opened in (store, DiskTemplateStore(root, SPEC)):
        assert_same(opened.get(digests(*asked)), picked(kept, *asked))
        assert opened.damaged == ()


def test_an_image_that_is_there_twice_keeps_the_faces_that_were_found_first(
    root: Path, store: DiskTemplateStore
) -> None:
    first, second = found_faces(2, 1, seed=1), found_faces(3, 0, seed=2)
    store.add(digests("a", "b"), first)
    store.add(digests("b", "c"), second)
    assert_same(store.get(digests("a", "b")), first)
    assert store.get(digests("c", "b")).n_faces.tolist() == [0, 1]
    assert len(store) == 3


@pytest.mark.parametrize(("kept", "other"), [(found_faces(1), templates(1)), (templates(1), found_faces(1))])
def test_whole_pictures_and_faces_do_not_mix(
    kept: FaceTemplates, other: FaceTemplates, root: Path, store: DiskTemplateStore
) -> None:
    late = DiskTemplateStore(root, SPEC)
    store.add(digests("a"), kept)
    with pytest.raises(ModelError) as refused:
        store.add(digests("b"), other)
    assert str(refused.value) == (
        "the faces for embedder 'tiny' cannot be kept\n"
        "Found whole pictures and faces under one spec; expected 1 float32 rows of box, five "
        "points and confidence in [0, 1], or none for whole pictures. The detector is broken, or two alignments "
        "share a spec."
    )
    assert (len(shards(root)), len(store)) == (1, 1)

    late.add(digests("b"), other)
    store.refresh()
    assert (len(store.damaged), store.missing(digests("b"))) == (1, digests("b"))


# ---------------------------------------------------------------------------------------------------- spec


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(EmbedderSpec)])
def test_templates_of_another_spec_are_never_used(field: str, root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1))
    other = DiskTemplateStore(root, dataclasses.replace(SPEC, **{field: OTHER_VALUES[field]}))
    assert other.missing(digests("a")) == digests("a")
    assert DiskTemplateStore(root, SPEC).missing(digests("a")) == []


def test_templates_of_another_chip_template_are_never_used(root: Path) -> None:
    specs = [
        dataclasses.replace(SPEC, template=template)
        for template in (
            None,
            ARCFACE_112,
            *(dataclasses.replace(ARCFACE_112, **changed) for changed in OTHER_CHIPS),
        )
    ]
    assert len({spec.sha256 for spec in specs}) == len(specs)
    DiskTemplateStore(root, specs[1]).add(digests("a"), found_faces(1))
    assert [DiskTemplateStore(root, spec).missing(digests("a")) for spec in specs] == [
        [] if spec == specs[1] else digests("a") for spec in specs
    ]


def test_the_other_chips_differ_in_every_field() -> None:
    fields = [field.name for field in dataclasses.fields(ChipTemplate)]
    assert [name for changed in OTHER_CHIPS for name in changed] == fields


def test_a_store_of_an_earlier_format_is_left_as_it_is_and_not_read(root: Path) -> None:
    old = root / "v1" / SPEC.sha256[:32] / f"{digest('a')}.safetensors"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"templates of the first format")
    store = DiskTemplateStore(root, SPEC)
    with store.embedding():
        store.add(digests("a"), templates(1))
    assert (old.read_bytes(), len(store), store.damaged) == (b"templates of the first format", 1, ())


def test_the_spec_lies_beside_the_shards_in_words(root: Path, store: DiskTemplateStore) -> None:
    (store.folder / "spec.json").unlink()
    DiskTemplateStore(root, SPEC)
    data = (store.folder / "spec.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == SPEC.sha256
    assert b'"normalisation": "none"' in data


# ------------------------------------------------------------------------------------------------- privacy


def modes(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]
    }


def expected_modes(root: Path) -> dict[str, int]:
    kind = f"{FORMAT}/templates"
    folder = f"{kind}/{folder_of(root).name}"
    (shard,) = shards(root)
    private_files = [f"{folder}/{name}" for name in ("spec.json", "embedding.lock", shard.name)]
    private_folders = [".", FORMAT, kind, folder]
    return dict.fromkeys(private_folders, 0o700) | dict.fromkeys(private_files, 0o600)


def test_only_the_owner_may_look(root: Path) -> None:
    before = os.umask(0)
    try:
        store = DiskTemplateStore(root, SPEC)
        with store.embedding():
            store.add(digests("a"), templates(1))
    finally:
        os.umask(before)
    assert modes(root) == expected_modes(root)


def test_a_root_that_all_may_read_keeps_its_mode_and_private_folders(root: Path) -> None:
    root.mkdir()
    root.chmod(0o777)
    store = DiskTemplateStore(root, SPEC)
    with store.embedding():
        store.add(digests("a"), templates(1))
    assert modes(root) == expected_modes(root) | {".": 0o777}


# ---------------------------------------------------------------------------------------- damaged shards

Damage = Callable[[Path], None]


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-5])


def empty(shard: Path) -> None:
    shard.write_bytes(b"")


def alter_a_byte(shard: Path) -> None:
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)


def replace_by_a_folder(shard: Path) -> None:
    shard.unlink()
    shard.mkdir()


def replace_by_a_pipe(shard: Path) -> None:
    shard.unlink()
    os.mkfifo(shard)


def replace_by_a_dangling_link(shard: Path) -> None:
    shard.unlink()
    shard.symlink_to("nowhere")


@pytest.mark.parametrize(
    "damage",
    [truncate, empty, alter_a_byte, replace_by_a_folder, replace_by_a_pipe, replace_by_a_dangling_link],
)
def test_a_damaged_shard_is_passed_over_and_its_images_are_missing(
    damage: Damage, root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a", "b"), templates(2, seed=1))
    (shard,) = shards(root)
    store.add(digests("c"), templates(1, seed=2))
    damage(shard)

    found = DiskTemplateStore(root, SPEC)
    found.refresh()

    assert found.damaged == (shard.name,)
    assert found.missing(digests("a", "b", "c")) == digests("a", "b")
    assert_same(found.get(digests("c")), templates(1, seed=2))


@pytest.mark.parametrize("damage", [truncate, empty, alter_a_byte, replace_by_a_dangling_link])
def test_embedding_again_puts_a_whole_shard_in_the_place_of_a_damaged_one(
    damage: Damage, root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a", "b"), templates(2))
    (shard,) = shards(root)
    damage(shard)
    waiting = DiskTemplateStore(root, SPEC)

    DiskTemplateStore(root, SPEC).add(digests("a", "b"), templates(2))
    waiting.refresh()

    for found in (waiting, DiskTemplateStore(root, SPEC)):
        assert_same(found.get(digests("a", "b")), templates(2))
    assert DiskTemplateStore(root, SPEC).damaged == ()


def test_a_shard_that_was_made_whole_again_is_not_taken_away(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a", "b"), templates(2))
    (shard,) = shards(root)
    alter_a_byte(shard)
    waiting, mending = DiskTemplateStore(root, SPEC), DiskTemplateStore(root, SPEC)

    with mending.embedding():
        assert shards(root) == []
        mending.add(digests("a", "b"), templates(2))
    for again in (mending, waiting):
        with again.embedding():
            assert shards(root) == [shard]
        assert again.damaged == (shard.name,)
    assert_same(DiskTemplateStore(root, SPEC).get(digests("a", "b")), templates(2))


def test_a_foreign_file_with_a_shards_ending_is_passed_over(root: Path, store: DiskTemplateStore) -> None:
    (folder_of(root) / "model.safetensors").write_bytes(save({"x": np.zeros(3)}))
    (folder_of(root) / "notes.txt").write_text("not a shard")
    found = DiskTemplateStore(root, SPEC)
    assert (found.damaged, len(found)) == (("model.safetensors",), 0)


def arrays(**changed: Any) -> dict[str, Any]:
    """Two images, the first with two faces and the second with one."""
    good = found_faces(2, 1)
    return {
        "digests": np.frombuffer(bytes.fromhex("".join(digests("a", "b"))), np.uint8).reshape(2, 32),
        "n_faces": good.n_faces,
        "vectors": good.templates.vectors,
        "norms": good.templates.norms,
        "faces": good.faces,
    } | changed


def without(name: str) -> dict[str, Any]:
    return {other: array for other, array in arrays().items() if other != name}


def faces_with(number: float, column: int) -> np.ndarray[Any, Any]:
    faces: np.ndarray[Any, Any] = arrays()["faces"].copy()
    faces[1, column] = number
    return faces


UNSOUND = {
    "another dimension": arrays(vectors=rows(3, dimension=5).vectors),
    "one row": arrays(vectors=rows(2).vectors[0]),
    "a vector alone": arrays(vectors=np.ones((), np.float32)),
    "fewer vectors": arrays(vectors=rows(2).vectors),
    "more vectors": arrays(vectors=rows(4).vectors),
    "fewer norms": arrays(norms=rows(2).norms),
    "float64 vectors": arrays(vectors=rows(3).vectors.astype(np.float64)),
    "float16 vectors": arrays(vectors=rows(3).vectors.astype(np.float16)),
    "float64 norms": arrays(norms=rows(3).norms.astype(np.float64)),
    "short digests": arrays(digests=np.zeros((2, 20), np.uint8)),
    "digests of integers": arrays(digests=np.zeros((2, 32), np.int64)),
    "a scalar": arrays(digests=np.zeros((), np.uint8)),
    "digests in a row": arrays(digests=np.zeros(64, np.uint8)),
    "no digests": without("digests"),
    "NaN": arrays(vectors=np.full((3, DIMENSION), np.nan, np.float32)),
    "zeros": arrays(vectors=np.zeros((3, DIMENSION), np.float32)),
    "rows of length 2": arrays(vectors=2 * rows(3).vectors),
    "infinite": arrays(vectors=np.full((3, DIMENSION), np.inf, np.float32)),
    "a norm of NaN": arrays(norms=np.array([1, 1, np.nan], np.float32)),
    "a norm of 0": arrays(norms=np.array([1, 1, 0], np.float32)),
    "an infinite norm": arrays(norms=np.array([1, 1, np.inf], np.float32)),
    "no norms": without("norms"),
    "no vectors": without("vectors"),
    "no numbers of faces": without("n_faces"),
    "more faces than rows": arrays(n_faces=np.array([2, 2])),
    "fewer faces than rows": arrays(n_faces=np.array([2, 0])),
    "less than no face": arrays(n_faces=np.array([4, -1])),
    "a sum that runs over": arrays(
        digests=np.zeros((3, 32), np.uint8), n_faces=np.array([2**63 - 1, 2**63 - 1, 5])
    ),
    "numbers of one image": arrays(n_faces=np.array([3])),
    "numbers of three images": arrays(n_faces=np.array([1, 1, 1])),
    "numbers of faces in 32 bits": arrays(n_faces=np.array([2, 1], np.int32)),
    "numbers of faces that are floats": arrays(n_faces=np.array([2.0, 1.0])),
    "fewer boxes": arrays(faces=arrays()["faces"][:2]),
    "boxes alone": arrays(faces=arrays()["faces"][:, :4]),
    "float64 boxes": arrays(faces=arrays()["faces"].astype(np.float64)),
    "a box of NaN": arrays(faces=faces_with(np.nan, 0)),
    "an infinite point": arrays(faces=faces_with(np.inf, 13)),
    "a confidence above 1": arrays(faces=faces_with(1.01, 14)),
    "a confidence below 0": arrays(faces=faces_with(-0.01, 14)),
}


def test_a_shard_of_sound_templates_is_used(root: Path, store: DiskTemplateStore) -> None:
    write_shard(root, save(arrays()))
    found = DiskTemplateStore(root, SPEC)
    assert found.damaged == ()
    assert_same(found.get(digests("a", "b")), found_faces(2, 1))


@pytest.mark.parametrize("content", UNSOUND.values(), ids=UNSOUND)
def test_a_shard_of_unsound_templates_is_never_used(
    content: dict[str, Any], root: Path, store: DiskTemplateStore
) -> None:
    name = write_shard(root, save({key: np.ascontiguousarray(array) for key, array in content.items()}))
    found = DiskTemplateStore(root, SPEC)
    assert (found.damaged, found.missing(digests("a", "b"))) == ((name,), digests("a", "b"))


def test_a_shard_of_a_number_type_that_numpy_has_not_is_never_used(
    root: Path, store: DiskTemplateStore
) -> None:
    header = b'{"digests":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    name = write_shard(root, len(header).to_bytes(8, "little") + header + b"ab")
    assert DiskTemplateStore(root, SPEC).damaged == (name,)


# -------------------------------------------------------------------------------------- broken embedders


def refused(store: DiskTemplateStore, broken: FaceTemplates) -> str:
    with pytest.raises(ModelError) as error:
        store.add(digests("a", "b"), broken)
    return str(error.value)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"vectors": np.full((2, DIMENSION), np.nan, np.float32)}, "vectors that are not of length 1"),
        ({"norms": np.array([1, np.nan], np.float32)}, "norms that are not finite and above 0"),
        (
            {"vectors": rows(3).vectors, "norms": rows(3).norms},
            "2 faces, vectors of shape (3, 4) and norms of shape (3,)",
        ),
        (
            {"vectors": rows(2, dimension=5).vectors},
            "2 faces, vectors of shape (2, 5) and norms of shape (2,)",
        ),
        (
            {"vectors": rows(2).vectors.astype(np.float64)},
            "numbers of faces of type int64, vectors of type float64 and norms of type float32",
        ),
    ],
)
def test_templates_that_would_never_match_are_refused(
    changed: dict[str, Any], found: str, root: Path, store: DiskTemplateStore
) -> None:
    broken = dataclasses.replace(templates(2), templates=dataclasses.replace(rows(2), **changed))
    assert refused(store, broken) == (
        "embedder 'tiny' gave templates that cannot be compared\n"
        f"Found {found}; expected 2 finite float32 rows of length 1 and dimension 4, with their lengths before "
        "scaling. The embedder is broken."
    )
    assert (shards(root), len(store)) == ([], 0)


@pytest.mark.parametrize(
    ("n_faces", "found"),
    [
        ([3, 0], "3 faces, vectors of shape (2, 4) and norms of shape (2,)"),
        ([1, 1, 1], "numbers of faces of shape (3,) for 2 images"),
        ([4, -1], "numbers of faces below 0"),
    ],
)
def test_rows_that_belong_to_no_image_are_refused(
    n_faces: list[int], found: str, root: Path, store: DiskTemplateStore
) -> None:
    broken = dataclasses.replace(found_faces(1, 1), n_faces=np.array(n_faces))
    assert refused(store, broken) == (
        "embedder 'tiny' gave templates that cannot be compared\n"
        f"Found {found}; expected 3 finite float32 rows of length 1 and dimension 4, with their lengths before "
        "scaling. The embedder is broken."
    )
    assert (shards(root), len(store)) == ([], 0)


@pytest.mark.parametrize(
    ("faces", "found"),
    [
        (arrays()["faces"][:2], "faces of shape (2, 15) and type float32"),
        (arrays()["faces"].astype(np.float64), "faces of shape (3, 15) and type float64"),
        (faces_with(np.nan, 5), "faces that are not finite, or a confidence that is no probability"),
        (faces_with(1.5, 14), "faces that are not finite, or a confidence that is no probability"),
    ],
)
def test_faces_that_cannot_be_are_refused(
    faces: Any, found: str, root: Path, store: DiskTemplateStore
) -> None:
    assert refused(store, dataclasses.replace(found_faces(2, 1), faces=faces)) == (
        "the faces for embedder 'tiny' cannot be kept\n"
        f"Found {found}; expected 3 float32 rows of box, five points and confidence in [0, 1], or none for whole "
        "pictures. The detector is broken, or two alignments share a spec."
    )
    assert (shards(root), len(store)) == ([], 0)


# --------------------------------------------------------------------------------------------- many users


def test_two_stores_see_each_others_shards_after_refresh(root: Path, store: DiskTemplateStore) -> None:
    other = DiskTemplateStore(root, SPEC)
    store.add(digests("a"), templates(1, seed=1))
    other.add(digests("b"), templates(1, seed=2))
    assert (store.missing(digests("b")), other.missing(digests("a"))) == (digests("b"), digests("a"))

    with store.embedding():
        assert store.missing(digests("a", "b")) == []
    other.refresh()

    assert_same(other.get(digests("a")), templates(1, seed=1))
    assert_same(store.get(digests("b")), templates(1, seed=2))


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_templates as t
root, me = Path(sys.argv[2]), int(sys.argv[3])
store = t.DiskTemplateStore(root, t.SPEC)
for turn in range(20):
    own = [digest for digest in t.digests((me, turn), "shared")]
    store.add(own[:1], t.templates(1, seed=100 * me + turn))
    with store.embedding():
        if store.missing(own[1:]):
            store.add(own[1:], t.templates(1, seed=7))
            print("embedded the shared image")
"""


def test_many_processes_write_at_once_and_do_no_work_twice(root: Path) -> None:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", WRITER, here, str(root)]
    writers = [
        subprocess.Popen([*command, str(me)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for me in range(4)
    ]
    output = [writer.communicate(timeout=60) for writer in writers]

    assert [errors for _, errors in output] == [""] * 4
    assert "".join(printed for printed, _ in output) == "embedded the shared image\n"
    store = DiskTemplateStore(root, SPEC)
    assert (len(store), store.damaged) == (4 * 20 + 1, ())
    for me in range(4):
        for turn in range(20):
            assert_same(store.get(digests((me, turn))), templates(1, seed=100 * me + turn))
    assert [path.name for path in store.folder.iterdir() if path.suffix == ".tmp"] == []


HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_templates as t
with t.DiskTemplateStore(Path(sys.argv[2]), t.SPEC).embedding():
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_embeds_at_a_time_and_a_killed_one_leaves_no_lock(
    root: Path, store: DiskTemplateStore
) -> None:
    entered = threading.Event()

    def enter() -> None:
        with store.embedding():
            entered.set()

    waiting = threading.Thread(target=enter, daemon=True)
    command = [sys.executable, "-c", HOLDER, str(Path(__file__).parent), str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waiting.start()
        assert not entered.wait(0.3)
        holder.kill()
    assert entered.wait(10)
    waiting.join()


def test_stale_temporaries_are_removed_and_young_ones_kept(store: DiskTemplateStore) -> None:
    stale, young = store.folder / ".1.a.tmp", store.folder / ".2.b.tmp"
    for path in (stale, young):
        path.write_bytes(b"torn")
    day = 24 * 3600
    os.utime(stale, (time.time() - day - 60,) * 2)
    os.utime(young, (time.time() - day + 60,) * 2)

    with store.embedding():
        assert (stale.exists(), young.exists()) == (False, True)


# ------------------------------------------------------------------------------------------------ trouble


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody can make a folder")
def test_a_root_that_cannot_be_made_is_a_store_error() -> None:
    root = Path("/proc/faceleak")
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(root, SPEC)
    assert refused.value.message == "the template store cannot be made: No such file or directory"
    assert refused.value.detail == f"{folder_of(root)}: {ADVICE}"


@pytest.mark.parametrize("place", ["root", "version", "kind", "spec", "above"])
def test_a_file_in_the_place_of_a_folder_is_a_store_error(place: str, root: Path, tmp_path: Path) -> None:
    file = {
        "root": root,
        "version": root / FORMAT,
        "kind": root / FORMAT / "templates",
        "spec": folder_of(root),
        "above": tmp_path / "file",
    }[place]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    asked = tmp_path / "file" / "store" if place == "above" else root
    words = "Not a directory" if place == "above" else "File exists"
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(asked, SPEC)
    assert str(refused.value) == (f"the template store cannot be made: {words}\n{folder_of(asked)}: {ADVICE}")


def test_a_store_that_goes_away_is_a_store_error(root: Path, store: DiskTemplateStore) -> None:
    root.rename(root.with_name("elsewhere"))
    for verb, act in {
        "read": store.refresh,
        "written": lambda: store.add(digests("a"), templates(1)),
    }.items():
        with pytest.raises(StoreError) as refused:
            act()
        assert str(refused.value) == (
            f"the template store cannot be {verb}: No such file or directory\n{folder_of(root)}: {ADVICE}"
        )
    assert store.missing(digests("a")) == digests("a")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_templates as t
store = t.DiskTemplateStore(Path(sys.argv[2]), t.SPEC)
store.add(t.digests("a"), t.templates(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    store.add(t.digests(*range(1000)), t.templates(1000))
except t.StoreError as error:
    print(error)
print(len(store))
"""


def test_a_file_that_cannot_grow_is_a_store_error_and_leaves_nothing_behind(root: Path) -> None:
    ran = run_python(FULL_DISK, Path(__file__).parent, root)
    folder = folder_of(root)
    assert ran.stdout == f"the template store cannot be written: File too large\n{folder}: {ADVICE}\n1\n", (
        ran.stderr
    )
    (shard,) = shards(root)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["spec.json", shard.name])


def in_a_mount(root: Path, mount: str, code: str) -> str:
    """Runs code in a name space of its own, after a shell command that mounts something on the store."""
    python = f'{sys.executable} -c "$1" {Path(__file__).parent} "$2"'
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f"set -e; {mount}; {python}",
        "sh",
        code,
        str(root),
    ]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("needs the command `unshare`, which is not there")
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip(f"this system lets nobody mount: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


NO_SPACE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_templates as t
root = Path(sys.argv[2])
store = t.DiskTemplateStore(root, t.SPEC)
store.add(t.digests("a"), t.templates(1))
try:
    store.add(t.digests(*range(10_000)), t.templates(10_000))
except t.StoreError as error:
    print(error)
print(len(store), len(t.DiskTemplateStore(root, t.SPEC)), len(list(store.folder.iterdir())))
"""


def test_a_full_disk_is_a_store_error_and_leaves_nothing_behind(root: Path) -> None:
    root.mkdir()
    printed = in_a_mount(root, 'mount -t tmpfs -o size=64k none "$2"', NO_SPACE)
    message = f"the template store cannot be written: No space left on device\n{folder_of(root)}: {ADVICE}\n"
    assert printed == f"{message}1 1 2\n"


READ_ONLY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_templates as t
store = t.DiskTemplateStore(Path(sys.argv[2]), t.SPEC)
with store.embedding():
    t.assert_same(store.get(t.digests("a", "b")), t.templates(2))
    try:
        store.add(t.digests("c"), t.templates(1))
    except t.StoreError as error:
        print(error)
"""


def test_a_read_only_store_gives_what_it_has_and_refuses_more(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a", "b"), templates(2))
    bind = 'mount --bind "$2" "$2"; mount -o remount,bind,ro "$2"'
    printed = in_a_mount(root, bind, READ_ONLY)
    assert printed == (
        f"the template store cannot be written: Read-only file system\n{folder_of(root)}: {ADVICE}\n"
    )


# ------------------------------------------------------------------------------------------- default root


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path / "mine"))
    assert default_root() == tmp_path / "mine"


@pytest.mark.parametrize("unset", [True, False])
def test_without_it_the_store_is_in_the_users_cache(
    unset: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("FACELEAK_STORE", "")
    if unset:
        monkeypatch.delenv("FACELEAK_STORE")
    assert default_root() == tmp_path / "faceleak-check" / "templates"
