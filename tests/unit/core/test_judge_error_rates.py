"""How often the judge errs, in simulated releases whose truth is known; the full table is `python -m benchmarks judges`."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.judges_bound import most_power
from benchmarks.judges_peers import PEERS
from benchmarks.judges_releases import EQUAL, LIMITS, RISING, Case, courses, drawn, judged
from jenkins_ml.core.judge import Evidence, Seen, Window, judge

RELEASES = 300
TOO_MANY = 9 / RELEASES  # more than 9 of 300 have a chance of 0.001 where 1 in 100 is true


@pytest.mark.parametrize("shares", [RISING, EQUAL], ids=["rising", "equal"])
@pytest.mark.parametrize(("requests", "base"), [(20, 0.005), (200, 0.005), (20, 0.05), (200, 0.2)])
def test_good_canaries_are_rolled_back_in_one_of_a_hundred_releases_at_most(requests, base, shares):
    case = Case(requests=requests, errors=base, base=base, shares=shares)
    assert judged(case, RELEASES, 1).rolled_back <= TOO_MANY


def test_it_makes_no_difference_how_often_one_looks():
    assert judged(Case(requests=60, errors=0.05, base=0.05, looks=30), 60, 1).rolled_back <= 4 / 60


def test_replayed_requests_do_not_add_errors_of_the_judge():
    assert judged(Case(requests=20, errors=0.05, base=0.05, replayed=True), RELEASES, 1).rolled_back <= TOO_MANY


def test_production_that_gets_worse_meanwhile_does_not_condemn_the_canary():
    """From 0.1 % to 30 % errors of both, while the canary's share of traffic rises."""
    generator, rolled_back = np.random.default_rng(1), 0
    for _ in range(RELEASES):
        seen = Seen()
        for place, (share, errors) in enumerate(
            zip(RISING, np.geomspace(0.001, 0.3, len(RISING)).tolist(), strict=True)
        ):
            canary, stable = round(1000 * share), round(1000 * (1 - share))
            failed, failed_stable = generator.binomial([canary, stable], errors).tolist()
            look = Evidence(
                step=place,
                live=Window(requests=canary, failed=failed),
                live_stable=Window(requests=stable, failed=failed_stable),
                replayed=Window(),
                replayed_stable=Window(),
            )
            seen = seen.after(look, LIMITS, place + 1)
            if judge(seen, LIMITS).verdict == "roll_back":
                rolled_back += 1
                break
    assert rolled_back / RELEASES <= TOO_MANY


def test_predictions_at_the_tolerance_are_rolled_back_in_one_of_a_hundred_releases_at_most():
    generator, rolled_back = np.random.default_rng(1), 0
    limits = replace(LIMITS, max_prediction_shift=0.1)
    for _ in range(RELEASES):
        seen = Seen()
        for _ in range(10):
            one, other = (generator.multinomial(200, shares) for shares in ((0.6, 0.3, 0.1), (0.5, 0.35, 0.15)))
            live, live_stable = (Window(requests=200, predictions=tuple(each.tolist())) for each in (one, other))
            look = Evidence(step=0, live=live, live_stable=live_stable, replayed=Window(), replayed_stable=Window())
            seen = seen.after(look, limits)
            if judge(seen, limits).verdict == "roll_back":
                rolled_back += 1
                break
    assert rolled_back / RELEASES <= TOO_MANY


@pytest.mark.parametrize(
    ("requests", "errors", "shares", "least"),
    [
        (20, 0.05, RISING, 0.84),
        (20, 0.05, EQUAL, 0.58),
        (200, 0.02, RISING, 0.97),
        (200, 0.02, EQUAL, 0.94),
        (20, 1.0, EQUAL, 1.0),
    ],
)
def test_worse_canaries_are_found_with_the_default_limits(requests, errors, shares, least):
    assert judged(Case(requests=requests, errors=errors, shares=shares), RELEASES, 1).rolled_back >= least


def test_with_the_replays_equal_shares_are_enough():
    assert judged(Case(requests=20, errors=0.05, shares=EQUAL, replayed=True), 100, 1).rolled_back >= 0.95


def test_good_canaries_are_hardly_delayed():
    went = courses(400, 0.005, 100, 1, replayed=True)
    assert went.released >= 0.97
    assert went.intervals < 4.1


def test_no_test_finds_more_than_the_bound():
    """The best test at one rate of errors, against the binomial test where production's share is as good as known."""
    assert most_power(200, 200, 0.05, 0.005, 0.01) == pytest.approx(0.756, abs=0.002)
    case = Case(requests=20, errors=0.05, shares=EQUAL)
    assert judged(case, RELEASES, 1).rolled_back < most_power(200, 200, 0.05, 0.005, LIMITS.alpha)


@pytest.mark.parametrize(
    ("name", "requests", "errors", "expected"),
    [
        ("Argo Rollouts, failureLimit 0", 20, 0.005, 0.62),
        ("Argo Rollouts, failureLimit 3", 20, 0.02, 0.42),
        ("Flagger, threshold 5", 20, 0.05, 0.91),
        ("Kayenta, 10 points", 20, 0.05, 0.14),
        ("Kayenta, 10 points", 200, 0.02, 0.78),
    ],
)
def test_the_rules_of_others_err_as_known(name, requests, errors, expected):
    """Measured before with another program, 300 releases each."""
    sample = drawn(Case(requests=requests, errors=errors, shares=EQUAL), 400, np.random.default_rng(3))
    assert PEERS[name](*sample).mean() == pytest.approx(expected, abs=0.08)
