"""Metrics of predictions whose labels came later."""

import numpy as np
import pytest

from jenkins_ml.config.gate import Gate
from jenkins_ml.core.live_metrics import measured


def gate(**metrics):
    return Gate.model_validate({"metrics": metrics})


def test_the_gates_metrics_with_their_intervals():
    labels = np.array([0, 1, 1, 0, 1, 0, 1, 1] * 25, float)
    scores = np.where(np.arange(200) % 10 == 0, 1 - labels, labels)[:, None] * 0.8 + 0.1
    found = {each.name: each for each in measured(gate(accuracy={"min": 0.5}, recall={"min": 0.5}), labels, scores)}
    assert found["accuracy"].value == pytest.approx(0.9)
    assert found["accuracy"].low < 0.9 < found["accuracy"].high
    assert found["accuracy"].count == 200
    assert "recall" in found
    assert "loss" in found  # measured of every classifier


def test_several_classes():
    labels = np.arange(300) % 3
    scores = np.eye(3)[labels] * 0.7 + 0.1
    [accuracy] = [each for each in measured(gate(accuracy={"min": 0.5}), labels, scores) if each.name == "accuracy"]
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert 0.9 < accuracy.low < 1.0


def test_values_of_a_regression():
    labels = np.linspace(0, 10, 50)
    found = {each.name: each for each in measured(gate(mae={"max": 1.0}), labels, (labels + 0.5)[:, None])}
    assert found["mae"].value == pytest.approx(0.5)
