"""What stages do for a Jenkins build, without any training or server: failure.txt, the tests' results, the lock."""

import json
import os
import signal
import socket
from pathlib import Path

import click
import pytest

from jenkins_ml import names
from jenkins_ml.adapters import server_process
from jenkins_ml.errors import GateRejected, Unavailable
from jenkins_ml.records import JournalEntry, decode, encode
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps import serving
from jenkins_ml.steps.common import Project
from jenkins_ml.steps.entry import StageCommand, directory_option, guarded
from tests.fakes.repository import CONFIG, Repository
from tests.fakes.target import FakeTarget

RECORDS = Path(__file__).parents[2] / "contract" / "records"
XML = '<testsuite tests="1"><testcase name="t" classname="c"/></testsuite>'


@pytest.fixture
def build(monkeypatch, tmp_path):
    """This process is a stage of a build, in an empty folder."""
    monkeypatch.setenv(names.ENV_BUILD_TAG, "jenkins-x-1")
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield tmp_path
    for number, handler in before.items():
        signal.signal(number, handler)


def stage(action, arguments=()):
    command = StageCommand("stage", callback=lambda: action())
    command.params.append(directory_option)
    return guarded(lambda: command.main(list(arguments), standalone_mode=False))


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (GateRejected("the gate rejected it", "see why"), 3, "the gate rejected it\n"),
        (click.UsageError("no such thing"), 2, "no such thing\n"),
        (OSError(28, "No space left on device", "/store"), 6, "a file operation failed: the disk is full (/store)\n"),
        (KeyError("x"), 1, "KeyError: 'x'\n"),
        (KeyboardInterrupt("SIGTERM"), 130, "stopped by SIGTERM\n"),
        (GateRejected("\udcff is no text"), 3, "? is no text\n"),
    ],
)
def test_the_message_of_a_failure_is_kept_for_the_build(build, error, code, message):
    assert stage(raising(error)) == code
    assert (build / names.FAILURE_FILE).read_text() == message


def test_it_lies_in_the_folder_that_the_stage_runs_in(build):
    (build / "models").mkdir()
    assert stage(raising(GateRejected("no")), ["-C", "models"]) == 3
    assert (build / "models" / names.FAILURE_FILE).read_text() == "no\n"


def test_a_stage_removes_an_older_one_when_it_starts(build):
    path = build / names.FAILURE_FILE
    stage(raising(GateRejected("no")))
    seen = []
    assert stage(lambda: seen.append(path.exists())) == 0
    assert seen == [False]
    assert not path.exists()


@pytest.mark.parametrize("error", [click.exceptions.Exit(0), BrokenPipeError()])
def test_what_is_no_failure_leaves_none(build, error):
    assert stage(raising(error)) == 0
    assert not (build / names.FAILURE_FILE).exists()


def test_that_it_cannot_be_kept_does_not_hide_the_failure(build, capsys):
    (build / ".jenkins-ml").write_text("a file where a folder is needed")
    assert stage(raising(GateRejected("no"))) == 3
    assert capsys.readouterr().err == "error: no\n"


def test_other_commands_leave_it_as_it_is(build):
    stage(raising(GateRejected("no")))
    telling = click.Command("publish", callback=raising(Unavailable("the forge is down")))
    assert guarded(lambda: telling.main([], standalone_mode=False)) == 6
    assert (build / names.FAILURE_FILE).read_text() == "no\n"


def test_outside_jenkins_there_is_none(build, monkeypatch):
    monkeypatch.delenv(names.ENV_BUILD_TAG)
    assert stage(raising(GateRejected("no"))) == 3
    assert not (build / ".jenkins-ml").exists()


# --- tests -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def testing(tmp_path, commands):
    """Makes a repository in a folder of an awkward name, with a test command; answers it and its folder of results."""

    def make(command):
        configuration = CONFIG.replace("train:", f"test: {{command: '{command}'}}\ntrain:")
        repository = Repository(tmp_path / "it's a workspace@2", {}, commands, jenkins_ml_yaml=configuration)
        return repository, repository.folder / names.REPORTS_DIR / "r" / "tests"

    return make


