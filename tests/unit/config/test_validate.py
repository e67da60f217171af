"""`jenkins-ml validate`: one line when it is right, everything that is wrong otherwise."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins_ml.config.schema import json_schema
from jenkins_ml.errors import ConfigurationError
from jenkins_ml.steps.validate import command

RIGHT = 'model: digits\ndata: {load: "data:load"}\ntest: {command: pytest}\ntrain: {entrypoint: "model:train"}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str):
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def test_a_right_file_gets_one_line(folder: Path):
    (folder / "jenkins-ml.yaml").write_text(RIGHT + "serve: {release_branch: trunk}\n")
    result = call()
    assert result.exception is None
    assert result.stdout == (
        "jenkins-ml.yaml is valid: model digits, stages test, train, gate, serve (branch trunk only)\n"
    )


def test_a_right_file_as_json(folder: Path):
    (folder / "jenkins-ml.yaml").write_text(RIGHT)
    assert json.loads(call("--json").stdout) == {"valid": True, "problems": []}


def test_a_wrong_file_raises_every_problem_and_prints_them_as_json(folder: Path):
    (folder / "jenkins-ml.yaml").write_text(RIGHT.replace("model: digits", "model: D\nstoer: x"))
    result = call("--json")
    assert isinstance(result.exception, ConfigurationError)
    answer = json.loads(result.stdout)
    assert answer["valid"] is False
    assert [(item["file"], item["line"], item["column"]) for item in answer["problems"]] == [
        ("jenkins-ml.yaml", 1, 8),
        ("jenkins-ml.yaml", 2, 1),
    ]
    assert answer["problems"][1]["message"] == "unknown key 'stoer': did you mean 'store'?"


def test_a_missing_file_is_a_problem_too(folder: Path):
    result = call("--json")
    assert isinstance(result.exception, ConfigurationError)
    assert json.loads(result.stdout)["problems"][0]["message"] == "there is no such file"


def test_the_schema_needs_no_file(folder: Path):
    assert json.loads(call("--schema").stdout) == json_schema()
