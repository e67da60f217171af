"""The user's functions are called with errors that name the user's own line."""

import numpy as np
import pytest

from jenkins_ml.adapters.user_code import call
from jenkins_ml.errors import StageFailed

ROWS = np.arange(12.0).reshape(6, 2)


def test_an_error_names_the_line_of_the_user(tmp_path):
    (tmp_path / "mine.py").write_text("def load(split):\n    return {}[split]\n")
    space = {}
    exec(compile((tmp_path / "mine.py").read_text(), str(tmp_path / "mine.py"), "exec"), space)
    with pytest.raises(StageFailed, match=r"load raised KeyError at mine\.py:2: 'test'"):
        call(space["load"], tmp_path, "test")


def test_arguments_that_do_not_fit_are_listed(tmp_path):
    with pytest.raises(StageFailed, match=r"<lambda> cannot be called with \(ndarray, 'a', epochs\)"):
        call(lambda data: data, tmp_path, ROWS, "a", epochs=1)
