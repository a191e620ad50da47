"""A source image that is everybody's neighbour is excused, and a person who was reproduced is not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from gate_project import NOTE, NOTE_OF_PASSED, Project, failure, summary
from labelled_project import PAIR, TRIPLE, LabelledProject, Rows, draw, unit, validate
from PIL import Image
from rich.cells import cell_len

HUB = "screens: {hub: {max_share: 20%}}"
CASE = "leak_count[generated-vs-training]"
COUNT = f"leak_count: {TRIPLE}, threshold: {{cosine: 0.65}}, at_most: 0"
COMMON = np.eye(192)[0]


def around(n: int, share: float, *, seed: int) -> Rows:
    """Templates with this much of the common direction, and else in any one."""
    rows = np.random.default_rng(seed).normal(size=(n, 192))
    rows[:, 0] = 0
    return np.asarray(share * COMMON + np.sqrt(1 - share**2) * unit(rows))


def near(row: Rows, n: int, cosine: float, *, seed: int) -> Rows:
    away = np.random.default_rng(seed).normal(size=(n, 192))
    away -= (away @ row)[:, None] * row
    return np.asarray(cosine * row + np.sqrt(1 - cosine**2) * unit(away))


def draw_all(folder: Path, names: Sequence[str], rows: Rows) -> None:
    for name, row in zip(names, rows, strict=True):
        draw(folder / name, row)


@pytest.fixture
def crowd(labelled: LabelledProject) -> LabelledProject:
    """Everybody is a little alike, and ``p00/0.png`` is what they have in common: the nearest picture to all."""
    for folder in ("generated", "training", "unseen"):
        shutil.rmtree(labelled.path / folder)
    people = [f"p{person:02}/{n}.png" for person in range(12) for n in range(3)]
    rows = np.concatenate([around(1, 0.98, seed=1), around(35, 0.7, seed=2)])
    draw_all(labelled.path / "training", people, rows)
    draw_all(
        labelled.path / "unseen", [name.replace("p", "u", 1) for name in people], around(36, 0.72, seed=3)
    )
    draw_all(labelled.path / "generated", [f"g{n:02}.png" for n in range(40)], around(40, 0.7, seed=4))
    return labelled


def reproduce(project: LabelledProject, n: int = 20) -> None:
    """So many generated pictures of the person in ``p05/1.png``."""
    pixels = np.asarray(Image.open(project.path / "training/p05/1.png"), dtype=np.float64)
    row = unit((pixels.reshape(-1) - 127.5) / 127.5)
    names = [f"again{one:03}.png" for one in range(n)]
    draw_all(project.path / "generated", names, near(row, n, 0.93, seed=5))


HUB_TEXT = """\
  p00/0.png: the best match of 40 of 60 generated images, and a hub: it is also
      the best match of 36 of 36 images of unseen people; 40 of its 40 matches
      over the threshold are excused
"""
PERSON_TEXT = """\
  p05/1.png: the best match of 20 of 60 generated images, and nothing shows that
      it is a hub (the best match of 0 of 36 images of unseen people): its
      matches count
"""


def test_a_hub_is_excused_where_unseen_people_find_it_too(crowd: LabelledProject) -> None:
    crowd.judge(COUNT).assert_outcomes(failed=1)
    assert crowd.case()["measurement"]["value"] == 40
    crowd.judge(COUNT, keys=HUB).assert_outcomes(passed=1)
    case = crowd.case()
    assert case["measurement"]["value"] == 0
    [hub] = case["hubs"]
    assert hub["reason"] == (
        "the best match of 40 of 40 generated images, and a hub: it is also the best match of 36 of 36 images of "
        "unseen people; 40 of its 40 matches over the threshold are excused"
    )
    assert {
        key: hub[key] for key in ("source", "n_best", "n_excused", "evidence", "n_unseen_best", "n_unseen")
    } == {
        "source": "p00/0.png",
        "n_best": 40,
        "n_excused": 40,
        "evidence": "unseen",
        "n_unseen_best": 36,
        "n_unseen": 36,
    }
    assert [(name, value) for name, value in crowd.properties() if "hubs" in name] == [
        ("n_hubs", "1"),
        ("n_hubs_excused", "1"),
    ]
    assert crowd.in_junit("p00") == []


EXCUSED = """\
note: pairs over the threshold that are excused, as the source image is a hub (1
    of them): 40
"""


def test_a_pass_says_that_a_hub_was_excused(crowd: LabelledProject) -> None:
    """40 pairs over the threshold are no small matter to leave out without a word."""
    result = crowd.judge(COUNT, keys=HUB)
    assert summary(result.stdout.str()) == (
        f"""\
release.yaml (release)
  outcome      {"case":<{len(CASE)}}  value  limit
  PASS         {CASE}      0  <= 0
  note: pairs over the threshold that are excused, as the source image is a hub
        (1 of them): 40
{NOTE_OF_PASSED}
evidence: faceleak-evidence/evidence.json"""
    )
    assert ("warning", crowd.case()["warnings"][0]) in crowd.properties()


def test_a_reproduced_person_beside_a_hub_is_not_excused(crowd: LabelledProject) -> None:
    reproduce(crowd)
    result = crowd.judge(COUNT, keys=HUB)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = crowd.text(result)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text[: text.index("leaks, worst")] == (
        """\
