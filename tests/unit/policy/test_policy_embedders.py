from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.schema import EmbedderChoice, NamedEmbedder, Policy

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

SEVERAL = "embedders: {a: {name: dlib-resnet}, b.2: {name: facenet-casia, align: none}}\n"
LEAK_COUNT = "leak_count: {generated: generated, source: training, %sthreshold: {cosine: 0.9}, at_most: 0}"
TOP = "top_k_similarity: {generated: generated, source: training, %sk: 3, at_most: 0.9}"
MATCHES = "leak_count: {matches: list, %sthreshold: {cosine: 0.9}, at_most: 0}"


@pytest.fixture
def policy_with(valid: str) -> Callable[..., str]:
    """A policy with these embedders, from line 7 on, and these checks."""

    def _policy(embedders: str, *checks: str) -> str:
        datasets = valid.partition("checks:")[0] + "  list: {path: a.csv, format: matches}\n"
        return datasets + embedders + "checks:\n" + "".join(f"  - {check}\n" for check in checks)

    return _policy


@pytest.mark.parametrize("name", ["phash", "sscd"])
@pytest.mark.parametrize(
    ("keys", "place"),
    [("embedder: {name: %s}\n", "7:18: embedder"), ("embedders: {a: {name: %s}}\n", "7:23: embedders.a")],
)
def test_what_compares_pictures_recognises_nobody(
    problems: Problems, policy_with: Callable[..., str], name: str, keys: str, place: str
) -> None:
    assert problems(policy_with(keys % name, LEAK_COUNT % "")) == [
        (
            f"p.yaml:{place}.name: {name!r} knows pictures again and not people; name a recogniser here, "
            f"and write a check such as near_copy: {{..., method: {name}}}"
        )
    ]


def test_a_check_names_one_of_several(parse: Parse, policy_with: Callable[..., str], tmp_path: Path) -> None:
    policy = parse(policy_with(SEVERAL, LEAK_COUNT % "embedder: a, ", TOP % "embedder: b.2, ", MATCHES % ""))
    first, second = EmbedderChoice(name="dlib-resnet"), EmbedderChoice(name="facenet-casia", align="none")
    assert policy.embedders == {"a": first, "b.2": second}
    assert [(case.id, case.embedder, case.agreement) for case in policy.cases] == [
        ("leak_count[generated-vs-training-by-a]", NamedEmbedder(name="a", choice=first), ()),
        ("top_k_similarity[generated-vs-training-by-b.2]", NamedEmbedder(name="b.2", choice=second), ()),
        ("leak_count[list]", None, ()),
    ]
    assert policy.notes == ()


def test_the_same_check_by_the_same_embedder_has_an_id_of_its_own(
    parse: Parse, policy_with: Callable[..., str]
) -> None:
    policy = parse(policy_with(SEVERAL, *[LEAK_COUNT % f"embedder: {name}, " for name in ("a", "b.2", "a")]))
    assert [case.id for case in policy.cases] == [
        "leak_count[generated-vs-training-by-a]",
        "leak_count[generated-vs-training-by-b.2]",
        "leak_count[generated-vs-training-by-a#2]",
    ]


def test_a_single_one_under_a_name_of_the_users_own_need_not_be_named(
    parse: Parse, policy_with: Callable[..., str]
) -> None:
    policy = parse(policy_with("embedders: {mine: {name: dlib-resnet}}\n", LEAK_COUNT % ""))
    assert [case.id for case in policy.cases] == ["leak_count[generated-vs-training-by-mine]"]


@pytest.mark.parametrize("embedder", ["", "embedder: {name: dlib-resnet}\n"])
def test_the_single_form_may_be_named_by_its_own_name(
    parse: Parse, policy_with: Callable[..., str], embedder: str
) -> None:
    policy = parse(policy_with(embedder, LEAK_COUNT % "embedder: dlib-resnet, "))
    assert [(case.id, case.embedder) for case in policy.cases] == [
        (
            "leak_count[generated-vs-training]",
            NamedEmbedder(name="dlib-resnet", choice=EmbedderChoice(name="dlib-resnet")),
        )
    ]


