"""What a result does not say: chosen by the facts of a case, and no sentence too many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from full_verdict import full_verdict
from page_evidence import case_record
from whole_verdicts import calibrated, canary_recall, coverage, membership, nothing, summary

from faceleak_check.records import Interval, Measurement, Outcome
from faceleak_check.reports.page.caveats import caveats

ONE_VIEW = (
    "What another recogniser or a person would see: this is the view of one, adaface-ir101. Recognisers "
    "err more on some groups of people than on others, and no figure here is told apart by them."
)
ONE_SOURCE = (
    "Whether other people come back: only the 494 images of 'training' were compared, and not what else "
    "the generator, or a model that it was built on, has seen."
)
OTHER_PICTURES = (
    "That every picture of a source person is recognised: copies of a photograph are found far more surely "
    "than other photographs of the same people."
)
NOT_AWAKE = (
    "That the gate was awake: this policy sends no altered copies of the source through it (canary_recall)."
)
LOOK = (
    "That a human would see the same person in both pictures of a pair: look at them, and mark those that "
    "are other people."
)
NO_RATE = (
    "That strangers match as rarely as somebody asked for: the threshold is a number that the policy "
    "states, and not an error rate."
)


def of(case: dict[str, Any], *others: dict[str, Any]) -> list[str]:
    return list(caveats(case, [case, *others]))


def clean(**changes: Any) -> dict[str, Any]:
    """A leak rate of 0 of 400 images at a raw cosine."""
    measured = Measurement(
        value=0, limit=0.01, unit="share", n=400, rule="cosine >= 0.9", pairs=(), **changes
    )
    verdict = replace(
        calibrated(),
        outcome=Outcome.PASS,
        measurement=measured,
        thresholds={},
        chance=None,
        search=None,
        sets={"generated": summary("generated", 400), "source": summary("training", 494)},
    )
    return case_record(verdict)


def test_nothing_found_at_a_raw_cosine() -> None:
    assert of(clean()) == [
        (
            "That nothing leaks: nothing was found among 400 images, and so up to 0.746% of what the "
            "generator makes could leak (95% confidence)."
        ),
        NO_RATE,
        ONE_VIEW,
        ONE_SOURCE,
        OTHER_PICTURES,
        NOT_AWAKE,
    ]


def test_nothing_found_is_bounded_by_the_interval_that_decides() -> None:
    interval = Interval(low=0.0, high=0.0123, confidence=0.99)
    assert of(clean(interval=interval, confidence_asked=True))[0] == (
        "That nothing leaks: nothing was found among 400 images, and so up to 1.23% of what the generator "
        "makes could leak (99% confidence)."
    )


def test_a_leak_at_an_extrapolated_error_rate() -> None:
    assert of(case_record(calibrated())) == [
        (
            "That the error rate of the threshold was seen: it lies beyond what the comparisons can show and "
            "was extrapolated."
        ),
        (
            "That everything found is a leak: of 3 pairs over the threshold, about 12 would be there by "
            "chance alone."
        ),
        LOOK,
        ONE_VIEW,
        ONE_SOURCE,
        (
            "That every nearest source image was found: the search was approximate and finds at least "
            "98.3% of them (95% confidence)."
        ),
        OTHER_PICTURES,
        NOT_AWAKE,
    ]


def test_too_few_strangers_rule_nothing_out() -> None:
    case = case_record(calibrated(), thresholds={})
    case["chance"] |= {"expected": 0.004, "low": 0.0, "high": 3.7}
    assert of(case)[:3] == [
        f"{NO_RATE[:-1]}. What chance gives at it was worked out afterwards.",
        (
            "That nothing of this is chance: too few strangers were compared to rule out that chance brings "
            "3.7 of 3 pairs."
        ),
        LOOK,
    ]


def test_two_recognisers_and_images_that_were_left_out() -> None:
    assert of(case_record(full_verdict())) == [
        (
            "That nothing was found: 1 pair over the threshold is not counted, because somebody took "
            "responsibility for it."
        ),
        NO_RATE,
        LOOK,
        "What other recognisers see: only what adaface-ir101 and onnx agree on is counted.",
        (
            "Whether other people come back: only the 3 images of 'training' were compared, and not what "
            "else the generator, or a model that it was built on, has seen."
        ),
        "Anything about 2 of the 6 images of 'generated': they were left out.",
        OTHER_PICTURES,
        NOT_AWAKE,
    ]


def test_an_attack_that_is_one_of_many() -> None:
    assert of(case_record(replace(membership(), agreement={})))[-1] == (
        "That no attack works: this is one attack, and a better one may tell more."
    )


def test_checks_of_the_gate_say_nothing_of_leaks() -> None:
    assert of(case_record(canary_recall())) == [
        "That the release may go: a check without a verdict is not passed.",
        "Whether anything leaks: it tells only whether this gate would notice copies.",
    ]
    assert of(case_record(coverage())) == [
        "That the release may go: a check without a verdict is not passed.",
        "Whether anything leaks: it tells only how much could be looked at.",
    ]


def test_a_gate_that_was_tested() -> None:
    asleep = case_record(canary_recall())
    awake = asleep | {"outcome": "pass"}
    assert of(clean(), awake)[-1] == OTHER_PICTURES
    assert of(clean(), asleep)[-1] == (
        "That the gate was awake: too few altered copies of the source were caught (canary_recall)."
    )


def test_a_stand_in_says_nothing_about_people() -> None:
    case = clean()
    case["embedder"]["recognises_people"] = False
    assert "Anything about people: adaface-ir101 is no face recogniser." in of(case)
    assert ONE_VIEW not in of(case)


def test_where_nothing_was_measured() -> None:
    assert of(case_record(nothing())) == ["Anything: nothing could be measured. That is not a pass."]