LEAK: 20 of 60 generated images leak; the policy allows at most 0

rule       cosine >= 0.65
chance     about 120 chance matches (1.2 to 276) in 2,160 comparisons
generated  generated: 60 seen, 60 compared
source     training: 36 seen, 36 compared
control    unseen: 36 seen, 36 compared
embedder   fake-pixels

"""
    )
    assert text[text.index("\nsource images that are") :] == (
        f"\nsource images that are the best match of many (2):\n{HUB_TEXT}{PERSON_TEXT}{EXCUSED}{NOTE}\n"
        f"release.yaml:10: {CASE}"
    )
    assert {pair["source"] for pair in crowd.case()["measurement"]["worst_pairs"]} == {"p05/1.png"}
    assert [(name, value) for name, value in crowd.properties() if "hubs" in name] == [
        ("n_hubs", "2"),
        ("n_hubs_excused", "1"),
    ]


def test_somebody_reproduced_a_thousand_times_is_no_hub(labelled: LabelledProject) -> None:
    """All that the generator draws is one person, and there is nobody else to compare him with."""
    for path in (labelled.path / "generated").iterdir():
        path.unlink()
    reproduce(labelled, 1000)
    check = f"leak_count: {PAIR}, threshold: {{cosine: 0.65}}, at_most: 999"
    labelled.judge(check, keys=HUB, training="path: training").assert_outcomes(failed=1)
    case = labelled.case()
    assert case["measurement"]["value"] == 1000
    assert [hub["reason"] for hub in case["hubs"]] == [
        (
            "the best match of 1,000 of 1,000 generated images, and nothing shows that it is a hub (unseen people are "
            "not known): its matches count"
        )
    ]


def test_the_sources_own_people_tell_where_there_is_no_control(crowd: LabelledProject) -> None:
    """Left out in turn; what is nearer than they come counts all the same."""
    reproduce(crowd)
    crowd.judge(f"leak_count: {PAIR}, threshold: {{cosine: 0.65}}, at_most: 0", keys=HUB).assert_outcomes(
        failed=1
    )
    case = crowd.case()
    hub, person = case["hubs"]
    assert (hub["source"], hub["evidence"], hub["n_excused"]) == ("p00/0.png", "unseen", 37)
    assert (person["source"], person["evidence"], person["n_excused"]) == ("p05/1.png", "none", 0)
    nearest = [
        pair["similarity"] for pair in case["measurement"]["worst_pairs"] if pair["source"] == "p00/0.png"
    ]
    assert case["measurement"]["value"] == 20 + 40 - 37
    assert all(similarity > hub["level"] for similarity in nearest)


def test_a_hub_below_its_share_is_not_looked_at(crowd: LabelledProject) -> None:
    reproduce(crowd, 60)
    crowd.judge(COUNT, keys="screens: {hub: {max_share: 50%}}").assert_outcomes(failed=1)
    assert [hub["source"] for hub in crowd.case()["hubs"]] == ["p05/1.png"]
    assert crowd.case()["measurement"]["value"] == 100


# ------------------------------------------------------------------------------------------- match lists

LIST = """\
version: 1
name: release
datasets: {{list: {{path: list.csv, format: matches}}}}
screens: {{hub: {{max_share: 20%}}}}
checks:
  - leak_count: {{matches: list, threshold: {{cosine: 0.5}}, at_most: {at_most}}}
"""
SUSPECTED = """\
source images that are the best match of many (1):
  nobody/hub.png: the best match of 30 of 100 generated images; a list of
      matches cannot tell whether it is a hub
release.yaml:6: leak_count[list]"""


def judge_list(project: Project, at_most: int) -> tuple[pytest.RunResult, str]:
    """100 matches: 30 over the threshold with one source image, five with others."""
    header = "sample_identity,sample_image_name,best_match_identity,best_match_image_name,similarity\n"
    hub = [f"g,{n}.png,nobody,hub.png,0.7\n" for n in range(30)]
    others = [f"g,{n}.png,p{n},1.png,{0.6 if n < 35 else 0.2}\n" for n in range(30, 100)]
    project.write("list.csv", header + "".join(hub + others))
    project.write("release.yaml", LIST.format(at_most=at_most))
    result = project.gate()
    validate(project.evidence())
    output = result.stdout.str()
    return result, failure(output, "leak_count[list]") if result.ret else ""


def test_a_suspected_hub_of_a_list_that_decides_leaves_no_verdict(project: Project) -> None:
    result, text = judge_list(project, at_most=10)
    result.assert_outcomes(errors=1)
    assert text.splitlines()[:4] == [
        "INCONCLUSIVE: 1 source image is the best match of 30 of 100 generated images,",
        "    and a list of matches cannot tell a hub from a leaked person: without it the",
        "    figure is 5 <= 10 images",
        "also: 35 of 100 generated images leak; the policy allows at most 10",
    ]
    assert text.endswith(SUSPECTED)


def test_a_suspected_hub_of_a_list_that_decides_nothing_is_told(project: Project) -> None:
    result, text = judge_list(project, at_most=4)
    result.assert_outcomes(failed=1)
    assert text.splitlines()[0] == "LEAK: 35 of 100 generated images leak; the policy allows at most 4"
    assert text.endswith(SUSPECTED)
    judge_list(project, at_most=35)[0].assert_outcomes(passed=1)
