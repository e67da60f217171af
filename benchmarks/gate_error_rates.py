"""How often the gate is wrong, by simulation, beside the gates of TFX and MLflow, which compare two values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import gate_core, gate_point_gates, sequential
from benchmarks.figures import Result, Section, Table
from benchmarks.gate_populations import POPULATIONS, Population

MOST_FALSE = 5.5  # percent
MOST_BLOCKED = 10.0
MOST_FALSE_OVER_LOOKS = 5.0
PILOT = 200_000  # examples that tell how alike two models are
WORKERS = 2
_CHUNK = 100
_SEED = 20_260_101
_VERDICTS = tuple(gate_core.VERDICTS.values())


@dataclass(frozen=True)
class Rates:
    """Of one population.

    Args:
        population: where the examples came from.
        count: how many there were each time.
        at_margin, equal: how often each verdict fell on a candidate that is worse by the margin, and on one that is as
            good.
    """

    population: Population
    count: int
    at_margin: Counter[str]
    equal: Counter[str]


def measure(repeat: int) -> Section:
    """As many test sets as `repeat` for each rate."""
    with ProcessPoolExecutor(WORKERS) as pool:
        rates = [_rates(population, repeat, pool) for population in POPULATIONS]
        print("gate-errors: the gates that compare two values", flush=True)
        point_gates = gate_point_gates.tables(repeat, pool)
    print("gate-errors: repeated looks", flush=True)
    looks = sequential.simulate(repeat, _SEED)
    return Section(
        results=(
            *(result for each in rates for result in _results(each, repeat)),
            *(_result_of_looks(row, repeat) for row in looks),
        ),
        tables=(_table(rates, repeat), _table_of_looks(looks), *point_gates),
    )


def share(part: float, whole: int) -> str:
    """Percent, and the standard error of a simulation of that length."""
    rate = part / whole
    return f"{100 * rate:.2f} ± {100 * math.sqrt(rate * (1 - rate) / whole):.2f} %"


def simulated(population: Population, count: int, worse: float, repeat: int, pool: Executor) -> Counter[str]:
    """How often each verdict falls.

    Args:
        population: where the examples come from.
        count: examples of each test set.
        worse: how much worse the candidate is.
        repeat: how many test sets.
        pool: what works on them.
    """
    number = POPULATIONS.index(population)
    seeds = np.random.SeedSequence([_SEED, number, worse > 0]).spawn(math.ceil(repeat / _CHUNK))
    sizes = [min(_CHUNK, repeat - start) for start in range(0, repeat, _CHUNK)]
    parts: Iterable[Counter[str]] = pool.map(partial(some_verdicts, number, count, worse), seeds, sizes)
    return sum(parts, Counter())


def some_verdicts(number: int, count: int, worse: float, seed: np.random.SeedSequence, repeat: int) -> Counter[str]:
    """Part of `simulated`; the population goes by its number, as functions do not travel between processes."""
    population, generator = POPULATIONS[number], np.random.default_rng(seed)
    return Counter(gate_core.verdict(population, population.draw(generator, count, worse)) for _ in range(repeat))


def _rates(population: Population, repeat: int, pool: Executor) -> Rates:
    count = gate_core.planned(population, population.draw(np.random.default_rng(_SEED), PILOT, 0.0))
    print(f"gate-errors: {population.metric}, {repeat} test sets of {count} examples, twice", flush=True)
    at_margin, equal = (simulated(population, count, worse, repeat, pool) for worse in (population.margin, 0.0))
    return Rates(population, count, at_margin, equal)


def _results(rates: Rates, repeat: int) -> tuple[Result, Result]:
    metric, margin = rates.population.metric, rates.population.margin
    return (
        Result(
            name=f"{metric}: approved though worse by the margin",
            unit="%",
            ours=100 * rates.at_margin["approved"] / repeat,
            most=MOST_FALSE,
            note=f"margin {margin:g}, {rates.count} examples, as many as planned",
        ),
        Result(
            name=f"{metric}: not approved though as good",
            unit="%",
            ours=100 - 100 * rates.equal["approved"] / repeat,
            most=MOST_BLOCKED,
            note=f"{share(rates.equal['rejected'], repeat)} rejected, the others inconclusive",
        ),
    )


def _table(rates: list[Rates], repeat: int) -> Table:
    headings = [f"{what}: {verdict}" for what in ("worse by the margin", "as good") for verdict in _VERDICTS]
    return Table(
        title=f"Verdicts over {repeat} test sets each, with the standard error of the simulation",
        columns=("metric", "margin", "examples", *headings),
        rows=tuple(
            (
                each.population.metric,
                f"{each.population.margin:g}",
                str(each.count),
                *(share(found[verdict], repeat) for found in (each.at_margin, each.equal) for verdict in _VERDICTS),
            )
            for each in rates
        ),
    )


def _result_of_looks(row: dict[str, float | str], repeat: int) -> Result:
    false = float(row["false_approvals"])
    return Result(
        name=f"{row['metric']}, by {row['method']}, {row['count']} examples a night: approved at any of "
        f"{sequential.NIGHTS} nights though worse by the margin",
        unit="%",
        ours=100 * false,
        most=None if row["warning"] else MOST_FALSE_OVER_LOOKS,
        note=f"margin {row['margin']:g}; {share(false * repeat, repeat)}"
        + ("; the gate does not use it so: docs/repeated-looks.md warns of it" if row["warning"] else ""),
    )


def _table_of_looks(rows: list[dict[str, float | str]]) -> Table:
    def percent(value: float | str) -> str:
        return f"{100 * float(value):.1f} %"

    return Table(
        title=f"Looking every night, {sequential.NIGHTS} nights: how often that errs, and how soon it decides; beside it a "
        "test for one look that is asked every night",
        columns=(
            "metric",
            "method",
            "examples a night",
            "margin",
            "worse by the margin: approved",
            "rejected",
            "approved by the test for one look",
            "as good: approved",
            "nights until then, mean",
            "nights until 80 % are",
            "nights that a single look would need",
        ),
        rows=tuple(
            (
                str(row["metric"]),
                str(row["method"]),
                str(row["count"]),
                f"{row['margin']:g}",
                *(percent(row[name]) for name in ("false_approvals", "false_rejections", "one_look_test", "approved")),
                *(f"{row[name]:.1f}" for name in ("mean_nights", "nights_80", "planned_nights")),
            )
            for row in rows
        ),
    )
