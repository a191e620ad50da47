"""The clip screen, on a CLIP that is trained here: from prompts to probabilities."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import load_file, save_file

from faceleak_check.errors import ModelError, UsageError
from faceleak_check.model_files import digest
from faceleak_check.policy.screens import CLIP_CLASSES, ClipKeys, clip_problem
from faceleak_check.protocols import Pixels, Screen
from faceleak_check.registry import SCREENS
from faceleak_check.screens.clip import ClipScreen
from faceleak_check.screens.clip_classes import TEMPLATES, classes_of
from faceleak_check.screens.clip_models import ClipModel, chosen_model

if TYPE_CHECKING:
    from small_clip import SmallClip

ARCHITECTURE = (
    "expected an architecture of open_clip, such as ViT-B-32-256 or MobileCLIP2-S0; "
    "for your own, give its folder as weights"
)
HUB = "on the Hugging Face hub, kept in"


def make(rule: str = "non_face", **keys: Any) -> ClipScreen:
    return ClipScreen(rule, ClipKeys(**keys))


def values(screen: Screen, pictures: Sequence[Pixels]) -> npt.NDArray[np.float64]:
    size = screen.batch_size
    parts = [pictures[start : start + size] for start in range(0, len(pictures), size)]
    return np.concatenate([screen.measure(part, [None] * len(part)) for part in parts])


def failed(call: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        call()
    return caught.value


@pytest.fixture(scope="module")
def screen(small_clip: SmallClip) -> ClipScreen:
    made = make(weights=small_clip.folder)
    made.load()
    return made


@pytest.fixture
def copied(small_clip: SmallClip, tmp_path: Path) -> Path:
    """A copy of the model's folder that a test may damage."""
    return shutil.copytree(small_clip.folder, tmp_path / "clip")


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


# --- what it sees ---


def test_the_registry_knows_it() -> None:
    assert SCREENS.load("clip") is ClipScreen
    assert (ClipScreen.name, ClipScreen.keys) == ("clip", ClipKeys)


def test_known_prompts_tell_faces_from_patches(screen: ClipScreen, small_clip: SmallClip) -> None:
    faces, patches = values(screen, small_clip.unseen_faces), values(screen, small_clip.unseen_patches)
    assert (faces > 0.5).mean() <= 0.05
    assert (patches > 0.5).mean() >= 0.95


def test_prompts_of_a_policy_decide(small_clip: SmallClip) -> None:
    faces, textures = ("the face of a man", "the face of a woman"), ("a texture", "a landscape")
    one = make("portrait", weights=small_clip.folder, prompts=faces, against=textures)
    other = make("texture", weights=small_clip.folder, prompts=textures, against=faces)
    for screen in (one, other):
        screen.load()
    portraits = values(one, small_clip.unseen_faces)
    assert (portraits > 0.5).mean() >= 0.95
    assert (values(one, small_clip.unseen_patches) > 0.5).mean() <= 0.1
    assert (values(other, small_clip.unseen_faces) > 0.5).mean() <= 0.05


