"""``dlib-resnet``: dlib's published face network, run in PyTorch."""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceleak_check.embedders.chips import whole_picture
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Pixels
from faceleak_check.records import EmbedderSpec, Templates

if TYPE_CHECKING:
    import torch

    from faceleak_check.embedders.dlib_network import DlibNetwork

__all__ = ["PUBLISHED_SHA256", "DlibResNet"]

PUBLISHED_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
"""Digest of ``dlib_face_recognition_resnet_model_v1.dat`` as dlib's author published it."""

_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_SIZE = 150
_INSTALL = "pip install 'faceleak-check[offline]'"


class DlibResNet:
    """Embeds aligned face chips with dlib's 29-layer face ResNet.

    The output equals dlib's own (largest difference seen: 5e-7) and is not unit length: the length is
    kept beside the unit-length template, so that dlib's rule (same person if the Euclidean distance is
    below 0.6) can still be stated.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The weights are not there or not those that are expected.
    """

    batch_size = 32

    def __init__(self, choice: EmbedderChoice) -> None:
        self._path = choice.weights or _installed_weights()
        self._expected = choice.sha256 or PUBLISHED_SHA256
        self._device = _device(choice.device)
        self._precision = choice.precision
        self._thread = threading.local()
        digest = self._verified_digest
        self.spec = EmbedderSpec(
            name="dlib-resnet",
            weights_sha256=digest,
            licence="CC0-1.0" if digest == PUBLISHED_SHA256 else "not stated",
            dimension=128,
            input_size=_SIZE,
            colour_order="RGB",
            normalisation="(RGB - [122.782, 117.001, 104.298]) / 256",
            alignment="none: the whole picture, padded to a square with black and resized bilinearly",
            precision=self._precision,
            device=self._device,
        )

    @cached_property
    def _data(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise ModelError(
                "the weights of embedder 'dlib-resnet' cannot be read",
                detail=f"{self._path}: {error.strerror or error}. Correct `embedder.weights`, or leave it out "
                f"and run: {_INSTALL}",
            ) from None

    @property
    def _verified_digest(self) -> str:
        found = hashlib.sha256(self._data).hexdigest()
        if found != self._expected:
            raise ModelError(
                "the weights of embedder 'dlib-resnet' are not the expected ones",
                detail=f"{self._path}: found SHA-256 {found}, expected {self._expected}. Restore the file "
                f"({_INSTALL}), or state the digest of your own weights as `embedder.sha256`.",
            )
        return found

    def load(self) -> None:
        """Builds the network; imports torch."""
        _ = self._network

    @cached_property
    def _network(self) -> DlibNetwork:
        import torch

        from faceleak_check.embedders.dlib_network import DlibNetwork
        from faceleak_check.embedders.dlib_weights import parse_weights

        if self._device == "cuda" and not torch.cuda.is_available():
            raise ModelError(
                "the policy asks for device 'cuda' and there is none",
                detail="Run on a machine with a CUDA device, or set `embedder.device: cpu`.",
            )
        try:
            network = DlibNetwork(parse_weights(self._data))
        except ValueError as error:
            raise ModelError(
                "the weights of embedder 'dlib-resnet' are not dlib's face network",
                detail=f"{self._path}: {error}. Use {_FILE}: {_INSTALL}",
            ) from None
        del self._data
        network.requires_grad_(requires_grad=False).eval()
        return network.to(torch.device(self._device)).to(memory_format=torch.channels_last)

    def begin_thread(self) -> None:
        """Keeps the network to one core in this thread, from the first batch on: torch is imported no sooner."""
        self._thread.one_core = self._device == "cpu"

    def end_threads(self) -> None:
        """Gives later threads of the process back what torch gives them by default."""
        if "_network" in self.__dict__:
            import torch

            torch.set_num_threads(torch.get_num_threads())

    def prepare(self, picture: Pixels) -> Pixels:
        """The whole picture as a chip of 150 x 150 pixels."""
        return whole_picture(picture, _SIZE)

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """Templates of chips, uint8, shape (n, 150, 150, 3), n at most `batch_size`.

        A short batch is filled up: the same shape each time makes a template independent of its company,
        to the last bit.
        """
        import torch

        if getattr(self._thread, "one_core", False):
            torch.set_num_threads(1)
            self._thread.one_core = False
        n = len(chips)
        if n < self.batch_size:
            chips = np.concatenate([chips, np.zeros((self.batch_size - n, *chips.shape[1:]), np.uint8)])
        with torch.inference_mode(), self._autocast():
            batch = torch.from_numpy(chips).to(self._device).permute(0, 3, 1, 2)
            embeddings = self._network(batch).float().cpu().numpy()[:n]
        return _unit_length(embeddings)

    def _autocast(self) -> torch.autocast:
        import torch

        return torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._precision == "bf16")


def _device(asked: str) -> str:
    if asked != "auto":
        return asked
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _unit_length(embeddings: npt.NDArray[np.float32]) -> Templates:
    norms = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise ModelError(
            "embedder 'dlib-resnet' gave an embedding that is zero or not finite",
            detail="The weights or the arithmetic of this device are broken; no template was stored.",
        )
    vectors = (embeddings / norms[:, None]).astype(np.float32)
    return Templates(vectors=vectors, norms=norms.astype(np.float32))


def _installed_weights() -> Path:
    # The older of the two packages fails on import, so the file is found without importing it.
    package = find_spec("face_recognition_models")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "models" / _FILE
        if path.is_file():
            return path
    raise ModelError(
        "the weights of embedder 'dlib-resnet' are not installed",
        detail=f"Run: {_INSTALL} — or name the file {_FILE} as `embedder.weights`.",
    )
