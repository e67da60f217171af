"""Verdicts and numbers depend on the examples alone, not on how they are cut into blocks; and how far bins and samples move them.

Chunks, kept examples and bins are made so small here that a few hundred rows go through all of them.
"""

import math
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from jenkins_ml.config.gate import METRIC_KINDS, Gate
from jenkins_ml.core import gate as gates
from jenkins_ml.core.evaluation import evaluation as evaluations
from jenkins_ml.core.evaluation import kept, ranks
from jenkins_ml.core.evaluation.block import Block, Coded
from jenkins_ml.core.evaluation.curves import curves_of
from jenkins_ml.core.evaluation.evaluation import Evaluation
from jenkins_ml.core.evaluation.groups import quantile_edges
from jenkins_ml.core.evaluation.metric import Metric
from jenkins_ml.core.slices import slicing_of
from jenkins_ml.core.statistics import ranking, resampling
from tests.versions import named

ROWS = 120
TASKS = ("binary", "multiclass", "multilabel", "regression")
LEFT_OUT = {"flip_rate", "f_beta", "recall", "log_loss", "mse"}  # made as others are, or measured anyway
SIZES = [(1 << 16, 1 << 20), (16, 1 << 20), (16, 60), (64, 60)]  # rows of a chunk, rows that are kept


