from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from policy_examples import GATE, SETS

from faceleak_check.policy.document import EmbedderChoice, Expect, HubKeys
from faceleak_check.policy.schema import Case, NamedEmbedder, Policy
from faceleak_check.policy.types import Threshold

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]


def test_a_whole_gate(parse: Parse, tmp_path: Path) -> None:
    policy = parse(GATE)
    assert [case.id for case in policy.cases] == [
        "leak_rate[generated-vs-training]",
        "identity_exposure[generated-vs-training]",
        "excess_risk[generated-vs-training-vs-unseen]",
        "excess_risk[list-vs-rendered]",
        "membership_inference[generated-vs-training-vs-unseen]",
        "canary_recall[training]",
        "canary_recall[training#2]",
        "near_copy[generated-vs-training]",
        "near_copy[generated-vs-training#2]",
        "coverage[generated]",
    ]
    assert [_sets(case) for case in policy.cases] == [
        ("generated", "training", None, "unseen", "mirror", None),
        ("generated", "training", None, None, None, None),
        ("generated", "training", None, "unseen", None, None),
        (None, None, "list", "rendered", None, None),
        ("generated", "training", None, "unseen", None, None),
        (None, "training", None, None, None, None),
        (None, "training", None, None, "training", None),
        ("generated", "training", None, None, None, None),
        ("generated", "training", None, None, None, None),
        (None, None, None, None, None, "generated"),
    ]
    assert [case.no_worse_than for case in policy.cases] == [tmp_path / "old" / "evidence.json"] + 9 * [None]
    assert policy.hub == HubKeys(max_share=0.01)
    assert [rule.name for rule in policy.screens] == ["child"]
    assert policy.notes == ()
    assert {name: (one.labels.kind, one.expect) for name, one in policy.datasets.items()} == {
        "generated": ("none", Expect(images=10_000, otherwise="warn")),
        "training": ("own", Expect(images=490_623, identities=10_572)),
        "unseen": ("csv", None),
        "mirror": ("parent_folder", None),
        "list": ("none", Expect(images=5)),
        "rendered": ("none", None),
    }


def _sets(case: Case) -> tuple[str | None, ...]:
    return (case.generated, case.source, case.matches, case.control, case.calibration, case.dataset)


def test_copies_are_compared_by_a_way_of_their_own(parse: Parse, tmp_path: Path) -> None:
    policy = parse(GATE)
    assert [case.embedder for case in policy.cases[-3:-1]] == [
        NamedEmbedder(name="phash", choice=EmbedderChoice(name="phash", align="none")),
        NamedEmbedder(
            name="sscd", choice=EmbedderChoice(name="sscd", weights=tmp_path / "s.pt", align="none")
        ),
    ]
    assert list(policy.embedders) == ["dlib-resnet"]
    only_copies = GATE.partition("checks:\n")[0] + "checks:\n" + GATE.splitlines()[-3] + "\n"
    assert parse(only_copies).embedders == {}


def test_an_excess_risk_has_a_threshold_of_its_own(parse: Parse) -> None:
    assert parse(GATE).cases[2].check.threshold == Threshold(fpir=0.01)


