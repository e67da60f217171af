"""`jenkins-ml generate`: writes, compares, and never takes away a Jenkinsfile that somebody wrote."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.rendering.jenkinsfile import made_by_us
from jenkins_ml.steps.generate import command

CONFIG = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\nstore: /srv/models\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jenkins-ml.yaml").write_text(CONFIG)
    return tmp_path


def call(*arguments: str):
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def test_it_writes_once_and_is_then_current(folder: Path):
    first = call()
    assert (first.exception, first.stdout, first.stderr) == (None, "wrote Jenkinsfile\n", "")
    assert made_by_us((folder / "Jenkinsfile").read_text())
    assert call().stdout == "Jenkinsfile is current\n"
    assert sorted(path.name for path in folder.iterdir()) == ["Jenkinsfile", "jenkins-ml.yaml"]


def test_check_writes_nothing_and_fails_until_it_is_current(folder: Path):
    result = call("--check")
    assert isinstance(result.exception, StageFailed)
    assert result.exception.exit_code == 1
    assert not (folder / "Jenkinsfile").exists()
    call()
    assert call("--check").exception is None
    (folder / "jenkins-ml.yaml").write_text(CONFIG + "jenkins: {timeout: 5h}\n")
    assert isinstance(call("--check").exception, StageFailed)


def test_other_line_ends_are_another_file(folder: Path):
    call()
    path = folder / "Jenkinsfile"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert isinstance(call("--check").exception, StageFailed)


def test_diff_shows_the_change_and_writes_nothing(folder: Path):
    call()
    before = (folder / "Jenkinsfile").read_bytes()
    assert call("--diff").stdout == ""
    (folder / "jenkins-ml.yaml").write_text(CONFIG + "jenkins: {timeout: 5h}\n")
    changed = call("--diff").stdout
    assert "\n-    timeout(time: 2, unit: 'HOURS')\n+    timeout(time: 5, unit: 'HOURS')\n" in changed
    assert changed.startswith("--- Jenkinsfile\n+++ Jenkinsfile (generated)\n")
    assert (folder / "Jenkinsfile").read_bytes() == before


@pytest.mark.parametrize("flags", [(), ("--check",), ("--diff",)])
def test_a_jenkinsfile_of_somebody_else_is_left_alone(folder: Path, flags):
    (folder / "Jenkinsfile").write_text("node { sh 'make' }\n")
    result = call(*flags)
    assert isinstance(result.exception, UsageError)
    assert "--force" in result.exception.next_step
    assert (folder / "Jenkinsfile").read_text() == "node { sh 'make' }\n"


def test_force_replaces_it(folder: Path):
    (folder / "Jenkinsfile").write_text("node { sh 'make' }\n")
    assert call("--force").exception is None
    assert made_by_us((folder / "Jenkinsfile").read_text())


def test_another_folder_is_made(folder: Path):
    assert call("-o", "ci/jenkins").exception is None
    assert (folder / "ci" / "jenkins" / "Jenkinsfile").is_file()
    assert not (folder / "Jenkinsfile").exists()


def test_a_relative_store_is_warned_about(folder: Path):
    (folder / "jenkins-ml.yaml").write_text(CONFIG.replace("/srv/models", "models"))
    result = call()
    assert "wipes workspaces" in result.stderr
    assert "JENKINS_ML_STORE" in result.stderr
    assert result.stdout == "wrote Jenkinsfile\n"


def test_check_and_diff_exclude_each_other(folder: Path):
    assert isinstance(call("--check", "--diff").exception, UsageError)
