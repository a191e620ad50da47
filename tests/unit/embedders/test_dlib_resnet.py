"""dlib-resnet against dlib itself, on real faces."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from faceleak_check.embedders.dlib_resnet import PUBLISHED_SHA256, DlibResNet
from faceleak_check.errors import ModelError
from faceleak_check.faces.align import whole_picture
from faceleak_check.landmarks import DLIB_150
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder, Pixels
from faceleak_check.records import Templates
from faceleak_check.search.exact import nearest

pytestmark = pytest.mark.needs("offline")

ByDlib = Callable[[Sequence[Pixels]], npt.NDArray[np.float64]]

INSTALL = "pip install 'faceleak-check[offline]'"
FILE = "dlib_face_recognition_resnet_model_v1.dat"


def published_weights() -> Path:
    package = find_spec("face_recognition_models")
    assert package is not None
    (folder,) = package.submodule_search_locations or []
    return Path(folder) / "models" / FILE


def make(**keys: Any) -> DlibResNet:
    return DlibResNet(EmbedderChoice(name="dlib-resnet", **keys))


def embed_all(embedder: DlibResNet, faces: Sequence[Pixels]) -> Templates:
    chips = np.stack([whole_picture(face, 150) for face in faces])
    parts = [embedder.embed(chips[start : start + 32]) for start in range(0, len(chips), 32)]
    return Templates(
        vectors=np.concatenate([part.vectors for part in parts]),
        norms=np.concatenate([part.norms for part in parts]),
    )


@pytest.fixture(scope="module")
def embedder() -> DlibResNet:
    made = make()
    made.load()
    return made


@pytest.fixture(scope="module")
def faces(lfw_faces: list[Pixels]) -> list[Pixels]:
    return lfw_faces[:100]


@pytest.fixture(scope="module")
def ours(embedder: DlibResNet, faces: list[Pixels]) -> Templates:
    return embed_all(embedder, faces)


@pytest.fixture(scope="module")
def by_dlib() -> ByDlib:
    network = dlib.face_recognition_model_v1(str(published_weights()))

    def embed(faces: Sequence[Pixels]) -> npt.NDArray[np.float64]:
        chips = [np.ascontiguousarray(whole_picture(face, 150)) for face in faces]
        return np.array(network.compute_face_descriptor(chips))

    return embed


@pytest.fixture(scope="module")
def theirs(by_dlib: ByDlib, faces: list[Pixels]) -> npt.NDArray[np.float64]:
    return by_dlib(faces)


# ------------------------------------------------------------------------------------------ equal to dlib


def embeddings(templates: Templates) -> npt.NDArray[np.float64]:
    return templates.vectors.astype(np.float64) * templates.norms[:, None]


def test_equals_dlib_on_a_hundred_faces(ours: Templates, theirs: npt.NDArray[np.float64]) -> None:
    assert ours.vectors.shape == (100, 128)
    assert np.abs(embeddings(ours) - theirs).max() < 1e-5


def test_equals_dlib_on_photographs_of_all_shapes(
    shared_faces: Path, embedder: DlibResNet, by_dlib: ByDlib
) -> None:
    paths = sorted((shared_faces / "identities").glob("*/*"))[::6]
    photographs = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    assert len(photographs) > 25
    assert np.abs(embeddings(embed_all(embedder, photographs)) - by_dlib(photographs)).max() < 1e-5


def test_rows_have_length_one_and_lengths_are_kept(ours: Templates, theirs: npt.NDArray[np.float64]) -> None:
    np.testing.assert_allclose(np.linalg.norm(ours.vectors.astype(np.float64), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(ours.norms, np.linalg.norm(theirs, axis=1), atol=1e-5)
    assert (ours.vectors.dtype, ours.norms.dtype) == (np.float32, np.float32)
    assert np.abs(ours.norms - 1).min() > 0.1


def test_euclidean_distances_are_dlibs_own(ours: Templates, theirs: npt.NDArray[np.float64]) -> None:
    """So that dlib's rule, a distance below 0.6, means what dlib means."""
    found = nearest(ours, ours, 100, metric="euclidean")
    rows, distance = found.rows, found.distance
    expected = np.linalg.norm(theirs[:, None] - theirs[None], axis=2)
    np.testing.assert_allclose(distance, np.take_along_axis(expected, rows, axis=1), atol=1e-5)


