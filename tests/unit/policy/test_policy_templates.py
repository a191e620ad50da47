from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.schema import ArrayNames, EmbedderChoice, Labels, Policy, TemplateOrigin

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

SHA = "ab" * 32
TEMPLATES = f"templates: {{embedder: adaface-ir101, sha256: '{SHA}'}}"
POLICY = f"""\
version: 1
name: gate
datasets:
  gen: {{path: gen}}
  made: {{path: gen.npy, format: arrays, {TEMPLATES}}}
  train: {{path: train.npz, format: arrays, {TEMPLATES}, arrays: {{data: rows, ids: names, identity: who}}}}
  shots: {{path: shots.npz, format: arrays}}
%s
checks:
  - %s
"""
COUNT = "leak_count: {generated: made, source: train, threshold: {cosine: 0.5}, at_most: 0}"


def problems_of(problems: Problems, keys: str = "", check: str = COUNT) -> list[str]:
    return problems(POLICY % (keys, check))


def test_a_policy_with_templates_alone(parse: Parse, tmp_path: Path) -> None:
    embedder = f"embedder: {{name: precomputed, sha256: '{SHA.upper()}', dimension: 512, licence: MIT}}"
    policy = parse(POLICY % (embedder, COUNT))
    origin = TemplateOrigin(embedder="adaface-ir101", sha256=SHA)
    assert policy.datasets["made"].templates == origin
    train = policy.datasets["train"]
    assert (train.arrays, train.templates, train.labels, train.path) == (
        ArrayNames(data="rows", ids="names", identity="who"),
        origin,
        Labels(kind="own"),
        tmp_path / "train.npz",
    )
    assert policy.datasets["shots"].arrays is policy.datasets["shots"].templates is None
    assert policy.cases[0].embedder is not None
    assert policy.cases[0].embedder.choice == EmbedderChoice(
        name="precomputed", sha256=SHA, dimension=512, licence="MIT"
    )


def test_templates_and_pictures_go_together_by_a_network_that_is_there(parse: Parse) -> None:
    check = "leak_rate: {generated: gen, source: train, threshold: {fpir: 1%}, at_most: 5%}"
    policy = parse(POLICY % ("embedder: {name: adaface-ir101}\nscreens: {hub: {max_share: 1%}}", check))
    assert [case.id for case in policy.cases] == ["leak_rate[gen-vs-train]"]


# --------------------------------------------------------------------------------------------- keys of a dataset


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "format: arrays, templates: {embedder: adaface-ir101}",
            ["p.yaml:5:41: datasets.made.templates: missing key 'sha256'"],
        ),
        (
            f"format: arrays, templates: {{sha256: '{SHA}', embedder: 'ada face'}}",
            [
                (
                    "p.yaml:5:139: datasets.made.templates.embedder: an embedder's name has 1 to 64 letters A-Z, "
                    "a-z, digits, '_', '.' and '-'; found the text 'ada face'"
                )
            ],
        ),
        (
            f"format: arrays, {TEMPLATES}, align: none, faces: all",
            [
                "p.yaml:5:155: datasets.made.align: a set of templates has no 'align'; its faces were found elsewhere",
                "p.yaml:5:168: datasets.made.faces: a set of templates has no 'faces'; its faces were found elsewhere",
            ],
        ),
        (
            f"{TEMPLATES}, arrays: {{ids: a}}",
            [
                (
                    "p.yaml:5:25: datasets.made.templates: 'templates' belong to NumPy's files (format: arrays), and "
                    "this is format: folder"
                ),
                (
                    "p.yaml:5:139: datasets.made.arrays: 'arrays' belong to NumPy's files (format: arrays), and this "
                    "is format: folder"
                ),
            ],
        ),
        (
            "format: arrays, arrays: {}",
            [
                "p.yaml:5:49: datasets.made.arrays: found no key, expected at least one of data, ids, identity",
            ],
        ),
        (
            "format: arrays, arrays: {ids: a, identity: a}",
            ["p.yaml:5:49: datasets.made.arrays: found one array under two keys, expected different ones"],
        ),
        (
            "format: arrays, arrays: {ids: ''}",
            ["p.yaml:5:55: datasets.made.arrays.ids: found the text '', expected the name of an array"],
        ),
        (
            "format: arrays, arrays: {identity: who}, labels: {csv: a.csv}",
            [
                (
                    "p.yaml:5:66: datasets.made.labels: 'identity' under arrays names the people already; take one "
                    "of the two out"
                )
            ],
        ),
        (
            "format: arrays, labels: parent_folder",
            [
                (
                    "p.yaml:5:49: datasets.made.labels: a row without a name lies in no folder; write 'arrays: "
                    "{identity: ...}' or 'labels: {csv: labels.csv}' under datasets.made"
                )
            ],
        ),
        (
            "format: arrays, labels: own",
            [
                (
                    "p.yaml:5:49: datasets.made.labels: format: arrays has no labels of its own; write 'arrays: "
                    "{identity: ...}' or 'labels: {csv: labels.csv}' under datasets.made"
                )
            ],
        ),
    ],
)
def test_keys_of_a_dataset_that_do_not_fit(keys: str, expected: list[str], problems: Problems) -> None:
    found = problems(
        "version: 1\nname: gate\ndatasets:\n  gen: {path: gen}\n"
        f"  made: {{path: gen.npy, {keys}}}\nchecks:\n"
        "  - leak_count: {generated: made, source: gen, threshold: {cosine: 0.5}, at_most: 0}\n"
    )
    assert [problem for problem in found if "datasets.made" in problem.split(":")[3]] == expected