def test_several_embedders_are_no_part_of_a_copy(parse: Parse) -> None:
    text = GATE.replace("screens:", "embedders: {a: {name: dlib-resnet}, b: {name: facenet-casia}}\nscreens:")
    coverage = "  - coverage: {dataset: generated, embedder: b, min_images: 5}\n"
    lines = text.partition("checks:\n")[0] + "checks:\n" + GATE.splitlines()[-3] + "\n" + coverage
    assert [case.id for case in parse(lines).cases] == [
        "near_copy[generated-vs-training]",
        "coverage[generated-by-b]",
    ]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (
            "excess_risk: {generated: gen, source: train, at_most: 1%}",
            ["12:5: checks[0].excess_risk: missing key 'control'"],
        ),
        (
            "excess_risk: {generated: gen, source: train, contrl: unseen, at_most: 1%}",
            [
                (
                    "12:50: checks[0].excess_risk: unknown key 'contrl' (did you mean 'control'?); expected: "
                    "generated, source, control, matches, calibration, embedder, no_worse_than, threshold, "
                    "at_most, confidence"
                )
            ],
        ),
        (
            "excess_risk: {matchs: list, control: other, threshold: {cosine: 0.5}, at_most: 1%}",
            [
                (
                    "12:19: checks[0].excess_risk: unknown key 'matchs' (did you mean 'matches'?); expected: "
                    "generated, source, control, matches, calibration, embedder, no_worse_than, threshold, "
                    "at_most, confidence"
                )
            ],
        ),
        (
            "excess_risk: {matches: list, threshold: {cosine: 0.5}, at_most: 1%}",
            ["12:5: checks[0].excess_risk: missing key 'control'"],
        ),
        (
            "excess_risk: {generated: gen, source: train, control: train, at_most: 1%}",
            [
                (
                    "12:59: checks[0].excess_risk.control: control and source are the same dataset 'train'; name two"
                )
            ],
        ),
        (
            "membership_inference: {generated: gen, source: train, control: gen, fpr: 1%, at_most: 1%}",
            [
                (
                    "12:68: checks[0].membership_inference.control: control and generated are the same dataset "
                    "'gen'; name two"
                )
            ],
        ),
        (
            "leak_count: {generated: gen, source: train, calibration: gen, threshold: {fmr: 1%}, at_most: 1}",
            [
                (
                    "12:62: checks[0].leak_count.calibration: calibration and generated are the same dataset 'gen'; "
                    "name two"
                ),
                (
                    "12:62: checks[0].leak_count.calibration: thresholds are found on pictures of different people, "
                    "and 'gen' has no labels; write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under "
                    "datasets.gen"
                ),
            ],
        ),
        (
            "leak_count: {generated: gen, source: train, control: list, threshold: {fmr: 1%}, at_most: 1}",
            [
                (
                    "12:58: checks[0].leak_count.control: 'list' is a match list; "
                    "the control of two sets is a set of images"
                )
            ],
        ),
        (
            "leak_count: {generated: gen, source: train, calibration: list, threshold: {fmr: 1%}, at_most: 1}",
            [
                (
                    "12:62: checks[0].leak_count.calibration: 'list' is a match list; "
                    "thresholds are found on a set of images"
                )
            ],
        ),
        (
            "coverage: {dataset: list, min_images: 1}",
            [
                "12:25: checks[0].coverage.dataset: 'list' is a match list; this check looks at a set of images"
            ],
        ),
        (
            "coverage: {matches: list, min_images: 1}",
            [
                "12:5: checks[0].coverage: missing key 'dataset'",
                (
                    "12:16: checks[0].coverage: unknown key 'matches'; expected: dataset, embedder, no_worse_than, "
                    "min_images, max_unreadable, max_no_face, max_screened"
                ),
            ],
        ),
        (
            "leak_count: {matches: list, control: other, calibration: named, threshold: {cosine: 0.5}, at_most: 1}",
            [
                (
                    "12:33: checks[0].leak_count.control: found 'control' beside 'matches'; "
                    "a match list has no templates to compare it with"
                ),
                (
                    "12:49: checks[0].leak_count.calibration: found 'calibration' beside 'matches'; "
                    "a match list has no templates to compare it with"
                ),
            ],
        ),
        (
            "excess_risk: {matches: list, control: unseen, threshold: {cosine: 0.5}, at_most: 1%}",
            [
                (
                    "12:43: checks[0].excess_risk.control: 'unseen' is a set of images (format: folder), expected a "
                    "match list (format: matches); the control of a match list is another one"
                )
            ],
        ),
        (
            "excess_risk: {matches: list, control: list, threshold: {cosine: 0.5}, at_most: 1%}",
            [
                "12:43: checks[0].excess_risk.control: control and matches are the same dataset 'list'; name two"
            ],
        ),
        (
            "excess_risk: {matches: list, control: other, source: train, threshold: {cosine: 0.5}, at_most: 1%}",
            [
                (
                    "12:50: checks[0].excess_risk.source: found 'source' beside 'matches'; "
                    "a match list stands in place of two sets"
                )
            ],
        ),
        (
            "excess_risk: {generated: gen, source: train, control: unseen, at_most: 1%, agreement: [a, b]}",
            [
                (
                    "12:80: checks[0].excess_risk.agreement: this check compares with one embedder; "
                    "name it with 'embedder'"
                )
            ],
        ),
        (
            "near_copy: {generated: gen, source: train, at_most: 0, embedder: phash, agreement: [phash, sscd]}",
            [
                (
                    "12:60: checks[0].near_copy.embedder: found 'embedder' at a check that compares pictures and not "
                    "people; say how with 'method'"
                ),
                (
                    "12:77: checks[0].near_copy.agreement: found 'agreement' at a check that compares pictures and "
                    "not people; say how with 'method'"
                ),
            ],
        ),
        (
            "near_copy: {matches: list, at_most: 0}",
            [
                "12:5: checks[0].near_copy: missing key 'generated'",
                "12:5: checks[0].near_copy: missing key 'source'",
                (
                    "12:17: checks[0].near_copy: unknown key 'matches'; expected: generated, source, no_worse_than, "
                    "at_most, method, max_bits, min_similarity, weights, sha256"
                ),
            ],
        ),
        (
            "leak_count: {generated: gen, source: train, threshold: {cosine: 1}, at_most: 1, no_worse_than: 5}",
            [
                "12:100: checks[0].leak_count.no_worse_than: found 5, expected a path; put it in quotes",
            ],
        ),
        (
            "identity_exposure: {generated: gen, source: bare, threshold: {cosine: 1}, at_most: 1, min_images: 0}",
            [
                (
                    "12:103: checks[0].identity_exposure.min_images: found 0, expected a whole number of 1 or more"
                ),
            ],
        ),
        (
            "identity_exposure: {matches: list, threshold: {cosine: 1}, at_most: 1, people: clusters}",
            [
                (
                    "12:84: checks[0].identity_exposure.people: a match list has no templates to cluster; name its "
                    "column of people with 'source_identity' under datasets.list.columns, and take 'people' out"
                )
            ],
        ),
        (
            "identity_exposure: {generated: gen, source: train, threshold: {cosine: 1}, at_most: 1, people: faces}",
            [
                (
                    "12:100: checks[0].identity_exposure.people: found the text 'faces', "
                    "expected labels or clusters"
                )
            ],
        ),
        (
            "membership_inference: {generated: gen, source: train, control: unseen, fpr: 5, at_most: 99}",
            [
                (
                    "12:81: checks[0].membership_inference.fpr: found 5, expected a share between 0 and 1: "
                    "write 5% or 0.05"
                ),
                (
                    "12:93: checks[0].membership_inference.at_most: found 99, expected a share between 0 and 1: "
                    "write 99% or 0.99"
                ),
            ],
        ),
        (
            "canary_recall: {source: train, at_least: 99, threshold: {cosine: 1}}",
            [
                (
                    "12:46: checks[0].canary_recall.at_least: found 99, expected a share between 0 and 1: "
                    "write 99% or 0.99"
                )
            ],
        ),
        (
            "coverage: {dataset: gen, max_no_face: 5, max_screened: 10, max_unreadable: 1.5}",
            [
                (
                    "12:43: checks[0].coverage.max_no_face: found 5, expected a share between 0 and 1: "
                    "write 5% or 0.05"
                ),
                (
                    "12:60: checks[0].coverage.max_screened: found 10, expected a share between 0 and 1: "
                    "write 10% or 0.1"
                ),
                (
                    "12:80: checks[0].coverage.max_unreadable: found 1.5, expected a share between 0 and 1: "
                    "write 1.5% or 0.015"
                ),
            ],
        ),
    ],
)
def test_problems(problems: Problems, check: str, expected: list[str]) -> None:
    assert problems(SETS % check) == [f"p.yaml:{line}" for line in expected]


