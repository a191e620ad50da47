"""How often each interval holds the truth and each check fails, over many runs on simulated templates.

python benchmarks/leaklab/null.py [--runs 500] [--seed 0] [--markdown]

People, and images of each, are drawn from von Mises-Fisher distributions (A. T. A. Wood, Communications in Statistics:
Simulation and Computation 23 (1994), 157-164) that have the genuine and impostor means of a network. The first table
has no leaks; the second has copies of source photographs planted among the generated images. A check fails where the
low end of its interval lies over what chance gives: the source's own chance rate for leak_rate, 0 for excess_risk, the
FPR for the TPR and a half for the AUC. "limit = fpir" takes the fpir for which 2,000 strangers set the threshold as the
limit, so that the threshold's own error counts too; "high end" takes the upper end of the threshold's interval.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulated import (
    N_CALIBRATING,
    N_IMAGES_OF_SYNTHETIC,
    POPULATIONS,
    Draw,
    Gallery,
    Ints,
    Population,
    Setting,
    draw,
)
from tables import show

from faceleak_check.checks.statistics.excess import excess_risk
from faceleak_check.checks.statistics.impostors import probes
from faceleak_check.checks.statistics.rates import wilson_interval, wilson_interval_of_groups
from faceleak_check.checks.statistics.roc import membership
from faceleak_check.checks.statistics.thresholds import thresholds_at

FPIR, FPR = 0.01, 0.01


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one check said in one run.

    Attributes:
        truth: What its interval should hold; NaN where it is not known.
        value: Its estimate.
        low: Lower end of its interval at 95%.
        high: Upper end.
        limit: The check fails where low lies over it.
        seconds: How long it took.
    """

    truth: float
    value: float
    low: float
    high: float
    limit: float
    seconds: float = 0.0


def leak_rates(sets: Draw) -> list[Outcome]:
    """At thresholds of some strangers; the others tell this source's own chance rate, which is the truth."""
    best = sets.source.best(sets.strangers)
    found = sets.source.best(sets.generated)
    calibrating, measuring = best[:N_CALIBRATING], best[N_CALIBRATING:]
    (threshold,) = thresholds_at(probes(calibrating, [()] * N_CALIBRATING), [FPIR])

    def outcome(cosine: float, groups: Ints | None, *, step: int = 1, limit: float | None = None) -> Outcome:
        chance = float((measuring >= cosine).mean())
        truth = sets.planted + (1 - sets.planted) * chance
        return leak_rate(found[::step] >= cosine, groups, truth, chance if limit is None else limit)

    step = N_IMAGES_OF_SYNTHETIC
    return [
        outcome(threshold.cosine, sets.groups[::step], step=step),
        outcome(threshold.cosine, sets.groups),
        outcome(threshold.cosine, None),
        outcome(threshold.cosine, sets.groups, limit=FPIR),
        outcome(threshold.high, sets.groups, limit=FPIR),
    ]


def leak_rate(is_hit: npt.NDArray[np.bool_], groups: Ints | None, truth: float, limit: float) -> Outcome:
    begin = time.perf_counter()
    interval = (
        wilson_interval(int(is_hit.sum()), len(is_hit))
        if groups is None
        else wilson_interval_of_groups(is_hit, groups)
    )
    seconds = time.perf_counter() - begin
    value = float(is_hit.mean())
    return Outcome(
        truth=truth, value=value, low=interval.low, high=interval.high, limit=limit, seconds=seconds
    )


def excess(sets: Draw) -> list[Outcome]:
    """At a threshold of strangers against the control's size of gallery."""
    threshold = float(np.quantile(sets.control.best(sets.strangers[:N_CALIBRATING]), 1 - sets.fpir))
    parts = [sets.source.part(number, sets.n_parts) for number in range(sets.n_parts)]
    in_source = np.stack([part.hit(sets.generated, threshold) for part in parts], axis=1)
    in_control = sets.control.hit(sets.generated, threshold)[:, None]
    begin = time.perf_counter()
    found = excess_risk(in_source, in_control, sets.groups)
    seconds = time.perf_counter() - begin
    return [
        Outcome(
            truth=sets.planted, value=found.value, low=found.low, high=found.high, limit=0.0, seconds=seconds
        )
    ]


