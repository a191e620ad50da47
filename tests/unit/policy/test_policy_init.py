from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from faceleak_check.errors import UsageError
from faceleak_check.policy.array_keys import ArrayNames, TemplateOrigin
from faceleak_check.policy.columns import Columns, ParquetColumns
from faceleak_check.policy.document import (
    CommonKeys,
    DatasetKeys,
    Document,
    EmbedderChoice,
    ExecutionKeys,
    Expect,
    HubKeys,
    Licences,
    ReportKeys,
    SearchKeys,
    SidecarLabels,
    WaiverKeys,
)
from faceleak_check.policy.init import init_text, write_init
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.roles import role_keys
from faceleak_check.policy.schema import Labels
from faceleak_check.policy.screens import AgeKeys, ClipKeys, FaceKeys
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.waivers import Waivers
from faceleak_check.registry import CHECKS, EMBEDDERS, READERS, SCREENS


def test_the_written_policy_is_valid_once_the_paths_are_set(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    write_init(file)
    text = file.read_text(encoding="utf-8")
    for name in ("generated", "training"):
        assert f"path: path/to/{name}" in text
        text = text.replace(f"path: path/to/{name}", f"path: /data/{name}")
    file.write_text(text, encoding="utf-8")
    policy = parse_policy(file, environment={})
    assert [case.id for case in policy.cases] == [
        "top_k_similarity[generated-vs-training]",
        "leak_rate[generated-vs-training]",
        "leak_count[generated-vs-training]",
        "identity_exposure[generated-vs-training]",
        "near_copy[generated-vs-training]",
        "coverage[generated]",
        "canary_recall[training]",
    ]
    assert {name: str(dataset.path) for name, dataset in policy.datasets.items()} == {
        "generated": "/data/generated",
        "training": "/data/training",
    }
    assert policy.notes == ()


def _uncommented(text: str, first: str) -> str:
    """The text with the block of comment lines from `first` on as keys."""
    before, found, after = text.partition(first)
    assert found
    block, _, rest = (found + after).partition("\n\n")
    return before + re.sub(r"^# ?", "", block, flags=re.MULTILINE) + "\n\n" + rest


def test_every_key_that_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    text = _uncommented(init_text(), "# screens:\n")
    for key in (
        "align: mtcnn",
        "faces: largest",
        "weights",
        "sha256",
        "licence",
        "licences",
        "waivers",
        "expect",
        "scan",
        "search",
        "execution",
        "report",
    ):
        text, n_found = re.subn(rf"^( *)# ({key}\b)", r"\1\2", text, flags=re.MULTILINE)
        assert n_found == 1
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "release.waivers.yaml").write_bytes(b"version: 1\nwaivers: []\n")
    policy = parse_policy(tmp_path / "p.yaml", environment={})
    digest = hashlib.sha256(b"version: 1\nwaivers: []\n").hexdigest()
    assert policy.waivers == Waivers(file="release.waivers.yaml", sha256=digest)
    assert policy.licences == ("CC0-1.0", "MIT")
    assert policy.standards == ("gdpr-recital-26", "edpb-28-2024", "iso-27559", "iso-19795-1")
    assert policy.search == SearchKeys(memory=4 << 30, index="exact", device="cpu")
    assert policy.execution == ExecutionKeys(engine="ray", address="auto", workers=8)
    assert policy.datasets["training"].expect == Expect(images=50_000, identities=1000)
    assert (policy.datasets["generated"].align, policy.datasets["generated"].faces) == ("mtcnn", "largest")
    assert policy.embedders["dlib-resnet"].licence == "CC0-1.0"
    assert {rule.name: [keys.method for keys in rule.methods] for rule in policy.screens} == {
        "child": ["age"],
        "non_face": ["face", "clip"],
        "statue": ["clip"],
    }


def _example(headline: str) -> str:
    """The policy in the comment under a headline, without its indentation."""
    block = init_text().partition(headline)[2].partition("\n#\n")[2].partition("\n\n")[0]
    return "".join(line.removeprefix("#").removeprefix("   ") + "\n" for line in block.splitlines())


def test_its_control_set_is_valid_too(tmp_path: Path) -> None:
    text = "version: 1\nname: gate\n" + _example("# With photographs of people whom")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    policy = parse_policy(tmp_path / "p.yaml", environment={})
    assert [case.id for case in policy.cases] == [
        "excess_risk[generated-vs-training-vs-unseen]",
        "membership_inference[generated-vs-training-vs-unseen]",
        "leak_rate[generated-vs-training]",
    ]
    assert (policy.cases[2].control, policy.cases[2].calibration) == ("unseen", "unseen")
    assert policy.cases[2].no_worse_than == tmp_path / "previous" / "evidence.json"


def test_its_hub_rule_is_valid_too(tmp_path: Path, valid: str) -> None:
    (tmp_path / "p.yaml").write_text(valid + "screens: {hub: {max_share: 1%}}\n", encoding="utf-8")
    assert "# screens: {hub: {max_share: 1%}}\n" in init_text()
    assert parse_policy(tmp_path / "p.yaml", environment={}).hub == HubKeys(max_share=0.01)


