from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode

_NOISE = np.random.default_rng(7).integers(0, 256, (6, 8, 3), dtype=np.uint8)
_PICTURE = Image.fromarray(np.repeat(np.repeat(_NOISE, 3, axis=0), 3, axis=1))


def whole(image_format: str, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    _PICTURE.save(
        file, image_format, **({"exif": exif} if image_format not in ("GIF", "BMP") else {}), **options
    )
    return file.getvalue()


FILES = {
    "JPEG": whole("JPEG"),
    "progressive JPEG": whole("JPEG", progressive=True),
    "PNG": whole("PNG"),
    "GIF": whole("GIF"),
    "WebP": whole("WEBP"),
    "TIFF": whole("TIFF"),
    "LZW TIFF": whole("TIFF", compression="tiff_lzw"),
    "BMP": whole("BMP"),
}
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(changes=CHANGES, in_header=st.booleans(), cut=st.none() | st.floats(0, 1))
def test_a_damaged_file_is_a_picture_or_a_plain_reason(
    name: str, changes: list[tuple[float, int]], in_header: bool, cut: float | None
) -> None:
    data = bytearray(FILES[name])
    reach = min(len(data), 160) if in_header else len(data)
    for place, value in changes:
        data[int(place * reach)] = value
    found = outcome(bytes(data[: None if cut is None else int(cut * len(data))]))
    if isinstance(found, str):
        assert 0 < len(found) < 200
        assert "\n" not in found
    else:
        assert found.dtype == np.uint8
        assert found.shape[2] == 3
        assert found.flags.c_contiguous


def outcome(data: bytes) -> Pixels | str:
    try:
        return decode(data)
    except ValueError as error:
        return str(error)
