"""Whatever stands in a file: a policy, or a `PolicyError` whose problems have a place in it. Nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_examples import DESIGN_EXAMPLE, FULL, GATE, SEVERAL

from faceleak_check.errors import PolicyError, Problem
from faceleak_check.policy.init import init_text
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.source import read_source

SEEDS = (FULL, SEVERAL, GATE, DESIGN_EXAMPLE, init_text())
PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ": ",
            "- ",
            ",",
            "\n",
            "\n  ",
            "\t",
            "\r\n",
            "#",
            "&a ",
            "*a",
            "<<: ",
            "!!int ",
        ),
        *(
            "'",
            '"',
            "\\",
            '"\\ud800"',
            "%",
            "|",
            ">",
            "?",
            "---\n",
            "...\n",
            "\ufeff",
            "\0",
            "\u2028",
            "é",
            "𝄞",
        ),
        *(
            "${",
            "${A}",
            "${B:-1}",
            "$${",
            "~",
            "null",
            "true",
            "-1",
            "1e999",
            ".nan",
            "5%",
            "9" * 400,
            "0x1F",
        ),
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
            "embedder",
            "agreement",
            "method",
            "any_of",
            "screens",
            "dlib",
        ),
        *(
            "control",
            "calibration",
            "dataset",
            "unseen",
            "excess_risk",
            "canary_recall",
            "near_copy",
            "coverage",
            "fmr",
            "fpir",
            "hub",
            "expect",
            "people",
            "no_worse_than",
            "thresholds: t.yaml",
            "recordio",
        ),
    ]
)
SETTINGS = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid policy with some pieces put in, taken out or doubled."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        middle = draw(st.one_of(PIECES, st.just(""), st.just(text[start:end] * 2)))
        text = text[:start] + middle + text[end:]
    return text


def _problems(raw: bytes) -> tuple[Problem, ...]:
    """What the file has wrong; nothing else than a `PolicyError` may come out."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "w.waivers.yaml").write_text("version: 1\nwaivers: []\n")
        file = Path(folder, "p.yaml")
        file.write_bytes(raw)
        try:
            policy = parse_policy(file, shown_as="p.yaml", environment={"A": "x", "TRAINING": "t"})
        except PolicyError as error:
            return error.problems
        data = read_source(file, "p.yaml", {"A": "x", "TRAINING": "t"}).data
    # a check or a screen that went missing without a word would be a false pass
    assert len(policy.cases) == len(data["checks"])
    assert len(policy.screens) + (policy.hub is not None) == len(data.get("screens", ()))
    return ()


def _is_fine(raw: bytes) -> None:
    n_lines = raw.count(b"\n") + raw.count(b"\r") + 1
    for problem in _problems(raw):
        assert 1 <= problem.line <= n_lines
        assert problem.column >= 1
        assert len(str(problem).encode("utf-8").splitlines()) == 1


@SETTINGS
@given(mutated())
def test_a_mutated_policy_is_read_or_refused(text: str) -> None:
    _is_fine(text.encode("utf-8", "surrogatepass"))


@SETTINGS
@given(
    st.one_of(
        st.binary(max_size=200), st.lists(PIECES, max_size=40).map(lambda found: "".join(found).encode())
    )
)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    _is_fine(raw)


@pytest.mark.parametrize("seed", [FULL, SEVERAL, GATE, init_text()], ids=["full", "several", "gate", "init"])
def test_the_seeds_are_valid(seed: str) -> None:
    assert _problems(seed.encode()) == ()
