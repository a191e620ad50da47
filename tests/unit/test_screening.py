from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from faceleak_check import screening
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedding import EmbeddedSets
from faceleak_check.errors import DatasetError, InconclusiveError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels, ScreenRule
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.records import (
    Exclusion,
    Face,
    ImageRef,
    ScreenedGroup,
    ScreenMethod,
    ScreenSpec,
    ScreenSummary,
)
from faceleak_check.registry import Registry
from faceleak_check.screening import Role, Screener, ScreenValues


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of a method as a policy gives them."""

    method: str
    reject_above: float = 0.5


class Tint:
    """How red, green or blue a picture's first pixel is, in [0, 1]; writes down what it is asked."""

    batch_size = 2

    def __init__(self, rule: str, keys: Keys) -> None:
        self.spec = ScreenSpec(
            method=keys.method,
            model="none",
            weights_sha256="",
            licence="MIT",
            question=f"the picture is {keys.method}",
            preprocessing="none",
        )
        self.asked: list[str] = []
        self.faces: list[tuple[Face, ...] | None] = []
        self.n_loads = 0

    def load(self) -> None:
        self.n_loads += 1

    def measure(
        self, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]
    ) -> npt.NDArray[np.float64]:
        self.asked += [name_of(picture) for picture in pictures]
        self.faces += faces
        channel = ("red", "green", "blue").index(self.spec.method)
        return np.array([int(picture[0, 0, channel]) for picture in pictures]) / 200


class Unfaced(Tint):
    uses_faces = False


def name_of(picture: Pixels) -> str:
    """The name that `colours` has written into the second pixel."""
    return bytes(picture[0, 1]).decode().strip()


Colour = tuple[int, int, int]


def colours(folder: Path, pictures: Mapping[str, Colour]) -> None:
    """Pictures of a colour; the stem of the file, at most three letters, makes each content another."""
    for name, colour in pictures.items():
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[0, 0] = colour
        pixels[0, 1] = list(Path(name).stem.ljust(3).encode())
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)


