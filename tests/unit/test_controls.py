from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hand_made_sets import Rows, around_a_hub, embedded, image, images, names, near, people

import faceleak_check.controls as module
from faceleak_check.controls import without_source_people
from faceleak_check.errors import InconclusiveError
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.records import Exclusion, ImageRef

ADVICE = "A control holds real people whom the generator never saw: name another set, or add people to it."


def of(name: str, n_people: int = 40, n_images: int = 1, *, seed: int) -> EmbeddedSet:
    shown = images(name, names(name, n_people, n_images))
    return embedded(name, shown, people(n_people, n_images, seed=seed))


def joined(
    name: str,
    one: EmbeddedSet,
    more: Sequence[ImageRef],
    vectors: Rows,
    *,
    n_faces: Sequence[int] | None = None,
) -> EmbeddedSet:
    return embedded(
        name,
        [*one.images, *more],
        np.concatenate([one.templates.templates.vectors, vectors]),
        n_faces=[1] * len(one.images) + list(n_faces or [1] * len(more)),
    )


SOURCE = of("training", seed=1)
CONTROL = of("unseen", seed=2)


def gone(left: EmbeddedSet) -> dict[str, tuple[str, str]]:
    return {one.id: (one.rule, one.reason) for one in left.summary.excluded}


def test_a_control_of_other_people_is_taken_as_it_is() -> None:
    assert without_source_people(CONTROL, SOURCE) is CONTROL


def test_an_image_that_is_in_the_source_too_is_taken_out() -> None:
    """Under whatever name: by its content."""
    copy = image("copy", "somebody else", content=SOURCE.images[3].id)
    control = joined("unseen", CONTROL, [copy], SOURCE.templates.templates.vectors[[3]])
    left = without_source_people(control, SOURCE)
    assert gone(left) == {"copy": ("in_source", "this very image is in 'training' too")}
    assert [one.sha256 for one in left.summary.excluded] == [copy.sha256]
    assert left.images == CONTROL.images
    assert left.templates.templates.vectors.tolist() == CONTROL.templates.templates.vectors.tolist()
    assert (left.summary.counts.n_seen, left.summary.counts.n_embedded) == (41, 40)
    assert left.summary.counts.n_excluded == {"in_source": 1}


def test_a_person_of_the_source_is_taken_out_by_name_with_all_images() -> None:
    more = [image("x1", "training007"), image("x2", "ann", "training007"), image("x3", "ann")]
    left = without_source_people(joined("unseen", CONTROL, more, people(3, seed=7)), SOURCE)
    assert gone(left) == {
        "x1": ("in_source", "'training007' is in 'training' too"),
        "x2": ("in_source", "'training007' is in 'training' too"),
    }


def test_a_person_of_the_source_under_another_name_is_taken_out_with_all_images() -> None:
    source = of("training", 40, 3, seed=1)
    theirs = source.templates.templates.vectors[[15, 16]]
    more = [image("x1", "alias"), image("x2", "alias")]
    control = joined("unseen", of("unseen", 40, 3, seed=2), more, near(theirs, 0.98, seed=3))
    left = without_source_people(control, source)
    assert gone(left) == dict.fromkeys(
        ("x1", "x2"), ("in_source", "it seems to show a person of 'training': 'training005'")
    )


def test_without_names_templates_tell() -> None:
    source = embedded("training", images("t", [()] * 40), people(40, seed=1))
    theirs = near(source.templates.templates.vectors[[5]], 0.98, seed=3)
    control = joined(
        "unseen", embedded("unseen", images("u", [()] * 40), people(40, seed=2)), [image("x")], theirs
    )
    left = without_source_people(control, source)
    digest = source.images[5].sha256
    assert gone(left) == {"x": ("in_source", f"it seems to show a person of 'training': {digest!r}")}


def test_two_control_people_who_look_alike_are_left_in() -> None:
    twin = near(CONTROL.templates.templates.vectors[[4]], 0.99, seed=3)
    control = joined("unseen", CONTROL, [image("twin", "twin")], twin)
    assert without_source_people(control, SOURCE) is control


def test_two_source_people_who_look_alike_do_not_matter() -> None:
    twin = near(SOURCE.templates.templates.vectors[[4]], 0.99, seed=3)
    source = joined("training", SOURCE, [image("twin", "twin")], twin)
    assert without_source_people(CONTROL, source) is CONTROL


