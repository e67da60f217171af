"""What must hold of the judge of canaries whatever was seen, and what its formulas are held against."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats

from jenkins_ml.core.judge import Evidence, Limits, Seen, Window
from jenkins_ml.core.judge import judge as judge_seen
from jenkins_ml.core.judging.checkpoints import Checkpoints, _hypergeometric
from jenkins_ml.core.judging.rates import BEGINNING, BETS, Rate, compared, highest, log_sum, staked
from jenkins_ml.core.judging.shifts import _staked

LIMITS = Limits(max_error_rate_increase=0.01, latency_limited=False, min_requests=100)
RANK = {"promote": 0, "wait": 1, "roll_back": 2}
NOTHING = Window()
SHARES = st.integers(0, 10_000).map(lambda x: x / 10_000)


def judge(looks, limits):
    seen = Seen()
    for look in looks:
        seen = seen.after(look, limits)
    return judge_seen(seen, limits)


@st.composite
def windows(draw, least=0, most=300):
    requests = draw(st.integers(least, most))
    failed = draw(st.integers(0, requests))
    return Window(requests=requests, failed=failed, nan=draw(st.integers(0, requests - failed)))


@st.composite
def looks(draw, least=0):
    """Looks of a release whose steps do not fall; replayed requests went to both versions."""
    seen, step = [], 0
    for _ in range(draw(st.integers(1, 6))):
        step += draw(st.integers(0, 1))
        pairs = draw(windows(most=100))
        replayed_stable = replace(draw(windows(least=pairs.requests, most=pairs.requests)))
        live, live_stable = draw(windows(least=least)), draw(windows(least=least))
        seen.append(
            Evidence(step=step, live=live, live_stable=live_stable, replayed=pairs, replayed_stable=replayed_stable)
        )
    return seen


# --- laws ----------------------------------------------------------------------------------------------------------------
@given(looks(), st.data())
def test_more_failures_never_make_the_verdict_better(seen, data):
    place = data.draw(st.integers(0, len(seen) - 1))
    kind = data.draw(st.sampled_from(["live", "replayed"]))
    window = getattr(seen[place], kind)
    good = window.requests - window.failed - window.nan
    worse = replace(window, failed=window.failed + data.draw(st.integers(0, good)))
    changed = [*seen[:place], replace(seen[place], **{kind: worse}), *seen[place + 1 :]]
    assert RANK[judge(changed, LIMITS).verdict] >= RANK[judge(seen, LIMITS).verdict]


@given(st.lists(windows(), min_size=1, max_size=6))
def test_a_canary_without_answers_is_waited_for(stable):
    seen = [
        Evidence(step=0, live=NOTHING, live_stable=each, replayed=NOTHING, replayed_stable=NOTHING) for each in stable
    ]
    assert judge(seen, LIMITS).verdict == "wait"


@given(looks())
def test_a_step_without_answers_is_not_left(seen):
    empty = Evidence(
        step=seen[-1].step + 1, live=NOTHING, live_stable=NOTHING, replayed=NOTHING, replayed_stable=NOTHING
    )
    assert judge([*seen, empty], LIMITS).verdict != "promote"


@given(st.lists(windows(), min_size=1, max_size=8), st.booleans())
def test_a_canary_that_answers_just_like_production_is_never_suspicious(stable, again):
    seen = [
        Evidence(step=0, live=NOTHING, live_stable=NOTHING, replayed=each, replayed_stable=each)
        if again
        else Evidence(step=0, live=each, live_stable=each, replayed=NOTHING, replayed_stable=NOTHING)
        for each in stable
    ]
    assert all(question.verdict == "fine" for question in judge(seen, LIMITS).evidence)


@given(looks(least=10), st.randoms(use_true_random=False))
def test_the_order_of_looks_does_not_matter_for_errors(seen, random):
    mixed = list(seen)
    random.shuffle(mixed)
    first, second = (
        [question.evidence for question in judge(order, LIMITS).evidence if question.name.endswith("errors")]
        for order in (seen, mixed)
    )
    assert first == pytest.approx(second, rel=1e-6)


@given(windows(least=10), windows(least=10), st.integers(2, 100))
def test_more_of_the_same_is_no_less_sure(canary, stable, times):
    def seen(factor):
        one, other = (Window(requests=factor * each.requests, failed=factor * each.failed) for each in (canary, stable))
        return Evidence(step=0, live=one, live_stable=other, replayed=NOTHING, replayed_stable=NOTHING)

    rise = canary.failed / canary.requests - stable.failed / stable.requests
    assume(rise > LIMITS.rise_allowed(stable.failed / stable.requests))
    if judge([seen(1)], LIMITS).verdict == "roll_back":
        assert judge([seen(times)], LIMITS).verdict == "roll_back"


# --- formulas ------------------------------------------------------------------------------------------------------------
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_no_bet_gains_on_average_where_both_versions_are_alike(canary, stable, data):
    """Against SciPy's hypergeometric distribution, exactly."""
    hits = data.draw(st.integers(1, canary + stable))
    trials, chance = compared(canary, hits, canary + stable, paired=False)
    x = np.arange(max(0, hits - stable), min(hits, canary) + 1)
    chances = stats.hypergeom.pmf(x, canary + stable, hits, canary)
    after = np.array([staked(BEGINNING, int(each), trials, chance) for each in x])
    gained = (chances[:, None] * np.exp(after)).sum(axis=0)
    assert (gained <= np.exp(BEGINNING) * (1 + 1e-9)).all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_no_bet_gains_on_average_on_pairs_whatever_they_have_in_common(both, one, split):
    """Chances that both fail, and that either version alone does."""
    both, alone = both, (1 - both) * one
    chances = {(1, 1): both, (1, 0): alone / 2, (0, 1): alone / 2, (0, 0): 1 - both - alone}
    for place, (odds, _) in enumerate(BETS):
        gained = 0.0
        for (canary, stable), chance in chances.items():
            trials, probability = compared(1, canary + stable, 2, paired=True)
            after = staked(BEGINNING, canary, trials, probability) if trials else BEGINNING
            gained += chance * math.exp(after[place] - BEGINNING[place])
        assert gained <= 1 + 1e-9, odds


