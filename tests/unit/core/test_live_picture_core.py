"""The live picture: what is not known is never 0."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.core import live_picture as live
from jenkins_ml.core.judging.windows import Window

COUNTS = st.lists(st.integers(0, 1000), min_size=len(names.LATENCY_BOUNDS) + 1, max_size=len(names.LATENCY_BOUNDS) + 1)


@given(COUNTS, st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_quantile_lies_within_its_bucket_and_rises_with_the_share(counts, one, other):
    low, high = sorted((one, other))
    found = live.quantile(counts, low)
    if not sum(counts):
        assert found is None
        return
    rank = low * sum(counts)
    place = next(index for index in range(len(counts)) if sum(counts[: index + 1]) >= rank * (1 - 1e-12))
    lower = 0.0 if place == 0 else names.LATENCY_BOUNDS[place - 1]
    upper = names.LATENCY_BOUNDS[min(place, len(names.LATENCY_BOUNDS) - 1)]
    assert lower <= found <= upper
    assert found <= live.quantile(counts, high) * (1 + 1e-12)


def test_quantiles_as_prometheus_has_them():
    bins = len(names.LATENCY_BOUNDS) + 1
    assert live.quantile([0, 0, 10, *[0] * (bins - 3)], 0.5) == pytest.approx(0.00375)
    assert live.quantile([0] * (bins - 1) + [3], 0.5) == 30.0  # nobody knows how long those took
    assert live.quantile([], 0.5) is None


def sample(name, value, **labels):
    return {"__name__": name, "model": "digits", "environment": "production", **labels}, value


def test_nothing_known_is_nothing_said():
    assert live.of_prometheus([]) == live.Live(source="prometheus", alerts=())
    assert live.of_counters({}) == live.Live(source="servers")
    [version] = live.of_counters({3: (Window(requests=5), None)}).versions
    assert version == live.Version(version=3)


def test_versions_without_requests_have_no_share_of_errors():
    rate = "jenkins_ml_version:requests:rate"
    failures, p99 = "jenkins_ml_version:failures:rate", "jenkins_ml_version:latency_seconds:p99"
    found = live.of_prometheus(
        [
            sample(rate, 0.0, version="3"),
            sample(failures, 0.0, version="3"),
            sample(p99, math.nan, version="3"),
            sample(rate, 8.0, version="4"),
            sample(failures, 1.0, version="4"),
            sample("jenkins_ml_version:nan:rate", 1.0, version="4"),
            sample(rate, 8.0, version="5"),
            sample(rate, 8.0, version="latest"),
            sample(rate, 8.0),
        ]
    )
    assert found.versions == (
        live.Version(version=3, requests_per_second=0.0),
        live.Version(version=4, requests_per_second=8.0, error_share=0.25),
        live.Version(version=5, requests_per_second=8.0),
    )


def test_alerts_that_only_wait_do_not_fire():
    alert = {"alertname": "JenkinsMLNoData", "severity": "ticket"}
    found = live.of_prometheus(
        [
            sample("ALERTS", 1.0, alertstate="firing", **alert),
            sample("ALERTS", 1.0, alertstate="firing", slo="latency", **alert),
            sample("ALERTS", 1.0, alertstate="pending", alertname="JenkinsMLServerDown", severity="page"),
            sample("ALERTS", 1.0, alertstate="firing", **alert, version="3"),
        ]
    )
    none = live.Alert(name="JenkinsMLNoData", severity="ticket")
    three = live.Alert(name="JenkinsMLNoData", severity="ticket", version=3)
    assert found.alerts == (none, three)


def test_counters_become_rates_and_shares():
    bins = [0] * (len(names.LATENCY_BOUNDS) + 1)
    bins[0] = 30
    stable = Window(requests=30, failed=2, nan=1, latencies=tuple(bins))
    found = live.of_counters({4: (stable, 2.0), 5: (Window(requests=10, failed=10), 2.0), 3: (Window(), 2.0)})
    assert [each.version for each in found.versions] == [3, 4, 5]
    idle, stable, canary = found.versions
    assert idle == live.Version(version=3, traffic=0.0, requests_per_second=0.0)
    assert (stable.traffic, stable.requests_per_second, stable.error_share) == (0.75, 15.0, 0.1)
    assert stable.p50_seconds == pytest.approx(0.0005)
    assert (canary.error_share, canary.p99_seconds) == (1.0, None)
    assert found.alerts is None
