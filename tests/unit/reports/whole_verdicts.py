"""Verdicts that hold all that a verdict can tell besides its measurement."""

from __future__ import annotations

from faceleak_check.records import (
    Calibration,
    CanaryKind,
    ChanceMatches,
    Counts,
    EmbedderSpec,
    ErrorRate,
    Figure,
    Histogram,
    Hub,
    ImageRef,
    Interval,
    Measurement,
    NeighbourSearch,
    Outcome,
    Pair,
    Previous,
    RocCurve,
    Scan,
    SetSummary,
    Suspect,
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


def image(digit: str, name: str = "") -> ImageRef:
    return ImageRef(id=name or f"secret-{digit}.png", sha256=digit * 64, labels=("Secret Person",))


def summary(name: str, n: int, *, n_people: int | None = None) -> SetSummary:
    counts = Counts(n_seen=n, n_embedded=n, n_unreadable=0)
    return SetSummary(name=name, sha256=f"{n % 10}" * 64, counts=counts, n_people=n_people)


def calibration(*suspects: Suspect, extrapolated: bool = True) -> Calibration:
    return Calibration(
        asked="FMR 0.001%",
        cosine=0.94123456789012,
        low=0.93,
        high=0.9512345678901,
        confidence=0.95,
        extrapolated=extrapolated,
        origin="impostor pairs of 'training'",
        n_people=120,
        n_images=710,
        n_comparisons=250_000,
        suspects=suspects,
    )


SUSPECTS = (
    Suspect(one=image("5"), other=image("6"), similarity=0.99123456789012),
    Suspect(one=image("7", "secret \udcff.png"), other=image("8"), similarity=0.95),
)
HUBS = (
    Hub(
        source=image("2"),
        n_best=700,
        n_excused=3,
        evidence="unseen",
        level=0.9456789012345,
        n_unseen_best=41,
        n_unseen=500,
        reason="700 of 10,000 generated images match it best, and so do 41 of 500 images of unseen people",
    ),
    Hub(
        source=image("9"),
        n_best=40,
        n_excused=0,
        evidence="none",
        level=None,
        n_unseen_best=0,
        n_unseen=500,
        reason="40 of 10,000 generated images match it best, and no image of unseen people does: all count",
    ),
)
COPY = Pair(generated=image("1"), source=image("2"), similarity=0.97, kind="copy", bits=3)
PERSON = Pair(generated=image("3"), source=image("4"), similarity=0.96, kind="person", bits=29)
NOT_COMPARED = Pair(generated=image("3"), source=image("5"), similarity=0.95)
CANARIES = (
    CanaryKind(kind="mirrored", n=30, n_caught=30, lowest=0.9712345678901),
    CanaryKind(kind="shrunk", n=30, n_caught=28, lowest=0.41, missed=("secret-1.png", "secret \udcff.png")),
    CanaryKind(kind="cropped", n=1, n_caught=0, lowest=None, missed=("secret-2.png",)),
)


def calibrated() -> Verdict:
    """A leak rate at a threshold that was asked for as an FMR, with hubs, kinds of pairs and a regression gate."""
    measured = Measurement(
        value=0.0002,
        limit=0.0001,
        unit="share",
        n=10_000,
        rule="cosine >= 0.9412 (FMR 0.001%)",
        pairs=(COPY, PERSON, NOT_COMPARED),
        interval=Interval(low=0.00005, high=0.0007, confidence=0.95),
        figures=(
            Figure(name="r_control", value=0.00012345678901, low=0.0, high=0.0003, confidence=0.9),
            Figure(name="n_parts", value=4),
        ),
    )
    return Verdict(
        outcome=Outcome.LEAK,
        policy="release",
        check="leak_rate",
        case="leak_rate[generated-vs-training]",
        reasons=("2 of 10,000 generated images leak (0.02%); the policy allows at most 0.01%",),
        measurement=measured,
        sets={
            "generated": summary("generated", 10_000),
            "source": summary("training", 494, n_people=120),
            "calibration": summary("strangers", 300, n_people=30),
        },
        embedder=FIRST,
        thresholds={"adaface-ir101": calibration(*SUSPECTS)},
        error_rates=(
            ErrorRate(fmr=0.1, cosine=0.21, low=0.2, high=0.22, extrapolated=False),
            ErrorRate(fmr=1e-12, cosine=0.96, low=0.9512345678901, high=0.98, extrapolated=True),
        ),
        chance=ChanceMatches(
            expected=12.3456789012345,
            low=3.2,
            high=40.4,
            n_comparisons=4_940_000,
            rate=2.5e-12,
            unit="pairs",
            basis="FMR 0.001% of 4,940,000 comparisons",
        ),
        hubs=HUBS,
        histograms=(
            Histogram(
                name="best_match",
                counts=(1, 2, 3, 4),
                n=10,
                sampled=True,
                marks=((1, 0.97123456789012), (10, 0.5)),
                threshold=0.94123456789012,
            ),
            Histogram(name="all_pairs", counts=(0, 5), n=5),
        ),
        previous=Previous(value=0.00004567890123, evidence_sha256="e" * 64, generated_sha256="f" * 64),
        scan=Scan(
            precision="bf16",
            n_looked_at={"generated": 12, "source": 34},
            largest_angle=0.00012345678912,
            bound=0.00024691357824,
        ),
        search=NeighbourSearch(
            index="ivf",
            n_templates=123_456,
            n_lists=1405,
            n_probed=87,
            n_sampled=512,
            n_found=509,
            recall=0.98285123456789,
            confidence=0.95,
        ),
    )


def canary_recall() -> Verdict:
    """A gate that is not awake."""
    measured = Measurement(
        value=58 / 61,
        limit=0.99,
        unit="share",
        n=61,
        rule="cosine >= 0.9",
        pairs=(),
        leaks=False,
        finding="58 of 61 canaries are caught ({value})",
        at_least=True,
        missed=Outcome.INCONCLUSIVE,
    )
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        policy="release",
        check="canary_recall",
        case="canary_recall[training]",
        reasons=("58 of 61 canaries are caught (95.1%); the policy asks for at least 99%",),
        measurement=measured,
        sets={"source": summary("training", 494, n_people=120)},
        embedder=FIRST,
        canaries=CANARIES,
    )


