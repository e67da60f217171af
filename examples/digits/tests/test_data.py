import numpy as np

from data import TEST_ROWS, load


def test_the_splits_share_no_rows_and_lose_none():
    train, test = load("train"), load("test")
    assert len(test[1]) == TEST_ROWS
    assert len(train[1]) + len(test[1]) == 1797


def test_every_digit_is_in_both_splits():
    for split in ("train", "test"):
        assert set(load(split)[1]) == set(range(10))


def test_pixels_are_scaled_and_the_same_at_every_call():
    features, _, columns = load("test")
    assert features.min() >= 0
    assert features.max() <= 1
    assert np.array_equal(features, load("test")[0])
    assert columns["ink"].shape == (TEST_ROWS,)
