"""How well each embedder tells people apart, and what each screen takes out, on real faces.

python benchmarks/accuracy.py [--faces ../shared/faces] [--markdown]
    [--embedder '{name: onnx, weights: FILE, colour_order: RGB, mean: 127.5, std: 127.5, template: arcface-112}']
    [--clip-model ViT-B-32-256] [--clip-weights FILE]

All is done by the package's own reader, executor, detector, aligner, embedders and screens. Embedders and screens whose
weights are not on this machine are named with the command that brings them; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from groups import OF_PEOPLE, DlibFaces, Embedded, FacesStage, Group, embedded
from tables import show
from verification import (
    Pairs,
    Range,
    bootstrap,
    equal_error_rate,
    errors_of,
    pairs_of,
    pairs_that_resolve,
    similarity_at_fmr,
    true_accept_rate,
)

from faceleak_check.errors import ModelError
from faceleak_check.executors.stages import ScreenStage
from faceleak_check.faces.align import AlignedFaces, Cutter, WholePictures
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.policy.screens import AgeKeys, ClipKeys, FaceKeys
from faceleak_check.protocols import Embedder, Screen
from faceleak_check.records import Face
from faceleak_check.registry import EMBEDDERS, SCREENS

GROUPS = {"identities": ("identities",), "orl": ("orl",), "both": OF_PEOPLE}
SCREENED = ("children", "adults_age", "identities", "nonface", "nonface_hard", "generated")
FMRS = (1e-2, 1e-3)
STATED_COSINES = {"dlib-resnet": 0.96}
LIMITS = [n / 10 for n in range(1, 10)]


def cutters(embedder: Embedder) -> Iterator[tuple[str, Cutter]]:
    spec = embedder.spec
    yield "none", WholePictures(spec.input_size)
    if spec.template is not None:
        yield "mtcnn", AlignedFaces(Mtcnn(spec.device), spec.template, spec.input_size)
    if spec.name == "dlib-resnet" and find_spec("dlib"):
        yield "dlib", DlibFaces()


def choices(stated: Sequence[str]) -> Iterator[EmbedderChoice]:
    """Every embedder of the registry as it comes, but those that were stated."""
    own = [EmbedderChoice(**yaml.safe_load(text)) for text in stated]
    yield from own
    taken = {choice.name for choice in own} | {"fake-pixels"}
    yield from (EmbedderChoice(name=name) for name in EMBEDDERS if name not in taken)


def missing(file: Any) -> str | None:
    """Why a file of weights cannot be used; None where it is on this machine."""
    if file is None or file.find():
        return None
    return file.command or "needs a file of weights; name one with --embedder"


def shown(found: Range, mark: str = "") -> str:
    value, low, high = (100 * number for number in (found.value, found.low, found.high))
    text = f"{value:.{2 if value < 10 else 1}f}{mark} ({low:.1f}-{high:.1f})"
    return text.replace("100.0", "100")


def resolution(pairs: Pairs, fmr: float) -> str:
    """A mark where the pairs cannot tell a rate so low."""
    if pairs.n_impostor < pairs_that_resolve(fmr):
        return "**"
    return "*" if pairs.n_pairs_of_people < pairs_that_resolve(fmr) else ""


def verification_rows(name: str, groups: Mapping[str, Embedded]) -> Iterator[list[str]]:
    for title, parts in GROUPS.items():
        first, *others = (groups[part] for part in parts)
        both = first.joined(others[0]) if others else first
        pairs = pairs_of(both.vectors, both.people)
        error, *rates = bootstrap(
            pairs, [equal_error_rate, *(partial(true_accept_rate, fmr=fmr) for fmr in FMRS)]
        )
        yield [
            name,
            title,
            f"{both.n_failed}/{both.n_pictures}",
            f"{pairs.n_genuine:,}",
            f"{pairs.n_impostor:,}",
            shown(error),
            *(shown(rate, resolution(pairs, fmr)) for rate, fmr in zip(rates, FMRS, strict=True)),
        ]


def generated_row(name: str, embedder: Embedder, groups: Mapping[str, Embedded]) -> list[str]:
    people = groups["identities"].joined(groups["orl"])
    limit = similarity_at_fmr(errors_of(pairs_of(people.vectors, people.people)), FMRS[-1])
    nearest = (groups["generated"].vectors @ groups["identities"].vectors.T).max(axis=1)
    stated = STATED_COSINES.get(embedder.spec.name)
    return [
        name,
        f"{len(nearest)}/{groups['generated'].n_pictures}",
        f"{limit:.4f}",
        f"{(nearest >= limit).sum()}",
        "-" if stated is None else f"{(nearest >= stated).sum()} (>= {stated})",
        f"{np.median(nearest):.4f}",
        f"{nearest.max():.4f}",
    ]


def show_embedder(choice: EmbedderChoice, groups: Mapping[str, Group], *, markdown: bool) -> None:
    embedder: Embedder = EMBEDDERS.load(choice.name)(choice)
    rows: list[list[str]] = []
    near: list[list[str]] = []
    for name, cutter in cutters(embedder):
        found = {group: embedded(groups[group], cutter, embedder) for group in (*OF_PEOPLE, "generated")}
        rows += verification_rows(name, found)
        near.append(generated_row(name, embedder, found))
    header = ["align", "group", "no face", "genuine", "impostor", "EER %"]
    title = f"{choice.name}: verification, 95% intervals by bootstrap over people"
    show(
        title,
        [*header, *(f"TAR % at {fmr:.0e}".replace("e-0", "e-") for fmr in FMRS)],
        rows,
        markdown=markdown,
    )
    title = f"{choice.name}: generated faces and their nearest photograph in identities/"
    header = [
        "align",
        "with a face",
        "cosine at FMR 0.001",
        "reach it",
        "reach a stated one",
        "median",
        "highest",
    ]
    show(title, header, near, markdown=markdown)


def screens(arguments: argparse.Namespace) -> Iterator[tuple[str, str, Any]]:
    """Rule, title and keys of each screen."""
    model, weights = arguments.clip_model, arguments.clip_weights
    clip = ClipKeys(model=model, weights=weights, pretrained=arguments.clip_pretrained)
    yield "child", "age, below 13", AgeKeys()
    yield "non_face", "face", FaceKeys()
    yield "child", "clip, child", clip
    yield "non_face", "clip, non_face", clip


def show_screen(
    title: str,
    screen: Screen,
    limit: float,
    groups: Mapping[str, Group],
    faces: Mapping[str, tuple[Face, ...]] | None,
    *,
    markdown: bool,
) -> None:
    stage = ScreenStage(screen, lambda image: None if faces is None else faces[image.sha256])
    values = {name: groups[name].run(stage)[1] for name in SCREENED}
    rows = []
    for name, found in values.items():
        n_rejected = int((found > limit).sum())
        moved = [f"{(found > other).mean():.0%}" for other in LIMITS]
        rows.append([name, len(found), n_rejected, f"{n_rejected / len(found):.1%}", *moved])
    header = ["group", "n", "rejected", f"> {limit:g}", *(f"> {other:g}" for other in LIMITS)]
    show(title, header, rows, markdown=markdown)


def show_screens(arguments: argparse.Namespace, groups: Mapping[str, Group]) -> None:
    faces: dict[str, tuple[Face, ...]] = {}
    for name in SCREENED:
        images, found = groups[name].run(FacesStage())
        faces |= {image.sha256: known for image, known in zip(images, found, strict=True)}
    for rule, title, keys in screens(arguments):
        kind = SCREENS.load(keys.method)
        why = missing(kind.model_file(keys))
        if why:
            print(f"\nscreen {title}: not here: {why}")
            continue
        screen = kind(rule, keys)
        for way, known in (("whole pictures", None), ("faces by mtcnn", faces)):
            # only the age screen is given something else by an alignment
            if known is None or keys.method == "age":
                full = f"screen {title}: {way}" if keys.method == "age" else f"screen {title}"
                show_screen(full, screen, keys.reject_above, groups, known, markdown=arguments.markdown)


def main() -> None:
    arguments = parsed()
    os.environ["FACELEAK_OFFLINE"] = "1"
    names = {*OF_PEOPLE, *SCREENED}
    groups = {name: Group(arguments.faces, name) for name in sorted(names)}
    for name in OF_PEOPLE:
        n_people = len({image.labels for image in groups[name].images})
        print(f"{name}: {len(groups[name].images)} photographs of {n_people} people")
    print("no face: pictures from which no template was had (failure to extract), in none of the rates")
    print("*  fewer pairs of people than the rule of 3 asks of independent pairs: the rate may be far off")
    print("** fewer impostor pairs than the rule of 3 asks for: this false match rate is not resolved")
    for choice in choices(arguments.embedder):
        why = missing(EMBEDDERS.load(choice.name).model_file(choice))
        if why:
            print(f"\nembedder {choice.name}: not here: {why}")
            continue
        try:
            show_embedder(choice, groups, markdown=arguments.markdown)
        except ModelError as error:
            print(f"\nembedder {choice.name}: cannot be used: {error}")
    show_screens(arguments, groups)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--faces", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "faces"
    )
    parser.add_argument("--embedder", action="append", default=[], help="keys of an embedder, as in a policy")
    parser.add_argument("--clip-model")
    parser.add_argument("--clip-pretrained")
    parser.add_argument("--clip-weights", type=Path)
    parser.add_argument("--markdown", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