def test_what_no_check_uses_is_noted(parse: Parse, policy_with: Callable[..., str]) -> None:
    assert parse(policy_with(SEVERAL, LEAK_COUNT % "embedder: b.2, ")).notes == (
        "line 6: no check uses the dataset 'list'",
        "line 7: no check uses the embedder 'a'",
    )
    assert parse(policy_with(SEVERAL, MATCHES % "")).notes == (
        "line 4: no check uses the dataset 'generated'",
        "line 5: no check uses the dataset 'training'",
        "line 7: no check uses the embedders, as all compare precomputed matches",
    )


def test_a_key_that_does_nothing_is_noted(parse: Parse, policy_with: Callable[..., str]) -> None:
    whole = "embedder: {name: dlib-resnet, align: none, faces: largest}\n"
    assert parse(policy_with(whole, LEAK_COUNT % "")).notes == (
        "line 6: no check uses the dataset 'list'",
        "line 7: 'faces' does nothing with align: none, where pictures are compared whole",
    )
    turned = whole.replace("none", "auto")
    assert parse(policy_with(turned, LEAK_COUNT % "")).notes == ("line 6: no check uses the dataset 'list'",)


@pytest.mark.parametrize(
    ("embedders", "check", "expected"),
    [
        (
            SEVERAL,
            LEAK_COUNT % "",
            ["p.yaml:9:5: checks[0].leak_count: missing key 'embedder' or 'agreement'; there are: a, b.2"],
        ),
        (
            SEVERAL,
            TOP % "",
            ["p.yaml:9:5: checks[0].top_k_similarity: missing key 'embedder'; there are: a, b.2"],
        ),
        (
            SEVERAL,
            LEAK_COUNT % "embeder: a, ",
            [
                (
                    "p.yaml:9:58: checks[0].leak_count: unknown key 'embeder' (did you mean 'embedder'?); "
                    "expected: generated, source, matches, control, calibration, embedder, agreement, "
                    "no_worse_than, threshold, at_most"
                )
            ],
        ),
        (
            SEVERAL,
            TOP % "embedder: b2, ",
            [
                (
                    "p.yaml:9:74: checks[0].top_k_similarity.embedder: unknown embedder 'b2' "
                    "(did you mean 'b.2'?); there are: a, b.2"
                )
            ],
        ),
        (
            SEVERAL,
            LEAK_COUNT % "embedder: [a], ",
            ["p.yaml:9:68: checks[0].leak_count.embedder: found a list, expected the name of an embedder"],
        ),
        (
            SEVERAL,
            MATCHES % "embedder: a, ",
            [
                (
                    "p.yaml:9:33: checks[0].leak_count.embedder: found 'embedder' beside 'matches'; "
                    "a match list was computed elsewhere"
                )
            ],
        ),
        (
            "embedder: {name: facenet-casia}\n",
            LEAK_COUNT % "embedder: dlib-resnet, ",
            [
                (
                    "p.yaml:9:68: checks[0].leak_count.embedder: unknown embedder 'dlib-resnet'; "
                    "there are: facenet-casia; list several under 'embedders'"
                )
            ],
        ),
        (
            "embedders: {}\n",
            LEAK_COUNT % "",
            ["p.yaml:7:12: embedders: found nothing in it, expected at least one"],
        ),
        (
            "embedders: [a]\n",
            LEAK_COUNT % "embedder: a, ",
            ["p.yaml:7:12: embedders: found a list, expected a mapping of keys and values"],
        ),
        (
            "embedders: {'a+b': {name: dlib-resnet}, c: {nam: dlib-resnet}, d: dlib-resnet}\n",
            LEAK_COUNT % "embedder: c, ",
            [
                (
                    "p.yaml:7:13: embedders.'a+b': an embedder's name has 1 to 64 letters A-Z, a-z, digits, "
                    "'_', '.' and '-'; found the text 'a+b'"
                ),
                (
                    "p.yaml:7:45: embedders.c: unknown key 'nam' (did you mean 'name'?); expected: name, weights, "
                    "sha256, licence, align, faces, precision, scan, device, input_size, colour_order, mean, std, "
                    "template, dimension"
                ),
                "p.yaml:7:67: embedders.d: found the text 'dlib-resnet', expected a mapping of keys and values",
            ],
        ),
        (
            "embedders: {a: *x, <<: {b: {name: dlib-resnet}}}\n",
            LEAK_COUNT % "embedder: c, ",
            [
                "p.yaml:7:16: aliases (*x) are not supported; write the value out here",
                "p.yaml:7:20: embedders: merge keys (<<) are not supported; write the keys out here",
            ],
        ),
    ],
)
def test_problems(
    problems: Problems, policy_with: Callable[..., str], embedders: str, check: str, expected: list[str]
) -> None:
    assert problems(policy_with(embedders, check)) == expected


