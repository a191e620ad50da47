"""Policies on templates that were computed elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import numpy.typing as npt
import pytest
from gate_project import Project, Result, failure
from hand_made_sets import near, people, unit

from faceleak_check.embed_command import embed_to
from faceleak_check.silence import silent

Rows = npt.NDArray[Any]
Judge = Callable[..., Result]

SHA = "ab" * 32
SCHEMA = json.loads((files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8"))
MADE_BY = f'format: arrays, templates: {{embedder: net, sha256: "{SHA}"}}'
DATASETS = {
    "generated": f"path: generated.npy, {MADE_BY}",
    "training": (
        f"path: training.npz, {MADE_BY}, arrays: {{data: templates, ids: ids, identity: people}}".replace(
            '"}', '", align: mtcnn}'
        )
    ),
    "unseen": f"path: unseen.npy, {MADE_BY}, labels: {{csv: unseen.csv}}",
}
EMBEDDER = f'{{name: precomputed, sha256: "{SHA}", dimension: 64, licence: MIT}}'
PAIR = "generated: generated, source: training"
COUNT = f"leak_count: {{{PAIR}, threshold: {{cosine: 0.8}}, at_most: 0}}"
N_PEOPLE, N_IMAGES = 20, 3


class Templates(Project):
    """Templates of 60 images of 20 training people, of 60 of 20 others, and of 40 generated images."""

    def __init__(self, pytester: pytest.Pytester, write_set: Callable[..., Path]) -> None:
        super().__init__(pytester, write_set)
        self.training = people(N_PEOPLE, N_IMAGES, seed=1)
        self.unseen = people(N_PEOPLE, N_IMAGES, seed=2)
        self.generated = people(40, seed=3)

    def leak(self, generated: str = "0", source: str = "0") -> None:
        """Makes a generated image that is near to a training image."""
        self.generated[int(generated)] = near(self.training[int(source)], 0.9, seed=4)

    def write_policy(self, check: str = COUNT, *, keys: str = "", training: str = SHA) -> None:
        lines = [
            "version: 1",
            "name: release",
            "datasets:",
            *(f"  {name}: {{{value}}}" for name, value in DATASETS.items() if f": {name}" in check),
            f"embedder: {EMBEDDER}",
            *keys.splitlines(),
            "checks:",
            f"  - {check}",
        ]
        text = "".join(f"{line}\n" for line in lines)
        self.write("release.yaml", text.replace(f'{SHA}", align', f'{training}", align'))

    def judge(self, check: str = COUNT, *, keys: str = "", training: str = SHA) -> Result:
        names = [f"p{n // N_IMAGES:02}/{n % N_IMAGES}.jpg" for n in range(len(self.training))]
        np.savez(
            self.path / "training.npz",
            templates=20 * self.training,
            ids=np.array(names),
            people=np.array([name[:3] for name in names]),
        )
        np.save(self.path / "generated.npy", self.generated.astype(np.float16))
        np.save(self.path / "unseen.npy", unit(self.unseen))
        lines = (f"row {n:08d},u{n // N_IMAGES}\n" for n in range(len(self.unseen)))
        self.write("unseen.csv", "image,identity\n" + "".join(lines))
        self.write_policy(check, keys=keys, training=training)
        result = self.gate()
        jsonschema.Draft202012Validator(SCHEMA).validate(self.evidence())
        return result

    def case(self) -> dict[str, Any]:
        ((case,),) = (policy["cases"] for policy in self.evidence()["policies"])
        return dict(case)

    def text(self, result: Result) -> str:
        return self.shown(failure(result.stdout.str(), self.case()["case"]))


@pytest.fixture
def templates(environment: None, pytester: pytest.Pytester, write_set: Callable[..., Path]) -> Templates:
    return Templates(pytester, write_set)


def test_a_leak_between_two_sets_of_templates(templates: Templates) -> None:
    templates.leak("7", "31")
    result = templates.judge()
    result.assert_outcomes(failed=1)
    assert templates.text(result) == (
        """\
LEAK: 1 of 40 generated images leaks; the policy allows at most 0

rule       cosine >= 0.8
chance     fewer than 0.01 chance matches (0 to 0.013) in 2,400 comparisons
generated  generated: 40 seen, 40 compared
source     training: 60 seen, 60 compared
embedder   precomputed abababababab

leaks, worst first (1 of 1):
  cosine  generated image  source image
  0.9000  row 00000007     p10/1.jpg
all pairs, in the evidence folder:
  pairs/release.leak_count.generated-vs-training.KEY.parquet
release.yaml:8: leak_count[generated-vs-training]"""
    )


def test_two_sets_of_templates_that_have_nobody_in_common(templates: Templates) -> None:
    templates.judge().assert_outcomes(passed=1)
    case = templates.case()
    assert (case["outcome"], case["embedder"]["name"], case["embedder"]["weights_sha256"]) == (
        "pass",
        "precomputed",
        SHA,
    )
    assert case["sets"]["source"]["alignments"]["precomputed"]["reason"] == (
        "its templates were computed elsewhere by 'net', of faces that mtcnn found"
    )
    assert templates.n_embedded() == 0
    assert case["warnings"] == []


def test_an_error_rate_on_people_whom_a_table_names(templates: Templates) -> None:
    templates.leak()
    check = f"leak_rate: {{{PAIR}, control: unseen, threshold: {{fpir: 1%}}, at_most: 2%}}"
    result = templates.judge(check, keys="screens: {hub: {max_share: 5%}}")
    result.assert_outcomes(failed=1)
    (threshold,) = templates.case()["thresholds"].values()
    assert (threshold["n_people"], threshold["n_images"]) == (20, 60)
    assert templates.text(result) == (
        """\
