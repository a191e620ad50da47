from __future__ import annotations

from collections.abc import Callable

import pytest

from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.policy.schema import Agreeing, EmbedderChoice, NamedEmbedder, Policy
from faceleak_check.policy.types import Threshold

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

CHECK = "leak_rate: {generated: generated, source: training, %s, at_most: 0}"
BOTH = "threshold: {dlib: {cosine: 0.9}, facenet: {cosine: 0.6}}"


@pytest.fixture
def policy_with(valid: str) -> Callable[[str], str]:
    """A policy with two embedders and this check on line 9."""

    def _policy(check: str) -> str:
        datasets = valid.partition("checks:")[0] + "  list: {path: a.csv, format: matches}\n"
        embedders = "embedders: {dlib: {name: dlib-resnet}, facenet: {name: facenet-casia}}\n"
        return f"{datasets}{embedders}checks:\n  - {check}\n"

    return _policy


def test_the_first_embedder_has_the_checks_threshold_the_others_their_own(
    parse: Parse, policy_with: Callable[[str], str]
) -> None:
    both = "agreement: [facenet, dlib], threshold: {dlib: {cosine: 0.9}, facenet: {euclidean: 0.7}}"
    [case] = parse(policy_with(CHECK % both)).cases
    assert case.id == "leak_rate[generated-vs-training-by-facenet+dlib]"
    assert case.check == LeakRate(threshold=Threshold(euclidean=0.7), at_most=0.0)
    assert case.embedder == NamedEmbedder(name="facenet", choice=EmbedderChoice(name="facenet-casia"))
    dlib = NamedEmbedder(name="dlib", choice=EmbedderChoice(name="dlib-resnet"))
    assert case.agreement == (Agreeing(embedder=dlib, threshold=Threshold(cosine=0.9)),)


def test_all_are_used(parse: Parse, policy_with: Callable[[str], str]) -> None:
    policy = parse(policy_with(CHECK % f"agreement: [dlib, facenet], {BOTH}"))
    assert policy.notes == ("line 6: no check uses the dataset 'list'",)