@given(st.integers(1, 200), st.floats(0.001, 0.9))
def test_a_bet_against_a_fixed_share_is_fair(answers, allowed):
    """Against SciPy's binomial distribution, exactly."""
    hits = np.arange(answers + 1)
    wealth = np.array([log_sum(Rate().alone(int(each), answers, 0.0, allowed).wealth) for each in hits])
    logs = stats.binom.logpmf(hits, answers, allowed) + wealth
    assert special.logsumexp(logs) == pytest.approx(0.0, abs=1e-7)


@given(st.integers(1, 100_000), st.floats(0, 1), st.sampled_from([1e-4, 4e-4, 0.05]))
def test_the_highest_share_is_where_the_mixture_has_gained_enough(answers, part, delta):
    hits = int(answers * part)
    share = highest(hits, answers, delta)
    gained = special.betaln(hits + 1, answers - hits + 1) - stats.binom.logpmf(hits, answers, share)
    gained += special.gammaln(answers + 1) - special.gammaln(hits + 1) - special.gammaln(answers - hits + 1)
    assert hits / answers <= share <= 1
    if share < 1 - 1e-6:
        assert gained == pytest.approx(-math.log(delta), abs=1e-2)


@given(st.integers(1, 12), st.integers(1, 12), SHARES.map(lambda x: 0.9 * x), SHARES.map(lambda x: x / 2), SHARES)
def test_bets_on_a_shift_do_not_gain_where_it_is_the_tolerance(canary, stable, share, tolerance, usual):
    """By summing over all outcomes; `usual` is what production's share was taken for, right or wrong."""
    inside = min(share + tolerance, 1.0)
    gained = np.zeros(4)
    for one, chance in enumerate(stats.binom.pmf(np.arange(canary + 1), canary, inside)):
        for other, likely in enumerate(stats.binom.pmf(np.arange(stable + 1), stable, share)):
            after = _staked((0.0,) * 4, (one, canary - one), (other, stable - other), usual, tolerance)
            gained += chance * likely * np.exp(after)
    assert (gained <= 1 + 1e-9).all()


