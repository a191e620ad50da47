from __future__ import annotations

from collections.abc import Callable

import pytest
from policy_examples import SETS

from faceleak_check.policy.canaries import guarded
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.types import Threshold

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

CANARIES = "canary_recall: {source: train, at_least: 99%}"
LEAKS = "leak_count: {generated: gen, source: train, threshold: {cosine: 0.9}, at_most: 1}"
EMBEDDERS = "embedders: {a: {name: dlib-resnet}, b: {name: facenet-casia}}\nchecks:"


def _policy(*checks: str) -> str:
    return SETS % "\n  - ".join(checks)


def test_they_must_be_caught_by_every_other_check(parse: Parse) -> None:
    policy = parse(
        _policy(
            CANARIES,
            LEAKS,
            "leak_rate: {generated: gen, source: named, threshold: {cosine: 0.5}, at_most: 0}",
            "top_k_similarity: {generated: gen, source: train, k: 3, at_most: 0.8}",
            "excess_risk: {generated: gen, source: train, control: named, at_most: 1%}",
            "membership_inference: {generated: gen, source: train, control: named, fpr: 1%, at_most: 1%}",
            "near_copy: {generated: gen, source: train, at_most: 0}",
            "coverage: {dataset: train, min_images: 1}",
            "identity_exposure: {generated: gen, source: train, threshold: {euclidean: 0.5}, at_most: 0}",
            "canary_recall: {source: train, at_least: 50%, threshold: {cosine: 0.1}}",
        )
    )
    assert [(case.check_name, threshold) for case, threshold in guarded(policy.cases[0], policy.cases)] == [
        ("leak_count", Threshold(cosine=0.9)),
        ("top_k_similarity", Threshold(cosine=0.8)),
        ("excess_risk", Threshold(fpir=0.01)),
    ]


def test_an_embedder_that_agrees_has_a_threshold_of_its_own(parse: Parse) -> None:
    text = _policy(
        "canary_recall: {source: train, embedder: b, at_least: 99%}",
        "leak_count: {generated: gen, source: train, agreement: [a, b], "
        "threshold: {a: {cosine: 0.9}, b: {cosine: 0.6}}, at_most: 1}",
        "top_k_similarity: {generated: gen, source: train, embedder: a, k: 3, at_most: 0.8}",
    )
    policy = parse(text.replace("checks:", EMBEDDERS))
    assert [threshold for _, threshold in guarded(policy.cases[0], policy.cases)] == [Threshold(cosine=0.6)]


@pytest.mark.parametrize(
    "other",
    [
        "leak_count: {generated: gen, source: named, threshold: {cosine: 0.9}, at_most: 1}",
        "leak_count: {matches: list, threshold: {cosine: 0.9}, at_most: 1}",
        "leak_count: {generated: gen, source: train, threshold: {euclidean: 0.9}, at_most: 1}",
        "near_copy: {generated: gen, source: train, at_most: 0}",
        "membership_inference: {generated: gen, source: train, control: named, fpr: 1%, at_most: 1%}",
        "canary_recall: {source: train, at_least: 50%, threshold: {cosine: 0.1}}",
    ],
)
def test_nothing_to_be_caught_by(problems: Problems, other: str) -> None:
    assert problems(_policy(other, CANARIES)) == [
        (
            "p.yaml:13:5: checks[1].canary_recall: no other check of this policy has a cosine or an error rate "
            "for 'train' by 'dlib-resnet', so nothing says when a canary is caught; "
            "write 'threshold' here, such as {cosine: 0.9}"
        )
    ]


def test_a_check_by_another_embedder_is_none(problems: Problems) -> None:
    text = _policy(
        LEAKS.replace("threshold", "embedder: a, threshold"),
        CANARIES.replace("at_least", "embedder: b, at_least"),
    )
    assert problems(text.replace("checks:", EMBEDDERS)) == [
        (
            "p.yaml:14:5: checks[1].canary_recall: no other check of this policy has a cosine or an error rate "
            "for 'train' by 'b', so nothing says when a canary is caught; write 'threshold' here, such as {cosine: 0.9}"
        )
    ]


def test_a_check_with_a_problem_may_be_the_one(problems: Problems) -> None:
    assert problems(_policy(LEAKS.replace("at_most: 1", "at_most: -1"), CANARIES)) == [
        "p.yaml:12:84: checks[0].leak_count.at_most: found -1, expected a whole number of 0 or more"
    ]


@pytest.mark.parametrize("share", ["0", "0%"])
def test_none_caught_is_no_limit(problems: Problems, share: str) -> None:
    found = "0" if share == "0" else "the text '0%'"
    assert problems(_policy(LEAKS, CANARIES.replace("99%", share))) == [
        (
            f"p.yaml:13:46: checks[1].canary_recall.at_least: found {found}, "
            "expected a share above 0, such as 99% or 0.99"
        )
    ]