def test_people_in_clusters_need_no_labels(parse: Parse) -> None:
    check = "identity_exposure: {generated: gen, source: bare, threshold: {cosine: 1}, at_most: 1, people: clusters}"
    assert [case.id for case in parse(SETS % check).cases] == ["identity_exposure[gen-vs-bare]"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("gen", "'unseen' and 'gen' hold the same files: both are '{here}/gen'"),
        ("train/a", "'unseen' and 'train' hold the same files: '{here}/train/a' lies inside '{here}/train'"),
    ],
)
def test_a_control_shares_no_files(problems: Problems, tmp_path: Path, place: str, message: str) -> None:
    check = "excess_risk: {generated: gen, source: train, control: unseen, at_most: 1%}"
    assert problems((SETS % check).replace("path: unseen", f"path: {place}")) == [
        f"p.yaml:12:59: checks[0].excess_risk.control: {message.format(here=tmp_path)}; keep them apart"
    ]


def test_two_match_lists_are_two_files(problems: Problems, tmp_path: Path) -> None:
    check = "excess_risk: {matches: list, control: other, threshold: {cosine: 0.5}, at_most: 1%}"
    assert problems((SETS % check).replace("b.csv", "a.csv")) == [
        (
            f"p.yaml:12:43: checks[0].excess_risk.control: 'other' and 'list' hold the same files: both are "
            f"'{tmp_path}/a.csv'; keep them apart"
        )
    ]


