"""The ``onnx`` embedder on networks that are written here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_networks import by_torch, network, save, save_apart

from faceleak_check.embedders.onnx import OnnxEmbedder
from faceleak_check.errors import ModelError
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder
from faceleak_check.records import EmbedderSpec

INSIGHTFACE: Mapping[str, Any] = {"colour_order": "RGB", "mean": 127.5, "std": 127.5}
NOTES = {"faceleak.colour_order": "BGR", "faceleak.mean": "100", "faceleak.std": "5e1"}
USUAL = (
    "Usual for InsightFace's ArcFace files: `colour_order: RGB`, `mean: 127.5`, `std: 127.5`, "
    "`template: arcface-112`."
)
NO_FACE_CHIPS = "the network of embedder 'onnx' does not take face chips"
NO_EMBEDDING = "the network of embedder 'onnx' does not give one embedding a picture"
NOT_WHOLE = "the file of embedder 'onnx' is no whole ONNX file"
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'onnx': pip install '.[onnx]'")
VERSION = onnxruntime.__version__


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "face.onnx"


@pytest.fixture(scope="module")
def chips() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)


def make(path: Path, **keys: Any) -> OnnxEmbedder:
    return OnnxEmbedder(EmbedderChoice(name="onnx", weights=path, **keys))


def made(model: onnx.ModelProto, path: Path, **keys: Any) -> OnnxEmbedder:
    embedder = make(save(model, path), **{**INSIGHTFACE, **keys})
    embedder.load()
    return embedder


def refused(path: Path, message: str, detail: str, **keys: Any) -> None:
    with pytest.raises(ModelError) as error:
        make(path, **keys).load()
    assert (error.value.message, error.value.detail) == (message, detail)
    assert str(path) not in message


# ------------------------------------------------------------------------------------------------ templates


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (INSIGHTFACE, lambda x: (x - 127.5) / 127.5),
        ({"colour_order": "RGB", "mean": 0, "std": 1}, lambda x: x),
        ({"colour_order": "BGR", "mean": 100, "std": 50}, lambda x: (x[..., ::-1] - 100) / 50),
    ],
)
def test_it_computes_what_torch_computes(
    keys: dict[str, Any], expected: Any, path: Path, chips: npt.NDArray[np.uint8]
) -> None:
    templates = made(network(), path, **keys).embed(chips[:9])
    pictures = np.ascontiguousarray(expected(chips[:9].astype(np.float32)).transpose(0, 3, 1, 2))
    embeddings = by_torch(pictures)
    lengths = np.linalg.norm(embeddings, axis=1)
    np.testing.assert_allclose(templates.norms, lengths, rtol=1e-4)
    np.testing.assert_allclose(templates.vectors, embeddings / lengths[:, None], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(templates.vectors.astype(np.float64), axis=1), 1, atol=1e-6)
    assert (templates.vectors.dtype, templates.norms.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("n", ["N", None, 1])
def test_a_template_depends_on_its_picture_alone(n: Any, path: Path, chips: npt.NDArray[np.uint8]) -> None:
    """To the last bit: neither on how many there are, nor on the place, nor on the others."""
    embedder = made(network(shape=(n, 3, 32, 32), output_shape=(n, 64)), path)
    alone = embedder.embed(chips[:1])
    for batch, place in ((chips[:32], 0), (chips[:5], 0), (np.roll(chips[:32], 31, axis=0), 31)):
        templates = embedder.embed(batch)
        assert len(templates) == len(batch)
        assert templates.vectors[place].tobytes() == alone.vectors[0].tobytes()
        assert templates.norms[place].tobytes() == alone.norms[0].tobytes()


def test_threads_compute_the_same(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    embedder = made(network(), path)
    with ThreadPoolExecutor(2) as threads:
        several = list(threads.map(lambda _: embedder.embed(chips[:8]), range(6)))
    assert {templates.vectors.tobytes() for templates in several} == {several[0].vectors.tobytes()}


def test_an_embedding_of_zero_is_no_template(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    model = network()
    for tensor in model.graph.initializer:
        tensor.raw_data = bytes(len(tensor.raw_data))
    with pytest.raises(ModelError) as error:
        made(model, path).embed(chips[:2])
    assert error.value.message == "embedder 'onnx' gave an embedding that is zero or not finite"


def test_it_is_quiet(path: Path, chips: npt.NDArray[np.uint8], capfd: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime warns of numbers that are not used, and of shapes that turn out otherwise."""
    model = network(output_shape=("N", 64))
    model.graph.initializer.append(helper.make_tensor("unused", TensorProto.FLOAT, [1], [1.0]))
    made(model, path).embed(chips[:3])
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------------------------------------- the spec


