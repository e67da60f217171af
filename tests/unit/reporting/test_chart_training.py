from __future__ import annotations

from itertools import pairwise
from random import Random
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from picture_reader import texts

from jenkins_ml.reporting.charts import training


def test_one_picture_a_metric_loss_and_accuracy_first() -> None:
    pictures = training.draw({"auc": (1.0,), "val_accuracy": (0.5,), "accuracy": (0.4,), "val_loss": (2.0,)})
    assert [picture.title for picture in pictures] == ["loss", "accuracy", "auc"]
    assert [("training" in texts(picture), "validation" in texts(picture)) for picture in pictures] == [
        (False, True),
        (True, True),
        (True, False),
    ]


def test_a_curve_is_told_in_numbers() -> None:
    [picture] = training.draw({"loss": (0.9, 0.2, 0.3)})
    assert picture.description == "3 epochs; training from 0.9 to 0.3, lowest 0.2, highest 0.9"


def test_nothing_to_draw_gives_no_picture() -> None:
    assert training.draw({}) == ()
    assert training.draw({"loss": (), "val_loss": (float("nan"), float("inf"))}) == ()


@given(st.dictionaries(st.sampled_from(["loss", "val_loss", "accuracy"]), st.lists(st.floats(), max_size=30)))
def test_any_curve_gives_a_document(series: dict[str, list[float]]) -> None:
    for picture in training.draw(series):
        assert picture.svg is not None
        assert "nan" not in picture.svg
        assert "inf" not in picture.svg
        ET.fromstring(picture.svg)


@given(st.integers(201, 1500), st.integers(0, 2**32).map(Random))
def test_thinning_a_long_curve_keeps_order_and_extremes(epochs: int, random: Random) -> None:
    values = [random.choice((0.0, random.random(), random.random())) for _ in range(epochs)]
    points = training._points(values)
    assert len(points) <= 200
    assert all(before[0] < after[0] for before, after in pairwise(points))
    assert all(values[int(epoch) - 1] == value for epoch, value in points)
    assert {min(values), max(values)} <= {value for _, value in points}
