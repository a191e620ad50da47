"""ONNX Runtime: quiet, on one core, and with our words for what is wrong with a file."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError

__all__ = ["OnnxSession"]

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_SILENT = 4
_NOISE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : |Load model from .+? failed:|/onnxruntime_src/.+? (?=[A-Z])"
)
_INSTALL = "pip install 'faceleak-check[onnx]'"


class OnnxSession:
    """A network in ONNX Runtime. Several threads may run it at once.

    Args:
        path: The file.
        asked: The policy's `device`.

    Attributes:
        device: What computes: ``cpu`` or ``cuda``.
        inputs: Each with name, type and shape.
        outputs: Each with name, type and shape.
        metadata: The notes in the file.

    Raises:
        ModelError: ONNX Runtime is not installed, cannot open the file, or has not the device.
    """

    def __init__(self, path: Path, asked: str) -> None:
        runtime = _runtime()
        self._path = path
        self._refusals = _refusals(runtime)
        known = runtime.get_available_providers()
        if asked == "cuda" and _CUDA not in known:
            raise _no_cuda(known)
        self._session = self._opened(runtime, on_cuda=asked != "cpu" and _CUDA in known)
        # a provider that cannot start is left out without a word
        started = self._session.get_providers()
        self.device = "cuda" if _CUDA in started else "cpu"
        if asked == "cuda" and self.device != "cuda":
            raise _no_cuda(started)
        self.inputs: list[Any]
        self.outputs: list[Any]
        self.metadata: dict[str, str]
        try:
            self.inputs, self.outputs = self._session.get_inputs(), self._session.get_outputs()
            self.metadata = self._session.get_modelmeta().custom_metadata_map
            _ = [one.name for one in (*self.inputs, *self.outputs)]  # decoded when it is asked for
        except UnicodeDecodeError:
            raise ModelError(
                "the file of embedder 'onnx' is damaged: a name or a note in it is no text",
                detail=f"{self._path}: expected UTF-8. Get the file again, or save it anew.",
            ) from None

    def _opened(self, runtime: ModuleType, *, on_cuda: bool) -> Any:
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _SILENT
        options.use_deterministic_compute = True
        # by default CUDA multiplies with 10 bits and calls that float32
        providers: list[Any] = [(_CUDA, {"use_tf32": "0"}), _CPU] if on_cuda else [_CPU]
        try:
            return runtime.InferenceSession(str(self._path), options, providers=providers, enable_fallback=0)
        except self._refusals as error:
            raise ModelError(
                "the file of embedder 'onnx' cannot be opened as a network",
                detail=f"{self._path}: ONNX Runtime {runtime.__version__} says: {_words(error)}. Use a whole "
                ".onnx file that holds operators of ONNX alone, of a version that this ONNX Runtime knows.",
            ) from None

    def run(self, output: str, values: dict[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """One output of the network.

        Raises:
            ModelError: The network fails on this input.
        """
        try:
            result: npt.NDArray[np.float32] = self._session.run([output], values)[0]
        except self._refusals as error:
            shapes = " and ".join(" x ".join(map(str, value.shape)) for value in values.values())
            raise ModelError(
                "the network of embedder 'onnx' fails on face chips",
                detail=f"{self._path}: given {shapes} numbers, ONNX Runtime says: {_words(error)}",
            ) from None
        return result


def _runtime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(
            "embedder 'onnx' cannot be used: onnxruntime is not installed",
            detail=f"Run: {_INSTALL}",
        ) from None
    runtime: ModuleType = onnxruntime
    return runtime


def _refusals(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: a dozen classes of its own that have no base in common."""
    own = vars(runtime.capi.onnxruntime_pybind11_state).values()
    mine = [one for one in own if isinstance(one, type) and issubclass(one, Exception)]
    return (*mine, RuntimeError, ValueError)


def _no_cuda(found: list[str]) -> ModelError:
    return ModelError(
        "the policy asks for device 'cuda' and ONNX Runtime has none",
        detail=f"Found {', '.join(found)}, expected {_CUDA}. Run on a machine with a CUDA device: "
        "pip uninstall onnxruntime && pip install onnxruntime-gpu. Or set `device: cpu`.",
    )


def _words(error: Exception) -> str:
    """The first line of an error, without ONNX Runtime's marks and the places in its source."""
    first = next(iter(str(error).splitlines()), "")
    return _NOISE.sub("", first).strip().rstrip(".")
