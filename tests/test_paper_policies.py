"""The policies for the paper's six datasets, each run whole on a miniature in the layout of the release.

Faces are real (LFW), the recogniser is dlib-resnet, CLIP a small one that the tests train. The policies are those that
ship, but for CLIP's weights and for how many images and people they expect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import facenet_pytorch  # noqa: F401
import open_clip  # noqa: F401
import pytest
from miniatures import (
    CHILD,
    FROM_CASIA,
    FROM_FFHQ,
    N_CASIA,
    N_FFHQ,
    N_SYNTHETIC,
    PATCH,
    TIMES,
    Cast,
    Miniature,
    cast_of,
    write_miniature,
)

# pytester takes out of `sys.modules` what an inner run has imported, and these cannot be imported twice
import faceleak_check.embedders.dlib_network
import faceleak_check.pipeline
import faceleak_check.reports.pairs
import faceleak_check.session  # noqa: F401
from faceleak_check.errors import PolicyError
from faceleak_check.policy.parse import parse_policy
from faceleak_check.policy.presets import builtin_names, builtin_path

if TYPE_CHECKING:
    from small_clip import SmallClip

CASIA, FFHQ = ("casia", FROM_CASIA), ("ffhq", FROM_FFHQ)

# name: variable of the generated set, sources, and whom the gate takes as a control
PAPER: Mapping[str, tuple[str, Sequence[tuple[str, str]], str]] = {
    "dcface": ("DCFACE", [CASIA, FFHQ], "unseen"),
    "idiff-face-uniform": ("IDIFF_FACE_UNIFORM", [FFHQ], "casia"),
    "idiff-face-two-stage": ("IDIFF_FACE_TWO_STAGE", [FFHQ], "casia"),
    "gandiffface": ("GANDIFFFACE", [FFHQ], "unseen"),
    "idnet": ("IDNET", [CASIA], "ffhq"),
    "sface": ("SFACE", [CASIA], "ffhq"),
}
VARIABLE_OF = {"casia": "CASIA_WEBFACE", "ffhq": "FFHQ", "unseen": "UNSEEN"}
N_GENERATED = N_SYNTHETIC * TIMES["synthetic"] + 4
IN_SMALL = {
    "casia": (N_CASIA * TIMES["casia"] + 2, N_CASIA + 2),
    "ffhq": (N_FFHQ + 2, None),
    "generated": (N_GENERATED, N_SYNTHETIC),
}
"""Images and people of each set of the miniature; nobody is named in FFHQ."""

TOP_K = 12


@pytest.fixture(scope="module")
def cast(small_clip: SmallClip, lfw_faces: list[Any]) -> Cast:
    return cast_of(lfw_faces, small_clip.folder)


@pytest.fixture(scope="module")
def miniature(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    return write_miniature(tmp_path_factory.mktemp("miniature"), cast)


@pytest.fixture(autouse=True)
def _environment(miniature: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in miniature.variables.items():
        monkeypatch.setenv(name, value)
    # the small faces are no chips, but copies are found among them as they are, and quicker
    for name, value in {"EMBEDDER": "dlib-resnet", "ALIGN": "none", "TOP_K": str(TOP_K)}.items():
        monkeypatch.setenv(name, value)


def text_of(name: str, cast: Cast, clip: SmallClip) -> str:
    """The policy that ships, with the small CLIP."""
    text = builtin_path(f"paper/{name}").read_text(encoding="utf-8")
    for rule, reject_above in (("non_face", 0.5), ("child", round(cast.child_above, 4))):
        shipped = f"{rule}: {{method: clip, reject_above: 0.5, device: auto}}"
        assert text.count(shipped) == 1
        text = text.replace(
            shipped, f"{rule}: {{method: clip, weights: {clip.folder}, reject_above: {reject_above}}}"
        )
    return text


def expecting_the_miniature(text: str) -> str:
    """The policy with the counts of the miniature in place of those of the releases."""

    def replaced(match: re.Match[str]) -> str:
        images, people = IN_SMALL[match["name"]]
        kept = match["keys"]
        kept = re.sub(r"images: \d+", f"images: {images}", kept)
        return f"{match['before']}{{{re.sub(r'identities: [0-9]+', f'identities: {people}', kept)}}}"

    sets = re.compile(
        r"(?P<before>^  (?P<name>\w+):\n(?:    .*\n)*?    expect: )\{(?P<keys>[^}]*)\}", re.MULTILINE
    )
    replaced_text, n_replaced = sets.subn(replaced, text)
    assert n_replaced == text.count("expect:")
    return replaced_text


def run(pytester: pytest.Pytester, **policies: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The cases of each policy by their ids."""
    for name, text in policies.items():
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")
    pytester.runpytest(*(f"--faceleak-policy={name}.yaml" for name in policies), "--faceleak-offline")
    evidence = json.loads(Path("faceleak-evidence/evidence.json").read_text(encoding="utf-8"))
    return {
        policy["file"].removesuffix(".yaml"): {case["case"]: case for case in policy["cases"]}
        for policy in evidence["policies"]
    }