def test_bf16_is_near_to_fp32(ours: Templates, faces: list[Pixels]) -> None:
    quick = make(precision="bf16")
    assert quick.spec.precision == "bf16"
    quick.load()
    cosines = (embed_all(quick, faces).vectors.astype(np.float64) * ours.vectors).sum(axis=1)
    assert cosines.min() >= 0.9999
    assert cosines.min() < 1 - 1e-7, "bf16 arithmetic was not used"


# ------------------------------------------------------------------------------- alone and in company


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_template_depends_on_its_picture_alone(precision: str, faces: list[Pixels]) -> None:
    """Neither on how full the batch is, nor on the place in it, nor on the others, to the last bit."""
    embedder = make(precision=precision)
    chips = np.stack([whole_picture(face, 150) for face in faces[:40]])
    alone = embedder.embed(chips[:1])
    for batch, place in (
        (chips[:32], 0),
        (chips[:5], 0),
        (np.roll(chips[:32], 31, axis=0), 31),
        (np.concatenate([chips[20:37], chips[:1], chips[9:12]]), 17),
    ):
        templates = embedder.embed(batch)
        assert len(templates) == len(batch)
        assert templates.vectors[place].tobytes() == alone.vectors[0].tobytes()
        assert templates.norms[place].tobytes() == alone.norms[0].tobytes()


def test_threads_of_one_core_compute_the_same_and_are_left_as_they_are(
    embedder: DlibResNet, ours: Templates, faces: list[Pixels]
) -> None:
    chips = np.stack([whole_picture(face, 150) for face in faces[:32]])
    cores: list[int] = []

    def work(_: int) -> Templates:
        templates = embedder.embed(chips)
        cores.append(torch.get_num_threads())
        return templates

    before = torch.get_num_threads()
    with ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as threads:
        made = list(threads.map(work, range(4)))
    # for the threads that come after this test
    torch.set_num_threads(before)

    assert cores == [1] * 4
    for templates in made:
        assert templates.vectors.tobytes() == made[0].vectors.tobytes()
        np.testing.assert_allclose(templates.vectors, ours.vectors[:32], atol=1e-6)


def test_chips_that_must_not_be_written_are_taken_too(embedder: DlibResNet) -> None:
    chips = np.zeros((32, 150, 150, 3), np.uint8)
    chips.flags.writeable = False
    assert len(embedder.embed(chips)) == 32


def test_it_does_all_that_an_embedder_must(embedder: DlibResNet) -> None:
    assert isinstance(embedder, Embedder)
    assert (embedder.spec.name, embedder.spec.dimension, embedder.spec.input_size) == (
        "dlib-resnet",
        128,
        150,
    )
    assert (embedder.spec.weights_sha256, embedder.spec.licence) == (PUBLISHED_SHA256, "CC0-1.0")
    assert (embedder.spec.precision, embedder.spec.device) == ("fp32", "cpu")
    assert (embedder.spec.template, embedder.name) == (DLIB_150, "dlib-resnet")


def test_doctor_can_tell_where_the_weights_are() -> None:
    file = DlibResNet.model_file(EmbedderChoice(name="dlib-resnet"))
    assert (file.find(), file.command, file.sha256) == (published_weights(), INSTALL, PUBLISHED_SHA256)


def test_weights_of_ones_own_have_the_licence_that_is_stated(tmp_path: Path) -> None:
    own = tmp_path / "own.dat"
    own.write_bytes(b"whatever")
    digest = hashlib.sha256(b"whatever").hexdigest()
    spec = make(weights=own, sha256=digest).spec
    assert (spec.weights_sha256, spec.licence) == (digest, "not stated")
    assert make(weights=own, sha256=digest, licence="MIT").spec.licence == "MIT"
    assert make(licence="MIT").spec.licence == "CC0-1.0"


