from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from policy_examples import DESIGN_EXAMPLE, GATE, SEVERAL

from faceleak_check.errors import PolicyError
from faceleak_check.policy.init import init_text
from faceleak_check.policy.json_schema import SHIPPED, SHIPPED_WAIVERS, schema_text, waivers_schema_text
from faceleak_check.policy.waivers import read_waivers

SCHEMA = json.loads(SHIPPED.read_text(encoding="utf-8"))


def _errors(text: str) -> list[tuple[str, str]]:
    errors = Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))
    return [(error.json_path, error.message) for error in errors]


def test_the_shipped_schema_is_up_to_date() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), (
        "run python -m faceleak_check.policy.json_schema"
    )


def test_the_shipped_schema_of_waivers_is_up_to_date() -> None:
    assert SHIPPED_WAIVERS.read_text(encoding="utf-8") == waivers_schema_text(), (
        "run python -m faceleak_check.policy.json_schema"
    )
    Draft202012Validator.check_schema(json.loads(waivers_schema_text()))


WAIVER = {
    "generated": "0" * 64,
    "source": "a" * 64,
    "reason": "Not the same person",
    "owner": "A. Reviewer",
    "date": "2026-11-22",
    "expires": "2027-05-22",
}


@pytest.mark.parametrize(
    ("document", "is_valid"),
    [
        ({"version": 1, "waivers": [WAIVER]}, True),
        ({"version": 1, "waivers": []}, True),
        ({"version": 2, "waivers": []}, False),
        ({"waivers": [WAIVER]}, False),
        ({"version": 1, "waivers": [WAIVER], "more": 1}, False),
        ({"version": 1, "waivers": [WAIVER | {"comment": "x"}]}, False),
        ({"version": 1, "waivers": [WAIVER | {"reason": " "}]}, False),
        ({"version": 1, "waivers": [WAIVER | {"source": "a" * 63}]}, False),
        ({"version": 1, "waivers": [WAIVER | {"expires": 2027}]}, False),
        *(
            ({"version": 1, "waivers": [{key: WAIVER[key] for key in WAIVER if key != gone}]}, False)
            for gone in WAIVER
        ),
    ],
)
def test_waivers_are_judged_as_the_gate_judges_them(tmp_path: Path, document: Any, is_valid: bool) -> None:
    schema = Draft202012Validator(json.loads(SHIPPED_WAIVERS.read_text(encoding="utf-8")))
    assert schema.is_valid(document) == is_valid
    file = tmp_path / "waivers.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    if is_valid:
        assert len(read_waivers(file, "waivers.yaml").waivers) == len(document["waivers"])
    else:
        with pytest.raises(PolicyError):
            read_waivers(file, "waivers.yaml")


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "text", [DESIGN_EXAMPLE, init_text(), SEVERAL, GATE], ids=["design", "init", "several", "gate"]
)
def test_valid(text: str) -> None:
    assert _errors(text) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            "{source: training, at_least: 99%}",
            "{source: training, at_lest: 99%}",
            "$.checks[5].canary_recall",
            "'at_least' is a required property",
        ),
        (
            "k: 10,",
            "k: 0,",
            "$.checks[0].top_k_similarity.k",
            "0 is not valid under any of the given schemas",
        ),
        (
            "at_most: 0.5%",
            "at_most: 5",
            "$.checks[3].excess_risk.at_most",
            "5 is not valid under any of the given schemas",
        ),
        ("path: ../data/casia-webface", "pth: x", "$.datasets.training", "'path' is a required property"),
        (
            "threshold: {fmr: 1e-5}",
            "threshold: {}",
            "$.checks[1].leak_rate.threshold",
            "{} should be non-empty",
        ),
        ("name: release-gate", "nmae: x", "$", "'name' is a required property"),
        ("version: 1", "version: 2", "$.version", "1 was expected"),
        (
            "labels: parent_folder",
            "align: mtcn",
            "$.datasets.generated.align",
            "'mtcn' is not one of ['none', 'mtcnn', 'auto']",
        ),
        (
            "labels: parent_folder",
            "labels: folder",
            "$.datasets.generated.labels",
            "'folder' is not valid under any of the given schemas",
        ),
    ],
)
def test_invalid(old: str, new: str, place: str, message: str) -> None:
    assert old in DESIGN_EXAMPLE
    assert (place, message) in _errors(DESIGN_EXAMPLE.replace(old, new))


