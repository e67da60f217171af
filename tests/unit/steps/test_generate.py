"""`jenkins-ml generate`: writes, compares, keeps what people edited, and never takes away what somebody else wrote."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.exceptions import Abort
from click.testing import CliRunner

from jenkins_ml.adapters import generated
from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.rendering.jenkinsfile import made_by_us
from jenkins_ml.steps.generate import command

CONFIG = """
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train"}
store: /srv/models
jenkins:
  agent: {node: trainer}
""".lstrip()
ROLLBACK = "  rollback_job: true\n"
LONGER = "  timeout: 5h\n"
INSTALL = '  install: {git: "https://git.example.com/jenkins-ml.git", tag: v1}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    configure(tmp_path)
    return tmp_path


def configure(folder: Path, more: str = "") -> None:
    (folder / "jenkins-ml.yaml").write_text(CONFIG + more)


def call(*arguments: str):
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))


def states(*arguments: str) -> dict[str, str]:
    answer = json.loads(call("--json", *arguments).stdout)
    assert set(answer) == {"files", "warnings"}
    return {each["path"]: each["state"] for each in answer["files"]}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- nobody edited anything ------------------------------------------------------------------------------------------
def test_it_writes_once_and_is_then_current(folder: Path):
    first = call()
    assert (first.exception, first.stdout, first.stderr) == (None, "wrote Jenkinsfile\n", "")
    assert made_by_us((folder / "Jenkinsfile").read_text())
    assert (folder / ".jenkins-ml/base/Jenkinsfile").read_bytes() == (folder / "Jenkinsfile").read_bytes()
    written = tree(folder)
    assert sorted(written) == [".jenkins-ml/base/Jenkinsfile", "Jenkinsfile", "jenkins-ml.yaml"]
    assert call().stdout == "Jenkinsfile is current\n"
    assert tree(folder) == written


def test_what_is_not_edited_is_replaced(folder: Path):
    call()
    configure(folder, LONGER)
    assert call().stdout == "wrote Jenkinsfile\n"
    assert "timeout(time: 5, unit: 'HOURS')" in (folder / "Jenkinsfile").read_text()
    assert call("--check").exception is None


def test_check_writes_nothing_and_fails_until_it_is_current(folder: Path):
    result = call("--check")
    assert isinstance(result.exception, StageFailed)
    assert result.exception.exit_code == 1
    assert "Jenkinsfile is not there" in str(result.exception)
    assert list(tree(folder)) == ["jenkins-ml.yaml"]
    call()
    assert call("--check").exception is None
    configure(folder, LONGER)
    assert "Jenkinsfile is not current" in str(call("--check").exception)


@pytest.mark.parametrize("base", [None, "// something else\n"])
def test_check_fails_without_a_base_that_is_current(folder: Path, base):
    call()
    path = folder / ".jenkins-ml/base/Jenkinsfile"
    path.unlink() if base is None else path.write_text(base)
    result = call("--check")
    assert isinstance(result.exception, StageFailed)
    assert "the base of Jenkinsfile" in str(result.exception)
    assert "is current; wrote its base" in call().stdout
    assert call("--check").exception is None


def test_diff_shows_the_change_and_writes_nothing(folder: Path):
    call()
    before = tree(folder)
    assert call("--diff").stdout == ""
    configure(folder, LONGER + ROLLBACK)
    changed = call("--diff").stdout
    assert "\n-    timeout(time: 2, unit: 'HOURS')\n+    timeout(time: 5, unit: 'HOURS')\n" in changed
    assert changed.startswith("--- Jenkinsfile\n+++ Jenkinsfile (generated)\n")
    assert "--- Jenkinsfile.rollback\n+++ Jenkinsfile.rollback (generated)\n@@ -0,0 +1," in changed
    assert tree(folder) == before | {"jenkins-ml.yaml": (folder / "jenkins-ml.yaml").read_bytes()}


def test_diff_says_when_only_the_base_would_change(folder: Path):
    call()
    (folder / ".jenkins-ml/base/Jenkinsfile").unlink()
    result = call("--diff")
    assert (result.stdout, result.stderr) == ("", "Jenkinsfile stays, and its base would be written\n")


def test_another_folder_is_made(folder: Path):
    assert call("-o", "ci/jenkins").stdout == "wrote ci/jenkins/Jenkinsfile\n"
    assert (folder / "ci/jenkins/.jenkins-ml/base/Jenkinsfile").is_file()
    assert not (folder / "Jenkinsfile").exists()
    assert states("-o", "ci/jenkins") == {"ci/jenkins/Jenkinsfile": "current"}


def test_the_script_that_installs_can_be_executed_and_lies_beside_the_configuration(folder: Path):
    configure(folder, INSTALL)
    assert call().stderr == ""
    assert os.access(folder / ".jenkins-ml/install.sh", os.X_OK)
    assert not os.access(folder / "Jenkinsfile", os.X_OK)
    assert "where jenkins-ml.yaml lies" in call("-o", "ci").stderr


@pytest.mark.parametrize(
    "flags", [("--check", "--diff"), ("--json", "--diff"), ("--mark", "--force")], ids=" and ".join
)
def test_what_excludes_each_other(folder: Path, flags):
    result = call(*flags)
    assert isinstance(result.exception, UsageError)
    assert list(tree(folder)) == ["jenkins-ml.yaml"]


def test_a_relative_store_is_warned_about(folder: Path):
    edit(folder / "jenkins-ml.yaml", "/srv/models", "models")
    result = call()
    assert "wipes workspaces" in result.stderr
    assert "JENKINS_ML_STORE" in result.stderr
    assert result.stdout == "wrote Jenkinsfile\n"
    as_json = call("--json")
    assert "wipes workspaces" in json.loads(as_json.stdout)["warnings"][0]
    assert as_json.stderr == ""


# --- edits -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def edited(folder: Path) -> Path:
    """With an edit beside what the configuration will change."""
    call()
    edit(folder / "Jenkinsfile", "    stage('Train') {\n", "    stage('Train') { // mine\n")
    return folder


def test_edits_stay_when_nothing_new_is_generated(edited: Path):
    before = tree(edited)
    assert call().stdout == "Jenkinsfile is current, with local edits\n"
    assert call("--check").exception is None
    assert call("--diff").stdout == ""
    assert states() == {"Jenkinsfile": "edited"}
    assert tree(edited) == before


def test_edits_are_merged_with_what_is_new(edited: Path):
    configure(edited, LONGER)
    assert isinstance(call("--check").exception, StageFailed)
    assert states("--check") == {"Jenkinsfile": "merged"}
    assert not [line for line in call("--diff").stdout.splitlines() if line[0] in "+-" and "mine" in line]
    assert call().stdout == "wrote Jenkinsfile, with local edits\n"
    text = (edited / "Jenkinsfile").read_text()
    assert "// mine" in text
    assert "timeout(time: 5, unit: 'HOURS')" in text
    assert "time: 5" in (edited / ".jenkins-ml/base/Jenkinsfile").read_text()
    assert "mine" not in (edited / ".jenkins-ml/base/Jenkinsfile").read_text()
    assert states("--check") == {"Jenkinsfile": "edited"}


@pytest.fixture
def conflicting(folder: Path) -> Path:
    """With an edit of the line that the configuration changes, and a second file that would be new."""
    call()
    edit(folder / "Jenkinsfile", "\n    timeout(time: 2, unit: 'HOURS')", "\n    timeout(time: 3, unit: 'HOURS')")
    configure(folder, LONGER + ROLLBACK)
    return folder


@pytest.mark.parametrize("flags", [(), ("--check",), ("--diff",), ("--json",)])
def test_a_conflict_is_shown_and_nothing_is_written(conflicting: Path, flags):
    before = tree(conflicting)
    result = call(*flags)
    assert isinstance(result.exception, StageFailed)
    assert result.exception.exit_code == 1
    for way in ("by hand", "--mark", "--force"):
        assert way in result.exception.next_step
    assert "Jenkinsfile, conflict 1 of 1:" in result.stderr
    for hours in (2, 3, 5):
        assert f"\n    timeout(time: {hours}, unit: 'HOURS')\n" in result.stderr
    assert tree(conflicting) == before


def test_mark_writes_both_sides_and_what_is_left_of_that_is_noticed(conflicting: Path):
    result = call("--mark")
    assert result.exception is None
    assert "conflict markers" in result.stdout
    assert "wrote Jenkinsfile.rollback" in result.stdout
    text = (conflicting / "Jenkinsfile").read_text()
    assert "time: 3" in text
    assert "time: 5" in text
    for flags in ((), ("--check",), ("--mark",)):
        again = call(*flags)
        assert isinstance(again.exception, StageFailed)
        assert "Jenkinsfile has conflict markers" in str(again.exception)
        assert (conflicting / "Jenkinsfile").read_text() == text
    start, end = text.index("<<<<<<<"), text.index(">>>>>>>")
    (conflicting / "Jenkinsfile").write_text(
        text[:start] + "timeout(time: 4, unit: 'HOURS')" + text[text.index("\n", end) :]
    )
    assert states("--check") == {"Jenkinsfile": "edited", "Jenkinsfile.rollback": "current"}


def test_a_conflict_ends_when_what_is_new_was_taken_over_by_hand(conflicting: Path):
    edit(conflicting / "Jenkinsfile", "time: 3", "time: 5")
    assert call().exception is None
    assert states("--check") == {"Jenkinsfile": "current", "Jenkinsfile.rollback": "current"}


def test_force_drops_edits(conflicting: Path):
    assert "wrote Jenkinsfile in place of what was there" in call("--force").stdout
    assert "time: 3" not in (conflicting / "Jenkinsfile").read_text()
    assert states("--check") == {"Jenkinsfile": "current", "Jenkinsfile.rollback": "current"}


def test_text_that_is_no_utf8_stays(edited: Path):
    path = edited / "Jenkinsfile"
    path.write_bytes(path.read_bytes().replace(b"// mine", b"// \xe9\x0c\xff mine"))
    configure(edited, LONGER)
    assert call("--diff").exception is None
    call()
    assert b"// \xe9\x0c\xff mine\n" in path.read_bytes()


def test_what_git_takes_for_binary_is_refused(edited: Path):
    path = edited / "Jenkinsfile"
    path.write_bytes(path.read_bytes().replace(b"// mine", b"// \0"))
    configure(edited, LONGER)
    before = tree(edited)
    result = call()
    assert isinstance(result.exception, StageFailed)
    assert "git cannot merge Jenkinsfile" in str(result.exception)
    assert tree(edited) == before


# --- where the base is missing ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("flags", [(), ("--check",), ("--diff",)])
def test_a_file_of_an_older_version_is_refused_with_the_ways_out(edited: Path, flags):
    shutil.rmtree(edited / ".jenkins-ml")
    before = tree(edited)
    result = call(*flags)
    assert isinstance(result.exception, StageFailed)
    assert "nothing says what was edited" in str(result.exception)
    assert "--mark" in result.exception.next_step
    assert "--force" in result.exception.next_step
    assert tree(edited) == before


def test_mark_without_a_base_shows_where_the_two_differ(edited: Path):
    shutil.rmtree(edited / ".jenkins-ml")
    assert call("--mark").exception is None
    text = (edited / "Jenkinsfile").read_text()
    assert text.count("<<<<<<<") == 1
    assert (
        "<<<<<<< edited\n    stage('Train') { // mine\n=======\n    stage('Train') {\n>>>>>>> generated now\n" in text
    )
    (edited / "Jenkinsfile").write_text(text.replace("<<<<<<< edited\n", "").partition("=======\n")[0])
    assert states("--check") == {"Jenkinsfile": "edited"}


def test_a_base_that_git_left_in_conflict_is_no_base(edited: Path):
    (edited / ".jenkins-ml/base/Jenkinsfile").write_text("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> branch\n")
    assert states("--check") == {"Jenkinsfile": "unknown"}


@pytest.mark.parametrize("flags", [(), ("--check",), ("--diff",), ("--mark",)])
def test_a_jenkinsfile_of_somebody_else_is_left_alone(folder: Path, flags):
    (folder / "Jenkinsfile").write_text("node { sh 'make' }\n")
    configure(folder, ROLLBACK)
    result = call(*flags)
    assert isinstance(result.exception, UsageError)
    assert "--force" in result.exception.next_step
    assert (folder / "Jenkinsfile").read_text() == "node { sh 'make' }\n"
    assert not (folder / "Jenkinsfile.rollback").exists()


def test_force_replaces_it(folder: Path):
    (folder / "Jenkinsfile").write_text("node { sh 'make' }\n")
    assert "-node { sh 'make' }\n" in call("--diff", "--force").stdout
    assert call("--force").exception is None
    assert made_by_us((folder / "Jenkinsfile").read_text())


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("elsewhere")], ids=["folder", "link"])
def test_what_is_no_plain_file_is_left_alone(folder: Path, make):
    make(folder / "Jenkinsfile")
    result = call("--force")
    assert isinstance(result.exception, UsageError)
    assert "no plain file" in str(result.exception)
    assert not (folder / "elsewhere").exists()


# --- files that are no longer asked for ------------------------------------------------------------------------------
def test_what_is_no_longer_asked_for_is_removed(folder: Path):
    configure(folder, ROLLBACK)
    call()
    configure(folder)
    result = call("--check")
    assert isinstance(result.exception, StageFailed)
    assert "Jenkinsfile.rollback is no longer asked for" in str(result.exception)
    assert (folder / "Jenkinsfile.rollback").exists()
    assert "removed Jenkinsfile.rollback" in call().stdout
    assert sorted(tree(folder)) == [".jenkins-ml/base/Jenkinsfile", "Jenkinsfile", "jenkins-ml.yaml"]
    assert states() == {"Jenkinsfile": "current"}


def test_it_stays_when_it_was_edited(folder: Path):
    configure(folder, ROLLBACK)
    call()
    with (folder / "Jenkinsfile.rollback").open("a") as stream:
        stream.write("// mine\n")
    configure(folder)
    for _ in range(2):
        assert "Jenkinsfile.rollback is no longer asked for, and stays" in call().stdout
    assert (folder / "Jenkinsfile.rollback").read_text().endswith("// mine\n")
    assert call("--check").exception is None
    configure(folder, ROLLBACK + LONGER)
    assert call().exception is None
    assert (folder / "Jenkinsfile.rollback").read_text().endswith("// mine\n")


def test_a_file_of_that_name_that_we_never_made_is_not_looked_at(folder: Path):
    (folder / "Jenkinsfile.rollback").write_text("node {}\n")
    assert call().stdout == "wrote Jenkinsfile\n"
    assert (folder / "Jenkinsfile.rollback").read_text() == "node {}\n"


# --- line ends -------------------------------------------------------------------------------------------------------
def as_on_windows(folder: Path) -> None:
    for path in (folder / "Jenkinsfile", folder / ".jenkins-ml/base/Jenkinsfile"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def bare_newlines(data: bytes) -> int:
    return data.count(b"\n") - data.count(b"\r\n")


def test_a_checkout_with_other_line_ends_is_current(folder: Path):
    call()
    as_on_windows(folder)
    before = tree(folder)
    assert call("--check").exception is None
    assert call("--diff").stdout == ""
    assert states() == {"Jenkinsfile": "current"}
    assert tree(folder) == before


@pytest.mark.parametrize("mine", [b"", b" // mine"])
def test_a_file_keeps_its_line_ends(folder: Path, mine):
    call()
    path, base = folder / "Jenkinsfile", folder / ".jenkins-ml/base/Jenkinsfile"
    as_on_windows(folder)
    path.write_bytes(path.read_bytes().replace(b"stage('Train') {", b"stage('Train') {" + mine))
    configure(folder, LONGER)
    assert call().exception is None
    for data in (path.read_bytes(), base.read_bytes()):
        assert bare_newlines(data) == 0
        assert b"time: 5" in data
    assert mine in path.read_bytes()
    assert call("--check").exception is None


def test_one_line_of_an_editor_with_other_line_ends_is_no_edit(folder: Path):
    call()
    path = folder / "Jenkinsfile"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n", 1))
    assert states("--check") == {"Jenkinsfile": "current"}


# --- git -------------------------------------------------------------------------------------------------------------
def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def test_in_a_folder_of_its_repository_the_pipeline_runs_there(folder: Path, monkeypatch: pytest.MonkeyPatch):
    git(folder, "init")
    model = folder / "models" / "it's"
    model.mkdir(parents=True)
    configure(model)
    monkeypatch.chdir(model)
    assert call().exception is None
    assert "models/it\\'s" in (model / "Jenkinsfile").read_text()
    assert "models" not in tree(folder)


def test_what_git_would_not_commit_is_said(folder: Path):
    git(folder, "init")
    (folder / ".gitignore").write_text(".jenkins-ml/\n")
    warned = call().stderr
    assert "git ignores .jenkins-ml/base/Jenkinsfile" in warned
    assert ".jenkins-ml/models/" in warned
    assert "git ignores" not in call().stderr
    shutil.rmtree(folder / ".jenkins-ml")
    (folder / ".gitignore").write_text(".jenkins-ml/models/\n.jenkins-ml/reports/\n")
    assert call().stderr == ""


# --- failures --------------------------------------------------------------------------------------------------------
def test_a_record_of_an_interruption_that_makes_no_sense_is_refused(folder: Path):
    call()
    (folder / ".jenkins-ml/base/unfinished.json").write_text("[1]")
    result = call()
    assert isinstance(result.exception, UsageError)
    assert "unfinished.json" in str(result.exception)


def test_an_interruption_and_then_an_edit_is_not_guessed_at(edited: Path, monkeypatch: pytest.MonkeyPatch):
    configure(edited, LONGER)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generated, "_put", stopped)
        assert isinstance(call().exception, Abort)
    edit(edited / "Jenkinsfile", "// mine", "// mine, later")
    assert states("--check") == {"Jenkinsfile": "unknown"}
    assert call("--mark").exception is None
    assert "// mine, later" in (edited / "Jenkinsfile").read_text()
    assert not (edited / ".jenkins-ml/base/unfinished.json").exists()


def test_an_interruption_after_the_last_file_does_not_hinder_edits(edited: Path, monkeypatch: pytest.MonkeyPatch):
    configure(edited, LONGER)

    def stopped(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stopped)
        assert isinstance(call().exception, Abort)
    edit(edited / "Jenkinsfile", "// mine", "// mine, later")
    assert states() == {"Jenkinsfile": "adopted"}
    assert states() == {"Jenkinsfile": "edited"}
    assert "// mine, later" in (edited / "Jenkinsfile").read_text()
