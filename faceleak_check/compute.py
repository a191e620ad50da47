"""What computes, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from faceleak_check.errors import ModelError

__all__ = ["autocast", "torch_device"]


def torch_device(asked: str) -> str:
    """The kind of processor that the policy's `device` means on this machine: ``cpu`` or ``cuda``.

    Imports torch only where the answer depends on the machine.

    Args:
        asked: ``cpu``, ``cuda``, or ``auto`` for cuda where there is one.

    Raises:
        ModelError: CUDA is asked for and is not there; nothing else is taken in its place.
    """
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "auto":
        return "cpu"
    raise ModelError(
        "the policy asks for device 'cuda' and there is none",
        detail="Run on a machine with a CUDA device, or set `device: cpu`.",
    )


@contextmanager
def autocast(device: str, precision: str) -> Iterator[None]:
    """A block in which torch keeps no gradients and computes in the stated precision.

    Args:
        device: ``cpu`` or ``cuda``.
        precision: ``fp32`` or ``bf16``.
    """
    import torch

    with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
        if device == "cpu":
            yield
        else:
            # by default cuDNN multiplies with 10 bits and calls that float32
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                yield