LEAK: 1 of 40 generated images leaks (2.5%); the policy allows at most 2%

rule       FPIR 0.01, cosine >= 0.391786
threshold  cosine >= 0.3918 for FPIR 0.01 (95%: 0.3621 to 0.4214, extrapolated),
           people of 'unseen' against 'training'; 60 comparisons of 20 people
chance     about 0.21 chance matches (0 to 14) in 2,400 comparisons
generated  generated: 40 seen, 40 compared
source     training: 60 seen, 60 compared
control    unseen: 60 seen, 60 compared
embedder   precomputed abababababab

leaks, worst first (1 of 1):
  cosine  generated image  source image
  0.9000  row 00000000     p00/0.jpg
all pairs, in the evidence folder:
  pairs/release.leak_rate.generated-vs-training.KEY.parquet

source images that are the best match of many (1):
  p00/0.jpg: the best match of 3 of 40 generated images, and nothing shows that
      it is a hub (the best match of 0 of 60 images of unseen people): its
      matches count
release.yaml:10: leak_rate[generated-vs-training]"""
    )


@pytest.mark.parametrize(
    "check",
    [
        f"excess_risk: {{{PAIR}, control: unseen, at_most: 20%, confidence: 95%}}",
        f"membership_inference: {{{PAIR}, control: unseen, fpr: 10%, at_most: 60%}}",
        f"identity_exposure: {{{PAIR}, control: unseen, threshold: {{fmr: 1%}}, at_most: 19}}",
        f"top_k_similarity: {{{PAIR}, k: 3, at_most: 0.95}}",
        "coverage: {dataset: training, min_images: 60, max_unreadable: 0%}",
    ],
)
def test_every_check_that_needs_no_pictures_works(check: str, templates: Templates) -> None:
    templates.leak()
    templates.judge(check).assert_outcomes(passed=1)


def test_rows_that_are_no_templates_are_left_out(templates: Templates) -> None:
    templates.training[5] = np.nan
    templates.training[9] = 0
    result = templates.judge()
    result.assert_outcomes(errors=1)
    assert templates.text(result).splitlines()[:5] == [
        "INCONCLUSIVE: 2 of 60 images of 'training' were left out (3.33%: 2 unreadable);",
        "    exclusions.at_most allows 0%",
        "also: 0 of 40 generated images leak; the policy allows at most 0; at 95%",
        "    confidence up to 7.22% may leak",
        "training: 'p01/2.jpg': its template holds numbers that are not finite",
    ]
    templates.judge(keys="exclusions: {at_most: 5%}").assert_outcomes(passed=1)


def test_templates_of_another_network_give_no_verdict(templates: Templates) -> None:
    result = templates.judge(training="cd" * 32)
    result.assert_outcomes(errors=1)
    assert templates.text(result) == (
        f"""\
INCONCLUSIVE: the templates of 'training' were made by 'net' (SHA-256
    cdcdcdcdcdcd), and are to be compared by 'precomputed' (SHA-256
    abababababab)
PROJECT/training.npz (see datasets.training at line 5, column 3 of the policy)
In full: {"cd" * 32} under datasets.training.templates, \
{SHA} of the embedder. Templates of two networks have nothing in common: name the one that made these as `embedder`, \
or have them made again.
release.yaml:8: leak_count[generated-vs-training]"""
    )
    assert templates.case()["outcome"] == "inconclusive"


def test_a_policy_that_needs_pictures_is_wrong(templates: Templates) -> None:
    result = templates.judge(keys="screens: {child: {method: clip}}")
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "release.yaml") == (
        """\
release.yaml:9:29: checks[0].leak_count.generated: 'generated' is a set of templates, and screens look at pictures; \
give the pictures, or take 'screens' out
release.yaml:9:48: checks[0].leak_count.source: 'training' is a set of templates, and screens look at pictures; \
give the pictures, or take 'screens' out"""
    )


def test_pictures_are_compared_with_the_templates_that_were_handed_out(
    environment: None, pytester: pytest.Pytester, write_set: Callable[..., Path]
) -> None:
    project = Project(pytester, write_set)
    project.leak("g9.png", "p3/1.png")
    policy = project.policy()
    project.gate().assert_outcomes(failed=1)
    ((before,),) = (one["cases"] for one in project.evidence()["policies"])
    lines = embed_to(
        project.path / "training.npz", str(policy), "training", None, store=project.store, progress=silent
    )
    keys = "\n".join(lines[lines.index("  training:") : lines.index("  training:") + 5])
    text = policy.read_text()
    project.write("release.yaml", text.replace("  training: {path: training, labels: parent_folder}", keys))
    project.gate().assert_outcomes(failed=1)
    ((after,),) = (one["cases"] for one in project.evidence()["policies"])
    assert (after["measurement"]["value"], after["sets"]["source"]["n_people"]) == (1, 6)
    assert after["reasons"] == before["reasons"]
