"""How often repeated looks err: 30 nights, simulated with fixed seeds, the truth known by construction."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.sequential import CASES, decided
from jenkins_ml.core.statistics.sequential import share_of

CASE = {(case.metric, case.count): case for case in CASES if not case.warning}
AT_MOST = 0.05
SURE = 0.01  # of saying that an error rate is below AT_MOST although it is not

SOUND = {
    "accuracy, 200 a night": CASE["accuracy, 5 % discordant", 200],
    "accuracy, 1000 a night": CASE["accuracy, 5 % discordant", 1000],
    "accuracy, one discordant example a night": CASE["accuracy, 0.5 % discordant", 200],
    "accuracy, 20 a night": replace(CASE["accuracy, 5 % discordant", 200], count=20, margin=0.04),
    "clipped log loss, rare costly mistakes": replace(
        CASE["log loss clipped at 0.01, rare costly mistakes", 200], count=50
    ),
    "loss, heavy tails": replace(CASE["loss without a reach, heavy tails", 200], count=100),
    "loss, skewed, 50 a night": CASE["loss without a reach, skewed", 50],
    "f1": CASE["f1", 200],
    "roc_auc": replace(CASE["roc_auc", 200], count=60, margin=0.04),
}


def could_be(errors: int, replicates: int) -> float:
    """The chance of so few errors if the rate were AT_MOST: the exact binomial distribution."""
    return sum(math.comb(replicates, k) * AT_MOST**k * (1 - AT_MOST) ** (replicates - k) for k in range(errors + 1))


@pytest.mark.parametrize("case", SOUND.values(), ids=SOUND)
def test_at_the_margin_fewer_than_one_in_twenty_is_decided_wrongly_over_thirty_nights(case):
    replicates = 1000
    nights = case.draw(np.random.default_rng(7), replicates, case.count, case.margin)
    for upwards in (True, False):
        errors = int(decided(case, nights, upwards).any(axis=1).sum())
        assert could_be(errors, replicates) <= SURE


def test_ten_candidates_at_the_margin_share_one_error_rate():
    case, replicates = CASE["accuracy, 5 % discordant", 1000], 500
    generator = np.random.default_rng(3)
    shared, each_alone = np.zeros((2, replicates), bool)
    for position in range(1, 11):
        nights = case.draw(generator, replicates, case.count, case.margin)
        shared |= decided(case, nights, upwards=True, alpha=share_of(0.05, position)).any(axis=1)
        each_alone |= decided(case, nights, upwards=True).any(axis=1)
    assert could_be(int(shared.sum()), replicates) <= SURE
    assert each_alone.mean() > AT_MOST


def test_equal_models_are_approved_in_about_twice_the_examples_of_a_single_look():
    case = CASE["accuracy, 5 % discordant", 1000]
    nights = case.draw(np.random.default_rng(1), 500, case.count, 0.0)
    first = decided(case, nights, upwards=True).argmax(axis=1) + 1
    planned = 6.18 * 0.05 / case.margin**2 / case.count
    assert first.mean() <= 2 * planned
    assert np.quantile(first, 0.8) <= 2.5 * planned


def test_rare_costly_mistakes_deceive_the_t_test_but_not_bets():
    """Why a metric whose reach is known is judged by bets: what the t-test has not seen, it holds for impossible."""
    [deceived] = [case for case in CASES if case.warning and case.count == 200]
    rates = {}
    for case in (deceived, CASE["log loss clipped at 0.01, rare costly mistakes", 200]):
        nights = case.draw(np.random.default_rng(2), 100, case.count, case.margin)
        rates[case.method] = decided(case, nights, upwards=True).any(axis=1).mean()
    assert rates["t"] > 0.2
    assert rates["bets"] <= AT_MOST