# ------------------------------------------------------------------------------------------------ weights


def refused(message: str, detail: str, **keys: Any) -> None:
    with pytest.raises(ModelError) as error:
        make(**keys).load()
    assert str(error.value) == f"{message}\n{detail}"


@pytest.mark.parametrize(
    ("name", "words"), [("none.dat", "No such file or directory"), ("", "Is a directory")]
)
def test_weights_that_cannot_be_read(name: str, words: str, tmp_path: Path) -> None:
    refused(
        "the weights of embedder 'dlib-resnet' cannot be read",
        f"{tmp_path / name}: {words}. Correct `embedder.weights`, or leave it out and run: {INSTALL}",
        weights=tmp_path / name,
    )


def altered(data: bytes) -> bytes:
    return data[:1_000_000] + bytes([data[1_000_000] ^ 1]) + data[1_000_001:]


@pytest.mark.parametrize(
    "change", [altered, lambda data: data[:-1], lambda _: b"no network at all\n", lambda _: b""]
)
def test_weights_that_are_not_the_published_ones_are_never_used(
    change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / FILE
    path.write_bytes(change(published_weights().read_bytes()))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    refused(
        "the weights of embedder 'dlib-resnet' are not the expected ones",
        f"{path}: found SHA-256 {found}, expected {PUBLISHED_SHA256}. Restore the file ({INSTALL}), or state the "
        "digest of your own weights as `embedder.sha256`.",
        weights=path,
    )


def test_the_installed_weights_must_have_the_digest_asked_for() -> None:
    refused(
        "the weights of embedder 'dlib-resnet' are not the expected ones",
        f"{published_weights()}: found SHA-256 {PUBLISHED_SHA256}, expected {'0' * 64}. Restore the file "
        f"({INSTALL}), or state the digest of your own weights as `embedder.sha256`.",
        sha256="0" * 64,
    )


NO_LAYERS = "found 0 convolutions, 0 affine layers and 0 fully connected layers, expected 29, 29 and 1"


def first_convolution(data: bytes) -> int:
    """Where its tensor starts: version 01 02, first dimension 02 80 12, three ones, then numbers."""
    return data.index(b"\x01\x05con_4") + 7


def another_version(data: bytes) -> bytes:
    start = first_convolution(data)
    return data[:start] + b"\x01\x03" + data[start + 2 :]


def a_negative_dimension(data: bytes) -> bytes:
    start = first_convolution(data) + 2
    return data[:start] + b"\x82" + data[start + 1 :]


def one_parameter_less(data: bytes) -> bytes:
    start = first_convolution(data) + 2
    return data[:start] + b"\x02\x7f\x12" + data[start + 3 : start + 9] + data[start + 13 :]


def one_feature_less(data: bytes) -> bytes:
    """The last layer: 01 80, 02 00 01, version 01 02, dimensions 02 00 01, 01 80, 01 01, 01 01, then numbers."""
    start = data.index(b"\x01\x04fc_2") + 6 + 5 + 2
    return data[:start] + b"\x02\xff\x00" + data[start + 3 : start + 9] + data[start + 9 + 4 * 128 :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: b"no network at all\n", NO_LAYERS),
        (lambda _: b"", NO_LAYERS),
        (lambda data: data[: len(data) // 2], "the file ends inside a layer"),
        (lambda data: data[: data.index(b"con_4") + 5], "the file ends inside a layer"),
        (another_version, "found a tensor of version 3 and shape [4736, 1, 1, 1], expected version 2"),
        (a_negative_dimension, "found a tensor of version 2 and shape [-4736, 1, 1, 1], expected version 2"),
        (
            one_parameter_less,
            "a convolution and its affine layer have 4,735 and 64 parameters, expected 4,736 and 64",
        ),
        (one_feature_less, "the last layer has 32,640 parameters, expected 32,768"),
    ],
)
def test_weights_with_the_stated_digest_that_are_no_dlib_network(
    change: Callable[[bytes], bytes], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.dat"
    path.write_bytes(change(published_weights().read_bytes()))
    refused(
        "the weights of embedder 'dlib-resnet' are not dlib's face network",
        f"{path}: {words}. Use {FILE}: {INSTALL}",
        weights=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def test_the_published_weights_may_lie_elsewhere(
    tmp_path: Path, ours: Templates, faces: list[Pixels]
) -> None:
    path = tmp_path / "mine.dat"
    path.write_bytes(published_weights().read_bytes())
    elsewhere = make(weights=path)
    elsewhere.load()
    path.unlink()
    np.testing.assert_array_equal(embed_all(elsewhere, faces[:2]).vectors, ours.vectors[:2])


NOT_INSTALLED = """
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name == "face_recognition_models":
            sys.path[:] = [folder for folder in sys.path if "site-packages" not in folder]
        return None
sys.path.insert(0, sys.argv[1])
from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
sys.meta_path.insert(0, Nowhere())
try:
    DlibResNet(EmbedderChoice(name="dlib-resnet"))
except ModelError as error:
    print(error)
"""


def run_python(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_weights_that_are_not_installed_name_the_command(tmp_path: Path) -> None:
    assert run_python(NOT_INSTALLED, tmp_path) == (
        "the weights of embedder 'dlib-resnet' are not installed\n"
        f"Run: {INSTALL} — or name the file {FILE} as `embedder.weights`.\n"
    )


def test_a_package_of_that_name_without_the_file_is_not_installed_either(tmp_path: Path) -> None:
    (tmp_path / "face_recognition_models").mkdir()
    (tmp_path / "face_recognition_models" / "__init__.py").write_text("raise ImportError('pkg_resources')\n")
    code = NOT_INSTALLED.replace("sys.meta_path.insert(0, Nowhere())", "")
    assert (
        run_python(code, tmp_path).splitlines()[0]
        == "the weights of embedder 'dlib-resnet' are not installed"
    )


def test_a_package_that_fails_on_import_is_enough(tmp_path: Path) -> None:
    """The older of the two packages does."""
    models = tmp_path / "face_recognition_models" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise ImportError('pkg_resources')\n")
    (models / FILE).symlink_to(published_weights())
    code = NOT_INSTALLED.replace("sys.meta_path.insert(0, Nowhere())", "")
    assert run_python(code, tmp_path) == ""


# ------------------------------------------------------------------------------------- device and laziness


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_a_model_error() -> None:
    refused(
        "the policy asks for device 'cuda' and there is none",
        "Run on a machine with a CUDA device, or set `device: cpu`.",
        device="cuda",
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_the_device_is_settled_before_the_spec_is_made() -> None:
    assert make(device="auto").spec.device == "cpu"


def test_torch_is_not_imported_before_the_network_is_loaded() -> None:
    code = """
import sys
from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.policy.schema import EmbedderChoice
embedder = DlibResNet(EmbedderChoice(name="dlib-resnet", precision="bf16"))
print("torch" in sys.modules, embedder.spec.precision)
embedder.load()
print("torch" in sys.modules)
"""
    assert run_python(code) == "False bf16\nTrue\n"


def test_an_embedding_that_is_not_finite_is_refused(tmp_path: Path, faces: list[Pixels]) -> None:
    data = bytearray(published_weights().read_bytes())
    start = first_convolution(data) + 11
    data[start : start + 400] = np.full(100, np.nan, "<f4").tobytes()
    path = tmp_path / "own.dat"
    path.write_bytes(data)
    broken = make(weights=path, sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(ModelError) as error:
        embed_all(broken, faces[:1])
    assert str(error.value) == (
        "embedder 'dlib-resnet' gave an embedding that is zero or not finite\n"
        "The weights or the arithmetic of this device are broken; no template was stored."
    )
