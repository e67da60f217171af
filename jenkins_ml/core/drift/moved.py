"""Whether values have moved away from a reference by more than a tolerance: evidence that holds at every look.

What is asked: is there a set A of cells into which a value falls with a probability of more than Q(A) + t, where Q is the
distribution of the reference and t the tolerance? The sets are fixed before anything is counted in them: of numbers all
below an edge and all above one, and NaN; of categories each one, the most frequent ones together, and what is left by
either. That a share t of the values moved, net, from below an edge to above it, or from one category to another, is what may
always happen.

How it is answered, for one set. Of m values X fell into A; of the n of the reference Y did. Somebody bets that P(A) is more
than p, and somebody that Q(A) is less than q, as in `statistics.bets`: each gains on average nothing if P(A) <= p and if
Q(A) >= q. For the true q = Q(A) and p = q + t neither gains, so that the product of what both own is an e-value; q is not
known, but the least product over all q is no more than that. So the chance that it ever reaches 1/alpha, at whatever number of
values, is at most alpha (J. Ville, 1939), for any n, and neither X nor Y is taken for normal. When m grows and n does not, the second
bet is what limits: a reference of n rows can only show moves of some 3 / sqrt(n) beyond the tolerance.

Each keeps a part of the money instead of staking it. Else the least product would lie where q is far below Y / n, or q + t far above
X / m: there one of the two has lost all that it had, which the other need not make up for.

The e-values of all sets are averaged, with weights: an average of e-values is one. (V. Vovk and R. Wang, "E-values: calibration,
combination and applications", Annals of Statistics 49(3), 2021.) So are those of the chapters of a version's life: a change
after a year must not be hidden by the year before, so a part of the money is put aside and staked on "from here on" again and
again (J. Shin, A. Ramdas and A. Rinaldo, "E-detectors", New England Journal of Statistics in Data Science 2(2), 2024).

It is believed that rows come independently of each other. A thousand copies of one row are a thousand rows here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Floats
from jenkins_ml.core.statistics.bets import STAKES
from jenkins_ml.core.statistics.sequential import share_of
from jenkins_ml.records import ColumnSummary

PLANNED: Final = 5000  # values after which the split of the money is best; a factor of 5 matters little
_REACHED: Final = 2.8  # standard errors from the truth that the best stake is made for, as in `statistics.bets`
_BREADTH: Final = 0.8  # e-folds around it that get most of the money
_MISSING: Final = 1 / 16  # of the money, on NaN: it is either there or not
_RARE: Final = 0.02  # a share that cannot be guessed
_KEPT: Final = 0.2  # of the money, that is not staked
_GRID: Final = 64  # values of q, twice: between those around the best one again
_BETWEEN: Final[Floats] = (
    1 - np.cos(np.linspace(0, np.pi, _GRID))
) / 2  # closer to both ends, where the product bends most
_STAKES: Final[Floats] = np.concatenate([[0.0], STAKES])
_WON: Final = np.log1p(_STAKES)
_LOST: Final = np.log1p(-_STAKES)
NOTHING: Final = -math.inf


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A column in one chapter.

    Args:
        chapter: its number, from 1: it has the part `share_of(1, chapter)` of the money.
        counts: values by cell from the beginning of the chapter until now.
    """

    chapter: int
    counts: tuple[int, ...]


def log_evidence(reference: ColumnSummary, chapters: Sequence[Counted], tolerance: float) -> float:
    """Logarithm of the e-value against "no set of cells has become more frequent by more than the tolerance".

    Args:
        reference: of the column.
        chapters: those that are looked at; a part of the money is lost with each that is left out.
        tolerance: t, in [0, 1).

    Returns:
        -inf where nothing speaks for a move.
    """
    sets, weights, likely = _sets(reference.kind, len(reference.counts))
    before = sets @ np.asarray(reference.counts, np.float64)
    n = float(sum(reference.counts))
    found = [NOTHING]
    for chapter in chapters:
        m = float(sum(chapter.counts))
        if not (m and n):
            continue
        logs = _of_sets(sets @ np.asarray(chapter.counts, np.float64), m, before, n, likely, tolerance)
        found += (logs + np.log(weights) + math.log(share_of(1.0, chapter.chapter))).tolist()
    return float(_log_sum(np.asarray(found)))


