"""What a look comes to: which columns are compared, how the false alarms are shared, what Prometheus gets."""

import math
from dataclasses import replace

import pytest

from jenkins_ml import names
from jenkins_ml.core.drift.findings import Chapter, Findings, compared, samples
from jenkins_ml.records import ColumnSummary, Summary


def column(name, counts, edges=(1.0, 2.0, 3.0)):
    return ColumnSummary(name=name, kind="number", edges=edges, counts=(*counts, 0))


def summary(*columns, of="requests"):
    return Summary(of=of, rows=sum(columns[0].counts), inputs=columns)


EVEN = (2500, 2500, 2500, 2500)
REFERENCE = summary(column("a", EVEN), column("b", EVEN), of="evaluation")
MOVED = (500, 500, 500, 1500)
LEVELS = {"false_alarm_rate": 0.01, "tolerance": 0.02}


def found(now, reference=REFERENCE, **levels):
    return compared(reference, [Chapter(number=1, summary=now)], now, "training", **{**LEVELS, **levels})


def test_the_column_that_moved_is_named():
    first, second = found(summary(column("a", MOVED), column("b", (750,) * 4)))
    assert (first.feature, first.drifted) == ("a", True)
    assert (second.feature, second.drifted) == ("b", False)
    assert first.moved == pytest.approx(0.25)
    assert (first.rows, first.reference) == (3000, 10_000)


def test_each_comparison_and_each_column_has_its_part_of_the_false_alarms():
    [first, _] = found(summary(column("a", MOVED), column("b", MOVED)))
    [alone] = found(summary(column("a", MOVED)), summary(column("a", EVEN)))
    assert first.needed == pytest.approx(math.log10(2 / (0.01 * 0.8)))
    assert alone.needed == pytest.approx(math.log10(1 / (0.01 * 0.8)))


def test_a_tolerance_can_be_as_large_as_what_moved():
    assert not found(summary(column("a", MOVED), column("b", MOVED)), tolerance=0.25)[0].drifted


def test_other_cells_are_not_compared():
    now = summary(column("a", MOVED, edges=(1.0, 2.0, 4.0)), column("b", MOVED))
    assert [finding.feature for finding in found(now)] == ["b"]


def test_the_prediction_is_compared_too():
    prediction = ColumnSummary(name="prediction", kind="class", categories=("0", "1"), counts=(5000, 5000, 0, 0))
    reference = replace(REFERENCE, prediction=prediction)
    now = replace(summary(column("a", (750,) * 4)), prediction=replace(prediction, counts=(2500, 500, 0, 0)))
    assert [finding.feature for finding in found(now, reference) if finding.drifted] == ["prediction"]


def test_nothing_asked_is_nothing_found():
    [first, _] = found(summary(column("a", (0,) * 4), column("b", (0,) * 4)))
    assert not first.drifted
    assert first.distances == {}


def test_what_prometheus_gets():
    findings = Findings(version=3, rows=3000, findings=found(summary(column("a", MOVED), column("b", (750,) * 4))))
    given = samples(findings)
    labels = {"version": "3", "feature": "a", "against": "training"}
    assert [sample.value for sample in given if sample.name == names.METRIC_DRIFT_DETECTED] == [1.0, 0.0]
    measures = {sample.labels["measure"] for sample in given if sample.name == names.METRIC_DRIFT_DISTANCE}
    assert measures == {"psi", "ks", "js", "chi2"}
    assert given[0].labels == labels
    assert len(given) == 2 * 5