def test_its_match_list_is_valid_too(tmp_path: Path) -> None:
    text = "version: 1\nname: gate\n" + _example("# To check a table of best matches")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    assert [case.id for case in parse_policy(tmp_path / "p.yaml", environment={}).cases] == [
        "leak_count[published]"
    ]


def test_its_shards_are_valid_too(tmp_path: Path, valid: str) -> None:
    keys = _example("# Images in .zip, .tar and .tar.gz files").partition("datasets:\n")[2]
    text = re.sub(r"  training: .*\n", lambda _: keys, valid)
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    training = parse_policy(tmp_path / "p.yaml", environment={}).datasets["training"]
    assert training.path == tmp_path / "shards" / "train-{00000..00127}.tar"
    assert training.labels == Labels(kind="sidecar", sidecar="json", key="identity")


def test_its_parquet_files_are_valid_too(tmp_path: Path, valid: str) -> None:
    keys = _example("# A Hugging Face dataset is a Parquet file").partition("datasets:\n")[2]
    text = re.sub(r"  training: .*\n", lambda _: keys, valid)
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    training = parse_policy(tmp_path / "p.yaml", environment={}).datasets["training"]
    assert training.image_columns == ParquetColumns(image="image", id="file_name", identity="person")
    assert training.labels == Labels(kind="own")


def test_its_templates_are_valid_too(tmp_path: Path, valid: str) -> None:
    datasets, _, embedder = _example("# NumPy's files hold").partition("embedder:\n")
    keys = datasets.partition("datasets:\n")[2]
    made = keys.replace("training:", "generated:").replace("training.npz", "generated.npz")
    text = re.sub(r"  generated: .*\n  training: .*\n", lambda _: made + keys, valid)
    (tmp_path / "p.yaml").write_text(f"{text}embedder:\n{embedder}", encoding="utf-8")
    policy = parse_policy(tmp_path / "p.yaml", environment={})
    training = policy.datasets["training"]
    assert training.arrays == ArrayNames(data="templates", ids="ids", identity="people")
    assert training.templates == TemplateOrigin(embedder="adaface-ir101", sha256="0" * 64, align="mtcnn")
    assert policy.embedders["precomputed"].dimension == 512


def test_its_network_of_your_own_is_valid_too(tmp_path: Path, valid: str) -> None:
    text = valid + _example("# A network of your own")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    assert parse_policy(tmp_path / "p.yaml", environment={}).embedders == {
        "onnx": EmbedderChoice(
            name="onnx",
            weights=tmp_path / "models" / "face.onnx",
            licence="MIT",
            input_size=112,
            colour_order="BGR",
            mean=127.5,
            std=127.5,
            template="arcface-112",
        )
    }


def test_its_several_embedders_are_valid_too(tmp_path: Path, valid: str) -> None:
    text = valid.partition("checks:")[0] + _example("# Several embedders")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    assert [case.id for case in parse_policy(tmp_path / "p.yaml", environment={}).cases] == [
        "top_k_similarity[generated-vs-training-by-dlib]",
        "leak_rate[generated-vs-training-by-dlib+facenet]",
    ]


def test_it_shows_every_key_and_every_name() -> None:
    keys = [
        field
        for record in (
            *(
                Document,
                DatasetKeys,
                Columns,
                ParquetColumns,
                ArrayNames,
                TemplateOrigin,
                EmbedderChoice,
                Licences,
                ReportKeys,
                SidecarLabels,
                Expect,
                HubKeys,
                WaiverKeys,
                CommonKeys,
                Threshold,
            ),
            *(CHECKS.load(name) for name in CHECKS),
        )
        for field in _keys(record)
    ]
    keys += [field for method in (ClipKeys, AgeKeys, FaceKeys) for field in _keys(method)]
    names = [name for name in EMBEDDERS if name != "fake-pixels"]
    roles = [role for name in CHECKS for role in role_keys(CHECKS.load(name)).all]
    keys.remove("options")  # of formats that other packages bring
    assert [
        word
        for word in (*keys, *names, *roles, *SCREENS, *READERS)
        if not re.search(rf"\b{word}\b", init_text())
    ] == []


def _keys(record: type[Any]) -> list[str]:
    return list(record.__pydantic_fields__)


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    file.write_text("mine")
    with pytest.raises(UsageError) as refused:
        write_init(file)
    assert str(refused.value) == f"'{file}' is there already; name another file or take it away"
    assert file.read_text() == "mine"


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    write_init(tmp_path / "no" / "release.yaml")
    assert (tmp_path / "no" / "release.yaml").read_text() == init_text()


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "no").touch()
    with pytest.raises(UsageError) as refused:
        write_init(tmp_path / "no" / "release.yaml")
    assert (
        str(refused.value)
        == f"'{tmp_path}/no/release.yaml' cannot be written: {os.strerror(17)}; name another file, or free some space"
    )