def test_at_mots_is_no_key() -> None:
    text = DESIGN_EXAMPLE.replace("k: 10, at_most: 0.94", "k: 10, at_mots: 0.94")
    assert _errors(text) == [
        ("$.checks[0].top_k_similarity", "Additional properties are not allowed ('at_mots' was unexpected)"),
        ("$.checks[0].top_k_similarity", "'at_most' is a required property"),
    ]


@pytest.mark.parametrize(
    ("sets", "is_valid"),
    [
        ("generated: g, source: s", True),
        ("matches: m", True),
        ("generated: g", False),
        ("generated: g, source: s, matches: m", False),
        ("matches: m, source: s", False),
        ("", False),
    ],
)
def test_a_check_names_two_sets_or_a_match_list(sets: str, *, is_valid: bool) -> None:
    check = f"leak_count: {{{sets}{', ' if sets else ''}threshold: {{cosine: 0.5}}, at_most: 1}}"
    text = f"version: 1\nname: x\ndatasets: {{a: {{path: b}}}}\nchecks: [{{{check}}}]\n"
    assert (_errors(text) == []) is is_valid


@pytest.mark.parametrize(
    ("keys", "is_valid"),
    [
        ("agreement: [a, b], threshold: {a: {cosine: 0.9}, b: {cosine: 0.6}}", True),
        ("embedder: a, threshold: {cosine: 0.9}", True),
        ("agreement: [a, b], threshold: {cosine: 0.9}", False),
        ("agreement: [a], threshold: {a: {cosine: 0.9}, b: {cosine: 0.6}}", False),
        ("agreement: [a, a], threshold: {a: {cosine: 0.9}, b: {cosine: 0.6}}", False),
        ("agreement: [a, b], embedder: a, threshold: {a: {cosine: 0.9}, b: {cosine: 0.6}}", False),
        ("threshold: {a: {cosine: 0.9}, b: {cosine: 0.6}}", False),
    ],
)
def test_embedders_that_must_agree(keys: str, *, is_valid: bool) -> None:
    check = f"leak_count: {{generated: g, source: s, {keys}, at_most: 1}}"
    several = "embedders: {a: {name: dlib-resnet}, b: {name: mine}}"
    text = f"version: 1\nname: x\ndatasets: {{a: {{path: b}}}}\n{several}\nchecks: [{{{check}}}]\n"
    assert (_errors(text) == []) is is_valid


@pytest.mark.parametrize(
    "keys",
    [
        "top_k_similarity: {generated: g, source: s, agreement: [a, b], k: 1, at_most: 1}",
        "leak_count: {matches: m, embedder: a, threshold: {cosine: 0.5}, at_most: 1}",
        "leak_count: {matches: m, agreement: [a, b], threshold: {a: {cosine: 1}, b: {cosine: 1}}, at_most: 1}",
    ],
)
def test_checks_that_cannot_agree(keys: str) -> None:
    assert _errors(f"version: 1\nname: x\ndatasets: {{a: {{path: b}}}}\nchecks: [{{{keys}}}]\n") != []


@pytest.mark.parametrize(
    ("keys", "is_valid"),
    [
        ("embedder: {name: onnx, weights: f, input_size: 112, colour_order: BGR, mean: 127.5, std: 1}", True),
        ("embedder: {name: onnx, std: 0}", False),
        ("embedder: {name: onnx, template: dlib}", False),
        ("embedder: {name: a}\nembedders: {a: {name: a}}", False),
        ("embedders: {}", False),
        ("embedders: {'a b': {name: a}}", False),
        ("licences: {allow: [MIT]}", True),
        ("licences: {allow: []}", False),
        ("screens: {child: {method: clip}, x: {any_of: [{method: age}, {method: theirs, x: 5}]}}", True),
        ("screens: {x: {all_of: [{method: clip, reject_above: 50%, prompts: [a], against: [b]}]}}", True),
        ("screens: {child: {metod: clip}}", False),
        ("screens: {child: {method: clip, belw: 5}}", False),
        ("screens: {child: {any_of: []}}", False),
        ("screens: {child: {any_of: [{method: age}], all_of: [{method: age}]}}", False),
        ("screens: {no_face: {method: clip}}", False),
        ("screens: {'a b': {method: clip}}", False),
        ("screens: {hub: {method: clip}}", False),
        ("screens: {hub: {max_share: 1%}}", True),
        ("thresholds: t.yaml", True),
        ("thresholds: 5", False),
    ],
)
def test_keys_beside_the_checks(keys: str, *, is_valid: bool) -> None:
    check = "leak_count: {matches: m, threshold: {cosine: 0.5}, at_most: 1}"
    text = f"version: 1\nname: x\ndatasets: {{a: {{path: b}}}}\n{keys}\nchecks: [{{{check}}}]\n"
    assert (_errors(text) == []) is is_valid


