"""How often repeated looks err: 30 nights, simulated with fixed seeds, the truth known by construction."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.sequential import CASES, decided

CASE = {(case.metric.partition(",")[0], case.method, case.count, case.margin): case for case in CASES}
AT_MOST = 0.05
SURE = 0.01  # of saying that an error rate is below AT_MOST although it is not

SOUND = {
    "accuracy, 200 a night": CASE["accuracy", "bets", 200, 0.01],
    "accuracy, 1000 a night": CASE["accuracy", "bets", 1000, 0.01],
    "accuracy, one discordant example a night": CASE["accuracy", "bets", 200, 0.005],
    "accuracy, 20 a night": replace(CASE["accuracy", "bets", 200, 0.01], count=20, margin=0.04),
    "clipped log loss, rare costly mistakes": replace(CASE["log loss clipped at 0.01", "bets", 200, 0.04], count=100),
    "log loss, heavy tails": replace(CASE["log loss", "t", 200, 0.03], count=100),
    "f1": CASE["f1", "t", 200, 0.03],
    "roc_auc": replace(CASE["roc_auc", "t", 200, 0.02], count=60, margin=0.04),
}


def could_be(errors: int, replicates: int) -> float:
    """The chance of so few errors if the rate were AT_MOST: the exact binomial distribution."""
    return sum(math.comb(replicates, k) * AT_MOST**k * (1 - AT_MOST) ** (replicates - k) for k in range(errors + 1))


@pytest.mark.parametrize("case", SOUND.values(), ids=SOUND)
def test_at_the_margin_fewer_than_one_in_twenty_is_decided_wrongly_over_thirty_nights(case):
    replicates = 500
    nights = case.draw(np.random.default_rng(7), replicates, case.count, case.margin)
    for upwards in (True, False):
        errors = int(decided(case, nights, upwards).any(axis=1).sum())
        assert could_be(errors, replicates) <= SURE


def test_equal_models_are_approved_in_about_twice_the_examples_of_a_single_look():
    case = CASE["accuracy", "bets", 1000, 0.01]
    nights = case.draw(np.random.default_rng(1), 500, case.count, 0.0)
    first = decided(case, nights, upwards=True).argmax(axis=1) + 1
    planned = 6.18 * 0.05 / case.margin**2 / case.count
    assert first.mean() <= 2 * planned
    assert np.quantile(first, 0.8) <= 2.5 * planned


def test_rare_costly_mistakes_deceive_the_t_test_but_not_bets():
    """Why a metric whose reach is known is judged by bets: what the t-test has not seen, it holds for impossible."""
    rates = {}
    for key in (("log loss", "t", 200, 0.04), ("log loss clipped at 0.01", "bets", 200, 0.04)):
        nights = CASE[key].draw(np.random.default_rng(2), 100, 200, 0.04)
        rates[key[1]] = decided(CASE[key], nights, upwards=True).any(axis=1).mean()
    assert rates["t"] > 0.2
    assert rates["bets"] <= AT_MOST
