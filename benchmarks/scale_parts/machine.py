"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["N_CORES", "describe", "gibibytes", "mebibytes"]

N_CORES = len(os.sched_getaffinity(0))
_PACKAGES = ("torch", "faiss-cpu", "numpy", "pyarrow", "ray")


def describe() -> str:
    """The processor, the memory, how busy it is, and the versions of what computes."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = [
        f"{N_CORES} cores of {_processor()}, {gibibytes(_memory())} of memory; load {load}",
        f"Python {platform.python_version()}, {', '.join(filter(None, map(_installed, _PACKAGES)))}",
    ]
    return "\n".join(lines)


def mebibytes(n_bytes: float) -> str:
    return f"{n_bytes / 2**20:,.0f} MiB"


def gibibytes(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.1f} GiB"


def _processor() -> str:
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    known = facts.get("flags", "").split()
    extensions = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in known]
    return f"{facts.get('model name', platform.machine())} ({', '.join(extensions)})"


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
