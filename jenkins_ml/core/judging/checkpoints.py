"""Whether the canary has more of the failures than chance would give it, counted at a few planned moments.

Bets hold at any look; for that they find less than a test that is asked seldom. Both are used: bets at every look with a
small part of alpha, and with most of it this count, whenever a step is about to be left.

Given all failures of both versions in a stratum (answers during which the shares of traffic stayed the same), the canary's
part of them is hypergeometric if both are alike, whatever the rate of errors is (R. Fisher, "The logic of inductive
inference", J. Royal Statistical Society 98, 1935). Shares and rates change from stratum to stratum; the sum of the canary's
failures has the convolution of these laws (C. Mehta, N. Patel and R. Gray, J. American Statistical Association 80, 1985),
and for odds that are higher by the same factor everywhere no other statistic finds more (D. Cox, "The Analysis of Binary
Data", 1970).

Alpha is spent bit by bit (K. Lan and D. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70, 1983).
At each checkpoint the law of the sum, of releases that were not sure before, is cut where what is beyond weighs no more than
what may be spent by then and is not spent yet. What was cut is the chance to be ever sure; so that is never more than what
may be spent in all. No normal law is presumed, and what the lattice of few failures leaves unspent the next checkpoint has.

Few failures make few sums, and a sum is cut as a whole. So among equal sums the canary that failed at later checkpoints
counts as the worse one. That tells nothing about which one is worse, but is known as exactly, and it uses up what would be
left of alpha, as drawing lots would (K. Tocher, Biometrika 37, 1950): the same release is always judged the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NONE: Final = 1e-18  # what is less likely is left out
_SPREAD: Final = 21.0  # more than log(1 / _NONE) / 2
_FINE: Final = 20_000  # cells; where there are more, there are sums enough, and ties are not broken


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoints:
    """The count so far.

    Args:
        law: P(the sum is `first` + row, what breaks ties is column; not sure before); None while nothing has failed.
        first: the sum that the first row stands for.
        hits: the sum that was seen.
        ties: what breaks ties, as it was seen.
        later: what a failure adds to that now: the number of checkpoints passed; None once ties are not broken.
        spent: the chance to have been sure by now.
        sure: whether it was, at one of the checkpoints.
        chance: P(so much or more) at the last checkpoint; None before the first.
        enough: from which chance on it would have been sure there.
    """

    law: NDArray[Any] | None = None
    first: int = 0
    hits: int = 0
    ties: int = 0
    later: int | None = 0
    spent: float = 0.0
    sure: bool = False
    chance: float | None = None
    enough: float = 0.0

    def beside(self, hits: int, answers: int, stable_hits: int, stable_answers: int) -> Checkpoints:
        """After a stratum of answers of both versions."""
        if self.sure or not hits + stable_hits:
            return self
        import numpy as np  # only where something failed

        low, chances = _hypergeometric(hits + stable_hits, answers, answers + stable_answers)
        law, later, ties = np.ones((1, 1)) if self.law is None else self.law, self.later, self.ties
        rows, columns = law.shape[0] + len(chances) - 1, law.shape[1] + (later or 0) * (len(chances) - 1)
        if rows * columns > _FINE:
            law, later, ties, columns = law.sum(axis=1, keepdims=True), None, 0, 1
        if columns == 1:
            grown = np.convolve(law[:, 0], chances)[:, None]
        else:
            grown = np.zeros((rows, columns))
            for more, chance in enumerate(chances.tolist()):
                right = (later or 0) * more
                grown[more : more + law.shape[0], right : right + law.shape[1]] += chance * law
        kept = np.flatnonzero(grown.sum(axis=1) > _NONE)
        return replace(
            self,
            law=grown[kept[0] : kept[-1] + 1],
            first=self.first + low + int(kept[0]),
            hits=self.hits + hits,
            ties=ties + (later or 0) * (hits - low),
            later=later,
        )

    def asked(self, spendable: float) -> Checkpoints:
        """After a checkpoint.

        Args:
            spendable: the chance to be sure at this checkpoint or at one before, as far as that is allowed.
        """
        left, later = spendable - self.spent, None if self.later is None else self.later + 1
        if self.sure:
            return self
        if self.law is None:
            return replace(self, later=later, chance=1.0, enough=left)
        import numpy as np

        cells = self.law.ravel()
        beyond = np.append(
            cells[::-1].cumsum()[::-1], 0.0
        )  # P(this cell or a later one), ordered by sum and then by ties
        seen = (self.hits - self.first) * self.law.shape[1] + self.ties
        chance = float(beyond[min(max(seen, 0), cells.size)])
        cut = int(np.argmax(beyond <= left)) if left > 0 else cells.size
        law = np.where(np.arange(cells.size) < cut, cells, 0.0).reshape(self.law.shape)
        return replace(
            self,
            law=law,
            later=later,
            spent=self.spent + float(beyond[cut]),
            sure=chance <= left,
            chance=chance,
            enough=left,
        )


def _hypergeometric(hits: int, answers: int, everybodys: int) -> tuple[int, NDArray[Any]]:
    """The least of the canary's part of all hits, and the chances of that and each more.

    With n trials P(further than t from the mean) <= 2 exp(-2 t^2 / n) (W. Hoeffding, 1963); what is beyond is left out.
    """
    import numpy as np

    trials, mean = min(hits, answers), hits * answers / everybodys
    away = sqrt(_SPREAD * trials) + 1
    low = max(0, hits + answers - everybodys, floor(mean - away))
    high = min(trials, ceil(mean + away))
    parts = np.arange(low, high, dtype=float)
    # P(x + 1) / P(x), so that no factorials are needed
    ratios = (hits - parts) * (answers - parts) / ((parts + 1) * (everybodys - hits - answers + parts + 1))
    logs = np.append(0.0, np.log(ratios).cumsum())
    chances = np.exp(logs - logs.max())
    return low, chances / chances.sum()
