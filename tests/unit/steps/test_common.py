import shlex
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.errors import UsageError
from jenkins_ml.steps.common import current_run, new_run


def run_of(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(names.ENV_RUN, text)
        return current_run()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_run_is_one_file_name_and_one_word(text):
    run = run_of(text)
    assert PurePosixPath("/runs", run).parent == PurePosixPath("/runs")
    assert run not in (".", "..")
    assert run.isascii()
    assert shlex.split(run) == [run]
    assert run_of(run) == run  # what a stage prints or hands on names the same run


@given(st.lists(st.text(st.sampled_from("ab/.- #é"), min_size=1, max_size=4), min_size=2, max_size=2, unique=True))
def test_different_runs_have_different_names(texts):
    assert len({run_of(text) for text in texts}) == 2


def test_jenkins_runs_are_readable():
    assert run_of("digits-12") == "digits-12"
    assert run_of("vision/digits/main-12") == "vision%2Fdigits%2Fmain-12"


@pytest.mark.parametrize(
    ("text", "message"), [("", "is not set"), ("x" * 201, "longer than 200"), ("é" * 40, "longer than 200")]
)
def test_what_is_no_run(text, message):
    with pytest.raises(UsageError, match=message):
        run_of(text)


def test_new_runs_differ_and_are_ulids():
    runs = {new_run() for _ in range(100)}
    assert len(runs) == 100
    assert all(len(run) == 26 and run == run_of(run) for run in runs)
