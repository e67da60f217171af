"""What the configuration may ask of a model beside its metrics."""

from datetime import timedelta

import pytest

from jenkins_ml.config.loader import loads
from jenkins_ml.errors import ConfigurationError

HEAD = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\n'


def gate(text):
    return loads(f"{HEAD}gate: {{{text}}}\n").gate


def test_by_default_only_the_export_is_looked_at():
    serving = gate("").serving
    assert (serving.check, serving.tolerance, serving.relative) == ("export", 1e-4, 1e-3)
    assert (serving.tolerances, serving.timeout) == ({}, timedelta(minutes=5))
    assert (gate("").latency, gate("").max_size) == (None, None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("500 MB", 500_000_000),
        ("500MB", 500_000_000),
        ("1.5 GB", 1_500_000_000),
        ("2 GiB", 2 * 1024**3),
        ("3 kB", 3000),
        ("7 B", 7),
        ("0.1 kB", 100),
        ("1.1 GB", 1_100_000_000),
    ],
)
def test_sizes(text, size):
    assert gate(f"max_size: {text}").max_size == size


def test_limits_of_percentiles():
    assert gate("latency: {p99_ms: 50}").latency.asked == {99: 50.0}
    assert gate("latency: {p50_ms: 5, p95_ms: 5, p99_ms: 6}").latency.asked == {50: 5.0, 95: 5.0, 99: 6.0}
    assert gate("latency: {p95_ms: 5, requests: 19}").latency.requests == 19


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_size: 0", "gate.max_size: must be at least 1, not 0"),
        ("max_size: 0 MB", "gate.max_size: must be at least 1, not 0"),
        ("max_size: 0.1 B", "gate.max_size: must be at least 1, not 0"),
        ("max_size: 500 mb", "gate.max_size: write a size as a number and a unit: 500 MB, 1.5 GB or 200 MiB"),
        ("max_size: 1.5", "gate.max_size: a whole number is expected, not the number 1.5"),
        ("latency: {}", "gate.latency: give at least one of `p50_ms`, `p95_ms`, `p99_ms`"),
        ("latency: {p99_ms: 5, requests: 98}", "gate.latency: `p99_ms` takes at least 99 `requests`, not 98"),
        ("latency: {p50_ms: 5, p99_ms: 4}", "gate.latency: a higher percentile cannot have a lower limit"),
        ("latency: {p99_ms: 0}", "gate.latency.p99_ms: must be more than 0, not 0"),
        ("latency: {p90_ms: 1}", "unknown key 'p90_ms': did you mean 'p99_ms'?"),
        ("serving: {check: never}", "gate.serving.check: text 'never' is not known"),
        ("serving: {tolerance: -1}", "gate.serving.tolerance: must be at least 0, not -1"),
        ("serving: {tolerance: .nan}", "a finite number is expected"),
        ("serving: {relative: .inf}", "a finite number is expected"),
        ("serving: {tolerances: {y: -1}}", "gate.serving.tolerances.y: must be at least 0, not -1"),
        ("serving: {timeout: 0s}", "gate.serving.timeout: must be longer than nothing"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(ConfigurationError) as caught:
        gate(text)
    print(caught.value)
    assert message in str(caught.value)
