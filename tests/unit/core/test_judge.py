import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jenkins_ml.core.judge import Evidence, Limits, Window, judge, tail

LIMITS = Limits(max_error_rate_increase=0.01, latency_limited=True, min_requests=100)
NOTHING = Window()


def evidence(live=NOTHING, live_stable=NOTHING, replayed=NOTHING, replayed_stable=NOTHING):
    return Evidence(live=live, live_stable=live_stable, replayed=replayed, replayed_stable=replayed_stable)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1))
def test_the_tail_is_scipys(n, k, p):
    expected = 0.0 if k > n else float(stats.binom.sf(k - 1, n, p))
    assert tail(n, k, p) == pytest.approx(expected, abs=1e-9)


def test_a_clean_canary_is_healthy():
    assert judge(evidence(Window(requests=200), Window(requests=200)), LIMITS, 4).verdict == "healthy"


def test_too_few_answers_are_silence_not_health():
    assert judge(evidence(Window(requests=99), Window(requests=5000)), LIMITS, 4).verdict == "silent"
    assert judge(evidence(), LIMITS, 4).verdict == "silent"


def test_live_failures_are_not_hidden_by_replayed_successes():
    seen = evidence(Window(requests=30, failed=8), Window(requests=30), Window(requests=5000), Window(requests=5000))
    assert judge(seen, LIMITS, 4).verdict == "failing"


def test_a_few_answers_that_all_fail_are_enough():
    assert judge(evidence(Window(requests=6, failed=6), Window(requests=100)), LIMITS, 4).verdict == "failing"


def test_one_failure_in_a_few_is_no_evidence():
    assert judge(evidence(Window(requests=100, failed=1), Window(requests=1000)), LIMITS, 4).verdict == "healthy"


def test_a_canary_is_not_blamed_for_failures_that_production_has_too():
    assert (
        judge(evidence(Window(requests=200, failed=40), Window(requests=200, failed=40)), LIMITS, 4).verdict
        == "healthy"
    )


def test_slow_answers_count_only_where_there_is_a_limit():
    slow = evidence(Window(requests=200, slow=30), Window(requests=200))
    assert judge(slow, LIMITS, 4).verdict == "failing"
    unlimited = Limits(max_error_rate_increase=0.01, latency_limited=False, min_requests=100)
    assert judge(slow, unlimited, 4).verdict == "healthy"


def test_a_first_release_has_no_production_to_hide_behind():
    assert judge(evidence(replayed=Window(requests=100, failed=20)), LIMITS, 1).verdict == "failing"


@given(st.integers(100, 2000), st.integers(0, 50), st.integers(0, 50))
def test_more_failures_never_make_a_canary_healthier(requests, failed, more):
    order = ["healthy", "failing"]
    stable = Window(requests=requests)
    first = judge(evidence(Window(requests=requests, failed=failed), stable), LIMITS, 3).verdict
    second = judge(evidence(Window(requests=requests, failed=failed + more), stable), LIMITS, 3).verdict
    assert order.index(second) >= order.index(first)


@pytest.mark.parametrize("n", [100, 1000])
def test_the_stated_error_rate_holds_at_the_limit(n):
    """The chance to reject a canary that fails exactly as much as allowed, summed over its exact distribution."""
    allowed = 1 / (n + 2) + LIMITS.max_error_rate_increase
    rejected = sum(
        float(stats.binom.pmf(failed, n, allowed))
        for failed in range(n + 1)
        if judge(evidence(Window(requests=n, failed=failed), Window(requests=n)), LIMITS, 4).verdict == "failing"
    )
    assert 0 < rejected <= LIMITS.alpha / 16