def test_pytest_writes_its_results_where_jenkins_reads_them(testing):
    repository, results = testing("pytest -q -p no:cacheprovider")
    repository.write(test_it_py="def test_good(): pass\n")
    assert repository.call("test", run="r").code == 0
    assert 'name="test_good"' in (results / "junit.xml").read_text()
    repository.write(test_it_py="def test_bad(): assert False\n")
    assert repository.call("test", run="r", PYTEST_ADDOPTS="--tb=no -k bad").code == 1
    text = (results / "junit.xml").read_text()
    assert 'name="test_bad"' in text
    assert 'failures="1"' in text
    assert "test_good" not in text


def test_other_tools_are_told_the_folder(testing):
    repository, results = testing('cp results.xml "$JENKINS_ML_TEST_REPORTS/other.xml"')
    (repository.folder / "results.xml").write_text(XML)
    assert repository.call("test", run="r").code == 0
    assert (results / "other.xml").read_text() == XML


def test_what_the_user_has_set_for_pytest_stays(testing):
    repository, _ = testing('echo "$PYTEST_ADDOPTS" > seen')
    assert repository.call("test", run="r", PYTEST_ADDOPTS="-k 'a or b'").code == 0
    assert (repository.folder / "seen").read_text().startswith("-k 'a or b' ")


def test_results_of_an_earlier_try_do_not_count(testing):
    repository, results = testing('test ! -e "$JENKINS_ML_TEST_REPORTS/junit.xml"')
    results.mkdir(parents=True)
    (results / "junit.xml").write_text(XML)
    assert repository.call("test", run="r").code == 0
    assert list(results.iterdir()) == []


def test_half_a_result_is_not_left_for_jenkins(testing):
    repository, results = testing(
        'cd "$JENKINS_ML_TEST_REPORTS"; cp ../../../../whole.xml .; echo "<testsuite" > half.xml; exit 3'
    )
    (repository.folder / "whole.xml").write_text(XML)
    done = repository.call("test", run="r")
    assert done.code == 1
    assert "half.xml is no whole XML document" in done.err
    assert [path.name for path in results.iterdir()] == ["whole.xml"]


# --- the journal and the server --------------------------------------------------------------------------------------
def entry(**evidence):
    return JournalEntry(
        number=1, time="t", kind="released", environment="production", version=1, manifest_digest="d", previous=None,
        run="r", by="b", reason="x", evidence=evidence,
    )  # fmt: skip


def test_the_journal_s_format_has_not_changed_for_approvers():
    """An older jenkins-ml on another agent refuses fields that it does not know."""
    approved = entry(approver="alice")
    fields = set(json.loads((RECORDS / "journal-1.json").read_bytes()))
    assert set(json.loads(encode(approved))) == fields
    assert decode(JournalEntry, encode(approved), "it").approver == "alice"
    assert encode(approved).count(b'"approver"') == 1
    assert entry().approver is None
    assert entry(approver=7).approver is None


def test_who_holds_the_lock_is_said_with_the_machine(tmp_path, monkeypatch, commands):
    monkeypatch.chdir(Repository(tmp_path / "p", {}, commands).folder)
    project = Project.here()
    quiet = Reporter(None)
    first, second = (
        serving.releasing(project, FakeTarget(), "production", what, quiet) for what in ("serve, run r", "rollback")
    )
    with first, pytest.raises(Unavailable) as caught, second:
        pytest.fail("two hold it")
    holder = f"process {os.getpid()} (serve, run r) on {socket.gethostname()}"
    assert caught.value.what == f"production is being changed by {holder}"


def test_the_server_carries_no_cookie_of_the_build_and_no_secret(tmp_path, monkeypatch):
    cookies = ("JENKINS_NODE_COOKIE", "JENKINS_SERVER_COOKIE", "HUDSON_COOKIE", "HUDSON_SERVER_COOKIE", "BUILD_ID")
    for name in cookies:
        monkeypatch.setenv(name, "of-this-build")
    monkeypatch.setenv("TOKEN", "s3cret")
    monkeypatch.setenv("KEPT", "yes")
    started = []

    def spawn(argv, environment, log):
        started.append(dict(environment))
        raise Unavailable("it was only looked at")

    with pytest.raises(Unavailable, match="only looked at"):
        server_process.start(tmp_path / "s.json", "m", "production", 0, 0, tmp_path / "log", spawn, hidden={"TOKEN"})
    [environment] = started
    assert {environment[name] for name in cookies} == {"dontKillMe"}
    assert "TOKEN" not in environment
    assert environment["KEPT"] == "yes"
