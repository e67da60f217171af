import numpy as np

from metrics import sure_and_wrong


def test_only_sure_mistakes_count():
    predictions = np.array([[0.95, 0.05], [0.95, 0.05], [0.6, 0.4]])
    assert sure_and_wrong(np.array([1, 0, 1]), predictions).tolist() == [True, False, False]