def wrong_folder(name: str, images: int, people: int | None = None) -> list[str]:
    """What is said of a set of the miniature where a release is expected."""
    n_images, n_people = IN_SMALL[name]
    told = [f"{name!r} holds {n_images} images, and the policy expects {images:,}: is it the right folder?"]
    if people is not None:
        told.append(
            f"{name!r} names {n_people} people, and the policy expects {people:,}: is it the right folder?"
        )
    return told


RELEASED = {"casia": wrong_folder("casia", 490_623, 10_572), "ffhq": wrong_folder("ffhq", 70_000)}
UNSURE = {
    "dcface": wrong_folder("generated", 550_000),
    "idiff-face-uniform": wrong_folder("generated", 502_450, 10_049),
    "idiff-face-two-stage": wrong_folder("generated", 502_500, 10_050),
    "gandiffface": wrong_folder("generated", 543_893, 10_080),
    "idnet": wrong_folder("generated", 1, 10_577)[1:],
    "sface": wrong_folder("generated", 1_885_877, 10_572),
}


@pytest.mark.parametrize("name", PAPER)
def test_as_the_paper_did_it(
    name: str, pytester: pytest.Pytester, cast: Cast, miniature: Miniature, small_clip: SmallClip
) -> None:
    variable, sources, _ = PAPER[name]
    text = text_of(name, cast, small_clip)
    ran = run(pytester, shipped=text, met=expecting_the_miniature(text))
    for source, copied in sources:
        case_id = f"top_k_similarity[generated-vs-{source}]"
        shipped, met = ran["shipped"][case_id], ran["met"][case_id]
        cosine = met["measurement"]["value"]
        listed = f"the most similar pair has a cosine of {cosine:.4f}; the policy allows at most 1.0000"
        assert (shipped["outcome"], shipped["reasons"]) == ("inconclusive", [*RELEASED[source], listed])
        assert [said for said in shipped["warnings"] if "right folder" in said] == UNSURE[name]
        assert (met["outcome"], met["reasons"]) == ("pass", [listed])
        assert not [said for said in met["warnings"] if "right folder" in said]
        expect_the_list(met, miniature.planted[variable], miniature.sources[copied], copied)
        expect_screened(met, miniature.planted[variable])


def expect_the_list(case: Mapping[str, Any], planted: Mapping[str, str], source: str, copied: str) -> None:
    """The copy is the first of k pairs, and the histogram of all pairs has a mark at its cosine and at the k-th."""
    pairs = case["measurement"]["worst_pairs"]
    assert (pairs[0]["generated"], pairs[0]["source"]) == (planted[copied], source)
    assert case["measurement"]["n_pairs"] == TOP_K
    assert case["measurement"]["value"] > 0.999
    [all_pairs] = [one for one in case["histograms"] if one["name"] == "all_pairs"]
    n_generated, n_source = (case["sets"][role]["counts"]["n_embedded"] for role in ("generated", "source"))
    assert all_pairs["n"] == sum(all_pairs["counts"]) == n_generated * n_source
    assert [place["k"] for place in all_pairs["marks"]] == [1, 10, TOP_K]
    assert all_pairs["marks"][0]["similarity"] == case["measurement"]["value"]


def expect_screened(case: Mapping[str, Any], planted: Mapping[str, str]) -> None:
    """The child and the patch, copied as well, are out on both sides and counted."""
    for role in ("generated", "source"):
        assert case["sets"][role]["counts"]["n_excluded"] == {"child": 1, "non_face": 1}
    excluded = {gone["rule"]: gone["id"] for gone in case["sets"]["generated"]["excluded"]}
    assert excluded == {"child": planted[CHILD], "non_face": planted[PATCH]}


