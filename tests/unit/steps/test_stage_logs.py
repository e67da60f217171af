"""What a stage logs for machines."""

import json

import pytest

from jenkins_ml import names
from jenkins_ml.core import ecs, tracing
from jenkins_ml.errors import StageFailed
from jenkins_ml.reporting.console import reporter
from jenkins_ml.steps import observed
from jenkins_ml.steps.common import Project

CONFIG = """
model: tiny
data: {load: "data:load"}
train: {entrypoint: "model:train"}
gate: {metrics: {accuracy: {min: 0.9}}}
monitor: {logs: {directory: logs}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / names.CONFIG_FILE).write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(names.ENV_RUN, "vision/tiny-7")
    return tmp_path


def lines(folder):
    return [json.loads(line) for line in (folder / "logs" / "tiny.stages.ndjson").read_text().splitlines()]


def test_a_stage_that_ends_well(folder):
    end = observed.begin("train")
    stage = observed.under_way()
    Project.here()
    reporter().note("training by model:train")
    stage.version, stage.rows, stage.metrics = 3, 64, {("training", "accuracy"): 0.96875}
    end(0, None, None)
    first, told, last = lines(folder)
    for line in (first, told, last):
        assert line["service"] | {"version": "3"} == {"name": "tiny", "version": "3"}
        assert line["labels"]["run"] == "vision%2Ftiny-7"
        assert line["trace"] == {"id": tracing.of_run("vision%2Ftiny-7").id}
        assert line["event"]["action"] == "train"
    assert (first["message"], first["event"]["type"]) == ("train begins", ["start"])
    assert told["message"] == "training by model:train"
    assert last["event"]["outcome"] == "success"
    assert last["event"]["duration"] > 0
    assert last["process"]["exit_code"] == 0
    assert last["service"]["version"] == "3"
    assert last["labels"] | {"rows": "64", "training_accuracy": "0.96875"} == last["labels"]


def test_a_stage_that_fails_says_why(folder):
    end = observed.begin("train")
    Project.here()
    try:
        raise StageFailed("the training failed", "look")
    except StageFailed as error:
        end(1, error, error)
    last = lines(folder)[-1]
    assert last["log.level"] == "error"
    assert last["event"]["outcome"] == "failure"
    assert last["process"]["exit_code"] == 1
    assert (last["error"]["type"], last["error"]["message"]) == (
        "StageFailed",
        str(StageFailed("the training failed", "look")),
    )
    assert "test_a_stage_that_fails_says_why" in last["error"]["stack_trace"]


def test_a_trace_that_the_build_has_is_taken(folder, monkeypatch):
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    monkeypatch.setenv(names.ENV_TRACEPARENT, f"00-{trace}-{span}-01")
    observed.begin("train")
    Project.here()
    (first,) = lines(folder)
    assert (first["trace"]["id"], first["span"]["id"]) == (trace, span)


def test_a_folder_that_cannot_be_written_fails_no_stage_and_is_told_of_once(folder, capsys):
    (folder / "logs").write_text("a file")
    end = observed.begin("train")
    Project.here()
    reporter().note("still working")
    end(0, None, None)
    told = capsys.readouterr().err
    assert told.count("cannot be written") == 1
    assert "still working" in told


def test_nothing_is_written_unless_it_is_turned_on(folder):
    (folder / names.CONFIG_FILE).write_text(CONFIG.replace("{logs: {directory: logs}}", "{}"))
    end = observed.begin("train")
    Project.here()
    end(0, None, None)
    assert not (folder / "logs").exists()


def test_all_fields_are_published_ones(folder):
    end = observed.begin("serve")
    Project.here()
    end(0, None, None)
    for line in lines(folder):
        assert _names(line) <= set(ecs.FIELDS), _names(line)


def _names(value, prefix=""):
    found = set()
    for name, part in value.items():
        if prefix + name == "labels":
            continue
        found |= _names(part, f"{prefix}{name}.") if isinstance(part, dict) else {prefix + name}
    return found
