"""The local run of a matrix: as in Jenkins, a bad cell ends itself, and nothing is released without all of them."""

import pytest

from jenkins_ml import runner
from jenkins_ml.config.loader import loads
from jenkins_ml.errors import Interrupted
from jenkins_ml.pipeline import Pipeline, build

TEXT = """\
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train", params: {seed: 1}}
jenkins: {matrix: {axes: {seed: [1, 2]}, fail_fast: FAST}}
"""


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Runs a pipeline with exit codes that are given; answers how it ended and what ran."""

    def run(codes: dict[tuple[str, str], int], fail_fast: bool = False) -> tuple[runner.Ended, list[tuple[str, str]]]:
        began: list[tuple[str, str]] = []

        def stage(stage, directory, environment):
            job = (stage.name, environment["JENKINS_ML_RUN"])
            began.append(job)
            return codes.get(job, 0)

        monkeypatch.setattr(runner, "_run_stage", stage)
        monkeypatch.setenv("JENKINS_ML_WARM", "none")
        pipeline: Pipeline = build(loads(TEXT.replace("FAST", str(fail_fast).lower())))
        return runner.run(pipeline, "r", tmp_path), began

    return run


ALL = [(stage, f"r,seed={seed}") for seed in (1, 2) for stage in ("train", "gate")]


def test_all_cells_then_the_release_of_the_first(ran):
    ended, began = ran({})
    assert ended == runner.Ended(0, None)
    assert began == [*ALL, ("serve", "r,seed=1")]


def test_a_cell_that_fails_lets_the_others_end_and_nothing_is_released(ran):
    ended, began = ran({("train", "r,seed=1"): 1, ("gate", "r,seed=2"): 3})
    assert began == [("train", "r,seed=1"), ("train", "r,seed=2"), ("gate", "r,seed=2")]
    assert (ended.exit_code, ended.job.stage.name) == (1, "train")  # the first failure


def test_fail_fast_ends_the_others(ran):
    _, began = ran({("gate", "r,seed=1"): 3}, fail_fast=True)
    assert began == ALL[:2]


def test_an_interrupted_stage_ends_everything(ran):
    ended, began = ran({("train", "r,seed=1"): Interrupted.exit_code})
    assert began == ALL[:1]
    assert ended.exit_code == Interrupted.exit_code
