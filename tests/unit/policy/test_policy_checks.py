from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Problems = Callable[..., list[str]]

CHECK_NAMES = (
    "top_k_similarity, leak_rate, leak_count, identity_exposure, excess_risk, membership_inference, near_copy, "
    "canary_recall, coverage"
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "leak_rate:",
            "leak_rat:",
            [
                (
                    f"p.yaml:7:5: checks[0].leak_rat: unknown check 'leak_rat' (did you mean "
                    f"'leak_rate'?); there are: {CHECK_NAMES}"
                )
            ],
        ),
        (
            "at_most: 0.1%",
            "at_mots: 0.1%",
            [
                (
                    "p.yaml:7:83: checks[0].leak_rate: unknown key 'at_mots' (did you mean 'at_most'?); "
                    "expected: generated, source, matches, control, calibration, embedder, agreement, "
                    "no_worse_than, threshold, at_most, confidence"
                )
            ],
        ),
        (
            "{cosine: 0.9}",
            "{cosin: 0.9}",
            [
                (
                    "p.yaml:7:69: checks[0].leak_rate.threshold: unknown key 'cosin' (did you mean 'cosine'?); "
                    "expected: cosine, euclidean, fmr, fpir"
                )
            ],
        ),
        (
            "{cosine: 0.9}",
            "0.9",
            ["p.yaml:7:68: checks[0].leak_rate.threshold: found 0.9, expected a mapping of keys and values"],
        ),
        (
            "{cosine: 0.9}",
            "{cosine: 0.9, euclidean: 1}",
            [
                (
                    "p.yaml:7:68: checks[0].leak_rate.threshold: found cosine and euclidean, "
                    "expected exactly one of cosine, euclidean, fmr, fpir"
                )
            ],
        ),
        (
            "at_most: 0.1%",
            "at_most: 5, confidence: [95%]",
            [
                "p.yaml:7:92: checks[0].leak_rate.at_most: found 5, expected a share between 0 and 1: write 5% or 0.05",
                (
                    "p.yaml:7:107: checks[0].leak_rate.confidence: found a list, "
                    "expected a share between 0 and 1, such as 5% or 0.05"
                ),
            ],
        ),
        (
            "generated: generated, source: training, ",
            "",
            [
                "p.yaml:7:5: checks[0].leak_rate: missing key 'generated'",
                "p.yaml:7:5: checks[0].leak_rate: missing key 'source'",
            ],
        ),
        (
            "source: training",
            "sorce: training",
            [
                (
                    "p.yaml:7:39: checks[0].leak_rate: unknown key 'sorce' (did you mean 'source'?); "
                    "expected: generated, source, matches, control, calibration, embedder, agreement, "
                    "no_worse_than, threshold, at_most, confidence"
                )
            ],
        ),
        (
            "generated: generated, source: training",
            "match: generated",
            [
                (
                    "p.yaml:7:17: checks[0].leak_rate: unknown key 'match' (did you mean 'matches'?); "
                    "expected: generated, source, matches, control, calibration, embedder, agreement, "
                    "no_worse_than, threshold, at_most, confidence"
                )
            ],
        ),
        (
            "source: training",
            "source: trainin",
            [
                (
                    "p.yaml:7:47: checks[0].leak_rate.source: unknown dataset 'trainin' (did you mean 'training'?); "
                    "there are: generated, training"
                )
            ],
        ),
        (
            "source: training",
            "source: [training]",
            ["p.yaml:7:47: checks[0].leak_rate.source: found a list, expected the name of a dataset"],
        ),
        (
            "source: training",
            "source: generated",
            [
                (
                    "p.yaml:7:47: checks[0].leak_rate.source: source and generated are the same dataset "
                    "'generated'; name two"
                )
            ],
        ),
        (
            "source: training",
            "source: training, matches: training",
            [
                (
                    "p.yaml:7:17: checks[0].leak_rate.generated: found 'generated' beside 'matches'; "
                    "a match list stands in place of two sets"
                ),
                (
                    "p.yaml:7:39: checks[0].leak_rate.source: found 'source' beside 'matches'; "
                    "a match list stands in place of two sets"
                ),
                (
                    "p.yaml:7:66: checks[0].leak_rate.matches: 'training' is a set of images (format: folder), "
                    "expected a match list (format: matches); name two sets with 'generated' and 'source'"
                ),
            ],
        ),
        (
            "  - leak_rate: {",
            "  leak_rate: {",
            [
                "p.yaml:7:3: checks: found a mapping, expected a list, each item on a line that starts with '- '"
            ],
        ),
    ],
)
def test_problems_of_a_check(
    problems_after: Callable[[str, str], list[str]], old: str, new: str, expected: list[str]
) -> None:
    assert problems_after(old, new) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("checks: []\n", ["p.yaml:6:9: checks: found nothing in it, expected at least one"]),
        ("checks: [5]\n", ["p.yaml:6:10: checks[0]: found 5, expected a mapping of keys and values"]),
        (
            "checks: [leak_rate]\n",
            ["p.yaml:6:10: checks[0]: found the text 'leak_rate', expected a mapping of keys and values"],
        ),
        ("checks: [{}]\n", ["p.yaml:6:10: checks[0]: found an empty mapping, expected one check"]),
        (
            "checks: [{leak_rate: 5}]\n",
            ["p.yaml:6:22: checks[0].leak_rate: found 5, expected a mapping with the keys of the check"],
        ),
        (
            "checks:\n  - leak_rate:\n    generated: generated\n    source: training\n",
            [
                (
                    "p.yaml:7:5: checks[0]: found 3 keys ('leak_rate', 'generated', 'source'), expected one check; "
                    "indent the keys of a check deeper than its name, and begin each check with '- '"
                ),
                "p.yaml:7:5: checks[0].leak_rate: this key has no value; write one or take the key out",
            ],
        ),
        ("checks:\n", ["p.yaml:6:1: checks: this key has no value; write one or take the key out"]),
        ("", ["p.yaml:1:1: missing key 'checks'"]),
    ],
)
def test_items_of_checks(problems: Problems, valid: str, items: str, expected: list[str]) -> None:
    assert problems(valid.partition("checks:")[0] + items) == expected