@pytest.mark.parametrize(
    ("agreement", "expected"),
    [
        (
            "5",
            "68: checks[0].leak_rate.agreement: found 5, expected a list of two or more embedders, such as [a, b]",
        ),
        (
            "dlib",
            (
                "68: checks[0].leak_rate.agreement: found the text 'dlib', "
                "expected a list of two or more embedders, such as [a, b]"
            ),
        ),
        ("[]", "68: checks[0].leak_rate.agreement: found no embedder in it, expected two or more"),
        ("[dlib]", "68: checks[0].leak_rate.agreement: found 1 embedder in it, expected two or more"),
        (
            "[dlib, dlib]",
            "75: checks[0].leak_rate.agreement[1]: found 'dlib' twice, expected different embedders",
        ),
        (
            "[dlib, facenets]",
            (
                "75: checks[0].leak_rate.agreement[1]: unknown embedder 'facenets' (did you mean 'facenet'?); "
                "there are: dlib, facenet"
            ),
        ),
        ("[dlib, 5]", "75: checks[0].leak_rate.agreement[1]: found 5, expected the name of an embedder"),
        (
            "[dlib, facenet], embedder: dlib",
            (
                "85: checks[0].leak_rate.embedder: found 'embedder' beside 'agreement'; "
                "name all embedders in 'agreement'"
            ),
        ),
    ],
)
def test_who_must_agree(
    problems: Problems, policy_with: Callable[[str], str], agreement: str, expected: str
) -> None:
    assert problems(policy_with(CHECK % f"agreement: {agreement}, {BOTH}")) == [f"p.yaml:9:{expected}"]


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        ("", ["5: checks[0].leak_rate: missing key 'threshold'"]),
        (
            ", threshold: 0.9",
            [
                (
                    "96: checks[0].leak_rate.threshold: found 0.9, "
                    "expected one for each embedder: {dlib: {...}, facenet: {...}}"
                )
            ],
        ),
        (
            ", threshold: {cosine: 0.9}",
            [
                (
                    "96: checks[0].leak_rate.threshold: found one threshold for all, "
                    "expected one for each embedder: {dlib: {...}, facenet: {...}}"
                )
            ],
        ),
        (
            ", threshold: {dlib: {cosine: 0.9}}",
            [
                "85: checks[0].leak_rate.threshold: missing key 'facenet'; each embedder has a threshold of its own",
            ],
        ),
        (
            ", threshold: {dlib: {cosine: 0.9}, facenets: {cosine: 0.6}, other: {cosine: 0.5}}",
            [
                (
                    "118: checks[0].leak_rate.threshold: unknown key 'facenets' (did you mean 'facenet'?); "
                    "expected: dlib, facenet"
                ),
                "143: checks[0].leak_rate.threshold: unknown key 'other'; expected: dlib, facenet",
            ],
        ),
        (
            ", threshold: {dlib: {cosin: 0.9}, facenet: 0.6}",
            [
                (
                    "104: checks[0].leak_rate.threshold.dlib: unknown key 'cosin' (did you mean 'cosine'?); "
                    "expected: cosine, euclidean, fmr, fpir"
                ),
                "126: checks[0].leak_rate.threshold.facenet: found 0.6, expected a mapping of keys and values",
            ],
        ),
        (
            ", threshold: {dlib: {cosine: 9}, facenet: {}}, at_mots: 5",
            [
                (
                    "112: checks[0].leak_rate.threshold.dlib.cosine: found 9, "
                    "expected a cosine between -1 and 1, such as 0.94"
                ),
                (
                    "125: checks[0].leak_rate.threshold.facenet: found no key, "
                    "expected exactly one of cosine, euclidean, fmr, fpir"
                ),
                (
                    "130: checks[0].leak_rate: unknown key 'at_mots' (did you mean 'at_most'?); expected: "
                    "generated, source, matches, control, calibration, embedder, agreement, no_worse_than, "
                    "threshold, at_most, confidence"
                ),
            ],
        ),
    ],
)
def test_their_thresholds(
    problems: Problems, policy_with: Callable[[str], str], threshold: str, expected: list[str]
) -> None:
    text = policy_with(CHECK % f"agreement: [dlib, facenet]{threshold}")
    assert problems(text) == [f"p.yaml:9:{problem}" for problem in expected]


def test_without_an_agreement_a_threshold_is_one(
    problems: Problems, policy_with: Callable[[str], str]
) -> None:
    assert problems(policy_with(CHECK % "embedder: dlib, threshold: {dlib: {cosine: 0.9}}")) == [
        "p.yaml:9:85: checks[0].leak_rate.threshold: unknown key 'dlib'; expected: cosine, euclidean, fmr, fpir"
    ]


def test_checks_that_cannot_agree(problems: Problems, policy_with: Callable[[str], str]) -> None:
    top = "top_k_similarity: {generated: generated, source: training, k: 1, at_most: 1, agreement: [dlib, facenet]}"
    assert problems(policy_with(top)) == [
        (
            "p.yaml:9:82: checks[0].top_k_similarity.agreement: this check has no threshold that embedders could "
            "agree on; name one with 'embedder'"
        )
    ]
    matches = f"leak_count: {{matches: list, agreement: [dlib, facenet], {BOTH}, at_most: 0}}"
    assert problems(policy_with(matches)) == [
        (
            "p.yaml:9:33: checks[0].leak_count.agreement: found 'agreement' beside 'matches'; "
            "a match list was computed elsewhere"
        )
    ]


def test_a_policy_with_one_embedder_has_none_to_agree_with(problems: Problems, valid: str) -> None:
    text = valid.partition("  - ")[0] + f"  - {CHECK % f'agreement: [dlib-resnet, facenet], {BOTH}'}\n"
    assert problems(text) == [
        (
            "p.yaml:7:57: checks[0].leak_rate.agreement: this policy has one embedder; "
            "list those that must agree under 'embedders'"
        )
    ]