def test_the_value_is_what_open_clip_gives(screen: ClipScreen, small_clip: SmallClip) -> None:
    """The same by open_clip's own way: its loader, its transform, its softmax."""
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{small_clip.folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{small_clip.folder}")
    picture = small_clip.unseen_faces[3]
    classes = classes_of("non_face", ClipKeys())
    with torch.inference_mode():
        rows = [
            model.eval().encode_text(tokenizer(list(texts)), normalize=True).mean(0) for texts in classes.all
        ]
        texts = torch.stack([row / row.norm() for row in rows])
        embedding = model.encode_image(transform(Image.fromarray(picture))[None], normalize=True)
        shares = (model.logit_scale.exp() * embedding @ texts.T).softmax(1)
    expected = float(shares[0, : len(classes.rejected)].sum())
    assert 0.0 < expected < 1.0
    assert screen.measure([picture], [None])[0] == pytest.approx(expected, rel=1e-4)


def test_a_value_does_not_depend_on_company(screen: ClipScreen, small_clip: SmallClip) -> None:
    pictures = [*small_clip.unseen_faces[:5], *small_clip.unseen_patches[:3]]
    together = screen.measure(pictures, [None] * 8)
    alone = [screen.measure([picture], [None])[0] for picture in pictures]
    assert together.tolist() == alone
    assert screen.measure(pictures[::-1], [None] * 8).tolist() == alone[::-1]
    assert len(set(alone)) == len(alone)


def test_threads_get_the_same_values(screen: ClipScreen, small_clip: SmallClip) -> None:
    def one_core(picture: Pixels) -> float:
        torch.set_num_threads(1)
        return float(screen.measure([picture], [None])[0])

    before = torch.get_num_threads()
    pictures = [*small_clip.unseen_faces[:12], *small_clip.unseen_patches[:12]]
    try:
        alone = [one_core(picture) for picture in pictures]
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(one_core, pictures)) == alone
    finally:
        torch.set_num_threads(before)


def test_faces_make_no_difference(screen: ClipScreen, small_clip: SmallClip) -> None:
    picture = small_clip.unseen_faces[0]
    assert screen.measure([picture], [()]) == screen.measure([picture], [None])


@pytest.mark.parametrize("shape", [(1, 1), (50, 40), (1, 30_000), (30_000, 1), (3, 900)])
def test_odd_shapes_have_a_value(screen: ClipScreen, shape: tuple[int, int]) -> None:
    (value,) = screen.measure([np.zeros((*shape, 3), np.uint8)], [None])
    assert 0 <= value <= 1


def test_no_picture_no_value(screen: ClipScreen) -> None:
    assert screen.measure([], []).shape == (0,)


def test_bf16_is_near(small_clip: SmallClip, screen: ClipScreen) -> None:
    coarse = make(weights=small_clip.folder, precision="bf16")
    assert coarse.spec.precision == "bf16"
    pictures = small_clip.unseen_faces[:8]
    found, exact = values(coarse, pictures), values(screen, pictures)
    assert np.abs(found - exact).max() < 0.1
    assert found.tolist() != exact.tolist()


@pytest.mark.gpu
def test_a_cuda_device_gives_nearly_the_same(small_clip: SmallClip, screen: ClipScreen) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device, and there is none")
    pictures = [*small_clip.unseen_faces, *small_clip.unseen_patches]
    on_cuda = make(weights=small_clip.folder, device="cuda")
    on_cuda.load()
    assert on_cuda.spec.device == "cuda"
    assert np.abs(values(on_cuda, pictures) - values(screen, pictures)).max() < 1e-3


def test_a_device_that_is_not_there(small_clip: SmallClip) -> None:
    if torch.cuda.is_available():
        pytest.skip("needs a machine without a CUDA device")
    error = failed(lambda: make(weights=small_clip.folder, device="cuda"))
    assert error.message == "the policy asks for device 'cuda' and there is none"
    assert error.detail == "Run on a machine with a CUDA device, or set `device: cpu`."


# --- what it says of itself ---


def test_the_spec_holds_all_that_decides(small_clip: SmallClip) -> None:
    screen = make(
        "hat", weights=small_clip.folder, prompts=("a hat", "a cap"), against=("a face",), licence="CC0-1.0"
    )
    spec = screen.spec
    assert spec.weights_sha256 == digest(small_clip.folder / "open_clip_model.safetensors")
    assert spec.question == 'hat: "a hat", "a cap", taken together; not one of "a face"'
    assert spec.licence == "CC0-1.0"
    assert (spec.method, spec.precision, spec.device) == ("clip", "fp32", "cpu")
    assert spec.model.startswith("a folder of your own, configuration ")
    assert spec.preprocessing.startswith(
        "middle of what is longer than 8 times its width, shortest to 32, bilinear, "
        "(RGB / 255 - [0.5, 0.5, 0.5]) / [0.25, 0.25, 0.25]; SHA-256 of open_clip's settings "
    )
    assert make(weights=small_clip.folder).spec.licence == "not stated"