def test_the_spec_says_what_was_stated(path: Path) -> None:
    embedder = made(network(shape=("N", 3, 112, 112)), path, template="arcface-112", licence="own")
    assert embedder.spec == EmbedderSpec(
        name="onnx",
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="own",
        dimension=64,
        input_size=112,
        colour_order="RGB",
        normalisation="(RGB - 127.5) / 127.5",
        template=ARCFACE_112,
    )
    assert isinstance(embedder, Embedder)


def test_the_spec_says_what_the_metadata_tells(path: Path) -> None:
    notes = {
        **NOTES,
        "faceleak.template": "arcface-112",
        "faceleak.licence": "CC0-1.0",
        "author": "somebody",
    }
    spec = make(save(network(metadata=notes), path)).spec
    assert (spec.colour_order, spec.normalisation) == ("BGR", "(BGR - 100) / 50")
    assert (spec.template, spec.licence, spec.input_size) == (ARCFACE_112, "CC0-1.0", 32)


def test_stating_what_the_metadata_tells_changes_nothing(path: Path) -> None:
    save(network(metadata=NOTES), path)
    assert make(path, colour_order="BGR", mean=100, std=50, input_size=32).spec == make(path).spec


def test_the_policys_licence_goes_before_the_files(path: Path) -> None:
    save(network(metadata={**NOTES, "faceleak.licence": "CC0-1.0"}), path)
    assert make(path, licence="MIT").spec.licence == "MIT"
    save(network(metadata=NOTES), path)
    assert make(path).spec.licence == "not stated"


def test_the_size_is_stated_where_the_graph_takes_any(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    embedder = made(network(shape=("N", 3, "H", "W")), path, input_size=32)
    assert embedder.spec.input_size == 32
    fixed = made(network(), path.with_name("fixed.onnx"))
    np.testing.assert_array_equal(embedder.embed(chips[:2]).vectors, fixed.embed(chips[:2]).vectors)


@pytest.mark.parametrize("output_shape", [("N", "D"), ("N", None), None])
def test_the_dimension_is_tried_out_where_the_graph_does_not_say(output_shape: Any, path: Path) -> None:
    assert made(network(dimension=48, output_shape=output_shape), path).spec.dimension == 48


def test_further_outputs_that_are_no_embeddings_are_left_alone(path: Path) -> None:
    model = network()
    model.graph.output.append(helper.make_tensor_value_info("d", TensorProto.FLOAT, ("N", 32, 8, 8)))
    assert made(model, path).spec.dimension == 64


# -------------------------------------------------------------------------------- how it takes pictures


@pytest.mark.parametrize(
    ("keys", "none", "state"),
    [
        ({}, "colour_order, mean or std", "`colour_order`, `mean` and `std`"),
        ({"mean": 0, "std": 1}, "colour_order", "`colour_order`"),
        ({"colour_order": "RGB"}, "mean or std", "`mean` and `std`"),
    ],
)
def test_nothing_is_guessed(keys: dict[str, Any], none: str, state: str, path: Path) -> None:
    refused(
        save(network(), path),
        f"embedder 'onnx' is not told how its network takes pictures: no {none}",
        f"{path}: state {state} in the policy's `embedder`, or in the file's metadata as faceleak.colour_order, "
        f"faceleak.mean, faceleak.std and faceleak.template, as the network was trained. {USUAL}",
        **keys,
    )


def test_a_graph_that_takes_any_size_needs_one(path: Path) -> None:
    refused(
        save(network(shape=("N", 3, None, None), metadata=NOTES), path),
        "embedder 'onnx' is not told how its network takes pictures: no input_size",
        f"{path}: state `input_size` in the policy's `embedder`, or in the file's metadata as faceleak.colour_order, "
        f"faceleak.mean, faceleak.std and faceleak.template, as the network was trained. {USUAL}",
    )


@pytest.mark.parametrize(
    ("key", "stated", "told", "where"),
    [
        ("input_size", 112, "32", "in the shape of its input"),
        ("colour_order", "RGB", "BGR", "in the file's metadata (faceleak.colour_order)"),
        ("mean", 127.5, "100", "in the file's metadata (faceleak.mean)"),
        ("std", 127.5, "50", "in the file's metadata (faceleak.std)"),
        ("template", "dlib-150", "arcface-112", "in the file's metadata (faceleak.template)"),
    ],
)
def test_policy_and_file_must_agree(key: str, stated: Any, told: str, where: str, path: Path) -> None:
    refused(
        save(network(metadata={**NOTES, "faceleak.template": "arcface-112"}), path),
        f"the policy and the network of embedder 'onnx' disagree on {key}",
        f"{path}: found {key} {stated} in the policy and {told} {where}. Leave `embedder.{key}` out, or correct one "
        "of them.",
        **{key: stated},
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("colour_order", "rgb", "faceleak.colour_order: found 'rgb', expected 'RGB' or 'BGR'"),
        (
            "mean",
            "half",
            "faceleak.mean: found the text 'half', expected a pixel value between 0 and 255, such as 127.5",
        ),
        ("std", "0", "faceleak.std: found the text '0', expected a number above 0, such as 127.5"),
        (
            "color_order",
            "RGB",
            (
                "unknown key faceleak.color_order, expected faceleak.colour_order, faceleak.mean, faceleak.std, "
                "faceleak.template, faceleak.licence"
            ),
        ),
    ],
)
def test_metadata_that_is_wrong(key: str, value: str, words: str, path: Path) -> None:
    refused(
        save(network(metadata={f"faceleak.{key}": value}), path),
        "the metadata of the ONNX file of embedder 'onnx' is wrong",
        f"{path}: {words}. Correct it in the file, where the `onnx` package shows it as metadata_props.",
        **INSIGHTFACE,
    )


