"""The stage graph: which stages there are, in which order, and which part `run --from --until` takes."""

from datetime import timedelta

import pytest

from jenkins_ml.config.loader import loads
from jenkins_ml.errors import UsageError
from jenkins_ml.pipeline import Pipeline, build

TEXT = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train", timeout: 3h}\n'
TESTED = TEXT + "test: {command: pytest -q}\n"


def names(pipeline: Pipeline) -> list[str]:
    return [stage.name for stage in pipeline.stages]


def test_the_test_stage_is_there_only_where_tests_are_configured():
    assert names(build(loads(TEXT))) == ["train", "gate", "serve"]
    assert names(build(loads(TESTED))) == ["test", "train", "gate", "serve"]


def test_only_serving_is_for_the_release_branch():
    assert [stage.name for stage in build(loads(TESTED)).stages if stage.release_only] == ["serve"]


def test_a_stage_is_ended_later_than_the_user_s_own_code():
    stages = {stage.name: stage for stage in build(loads(TESTED)).stages}
    assert stages["test"].timeout > timedelta(minutes=30)
    assert stages["train"].timeout > timedelta(hours=3)
    assert stages["gate"].timeout >= stages["train"].timeout
    assert stages["serve"].timeout > 4 * timedelta(minutes=1)


def test_the_longest_configuration_has_timeouts_too():
    text = TEXT + f"serve: {{canary: {{interval: 999999d, steps: {list(range(1, 101))}}}}}"
    assert build(loads(text)).stages[-1].timeout > timedelta(days=99_999_900)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ["test", "train", "gate", "serve"]),
        ("gate", None, ["gate", "serve"]),
        (None, "train", ["test", "train"]),
        ("train", "gate", ["train", "gate"]),
        ("gate", "gate", ["gate"]),
    ],
)
def test_a_part_of_the_pipeline(first, last, expected):
    whole = build(loads(TESTED))
    part = whole.between(first, last)
    assert names(part) == expected
    assert (part.model, part.environment) == (whole.model, whole.environment)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("trian", None, "did you mean train"),
        (None, "deploy", "the stages are train, gate, serve"),
        ("test", None, "the stages are"),
        ("serve", "train", "stage train comes before serve"),
        ("", "Gate", "did you mean gate"),
    ],
)
def test_a_part_that_is_not_there_is_refused(first, last, message):
    with pytest.raises(UsageError) as caught:
        build(loads(TEXT)).between(first, last)
    assert message in str(caught.value)


def test_each_cell_of_a_matrix_is_a_run_of_its_own_and_the_first_is_released():
    text = TESTED.replace("timeout: 3h", "params: {seed: 1, kind: a}") + (
        "jenkins: {matrix: {axes: {seed: [1, 2], kind: [a, b]}, exclude: [{seed: 2, kind: b}]}}\n"
    )
    jobs = build(loads(text)).jobs("r", {})
    assert [(job.stage.name, job.environment["JENKINS_ML_RUN"]) for job in jobs] == [
        ("test", "r"),
        ("train", "r,seed=1,kind=a"),
        ("gate", "r,seed=1,kind=a"),
        ("train", "r,seed=1,kind=b"),
        ("gate", "r,seed=1,kind=b"),
        ("train", "r,seed=2,kind=a"),
        ("gate", "r,seed=2,kind=a"),
        ("serve", "r,seed=1,kind=a"),
    ]
    assert jobs[3].environment["JENKINS_ML_PARAM_kind"] == "b"
    assert "JENKINS_ML_PARAM_kind" not in jobs[0].environment


def test_parameters_have_their_defaults_until_somebody_chooses():
    text = TEXT.replace("timeout: 3h", "params: {lr: 0.1}") + (
        "jenkins: {environment: {A: b}, parameters: [{string: LR, default: '0.2', sets: lr}, {boolean: FULL}]}\n"
    )
    pipeline = build(loads(text))
    [first, *_] = pipeline.jobs("r", {})
    assert first.environment["A"] == "b"
    assert (first.environment["LR"], first.environment["JENKINS_ML_PARAM_lr"]) == ("0.2", "0.2")
    assert first.environment["FULL"] == "false"
    [first, *_] = pipeline.jobs("r", {"LR": "0.5", "OTHER": "x"})
    assert (first.environment["LR"], first.environment["JENKINS_ML_PARAM_lr"]) == ("0.5", "0.5")
    assert "OTHER" not in first.environment