@pytest.mark.parametrize(
    "change", [{"mean": [0.4, 0.5, 0.5]}, {"resize_mode": "squash"}, {"interpolation": "bicubic"}]
)
def test_other_preprocessing_is_another_spec(
    screen: ClipScreen, copied: Path, change: dict[str, Any]
) -> None:
    file = copied / "open_clip_config.json"
    settings = json.loads(file.read_text("utf-8"))
    settings["preprocess_cfg"] |= change
    file.write_text(json.dumps(settings), "utf-8")
    changed = make(weights=copied).spec.preprocessing
    assert changed.rpartition(" ")[2] != screen.spec.preprocessing.rpartition(" ")[2]
    assert changed.rpartition(";")[0] != screen.spec.preprocessing.rpartition(";")[0]


def test_both_known_rules_have_as_many_classes_on_both_sides() -> None:
    for rule in CLIP_CLASSES:
        classes = classes_of(rule, ClipKeys())
        assert len(classes.rejected) == len(classes.others)
        assert {len(texts) for texts in classes.all} == {len(TEMPLATES)}


def test_own_prompts_replace_the_known_ones() -> None:
    own = classes_of("child", ClipKeys(prompts=("a kid", "a boy"), against=("a man", "a tree")))
    assert (own.rejected, own.others) == ((("a kid", "a boy"),), (("a man",), ("a tree",)))


LOAD = """
import logging, sys
from pathlib import Path
from faceleak_check.policy.screens import ClipKeys
from faceleak_check.screens.clip import ClipScreen
ClipScreen("non_face", ClipKeys(weights=Path(sys.argv[1]))).load()
print(logging.getLogger().handlers, logging.getLogger().filters)
"""


