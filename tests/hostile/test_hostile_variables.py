"""Somebody writes a policy that reads what it should not, through ``${…}``, ``..`` or an absolute path.

A policy's author is trusted to choose data: paths may lead anywhere, and variables fill in paths and settings. What is
held is that neither a variable's value nor a file's text gets into a report, a message or JUnit by way of a policy.
"""

from __future__ import annotations

from attacks import answer
from faceleak_command import Faceleak
from gate_project import Project
from witness import Witness, commands

COPIED = (
    "this text goes into every report as it is, so no environment variable is filled in; write the text itself, or $${ "
    "for the characters ${"
)
TEXT = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""


def test_no_message_and_no_report_holds_the_value_of_a_variable(
    project: Project, witness: Witness, faceleak: Faceleak
) -> None:
    token = '"${DEPLOY_TOKEN}"'
    files = {
        "a": TEXT.replace("name: release", f"name: {token}"),
        "b": TEXT.replace("datasets:", f"description: for {token[1:-1]}\ndatasets:"),
        "c": TEXT.replace("fake-pixels}", f"dlib-resnet, weights: own.dat, licence: {token}}}"),
        "d": TEXT.replace("0.9", token),
        "e": TEXT.replace("name: fake-pixels", f"name: {token}"),
        "f": TEXT.replace("at_most: 0", f'at_most: "{token[1:-1]} and more"'),
        "g": TEXT.replace("parent_folder", token),
    }
    for name, text in files.items():
        project.write(f"{name}.yaml", text)
    status, out, err = faceleak("validate", *(f"{name}.yaml" for name in files))
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f"a.yaml:2:7: name: {COPIED}",
        f"b.yaml:3:14: description: {COPIED}",
        f"c.yaml:6:58: embedder.licence: {COPIED}",
        (
            "d.yaml:8:78: checks[0].leak_count.threshold.cosine: found what '${DEPLOY_TOKEN}' holds, expected a cosine "
            "between -1 and 1, such as 0.94"
        ),
        (
            "e.yaml:6:18: embedder.name: unknown embedder '${DEPLOY_TOKEN}'; there are: dlib-resnet, facenet-vggface2, "
            "facenet-casia, adaface-ir101, adaface-ir50, adaface-ir18, onnx, torchscript, phash, sscd, precomputed, "
            "fake-pixels"
        ),
        (
            "f.yaml:8:93: checks[0].leak_count.at_most: found what '${DEPLOY_TOKEN} and more' holds, expected a whole "
            "number of 0 or more"
        ),
        (
            "g.yaml:5:38: datasets.training.labels: found what '${DEPLOY_TOKEN}' holds, expected parent_folder, own, "
            "none, or a mapping such as {csv: labels.csv}"
        ),
    ]
    witness.assert_unharmed(out, err)


def test_waivers_and_thresholds_know_no_variables(
    project: Project, witness: Witness, faceleak: Faceleak
) -> None:
    one = (
        f'generated: "{"0" * 64}", source: "{"f" * 64}", reason: "x ${{DEPLOY_TOKEN}}", owner: A, '
        "date: 2026-11-01, expires: 2027-01-01"
    )
    project.write("release.waivers.yaml", f"version: 1\nwaivers:\n  - {{{one}}}\n")
    project.write("release.yaml", TEXT + "waivers: release.waivers.yaml\n")
    status, out, err = faceleak("validate", "release.yaml")
    assert (status, out) == (1, "")
    assert err == (
        "release.waivers.yaml:3:172: waivers[0].reason: the environment variable 'DEPLOY_TOKEN' is not set or is "
        "empty; set it (export DEPLOY_TOKEN=...) or write a default: ${DEPLOY_TOKEN:-...}\n"
    )
    witness.assert_unharmed(out, err)


def test_files_that_are_no_policy_are_not_quoted(
    project: Project, witness: Witness, faceleak: Faceleak
) -> None:
    secret = witness.outside / "secret.txt"
    project.write("a.yaml", TEXT + f"waivers: {secret}\n")
    project.write("b.yaml", TEXT + "waivers: /proc/self/environ\n")
    status, out, err = faceleak("validate", str(secret), "a.yaml", "b.yaml")
    assert (status, out) == (1, "")
    assert err.splitlines()[:2] == [
        (
            f"{secret}:1:1: found a text; expected the keys version, name, datasets and checks (faceleak init writes a "
            "policy to start from)"
        ),
        f"{secret}:1:1: found a text; expected the keys version and waivers",
    ]
    assert err.splitlines()[2].startswith("/proc/self/environ:1:")
    assert err.splitlines()[2].endswith("; a policy is plain text, take it out")
    witness.assert_unharmed(out, err)


def test_paths_lead_where_the_policys_author_says(project: Project, witness: Witness, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Sets lie outside of the repository nearly always, so ``..``, ``~``, absolute paths and variables are allowed."""
    project.write_set(witness.outside / "set", ["a.png"], seed=5)
    witness.note()
    monkeypatch.setenv("SET", "../outside/set")
    project.write(
        "release.yaml", TEXT.replace("path: generated", f'path: "{witness.outside}/../outside/set"')
    )
    result = project.gate()
    assert result.ret == 0
    assert project.outcomes() == {"release.yaml::leak_count[generated-vs-training]": "pass"}
    witness.assert_unharmed(str(result.stdout), str(result.stderr))


def test_a_secret_file_or_pseudo_file_as_a_dataset_is_not_quoted(project: Project, witness: Witness) -> None:
    secret = witness.outside / "secret.txt"
    places = {
        "a": f"{{path: {secret}}}",
        "b": "{path: /proc/self/environ}",
        "c": f"{{path: {secret}, format: arrays}}",
        "d": "{path: /proc/self/environ, format: archive}",
        "e": "{path: /dev/zero, format: recordio}",
        "f": "{path: /dev/stdin, format: lmdb}",
        "g": f"{{path: generated, labels: {{csv: {secret}}}}}",
    }
    for name, place in places.items():
        text = (
            TEXT.replace("{path: generated}", place)
            .replace("path: ", "path: ../")
            .replace("../..", "..")
            .replace("..//", "/")
        )
        project.write(f"attacks/{name}.yaml", text)
    result = project.run("--faceleak-policy", "attacks", "--junitxml=out.xml")
    output = f"{result.stdout}{result.stderr}"
    assert [(policy["file"][8:9], *answer(policy)) for policy in project.evidence()["policies"]] == [
        ("a", "inconclusive", "dataset 'generated' is a file, expected a folder"),
        ("b", "inconclusive", "dataset 'generated' is a file, expected a folder"),
        ("c", "inconclusive", "dataset 'generated' cannot be used: the file is no array of NumPy"),
        ("d", "inconclusive", "dataset 'generated' is no archive"),
        ("e", "inconclusive", "dataset 'generated' cannot be read (not a regular file)"),
        ("f", "inconclusive", "dataset 'generated' cannot be listed (not a regular file)"),
        ("g", "inconclusive", "the label file of dataset 'generated' has no columns 'image', 'identity'"),
    ]
    assert commands(output) == set()
    witness.assert_unharmed(output)
