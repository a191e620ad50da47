"""Policies: whatever stands in a file, a policy or a `PolicyError` whose problems have a place in it; nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kinds import Kind, Whole
from policy_examples import DESIGN_EXAMPLE, FULL, GATE, SEVERAL

from faceleak_check.errors import PolicyError, Problem
from faceleak_check.policy.init import init_text
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.source import read_source

__all__ = ["KINDS", "TOKENS", "judged"]

TOKENS = tuple(
    word.encode()
    for word in (
        *("{", "}", "[", "]", ":", ": ", "- ", ",", "\n", "\n  ", "\t", "\r\n", "#", "&a ", "*a", "<<: "),
        *("!!int ", "!!python/object/apply:os.system ", "'", '"', "\\", '"\\ud800"', "%", "|", ">", "?"),
        *("---\n", "...\n", "\ufeff", "\0", "\u2028", "é", "𝄞", "${", "${A}", "${B:-1}", "$${", "${A:-${B}}"),
        *("~", "null", "true", "no", "-1", "1e999", ".nan", ".inf", "5%", "9" * 400, "0x1F", "0o17", "1:30"),
        *(
            "matches",
            "generated",
            "training",
            "list",
            "leak_rate",
            "threshold",
            "cosine",
            "labels",
            "columns",
        ),
        *(
            "embedder",
            "embedders",
            "agreement",
            "method",
            "any_of",
            "screens",
            "dlib",
            "control",
            "calibration",
        ),
        *("dataset", "unseen", "excess_risk", "canary_recall", "near_copy", "coverage", "fmr", "fpir", "hub"),
        *(
            "expect",
            "people",
            "no_worse_than",
            "thresholds: t.yaml",
            "recordio",
            "datasets",
            "checks",
            "version",
        ),
        *(
            "waivers",
            "exclusions",
            "at_most",
            "at_least",
            "confidence",
            "path",
            "format",
            "k",
            "weights",
            "sha256",
        ),
    )
)
_ENVIRONMENT = {"A": "x", "TRAINING": "t"}
_SEEDS = {
    "full": FULL,
    "several": SEVERAL,
    "gate": GATE,
    "design": DESIGN_EXAMPLE,
    "init": "\n".join(line for line in init_text().split("\n") if not line.lstrip().startswith("#")),
}


def _wholes(folder: Path) -> Sequence[Whole]:
    for name in ("w", "release"):
        (folder / f"{name}.waivers.yaml").write_text("version: 1\nwaivers: []\n", encoding="utf-8")
    return [Whole(name=name, data=text.encode()) for name, text in _SEEDS.items()]


def judged(folder: Path, whole: Whole, data: bytes) -> str:
    """Reads a policy."""
    problems = _problems(folder, data)
    n_lines = data.count(b"\n") + data.count(b"\r") + 1
    for problem in problems:
        assert 1 <= problem.line <= n_lines
        assert problem.column >= 1
        assert len(str(problem).encode("utf-8").splitlines()) == 1
    return "refused" if problems else "read"


def _problems(folder: Path, data: bytes) -> tuple[Problem, ...]:
    file = folder / "p.yaml"
    file.write_bytes(data)
    try:
        policy = parse_policy(file, shown_as="p.yaml", environment=_ENVIRONMENT)
    except PolicyError as error:
        return error.problems
    plain = read_source(file, "p.yaml", _ENVIRONMENT).data
    # a check or a screen that went missing without a word would be a false pass
    assert len(policy.cases) == len(plain["checks"])
    assert len(policy.screens) + (policy.hub is not None) == len(plain.get("screens", ()))
    return ()


KINDS = (Kind(name="policy", wholes=_wholes, judge=judged, tokens=TOKENS),)
