"""What cannot be imported twice in a process: pytester takes out of `sys.modules` what an inner run has imported."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import facenet_pytorch  # noqa: F401
import imagehash  # noqa: F401
import jinja2  # noqa: F401
import matplotlib.backends.backend_svg
import matplotlib.figure
import matplotlib.style  # noqa: F401
import open_clip  # noqa: F401
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet  # noqa: F401
import scipy.cluster.hierarchy
import scipy.fftpack
import scipy.stats  # noqa: F401

import faceleak_check

if find_spec("onnxruntime") is not None:
    import_module("onnxruntime")

# ours can be, but a quarter of each inner run went into that
for _module in walk_packages(faceleak_check.__path__, f"{faceleak_check.__name__}."):
    import_module(_module.name)
