from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_reader import texts
from report_examples import confusion as matrix_of

from jenkins_ml.reporting.charts import confusion
from jenkins_ml.reporting.svg import ACCENT, ALARM, mix

LEVELS = [strength for _, strength in confusion._LEVELS]


def luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [ACCENT, ALARM])
@pytest.mark.parametrize("strength", [0.0, *LEVELS])
def test_numbers_in_cells_have_the_contrast_that_wcag_asks(colour: str, strength: float) -> None:
    dark, light = sorted((luminance(mix(colour, strength)), luminance(confusion.ink(strength))))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_small_matrices_show_their_counts() -> None:
    picture = confusion.draw("candidate", ((48, 2), (0, 50)))
    assert {"48", "2", "50"} <= set(texts(picture))
    assert picture.description == (
        "98 of 100 examples in 2 classes predicted correctly (98 %); most frequent errors: 0 as 1 (2)"
    )


def test_a_hundred_classes_are_coloured_without_counts_and_stay_small() -> None:
    picture = confusion.draw("candidate", matrix_of(100, 23))
    assert picture.svg is not None
    assert len(picture.svg) < 30_000
    assert "970" not in texts(picture)
    assert [text for text in texts(picture) if text in {"0", "10", "90"}] == ["0", "0", "10", "10", "90", "90"]


def test_more_classes_than_pixels_are_only_told() -> None:
    picture = confusion.draw("candidate", matrix_of(201, 23))
    assert picture.svg is None
    assert "201 classes" in picture.description
    assert "0 as 1 (23)" in picture.description


@pytest.mark.parametrize("matrix", [(), ((0,),), ((0, 0), (0, 0)), ((0, 0), (3, 0))])
def test_empty_classes_divide_nothing(matrix: tuple[tuple[int, ...], ...]) -> None:
    assert "predicted correctly" in confusion.draw("candidate", matrix).description


matrices = st.integers(1, 8).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 50), min_size=size, max_size=size).map(tuple), min_size=size, max_size=size
    ).map(tuple)
)


@given(matrices)
def test_each_cell_is_coloured_once_in_the_colour_of_its_share(matrix: tuple[tuple[int, ...], ...]) -> None:
    coloured: dict[tuple[int, int], tuple[float, bool]] = {}
    for (share, _), right, wrong in confusion._runs(matrix):
        for runs, diagonal in ((right, True), (wrong, False)):
            for row, first, count in runs:
                for column in range(first, first + count):
                    assert (row, column) not in coloured
                    coloured[row, column] = (share, diagonal)
    thresholds = [share for share, _ in confusion._LEVELS]
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            reached = [share for share in thresholds if sum(counts) and count / sum(counts) >= share]
            assert coloured.get((row, column)) == ((reached[-1], row == column) if reached else None)