class Project:
    """Two sets of pictures, and a store that lives as long as the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[tuple[str, int, int]] = []
        self.notes: list[str] = []
        self.executor = LocalExecutor(decode, 1)

    def embedded(self, name: str) -> EmbeddedSet:
        dataset = Dataset(
            name=name,
            path=self.folder / name,
            format="folder",
            labels=Labels(kind="none"),
            columns=None,
            line=1,
            column=1,
        )
        choice = EmbedderChoice(name="fake-pixels")
        sets = EmbeddedSets(self.folder / "store", self.executor, lambda *_: None, [])
        return sets.embed(dataset, choice, FakePixels(choice))

    def values(self) -> ScreenValues:
        self.told = []
        return ScreenValues(
            self.folder / "store", self.executor, lambda *now: self.told.append(now), self.notes
        )

    def screener(
        self,
        *rules: ScreenRule,
        values: ScreenValues | None = None,
        faces: str = "all",
        **sets: EmbeddedSet,
    ) -> Screener:
        """A screener; by default the sets are ``generated`` and ``source`` as they lie in the folder."""
        return Screener(
            rules,
            values or self.values(),
            {
                "generated": sets.get("generated") or self.embedded("generated"),
                "source": sets.get("source") or self.embedded("source"),
            },
            {"generated": faces, "source": faces},
        )


@pytest.fixture(autouse=True)
def _screens(monkeypatch: pytest.MonkeyPatch) -> None:
    tints = dict.fromkeys(("red", "green", "blue"), f"{__name__}:Tint")
    monkeypatch.setattr(screening, "SCREENS", Registry("screen", tints))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """``g0`` is of no colour, the others of one or two; one source picture is red."""
    colours(
        tmp_path / "generated",
        {
            "g0.png": (0, 0, 0),
            "gr.png": (150, 0, 0),
            "gg.png": (0, 150, 0),
            "grg.png": (160, 140, 0),
            "gb.png": (0, 0, 180),
        },
    )
    colours(tmp_path / "source", {"s0.png": (20, 20, 20), "sr.png": (190, 0, 0)})
    return Project(tmp_path)


def rule(name: str, *methods: str | Keys, combine: str = "any_of") -> ScreenRule:
    assert combine in ("any_of", "all_of")
    keys = tuple(method if isinstance(method, Keys) else Keys(method=method) for method in methods)
    return ScreenRule(name=name, combine=combine, methods=keys)  # type: ignore[arg-type]


def asked(values: ScreenValues, one: ScreenRule) -> list[list[str]]:
    """What each method of a rule was asked, in order of names."""
    return [sorted(_tint(values, one, n).asked) for n in range(len(one.methods))]


def _tint(values: ScreenValues, one: ScreenRule, n: int = 0) -> Tint:
    tint = values.screen(one.name, one.methods[n])
    assert isinstance(tint, Tint)
    return tint


def taken_out(screener: Screener, role: Role) -> dict[str, str]:
    """The names of the pictures that were taken out, with the rule that did it."""
    return {gone.id.removesuffix(".png"): gone.rule for gone in screener.exclusions(role)}


def look_at_all(screener: Screener, project: Project) -> None:
    screener.look_at("generated", project.embedded("generated").images)
    screener.look_at("source", project.embedded("source").images)


# --------------------------------------------------------------------------------------------- combinations


def test_any_of_asks_a_later_method_about_what_is_left(project: Project) -> None:
    either, values = rule("tinted", "red", "green", "blue"), project.values()
    screener = project.screener(either, values=values)
    assert screener.look_at("generated", project.embedded("generated").images)
    assert taken_out(screener, "generated") == dict.fromkeys(["gr", "gg", "grg", "gb"], "tinted")
    assert asked(values, either) == [["g0", "gb", "gg", "gr", "grg"], ["g0", "gb", "gg"], ["g0", "gb"]]
    assert values.n_measured == 5 + 3 + 2


def test_all_of_asks_a_later_method_about_what_the_earlier_ones_took_out(project: Project) -> None:
    both, values = rule("brown", "red", "green", "blue", combine="all_of"), project.values()
    screener = project.screener(both, values=values)
    assert not screener.look_at("generated", project.embedded("generated").images)
    assert taken_out(screener, "generated") == {}
    assert asked(values, both) == [["g0", "gb", "gg", "gr", "grg"], ["gr", "grg"], ["grg"]]

    two = rule("yellow", "red", "green", combine="all_of")
    screener = project.screener(two)
    assert screener.look_at("generated", project.embedded("generated").images)
    assert screener.exclusions("generated") == [
        Exclusion(
            id="grg.png",
            rule="yellow",
            reason="screen 'yellow' (green) gave 0.7, and takes out what is above 0.5",
            sha256=screener.exclusions("generated")[0].sha256,
            value=0.7,
        )
    ]


def test_a_method_that_nothing_depends_on_is_neither_asked_nor_loaded(project: Project) -> None:
    both, values = rule("no", Keys(method="red", reject_above=1), "green", combine="all_of"), project.values()
    project.screener(both, values=values).look_at("generated", project.embedded("generated").images)
    assert asked(values, both)[1] == []
    assert [_tint(values, both, n).n_loads for n in (0, 1)] == [1, 0]


def test_an_image_belongs_to_the_first_rule_that_takes_it_out(project: Project) -> None:
    first, second, values = rule("first", "red"), rule("second", "green", "red"), project.values()
    screener = project.screener(first, second, values=values)
    look_at_all(screener, project)
    assert taken_out(screener, "generated") == {"gg": "second", "gr": "first", "grg": "first"}
    assert taken_out(screener, "source") == {"sr": "first"}
    assert asked(values, second) == [["g0", "gb", "gg", "s0"], []]
    one, two = screener.summaries({"generated": set(), "source": set()})
    assert [group.n_looked_at for group in one.groups.values()] == [5, 2]
    assert [group.n_looked_at for group in two.groups.values()] == [3, 1]
    assert [group.n_excluded for group in one.groups.values()] == [2, 1]
    assert [group.n_excluded for group in two.groups.values()] == [1, 0]
    assert [method.n_images for method in two.methods] == [4, 3]


def test_what_is_as_high_as_the_limit_stays(project: Project) -> None:
    limit = rule("limit", Keys(method="red", reject_above=0.75))
    screener = project.screener(limit)
    look_at_all(screener, project)
    assert taken_out(screener, "generated") == {"grg": "limit"}
    assert taken_out(screener, "source") == {"sr": "limit"}


def test_reasons_name_the_method_that_decided(project: Project) -> None:
    third = rule("tinted", "green", Keys(method="blue", reject_above=1 / 3))
    screener = project.screener(third)
    look_at_all(screener, project)
    assert {gone.id: (gone.reason, gone.value) for gone in screener.exclusions("generated")} == {
        "gb.png": ("screen 'tinted' (blue) gave 0.9, and takes out what is above 0.333333", 0.9),
        "gg.png": ("screen 'tinted' (green) gave 0.75, and takes out what is above 0.5", 0.75),
        "grg.png": ("screen 'tinted' (green) gave 0.7, and takes out what is above 0.5", 0.7),
    }


# ------------------------------------------------------------------------------------------- asked only once


def test_images_are_looked_at_once_and_roles_apart(project: Project) -> None:
    reds, values = rule("reds", "red"), project.values()
    screener = project.screener(reds, values=values)
    generated = project.embedded("generated").images
    by_name = {image.id.removesuffix(".png"): image for image in generated}
    assert not screener.look_at("generated", [by_name["g0"], by_name["gg"]])
    assert screener.look_at("generated", [by_name["g0"], by_name["gr"]])
    assert not screener.look_at("generated", [by_name["gr"], by_name["gb"]])
    assert not screener.look_at("generated", [])
    assert asked(values, reds) == [["g0", "gb", "gg", "gr"]]
    (summary,) = screener.summaries({"generated": set(), "source": set()})
    assert summary.groups["generated"] == ScreenedGroup(n_looked_at=4, n_excluded=1, n_leaking=0)
    assert summary.groups["source"] == ScreenedGroup(n_looked_at=0, n_excluded=0, n_leaking=0)
    assert set(screener.rejected["generated"]) == {by_name["gr"].sha256}
    assert screener.rejected["source"] == {}


def test_values_are_kept_on_disk(project: Project) -> None:
    reds = rule("reds", "red")
    look_at_all(project.screener(reds), project)
    values = project.values()
    again = project.screener(rule("another name", Keys(method="red", reject_above=0.85)), values=values)
    look_at_all(again, project)
    assert (values.n_measured, project.told) == (0, [])
    assert taken_out(again, "generated") == {}
    assert taken_out(again, "source") == {"sr": "another name"}
    colours(project.folder / "source", {"new.png": (100, 0, 0)})
    look_at_all(project.screener(reds, values=values), project)
    assert (values.n_measured, asked(values, reds)) == (1, [["new"]])
    assert project.told == [("red on source", 0, 1), ("red on source", 1, 1)]


def test_two_rules_with_the_same_question_ask_once(project: Project) -> None:
    values = project.values()
    low, high = rule("low", "red", "green", combine="all_of"), rule("high", "red")
    look_at_all(project.screener(low, high, values=values), project)
    assert asked(values, low) == [["g0", "gb", "gg", "gr", "grg", "s0", "sr"], ["gr", "grg", "sr"]]
    assert asked(values, high) == [[]]
    assert values.n_measured == 7 + 3


def test_another_question_is_asked_anew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Newer(Tint):
        def __init__(self, name: str, keys: Keys) -> None:
            super().__init__(name, keys)
            self.spec = replace(self.spec, question="is it red, really")

    look_at_all(project.screener(rule("reds", "red")), project)
    values = project.values()
    values.screen = Newer  # type: ignore[assignment]
    look_at_all(project.screener(rule("reds", "red"), values=values), project)
    assert values.n_measured == 7


# -------------------------------------------------------------------------------------------------- counting


def test_equal_images_are_asked_about_once_and_each_of_them_taken_out(project: Project) -> None:
    for copy in ("copy1.png", "sub/copy2.png"):
        (project.folder / "generated" / copy).parent.mkdir(exist_ok=True)
        shutil.copy(project.folder / "generated/gr.png", project.folder / "generated" / copy)
    shutil.copy(project.folder / "generated/gr.png", project.folder / "source/gr.png")
    reds, values = rule("reds", "red"), project.values()
    screener = project.screener(reds, values=values)
    look_at_all(screener, project)

    assert values.n_measured == len(_tint(values, reds).asked) == 5 + 2
    assert [gone.id for gone in screener.exclusions("generated")] == [
        "copy1.png",
        "gr.png",
        "grg.png",
        "sub/copy2.png",
    ]
    assert [gone.id for gone in screener.exclusions("source")] == ["gr.png", "sr.png"]
    red = project.embedded("source").images[0].sha256
    (summary,) = screener.summaries({"generated": {red}, "source": {red, "0" * 64}})
    assert summary.groups["generated"].n_excluded == 4
    assert summary.groups["generated"].n_leaking == 3
    assert (summary.groups["source"].n_excluded, summary.groups["source"].n_leaking) == (2, 1)
    (method,) = summary.methods
    assert method.n_images == 5 + 3


def test_values_that_cannot_be_read_are_worked_out_again_and_noted(project: Project) -> None:
    reds = rule("reds", "red")
    look_at_all(project.screener(reds), project)
    shards = (project.folder / "store/v2/screens").rglob("*.safetensors")
    shard = max(shards, key=lambda path: path.stat().st_size)
    shard.write_bytes(shard.read_bytes()[:-1])
    values = project.values()
    look_at_all(project.screener(reds, values=values), project)
    assert values.n_measured == 5
    [note] = project.notes
    assert note == (
        "1 damaged shard of the store was passed over, and its images are computed again: "
        f"{shard.name} in {shard.parent}"
    )


def test_a_screen_does_not_take_out_more_images_than_it_looked_at(project: Project) -> None:
    for copy in ("copy1.png", "copy2.png"):
        shutil.copy(project.folder / "source/sr.png", project.folder / "source" / copy)
    screener = project.screener(rule("reds", "red"))
    look_at_all(screener, project)
    (summary,) = screener.summaries({"generated": set(), "source": set()})
    assert summary.groups["source"] == ScreenedGroup(n_looked_at=4, n_excluded=3, n_leaking=0)


def test_the_whole_summary(project: Project) -> None:
    one = rule("tinted", Keys(method="red", reject_above=0.7), "green", combine="all_of")
    values = project.values()
    screener = project.screener(one, values=values)
    look_at_all(screener, project)
    leaking = {"generated": {image.sha256 for image in project.embedded("generated").images}, "source": set()}
    summaries = screener.summaries(leaking)  # type: ignore[arg-type]
    assert summaries == (
        ScreenSummary(
            rule="tinted",
            combine="all_of",
            methods=(
                ScreenMethod(spec=_tint(values, one).spec, reject_above=0.7, n_images=7),
                ScreenMethod(spec=_tint(values, one, 1).spec, reject_above=0.5, n_images=3),
            ),
            groups={
                "generated": ScreenedGroup(n_looked_at=5, n_excluded=1, n_leaking=1),
                "source": ScreenedGroup(n_looked_at=2, n_excluded=0, n_leaking=0),
            },
        ),
    )


# --------------------------------------------------------------------------------------------------- trouble


def test_an_image_that_changed_or_went_away_since_is_a_dataset_error(project: Project) -> None:
    generated, source = project.embedded("generated"), project.embedded("source")
    colours(project.folder / "generated", {"gr.png": (0, 0, 0)})
    (project.folder / "generated/g0.png").unlink()
    reds, values = rule("reds", "red"), project.values()
    screener = project.screener(reds, values=values, generated=generated, source=source)
    with pytest.raises(DatasetError) as refused:
        screener.look_at("generated", generated.images)
    assert str(refused.value) == (
        "images of 'generated' went away or changed while the gate ran: 2\n"
        "generated: 'g0.png': the file cannot be read: No such file or directory\n"
        "generated: 'gr.png': the file changed while the gate ran"
    )
    assert values.n_measured == 3
    assert asked(values, reds) == [["gb", "gg", "grg"]]


def test_only_the_first_five_lost_images_are_named(project: Project) -> None:
    colours(project.folder / "source", {f"{n}.png": (n, 0, 0) for n in range(8)})
    source = project.embedded("source")
    shutil.rmtree(project.folder / "source")
    screener = project.screener(rule("reds", "red"), source=source)
    with pytest.raises(DatasetError) as refused:
        screener.look_at("source", source.images)
    assert refused.value.message == "images of 'source' went away or changed while the gate ran: 10"
    assert refused.value.detail.splitlines() == [
        f"source: '{n}.png': the file cannot be read: No such file or directory" for n in range(5)
    ]


def test_a_screen_that_is_not_there(project: Project) -> None:
    with pytest.raises(InconclusiveError) as refused:
        project.screener(rule("odd", "purple")).look_at("source", project.embedded("source").images)
    assert str(refused.value) == (
        "screen 'purple' cannot be loaded\nunknown screen 'purple'; there are: red, green, blue"
    )


# ----------------------------------------------------------------------------------------------------- faces


def with_faces(one: EmbeddedSet, *n_faces: int) -> EmbeddedSet:
    """The set as if so many faces had been found in each picture; each face tells its row by its box."""
    n_rows = sum(n_faces)
    rows = np.repeat(np.arange(len(n_faces)), n_faces)
    faces = np.zeros((n_rows, 15), np.float32)
    faces[:, 0] = np.arange(n_rows)
    templates = replace(
        one.templates,
        n_faces=np.array(n_faces, np.int64),
        templates=one.templates.taken(rows).templates,
        faces=faces,
    )
    return replace(one, templates=templates)


@pytest.mark.parametrize(
    ("faces", "kind", "aligned", "expected"),
    [
        ("all", Tint, True, "all"),
        ("error", Tint, True, "all"),
        ("largest", Tint, True, "largest"),
        ("all", Tint, False, "none"),
        ("largest", Tint, False, "none"),
        ("all", Unfaced, True, "none"),
        ("largest", Unfaced, False, "none"),
    ],
)
def test_the_spec_says_which_faces_a_screen_is_given(
    faces: str, kind: type[Tint], aligned: bool, expected: str, project: Project
) -> None:
    source = project.embedded("source")
    one = with_faces(source, 1, 2) if aligned else source
    screen = kind("reds", Keys(method="red"))
    assert screening.spec_for(screen, one, faces) == replace(screen.spec, faces=expected)  # type: ignore[arg-type]


def test_each_picture_comes_with_its_faces_and_values_with_faces_are_kept_apart(project: Project) -> None:
    source = with_faces(project.embedded("source"), 1, 2)
    reds, values = rule("reds", "red"), project.values()
    screener = project.screener(reds, values=values, source=source)
    screener.look_at("source", source.images)
    lefts = [[face.box[0] for face in faces or ()] for faces in _tint(values, reds).faces]
    assert dict(zip(_tint(values, reds).asked, lefts, strict=True)) == {"s0": [0], "sr": [1, 2]}
    for one, faces in ((source, "largest"), (project.embedded("source"), "all")):
        project.screener(reds, values=values, source=one, faces=faces).look_at("source", one.images)
    assert values.n_measured == 6
    assert _tint(values, reds).faces[-2:] == [None, None]
    assert len(list((project.folder / "store/v2/screens").iterdir())) == 3


def test_a_rule_may_ask_about_no_image(project: Project) -> None:
    values = project.values()
    screener = project.screener(rule("reds", "red"), values=values)
    assert not screener.look_at("source", tuple[ImageRef, ...]())
    assert (values.n_measured, screener.exclusions("source")) == (0, [])