@pytest.mark.parametrize(
    ("shape", "keys", "shown"),
    [(("N", 3, "H", "W"), {"input_size": 8}, "8"), (("N", 3, 2000, 2000), {}, "2,000")],
)
def test_a_size_that_no_face_network_has(shape: Any, keys: Any, shown: str, path: Path) -> None:
    refused(
        save(network(shape=shape), path),
        "the input_size of embedder 'onnx' is not that of a face network",
        f"{path}: found {shown}, expected 16 to 1,024.",
        **INSIGHTFACE,
        **keys,
    )


@pytest.mark.parametrize(("dimension", "shown"), [(2, "2"), (5000, "5,000")])
@pytest.mark.parametrize("told", [True, False])
def test_a_dimension_that_no_face_network_has(dimension: int, shown: str, told: bool, path: Path) -> None:
    refused(
        save(network(dimension=dimension, output_shape=("N", dimension if told else "D")), path),
        "the output of embedder 'onnx' is not that of a face network",
        f"{path}: found {shown}, expected 16 to 4,096 numbers.",
        **INSIGHTFACE,
    )


# ----------------------------------------------------------------------------------- no face network


def with_input(*shape: Any, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    return network(shape=shape, kind=kind)


def with_two_inputs() -> onnx.ModelProto:
    model = network()
    model.graph.input.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, ("N", 1)))
    return model


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (with_input("N", 1, 32, 32), "input 'face' (float, N x 1 x 32 x 32)"),
        (with_input("N", 3, 32, 64), "input 'face' (float, N x 3 x 32 x 64)"),
        (with_input(4, 3, 32, 32), "input 'face' (float, 4 x 3 x 32 x 32)"),
        (with_input("N", 3, 32, 32, kind=TensorProto.FLOAT16), "input 'face' (float16, N x 3 x 32 x 32)"),
        (with_two_inputs(), "inputs 'face' (float, N x 3 x 32 x 32), 'age' (float, N x 1)"),
    ],
)
def test_a_network_that_does_not_take_face_chips(model: onnx.ModelProto, found: str, path: Path) -> None:
    refused(
        save(model, path),
        NO_FACE_CHIPS,
        f"{path}: found {found}; expected exactly one input, of float32, N x 3 x H x W with H = W, and N either open "
        "or 1. Use a face recognition network that takes RGB or BGR pictures.",
        **INSIGHTFACE,
    )