ROOT = Path(__file__).resolve().parents[3]
OTHER_PACKAGE = {
    "other-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n",
    "other-1.0.dist-info/entry_points.txt": """\
[faceleak_check.checks]
good = other:Good
lax = other:Lax
loose = other:Loose
gone = other_gone:Gone
half = other:Half
own = other:Own
strict = other:Strict
listed = other:Listed
""",
    "other.py": """\
import dataclasses, pydantic.dataclasses
from faceleak_check.policy.types import Share, check_keys

class Parts:
    needs_whole_set, n_neighbours, metric = False, 1, "cosine"
    def leaking(self, matches): return matches.similarity > self.limit
    def measure(self, matches): raise NotImplementedError

@check_keys
class Good(Parts):
    limit: Share

@check_keys
class Half:
    metric: str = "cosine"
    limit: Share

    def measure(self, matches): raise NotImplementedError

@check_keys
class Own(Parts):
    has_embedder = False
    limit: Share

@check_keys
class Listed(Parts):
    limit: list[int]

@check_keys
class Strict(Parts):
    limit: Share

    def __post_init__(self):
        return 1 / 0

@pydantic.dataclasses.dataclass
class Lax:
    limit: float

@dataclasses.dataclass
class Loose:
    limit: float
""",
}


def test_other_packages_bring_checks_made_with_check_keys(tmp_path: Path, valid: str) -> None:
    """A real installed package: a folder with metadata on the path of a fresh Python."""
    for name, text in OTHER_PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    checks = [
        f"  - {name}: {{generated: generated, source: training, {limit}: {'[1]' if name == 'listed' else '1%'}}}\n"
        for name, limit in {
            "good": "limt",
            "lax": "limt",
            "loose": "limt",
            "gone": "limt",
            "half": "limit",
            "own": "limit",
            "strict": "limit",
            "listed": "limit",
        }.items()
    ]
    (tmp_path / "p.yaml").write_text(valid.partition("  - ")[0] + "".join(checks))
    code = "from faceleak_check.policy.parse import parse_policy; parse_policy('p.yaml')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    not_ours = "this check of another package is not made with check_keys, so its keys cannot be checked"
    assert done.stderr.splitlines()[-8:] == [
        (
            "faceleak_check.errors.PolicyError: p.yaml:7:52: checks[0].good: "
            "unknown key 'limt' (did you mean 'limit'?); expected: generated, source, matches, embedder, "
            "no_worse_than, limit"
        ),
        f"p.yaml:8:5: checks[1].lax: {not_ours}",
        f"p.yaml:9:5: checks[2].loose: {not_ours}",
        (
            "p.yaml:10:5: checks[3].gone: check 'gone' is installed as 'other_gone:Gone' "
            "but cannot be imported: No module named 'other_gone'"
        ),
        (
            "p.yaml:11:5: checks[4].half: this check of another package lacks needs_whole_set, n_neighbours, leaking; "
            "see PairCheck in faceleak_check.protocols"
        ),
        (
            "p.yaml:12:5: checks[5].own: this check of another package brings its own way of comparing pictures, "
            "which only our own checks can"
        ),
        (
            "p.yaml:13:5: checks[6].strict: Strict of another package cannot judge its keys: "
            "ZeroDivisionError('division by zero')"
        ),
        (
            "p.yaml:14:5: checks[7].listed: Listed of another package cannot judge its keys: "
            "TypeError(\"unhashable type: 'list'\")"
        ),
    ]