def test_arrays_of_pictures_are_aligned_like_any_others(parse: Parse) -> None:
    dataset = "{path: a.npz, format: arrays, align: none, faces: all}"
    policy = parse((POLICY % ("", COUNT)).replace("{path: shots.npz, format: arrays}", dataset))
    assert (policy.datasets["shots"].align, policy.datasets["shots"].faces) == ("none", "all")


def test_ids_may_tell_folders(parse: Parse) -> None:
    dataset = "{path: a.npz, format: arrays, arrays: {ids: names}, labels: parent_folder}"
    policy = parse((POLICY % ("", COUNT)).replace("{path: shots.npz, format: arrays}", dataset))
    assert policy.datasets["shots"].labels == Labels(kind="parent_folder")


# ------------------------------------------------------------------------------------------ what needs pictures


@pytest.mark.parametrize(
    ("keys", "check", "expected"),
    [
        (
            "",
            "near_copy: {generated: gen, source: train, at_most: 0}",
            [
                (
                    "p.yaml:10:41: checks[0].near_copy.source: 'train' is a set of templates, and this check "
                    "compares pictures; run it where the pictures are"
                )
            ],
        ),
        (
            "",
            "canary_recall: {source: train, at_least: 99%, threshold: {cosine: 0.5}}",
            [
                (
                    "p.yaml:10:29: checks[0].canary_recall.source: 'train' is a set of templates, and canaries are "
                    "altered copies of its pictures; run this check where the pictures are"
                )
            ],
        ),
        (
            "screens: {child: {method: clip}, hub: {max_share: 1%}}",
            COUNT,
            [
                (
                    "p.yaml:10:29: checks[0].leak_count.generated: 'made' is a set of templates, and screens look at "
                    "pictures; give the pictures, or take 'screens' out"
                ),
                (
                    "p.yaml:10:43: checks[0].leak_count.source: 'train' is a set of templates, and screens look at "
                    "pictures; give the pictures, or take 'screens' out"
                ),
            ],
        ),
        (
            "embedders: {a: {name: adaface-ir101}, b: {name: dlib-resnet}}",
            (
                "leak_count: {generated: gen, source: train, agreement: [a, b], threshold: {a: {cosine: 0.5}, b: "
                "{cosine: 0.9}}, at_most: 0}"
            ),
            [
                (
                    "p.yaml:10:49: checks[0].leak_count.agreement: 'train' is a set of templates of one embedder, "
                    "and no other can look at its pictures; name that one with 'embedder'"
                )
            ],
        ),
        (
            "",
            "leak_count: {generated: gen, source: train, threshold: {euclidean: 0.5}, at_most: 0}",
            [
                (
                    "p.yaml:10:60: checks[0].leak_count.threshold: 'train' is a set of templates, which may have "
                    "been scaled before, so that distances mean nothing; state a cosine or an error rate"
                )
            ],
        ),
        (
            "",
            "coverage: {dataset: made, min_images: 5, max_unreadable: 1%, max_no_face: 1%}",
            [
                (
                    "p.yaml:10:66: checks[0].coverage.max_no_face: 'made' is a set of templates, and nobody looks "
                    "for faces in it; take 'max_no_face' out"
                )
            ],
        ),
        (
            "embedder: {name: adaface-ir101, scan: bf16}",
            COUNT,
            [
                (
                    "p.yaml:10:29: checks[0].leak_count.generated: 'made' is a set of templates, and 'scan' looks at "
                    "pictures twice; take 'scan' out of the embedder 'adaface-ir101'"
                ),
                (
                    "p.yaml:10:43: checks[0].leak_count.source: 'train' is a set of templates, and 'scan' looks at "
                    "pictures twice; take 'scan' out of the embedder 'adaface-ir101'"
                ),
            ],
        ),
        (
            "",
            "leak_count: {matches: made, threshold: {cosine: 0.5}, at_most: 0}",
            [
                (
                    "p.yaml:10:27: checks[0].leak_count.matches: 'made' is a set of templates (format: arrays), "
                    "expected a match list (format: matches); name two sets with 'generated' and 'source'"
                )
            ],
        ),
        (
            f"embedder: {{name: precomputed, sha256: '{SHA}', dimension: 512}}",
            "leak_count: {generated: gen, source: train, threshold: {cosine: 0.5}, at_most: 0}",
            [
                (
                    "p.yaml:10:29: checks[0].leak_count.generated: 'gen' is a set of images, and embedder "
                    "'precomputed' has no network to embed them with; name the network that made the templates"
                )
            ],
        ),
    ],
)
def test_what_needs_pictures_is_refused(
    keys: str, check: str, expected: list[str], problems: Problems
) -> None:
    assert problems_of(problems, keys, check) == expected


