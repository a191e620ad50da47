import numpy as np
from faceleak_example_parts.blur import BlurKeys, BlurScreen

from faceleak_check.testing import check_screen


def test_it_keeps_the_rules():
    check_screen(BlurScreen("blurred", BlurKeys()))


def test_it_tells_one_colour_from_noise():
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    values = BlurScreen("blurred", BlurKeys()).measure([np.full_like(noise, 7), noise], [None, None])
    assert values[0] == 1
    assert values[1] < 0.1