def test_loading_leaves_the_logging_of_the_process_alone(small_clip: SmallClip) -> None:
    """In a process of its own: under pytest somebody has set up logging already."""
    command = [sys.executable, "-c", LOAD, str(small_clip.folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[] []\n", "")


# --- where the model comes from ---


def test_a_training_checkpoint_beside_a_folder_gives_the_same(small_clip: SmallClip, copied: Path) -> None:
    """open_clip's training writes ``{"state_dict": {"module.…": …}}``, which torch.load reads."""
    (copied / "open_clip_model.safetensors").unlink()
    shutil.copy(small_clip.checkpoint, copied / "open_clip_pytorch_model.bin")
    pictures = small_clip.unseen_faces[:4]
    from_training = make(weights=copied)
    from_training.load()
    expected = make(weights=small_clip.folder)
    assert (
        from_training.measure(pictures, [None] * 4).tolist()
        == expected.measure(pictures, [None] * 4).tolist()
    )


def test_a_file_of_weights_for_a_named_model(tmp_path: Path) -> None:
    """MobileCLIP2-S0 with random weights: the file tells no preprocessing, so that of the published ones is taken."""
    torch.manual_seed(0)
    network = open_clip.create_model("MobileCLIP2-S0", load_weights=False).eval()
    file = tmp_path / "mobile.safetensors"
    save_file(network.state_dict(), file)
    screen = make("hat", model="MobileCLIP2-S0", weights=file, prompts=("a hat",), against=("a face",))
    assert screen.spec.model == "MobileCLIP2-S0, weights of your own"
    assert (
        "shortest to 256, bilinear, (RGB / 255 - [0.0, 0.0, 0.0]) / [1.0, 1.0, 1.0]"
        in screen.spec.preprocessing
    )
    screen.load()
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    # its branches are merged into one convolution, which must not change what it sees
    settings = PreprocessCfg(size=256, mean=(0, 0, 0), std=(1, 1, 1), interpolation="bilinear")
    with torch.inference_mode():
        expected = network.encode_image(
            image_transform_v2(settings, is_train=False)(Image.fromarray(picture))[None]
        )
    found = screen._embeddings([picture])[0]
    assert np.abs(found - expected[0].numpy()).max() < 1e-5 * np.abs(found).max()


@pytest.mark.parametrize(
    ("keys", "title", "repository", "licence"),
    [
        ({}, "ViT-B-32-256, datacomp_s34b_b86k", "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", "MIT"),
        (
            {"model": "MobileCLIP2-S0", "pretrained": "dfndr2b"},
            "MobileCLIP2-S0, dfndr2b",
            "timm/MobileCLIP2-S0-OpenCLIP",
            "apple-amlr",
        ),
        (
            {"model": "ViT-B-32", "pretrained": "openai"},
            "ViT-B-32, openai",
            "timm/vit_base_patch32_clip_224.openai",
            "MIT",
        ),
        (
            {"model": "EVA02-B-16", "pretrained": "merged2b_s8b_b131k", "licence": "MIT"},
            "EVA02-B-16, merged2b_s8b_b131k",
            "timm/eva02_base_patch16_clip_224.merged2b_s8b_b131k",
            "MIT",
        ),
    ],
)
def test_published_weights(
    keys: dict[str, str], title: str, repository: str, licence: str, empty_hub: Path
) -> None:
    model: ClipModel = chosen_model("child", ClipKeys(**keys))
    assert (model.title, model.licence) == (title, licence)
    assert model.file.where == f"open_clip_model.safetensors of {repository} {HUB} {empty_hub}"
    assert model.file.command == "faceleak prefetch POLICY"
    assert model.file.find() is None
    assert ClipScreen.model_file(ClipKeys(**keys), "child") == model.file


def test_openai_weights_are_run_with_openais_gelu() -> None:
    assert chosen_model("child", ClipKeys(model="ViT-B-32", pretrained="openai")).quick_gelu
    assert not chosen_model("child", ClipKeys()).quick_gelu


# --- what is wrong with a policy ---


@pytest.mark.parametrize(
    ("rule", "keys", "message"),
    [
        ("child", {}, None),
        ("non_face", {"model": "MobileCLIP2-S0", "pretrained": "dfndr2b"}, None),
        ("non_face", {"model": "ViT-B-32-256"}, None),
        ("hat", {"prompts": ("a hat",), "against": ("a face",)}, None),
        ("cartoon", {}, "screen 'cartoon' is a class of your own: give prompts and against"),
        (
            "child",
            {"prompts": ("a kid",)},
            "found prompts without against, expected both: what the class shows, and what else a picture may show",
        ),
        (
            "hat",
            {"against": ("a face",)},
            "found against without prompts, expected both: what the class shows, and what else a picture may show",
        ),
        (
            "hat",
            {"prompts": ("a hat", " "), "against": ("a face",)},
            "found an empty text among prompts and against, expected what a picture shows, in words",
        ),
        (
            "hat",
            {"prompts": ("a hat", "a cap"), "against": ("a face", "a cap")},
            "found 'a cap' in prompts and in against; a picture of it cannot be told apart",
        ),
        (
            "child",
            {"pretrained": "openai", "weights": Path("clip.pt")},
            "found pretrained and weights, expected one of them: published weights, or your own",
        ),
        (
            "child",
            {"model": "VitB32", "pretrained": "openai"},
            f"unknown model 'VitB32' (did you mean 'ViT-B-32'?); {ARCHITECTURE}",
        ),
        (
            "child",
            {"model": "ViT-B-16"},
            "found model 'ViT-B-16' alone, expected pretrained (its published weights) or weights too",
        ),
    ],
)
def test_problems(rule: str, keys: dict[str, Any], message: str | None) -> None:
    assert clip_problem(rule, ClipKeys(**keys)) == message
    if message:
        with pytest.raises(UsageError) as caught:
            ClipScreen(rule, ClipKeys(**keys))
        assert str(caught.value) == message


# --- what is wrong with a model ---


def test_unknown_weights() -> None:
    error = failed(lambda: make("child", model="MobileCLIP2-S2", pretrained="openai"))
    assert error.message == "screen 'child': open_clip knows no weights 'openai' of MobileCLIP2-S2"
    assert error.detail == (
        "There are: dfndr2b. Correct `screens.child.pretrained`, or name a file as `screens.child.weights`."
    )


def test_a_known_licence_is_not_for_the_policy_to_state() -> None:
    error = failed(lambda: make("child", model="MobileCLIP2-S0", pretrained="dfndr2b", licence="MIT"))
    assert (
        error.message == "screen 'child': found licence 'MIT', but the weights 'dfndr2b' are under apple-amlr"
    )
    assert error.detail == (
        "Leave out `screens.child.licence`: it is for weights whose licence is not known here."
    )


def test_offline_without_weights(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    error = failed(lambda: make("child"))
    assert error.message == (
        "the weights of screen 'child' are not on this machine, and the network is not to be used"
    )
    assert error.detail == (
        "Looked for open_clip_model.safetensors of laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K "
        f"{HUB} {empty_hub}. Run `faceleak prefetch POLICY` on a machine with network and copy the file here, "
        "or name a copy as `screens.child.weights`."
    )


def test_weights_in_the_hubs_cache_are_found(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its second name too: as an older download of open_clip has left it."""
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    repository = empty_hub / "models--laion--CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "open_clip_pytorch_model.bin").write_bytes(b"weights")
    assert make("child").spec.weights_sha256 == digest(snapshot / "open_clip_pytorch_model.bin")


def test_another_file_than_the_policy_says(small_clip: SmallClip) -> None:
    file = small_clip.folder / "open_clip_model.safetensors"
    error = failed(lambda: make(weights=small_clip.folder, sha256="0" * 64))
    assert error.message == "the weights of screen 'non_face' are not the expected ones"
    assert error.detail == (
        f"{file}: found SHA-256 {digest(file)}, expected {'0' * 64}. Restore the file, or state the digest of your "
        "own weights as `screens.non_face.sha256`."
    )
    assert make(weights=small_clip.folder, sha256=digest(file)).spec.weights_sha256 == digest(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    error = failed(lambda: make(weights=tmp_path / "no.pt"))
    assert error.message == "the weights of screen 'non_face' cannot be read"
    assert error.detail == f"{tmp_path}/no.pt: No such file or directory. Correct `screens.non_face.weights`"


def test_a_pickle_with_code_in_it(copied: Path) -> None:
    (copied / "open_clip_model.safetensors").unlink()
    file = copied / "open_clip_pytorch_model.bin"
    file.write_bytes(pickle.dumps(print))
    screen = make(weights=copied)
    error = failed(screen.load)
    assert error.message == "the weights of screen 'non_face' are refused: the file could run code"
    assert error.detail.startswith(
        f"{file} asks for builtins.print; a file of weights needs nothing but tensors."
    )


def test_missing_extra_and_reshaped_tensors_are_named(copied: Path) -> None:
    file = copied / "open_clip_model.safetensors"
    state = load_file(file)
    del state["visual.conv1.weight"]
    state["visual.conv9.weight"] = torch.zeros(1)
    state["text_projection"] = torch.zeros(64, 32)
    save_file(state, file)
    screen = make(weights=copied)
    error = failed(screen.load)
    assert error.message == "the weights of screen 'non_face' do not fit its model"
    assert error.detail == (
        f"{file}: expected {screen.spec.model}. 1 tensor is missing: visual.conv1.weight. "
        "1 tensor is unknown: visual.conv9.weight. "
        "1 tensor is of another shape: text_projection is 64 x 32, not 64 x 64."
    )


def test_weights_of_another_architecture(small_clip: SmallClip) -> None:
    screen = make(model="ViT-B-32", weights=small_clip.checkpoint)
    error = failed(screen.load)
    assert error.message == "the weights of screen 'non_face' do not fit its model"
    assert error.detail.startswith(
        f"{small_clip.checkpoint}: expected ViT-B-32, weights of your own. 283 tensors are missing: "
    )


def test_weights_that_give_no_number(copied: Path) -> None:
    file = copied / "open_clip_model.safetensors"
    state = load_file(file)
    state["visual.attnpool.c_proj.bias"].fill_(torch.nan)
    save_file(state, file)
    screen = make(weights=copied)
    screen.load()
    error = failed(lambda: screen.measure([np.zeros((9, 9, 3), np.uint8)], [None]))
    assert error.message == "the model of screen 'non_face' gave an embedding that is zero or not finite"
    assert (
        error.detail
        == "The weights or the arithmetic of this device are broken; no picture was judged by it."
    )


def test_a_text_longer_than_the_model_reads(small_clip: SmallClip) -> None:
    words = "a photo of " + "very " * 20 + "small hat"
    screen = make("hat", weights=small_clip.folder, prompts=(words,), against=("a face",))
    error = failed(screen.load)
    assert error.message == "a text of screen 'hat' is longer than its model reads"
    assert error.detail == f"Found 25 tokens, at most 22 can be read: {words!r}"


LAYOUT = (
    "Expected open_clip_config.json and open_clip_model.safetensors, "
    "as open_clip's push_to_hf_hub.save_for_hf writes them."
)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "open_clip_config.json cannot be read: No such file or directory"),
        (b"\xff\xfe\x00", "open_clip_config.json cannot be read: it is no UTF-8 text"),
        (
            b"model",
            "open_clip_config.json is no JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        (b"[]", "open_clip_config.json has no model_cfg with embed_dim, vision_cfg, text_cfg"),
        (
            b'{"model_cfg": {"embed_dim": 3}}',
            "open_clip_config.json has no model_cfg with embed_dim, vision_cfg, text_cfg",
        ),
    ],
)
def test_a_folder_of_another_layout(tmp_path: Path, text: bytes | None, what: str) -> None:
    if text is not None:
        (tmp_path / "open_clip_config.json").write_bytes(text)
    error = failed(lambda: make(weights=tmp_path))
    assert error.message == "the weights of screen 'non_face' are a folder that is not in open_clip's layout"
    assert error.detail == f"{tmp_path}: {what}. {LAYOUT}"


def test_a_folder_without_weights(copied: Path) -> None:
    (copied / "open_clip_model.safetensors").unlink()
    error = failed(lambda: make(weights=copied))
    assert error.message == "the weights of screen 'non_face' cannot be read"
    assert error.detail == (
        f"{copied}/open_clip_model.safetensors: No such file or directory. Correct `screens.non_face.weights`"
    )


def test_a_folder_and_a_model(small_clip: SmallClip) -> None:
    error = failed(lambda: make(weights=small_clip.folder, model="ViT-B-32"))
    assert error.message == (
        "screen 'non_face': found model 'ViT-B-32' and a folder of weights, which tells its own architecture"
    )
    assert error.detail == (
        f"{small_clip.folder}: leave out `screens.non_face.model`, or name the file of weights in it."
    )


def test_an_architecture_that_cannot_be_built(copied: Path) -> None:
    file = copied / "open_clip_config.json"
    settings = json.loads(file.read_text("utf-8"))
    settings["model_cfg"]["vision_cfg"]["colour"] = "red"
    file.write_text(json.dumps(settings), "utf-8")
    screen = make(weights=copied)
    error = failed(screen.load)
    assert error.message == "the architecture of screen 'non_face' cannot be built"
    assert error.detail == (
        f"{screen.spec.model}: CLIPVisionCfg.__init__() got an unexpected keyword argument 'colour'"
    )


def test_texts_that_need_the_hub_when_it_may_not_be_asked(
    small_clip: SmallClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = make(model="ViT-B-16-SigLIP", weights=small_clip.checkpoint)
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    error = failed(screen.load)
    assert error.message == (
        "the model of screen 'non_face' reads its texts with files from the Hugging Face hub, "
        "and the network is not to be used"
    )
    assert error.detail == (
        "ViT-B-16-SigLIP, weights of your own: take a model that needs none, such as ViT-B-32-256 or MobileCLIP2-S0."
    )
