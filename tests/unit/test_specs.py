"""The digest under which stores keep what a network made, and under which thresholds are pinned."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.records import EmbedderSpec, ScreenSpec

EMBEDDER = EmbedderSpec(
    name="tiny",
    weights_sha256="ab" * 32,
    licence="MIT",
    dimension=4,
    input_size=8,
    colour_order="RGB",
    normalisation="none",
)
SCREEN = ScreenSpec(
    method="clip",
    model="tiny",
    weights_sha256="ab" * 32,
    licence="MIT",
    question="a child?",
    preprocessing="none",
)


def test_the_digest_of_a_spec_stays_what_it_was() -> None:
    """Another one would leave every store and every pinned threshold behind."""
    assert EMBEDDER.sha256 == "3fc4bb7b8f8002492ae7770bcf0d93be5526d56c9b87d06a9914f5d4d76da23e"
    assert SCREEN.sha256 == "1b338cc9b02989b9fd008ef9f0161920c6fbb6709f84151e30326a1873cb8e1b"


@pytest.mark.parametrize("spec", [EMBEDDER, SCREEN], ids=["embedder", "screen"])
def test_it_is_of_every_field(spec: EmbedderSpec | ScreenSpec) -> None:
    assert spec.sha256 == hashlib.sha256(spec.canonical).hexdigest()
    assert json.loads(spec.canonical) == dataclasses.asdict(spec)


def test_it_can_be_worked_out_from_evidence() -> None:
    spec = dataclasses.replace(EMBEDDER, template=ARCFACE_112)
    told = json.loads(json.dumps(dataclasses.asdict(spec)))
    assert hashlib.sha256(json.dumps(told, sort_keys=True, indent=2).encode()).hexdigest() == spec.sha256