def with_outputs(*outputs: tuple[str, int, tuple[Any, ...]]) -> onnx.ModelProto:
    model = network()
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(*output) for output in outputs)
    return model


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (
            with_outputs(("d", TensorProto.FLOAT, ("N", 32, 8, 8))),
            "output 'd' (float, N x 32 x 8 x 8)",
        ),
        (
            with_outputs(("f", TensorProto.FLOAT, ("N", 32)), ("embedding", TensorProto.FLOAT, ("N", 64))),
            "outputs 'f' (float, N x 32), 'embedding' (float, N x 64)",
        ),
    ],
)
def test_a_network_that_gives_no_embedding(model: onnx.ModelProto, found: str, path: Path) -> None:
    refused(
        save(model, path),
        NO_EMBEDDING,
        f"{path}: found {found}; expected exactly one output of float32, N x D. Use a face recognition network: "
        "networks that find faces or points give other shapes.",
        **INSIGHTFACE,
    )


def reshaping(*shape: int) -> onnx.ModelProto:
    """A network that gives a shape that only a run can tell: it is computed from the picture."""
    model = network(output_shape=("N", 64))
    model.graph.output[0].name = "reshaped"
    model.graph.node.extend(
        [
            helper.make_node("Mul", ["face", "zero"], ["black"]),
            helper.make_node("ReduceMax", ["black"], ["nothing"], keepdims=0),
            helper.make_node("Add", ["nothing", "wanted"], ["sum"]),
            helper.make_node("Cast", ["sum"], ["sizes"], to=TensorProto.INT64),
            helper.make_node("Shape", ["sizes"], ["n_sizes"]),
            helper.make_node("Cast", ["nothing"], ["start"], to=TensorProto.INT64),
            helper.make_node("Reshape", ["start", "one"], ["starts"]),
            helper.make_node("Slice", ["sizes", "starts", "n_sizes"], ["shape"]),
            helper.make_node("Reshape", ["embedding", "shape"], ["reshaped"]),
        ]
    )
    wanted = helper.make_tensor("wanted", TensorProto.FLOAT, [len(shape)], list(shape))
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    model.graph.initializer.extend([wanted, zero, one])
    return model


@pytest.mark.parametrize(
    ("shape", "found"), [((2, 32), "(2, 32)"), ((1, 64, 1), "(1, 64, 1)"), ((64,), "(64,)")]
)
def test_a_network_that_gives_something_else_than_its_graph_says(
    shape: tuple[int, ...], found: str, path: Path
) -> None:
    model = reshaping(*shape)
    model.graph.output[0].ClearField("type")
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    refused(
        save(model, path),
        NO_EMBEDDING,
        f"{path}: found an output of shape {found}, expected (1, D).",
        **INSIGHTFACE,
    )


def test_a_network_that_gives_another_dimension_than_its_graph_says(path: Path) -> None:
    refused(
        save(reshaping(2, 32), path),
        NO_EMBEDDING,
        f"{path}: found an output of shape (2, 32), expected (1, 64).",
        **INSIGHTFACE,
    )


def test_a_network_that_fails_when_it_runs(path: Path) -> None:
    with pytest.raises(ModelError) as error:
        make(save(reshaping(1, 63), path), **INSIGHTFACE).load()
    assert error.value.message == "the network of embedder 'onnx' fails on face chips"
    start = f"{path}: given 1 x 3 x 32 x 32 numbers, ONNX Runtime says: "
    assert error.value.detail.startswith(start)
    assert "requested shape:{1,63}" in error.value.detail.removeprefix(start)


# ------------------------------------------------------------------------------------------------ the file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda _: b"no network at all\n", "its bytes are not of the ONNX format"),
        (
            lambda data: data[: len(data) // 2],
            "the file ends inside a part of it, or is not of the ONNX format",
        ),
        (lambda _: b"\x08\x09", "there is no graph in it"),
        (lambda _: b"\x80" * 20, "the file ends inside a part of it, or is not of the ONNX format"),
        (lambda _: b"\x3a\x02" * 300, "the file ends inside a part of it, or is not of the ONNX format"),
    ],
)
def test_a_file_that_is_no_whole_onnx_file(change: Any, words: str, path: Path) -> None:
    path.write_bytes(change(network().SerializeToString()))
    refused(
        path, NOT_WHOLE, f"{path}: {words}. Name a whole .onnx file as `embedder.weights`.", **INSIGHTFACE
    )


