"""How often repeated looks err, and how soon they decide: simulated nights whose truth is known by construction.

Every night brings new examples of both versions. A candidate exactly at the margin should be approved at any of the
nights with probability at most 5 %, and be rejected with at most that; an equal one should be approved soon. Beside it
stands what a test for one look would do, if it were asked every night.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.statistics.bets import log_wealth, of_counts, of_moments
from jenkins_ml.core.statistics.intervals import examples_needed
from jenkins_ml.core.statistics.quantiles import normal_quantile
from jenkins_ml.core.statistics.sequential import planned_for, t_reach

ALPHA = 0.05
NIGHTS = 30
LOG_LOSS_REACH = -math.log(1e-7)  # of probabilities that are kept 1e-7 from 0 and 1
CLIPPED_REACH = -math.log(0.01)
_CHUNK = 3_000_000  # examples held at a time

Floats = NDArray[Any]


@dataclass(frozen=True)
class Nights:
    """What each night adds; every array of shape (replicates, nights). Differences are signed so that more is better."""

    difference: Floats
    sigma: Floats
    gained: Floats | None = None
    lost: Floats | None = None


@dataclass(frozen=True)
class Case:
    """One kind of metric and how it is drawn.

    Args:
        metric: what it stands for.
        method: "bets" or "t".
        count: examples a night.
        margin: how much worse is allowed.
        draw: (generator, replicates, examples a night, how much worse the truth is) -> the nights.
        reach: the most that an example adds, for bets.
        warning: whether it shows where the method fails, which is why the gate does not use it there.
    """

    metric: str
    method: str
    count: int
    margin: float
    draw: Callable[[np.random.Generator, int, int, float], Nights]
    reach: float = 1.0
    warning: bool = False


# --- metrics -----------------------------------------------------------------------------------------------------------
def accuracy(discordant: float) -> Callable[[np.random.Generator, int, int, float], Nights]:
    """Examples that only one of the two has right."""

    def draw(generator: np.random.Generator, replicates: int, count: int, worse: float) -> Nights:
        shares = [(discordant - worse) / 2, (discordant + worse) / 2, 1 - discordant]
        gained, lost, _ = np.moveaxis(generator.multinomial(count, shares, size=(replicates, NIGHTS)), -1, 0)
        difference = (gained - lost) / count
        sigma = np.sqrt(((gained + lost) / count - difference**2) * count / (count - 1))
        return Nights(difference, sigma, gained, lost)

    return draw


def mean(
    example: Callable[[np.random.Generator, tuple[int, ...]], Floats],
) -> Callable[[np.random.Generator, int, int, float], Nights]:
    """A mean of numbers whose own mean is 0, moved by the truth."""

    def draw(generator: np.random.Generator, replicates: int, count: int, worse: float) -> Nights:
        parts = []
        for size in _chunks(replicates, count):
            moved = example(generator, (size, NIGHTS, count)) - worse
            parts.append(Nights(moved.mean(axis=2), moved.std(axis=2, ddof=1)))
        return _joined(parts)

    return draw


def heavy(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student's t with 3 degrees of freedom: losses of two models whose confidence differs from row to row."""
    return 0.2 * generator.standard_t(3, shape)


