"""``no_worse_than``: a figure beside that of an earlier release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from gate_project import NOTE, failure, summary
from labelled_project import PAIR, TRIPLE, LabelledProject

from faceleak_check.seals import digest_of, sealed

COUNT = f"leak_count: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 5"
CASE = "leak_count[generated-vs-training]"


def leak(project: LabelledProject, n: int) -> None:
    for one in range(n):
        project.leak(f"leak{one}.png", f"p{one:02}/1.png")


def after(project: LabelledProject, check: str, *, n_leaks: int = 2) -> None:
    """An earlier release with two leaks; its evidence is kept, and the leaks are taken away again."""
    leak(project, 2)
    project.judge(check)
    shutil.copy(project.path / "faceleak-evidence/evidence.json", project.path / "earlier.json")
    for path in (project.path / "generated").glob("leak*"):
        path.unlink()
    leak(project, n_leaks)


@pytest.mark.parametrize(
    ("n_leaks", "outcome", "told"),
    [
        (2, "passed", "no worse than the earlier release: 2 now, 2 in the earlier release"),
        (1, "passed", "no worse than the earlier release: 1 now, 2 in the earlier release"),
        (3, "failed", "worse than the earlier release: 3 now, 2 in the earlier release"),
    ],
)
def test_the_same_better_and_worse(labelled: LabelledProject, n_leaks: int, outcome: str, told: str) -> None:
    after(labelled, COUNT, n_leaks=n_leaks)
    result = labelled.judge(f"{COUNT}, no_worse_than: earlier.json")
    result.assert_outcomes(**{outcome: 1})
    assert told in labelled.case()["reasons"]
    assert ("previous_value", "2") in labelled.properties() or (
        "previous_value",
        "2.0",
    ) in labelled.properties()


def test_the_whole_text_of_a_worse_release(labelled: LabelledProject) -> None:
    after(labelled, COUNT, n_leaks=3)
    result = labelled.judge(f"{COUNT}, no_worse_than: earlier.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    digest = labelled.case()["previous"]["evidence_sha256"]
    assert labelled.text(result) == (
        f"""\
LEAK: worse than the earlier release: 3 now, 2 in the earlier release
also: 3 of 43 generated images leak; the policy allows at most 5

rule       cosine >= 0.9
chance     fewer than 0.01 chance matches (0 to 0.023) in 1,548 comparisons
previous   2 images in evidence {digest[:12]}
generated  generated: 43 seen, 43 compared
source     training: 36 seen, 36 compared
embedder   fake-pixels

leaks, worst first (3 of 3):
  cosine  kind  generated image  source image
  1.0000  copy  leak0.png        p00/1.png
  1.0000  copy  leak1.png        p01/1.png
  1.0000  copy  leak2.png        p02/1.png