@contextmanager
def small(chunk: int, most: int, bins: int = 32):
    """Chunks, kept rows and bins of these sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluations, "CHUNK", chunk)
        patch.setattr(kept, "MOST_ROWS", most)
        patch.setattr(ranks, "BINS", bins)
        patch.setattr(ranks, "FEW_BINS", max(bins // 4, 2))
        patch.setattr(ranks, "MANY_SLICES", 4)
        patch.setattr(resampling, "RESAMPLES", 20)
        yield


def made(task: str, weighted: bool, seed: int = 0, rows: int = ROWS) -> Block:
    """Rows of both versions with a column of each kind to slice by."""
    generator = np.random.default_rng(seed)
    shape = (rows,) if task in ("binary", "regression") else (rows, 3)
    labels = generator.integers(0, 2, shape)
    if task == "multiclass":
        labels = generator.integers(0, 3, rows)
    if task == "regression":
        labels = generator.normal(size=rows)
    truth = np.eye(3)[labels] if task == "multiclass" else labels
    answers = [0.6 * generator.random(shape) + 0.4 * truth for _ in range(2)]
    if task == "multiclass":
        answers = [each / each.sum(axis=1, keepdims=True) for each in answers]
    number = generator.normal(size=rows)
    number[generator.random(rows) < 0.1] = math.nan
    return Block(
        labels=labels,
        candidate=answers[0],
        baseline=answers[1],
        weights=generator.random(rows) * (generator.random(rows) < 0.9) if weighted else None,
        features={
            "country": Coded(generator.integers(-1, 5, rows), tuple(f"country {i}" for i in range(5))),
            "number": number,
            "small": generator.integers(0, 3, rows).astype(float),
            "is": generator.random(rows) < 0.5,
        },
    )


def asked(task: str) -> Gate:
    fitting = [kind for kind in METRIC_KINDS if named(kind).fits(task) and kind not in LEFT_OUT]
    slices = [
        {"feature": "country", "min_examples": 3},
        {"features": ["country", "is"], "min_examples": 3, "metrics": {"loss": {"max": 0.3, "max_regression": 0.1}}},
        {"feature": "number", "quantiles": 3, "min_examples": 3},
        {"feature": "small", "values": [0, 2, 9], "min_examples": 3},
    ]
    metrics = {kind: {"max": 0.9, "max_regression": 0.05} for kind in fitting}
    return Gate.model_validate({"task": task, "metrics": metrics, "slices": slices})


def judged(task: str, blocks: list[Block]) -> str:
    """Everything that the gate finds, to the last digit."""
    gate = asked(task)
    slicings = [slicing_of(section) for section in gate.slices]
    edges = {slicings[2]: quantile_edges(np.concatenate([block.features["number"] for block in blocks]), 3)}
    evaluation = Evaluation(gates.metrics_of(gate), slicings, task, edges)
    for block in blocks:
        evaluation.add(block)
    measured = evaluation.finish()
    found = gates.decide(gate, measured, False)
    return repr((found, curves_of(measured, 0), curves_of(measured, 1)))


def cut(block: Block, places) -> list[Block]:
    edges = [0, *sorted(places), len(block)]
    return [block[start:stop] for start, stop in pairwise(edges) if stop > start]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("chunk", "most", "weighted"),
    [(*SIZES[1], False), (*SIZES[2], False), (*SIZES[2], True), (*SIZES[3], True)],
    ids=["chunks", "bins", "bins and weights", "large chunks, bins and weights"],
)
def test_no_digit_depends_on_how_the_rows_are_cut(task, weighted, chunk, most):
    block = made(task, weighted)
    with small(chunk, most):
        whole = judged(task, [block])

        @settings(max_examples=2)
        @given(st.lists(st.integers(1, ROWS - 1), max_size=12))
        def law(places):
            assert judged(task, cut(block, places)) == whole

        law()
        assert judged(task, cut(block, range(1, ROWS))) == whole  # a row at a time
        assert judged(task, [block]) == whole  # once more


def test_the_sizes_go_through_chunks_bins_and_a_sample():
    for (chunk, most), binned, sampled in zip(
        SIZES, (False, False, True, True), (False, False, True, True), strict=True
    ):
        with small(chunk, most):
            evaluation = Evaluation([named("roc_auc")])
            evaluation.add(made("binary", False))
            measured = evaluation.finish()
            answer = measured.answer(named("roc_auc"), measured.overall, 0.95)
            assert (answer.error > 0) == binned
            assert measured.sample(measured.overall).whole != sampled
            assert measured.sample(measured.overall).total == ROWS


def recoded(column: Coded, order: np.ndarray, unused: int) -> Coded:
    """The same column with its values in another order, and some that no row has."""
    values = [*column.values, *(f"unused {i}" for i in range(unused))]
    places = np.argsort(np.concatenate([order, np.arange(len(order), len(values))]))
    turned = np.array(values, dtype=object)[np.argsort(places)]
    return Coded(np.where(column.codes < 0, -1, places[column.codes]), tuple(turned))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("chunk", "most", "weighted"), [(*SIZES[1], False), (*SIZES[2], True)], ids=["chunks", "bins and weights"]
)
def test_no_digit_depends_on_the_order_of_a_dictionary(task, weighted, chunk, most):
    block = made(task, weighted)
    with small(chunk, most):
        whole = judged(task, [block])

        @settings(max_examples=3)
        @given(st.data())
        def law(data):
            blocks = []
            for part in cut(block, data.draw(st.lists(st.integers(1, ROWS - 1), max_size=5))):
                order = np.array(data.draw(st.permutations(range(5))))
                country = recoded(part.features["country"], order, data.draw(st.integers(0, 3)))
                features = {**part.features, "country": country}
                blocks.append(Block(part.labels, part.candidate, part.baseline, part.weights, features))
            assert judged(task, blocks) == whole

        law()


def test_recoding_changes_no_value():
    column = made("binary", False).features["country"]
    other = recoded(column, np.arange(5)[::-1], 2)
    shown = [[None if code < 0 else each.values[code] for code in each.codes] for each in (column, other)]
    assert shown[0] == shown[1]
    assert other.values != column.values


# --- bins -----------------------------------------------------------------------------------------------------------

scores = st.one_of(
    st.floats(0, 1),
    st.floats(0, 1e-3),  # near 0, as of rare classes
    st.floats(0.999, 1),
    st.sampled_from([0.0, 1.0, 0.5, 0.25, 1 / 3, np.nextafter(0.5, 0), np.nextafter(1, 0)]),
)


@st.composite
def ranked(draw):
    size = draw(st.integers(2, 60))
    values = np.array([draw(scores) for _ in range(size)])
    if draw(st.booleans()):
        values = values.astype(np.float32)
    labels = np.array([draw(st.integers(0, 1)) for _ in range(size)])
    assume(0 < labels.sum() < size)
    weights = draw(st.none() | st.lists(st.sampled_from([1e-3, 0.5, 1.0, 40.0]), min_size=size, max_size=size))
    return labels, values, None if weights is None else np.array(weights)


@pytest.mark.parametrize("kind", ["roc_auc", "pr_auc"])
@given(examples=ranked(), bins=st.sampled_from([2, 8, 64, 1 << 16]), of_class=st.sampled_from([None, 0]))
@settings(max_examples=70)
def test_bins_move_an_area_by_no_more_than_their_stated_error(kind, examples, bins, of_class):
    labels, values, weights = examples
    metric = named(kind, of_class=of_class)
    with small(8, 1, bins):
        evaluation = Evaluation([metric])
        evaluation.add(Block(labels, values, None, weights))
        measured = evaluation.finish()
        found = measured.answer(metric, measured.overall, 0.95)
    make = oracle.roc_auc_score if kind == "roc_auc" else oracle.average_precision_score
    positive, ordered = (labels == 0, 1 - values.astype(float)) if of_class == 0 else (labels, values)
    exact = make(positive, ordered, sample_weight=weights)
    assert abs(found.candidate.point - exact) <= found.error + 1e-9
    assert 0 <= found.candidate.point <= 1


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("kind", ["roc_auc", "pr_auc"])
def test_the_error_of_an_average_is_a_bound_too(kind, average):
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, 300)
    answers = generator.random((300, 3)) ** 4 + 0.3 * np.eye(3)[labels]
    answers /= answers.sum(axis=1, keepdims=True)
    metric = named(kind, average)
    found = []
    for chunk, most in ((64, 1 << 20), (64, 50)):
        with small(chunk, most, 8):
            evaluation = Evaluation([metric])
            evaluation.add(Block(labels, answers, answers[:, ::-1]))
            measured = evaluation.finish()
            found.append(measured.answer(metric, measured.overall, 0.95))
    exact, binned = found
    assert exact.error == 0 < binned.error < 0.2
    for side in ("candidate", "baseline"):
        assert abs(getattr(exact, side).point - getattr(binned, side).point) <= binned.error
    assert abs(exact.difference.point - binned.difference.point) <= 2 * binned.error


@pytest.mark.parametrize(("positive", "negative"), [([1, 2], [0, 3]), ([0, 5], [4, 4]), ([1e-3, 0], [50, 1])])
def test_the_worst_orders_in_a_bin_reach_the_error_of_average_precision(positive, negative):
    """All positives of a bin on one score above its negatives is as good as it can be, and no better is claimed."""
    steps = ranking.Ladder(positive=np.array(positive, float), negative=np.array(negative, float))
    best = []
    for p, n in zip(positive, negative, strict=True):
        best += [(0.0, n), (p, 0.0)]
    ordered = ranking.Ladder(positive=np.array([p for p, _ in best]), negative=np.array([n for _, n in best]))
    gained = ranking.precision_area(ordered) - ranking.precision_area(steps)
    assert 0 < gained <= ranking.precision_area_error(steps) + 1e-12


# --- the sample -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "task"),
    [
        (named("roc_auc"), "binary"),
        (named("pr_auc"), "binary"),
        (named("roc_auc"), "multiclass"),
        (named("pr_auc", "micro"), "multiclass"),
        (named("f1"), "multilabel"),
        (named("precision", of_class=1), "multilabel"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.kind} {value.average} {value.of_class}",
)
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
def test_standard_errors_from_the_sample_are_close_to_those_of_all_examples(metric: Metric, task, weighted):
    block = made(task, weighted, seed=2, rows=60_000)
    found = []
    for most in (1 << 20, 1 << 15):
        with small(1 << 12, most, 1 << 12):
            evaluation = Evaluation([metric], task=task)
            evaluation.add(block)
            measured = evaluation.finish()
            sample = measured.sample(measured.overall)
            found.append(measured.answer(metric, measured.overall, 0.95))
    counted = 60_000 if block.weights is None else int((block.weights > 0).sum())
    assert not sample.whole
    assert sample.total == counted
    assert 2000 < len(sample.rows) <= (1 << 15) // kept.SAMPLED
    for side in ("candidate", "baseline", "difference"):
        exact, sampled = (getattr(each, side) for each in found)
        assert sampled.sigma == pytest.approx(exact.sigma, rel=0.07)
        assert sampled.point == pytest.approx(exact.point, abs=1e-3)


def test_the_sample_does_not_follow_a_pattern_in_the_rows():
    """Every second row, or every 64th, is of another kind: each kind is sampled in its share."""
    for period in (2, 3, 64, 100):
        rows = 20_000
        labels = (np.arange(rows) % period == 0).astype(int)
        with small(1 << 12, 1 << 13):
            evaluation = Evaluation([named("roc_auc")])
            evaluation.add(Block(labels, np.linspace(0, 1, rows)))
            measured = evaluation.finish()
            sample = measured.sample(measured.overall)
        share, expected = sample.rows.labels.mean(), 1 / period
        assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / len(sample.rows))