def test_both_forms(problems: Problems, policy_with: Callable[..., str]) -> None:
    text = policy_with("embedder: {name: dlib-resnet}\n" + SEVERAL, LEAK_COUNT % "embedder: a, ")
    assert problems(text) == [
        "p.yaml:8:1: embedders: found 'embedders' beside 'embedder'; keep one of the two"
    ]


@pytest.mark.parametrize(
    ("embedder", "expected"),
    [
        (
            "embedder: {name: dlib-resnet, input_size: 112, template: arcface-112}\n",
            [
                "p.yaml:7:31: embedder.input_size: embedder 'dlib-resnet' knows its own input; take 'input_size' out",
                "p.yaml:7:48: embedder.template: embedder 'dlib-resnet' knows its own input; take 'template' out",
            ],
        ),
        (
            # a bare state dict of AdaFace does not tell its colours
            "embedders: {a: {name: adaface-ir50, colour_order: RGB, mean: 127.5, std: 127.5}}\n",
            [
                "p.yaml:7:56: embedders.a.mean: embedder 'adaface-ir50' knows its own input; take 'mean' out",
                "p.yaml:7:69: embedders.a.std: embedder 'adaface-ir50' knows its own input; take 'std' out",
            ],
        ),
        (
            "embedder: {name: facenet-casia, licence: MIT}\n",
            [
                (
                    "p.yaml:7:33: embedder.licence: embedder 'facenet-casia' knows the licence of its weights, and "
                    "none of your own are named; take 'licence' out"
                )
            ],
        ),
        ("embedder: {name: onnx}\n", ["p.yaml:7:1: embedder: embedder 'onnx' needs 'weights: FILE'"]),
        (
            "embedders:\n  a: {name: torchscript, sha256: %s}\n" % ("ab" * 32),
            ["p.yaml:8:3: embedders.a: embedder 'torchscript' needs 'weights: FILE'"],
        ),
        (
            (
                "embedder: {name: onnx, weights: f.onnx, std: 0, mean: 256, input_size: 5000, colour_order: rgb, "
                "template: dlib, licence: ' '}\n"
            ),
            [
                "p.yaml:7:46: embedder.std: found 0, expected a number above 0, such as 127.5",
                "p.yaml:7:55: embedder.mean: found 256, expected a pixel value between 0 and 255, such as 127.5",
                (
                    "p.yaml:7:72: embedder.input_size: found 5000, "
                    "expected a whole number of pixels from 1 to 1,024, such as 112"
                ),
                "p.yaml:7:92: embedder.colour_order: found the text 'rgb', expected RGB or BGR",
                (
                    "p.yaml:7:107: embedder.template: found the text 'dlib' (did you mean 'dlib-150'?), "
                    "expected arcface-112, dlib-150 or facenet-160"
                ),
                (
                    "p.yaml:7:122: embedder.licence: found the text ' ', "
                    "expected the name of a licence, such as CC0-1.0"
                ),
            ],
        ),
    ],
)
def test_keys_that_do_not_fit_the_network(
    problems: Problems, policy_with: Callable[..., str], embedder: str, expected: list[str]
) -> None:
    assert problems(policy_with(embedder, LEAK_COUNT % "")) == expected


def test_a_network_of_your_own(parse: Parse, policy_with: Callable[..., str], tmp_path: Path) -> None:
    keys = (
        "name: onnx, weights: f.onnx, licence: MIT, input_size: 112, colour_order: BGR, mean: 127.5, std: 127.5, "
        "template: arcface-112, align: mtcnn, faces: error"
    )
    assert parse(policy_with(f"embedder: {{{keys}}}\n", LEAK_COUNT % "")).embedders == {
        "onnx": EmbedderChoice(
            name="onnx",
            weights=tmp_path / "f.onnx",
            licence="MIT",
            input_size=112,
            colour_order="BGR",
            mean=127.5,
            std=127.5,
            template="arcface-112",
            align="mtcnn",
            faces="error",
        )
    }