def membership() -> Verdict:
    """An attack that does better than it may, by two embedders with a threshold each."""
    measured = Measurement(
        value=0.25,
        limit=0.01,
        unit="share",
        n=494,
        rule="highest cosine to a generated image",
        pairs=(),
        leaks=False,
        finding="{value} of source images are told from strangers",
        figures=(Figure(name="auc", value=0.71, low=0.68, high=0.74, confidence=0.95),),
    )
    return Verdict(
        outcome=Outcome.LEAK,
        policy="release",
        check="membership_inference",
        case="membership_inference[generated-vs-training]",
        reasons=("25% of source images are told from strangers; the policy allows at most 1%",),
        measurement=measured,
        sets={"control": summary("unseen", 300, n_people=1)},
        embedder=FIRST,
        agreement={"second": SECOND},
        thresholds={
            "first": calibration(extrapolated=False),
            "second": calibration(SUSPECTS[0]),
        },
        chance=ChanceMatches(
            expected=0.0004, low=0.0, high=0.002, n_comparisons=1, rate=1e-3, unit="images", basis="FPIR 0.1%"
        ),
        curve=RocCurve(fpr=(0.0, 1e-12, 1.0), tpr=(0.0, 0.25, 1.0)),
    )


def coverage() -> Verdict:
    """Of a dataset alone."""
    measured = Measurement(
        value=3,
        limit=100,
        unit="images",
        n=3,
        rule="images embedded",
        pairs=(),
        leaks=False,
        at_least=True,
        missed=Outcome.INCONCLUSIVE,
        finding="{value} images are embedded",
    )
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        policy="release",
        check="coverage",
        case="coverage[generated]",
        reasons=("3 images are embedded; the policy asks for at least 100",),
        measurement=measured,
        sets={"dataset": summary("generated", 3)},
    )


def nothing() -> Verdict:
    """Where nothing could be measured."""
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        policy="release",
        check="near_copy",
        case="near_copy[generated-vs-training]",
        reasons=("dataset 'training' was not found",),
    )


EVERY = {make.__name__: make() for make in (calibrated, canary_recall, membership, coverage, nothing)}