def unknown_operator() -> onnx.ModelProto:
    model = network()
    model.graph.node[1].op_type = "NoSuchOperator"
    return model


def operator_of_somebody() -> onnx.ModelProto:
    model = network()
    model.graph.node[1].domain = "com.somebody"
    model.opset_import.append(helper.make_opsetid("com.somebody", 1))
    return model


def newer_onnx() -> onnx.ModelProto:
    model = network()
    model.opset_import[0].version = 9999
    return model


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (unknown_operator(), "NoSuchOperator"),
        (operator_of_somebody(), "com.somebody:Relu"),
        (newer_onnx(), "9999"),
    ],
)
def test_a_file_that_onnx_runtime_refuses(model: onnx.ModelProto, word: str, path: Path) -> None:
    with pytest.raises(ModelError) as error:
        make(save(model, path), **INSIGHTFACE)
    start = f"{path}: ONNX Runtime {VERSION} says: "
    end = ". Use a whole .onnx file that holds operators of ONNX alone, of a version that this ONNX Runtime knows."
    assert error.value.message == "the file of embedder 'onnx' cannot be opened as a network"
    assert (error.value.detail[: len(start)], error.value.detail[-len(end) :]) == (start, end)
    words = error.value.detail[len(start) : -len(end)]
    assert word in words
    assert "\n" not in words
    assert not {"[ONNXRuntimeError]", "onnxruntime_src", str(path)} & set(words.split())


# ------------------------------------------------------------------------------- numbers in another file


def test_numbers_may_lie_in_a_file_beside(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    save_apart(network(), path, "numbers.bin")
    apart, whole = make(path, **INSIGHTFACE), made(network(), path.with_name("whole.onnx"))
    np.testing.assert_array_equal(apart.embed(chips[:2]).vectors, whole.embed(chips[:2]).vectors)


def test_the_digest_covers_the_numbers_in_a_file_beside(path: Path) -> None:
    """As ``cat face.onnx numbers.bin | sha256sum`` prints it."""
    save_apart(network(), path, "numbers.bin")
    numbers = path.with_name("numbers.bin")
    digest = hashlib.sha256(path.read_bytes() + numbers.read_bytes()).hexdigest()
    assert make(path, **INSIGHTFACE, sha256=digest).spec.weights_sha256 == digest
    numbers.write_bytes(numbers.read_bytes()[::-1])
    found = hashlib.sha256(path.read_bytes() + numbers.read_bytes()).hexdigest()
    refused(
        path,
        "the weights of embedder 'onnx' are not the expected ones",
        f"{path} and after it {numbers}: found SHA-256 {found}, expected {digest}. Restore the files, or state the "
        "digest of your own as `embedder.sha256`.",
        **INSIGHTFACE,
        sha256=digest,
    )


def test_the_file_must_have_the_digest_asked_for(path: Path) -> None:
    found = hashlib.sha256(save(network(), path).read_bytes()).hexdigest()
    refused(
        path,
        "the weights of embedder 'onnx' are not the expected ones",
        f"{path}: found SHA-256 {found}, expected {'0' * 64}. Restore the file, or state the digest of your own "
        "weights as `embedder.sha256`.",
        **INSIGHTFACE,
        sha256="0" * 64,
    )


def test_there_are_no_published_weights() -> None:
    with pytest.raises(ModelError) as error:
        OnnxEmbedder(EmbedderChoice(name="onnx", **INSIGHTFACE))
    assert str(error.value) == (
        "embedder 'onnx' has no published weights\nName a file as `embedder.weights`."
    )


@pytest.mark.parametrize(
    ("name", "words"), [("none.onnx", "No such file or directory"), ("", "Is a directory")]
)
def test_a_file_that_cannot_be_read(name: str, words: str, tmp_path: Path) -> None:
    refused(
        tmp_path / name,
        "the weights of embedder 'onnx' cannot be read",
        f"{tmp_path / name}: {words}. Correct `embedder.weights`",
        **INSIGHTFACE,
    )


def test_numbers_in_a_subgraph_count_too(path: Path) -> None:
    """A tensor may also be the attribute of a node."""
    model = network()
    tensor = helper.make_tensor("more", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="more.bin")
    branch = helper.make_graph([helper.make_node("Constant", [], ["more"], value=tensor)], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["face"], ["g"], then_branch=branch, else_branch=branch))
    refused(
        save(model, path),
        "the file of embedder 'onnx' keeps its numbers in another file that is not there",
        f"{path}: expected 'more.bin' beside it. Copy both files.",
        **INSIGHTFACE,
    )


