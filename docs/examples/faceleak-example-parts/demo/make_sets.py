"""Makes two small sets: six people in an SQLite file, and eight generated pictures, three of which show one of them."""

import sqlite3
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

random = np.random.default_rng(seed=1)


def noise():
    """A picture that is like no other."""
    return random.integers(0, 256, (32, 32, 3), dtype=np.uint8)


def png(pixels):
    """The bytes of a PNG file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


people = [noise() for _ in range(6)]
rows = [(f"p{n}.png", png(pixels), f"person {n}") for n, pixels in enumerate(people)]
with sqlite3.connect("training.db") as file:
    file.execute("CREATE TABLE faces (name TEXT PRIMARY KEY, image BLOB, person TEXT)")
    file.executemany("INSERT INTO faces VALUES (?, ?, ?)", rows)

generated = [noise() for _ in range(7)] + [np.full((32, 32, 3), 128, np.uint8)]
for n in range(3):
    generated[n] = people[3].copy()
    generated[n][0, n] = 0
Path("generated").mkdir()
for n, pixels in enumerate(generated):
    Path(f"generated/g{n}.png").write_bytes(png(pixels))
