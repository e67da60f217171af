"""Whether the canary predicts other values than production, by more than a tolerance: a distance of distributions.

The total variation distance is the most by which the two versions' shares differ over all sets A of classes (or bins).
So if it is at most t, no set has a share above production's plus t. After each block the classes that the canary has
predicted more often so far are the set that is bet on in the next one: no block chooses what itself is judged by. S.
Shekhar and A. Ramdas, "Nonparametric two-sample testing by betting", IEEE Transactions on Information Theory 70(2), 2024.

Two ways, by how the answers came:

    users' requests   some went to the canary, others to production: each answer of the canary multiplies by 1 + s (x - a),
                      each of production by 1 - r (x - b), where x is 1 in A and else 0, a = b + t and n s = m r for n
                      answers of the canary and m of production. On average that is at most
                      exp(n s (P(A) - a) - m r (Q(A) - b)) = exp(n s (P(A) - Q(A) - t)) <= 1, since log(1 + u) <= u; b may be
                      any number that is chosen before. (R. Turner, A. Ly and P. Grünwald, "Generic E-variables for exact
                      sequential k-sample tests that allow for optional stopping", 2022, have the best b and s for one
                      alternative.)
    replayed ones     both versions got the same requests: paired differences, which `statistics.bets` is made for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from jenkins_ml.core.judging.rates import Wealth, log_sum
from jenkins_ml.core.judging.windows import Window, added

_STAKES: Final = (0.03, 0.1, 0.3, 0.8)  # parts of the most that can be staked without ever losing everything
_PLANNED: Final = (
    400  # pairs after which the split of the money on paired differences is best; a factor of 5 matters little
)

Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """What was predicted by both versions, and what bets on a shift have grown to.

    Args:
        canary, stable: predictions so far, by class.
        wealth: of bets on users' requests.
        gained, lost: of replayed pairs, in how many only the canary's, or only production's, prediction was in the set bet on.
        pairs: how many pairs were bet on.
        seen: how many pairs of recorded requests there were.
    """

    canary: Counts = ()
    stable: Counts = ()
    wealth: Wealth = tuple(-math.log(len(_STAKES)) for _ in _STAKES)
    gained: float = 0.0
    lost: float = 0.0
    pairs: int = 0
    seen: int = 0

    @property
    def known(self) -> bool:
        """Whether predictions of both versions were seen."""
        return any(self.canary) and any(self.stable)

    @property
    def distance(self) -> float:
        """Total variation distance of what was seen: 0 where all is alike, 1 where nothing is."""
        both = _padded(self.canary, self.stable)
        first, second = max(sum(self.canary), 1), max(sum(self.stable), 1)
        return sum(abs(one / first - other / second) for one, other in both) / 2

    def evidence(self, tolerance: float) -> float:
        """Logarithm of the e-value."""
        if not self.pairs:
            return log_sum(self.wealth)
        from jenkins_ml.core.statistics.bets import log_wealth, of_counts  # NumPy, only where it is needed

        more, _ = of_counts(math.floor(self.gained), math.ceil(self.lost))
        return float(log_wealth(more, self.pairs, tolerance, _PLANNED))

    def beside(self, canary: Window, stable: Window, tolerance: float) -> Shift:
        """After a block of users' requests."""
        chosen, count, other = self._chosen(), sum(canary.predictions), sum(stable.predictions)
        wealth = self.wealth
        if chosen and count and other:
            usual = _within(self.stable, chosen) / sum(self.stable)
            # Predictions of one request are alike: together they count as one answer.
            first, second = min(1.0, canary.requests / count), min(1.0, stable.requests / other)
            inside, outside = _within(canary.predictions, chosen), _within(stable.predictions, chosen)
            wealth = _staked(
                wealth,
                (inside * first, (count - inside) * first),
                (outside * second, (other - outside) * second),
                usual,
                tolerance,
            )
        return self._after(canary, stable, wealth=wealth)

    def replayed(self, canary: Window, stable: Window, flips: int, different: int | None) -> Shift:
        """After replayed pairs, `flips` of which got another prediction.

        Only the first `different` pairs of recorded requests are bet on: when the same ones come again they tell nothing new of
        what users will ask, and the set that is bet on was chosen by them. None: these are what users ask now.
        """
        chosen, count, other = self._chosen(), sum(canary.predictions), sum(stable.predictions)
        pairs = min(canary.requests, stable.requests)
        recorded = 0 if different is None else pairs
        if not (chosen and count and other) or (different is not None and self.seen + pairs > different):
            return self._after(canary, stable, seen=recorded)
        # What production did not answer is no shift.
        inside, outside = _within(canary.predictions, chosen), _within(stable.predictions, chosen)
        moved = (inside - outside - max(0, count - other)) * min(1.0, pairs / max(count, other))
        discordant = max(float(flips), abs(moved))  # with this sum the money grows least where all flips count wholly
        gained, lost = (discordant + moved) / 2, (discordant - moved) / 2
        return self._after(canary, stable, gained=gained, lost=lost, pairs=pairs, seen=recorded)

    def _chosen(self) -> frozenset[int]:
        """The classes that the canary has predicted more often than production."""
        first, second = sum(self.canary), sum(self.stable)
        if not first or not second:
            return frozenset()
        both = enumerate(_padded(self.canary, self.stable))
        return frozenset(cell for cell, (one, other) in both if one * second > other * first)

    def _after(
        self,
        canary: Window,
        stable: Window,
        *,
        wealth: Wealth | None = None,
        gained: float = 0.0,
        lost: float = 0.0,
        pairs: int = 0,
        seen: int = 0,
    ) -> Shift:
        return Shift(
            canary=added(self.canary, canary.predictions),
            stable=added(self.stable, stable.predictions),
            wealth=self.wealth if wealth is None else wealth,
            gained=self.gained + gained,
            lost=self.lost + lost,
            pairs=self.pairs + pairs,
            seen=self.seen + seen,
        )


def _staked(
    wealth: Wealth, canary: tuple[float, float], stable: tuple[float, float], usual: float, tolerance: float
) -> Wealth:
    """What the bets own after answers (in the set, outside it) of both versions; see the module."""
    allowed = usual + tolerance
    if allowed >= 1.0:
        return wealth
    ratio = sum(canary) / sum(stable)
    most = min(1 / allowed if allowed else math.inf, 1 / ((1 - usual) * ratio))
    after = []
    for own, part in zip(wealth, _STAKES, strict=True):
        stake, other = part * most, part * most * ratio
        gain = canary[0] * math.log1p(stake * (1 - allowed)) + canary[1] * math.log1p(-stake * allowed)
        after.append(own + gain + stable[0] * math.log1p(-other * (1 - usual)) + stable[1] * math.log1p(other * usual))
    return tuple(after)


def _padded(one: Counts, other: Counts) -> list[tuple[int, int]]:
    longest = max(len(one), len(other))
    return list(zip(one + (0,) * (longest - len(one)), other + (0,) * (longest - len(other)), strict=True))


def _within(counts: Counts, chosen: frozenset[int]) -> int:
    return sum(count for cell, count in enumerate(counts) if cell in chosen)