def test_a_hub_of_the_source_is_not_everybody_in_the_control() -> None:
    rows = around_a_hub(80, seed=1)
    source = embedded("training", images("t", [()] * 40), rows[:40])
    control = embedded("unseen", images("u", [()] * 40), rows[40:])
    assert without_source_people(control, source) is control


def test_of_groups_nobody_knows_who_is_who() -> None:
    """An image of several faces is looked at by content and name alone."""
    theirs = near(SOURCE.templates.templates.vectors[[5]], 0.98, seed=3)
    control = joined(
        "unseen", CONTROL, [image("group")], np.concatenate([theirs, people(1, seed=9)]), n_faces=[2]
    )
    assert without_source_people(control, SOURCE) is control


def test_what_was_left_out_before_stays_listed() -> None:
    lost = Exclusion(id="broken", rule="unreadable", reason="cut short")
    copy = image("copy", content=SOURCE.images[3].id)
    control = embedded(
        "unseen",
        [*CONTROL.images, copy],
        np.concatenate([CONTROL.templates.templates.vectors, SOURCE.templates.templates.vectors[[3]]]),
        excluded=[lost],
    )
    left = without_source_people(control, SOURCE)
    assert [one.id for one in left.summary.excluded] == ["broken", "copy"]
    assert (left.summary.counts.n_seen, left.summary.counts.n_unreadable) == (42, 1)


def test_only_so_many_images_of_each_set_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come first by content, so that every run compares the same."""
    monkeypatch.setattr(module, "MOST_COMPARED", 20)
    firsts = sorted(SOURCE.images, key=lambda one: one.sha256)
    own = min((f"x{n}" for n in range(2000)), key=lambda name: image(name).sha256)
    for rank, is_found in ((0, True), (19, True), (20, False), (39, False)):
        row = SOURCE.images.index(firsts[rank])
        theirs = near(SOURCE.templates.templates.vectors[[row]], 0.98, seed=3)
        left = without_source_people(joined("unseen", CONTROL, [image(own, "x")], theirs), SOURCE)
        assert (own in gone(left)) is is_found


# ------------------------------------------------------------------------------------------- nothing left


def problem(control: EmbeddedSet, source: EmbeddedSet) -> tuple[str, str]:
    with pytest.raises(InconclusiveError) as found:
        without_source_people(control, source)
    return found.value.message, found.value.detail


def test_a_control_that_is_the_source_is_told() -> None:
    again = embedded("unseen", SOURCE.images, SOURCE.templates.templates.vectors)
    assert problem(again, SOURCE) == (
        "only 0 of 40 images of the control 'unseen' show people who are not in 'training', and at least 30 are needed",
        ADVICE,
    )


def test_a_control_of_other_pictures_of_the_same_people_is_told() -> None:
    vectors = people(40, 2, seed=1)
    shown = images("t", names("person", 40, 2))
    source = embedded("training", shown[::2], vectors[::2])
    control = embedded("unseen", shown[1::2], vectors[1::2])
    message = (
        "only 0 of 40 images of the control 'unseen' show people who are not in 'training', and at least 30 are "
        "needed"
    )
    assert problem(control, source) == (message, ADVICE)


@pytest.mark.parametrize(("n_left", "is_enough"), [(30, True), (29, False)])
def test_at_least_30_images_must_be_left(n_left: int, is_enough: bool) -> None:
    own = CONTROL.images[:n_left]
    control = embedded(
        "unseen",
        [*own, *SOURCE.images[:5]],
        np.concatenate(
            [CONTROL.templates.templates.vectors[:n_left], SOURCE.templates.templates.vectors[:5]]
        ),
    )
    if is_enough:
        assert without_source_people(control, SOURCE).images == own
    else:
        assert problem(control, SOURCE) == (
            (
                "only 29 of 34 images of the control 'unseen' show people who are not in 'training', and at "
                "least 30 are "
                "needed"
            ),
            ADVICE,
        )


def test_a_small_control_is_too_small_even_if_all_are_strangers() -> None:
    assert problem(of("unseen", 12, seed=2), SOURCE) == (
        (
            "only 12 of 12 images of the control 'unseen' show people who are not in 'training', and at least 30 "
            "are needed"
        ),
        ADVICE,
    )


def test_a_control_without_any_image_is_too_small() -> None:
    nothing = embedded("unseen", [], np.ones((0, 64)))
    assert problem(nothing, SOURCE) == (
        "only 0 of 0 images of the control 'unseen' show people who are not in 'training', and at least 30 are needed",
        ADVICE,
    )