def test_numbers_in_a_file_that_is_not_there(path: Path) -> None:
    save_apart(network(), path, "numbers.bin")
    path.with_name("numbers.bin").unlink()
    refused(
        path,
        "the file of embedder 'onnx' keeps its numbers in another file that is not there",
        f"{path}: expected 'numbers.bin' beside it. Copy both files.",
        **INSIGHTFACE,
    )


@pytest.mark.parametrize("way", ["up", "absolute", "absolute, beside", "link"])
def test_numbers_in_a_file_outside_the_folder_are_not_read(way: str, tmp_path: Path) -> None:
    path = tmp_path / "model" / "face.onnx"
    location = {
        "up": "../numbers.bin",
        "absolute": str(tmp_path / "numbers.bin"),
        "absolute, beside": str(path.with_name("numbers.bin")),
        "link": "linked.bin",
    }[way]
    save_apart(network(), path, location)
    shutil.copy(path.with_name("numbers.bin"), tmp_path)
    path.with_name("linked.bin").symlink_to(tmp_path / "numbers.bin")
    refused(
        path,
        "the file of embedder 'onnx' keeps its numbers in a file outside its own folder",
        f"{path}: found {location!r}, expected the name of a file beside it. Put both into one folder and save them "
        "anew, or as one file: onnx.save(onnx.load(FILE), OTHER).",
        **INSIGHTFACE,
    )


# --------------------------------------------------------------------------------- device, precision, package


def test_the_precision_is_the_files_own(path: Path) -> None:
    refused(
        path,
        "embedder 'onnx' has no precision 'bf16'",
        "The arithmetic is part of an ONNX file: leave `precision` out, or convert the file.",
        precision="bf16",
    )


no_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime knows CUDA: what it says without is not to be seen",
)


@no_cuda
def test_no_other_device_takes_the_place_of_one_that_is_not_there(path: Path) -> None:
    found = ", ".join(onnxruntime.get_available_providers())
    refused(
        save(network(), path),
        "the policy asks for device 'cuda' and ONNX Runtime has none",
        f"Found {found}, expected CUDAExecutionProvider. Run on a machine with a CUDA device: pip uninstall "
        "onnxruntime && pip install onnxruntime-gpu. Or set `device: cpu`.",
        **INSIGHTFACE,
        device="cuda",
    )


@no_cuda
def test_auto_is_the_cpu_where_there_is_no_other(path: Path) -> None:
    assert made(network(), path, device="auto").spec.device == "cpu"


NOT_INSTALLED = """
import sys
from pathlib import Path
from faceleak_check.embedders.onnx import OnnxEmbedder
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
print("onnxruntime" in sys.modules)
sys.modules["onnxruntime"] = None
try:
    OnnxEmbedder(EmbedderChoice(name="onnx", weights=Path(sys.argv[1])))
except ModelError as error:
    print(error)
"""


def test_the_package_is_loaded_late_and_may_be_missing(path: Path) -> None:
    save(network(metadata=NOTES), path)
    command = [sys.executable, "-c", NOT_INSTALLED, str(path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        "False\n"
        "embedder 'onnx' cannot be used: onnxruntime is not installed\n"
        "Run: pip install 'faceleak-check[onnx]'\n"
    )


@pytest.mark.parametrize("text", [b"faceleak.colour_order", b"embedding"])
def test_a_name_or_a_note_that_is_no_text(text: bytes, path: Path) -> None:
    save(network(metadata=NOTES), path)
    path.write_bytes(path.read_bytes().replace(text, b"\x80" + text[1:]))
    with pytest.raises(ModelError) as caught:
        make(path, **INSIGHTFACE)
    assert caught.value.message == "the file of embedder 'onnx' is damaged: a name or a note in it is no text"
    assert caught.value.detail == f"{path}: expected UTF-8. Get the file again, or save it anew."
