from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faceleak_check.policy.schema import Policy, ScreenRule
from faceleak_check.policy.screens import AgeKeys, ClipKeys, FaceKeys
from faceleak_check.registry import SCREENS

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]


@pytest.fixture
def policy_with(valid: str) -> Callable[[str], str]:
    """A policy with these screens on line 6."""
    return lambda screens: valid.replace("checks:", f"screens: {screens}\nchecks:")


def test_rules(parse: Parse, policy_with: Callable[[str], str], tmp_path: Path) -> None:
    screens = (
        "{child: {method: age, below: 16, margin: 2}, "
        "non_face: {all_of: [{method: face, reject_above: 90%}, {method: clip, weights: w.pt}]}, "
        "statue: {any_of: [{method: clip, prompts: [a statue], against: [a person, a child]}]}}"
    )
    statue = ClipKeys(method="clip", prompts=("a statue",), against=("a person", "a child"))
    assert parse(policy_with(screens)).screens == (
        ScreenRule(name="child", combine="any_of", methods=(AgeKeys(below=16, margin=2),)),
        ScreenRule(
            name="non_face",
            combine="all_of",
            methods=(FaceKeys(reject_above=0.9), ClipKeys(weights=tmp_path / "w.pt")),
        ),
        ScreenRule(name="statue", combine="any_of", methods=(statue,)),
    )


@pytest.mark.parametrize(
    ("screens", "expected"),
    [
        ("5", ["10: screens: found 5, expected a mapping of keys and values"]),
        ("{child: 5}", ["18: screens.child: found 5, expected a mapping of keys and values"]),
        ("{child: {}}", ["11: screens.child: missing key 'method'"]),
        (
            "{child: {metod: clip}}",
            [
                "19: screens.child: unknown key 'metod' (did you mean 'method'?); expected: method, any_of, all_of",
            ],
        ),
        (
            "{child: {anyof: [{method: age}]}}",
            [
                "19: screens.child: unknown key 'anyof' (did you mean 'any_of'?); expected: method, any_of, all_of",
            ],
        ),
        ("{child: {method: 5}}", ["27: screens.child.method: found 5, expected the name of a screen method"]),
        (
            "{child: {method: clp}}",
            [
                (
                    "27: screens.child.method: unknown screen method 'clp' (did you mean 'clip'?); "
                    f"there are: {', '.join(SCREENS)}"
                ),
            ],
        ),
        (
            "{child: {method: age, belw: 5, reject_above: 5}}",
            [
                (
                    "32: screens.child: unknown key 'belw' (did you mean 'below'?); "
                    "expected: method, below, margin, reject_above, weights"
                ),
                "55: screens.child.reject_above: found 5, expected a share between 0 and 1: write 5% or 0.05",
            ],
        ),
        (
            "{child: {method: clip, prompts: a, against: [], weights: 5}}",
            [
                (
                    "42: screens.child.prompts: found the text 'a', "
                    "expected a list, each item on a line that starts with '- '"
                ),
                "54: screens.child.against: found nothing in it, expected at least one",
                "67: screens.child.weights: found 5, expected a path; put it in quotes",
            ],
        ),
        ("{child: {any_of: []}}", ["27: screens.child.any_of: found nothing in it, expected at least one"]),
        (
            "{child: {any_of: {method: clip}}}",
            [
                (
                    "27: screens.child.any_of: found a mapping, "
                    "expected a list of methods, each a mapping such as {method: clip}"
                ),
            ],
        ),
        (
            "{child: {any_of: [{method: clip}], all_of: [{method: age}], reject_above: 1}}",
            [
                "45: screens.child.all_of: found 'all_of' beside 'any_of'; keep one of the two",
                (
                    "70: screens.child.reject_above: found 'reject_above' beside 'any_of'; "
                    "the keys of a method stand in its list"
                ),
            ],
        ),
        (
            "{child: {all_of: [clip, {metod: age}, {any_of: []}, {method: age, margin: -1}]}}",
            [
                "28: screens.child.all_of[0]: found the text 'clip', expected a mapping of keys and values",
                "35: screens.child.all_of[1]: unknown key 'metod' (did you mean 'method'?); expected: method",
                "48: screens.child.all_of[2]: missing key 'method'",
                "84: screens.child.all_of[3].margin: found -1, expected a whole number of 0 or more",
            ],
        ),
        (
            "{'a b': {method: clip, prompts: [a], against: [b]}}",
            [
                (
                    "11: screens.'a b': a screen's name has 1 to 64 letters A-Z, a-z, digits, '_' and '-'; "
                    "found the text 'a b'"
                ),
            ],
        ),
        (
            "{child: {method: *x}, non_face: {any_of: *y}}",
            [
                "27: aliases (*x) are not supported; write the value out here",
                "51: aliases (*y) are not supported; write the value out here",
            ],
        ),
    ],
)
def test_problems(
    problems: Problems, policy_with: Callable[[str], str], screens: str, expected: list[str]
) -> None:
    assert problems(policy_with(screens)) == [f"p.yaml:6:{problem}" for problem in expected]


