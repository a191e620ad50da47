"""``clip``: zero-shot classification by a CLIP model of open_clip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.compute import autocast, torch_device
from faceleak_check.errors import ModelError, UsageError
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.screens import ClipKeys, clip_problem
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face, ScreenSpec
from faceleak_check.remade import Remade
from faceleak_check.screens.clip_classes import classes_of
from faceleak_check.screens.clip_models import chosen_model

if TYPE_CHECKING:
    from faceleak_check.screens.clip_tower import Tower

__all__ = ["ClipScreen"]

_N_PER_BATCH = {"cpu": 8, "cuda": 64}


class ClipScreen(Remade):
    """The probability that a picture shows the class of a rule, by CLIP (Radford et al., arXiv 2103.00020).

    It looks at the whole picture, whether faces are known or not.

    Args:
        rule: The screen's name in the policy, such as ``child``.
        keys: Its keys.

    Raises:
        ModelError: The weights or the device are not there.
        UsageError: The keys ask for what no clip screen can do.
    """

    spec: ScreenSpec
    name: ClassVar[str] = "clip"
    shown_for: ClassVar[str] = "child"
    uses_faces: ClassVar[bool] = False
    keys: ClassVar[type[ClipKeys]] = ClipKeys

    def __init__(self, rule: str, keys: ClipKeys) -> None:
        if problem := self.problem(rule, keys):
            raise UsageError(problem)
        self._rule = rule
        self._classes = classes_of(rule, keys)
        self._model = chosen_model(rule, keys)
        device = torch_device(keys.device)
        self._path = self._model.file.locate()
        self.batch_size = _N_PER_BATCH[device]
        self.spec = ScreenSpec(
            method=self.name,
            model=self._model.title,
            weights_sha256=self._model.file.verified(self._path),
            licence=self._model.licence,
            question=self._classes.question,
            preprocessing=self._model.how_pictures_are_taken,
            precision=keys.precision,
            device=device,
        )

    @staticmethod
    def problem(rule: str, keys: ClipKeys) -> str | None:
        """Why it cannot serve a rule of a policy; None where it can."""
        return clip_problem(rule, keys)

    @staticmethod
    def licence_of(keys: ClipKeys) -> str:
        """The licence of the weights, which is known before they are here."""
        return chosen_model("clip", keys).licence

    @classmethod
    def model_file(cls, keys: ClipKeys, rule: str = "clip") -> ModelFile:
        """Where the weights lie.

        Args:
            keys: The screen's keys.
            rule: Its name in the policy, for messages.
        """
        return chosen_model(rule, keys).file

    def load(self) -> None:
        """Builds the image tower; imports torch and open_clip.

        Raises:
            ModelError: The weights are damaged or another model's, or the model needs what is not there.
        """
        _ = self._tower

    @cached_property
    def _tower(self) -> Tower:
        from faceleak_check.screens.clip_tower import built

        return built(self._model, self._classes, self._path, self.spec.device)

    def measure(
        self,
        pictures: Sequence[Pixels],
        faces: Sequence[tuple[Face, ...] | None],  # noqa: ARG002 — the whole picture is classified
    ) -> npt.NDArray[np.float64]:
        """The probability of each picture, float64, shape (n,), in [0, 1]; n is at most `batch_size`.

        Raises:
            ModelError: The network's answer is zero or not finite.
        """
        # one by one: the last bits of a product of matrices depend on how many rows there are
        return np.array([self._probability(row) for row in self._embeddings(pictures)], np.float64)

    def _embeddings(self, pictures: Sequence[Pixels]) -> npt.NDArray[np.float64]:
        import torch

        filled = torch.zeros(self.batch_size, 3, *self._tower.size)
        for row, picture in enumerate(pictures):
            filled[row] = self._tower.prepared(picture)
        with autocast(self.spec.device, self.spec.precision):
            answer = self._tower.network(filled.to(self.spec.device))
            # CoCa's tower gives its tokens beside the embedding
            embeddings = answer[0] if isinstance(answer, tuple) else answer
            rows: npt.NDArray[np.float64] = embeddings[: len(pictures)].double().cpu().numpy()
        return rows

    def _probability(self, embedding: npt.NDArray[np.float64]) -> float:
        length = np.linalg.norm(embedding)
        if not (np.isfinite(length) and length > 0):
            raise ModelError(
                f"the model of screen {self._rule!r} gave an embedding that is zero or not finite",
                detail="The weights or the arithmetic of this device are broken; no picture was judged by it.",
            )
        logits = self._tower.scale * (self._tower.classes @ embedding) / length
        weights = np.exp(logits - logits.max())
        return float(weights[: len(self._classes.rejected)].sum() / weights.sum())