def test_coverage_of_templates_counts_rows(parse: Parse) -> None:
    check = "coverage: {dataset: made, min_images: 5, max_unreadable: 1%}"
    assert parse(POLICY % ("", check)).cases[0].dataset == "made"


# ------------------------------------------------------------------------------------- the embedder without a network


@pytest.mark.parametrize(
    ("embedder", "expected"),
    [
        (
            "{name: precomputed}",
            [
                "p.yaml:8:1: embedder: embedder 'precomputed' needs 'dimension': the length of a template",
                (
                    "p.yaml:8:1: embedder: embedder 'precomputed' needs 'sha256': the digest of the weights that "
                    "made the templates"
                ),
            ],
        ),
        (
            f"{{name: precomputed, sha256: '{SHA}', dimension: 0, weights: a.pt, align: none, device: cpu}}",
            [
                "p.yaml:8:118: embedder.dimension: found 0, expected a whole number of 1 or more",
                "p.yaml:8:121: embedder.weights: embedder 'precomputed' has no network; take 'weights' out",
                "p.yaml:8:136: embedder.align: embedder 'precomputed' has no network; take 'align' out",
                "p.yaml:8:149: embedder.device: embedder 'precomputed' has no network; take 'device' out",
            ],
        ),
        (
            "{name: dlib-resnet, dimension: 128}",
            [
                (
                    "p.yaml:8:31: embedder.dimension: embedder 'dlib-resnet' knows the length of its templates; take "
                    "'dimension' out"
                )
            ],
        ),
    ],
)
def test_keys_of_an_embedder_that_do_not_fit(embedder: str, expected: list[str], problems: Problems) -> None:
    assert problems_of(problems, f"embedder: {embedder}") == expected
