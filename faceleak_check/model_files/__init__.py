"""Files of weights: where they lie, how one gets them, whether they are the right ones, what is in them."""

from __future__ import annotations

from faceleak_check.model_files.bombs import refuse_bomb
from faceleak_check.model_files.checkpoints import load_state_dict
from faceleak_check.model_files.model_file import MOST_WEIGHTS, ModelFile, digest
from faceleak_check.model_files.pickles import stored_names
from faceleak_check.model_files.sources import (
    PREFETCH,
    AtUrl,
    InPackage,
    OnHub,
    Source,
    Unreachable,
    offline,
    torch_checkpoints,
)

__all__ = [
    "MOST_WEIGHTS",
    "PREFETCH",
    "AtUrl",
    "InPackage",
    "ModelFile",
    "OnHub",
    "Source",
    "Unreachable",
    "digest",
    "load_state_dict",
    "offline",
    "refuse_bomb",
    "stored_names",
    "torch_checkpoints",
]
