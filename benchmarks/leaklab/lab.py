"""How often the gate is right about leaks that were planted, beside simpler rules.

python benchmarks/leaklab/lab.py [--seeds 20] [--quick] [--faces ../shared/faces] [--store DIR] [--markdown]

Real people are dealt into a source, a control and others who stand in for synthetic people. Photographs of the source
are planted in generated sets of 200 pictures, altered in known ways, at known rates. Every distinct picture is embedded
once, by the package itself; then each set goes through `gate.yaml` and `beside.yaml` from its folder to its verdict.
With --store the pictures and templates are kept for the next run. Nothing is asserted but that the gate's leaks are
those which the templates give, and that some sets that go through `faceleak_check.api.check` get the same verdicts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gates import Judged, Run
from people import Photograph, Split, donors_of, lfw_photographs, photographs, split, synthetic_faces
from planting import (
    KINDS,
    GeneratedSet,
    Picture,
    clean_pictures,
    generated_set,
    planted_pictures,
    write_picture,
)
from results import Result, show_results
from rules import COSINE, Book, Gallery, embedded

N_PICTURES = 200
RATES = (0.005, 0.02, 0.1)
"""Of 200: 1, 4 and 20 pictures."""
BY_API = ("nothing", "exact", "blended 0.3")
"""Kinds of which a set goes the user's whole way too; that takes seconds a set."""
MORE_CLEAN = 4
"""Further splits for each that has leaks, with a clean set alone and without canaries: they are quick."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The sets of one run.

    Attributes:
        seed: Of everything that is drawn.
        parts: Who is what.
        sets: The clean set first; where it is the only one, no canaries are asked.
    """

    seed: int
    parts: Split
    sets: tuple[GeneratedSet, ...]

    @property
    def source(self) -> tuple[Picture, ...]:
        return tuple(Picture(shot=shot) for shot in self.parts.source)

    @property
    def pictures(self) -> set[Picture]:
        """All that must be embedded."""
        real = (*self.parts.source, *self.parts.control)
        planned = {picture for one in self.sets for picture in one.pictures}
        return planned | {Picture(shot=shot) for shot in real}


def plan(
    real: Sequence[Photograph], synthetic: Sequence[Photograph], seed: int, kinds: Sequence[str] = KINDS
) -> Plan:
    parts, donors = split(real, seed), donors_of(real)
    clean = clean_pictures(parts, synthetic, N_PICTURES, seed, len(donors))
    sets = [generated_set(clean, (), "nothing", 0.0)]
    for kind in kinds:
        planted = planted_pictures(parts, kind, round(max(RATES) * N_PICTURES), seed)
        sets += [generated_set(clean, planted, kind, rate) for rate in RATES]
    return Plan(seed=seed, parts=parts, sets=tuple(one for one in sets if one is not None))


def results(
    one: Plan, book: Book, files: Mapping[Picture, Path], work: Path, *, is_first: bool
) -> Iterator[Result]:
    """What the gate and the rules say of each set of a run.

    Args:
        one: The run.
        book: Templates of its pictures.
        files: Their files.
        work: Where to work.
        is_first: Whether some of its sets go the user's whole way too; both ways must say the same.
    """
    control = tuple(Picture(shot=shot) for shot in one.parts.control)
    gallery = Gallery(book=book, files=files, source=one.source, control=control)
    pictures = sorted({picture for generated in one.sets for picture in generated.pictures})
    values, normalised = gallery.values(pictures), gallery.normalised(pictures)
    is_whole = len(one.sets) > 1
    run = Run(work / "sets", work / "templates", one.parts, files, asks_canaries=is_whole)
    for generated in one.sets:
        judged = run.judge(generated)
        if is_first and generated.kind in BY_API and generated.rate in (0, max(RATES)):
            assert run.judge(generated, by_api=True) == judged, (generated.kind, generated.rate)
        check_agreement(generated, judged, values[COSINE])
        yield Result(seed=one.seed, generated=generated, judged=judged, values=values, normalised=normalised)
    run.remove()


def check_agreement(one: GeneratedSet, judged: Judged, cosines: Mapping[Picture, float]) -> None:
    """The gate's leaks are the pictures whose templates reach its threshold, but for excused hubs."""
    # the search's cosines and these differ by a rounding
    over = {picture for picture in one.pictures if cosines[picture] >= judged.cosine + 1e-6}
    near = {picture for picture in one.pictures if cosines[picture] >= judged.cosine - 1e-6}
    assert judged.by_cosine <= near, (one.kind, one.rate)
    assert len(over - judged.by_cosine) <= judged.n_excused, (one.kind, one.rate)


def main() -> None:
    arguments = parsed()
    os.environ["FACELEAK_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.store or Path(temporary)).resolve()
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        run(arguments, work)


def run(arguments: argparse.Namespace, work: Path) -> None:
    real, synthetic = photographs(arguments.faces), synthetic_faces(arguments.faces)
    if not real:
        print(
            f"{arguments.faces} is not there: the 100 faces of scikit-image's LFW subset, of 25 x 25 pixels"
        )
        real = lfw_photographs(work / "lfw")
    n_people = len({shot.person for shot in real})
    print(f"{len(real)} photographs of {n_people} people, {len(synthetic)} synthetic faces")
    first, n = arguments.first_seed, arguments.seeds
    plans = [plan(real, synthetic, seed) for seed in range(first, first + n)]
    more = range(first + n, first + n * (1 + MORE_CLEAN))
    plans += [plan(real, synthetic, seed, kinds=()) for seed in more]
    started = time.perf_counter()
    donors = donors_of(real)
    wanted = sorted(set().union(*(one.pictures for one in plans)))
    files = {picture: write_picture(picture, work / "pictures", donors) for picture in wanted}
    book = Book(embedded(work / "pictures", work / "templates"))
    note(f"{len(wanted)} pictures made and embedded in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    found: list[Result] = []
    for one in plans:
        found += results(one, book, files, work, is_first=one is plans[0])
        note(f"seed {one.seed}: {len(found)} sets judged in {time.perf_counter() - started:.0f} s")
    show_plan(plans)
    show_results(found, markdown=arguments.markdown)


def show_plan(plans: Sequence[Plan]) -> None:
    for name in ("source", "held_back", "control", "others"):
        parts = [getattr(one.parts, name) for one in plans]
        images, people = (
            sorted(count)
            for count in (
                [len(part) for part in parts],
                [len({shot.person for shot in part}) for part in parts],
            )
        )
        print(
            f"{name.replace('_', ' ')}: {images[0]}-{images[-1]} photographs of {people[0]}-{people[-1]} people"
        )
    n_whole = sum(len(one.sets) > 1 for one in plans)
    print(
        f"generated sets of {N_PICTURES} pictures; {len(plans)} splits with a clean set, {n_whole} of them with "
        f"leaky ones too: {', '.join(amounts())}"
    )


def amounts() -> list[str]:
    return [f"{rate:.1%} = {max(1, round(rate * N_PICTURES))}" for rate in RATES]


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, help="splits with leaks; 20, or 2 with --quick")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="about a minute")
    parser.add_argument(
        "--faces", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "faces"
    )
    parser.add_argument("--store", type=Path, help="keeps pictures and templates for the next run")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or (2 if arguments.quick else 20)
    return arguments


if __name__ == "__main__":
    main()