def _of_sets(now: Floats, m: float, before: Floats, n: float, likely: Floats, tolerance: float) -> Floats:
    """Logarithm of the e-value of each set: counts of shape (sets,), and what shares are likely, see `_sets`."""
    logs = np.full(len(now), NOTHING)
    moved = now / m - tolerance > before / n
    if not moved.any():
        return logs
    x, y = now[moved, None, None], before[moved, None, None]
    usual = (before[moved] + 0.5) / (n + 1)
    # What the first stakes may depend on the reference, which is there before it begins; what the second stakes may not.
    more = _split(PLANNED * usual * (1 - usual))[:, None, :]
    less = _split(n * likely[moved] * (1 - likely[moved]))[:, None, :]
    # With q what the first owns falls, and what the second owns rises. So below Y / n the product is at least what the first owns
    # there times what the second keeps, and above X / m - t the other way round; the least one of all is one of these, or between.
    low, high = before[moved] / n, now[moved] / m - tolerance
    least = np.full(len(low), np.inf)
    for _ in range(2):
        q = low[:, None] + (high - low)[:, None] * _BETWEEN
        first = _log_sum(x * _WON - m * np.log1p(_STAKES * (q + tolerance)[..., None]) + more)
        second = _log_sum(y * _LOST - n * np.log1p(-_STAKES * q[..., None]) + less)
        product = first + second
        if np.isinf(least).all():
            least = math.log(_KEPT) + np.minimum(first[:, 0], second[:, -1])
        best = product.argmin(axis=-1)
        row = np.arange(len(best))
        low, high = q[row, np.maximum(best - 1, 0)], q[row, np.minimum(best + 1, _GRID - 1)]
    logs[moved] = np.minimum(least, product.min(axis=-1))
    return logs


def _split(information: Floats) -> Floats:
    """Logarithms of how the money is divided over the stakes, of shape (sets, stakes).

    Args:
        information: number of values times their variance, for which it is best.
    """
    best = np.minimum(_REACHED / np.sqrt(np.maximum(information, 1.0)), 1.0)
    parts = 1 / (1 + np.square(np.log(STAKES / best[:, None]) / _BREADTH))
    parts *= (1 - _KEPT) / parts.sum(axis=1, keepdims=True)
    split: Floats = np.log(np.concatenate([np.full((len(parts), 1), _KEPT), parts], axis=1))
    return split


@functools.cache
def _sets(kind: str, cells: int) -> tuple[Floats, Floats, Floats]:
    """The sets that are bet on, whatever a column has counted.

    Returns:
        The sets as rows of 0 and 1, of shape (sets, cells); the part of the money on each; the share of values that is likely
        to be in it.
    """
    below = np.tril(np.ones((cells, cells)))
    single = np.eye(cells)
    if kind in ("number", "length"):
        edges = cells - 2
        halves = below[:edges]
        above = 1 - halves
        above[:, -1] = 0  # NaN is neither below nor above
        place = (np.arange(edges) + 1) / (edges + 1)
        weights = place * (1 - place)
        weights *= (1 - _MISSING) / 2 / weights.sum() if edges else 1.0
        sets = np.concatenate([halves, above, single[-1:]])
        rare = np.array([_RARE])
        parts = np.concatenate([weights, weights, [_MISSING if edges else 1.0]])
        return sets, parts, np.concatenate([place, 1 - place, rare])
    # Below the first category is that one alone, and below the last cell everything.
    several = below[1 : cells - 1] if kind == "text" else below[:0]
    sets = np.concatenate([single, 1 - single, several, 1 - several])
    likely = np.clip(sets.sum(axis=1) / cells, _RARE, 1 - _RARE)
    return sets, np.full(len(sets), 1 / len(sets)), likely


def _log_sum(logs: Floats) -> Floats:
    most = logs.max(axis=-1)
    safe = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore"):
        whole: Floats = safe + np.log(np.exp(logs - safe[..., None]).sum(axis=-1))
    return whole
