from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from policy_examples import DESIGN_EXAMPLE

Problems = Callable[..., list[str]]

LATER = (
    f"not available in faceleak-check {version('faceleak-check')}; a policy that asks for it cannot pass. "
    "Take it out, or wait for a version that has it."
)


def test_the_design_example_parses_and_names_what_is_not_there_yet(
    problems: Problems, tmp_path: Path
) -> None:
    (tmp_path / "release.waivers.yaml").write_text("version: 1\nwaivers: []\n")
    assert problems(DESIGN_EXAMPLE) == [
        f"p.yaml:7:52: datasets.training.format: 'recordio' is {LATER}",
        f"p.yaml:15:3: screens.hub: {LATER}",
        f"p.yaml:20:80: checks[1].leak_rate.threshold.fmr: {LATER}",
        f"p.yaml:21:80: checks[2].identity_exposure.threshold.fpir: {LATER}",
        f"p.yaml:22:5: checks[3].excess_risk: {LATER}",
        f"p.yaml:23:5: checks[4].membership_inference: {LATER}",
        f"p.yaml:24:5: checks[5].canary_recall: {LATER}",
    ]


@pytest.mark.parametrize(
    ("hub", "expected"),
    [
        ("{max_share: 1%}", []),
        ("5", ["p.yaml:6:16: screens.hub: found 5, expected a mapping of keys and values"]),
        (
            "{max_shar: 1%}",
            [
                "p.yaml:6:17: screens.hub: unknown key 'max_shar' (did you mean 'max_share'?); expected: max_share"
            ],
        ),
    ],
)
def test_hub(problems: Problems, valid: str, hub: str, expected: list[str]) -> None:
    text = valid.replace("checks:", f"screens: {{hub: {hub}}}\nchecks:")
    assert problems(text) == [f"p.yaml:6:11: screens.hub: {LATER}", *expected]


def test_no_screens_are_fine(parse: Callable[..., object], valid: str) -> None:
    assert parse(valid.replace("checks:", "screens: {}\nchecks:"))


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (
            "excess_risk: {generated: generated, source: training, at_most: 5, contrl: x}",
            [
                f"p.yaml:8:5: checks[1].excess_risk: {LATER}",
                (
                    "p.yaml:8:68: checks[1].excess_risk.at_most: found 5, expected a share between 0 and "
                    "1: write 5% or 0.05"
                ),
                (
                    "p.yaml:8:71: checks[1].excess_risk: unknown key 'contrl' (did you mean 'control'?); "
                    "expected: generated, source, control, at_most, confidence"
                ),
            ],
        ),
        (
            "membership_inference: {generated: generated, source: training, control: training2, fpr: true}",
            [
                "p.yaml:8:5: checks[1].membership_inference: missing key 'at_most'",
                f"p.yaml:8:5: checks[1].membership_inference: {LATER}",
                (
                    "p.yaml:8:77: checks[1].membership_inference.control: unknown dataset 'training2' "
                    "(did you mean 'training'?); there are: generated, training"
                ),
                (
                    "p.yaml:8:93: checks[1].membership_inference.fpr: found true, "
                    "expected a share between 0 and 1, such as 5% or 0.05"
                ),
            ],
        ),
        (
            "canary_recall: {generated: generated, at_least: 99%}",
            [
                "p.yaml:8:5: checks[1].canary_recall: missing key 'source'",
                f"p.yaml:8:5: checks[1].canary_recall: {LATER}",
                "p.yaml:8:21: checks[1].canary_recall: unknown key 'generated'; expected: source, at_least",
            ],
        ),
        (
            "excess_rsk: {}",
            [
                (
                    "p.yaml:8:5: checks[1].excess_rsk: unknown check 'excess_rsk' (did you mean 'excess_risk'?); "
                    "there are: top_k_similarity, leak_rate, leak_count, identity_exposure"
                )
            ],
        ),
        (
            "leak_count: {generated: generated, source: training, threshold: {fmr: 5}, at_most: 1}",
            [
                f"p.yaml:8:70: checks[1].leak_count.threshold.fmr: {LATER}",
                (
                    "p.yaml:8:75: checks[1].leak_count.threshold.fmr: found 5, "
                    "expected a share between 0 and 1: write 5% or 0.05"
                ),
            ],
        ),
    ],
)
def test_checks(problems: Problems, valid: str, check: str, expected: list[str]) -> None:
    assert problems(f"{valid}  - {check}\n") == expected


def test_thresholds_of_embedders_that_must_agree(problems: Problems, valid: str) -> None:
    text = valid.partition("checks:")[0] + (
        "embedders: {fmr: {name: dlib-resnet}, b: {name: facenet-casia}}\n"
        "checks:\n"
        "  - leak_count: {generated: generated, source: training, agreement: [fmr, b], "
        "threshold: {fmr: {cosine: 0.9}, b: {fpir: 1%}}, at_most: 1}\n"
    )
    assert problems(text) == [f"p.yaml:8:115: checks[0].leak_count.threshold.b.fpir: {LATER}"]
