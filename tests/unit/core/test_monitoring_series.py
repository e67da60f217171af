"""Both kinds of servers are counted by the same words; what they call a failure is what everybody here calls one."""

import pytest

from jenkins_ml import names
from jenkins_ml.core.monitoring.series import Series

OURS = Series("jenkins-ml", "digits", "production")
SERVING = Series("tensorflow-serving", "digits", "production")


def test_requests_are_what_was_answered_or_failed_by_the_servers_fault():
    answered = OURS.requests("5m")
    assert answered.startswith("sum by (model, environment, version) (increase(jenkins_ml_requests_total{")
    assert 'code=~"OK|UNKNOWN|' in answered
    assert "INVALID_ARGUMENT" not in answered


def test_of_tensorflow_serving_what_went_well_is_counted_by_the_interface():
    counted = SERVING.requests("5m")
    assert (
        ':tensorflow:serving:request_latency_count{model="digits",environment="production",model_name="digits"'
        in counted
    )
    assert 'API!=""' in counted
    assert 'status=~"UNKNOWN|' in counted
    assert "OK" not in counted


@pytest.mark.parametrize(
    ("limit", "ours", "serving"),
    [
        (1, 0.001, 1101.9960576),
        (200, 0.25, 218591.05840), (250, 0.25, 393463.9051), (250.0001, 0.5, 393463.9051), (30_000, 30.0, 43359586.58),
        (31_000, None, 43359586.58),
    ],
)  # fmt: skip
def test_a_limit_is_rounded_up_to_a_bound(limit, ours, serving):
    assert OURS.bound(limit) == ours
    assert SERVING.bound(limit) == pytest.approx(serving, rel=1e-6)


@pytest.mark.parametrize("bound", names.LATENCY_BOUNDS)
def test_a_bound_is_its_own_limit(bound):
    assert OURS.bound(bound * 1000) == bound


def test_without_a_bound_nothing_is_slow():
    assert OURS.slow("5m", 60_000) is None
    assert Series("tensorflow-serving", "m", "e").slow("5m", 1e9) is None


def test_bounds_are_found_however_they_are_written():
    assert r'le=~"1(\\.0)?"' in str(OURS.slow("5m", 1000))
    assert r'le=~"0\\.25"' in str(OURS.slow("5m", 200))
    assert r'le=~"218591(\\.0)?"' in str(SERVING.slow("5m", 200))
    assert r'le=~"1\\.27482e\\+06"' in str(SERVING.slow("5m", 1000))