@pytest.mark.parametrize("name", ["unreadable", "no_face", "several_faces", "folder", "waived"])
def test_names_of_other_rules(problems: Problems, policy_with: Callable[[str], str], name: str) -> None:
    assert problems(policy_with(f"{{{name}: {{method: clip, prompts: [a], against: [b]}}}}")) == [
        f"p.yaml:6:11: screens.{name}: reports call another rule {name!r} already; give this screen another name"
    ]


@pytest.mark.parametrize(
    ("rule", "keys", "expected"),
    [
        ("hat", "method: clip", "screen 'hat' is a class of your own: give prompts and against"),
        (
            "child",
            "method: clip, prompts: [a child]",
            "found prompts without against, expected both: what the class shows, and what else a picture may show",
        ),
        (
            "non_face",
            "method: age",
            "this method looks for ages, so it serves the rule 'child' alone; found 'non_face'",
        ),
        (
            "child",
            "method: face",
            "this method looks for a face, so it serves the rule 'non_face' alone; found 'child'",
        ),
    ],
)
def test_a_method_that_does_not_serve_the_rule(
    problems: Problems, policy_with: Callable[[str], str], rule: str, keys: str, expected: str
) -> None:
    column = len("screens: {: {any_of: [{method: ") + len(rule) + 1
    assert problems(policy_with(f"{{{rule}: {{any_of: [{{{keys}}}]}}}}")) == [
        f"p.yaml:6:{column}: screens.{rule}.any_of[0].method: {expected}"
    ]


def test_screens_are_read_without_their_models(tmp_path: Path, policy_with: Callable[[str], str]) -> None:
    screens = "{child: {any_of: [{method: clip}, {method: age}]}, non_face: {method: face}}"
    (tmp_path / "p.yaml").write_text(policy_with(screens))
    code = (
        "import sys; from faceleak_check.policy.parse import parse_policy; parse_policy('p.yaml'); "
        "print(sorted({'torch', 'open_clip', 'onnxruntime', 'facenet_pytorch', 'PIL'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


ROOT = Path(__file__).resolve().parents[3]
OTHER_PACKAGE = {
    "other-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n",
    "other-1.0.dist-info/entry_points.txt": """\
[faceleak_check.screens]
smile = other:Smile
bare = other:Bare
nameless = other:Nameless
gone = other_gone:Gone
loose = other:Loose
""",
    "other.py": """\
from typing import Literal
from faceleak_check.policy.types import Share, check_keys

@check_keys
class SmileKeys:
    method: Literal["smile"] = "smile"
    reject_above: Share = 0.5
    teeth: Share = 0.5

class Smile:
    keys = SmileKeys

    @staticmethod
    def problem(rule, keys):
        if rule == "frowning":
            raise KeyError(rule)
        return "" if rule == "smiling" else f"smile looks for smiles, found the rule {rule!r}"

class Bare:
    pass

@check_keys
class NamelessKeys:
    teeth: Share = 0.5

class Nameless:
    keys = NamelessKeys

@check_keys
class LooseKeys:
    method: Literal["loose"] = "loose"
    reject_above: float | str | bool = 0.5

class Loose:
    keys = LooseKeys
""",
}


def test_other_packages_bring_screens(tmp_path: Path, policy_with: Callable[[str], str]) -> None:
    """A real installed package: a folder with metadata on the path of a fresh Python."""
    for name, text in OTHER_PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    screens = (
        "{smiling: {method: smile, teeth: 90%}, a: {method: smile}, b: {method: smile, teth: 1}, "
        "c: {method: bare}, d: {method: nameless}, e: {method: gone}, f: {method: smil}, "
        "frowning: {method: smile}, g: {method: loose}, h: {method: loose, reject_above: much}, "
        "i: {method: loose, reject_above: .nan}, j: {method: loose, reject_above: true}}"
    )
    (tmp_path / "p.yaml").write_text(policy_with(screens))
    code = "from faceleak_check.policy.parse import parse_policy; parse_policy('p.yaml')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    not_ours = (
        "this screen of another package has no 'keys' made with check_keys that hold 'method' and "
        "'reject_above', so its keys cannot be checked"
    )
    assert done.stderr.splitlines()[-10:] == [
        (
            "faceleak_check.errors.PolicyError: p.yaml:6:61: screens.a.method: "
            "smile looks for smiles, found the rule 'a'"
        ),
        "p.yaml:6:88: screens.b: unknown key 'teth' (did you mean 'teeth'?); expected: method, reject_above, teeth",
        f"p.yaml:6:110: screens.c.method: {not_ours}",
        f"p.yaml:6:129: screens.d.method: {not_ours}",
        (
            "p.yaml:6:152: screens.e.method: screen 'gone' is installed as 'other_gone:Gone' "
            "but cannot be imported: No module named 'other_gone'"
        ),
        (
            "p.yaml:6:171: screens.f.method: unknown screen method 'smil' (did you mean 'smile'?); "
            "there are: clip, age, face, bare, gone, loose, nameless, smile"
        ),
        (
            "p.yaml:6:197: screens.frowning.method: this screen of another package cannot judge its keys: "
            "KeyError('frowning')"
        ),
        *(
            f"p.yaml:6:{column}: screens.{rule}.method: this screen of another package gives its 'reject_above' as "
            f"{given}, expected a number from 0 to 1: make it a Share"
            for rule, column, given in (("h", 237, "'much'"), ("i", 277, "nan"), ("j", 317, "True"))
        ),
    ]
