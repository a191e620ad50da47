"""What cannot be imported twice in a process: pytester takes out of `sys.modules` what an inner run has imported."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

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

import faceleak_check.embedders.dlib_network
import faceleak_check.embedders.fake_pixels
import faceleak_check.embedders.phash
import faceleak_check.pipeline
import faceleak_check.reports.cropping
import faceleak_check.reports.page.build
import faceleak_check.reports.pairs
import faceleak_check.reports.plots
import faceleak_check.reports.progress
import faceleak_check.session  # noqa: F401

if find_spec("onnxruntime") is not None:
    import_module("onnxruntime")
