"""How sure a classifier is, and how often it is right: what a reference keeps, and what is estimated from it."""

import numpy as np
import pytest

from jenkins_ml.core.drift.certainty import Certainty, accuracy, judged
from jenkins_ml.core.drift.summary import check, empty, summarised, total
from jenkins_ml.core.estimated_accuracy import confidences
from jenkins_ml.records import Summary, decode, encode


def answers(rng, count, shift=0.0):
    """Scores of class 1, and the truth; `shift` makes the questions easier."""
    logits = rng.normal(shift, 2.0, count)
    return 1 / (1 + np.exp(-logits)), (rng.random(count) < 1 / (1 + np.exp(-logits))).astype(float)


def reference(*batches):
    made = Certainty()
    for scores, labels in batches:
        made.add(scores, labels)
    return made.added_to(Summary(of="evaluation", rows=0, inputs=()))


def asked(of, scores):
    column = summarised(empty(of.certainty), confidences(scores))
    return Summary(of="requests", rows=len(scores), inputs=(), certainty=column)


def test_accuracy_without_labels_follows_the_questions():
    rng = np.random.default_rng(5)
    known = reference(*(answers(rng, 3000) for _ in range(5)))
    check(known)
    assert decode(Summary, encode(known), "it") == known
    for shift in (0.0, 3.0):
        scores, labels = answers(rng, 20_000, shift)
        found = accuracy(known, asked(known, scores), 0.999)
        assert found.low <= ((scores > 0.5) == labels).mean() <= found.high
        assert (found.name, found.source, found.count) == ("accuracy", "estimate", 20_000)
        assert found.high - found.low < 0.05


def test_batches_make_the_same_as_the_whole():
    scores, labels = answers(np.random.default_rng(1), 12_000)
    whole = reference((scores, labels))
    parts = reference(*zip(np.split(scores, 8), np.split(labels, 8), strict=True))
    assert sum(whole.right) == sum(parts.right) == ((scores > 0.5) == labels).sum()
    assert sum(whole.certainty.counts) == sum(parts.certainty.counts) == 12_000


def test_what_servers_count_adds_up():
    known = reference(answers(np.random.default_rng(2), 1000))
    one, other = (asked(known, answers(np.random.default_rng(seed), 500)[0]) for seed in (3, 4))
    assert accuracy(known, total(one, other), 0.95).count == 1000


@pytest.mark.parametrize(
    ("answer", "labels", "right"),
    [
        ([0.2, 0.9], [0, 0], [True, False]),
        ([[0.2], [0.9]], [[0], [1]], [True, True]),
        ([[0.1, 0.9], [0.8, 0.2]], [1, 1], [True, False]),
        ([[-3.0, 4.0], [8.0, 2.0]], [[0, 1], [0, 1]], [True, False]),  # scores need not be probabilities
        ([0.2, 0.9], [0.3, 1.7], None),  # values, not classes
        ([2.0, 0.9], [0, 1], None),
        ([[0.1, 0.9], [0.8, 0.2]], [[1, 1], [0, 0]], None),  # several labels a row
        ([[0.1, 0.9], [0.8, 0.2]], [0, 2], None),
    ],
)
def test_what_is_right(answer, labels, right):
    found = judged(np.array(answer), np.array(labels))
    assert (None if found is None else found.tolist()) == right


def test_what_is_no_classifier_has_none_and_neither_have_few_rows():
    values = (np.linspace(0, 10, 500), np.linspace(1, 11, 500))
    few = (np.array([0.2, 0.9]), np.array([0, 1]))
    binary = answers(np.random.default_rng(6), 9000)
    for batches in ([values], [few], [binary, values]):
        known = reference(*batches)
        assert (known.certainty, known.right) == (None, ())
        assert accuracy(known, known, 0.95) is None
