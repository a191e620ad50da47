"""The detector and real pictures."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceleak_check.faces.detect import Mtcnn
from faceleak_check.protocols import Pixels


@pytest.fixture(scope="session")
def detector() -> Iterator[Mtcnn]:
    """On one core, as the executor runs it: small networks only wait for each other on several."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    mtcnn = Mtcnn()
    mtcnn.load()
    yield mtcnn
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """A photograph of one person, 512 x 512; her eyes lie near (204, 101) and (247, 103)."""
    package = find_spec("skimage")
    if package is None or package.origin is None:
        pytest.skip("needs the photographs that scikit-image ships: pip install '.[demo]'")
    return np.asarray(Image.open(Path(package.origin).parent / "data" / "astronaut.png").convert("RGB"))