def skewed(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Now and then much worse, else slightly better (lognormal, skewness -6)."""
    return 0.1 * (math.exp(0.5) - np.exp(generator.normal(size=shape)))


def brier(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Squares of errors that mostly are small; in two of ten examples the two models differ, and seldom by much."""
    errors = generator.beta(0.5, 3, (2, *shape))
    return 0.9 * np.where(generator.random(shape) < 0.2, np.square(errors[0]) - np.square(errors[1]), 0.0)


def costly(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """One example in 200 costs 4 nats more, all others slightly less."""
    return 0.02 + 0.1 * generator.uniform(-1, 1, shape) - 4 * (generator.random(shape) < 0.005)


def f1(generator: np.random.Generator, replicates: int, count: int, worse: float) -> Nights:
    """F1 of class 1; sigma by the delta method with the four added examples, to which the bootstrap's tends."""
    shares = _f1_shares(worse)
    cells = generator.multinomial(count, shares.ravel(), size=(replicates, NIGHTS)).reshape(replicates, NIGHTS, 2, 2, 2)
    value = [_f1(np.moveaxis(cells, (2, 3, 4), (0, 1 + version, 2 - version))) for version in (0, 1)]
    added = np.zeros((2, 2, 2))
    added[:, 0, 1] = added[:, 1, 0] = 1
    cells = cells + added
    moves = [_f1_moves(np.moveaxis(cells, (2, 3, 4), (0, 1 + version, 2 - version))) for version in (0, 1)]
    candidate, baseline = moves[0][:, :, None], moves[1][:, None, :]
    weight = np.moveaxis(cells, (2, 3, 4), (0, 1, 2)) / cells.sum(axis=(2, 3, 4))
    sigma = np.sqrt((weight * (candidate - baseline) ** 2).sum(axis=(0, 1, 2)))
    return Nights(value[0] - value[1], sigma)


def _f1_shares(worse: float) -> Floats:
    """Shares of (label, candidate, baseline) whose F1 differ by `worse`; 30 % are of class 1, 5 % discordant, by bisection."""
    low, high = 0.0, 0.05
    for _ in range(60):
        middle = (low + high) / 2
        missed, alarmed = 0.03 + middle, 0.02
        positive = 0.3 * np.array([[0.07, missed], [0.05 - middle, 0.85]])
        positive[1, 1] = 0.3 - positive.sum() + positive[1, 1]
        negative = 0.7 * np.array([[1 - 0.03 - 2 * alarmed, alarmed], [alarmed, 0.03]])
        # labels 0 and 1, then candidate, then baseline
        shares = np.stack([negative, positive])
        difference = _f1(shares) - _f1(np.swapaxes(shares, 1, 2))
        low, high = (low, middle) if difference < -worse else (middle, high)
    return shares


def _f1(cells: Floats) -> Any:
    """F1 of the version whose answers are on the second axis; labels are on the first."""
    by = cells.sum(axis=2)
    return 2 * by[1, 1] / (2 * by[1, 1] + by[0, 1] + by[1, 0])


def _f1_moves(cells: Floats) -> Floats:
    """How much one example of each (label, answer) moves it, times their number."""
    by = cells.sum(axis=2)
    whole = 2 * by[1, 1] + by[0, 1] + by[1, 0]
    value = 2 * by[1, 1] / whole
    moves = np.zeros_like(by, dtype=float)
    moves[1, 1] = 2 - 2 * value
    moves[0, 1] = moves[1, 0] = -value
    return moves * by.sum(axis=(0, 1)) / whole


def roc_auc(generator: np.random.Generator, replicates: int, count: int, worse: float) -> Nights:
    """Normal scores of areas 0.9 and 0.9 - worse, 30 % of class 1, by DeLong pair by pair."""
    positives = round(0.3 * count)
    shifts = [math.sqrt(2) * normal_quantile(area) for area in (0.9 - worse, 0.9)]
    parts = []
    for size in _chunks(replicates, positives * (count - positives)):
        shared, own = generator.normal(size=(2, size, NIGHTS, count)).astype(np.float32)
        moves = []
        for scores, shift in zip((0.9 * shared + math.sqrt(1 - 0.81) * own, shared), shifts, strict=True):
            above = scores[..., :positives, None] + np.float32(shift) > scores[..., None, positives:]
            moves.append((above.mean(axis=3), above.mean(axis=2)))
        of_positive, of_negative = (first - second for first, second in zip(*moves, strict=True))
        variance = of_positive.var(axis=2, ddof=1) / positives + of_negative.var(axis=2, ddof=1) / (count - positives)
        parts.append(Nights(of_positive.mean(axis=2), np.sqrt(variance * count)))
    return _joined(parts)


def _chunks(replicates: int, size: int) -> Iterator[int]:
    most = max(1, _CHUNK // (NIGHTS * size))
    while replicates:
        yield min(most, replicates)
        replicates -= min(most, replicates)


def _joined(parts: list[Nights]) -> Nights:
    return Nights(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("difference", "sigma")))


CASES = (
    Case("accuracy, 5 % discordant", "bets", 200, 0.01, accuracy(0.05)),
    Case("accuracy, 5 % discordant", "bets", 1000, 0.01, accuracy(0.05)),
    Case("accuracy, 0.5 % discordant", "bets", 200, 0.005, accuracy(0.005)),
    Case("accuracy, 0.5 % discordant", "bets", 1000, 0.004, accuracy(0.005)),
    Case("brier", "bets", 200, 0.005, mean(brier)),
    Case("log loss, rare costly mistakes", "bets", 200, 0.04, mean(costly), LOG_LOSS_REACH),
    Case("log loss clipped at 0.01, rare costly mistakes", "bets", 200, 0.04, mean(costly), CLIPPED_REACH),
    Case("log loss, rare costly mistakes", "t", 200, 0.04, mean(costly), warning=True),
    Case("log loss, rare costly mistakes", "t", 1000, 0.02, mean(costly), warning=True),
    Case("loss without a reach, heavy tails", "t", 200, 0.03, mean(heavy)),
    Case("loss without a reach, heavy tails", "t", 1000, 0.02, mean(heavy)),
    Case("loss without a reach, skewed", "t", 50, 0.06, mean(skewed)),
    Case("loss without a reach, skewed", "t", 200, 0.03, mean(skewed)),
    Case("loss without a reach, skewed", "t", 1000, 0.02, mean(skewed)),
    Case("f1", "t", 200, 0.03, f1),
    Case("f1", "t", 1000, 0.015, f1),
    Case("roc_auc", "t", 200, 0.02, roc_auc),
)


# --- judging -----------------------------------------------------------------------------------------------------------
def simulate(replicates: int, seed: int, cases: tuple[Case, ...] = CASES) -> list[dict[str, Any]]:
    """A row for each case.

    Args:
        replicates: how many candidates are followed through all nights, at the margin and equal ones.
        seed: of the random numbers.
        cases: what is simulated.

    Returns:
        Keys of each row:
        metric, method, warning, count, margin: of the `Case`.
        planned_nights: what a single look with 80 % power takes.
        false_approvals, false_rejections: shares of the candidates at the margin, at any of the nights.
        one_look_test: false approvals of a test for one look that is asked every night.
        approved: share of the equal candidates within the nights.
        mean_nights, nights_80: until an equal one is approved: the mean, and what 80 % need; one more than there are where
            it is not.
    """
    return [_row(case, replicates, np.random.default_rng([seed, index])) for index, case in enumerate(cases)]


def _row(case: Case, replicates: int, generator: np.random.Generator) -> dict[str, Any]:
    bad = case.draw(generator, replicates, case.count, case.margin)
    equal = case.draw(generator, replicates, case.count, 0.0)
    approved = decided(case, equal, upwards=True)
    first = np.where(approved.any(axis=1), approved.argmax(axis=1) + 1, NIGHTS + 1)
    sigma = float(np.sqrt(np.square(equal.sigma).mean()))
    planned = examples_needed(1, sigma, case.margin, 1 - ALPHA) or math.nan
    return {
        "metric": case.metric,
        "method": case.method,
        "warning": case.warning,
        "count": case.count,
        "margin": case.margin,
        "planned_nights": planned / case.count,
        "false_approvals": _share(decided(case, bad, upwards=True)),
        "false_rejections": _share(decided(case, bad, upwards=False)),
        "one_look_test": _share(_one_look(case, bad)),
        "approved": _share(approved),
        "mean_nights": float(first.mean()),
        "nights_80": float(np.quantile(first, 0.8, method="inverted_cdf")),
    }


def _share(night_by_night: NDArray[np.bool_]) -> float:
    return float(night_by_night.any(axis=1).mean())


def decided(case: Case, nights: Nights, upwards: bool, alpha: float = ALPHA) -> NDArray[np.bool_]:
    """Whether the margin is excluded from below (approval), or from above, after each night."""
    counts = (case.count * np.arange(1, NIGHTS + 1)).tolist()
    point, deviation = _pooled(case, nights)
    side = 1 if upwards else -1
    if case.method == "t":
        planned = planned_for(case.count, None)
        reach = np.array([t_reach(count, alpha, planned) for count in counts])
        return (side * (point + case.margin) >= reach * deviation) & (deviation > 0)
    if nights.gained is not None and nights.lost is not None:
        sums = of_counts(nights.gained.cumsum(axis=1), nights.lost.cumsum(axis=1))
        each = [(sums[0][:, night], sums[1][:, night]) for night in range(NIGHTS)]
    else:
        mean_, variance = point / case.reach, np.square(deviation / case.reach)
        each = [of_moments(count, mean_[:, night], variance[:, night]) for night, count in enumerate(counts)]
    tested, planned = -side * case.margin / case.reach, planned_for(case.count, case.reach)
    wealth = [
        log_wealth(both[0 if upwards else 1], count, tested, planned) for both, count in zip(each, counts, strict=True)
    ]
    return np.stack(wealth, axis=1) >= -math.log(alpha)


def _one_look(case: Case, nights: Nights) -> NDArray[np.bool_]:
    point, deviation = _pooled(case, nights)
    error = deviation / np.sqrt(case.count * np.arange(1, NIGHTS + 1))
    return point + case.margin >= normal_quantile(1 - ALPHA) * error


def _pooled(case: Case, nights: Nights) -> tuple[Floats, Floats]:
    """Mean and standard deviation (ddof 0) of all examples after each night."""
    looks = np.arange(1, NIGHTS + 1)
    point = nights.difference.cumsum(axis=1) / looks
    within = np.square(nights.sigma).cumsum(axis=1) / looks * (case.count - 1) / case.count
    between = np.square(nights.difference).cumsum(axis=1) / looks - np.square(point)
    return point, np.sqrt(within + np.maximum(between, 0))