@pytest.mark.parametrize("role", ["train", "named"])
def test_a_calibration_set_may_be_the_source_or_the_control(parse: Parse, role: str) -> None:
    check = (
        "leak_count: {generated: gen, source: train, control: named, "
        f"calibration: {role}, threshold: {{fmr: 1%}}, at_most: 1}}"
    )
    assert parse(SETS % check).cases[0].calibration == role


ROOT = Path(__file__).resolve().parents[3]
OTHER_PACKAGE = {
    "other-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n",
    "other-1.0.dist-info/entry_points.txt": """\
[faceleak_check.checks]
pairs = other:Pairs
odd = other:Odd
alone = other:Alone
""",
    "other.py": """\
from typing import ClassVar
from faceleak_check.policy.types import Share, check_keys

class Parts:
    needs_whole_set, n_neighbours, metric = False, 1, "cosine"
    def leaking(self, matches): return matches.similarity > self.limit
    def measure(self, matches): raise NotImplementedError

@check_keys
class Pairs(Parts):
    roles: ClassVar = (("generated", "source"),)
    may_name: ClassVar = ("control",)
    needs_labels: ClassVar = True
    limit: Share

@check_keys
class Odd(Parts):
    roles: ClassVar = (("generated", "elsewhere"),)
    limit: Share

@check_keys
class Alone(Parts):
    roles: ClassVar = (("source", "control"),)
    limit: Share
""",
}


def test_checks_of_other_packages_say_which_datasets_they_need(tmp_path: Path) -> None:
    for name, text in OTHER_PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    checks = "pairs: {generated: gen, source: train, control: unseen, limit: 1%}"
    (tmp_path / "good.yaml").write_text(SETS % checks)
    bad = [
        "odd: {generated: gen, elsewhere: train, limit: 1%}",
        checks.replace("train", "bare"),
        "alone: {source: train, control: unseen, limit: 1%}",
    ]
    (tmp_path / "bad.yaml").write_text(SETS % "\n  - ".join(bad))
    code = (
        "from faceleak_check.policy.parse import parse_policy; "
        "print([case.id for case in parse_policy('good.yaml').cases]); parse_policy('bad.yaml')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "['pairs[gen-vs-train]']\n"
    assert done.stderr.splitlines()[-3:] == [
        (
            "faceleak_check.errors.PolicyError: bad.yaml:12:5: checks[0].odd: this check of another package asks for "
            "datasets under keys that there are not: elsewhere"
        ),
        (
            "bad.yaml:13:37: checks[1].pairs.source: this check counts people, and 'bare' has no labels; "
            "write 'labels: parent_folder' or 'labels: {csv: labels.csv}' under datasets.bare"
        ),
        (
            "bad.yaml:14:5: checks[2].alone: this check of another package looks at other sets than 'generated' and "
            "'source' or 'matches', which only our own checks can"
        ),
    ]
