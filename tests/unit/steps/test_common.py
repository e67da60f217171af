import shlex
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names
from jenkins_ml.errors import UsageError
from jenkins_ml.steps.common import Project, current_run, new_run
from tests.fakes.repository import Repository


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


def test_what_is_no_run():
    with pytest.raises(UsageError, match="is not set"):
        run_of("")


@pytest.mark.parametrize("character", ["x", "é", "/", "%2F", "機", " "])
def test_a_long_one_is_shortened_to_a_name_of_its_own(character):
    long = [run_of(f"{character * 300}-{number}") for number in range(12)]
    assert len(set(long)) == 12
    assert all(len(run) == 200 and run_of(run) == run for run in long)


def test_the_cells_of_a_long_run_are_runs_of_their_own():
    runs = {run_of("folder/" * 40 + f"job-7,seed={seed}") for seed in range(5)}
    assert len(runs) == 5


@pytest.mark.parametrize("length", [199, 200, 201])
def test_where_shortening_begins(length):
    assert (run_of("x" * length) == "x" * length) == (length <= 200)


@pytest.mark.parametrize(
    ("job", "run"),
    [
        ("vision/digits/feature%2Fx-3", "vision%2Fdigits%2Ffeature%2Fx-3"),  # JOB_NAME has a branch URL-encoded
        ("digits/feature%252Fx-3", "digits%2Ffeature%252Fx-3"),
        ("ml team/zähler-3", "ml%20team%2Fz%C3%A4hler-3"),
        ("..", "%2E%2E"),
    ],
)
def test_what_jobs_are_called(job, run):
    assert run_of(job) == run
    assert run_of(run) == run


def test_new_runs_differ_and_are_ulids():
    runs = {new_run() for _ in range(100)}
    assert len(runs) == 100
    assert all(len(run) == 26 and run == run_of(run) for run in runs)


def test_an_environment_that_is_misspelt_is_no_new_one(tmp_path, monkeypatch, commands):
    repository = Repository(tmp_path / "p", {}, commands)
    monkeypatch.chdir(repository.folder)
    assert Project.here().environment("anything") == "anything"
    repository.change("jenkins-ml.yaml", "serve:\n", "serve:\n  environments: {staging: {}}\n")
    project = Project.here()
    assert [project.environment(name) for name in (None, "production", "staging")] == [
        "production",
        "production",
        "staging",
    ]
    with pytest.raises(UsageError, match="there is no environment 'stagin'"):
        project.environment("stagin")