def inference(sets: Draw) -> list[Outcome]:
    """TPR, and AUC from the same call; without leaks they are the FPR and a half."""
    generated, source, control = sets.generated, sets.source, sets.control
    members, others = (
        Gallery(vectors=generated, people=sets.groups).best(side.vectors) for side in (source, control)
    )
    begin = time.perf_counter()
    found = membership(members, others, FPR, source.people, control.people)
    seconds = time.perf_counter() - begin
    tpr, auc = found.tpr_interval, found.auc_interval
    truths = (math.nan, math.nan) if sets.planted else (FPR, 0.5)
    return [
        Outcome(truth=truths[0], value=found.tpr, low=tpr.low, high=tpr.high, limit=FPR, seconds=seconds),
        Outcome(truth=truths[1], value=found.auc, low=auc.low, high=auc.high, limit=0.5, seconds=seconds),
    ]


Check = Callable[[Draw], list[Outcome]]

CHECKS: dict[Check, tuple[str, ...]] = {
    leak_rates: (
        "leak_rate, 1 image a person",
        "leak_rate, 5 images, by groups",
        "leak_rate, 5 images, plain Wilson",
        "leak_rate, limit = fpir",
        "leak_rate, limit = fpir, high end",
    ),
    excess: ("excess_risk",),
    inference: ("membership TPR at 1%", "membership AUC"),
}

NO_LEAKS = (Setting(name="as many"), Setting(name="a quarter", n_parts=4))
LEAKS = tuple(
    Setting(
        name=f"{planted:.1%}, {'a person each' if is_crowded else 'an image each'}",
        planted=planted,
        is_crowded=is_crowded,
        fpir=0.001,
    )
    for planted in (0.005, 0.02, 0.1)
    for is_crowded in (False, True)
)


def once(population: Population, setting: Setting, seed: tuple[int, ...]) -> list[Outcome]:
    """All checks on one draw."""
    sets = draw(population, setting, np.random.default_rng(seed))
    return [outcome for check in CHECKS for outcome in check(sets)]


def often(
    pool: Executor, population: Population, setting: Setting, runs: int, seed: int
) -> list[list[Outcome]]:
    """Outcomes of each check over all runs."""
    seeds = [(seed, run) for run in range(runs)]
    found = pool.map(partial(once, population, setting), seeds, chunksize=8)
    return [list(outcomes) for outcomes in zip(*found, strict=True)]


def row(of: tuple[str, ...], outcomes: Sequence[Outcome], *, is_null: bool) -> list[str]:
    """One check's line of a table."""
    covered = np.mean([one.low <= one.truth <= one.high for one in outcomes])
    failed = np.mean([one.low > one.limit for one in outcomes])
    value, width = np.mean([one.value for one in outcomes]), np.mean([one.high - one.low for one in outcomes])
    shown = [
        *of,
        "95%",
        "-" if math.isnan(outcomes[0].truth) else f"{covered:.1%}",
        f"{failed:.1%}",
        f"{value:.2%}",
        f"{width:.2%}",
        str(len(outcomes)),
        f"{sum(one.seconds for one in outcomes):.2f}",
    ]
    return shown if is_null else shown[:-1]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, default=500, help="runs without leaks; a quarter as many with (default: 500)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", action="store_true", help="print markdown")
    options = parser.parse_args(arguments)
    names = [name for of in CHECKS.values() for name in of]
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # a process a core
    begin = time.perf_counter()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        null = [
            row((name, population.name, setting.name), outcomes, is_null=True)
            for population in POPULATIONS
            for setting in NO_LEAKS
            for name, outcomes in zip(
                names, often(pool, population, setting, options.runs, options.seed), strict=True
            )
        ]
        planted = [
            row((name, setting.name), outcomes, is_null=False)
            for setting in LEAKS
            for name, outcomes in zip(
                names,
                often(pool, POPULATIONS[0], setting, math.ceil(options.runs / 4), options.seed),
                strict=True,
            )
        ]
    show(
        "No leaks: how often the interval holds the truth, and the check fails",
        ["check", "network", "control", "asked", "covered", "failed", "mean", "width", "runs", "seconds"],
        null,
        markdown=options.markdown,
    )
    show(
        "Copies planted: how often the interval holds the true rate, and the check fails as it should",
        ["check", "planted", "asked", "covered", "failed", "mean", "width", "runs"],
        planted,
        markdown=options.markdown,
    )
    print(f"\n{time.perf_counter() - begin:.0f} s in all, {os.cpu_count()} cores, seed {options.seed}")


if __name__ == "__main__":
    main()
