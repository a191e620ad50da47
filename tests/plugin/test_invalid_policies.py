"""What a policy that is wrong gets, by way of pytest: one whole message each, and never a pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from gate_project import Project, failure


def change(project: Project, old: str, new: str) -> None:
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    assert old in text
    project.write("release.yaml", text.replace(old, new))


def unset_variable(project: Project) -> None:
    change(project, "path: generated", 'path: "${NOT_SET_BY_ANYBODY}"')


def unknown_embedder(project: Project) -> None:
    change(project, "fake-pixels", "dlib-resnett")


def same_folder(project: Project) -> None:
    change(project, "path: training", "path: ./generated")


def same_set(project: Project) -> None:
    change(project, "source: training", "source: generated")


def missing_waivers(project: Project) -> None:
    change(project, "checks:", "waivers: gone.yaml\nchecks:")


def wrong_waivers(project: Project) -> None:
    project.write(
        "waivers.yaml", "version: 1\nwaivers:\n  - {generated: abc, source: 12, reason: '', owner: me}\n"
    )
    change(project, "checks:", "waivers: waivers.yaml\nchecks:")


def no_policy(project: Project) -> None:
    project.write("release.yaml", "")


def not_text(project: Project) -> None:
    (project.path / "release.yaml").write_bytes(b"version: 1\nname: \xff\xfe\n")


INVALID: dict[Callable[[Project], None], str] = {
    unset_variable: """\
release.yaml:4:22: datasets.generated.path: the environment variable 'NOT_SET_BY_ANYBODY' is not set or is \
empty; set it (export NOT_SET_BY_ANYBODY=...) or write a default: ${NOT_SET_BY_ANYBODY:-...}""",
    unknown_embedder: """\
release.yaml:6:18: embedder.name: unknown embedder 'dlib-resnett' (did you mean 'dlib-resnet'?); \
there are: dlib-resnet, facenet-vggface2, facenet-casia, adaface-ir101, adaface-ir50, adaface-ir18, onnx, \
torchscript, phash, sscd, precomputed, fake-pixels""",
    same_folder: """\
release.yaml:8:48: checks[0].leak_count.source: 'training' and 'generated' hold the same files: \
both are 'PROJECT/generated'; keep them apart""",
    same_set: """\
release.yaml:8:48: checks[0].leak_count.source: source and generated are the same dataset 'generated'; \
name two""",
    missing_waivers: """\
release.yaml:7:10: waivers: the waivers file 'gone.yaml' does not exist; correct it or leave it out""",
    wrong_waivers: """\
waivers.yaml:3:5: waivers[0]: missing key 'date'
waivers.yaml:3:5: waivers[0]: missing key 'expires'
waivers.yaml:3:17: waivers[0].generated: found the text 'abc', expected 64 hexadecimal digits
waivers.yaml:3:30: waivers[0].source: found 12, expected 64 hexadecimal digits; put it in quotes""",
    no_policy: """\
release.yaml:1:1: the file holds no keys, it is empty or has comments only; \
expected the keys version, name, datasets and checks (faceleak init writes a policy to start from)""",
    not_text: """\
release.yaml:2:7: the byte 0xFF is not UTF-8 text; save the file as UTF-8""",
}


@pytest.mark.parametrize("spoil", INVALID, ids=lambda spoil: spoil.__name__)
def test_it_is_an_invalid_policy(project: Project, spoil: Callable[[Project], None]) -> None:
    project.policy()
    spoil(project)
    result = project.gate()
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.shown(failure(result.stdout.str(), "release.yaml")) == INVALID[spoil]
    (policy,) = project.evidence()["policies"]
    assert (policy["outcome"], len(policy["problems"])) == ("inconclusive", len(INVALID[spoil].splitlines()))
