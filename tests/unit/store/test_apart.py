from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from tiny_store import (
    SPEC,
    digest,
    digests,
    folder_of,
    found_faces,
    missing,
    shards,
    templates,
)

from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.records import ChipTemplate, EmbedderSpec
from faceleak_check.store.folders import FORMAT
from faceleak_check.store.templates import DiskTemplateStore

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
    "decoding": 3,
}
OTHER_CHIPS: list[dict[str, Any]] = [
    {"name": "other"},
    {"size": 113},
    {"points": (*ARCFACE_112.points[:4], (0.0, 0.0))},
]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(EmbedderSpec)])
def test_templates_of_another_spec_are_never_used(field: str, root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1))
    other = DiskTemplateStore(root, dataclasses.replace(SPEC, **{field: OTHER_VALUES[field]}))
    assert missing(other, "a") == ["a"]
    assert missing(DiskTemplateStore(root, SPEC), "a") == []


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
    assert [missing(DiskTemplateStore(root, spec), "a") for spec in specs] == [
        [] if spec == specs[1] else ["a"] for spec in specs
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


def test_a_shard_that_came_from_another_specs_folder_is_not_used(
    root: Path, store: DiskTemplateStore
) -> None:
    """As where stores are merged by hand: its numbers are sound, and mean something else."""
    store.add(digests("a"), templates(1))
    (shard,) = shards(root)
    for other in (dataclasses.replace(SPEC, name="other"), dataclasses.replace(SPEC, precision="bf16")):
        there = DiskTemplateStore(root, other)
        (there.folder / shard.name).write_bytes(shard.read_bytes())
        there.refresh()
        assert (missing(there, "a"), there.damaged) == (["a"], (shard.name,))
