"""Answers of servers, counted by their own metrics."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.adapters.server_counters import Totals, own, samples, totals
from tests.fakes.model_server import Models

BINS = len(names.LATENCY_BOUNDS) + 1


def tensorflow(*answers):
    models = Models("", None, anything=True)
    for end, code, seconds in answers:
        models.find("m", 3)
        models.count("m", 3, end, code, seconds)
    return models.metrics()


def test_tensorflow_serving_counts_probes_too_and_we_do_not():
    text = tensorflow((":predict", "OK", 0.004), ("/metadata", "OK", 0.001), ("", "NOT_FOUND", 0.001))
    assert totals(samples(text), "tensorflow-serving", "m", 3, None).well == 1


def test_only_failures_of_the_server_count():
    text = tensorflow((":predict", "INTERNAL", 0.1), (":predict", "INVALID_ARGUMENT", 0.1))
    found = totals(samples(text), "tensorflow-serving", "m", 3, None)
    assert (found.well, found.failed) == (0, 1)


@pytest.mark.parametrize(("limit", "slow"), [(None, 0), (10.0, 2), (300.0, 1), (100_000_000.0, 0)])
def test_only_what_was_surely_too_slow_is_slow(limit, slow):
    # 0.2 s lies in the bucket (0.123 s, 0.223 s]: it is surely above 10 ms, and not surely above 200 ms.
    text = tensorflow((":predict", "OK", 0.001), (":predict", "OK", 0.2), (":predict", "OK", 2.0))
    assert totals(samples(text), "tensorflow-serving", "m", 3, limit).slow == slow


def test_other_models_do_not_count():
    text = tensorflow((":predict", "OK", 0.001))
    assert totals(samples(text), "tensorflow-serving", "other", 3, None) == Totals()


def test_our_server_tells_its_versions_apart():
    text = "\n".join(
        [
            "# HELP jenkins_ml_requests_total Predictions by status.",
            'jenkins_ml_requests_total{code="OK",model="m",version="3"} 7.0',
            'jenkins_ml_requests_total{code="INTERNAL",model="m",version="3"} 2.0',
            'jenkins_ml_requests_total{code="INVALID_ARGUMENT",model="m",version="3"} 5.0',
            'jenkins_ml_requests_total{code="OK",model="m",version="2"} 9.0',
            'jenkins_ml_nan_predictions_total{model="m",version="3"} 1.0',
            'jenkins_ml_request_duration_seconds_bucket{le="0.1",model="m",version="3"} 8.0',
            'jenkins_ml_request_duration_seconds_bucket{le="0.25",model="m",version="3"} 8.0',
            'jenkins_ml_request_duration_seconds_bucket{le="+Inf",model="m",version="3"} 9.0',
        ]
    )
    found = totals(samples(text), "jenkins-ml", "m", 3, 100.0)
    assert (found.well, found.failed, found.nan, found.slow) == (7, 2, 1, 1)
    assert sum(found.latencies) == 9
    assert found.latencies[bisect_left(names.LATENCY_BOUNDS, 0.1)] == 8


def test_a_page_that_is_none_counts_nothing():
    assert totals(samples("<html>not found</html>\n\x00"), "jenkins-ml", "m", 3, 5.0) == Totals()


@given(st.lists(st.floats(0, 60), max_size=20), st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), max_size=20))
def test_own_requests_are_taken_off_where_the_server_counted_them_or_above(users, own_requests):
    """The server takes no longer than the deployer who waits for it."""

    def counted(times):
        counts = [0] * BINS
        for seconds in times:
            counts[bisect_left(names.LATENCY_BOUNDS, seconds)] += 1
        return Totals(well=len(times), latencies=tuple(counts))

    both = counted(users) + counted([server for server, _ in own_requests])
    asked = sum((own(200, server + way, b"", None) for server, way in own_requests), Totals())
    left = both.without(asked)
    assert left.well == len(users)
    assert sum(left.latencies) == len(users)


def test_what_the_deployer_knows_of_its_own_requests():
    assert own(200, 0.3, b'{"predictions": [NaN]}', 100.0) == Totals(
        well=1, nan=1, slow=1, latencies=own(200, 0.3, b"", None).latencies
    )
    assert own(400, 0.3, b"", 100.0) == Totals()  # the server does not count it as an answer
    assert own(None, 0.3, b"", 100.0) == Totals()
    assert own(500, 0.01, b"", 100.0).failed == 1