@pytest.mark.parametrize("name", PAPER)
def test_our_own_gate(
    name: str, pytester: pytest.Pytester, cast: Cast, miniature: Miniature, small_clip: SmallClip
) -> None:
    variable, sources, control = PAPER[name]
    planted = miniature.planted["DCFACE_IMAGES" if name == "dcface" else variable]
    cases = run(pytester, gate=expecting_the_miniature(text_of(f"gate/{name}", cast, small_clip)))["gate"]
    assert len(cases) == 6 * len(sources) + 1
    for source, copied in sources:
        expect_the_gate(cases, source, control, (planted[copied], miniature.sources[copied]))
    # what 50 pictures cannot show is never a pass
    coverage = cases["coverage[generated]"]
    assert (coverage["outcome"], coverage["reasons"]) == (
        "inconclusive",
        [f"{N_GENERATED - 2} of {N_GENERATED} images can be compared; the policy asks for at least 10,000"],
    )


def expect_the_gate(
    cases: Mapping[str, Mapping[str, Any]], source: str, control: str, copy: tuple[str, str]
) -> None:
    rate = cases[f"leak_rate[generated-vs-{source}]"]
    [leak] = rate["measurement"]["worst_pairs"]
    assert (rate["outcome"], leak["generated"], leak["source"]) == ("leak", *copy)
    assert leak["kind"] == "copy"
    n = N_GENERATED - 2
    assert rate["reasons"][0].startswith(
        f"1 of {n} generated images leaks ({100 / n:.3g}%); the policy allows at most 0.3%; 95% "
    )
    [threshold] = rate["thresholds"].values()
    assert (threshold["asked"], threshold["extrapolated"]) == ("FPIR 0.001", True)
    assert threshold["origin"] == f"people of {control!r} against {source!r}"
    near = cases[f"near_copy[generated-vs-{source}]"]
    assert near["outcome"] == "leak"
    assert copy in [(pair["generated"], pair["source"]) for pair in near["measurement"]["worst_pairs"]]
    # one image each: nobody is shown twice
    exposed = cases[f"identity_exposure[generated-vs-{source}]"]
    # of the miniature's 16 named people no more than the 20 can be exposed that the policy allows
    expected = "inconclusive" if source == "casia" else "pass"
    assert (exposed["outcome"], exposed["measurement"]["value"]) == (expected, 0)
    canaries = cases[f"canary_recall[{source}]"]["canaries"]
    assert {one["kind"]: one["n"] for one in canaries} == dict.fromkeys(
        ("blurred", "cropped", "mirrored", "recompressed", "relit", "rotated", "shrunk"), 30
    )
    assert cases[f"excess_risk[generated-vs-{source}-vs-{control}]"]["outcome"] == "inconclusive"
    membership = cases[f"membership_inference[generated-vs-{source}-vs-{control}]"]
    assert membership["outcome"] == "inconclusive"
    assert membership["reasons"][0].startswith("membership inference cannot be measured: ")


def test_these_are_all_policies_of_the_paper() -> None:
    paper = {name.removeprefix("paper/") for name in builtin_names() if name.startswith("paper/")}
    assert paper == {*PAPER, *(f"gate/{name}" for name in PAPER)}


@pytest.mark.parametrize("name", [*PAPER, *(f"gate/{name}" for name in PAPER)])
def test_without_its_variables_a_policy_is_invalid(name: str) -> None:
    generated, sources, control = PAPER[name.removeprefix("gate/")]
    variables = [generated, *(VARIABLE_OF[source] for source, _ in sources)]
    if name.startswith("gate/"):
        variables = [f"{generated}_IMAGES" if name == "gate/dcface" else generated, *variables[1:]]
        variables.append(VARIABLE_OF[control])
    path = builtin_path(f"paper/{name}")
    lines = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(PolicyError) as refused:
        parse_policy(path, shown_as=f"builtin:paper/{name}", environment={})
    expected = []
    for variable, dataset in zip(variables, ["generated", *map(_set_of, variables[1:])], strict=True):
        line = lines.index(f'    path: "${{{variable}}}"') + 1
        expected.append(
            f"builtin:paper/{name}:{line}:12: datasets.{dataset}.path: the environment variable {variable!r} is not "
            f"set or is empty; set it (export {variable}=...) or write a default: ${{{variable}:-...}}"
        )
    assert str(refused.value).splitlines() == expected


def _set_of(variable: str) -> str:
    return next(name for name, one in VARIABLE_OF.items() if one == variable)
