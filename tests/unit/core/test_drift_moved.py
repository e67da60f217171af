"""When values are said to have moved: error rates by simulation, what each kind of move is found by, and the laws behind."""

import math

import numpy as np
import pytest

from jenkins_ml.core.drift.moved import NOTHING, Counted, log_evidence
from jenkins_ml.core.drift.reference import Reference
from jenkins_ml.core.drift.summary import summarised
from jenkins_ml.records import ColumnSummary

LEVEL = math.log(100)
EVEN = ColumnSummary(name="x", kind="number", edges=(1.0, 2.0, 3.0), counts=(1000, 1000, 1000, 1000, 0))
CLASSES = ColumnSummary(name="c", kind="class", categories=("0", "1", "2", "3"), counts=(1000, 1000, 1000, 1000, 0, 0))


def evidence(column, counts, tolerance=0.02, chapter=1):
    return log_evidence(column, [Counted(chapter=chapter, counts=tuple(counts))], tolerance)


def test_what_has_not_moved_is_no_evidence():
    assert evidence(EVEN, (5000, 5000, 5000, 5000, 0)) == NOTHING


def test_nor_is_what_moved_by_less_than_the_tolerance_however_much_there_is():
    assert evidence(EVEN, (2_400_000, 2_500_000, 2_500_000, 2_590_000, 0)) == NOTHING


def test_a_move_to_a_class_is_found():
    assert evidence(CLASSES, (1700, 1100, 1100, 1100, 0, 0)) > LEVEL


def test_and_one_away_from_it():
    assert evidence(CLASSES, (300, 1230, 1230, 1240, 0, 0)) > LEVEL


def test_new_categories_are_found():
    assert evidence(CLASSES, (1000, 1000, 1000, 1000, 400, 0)) > LEVEL


@pytest.mark.parametrize("column", [EVEN, CLASSES])
def test_missing_values_are_found(column):
    counts = [1000] * 4 + [0] * (len(column.counts) - 5) + [300]
    assert evidence(column, counts) > LEVEL


def test_a_wider_spread_is_found():
    assert evidence(EVEN, (1500, 500, 500, 1500, 0)) > LEVEL


def test_a_small_reference_shows_less_than_a_large_one():
    small = ColumnSummary(name="x", kind="number", edges=(1.0, 2.0, 3.0), counts=(20, 20, 20, 20, 0))
    counts = (800, 1000, 1000, 1400, 0)
    assert evidence(small, counts) < LEVEL < evidence(EVEN, counts)


def test_a_later_chapter_needs_more():
    counts = (800, 1000, 1000, 1400, 0)
    assert evidence(EVEN, counts, chapter=30) < evidence(EVEN, counts)


def test_a_late_change_is_found_from_its_chapter_on():
    """Ten thousand good rows hide what the last two thousand say, but not from whoever began to count with these."""
    late = (300, 500, 500, 700, 0)
    early = (*(25_000 + count for count in late[:-1]), 0)
    assert evidence(EVEN, early) < LEVEL
    both = [Counted(chapter=1, counts=early), Counted(chapter=4, counts=late)]
    assert log_evidence(EVEN, both, 0.02) > LEVEL


def test_the_parts_of_all_chapters_are_no_more_than_the_whole():
    counts = (800, 1000, 1000, 1400, 0)
    one = log_evidence(EVEN, [Counted(chapter=1, counts=counts)], 0.02)
    many = log_evidence(EVEN, [Counted(chapter=chapter, counts=counts) for chapter in range(1, 500)], 0.02)
    assert many == pytest.approx(one + math.log(2), abs=0.01)  # the first has half of the money


@pytest.mark.parametrize("shape", [(40,), (400,), (4000,)])
@pytest.mark.parametrize("column", [EVEN, CLASSES])
def test_on_average_nobody_gains_at_the_edge_of_the_tolerance(column, shape):
    """The mean of the e-value is at most 1, for the worst case: a share of exactly the tolerance has moved."""
    generator = np.random.default_rng(5)
    cells = len(column.counts)
    shares = np.array([0.25] * 4 + [0.0] * (cells - 4))
    moved = shares + np.array([-0.05, 0, 0, 0.05] + [0.0] * (cells - 4))
    values = []
    for _ in range(400):
        reference = generator.multinomial(500, shares)
        counts = generator.multinomial(shape[0], moved)
        drawn = ColumnSummary(
            name="x",
            kind=column.kind,
            edges=column.edges,
            categories=column.categories,
            counts=tuple(reference.tolist()),
        )
        values.append(
            math.exp(2 * evidence(drawn, counts.tolist(), 0.05))
        )  # squared: a few large ones must not be missed
    assert np.mean(np.sqrt(values)) < 1
    assert np.mean(np.sqrt(values) >= 100) <= 0.01


def test_looking_after_every_hundred_rows_raises_no_more_false_alarms():
    generator = np.random.default_rng(6)
    alarms = 0
    for _ in range(60):
        reference = tuple(generator.multinomial(500, [0.25] * 4).tolist())
        column = ColumnSummary(name="x", kind="number", edges=(1.0, 2.0, 3.0), counts=(*reference, 0))
        counts = np.zeros(5, np.int64)
        for _ in range(30):
            counts[:4] += generator.multinomial(100, [0.25] * 4)
            if evidence(column, counts.tolist(), tolerance=0.0) >= LEVEL:
                alarms += 1
                break
    assert alarms <= 2  # with a chance of 1 % each, more than that happen once in 70 such tests


def test_a_shift_of_a_fifth_of_a_standard_deviation_is_found():
    generator = np.random.default_rng(7)
    found = 0
    for _ in range(40):
        reference = Reference()
        reference.add({"x": generator.normal(size=(5000, 1))}, np.zeros(5000))
        [column] = reference.summary().inputs
        now = summarised(column, generator.normal(0.2, 1, 5000))
        found += evidence(column, now.counts) >= LEVEL
    assert found >= 36