@pytest.mark.parametrize(
    ("check", "is_valid"),
    [
        ("leak_count: {generated: g, source: s, control: c, threshold: {fmr: 1e-5}, at_most: 1}", True),
        ("leak_count: {generated: g, source: s, dataset: c, threshold: {fmr: 1e-5}, at_most: 1}", False),
        ("leak_count: {generated: g, source: s, threshold: {fmr: 0}, at_most: 1}", False),
        ("leak_count: {generated: g, source: s, threshold: {fpir: 1}, at_most: 1}", False),
        ("leak_count: {matches: m, control: c, threshold: {cosine: 0.5}, at_most: 1}", False),
        ("leak_count: {matches: m, threshold: {fpir: 1%}, at_most: 1}", False),
        ("leak_count: {matches: m, threshold: {euclidean: 1}, at_most: 1}", False),
        ("leak_count: {matches: m, threshold: {cosine: 0.5}, at_most: 1, no_worse_than: a.json}", True),
        ("top_k_similarity: {matches: m, k: 1, at_most: 1}", True),
        ("excess_risk: {generated: g, source: s, control: c, at_most: 1%}", True),
        ("excess_risk: {generated: g, source: s, at_most: 1%}", False),
        ("excess_risk: {generated: g, source: s, control: c, at_most: 1%, agreement: [a, b]}", False),
        ("excess_risk: {matches: m, control: c, threshold: {cosine: 0.5}, at_most: 1%}", True),
        (
            "excess_risk: {matches: m, control: c, calibration: c, threshold: {cosine: 0.5}, at_most: 1%}",
            False,
        ),
        ("excess_risk: {matches: m, control: c, at_most: 1%}", False),
        ("excess_risk: {matches: m, threshold: {cosine: 0.5}, at_most: 1%}", False),
        ("membership_inference: {generated: g, source: s, control: c, fpr: 1, at_most: 1%}", False),
        ("membership_inference: {matches: m, control: c, fpr: 1%, at_most: 1%}", False),
        ("canary_recall: {source: s, at_least: 0}", False),
        ("canary_recall: {at_least: 99%}", False),
        ("near_copy: {generated: g, source: s, at_most: 0, embedder: a}", False),
        ("near_copy: {generated: g, source: s, at_most: 0, max_bits: 65}", False),
        ("near_copy: {generated: g, at_most: 0}", False),
        ("coverage: {dataset: g, max_no_face: 5}", False),
        ("coverage: {matches: m, min_images: 5}", False),
        (
            "identity_exposure: {generated: g, source: s, threshold: {cosine: 1}, at_most: 1, people: faces}",
            False,
        ),
    ],
)
def test_the_datasets_of_each_check(check: str, *, is_valid: bool) -> None:
    text = f"version: 1\nname: x\ndatasets: {{a: {{path: b}}}}\nchecks: [{{{check}}}]\n"
    assert (_errors(text) == []) is is_valid


@pytest.mark.parametrize(
    ("expect", "is_valid"),
    [("{images: 5}", True), ("{identities: 5}", True), ("{images: 0}", False), ("{otherwise: pass}", False)],
)
def test_what_a_dataset_should_hold(expect: str, *, is_valid: bool) -> None:
    text = f"version: 1\nname: x\ndatasets: {{a: {{path: b, expect: {expect}}}}}\nchecks: [{{x: {{}}}}]\n"
    assert (not [error for error in _errors(text) if "datasets" in error[0]]) is is_valid


def _records(shape: Any) -> Iterator[dict[str, Any]]:
    if isinstance(shape, dict):
        if shape.get("type") == "object" and "properties" in shape:
            yield shape
        for value in shape.values():
            yield from _records(value)


def test_every_key_is_explained() -> None:
    bare = [
        (record.get("title"), key)
        for record in _records(SCHEMA)
        for key, value in record["properties"].items()
        if not value.get("description") and "$ref" not in value
    ]
    assert bare == []
    assert [name for name, shape in SCHEMA["$defs"].items() if not shape.get("description")] == []


def test_no_value_may_be_null() -> None:
    assert "null" not in SHIPPED.read_text(encoding="utf-8")