all pairs, in the evidence folder:
  pairs/release.leak_count.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:8: {CASE}"""
    )
    assert labelled.in_junit("earlier.json", "p00", "leak0") == []


def test_an_interval_that_holds_the_earlier_figure_is_open(labelled: LabelledProject) -> None:
    check = f"leak_rate: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 50%, confidence: 95%"
    after(labelled, check, n_leaks=3)
    result = labelled.judge(f"{check}, no_worse_than: earlier.json")
    result.assert_outcomes(errors=1)
    assert labelled.text(result).splitlines()[:4] == [
        "INCONCLUSIVE: it cannot be told whether this is worse than the earlier release:",
        "    6.98% now, 4.76% in the earlier release",
        "also: 3 of 43 generated images leak (6.98%); the policy allows at most 50%; 95%",
        "    confidence: 2.4% to 18.6%",
    ]
    leak(labelled, 12)
    labelled.judge(f"{check}, no_worse_than: earlier.json").assert_outcomes(failed=1)


def test_a_leak_is_a_leak_however_many_there_were(labelled: LabelledProject) -> None:
    after(labelled, COUNT)
    result = labelled.judge(f"{COUNT.replace('5', '1')}, no_worse_than: earlier.json")
    result.assert_outcomes(failed=1)
    assert labelled.case()["reasons"] == [
        "2 of 42 generated images leak; the policy allows at most 1",
        "no worse than the earlier release: 2 now, 2 in the earlier release",
    ]


def test_what_is_caught_must_not_become_less(labelled: LabelledProject) -> None:
    """Of coverage a smaller figure is the worse one, and it is no leak."""
    labelled.judge("coverage: dataset: generated, min_images: 10")
    shutil.copy(labelled.path / "faceleak-evidence/evidence.json", labelled.path / "earlier.json")
    (labelled.path / "generated/g00.png").unlink()
    result = labelled.judge("coverage: dataset: generated, min_images: 10, no_worse_than: earlier.json")
    result.assert_outcomes(errors=1)
    assert labelled.case()["reasons"] == [
        "worse than the earlier release: 39 now, 40 in the earlier release",
        "39 of 39 images can be compared; the policy asks for at least 10",
    ]


# ------------------------------------------------------------------------------------- refused evidence


def edit(change: Callable[[Any], object]) -> Callable[[LabelledProject], None]:
    def spoil(project: LabelledProject) -> None:
        evidence = json.loads((project.path / "earlier.json").read_text(encoding="utf-8"))
        change(evidence["policies"][0]["cases"][0])
        project.write("earlier.json", json.dumps(sealed(evidence)))

    return spoil


def another_picture(project: LabelledProject) -> None:
    project.write_set(project.path / "training", ["p00/9.png"], seed=9)


def other_names(project: LabelledProject) -> None:
    """The same files in the same places, with other people in them."""
    lines = [f"p{person:02}/{n}.png,{(person + n) % 12}\n" for person in range(12) for n in range(3)]
    project.write("training/labels.csv", "image,identity\n" + "".join(lines))


def missing(project: LabelledProject) -> None:
    (project.path / "earlier.json").unlink()


def damaged(project: LabelledProject) -> None:
    whole = (project.path / "earlier.json").read_text(encoding="utf-8")
    project.write("earlier.json", whole[: len(whole) // 2])


def another_file(project: LabelledProject) -> None:
    project.write("earlier.json", '["no evidence"]')


def of_the_future(project: LabelledProject) -> None:
    evidence = json.loads((project.path / "earlier.json").read_text(encoding="utf-8"))
    project.write("earlier.json", json.dumps(evidence | {"evidence_version": 99}))


def another_picture_and_model(project: LabelledProject) -> None:
    another_picture(project)
    edit(lambda case: case["embedder"].update(dimension=3))(project)


COMPARABLE = (
    f"PROJECT/earlier.json: figures of '{CASE}' can only be compared where model, source, threshold and "
    "screens are the same. Run the earlier release again with this policy, or take out `no_worse_than:`."
)
UNUSABLE = "the evidence that this release must be no worse than cannot be used"
DAMAGED = "PROJECT/earlier.json: this is no evidence.json of faceleak-check, or it is damaged."
REFUSED: dict[str, tuple[Callable[[LabelledProject], None], str, str, str]] = {
    "another source": (
        another_picture,
        COUNT,
        "the earlier evidence was made with another source set",
        COMPARABLE,
    ),
    "another threshold": (
        lambda _: None,
        COUNT.replace("0.9", "0.8"),
        "the earlier evidence was made with another threshold",
        COMPARABLE,
    ),
    "another model": (
        edit(lambda case: case["embedder"].update(name="dlib-resnet")),
        COUNT,
        "the earlier evidence was made with another model",
        COMPARABLE,
    ),
    "all of that": (
        another_picture_and_model,
        COUNT.replace("0.9", "0.8"),
        "the earlier evidence was made with another model and another source set and another threshold",
        COMPARABLE,
    ),
    "another case": (
        edit(lambda case: case.update(case="leak_count[others]")),
        COUNT,
        "the earlier evidence has no such case",
        f"PROJECT/earlier.json: found 0 cases '{CASE}', expected one; there are: leak_count[others].",
    ),
    "missing": (
        missing,
        COUNT,
        UNUSABLE,
        (
            "PROJECT/earlier.json: No such file or directory. Correct `no_worse_than:`, or leave it out for a first "
            "release."
        ),
    ),
    "damaged": (damaged, COUNT, UNUSABLE, DAMAGED),
    "no evidence": (another_file, COUNT, UNUSABLE, DAMAGED),
    "without its digests": (edit(lambda case: case.pop("sets")), COUNT, UNUSABLE, DAMAGED),
    "of the future": (
        of_the_future,
        COUNT,
        UNUSABLE,
        "PROJECT/earlier.json: evidence of version 99; this program reads 1 to 5.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_evidence_that_cannot_be_compared_is_no_pass(labelled: LabelledProject, name: str) -> None:
    spoil, check, reason, detail = REFUSED[name]
    after(labelled, COUNT)
    spoil(labelled)
    result = labelled.judge(f"{check}, no_worse_than: earlier.json")
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    case = labelled.case()
    assert (case["reasons"][0], case["previous"]) == (reason, None)
    assert [labelled.shown(line) for line in case["details"]] == [detail]
    assert detail in labelled.text(result).splitlines()
    assert labelled.in_junit("earlier.json") == []


def test_a_bound_that_somebody_has_raised_by_hand_is_none(labelled: LabelledProject) -> None:
    after(labelled, COUNT)
    evidence = json.loads((labelled.path / "earlier.json").read_text(encoding="utf-8"))
    evidence["policies"][0]["cases"][0]["measurement"]["value"] = 5
    labelled.write("earlier.json", json.dumps(evidence))
    labelled.judge(f"{COUNT}, no_worse_than: earlier.json").assert_outcomes(errors=1)
    assert labelled.case()["reasons"][0] == UNUSABLE
    (detail,) = labelled.case()["details"]
    assert labelled.shown(detail) == (
        f"PROJECT/earlier.json: it was changed after it was written: found contents of SHA-256 {digest_of(evidence)}, "
        f"expected {evidence['sha256']}, which the file itself names. Take the file as that run wrote it."
    )


def test_a_threshold_that_has_moved_is_another_one(labelled: LabelledProject) -> None:
    """The rate is the same, and the control has grown: one more reason to pin a threshold."""
    check = f"leak_count: {TRIPLE}, threshold: {{fpir: 1%}}, at_most: 20"
    after(labelled, check)
    labelled.judge(f"{check}, no_worse_than: earlier.json").assert_outcomes(passed=1)
    labelled.write_set(labelled.path / "unseen", [f"v{n}/1.png" for n in range(9)], seed=9)
    labelled.judge(f"{check}, no_worse_than: earlier.json").assert_outcomes(errors=1)
    assert labelled.case()["reasons"][0] == (
        "the earlier evidence was made with another control set and another threshold"
    )


def test_other_names_of_the_same_people_are_told(labelled: LabelledProject) -> None:
    keys = "path: training, labels: {csv: training/labels.csv}"
    check = f"identity_exposure: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 5"
    lines = [f"p{person:02}/{n}.png,{person}\n" for person in range(12) for n in range(3)]
    labelled.write("training/labels.csv", "image,identity\n" + "".join(lines))
    leak(labelled, 2)
    labelled.judge(check, training=keys)
    shutil.copy(labelled.path / "faceleak-evidence/evidence.json", labelled.path / "earlier.json")
    other_names(labelled)
    labelled.judge(f"{check}, no_worse_than: earlier.json", training=keys).assert_outcomes(errors=1)
    assert labelled.case()["reasons"][0] == (
        "the earlier evidence was made with other names of the people in the source set"
    )


def test_a_leak_stays_one_where_evidence_cannot_be_used(labelled: LabelledProject) -> None:
    leak(labelled, 2)
    result = labelled.judge(f"{COUNT.replace('5', '1')}, no_worse_than: gone.json")
    result.assert_outcomes(failed=1)
    assert labelled.case()["reasons"] == [
        "2 of 42 generated images leak; the policy allows at most 1",
        UNUSABLE,
    ]
    assert summary(result.stdout.str()).splitlines()[2] == f"  LEAK         {CASE}      2  <= 1"


def test_what_is_no_file_name_is_an_invalid_policy(labelled: LabelledProject) -> None:
    result = labelled.judge(f"{COUNT}, no_worse_than: 5")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == (
        "release.yaml:8:111: checks[0].leak_count.no_worse_than: found 5, expected a path; put it in quotes"
    )
