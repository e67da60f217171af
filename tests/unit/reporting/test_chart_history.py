from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from picture_reader import SVG, numbers, texts
from report_examples import BINARY, BINARY_DECISION, past

from jenkins_ml.reporting.charts import history
from jenkins_ml.reporting.svg import ALARM, GOOD


def test_each_metric_has_a_picture_those_with_a_limit_first() -> None:
    decision = replace(BINARY_DECISION, metrics={"a": 0.5, **BINARY_DECISION.metrics, "undefined": None})
    titles = [picture.title for picture in history.draw(decision, BINARY.history)]
    assert titles == ["accuracy of past decisions", "roc_auc of past decisions", "loss of past decisions"]


def test_a_mark_says_the_verdict_and_the_last_one_is_this() -> None:
    accuracy = history.draw(BINARY_DECISION, BINARY.history)[0]
    assert accuracy.svg is not None
    marks = list(ET.fromstring(accuracy.svg).iter(SVG + "circle"))
    assert [mark.get("fill") for mark in marks].count(GOOD) == 4
    assert [mark.get("fill") for mark in marks].count("#ffffff") == 1
    crosses = [line for line in ET.fromstring(accuracy.svg).iter(SVG + "line") if line.get("stroke-width") == "2"]
    assert len(crosses) == 2 * 3
    assert [text for text in texts(accuracy) if text in ("22", "31")] == ["22", "31"]


def test_the_past_is_told_in_numbers() -> None:
    accuracy = history.draw(BINARY_DECISION, BINARY.history)[0]
    assert accuracy.description == (
        "8 decisions, lowest 0.8597, highest 0.8931; now 0.8931, rejected; before it 0.8829 of 27 approved, "
        "0.8702 of 28 rejected, 0.8862 of 29 approved; min 0.88"
    )


def test_limits_are_lines() -> None:
    accuracy, roc_auc, loss = history.draw(BINARY_DECISION, BINARY.history)
    assert "min 0.88" in texts(accuracy)
    assert "max 0.3" in texts(loss)
    assert accuracy.svg is not None
    assert roc_auc.svg is not None
    assert f'stroke="{ALARM}"' in accuracy.svg
    assert "stroke-dasharray" not in roc_auc.svg


def test_without_a_past_there_is_no_picture() -> None:
    assert history.draw(BINARY_DECISION, ()) == ()
    assert history.draw(BINARY_DECISION, [replace(BINARY.history[0], metrics={"other": 1.0, "loss": None})]) == ()


def test_a_long_past_shows_its_latest_part() -> None:
    long = [past(n, "approved", 0.5, 0.3, None) for n in range(500)]
    accuracy = history.draw(replace(BINARY_DECISION, conditions=()), long)[0]
    assert len(numbers(accuracy, "cx")) == 39
    assert sum(str(text).isdigit() for text in texts(accuracy)) <= 11
    assert accuracy.description.startswith("501 decisions")


def test_many_metrics_are_drawn_in_part() -> None:
    metrics = {f"m{n}": 0.5 for n in range(30)}
    decision = replace(BINARY_DECISION, metrics=metrics, conditions=())
    assert len(history.draw(decision, [replace(BINARY.history[0], metrics=metrics)])) == history.MOST_METRICS


@given(st.lists(st.floats(), min_size=1, max_size=5), st.floats(-1e9, 1e9))
def test_any_past_is_drawn_inside_its_picture(values: list[float], now: float) -> None:
    decision = replace(BINARY_DECISION, metrics={"accuracy": now})
    for picture in history.draw(decision, [past(1, "approved", value, 0, 0) for value in values]):
        assert picture.svg is not None
        assert "nan" not in picture.svg
        assert all(0 <= x <= picture.width for x in numbers(picture, "x", "x1", "x2", "cx"))
        assert all(0 <= y <= picture.height for y in numbers(picture, "y", "y1", "y2", "cy"))
