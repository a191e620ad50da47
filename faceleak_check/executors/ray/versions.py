"""Which versions decide what a machine computes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

__all__ = ["differences", "versions"]

_PACKAGES = (
    "faceleak-check",
    "facenet-pytorch",
    "imagehash",
    "numpy",
    "onnxruntime",
    "open-clip-torch",
    "pillow",
    "torch",
    "torchvision",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decode, detect and compute, by name."""
    found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """What differs of the packages that both have, in words."""
    both = [name for name in expected if name in found]
    return [f"{name} {found[name]}, not {expected[name]}" for name in both if found[name] != expected[name]]
