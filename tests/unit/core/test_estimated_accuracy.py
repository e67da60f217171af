"""Accuracy without labels: what is estimated is what comes out, also when inputs have changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core.drift.summary import added, summarised
from jenkins_ml.core.estimated_accuracy import Sureness, cells, confidences, estimated
from jenkins_ml.records import ColumnSummary


def column(edges):
    return ColumnSummary(name="certainty", kind="number", edges=edges, counts=(0,) * (len(edges) + 2))


def counted(sure, edges):
    """How many predictions fall into each cell; those with no score into none."""
    return summarised(column(edges), sure).counts[:-1]


def sureness(sure, right):
    """What labelled predictions say of a model."""
    edges = cells(sure)
    return None if edges is None else Sureness(edges, counted(sure, edges), counted(sure[right], edges))


def answers(rng, count, shift):
    """Scores of a model that is sure of the right things, and whether it was right; `shift` makes inputs easier."""
    logits = rng.normal(shift, 1.5, count)
    truth = rng.random(count) < 1 / (1 + np.exp(-1.2 * logits))  # overconfident or not: cells do not mind
    scores = 1 / (1 + np.exp(-logits))
    return scores, (scores > 0.5) == truth


def test_how_sure_a_model_is():
    many = confidences(np.array([[0.1, 0.7, 0.2], [0.4, 0.3, np.nan]]))
    assert many[0] == 0.7
    assert np.isnan(many[1])
    assert confidences(np.array([0.25, 0.9])).tolist() == [0.25, 0.9]
    assert confidences(np.array([[0.25]])).tolist() == [0.25]
    two = confidences(np.array([[0.75, 0.25], [0.25, 0.75], [np.inf, 0.0]]))
    assert two[:2].tolist() == [-0.5, 0.5]
    assert np.isnan(two[2])


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_the_interval_holds_the_accuracy_that_nobody_sees(shift):
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        known = sureness(*(lambda scores, right: (confidences(scores), right))(*answers(rng, 4000, 0.0)))
        scores, right = answers(rng, 2000, shift)
        found = estimated(known, counted(confidences(scores), known.edges), 0.95)
        held += found.low <= right.mean() <= found.high
    # Two bounds of 95 %: nine of ten, but for what the cells themselves are off under a large change of inputs.
    assert held >= 0.86 * 400


@pytest.mark.parametrize("columns", [1, 2])
def test_a_model_may_err_more_with_one_class_than_with_the_other(columns):
    rng = np.random.default_rng(9)

    def biased(count, shift):
        logits = rng.normal(shift, 1.5, count)
        truth = rng.random(count) < 1 / (1 + np.exp(-logits))
        scores = 1 / (1 + np.exp(-logits - 1.0))  # says class 1 too often
        return confidences(np.stack([1 - scores, scores], axis=1)[:, -columns:]), (scores > 0.5) == truth

    known = sureness(*biased(20_000, 0.0))
    for shift in (-1.0, 1.0):  # more of the one, and more of the other
        sure, right = biased(20_000, shift)
        assert estimated(known, counted(sure, known.edges), 0.95).point == pytest.approx(right.mean(), abs=0.02)


def test_an_estimate_of_the_labelled_data_is_its_accuracy():
    scores, right = answers(np.random.default_rng(3), 3000, 0.5)
    known = sureness(confidences(scores), right)
    found = estimated(known, known.counts, 0.95)
    assert found.point == pytest.approx(right.mean())
    assert found.low < found.point < found.high


def test_what_cannot_be_said_is_not_said():
    assert sureness(np.full(10, 0.9), np.ones(10, bool)) is None
    known = sureness(np.full(1000, 0.9), np.arange(1000) % 10 > 0)
    assert known == Sureness((), (1000,), (900,))  # all equally sure: one cell
    assert estimated(known, [0], 0.95) is None
    perfect = Sureness((), (1000,), (1000,))
    assert estimated(perfect, [100], 0.95).low < 1.0


@pytest.mark.parametrize("parts", [((), (1, 2), (1, 1)), ((), (0,), (0,)), ((), (1,), (2,))])
def test_cells_that_cannot_be_are_refused(parts):
    with pytest.raises(ValueError, match="cell"):
        Sureness(*parts)


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=80), st.integers(0, 80))
def test_counts_of_parts_add_up(values, cut):
    edges = (0.2, 0.5, 0.9)
    sure = np.array(values, float)
    parts = added(summarised(column(edges), sure[:cut]), summarised(column(edges), sure[cut:])).counts[:-1]
    assert parts == counted(sure, edges)
    assert sum(parts) == np.isfinite(sure).sum()
