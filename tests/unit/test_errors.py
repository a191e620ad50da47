from __future__ import annotations

import copy
import pickle

import pytest

from faceleak_check.errors import (
    DatasetError,
    EvidenceError,
    FaceleakError,
    InconclusiveError,
    ModelError,
    PolicyError,
    Problem,
    StoreError,
    UsageError,
)

INCONCLUSIVE = [InconclusiveError, DatasetError, ModelError, StoreError, EvidenceError]
LATER = Problem(file="p.yaml", line=10, column=3, message="unknown key", key="checks[0]")
EARLIER = Problem(file="p.yaml", line=9, column=12, message="the file is empty")


@pytest.mark.parametrize("kind", [*INCONCLUSIVE, PolicyError, UsageError])
def test_every_error_can_be_caught_as_one(kind: type[Exception]) -> None:
    assert issubclass(kind, FaceleakError)


@pytest.mark.parametrize("kind", INCONCLUSIVE)
def test_message_and_detail_are_kept_apart(kind: type[InconclusiveError]) -> None:
    error = kind("the store is full", detail="/tmp/store: free some space")
    assert (error.message, error.detail) == ("the store is full", "/tmp/store: free some space")
    assert str(error) == "the store is full\n/tmp/store: free some space"
    assert str(kind("nothing is left")) == "nothing is left"


@pytest.mark.parametrize("kind", INCONCLUSIVE)
def test_an_error_can_go_to_another_process(kind: type[InconclusiveError]) -> None:
    error = kind("the store is full", detail="free some space")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(again), again.message, again.detail, str(again)) == (
            kind,
            error.message,
            error.detail,
            str(error),
        )


def test_a_problem_names_file_line_column_and_key() -> None:
    assert str(LATER) == "p.yaml:10:3: checks[0]: unknown key"
    assert str(EARLIER) == "p.yaml:9:12: the file is empty"


def test_a_policy_error_tells_all_problems_in_file_order() -> None:
    error = PolicyError(problem for problem in (LATER, EARLIER))
    assert error.problems == (EARLIER, LATER)
    assert str(error) == "p.yaml:9:12: the file is empty\np.yaml:10:3: checks[0]: unknown key"
