"""Whether something happens more often to the canary than to production, by bets: evidence that holds at any look.

The bet with the odds s multiplies what somebody owns by s for each hit of the canary, and divides it by what that grows
to on average if the canary is as good as production. If it is, nobody gains on average, however often and whenever one
looks, and whatever was done after earlier looks; so the chance of ever owning 1/alpha times the beginning is at most alpha
(J. Ville, "Étude critique de la notion de collectif", 1939). The money is split over a few odds at the beginning, since
the best ones are not known. What is owned is the e-value: G. Shafer, "Testing by betting", J. Royal Statistical Society A
184(2), 2021; A. Ramdas, P. Grünwald, V. Vovk and G. Shafer, "Game-theoretic statistics and safe anytime-valid inference",
Statistical Science 38(4), 2023.

How much is the average? Of N answers in a block n are the canary's, and m of the N are hits. If both versions are alike,
the canary's hits X are hypergeometric, whatever the rate of hits is, and whatever it was an hour ago: it need not be
known (R. Fisher, 1935). A hypergeometric number is a sum of at most k = min(m, n) independent ones (V. Vatutin and V.
Mikhailov, Theory of Probability and its Applications 27, 1982), so that with the mean m n / N

    E s^X <= (1 + p (s - 1))^k,    p = m n / (N k)

(W. Hoeffding, J. American Statistical Association 58, 1963). Of pairs, where the same request went to both, with k = m: a
request that fails in both multiplies by s / (1 + (s - 1) / 2)^2 <= 1, and one that fails in one of the two by 1 on average.
Where there is nothing to compare with, k are all answers, and p the share that is allowed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

# Odds, and the part of the money that each begins with. Most is on 7: a canary with ten times the errors is found with a
# few failures then, and one with four times as many hardly later than with 4. 1.1 and 1.3 find small rises where there are
# many answers, and there their small part of the money costs little; 50 finds canaries that do nothing but fail.
BETS: Final = ((1.1, 0.01), (1.3, 0.02), (2.5, 0.12), (7.0, 0.80), (50.0, 0.05))
_ODDS: Final = tuple((odds - 1, math.log(odds)) for odds, _ in BETS)

Wealth = tuple[float, ...]  # logarithms of what each bet owns
BEGINNING: Final[Wealth] = tuple(math.log(part) for _, part in BETS)


def staked(wealth: Wealth, hits: int, trials: int, chance: float) -> Wealth:
    """What the bets own after `hits` in `trials`, each of which is a hit with at most `chance` if there is nothing to find."""
    if chance <= 0.0:
        return tuple(math.inf for _ in wealth) if hits else wealth
    chance = min(chance, 1.0)
    return tuple(
        [own + hits * log - trials * math.log1p(chance * more) for own, (more, log) in zip(wealth, _ODDS, strict=True)]
    )


def log_sum(logs: Wealth) -> float:
    """Logarithm of the sum."""
    most = max(logs)
    return most + math.log(math.fsum([math.exp(log - most) for log in logs])) if math.isfinite(most) else most


def compared(answers: int, all_hits: int, all_answers: int, paired: bool) -> tuple[int, float]:
    """How many trials, with which chance, bound the canary's hits in a block (see above).

    Args:
        answers: the canary's, at least 1.
        all_hits: of both versions.
        all_answers: of both versions.
        paired: whether both versions got the same requests.
    """
    trials = all_hits if paired else min(all_hits, answers)
    return trials, (all_hits * answers / (all_answers * trials) if trials else 0.0)


def highest(hits: int, answers: int, delta: float) -> float:
    """The highest share that the record of a version does not speak against, at any length of the record.

    What a split over all shares gains against p is B(hits + 1, misses + 1) / (p^hits (1 - p)^misses), with the beta function
    B; with probability 1 - delta it stays below 1/delta for the true p. (H. Robbins, "Statistical methods related to the
    law of the iterated logarithm", Annals of Mathematical Statistics 41, 1970.) By bisection.
    """
    misses = answers - hits
    gained = math.lgamma(hits + 1) + math.lgamma(misses + 1) - math.lgamma(answers + 2) + math.log(delta)
    kept, rejected = hits / answers, 1.0
    while kept < (middle := (kept + rejected) / 2) < rejected and rejected - kept > 1e-9:
        against = hits * math.log(middle) if hits else 0.0
        if gained - against - misses * math.log1p(-middle) >= 0:
            rejected = middle
        else:
            kept = middle
    return rejected


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened to both versions, and what bets on the canary have grown to.

    Args:
        wealth: of the bets.
        hits, answers: of the canary.
        stable_hits, stable_answers: of production.
        more: hits of the canary beyond those of as many answers of production, summed block by block.
        weight: what to divide `more` by, to have a difference of shares: N. Mantel and W. Haenszel, J. National Cancer
            Institute 22, 1959, and for differences S. Greenland and J. Robins, Biometrics 41, 1985. Shares of traffic and
            rates of errors may change from block to block; sums over all answers would mix them up (Simpson's paradox).
        spread: variance of `more`, hits counted as rare ones (Poisson).
    """

    wealth: Wealth = BEGINNING
    hits: int = 0
    answers: int = 0
    stable_hits: int = 0
    stable_answers: int = 0
    more: float = 0.0
    weight: float = 0.0
    spread: float = 0.0

    @property
    def evidence(self) -> float:
        """Logarithm of the e-value."""
        return log_sum(self.wealth)

    @property
    def rise(self) -> float:
        """The canary's share minus production's."""
        return self.more / self.weight if self.weight else 0.0

    @property
    def rise_error(self) -> float:
        """Standard error of `rise`."""
        return math.sqrt(self.spread) / self.weight if self.weight else 0.0

    @property
    def share(self) -> float:
        """Of the canary's answers."""
        return self.hits / self.answers if self.answers else 0.0

    @property
    def stable_share(self) -> float:
        """Of production's answers; 0 where there are none."""
        return self.stable_hits / self.stable_answers if self.stable_answers else 0.0

    def beside(self, hits: int, answers: int, stable_hits: int, stable_answers: int, *, paired: bool) -> Rate:
        """After a block in which both versions answered."""
        both = answers + stable_answers
        trials, chance = compared(answers, hits + stable_hits, both, paired)
        part, rest = answers / both, stable_answers / both
        return Rate(
            wealth=staked(self.wealth, hits, trials, chance) if trials else self.wealth,
            hits=self.hits + hits,
            answers=self.answers + answers,
            stable_hits=self.stable_hits + stable_hits,
            stable_answers=self.stable_answers + stable_answers,
            more=self.more + hits * rest - stable_hits * part,
            weight=self.weight + answers * rest,
            spread=self.spread + hits * rest * rest + stable_hits * part * part,
        )

    def alone(self, hits: int, answers: int, usual: float, allowed: float) -> Rate:
        """After a block in which production did not answer.

        Args:
            hits: of the canary.
            answers: of the canary.
            usual: production's share, as far as it is known.
            allowed: the share that is allowed.
        """
        return Rate(
            wealth=staked(self.wealth, hits, answers, allowed),
            hits=self.hits + hits,
            answers=self.answers + answers,
            stable_hits=self.stable_hits,
            stable_answers=self.stable_answers,
            more=self.more + hits - answers * usual,
            weight=self.weight + answers,
            spread=self.spread + hits,
        )
