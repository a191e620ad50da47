"""Makes the README's picture of the report page: robots are drawn, a gate is run on them, and its page is photographed.

    python benchmarks/report_picture.py docs/report.png

No face is in it: the generated set and the training set are drawings of robots, and ``fake-pixels`` compares them. With
``--keep DIR`` the project and its evidence stay there, to be opened and played with.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

SIDE = 128
SCALE = 4
N_ROBOTS = 60
N_UNSEEN = 60
N_GENERATED = 240
N_LEAKS = 9
PEOPLE = {"training": "robot", "unseen": "stranger"}
POLICY = """\
version: 1
name: robots
description: Drawings of robots, against the robots that the generator has seen
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
  unseen: {path: unseen, labels: parent_folder}
embedder: {name: fake-pixels}
checks:
  - leak_rate:
      {generated: generated, source: training, control: unseen, threshold: {fpir: 1%}, at_most: 2%, confidence: 95%}
  - identity_exposure: {generated: generated, source: training, control: unseen, threshold: {fpir: 1%}, at_most: 4}
  - membership_inference: {generated: generated, source: training, control: unseen, fpr: 5%, at_most: 20%}
report: {standards: [gdpr-recital-26, edpb-28-2024, iso-27559, iso-19795-1]}
"""


def robot(random: np.random.Generator) -> Image.Image:
    """A robot of random shape and colours."""
    size = SIDE * SCALE

    def colour(low: int, high: int) -> tuple[int, int, int]:
        red, green, blue = random.integers(low, high, 3)
        return int(red), int(green), int(blue)

    picture = Image.new("RGB", (size, size), colour(10, 250))
    draw = ImageDraw.Draw(picture)
    ink, metal, glow = colour(0, 70), colour(60, 255), colour(120, 255)
    left, top = (int(size * share) for share in random.uniform(0.14, 0.24, 2))
    right, bottom = size - left, int(size * random.uniform(0.78, 0.92))
    middle = size // 2
    draw.line((middle, top, middle, top - size // 10), fill=ink, width=size // 40)
    draw.ellipse(
        (middle - 18, top - size // 8, middle + 18, top - size // 8 + 36), fill=glow, outline=ink, width=6
    )
    radius = int(random.integers(10, size // 4))
    draw.rounded_rectangle((left, top, right, bottom), radius, fill=metal, outline=ink, width=size // 45)
    eye_y, eye_x, eye = top + size // 5, int(size * random.uniform(0.1, 0.16)), int(random.integers(24, 46))
    for x in (middle - eye_x, middle + eye_x):
        draw.ellipse((x - eye, eye_y - eye, x + eye, eye_y + eye), fill="white", outline=ink, width=8)
        draw.ellipse((x - eye // 2, eye_y - eye // 2, x + eye // 2, eye_y + eye // 2), fill=glow)
    mouth_y, mouth_x = bottom - size // 6, int(random.integers(40, 110))
    draw.rectangle(
        (middle - mouth_x, mouth_y - 22, middle + mouth_x, mouth_y + 22),
        fill=colour(150, 255),
        outline=ink,
        width=8,
    )
    for x in range(middle - mouth_x, middle + mouth_x, 30):
        draw.line((x, mouth_y - 22, x, mouth_y + 22), fill=ink, width=5)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def altered(picture: Image.Image, kind: int) -> Image.Image:
    """The same robot as a generator may give it back."""
    if kind % 3 == 0:
        return ImageEnhance.Brightness(picture).enhance(1.15)
    if kind % 3 == 1:
        return picture.filter(ImageFilter.GaussianBlur(1.5))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=20)
    return Image.open(file)


def write_project(folder: Path) -> None:
    """A training set, robots that were never seen, and a generated set with nine that were."""
    random = np.random.default_rng(7)
    for name, n in (("training", N_ROBOTS), ("unseen", N_UNSEEN)):
        for number in range(n):
            path = folder / name / f"{PEOPLE[name]}-{number:02}" / "1.png"
            path.parent.mkdir(parents=True)
            robot(random).save(path)
    generated = folder / "generated"
    generated.mkdir()
    for number in range(N_GENERATED):
        robot(random).save(generated / f"sample-{number:03}.png")
    for number in range(N_LEAKS):
        seen = Image.open(folder / "training" / f"robot-{5 * number:02}" / "1.png").convert("RGB")
        altered(seen, number).save(generated / f"sample-{23 * number + 11:03}.png")
    (folder / "robots.yaml").write_text(POLICY, encoding="utf-8")


def photograph(page_file: Path, picture: Path) -> None:
    """The page's table of leaks below its first verdict, as a PNG file of few colours."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1240, "height": 900}, device_scale_factor=1)
        page.goto(page_file.as_uri())
        page.evaluate(SHOWN)
        page.wait_for_timeout(300)
        taken = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    taken.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)
    print(f"{picture}: {taken.width} x {taken.height}, {picture.stat().st_size:,} bytes")


SHOWN = """() => {
  const keep = [".overview", "[data-pairs] table"].map((one) => document.querySelector(one));
  for (const element of document.querySelectorAll("body *")) {
    if (!keep.some((one) => one.contains(element) || element.contains(one))) element.style.display = "none";
  }
  for (const one of document.querySelectorAll("header, section, .overview")) {
    one.style.cssText = "margin: 0; padding: 0; border: 0";
  }
  document.body.style.paddingTop = document.querySelector(".overview").style.marginBottom = "2rem";
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary) / "robots"
        folder.mkdir(parents=True)
        write_project(folder)
        environment = os.environ | {"FACELEAK_STORE": str(folder / "store")}
        gate = [
            sys.executable,
            "-m",
            "pytest",
            "--faceleak-policy=robots.yaml",
            "--faceleak-thumbnails",
            "-q",
        ]
        subprocess.run(gate, cwd=folder, env=environment, check=False)
        photograph(folder / "faceleak-evidence" / "report.html", asked.picture)


if __name__ == "__main__":
    main()
