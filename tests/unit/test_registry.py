from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from faceleak_check.checks.near_copy import NearCopy
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import UsageError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.registry import (
    CHECKS,
    EMBEDDERS,
    INPUT_KEYS,
    READERS,
    SCREENS,
    AboutEmbedder,
    EmbedderRegistry,
    Registry,
    suggestion,
)

ALL = [CHECKS, EMBEDDERS, READERS, SCREENS]
THERE_ARE = (
    "there are: dlib-resnet, facenet-vggface2, facenet-casia, adaface-ir101, adaface-ir50, adaface-ir18, onnx, "
    "torchscript, phash, sscd, precomputed, fake-pixels"
)
BUILT_IN = {"dlib-resnet": "faceleak_check.embedders.dlib_resnet:DlibResNet"}

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a third party's distribution with the given entry points on sys.path."""

    def put(entries: str) -> None:
        info = tmp_path / "third_party-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[faceleak_check.embedders]\n{entries}\n")
        (tmp_path / "third_party_good.py").write_text("class Arc:\n    pass\n")
        (tmp_path / "third_party_broken.py").write_text("import a_module_that_is_not_there\n")
        (tmp_path / "third_party_raising.py").write_text("1 / 0\n")
        monkeypatch.syspath_prepend(tmp_path)

    return put


@pytest.mark.parametrize("registry", ALL, ids=lambda registry: registry.kind)
def test_every_built_in_name_leads_to_a_class_that_its_module_exports(registry: Registry) -> None:
    for name in registry:
        kind = registry.load(name)
        assert isinstance(kind, type)
        assert kind.__module__.startswith(f"faceleak_check.{registry.kind}s.")
        assert name in registry


@pytest.mark.parametrize("registry", ALL, ids=lambda registry: registry.kind)
def test_the_known_names_are_listed(registry: Registry) -> None:
    assert {
        "check": [
            "top_k_similarity",
            "leak_rate",
            "leak_count",
            "identity_exposure",
            "excess_risk",
            "membership_inference",
            "near_copy",
            "canary_recall",
            "coverage",
        ],
        "embedder": [
            "dlib-resnet",
            "facenet-vggface2",
            "facenet-casia",
            "adaface-ir101",
            "adaface-ir50",
            "adaface-ir18",
            "onnx",
            "torchscript",
            "phash",
            "sscd",
            "precomputed",
            "fake-pixels",
        ],
        "reader": ["folder", "archive", "matches", "recordio", "parquet", "lmdb", "arrays"],
        "screen": ["clip", "age", "face"],
    }[registry.kind] == list(registry)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dlib-resnt", f"unknown embedder 'dlib-resnt' (did you mean 'dlib-resnet'?); {THERE_ARE}"),
        ("arcface", f"unknown embedder 'arcface'; {THERE_ARE}"),
        ("", f"unknown embedder ''; {THERE_ARE}"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_a_suggestion(name: str, message: str) -> None:
    assert name not in EMBEDDERS
    with pytest.raises(UsageError) as refused:
        EMBEDDERS.load(name)
    assert str(refused.value) == message


def test_a_suggestion_is_made_only_where_a_name_is_near() -> None:
    assert suggestion("at_mots", ["at_most", "k"]) == " (did you mean 'at_most'?)"
    assert suggestion("threshold", {"at_most": 1, "k": 2}) == ""


def test_a_third_party_adds_a_name(install: Install) -> None:
    install("arc = third_party_good:Arc")
    registry = Registry("embedder", BUILT_IN)
    assert (list(registry), "arc" in registry) == (["dlib-resnet", "arc"], True)
    assert registry.load("arc").__name__ == "Arc"
    with pytest.raises(UsageError) as refused:
        registry.load("arcc")
    assert str(refused.value) == (
        "unknown embedder 'arcc' (did you mean 'arc'?); there are: dlib-resnet, arc"
    )


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("third_party_broken:Arc", "No module named 'a_module_that_is_not_there'"),
        ("third_party_raising:Arc", "division by zero"),
        ("third_party_good:Ark", "module 'third_party_good' has no attribute 'Ark'"),
        ("not_installed:Arc", "No module named 'not_installed'"),
    ],
)
def test_a_third_partys_name_that_cannot_be_imported_is_a_usage_error(
    target: str, reason: str, install: Install
) -> None:
    install(f"arc = {target}")
    registry = Registry("embedder", BUILT_IN)
    assert "arc" in registry
    with pytest.raises(UsageError) as refused:
        registry.load("arc")
    assert str(refused.value) == f"embedder 'arc' is installed as '{target}' but cannot be imported: {reason}"


def test_a_built_in_name_cannot_be_taken_over(install: Install) -> None:
    install("fake-pixels = third_party_good:Arc")
    registry = Registry("embedder", {"fake-pixels": "faceleak_check.embedders.fake_pixels:FakePixels"})
    assert registry.load("fake-pixels") is FakePixels
    assert list(registry) == ["fake-pixels"]


def test_a_third_party_is_not_imported_before_it_is_used(install: Install) -> None:
    install("arc = third_party_broken:Arc")
    assert "arc" in Registry("embedder", BUILT_IN)
    assert Registry("check", {}).__contains__("arc") is False


def test_a_name_that_two_packages_bring_is_taken_from_neither(install: Install, tmp_path: Path) -> None:
    install("arc = third_party_good:Arc")
    assert Registry("embedder", BUILT_IN).package_of("arc") == "third-party"
    assert Registry("embedder", BUILT_IN).package_of("dlib-resnet") is None
    assert Registry("embedder", BUILT_IN).package_of("ark") is None
    other = tmp_path / "other-2.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 2.0\n")
    (other / "entry_points.txt").write_text("[faceleak_check.embedders]\narc = other_good:Ark\n")
    registry = Registry("embedder", BUILT_IN)
    assert list(registry) == ["dlib-resnet", "arc"]
    with pytest.raises(UsageError) as error:
        registry.load("arc")
    assert str(error.value) == (
        "embedder 'arc' is brought by 2 packages: 'other_good:Ark' of other, 'third_party_good:Arc' of third-party; "
        "keep one of them"
    )


def test_what_is_known_of_an_embedder_is_said_of_one_that_is_there() -> None:
    with_more = {name for name in EMBEDDERS if EMBEDDERS.about(name) != AboutEmbedder()}
    assert with_more == {
        "adaface-ir101",
        "adaface-ir50",
        "adaface-ir18",
        "onnx",
        "torchscript",
        "phash",
        "sscd",
        "precomputed",
    }
    with pytest.raises(ValueError, match=r"^something is said of 'arc', which is not there$"):
        EmbedderRegistry(BUILT_IN, {"arc": AboutEmbedder()})


def test_whatever_knows_pictures_is_a_method_of_near_copy() -> None:
    assert {name for name in EMBEDDERS if EMBEDDERS.about(name).knows_pictures} == set(
        get_args(get_type_hints(NearCopy)["method"])
    )


def test_the_keys_that_say_what_an_embedder_takes_are_keys_of_a_policy() -> None:
    needed = {key for name in EMBEDDERS for key in EMBEDDERS.about(name).needs}
    assert {*INPUT_KEYS, *needed} <= EmbedderChoice.__dataclass_fields__.keys()


def test_what_another_package_brings_says_itself_what_it_takes(install: Install) -> None:
    install("arc = third_party_good:Arc")
    assert EmbedderRegistry(BUILT_IN, {}).about("arc") == AboutEmbedder(
        may_state=INPUT_KEYS, knows_licence=False
    )