@given(windows(least=1), windows(least=1))
def test_the_rise_of_one_block_is_the_difference_of_shares(canary, stable):
    rate = Rate().beside(canary.bad, canary.requests, stable.bad, stable.requests, paired=False)
    assert rate.rise == pytest.approx(canary.bad / canary.requests - stable.bad / stable.requests, abs=1e-12)


# --- checkpoints ---------------------------------------------------------------------------------------------------------
@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_the_canarys_part_of_all_failures_is_hypergeometric(canary, stable, data):
    """Against SciPy's, also where most of its range is left out."""
    hits = data.draw(st.integers(1, canary + stable))
    low, chances = _hypergeometric(hits, canary, canary + stable)
    expected = stats.hypergeom.pmf(low + np.arange(len(chances)), canary + stable, hits, canary)
    assert chances == pytest.approx(expected, abs=1e-9)
    assert expected.sum() == pytest.approx(1, abs=1e-9)


@st.composite
def strata(draw):
    """Answers of the canary and of production, and how many failed of both together."""
    canary, stable = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return canary, stable, draw(st.integers(0, min(canary + stable, 6)))


@given(st.lists(strata(), min_size=1, max_size=4), st.floats(0.001, 0.3), st.sampled_from([1, 4]))
def test_a_good_canary_is_sure_at_a_checkpoint_as_often_as_is_said_and_allowed(planned, alpha, power):
    """By summing over all ways in which the failures can be divided, checkpoints after each stratum."""
    reached = [(1.0, Checkpoints())]
    for place, (canary, stable, failed) in enumerate(planned):
        spendable = alpha * ((place + 1) / len(planned)) ** power
        divided = range(max(0, failed - stable), min(failed, canary) + 1)
        chances = stats.hypergeom.pmf(list(divided), canary + stable, failed, canary)
        reached = [
            (before * chance, count.beside(hits, canary, failed - hits, stable).asked(spendable))
            for before, count in reached
            for hits, chance in zip(divided, chances.tolist(), strict=True)
        ]
        sure = sum(chance for chance, count in reached if count.sure)
        spent = {round(count.spent, 9) for _, count in reached if not count.sure}
        assert sure <= spendable + 1e-9
        assert all(sure == pytest.approx(each, abs=1e-8) for each in spent)


@given(st.lists(strata(), min_size=1, max_size=4))
def test_the_sum_has_the_law_of_what_is_divided_by_chance(planned):
    """Against the convolution of SciPy's, up to the last checkpoint but without one that could have been sure."""
    count, expected = Checkpoints(), np.ones(1)
    for canary, stable, failed in planned:
        hits = max(0, failed - stable)
        count = count.beside(hits, canary, failed - hits, stable).asked(0.0)
        expected = np.convolve(expected, stats.hypergeom.pmf(np.arange(failed + 1), canary + stable, failed, canary))
    rows = np.zeros(len(expected))
    if count.law is not None:
        rows[count.first : count.first + len(count.law)] = count.law.sum(axis=1)
        assert rows == pytest.approx(expected, abs=1e-12)


def test_where_there_are_many_failures_the_sums_alone_are_enough():
    count = Checkpoints()
    for _ in range(4):
        count = count.beside(300, 2000, 300, 2000).asked(0.001)
    assert count.later is None
    assert count.law.shape[1] == 1
    assert count.law.sum() == pytest.approx(1 - count.spent)
    assert count.chance == pytest.approx(stats.norm.sf(-0.5 / np.sqrt(4 * 600 / 4 * 3400 / 4000)), abs=2e-3)
