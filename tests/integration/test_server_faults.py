"""Servers that are killed, ports that are taken, and commands that come at the same time."""

import re
import shutil
import signal
import socket
from pathlib import Path

import pytest

from jenkins_ml import names
from tests.fakes.repository import finish, processes_in, wait_until

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("server-faults")]


@pytest.fixture(scope="module")
def live(tmp_path_factory, trained, repository_factory):
    """Versions 1 and 2 were released, version 3 of run "third" is approved; no server runs. Not to be changed."""
    folder = tmp_path_factory.mktemp("live") / "project"
    shutil.copytree(trained.folder, folder)
    with repository_factory(folder) as repository:
        repository.ok("serve", run="first")
        for stage in ("train", "gate", "serve"):
            repository.ok(stage, run="second")
        repository.ok("train", run="third")
        repository.ok("gate", run="third")
        repository.stop_server()
        yield repository


@pytest.fixture
def released(live, tmp_path, repository_factory):
    """A copy of that, with a server."""
    shutil.copytree(live.folder, tmp_path / "project")
    with repository_factory(tmp_path / "project") as repository:
        repository.ok("server")
        assert repository.answering() == 2
        yield repository


@pytest.mark.parametrize(
    ("command", "production"), [(("serve",), 3), (("rollback",), 1), (("server",), 2), (("status",), None)]
)
def test_a_server_that_was_killed_is_brought_back(released, command, production):
    released.kill_server()
    released.ok(*command, run="third")
    if production is None:
        assert released.server() is None  # status only looks
    else:
        assert {released.answering() for _ in range(10)} == {production}
        assert released.production() == production


def test_a_server_that_dies_with_its_canary_comes_back_with_production(released):
    released.change(names.CONFIG_FILE, "interval: 50ms", "interval: 5s")
    process = released.start("serve", run="third")
    wait_until(lambda: "release_step" in released.kinds()[-1:], "the canary gets traffic")
    released.kill_server()
    done = finish(process)
    assert (done.code, len(re.findall("(?m)^error: ", done.err))) == (6, 1), done.err
    assert "does not answer" in done.error
    assert released.kinds()[-1] == "release_abandoned"
    assert {released.answering() for _ in range(10)} == {2}
    assert processes_in(released.folder) == {released.server().pid}


@pytest.mark.parametrize("key", ["rest_port", "grpc_port"])
def test_a_port_in_use(released, key):
    released.stop_server()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        released.change(names.CONFIG_FILE, f"{key}: 0", f"{key}: {port}")
        done = released.call("serve", run="third")
        print(done.error)
        assert (done.code, done.errors) == (6, 1), done.err
        assert f"port {port} is in use" in done.error
        assert f"serve.{key}" in done.error
        assert processes_in(released.folder) == set()
    released.ok("serve", run="third")
    assert released.answering() == 3


def test_two_releases_at_once(released):
    released.change(names.CONFIG_FILE, "interval: 50ms", "interval: 2s")
    process = released.start("serve", run="third")
    wait_until(lambda: "release_started" in released.kinds()[-2:], "the first has begun")
    for command in ("serve", "rollback", "server"):
        done = released.call(command, run="third")
        assert (done.code, done.errors) == (6, 1), done.err
        assert f"production is being changed by process {process.pid} (serve, run third)" in done.error
        assert "next: wait until it has ended" in done.error
    assert finish(process).code == 0
    assert released.answering() == 3


def test_two_runs_at_once(released):
    """One of them wins; the other gets its message, and goes on from there once it was gated again."""
    processes = {run: released.start("run", run=run) for run in ("a", "b")}
    ended = {run: finish(process) for run, process in processes.items()}
    codes = {run: done.code for run, done in ended.items()}
    assert set(codes.values()) <= {0, 4, 6}, ended
    assert 0 in codes.values(), ended
    for run, done in ended.items():
        if done.code == 6:
            assert "production is being changed by process" in done.err
        if done.code == 4:
            assert "production has moved" in done.err
        if done.code:
            released.ok("run", "--from", "gate", run=run)
    released.ok("models", "verify")
    assert released.answering() == released.production()
    assert released.store.versions() == (1, 2, 3, 4, 5)
    assert sorted(entry.run for entry in released.store.journal.entries() if entry.kind == "released")[:2] == ["a", "b"]
    assert released.store.journal.history("production").open is None


def test_two_trainings_by_command_in_one_folder(released):
    released.change(names.CONFIG_FILE, '{entrypoint: "model:train"}', "{command: touch began; sleep 60, output: m.h5}")
    process = released.start("train", run="a")
    wait_until(lambda: (released.folder / "began").exists(), "the first trains")
    done = released.call("train", run="b")
    assert (done.code, done.errors) == (6, 1), done.err
    assert f"process {process.pid} is training in this folder" in done.error
    process.send_signal(signal.SIGTERM)
    assert finish(process).code == 130
    wait_until(lambda: len(processes_in(released.folder)) == 1, "only the server is left")


class TestRollback:
    def test_of_a_release_whose_process_died_puts_production_back(self, released):
        entries = len(released.kinds())
        for at in range(20, 1000, 10):  # somewhere in the canary
            released.call("serve", run="third", at=at)
            if "release_step" in released.kinds()[entries:]:
                break
        done = released.ok("rollback")
        assert "version 2 is in production again; version 3 was taken out" in done.err
        assert {released.answering() for _ in range(10)} == {2}
        assert released.kinds()[-1] == "release_abandoned"
        done = released.ok("rollback")  # nothing is under way any more: one further back
        assert "version 1 is in production again; version 2 was taken out" in done.err
        assert released.answering() == 1

    def test_happens_once_a_run(self, released):
        for _ in range(2):
            released.ok("rollback", run="back")
            assert released.answering() == 1
        assert released.kinds().count("rolled_back") == 1

    def test_to_where_nothing_was(self, released):
        for version in (2, 3, 9):
            done = released.call("rollback", "--to", str(version))
            assert (done.code, done.errors) == (2, 1), done.err
            assert f"version {version} is not one to go back to in production" in done.error
            assert "next: these were good: 1" in done.error
        released.ok("rollback")
        done = released.call("rollback")
        assert (done.code, done.errors) == (2, 1), done.err
        assert "version 1 is the only one that was ever good" in done.error
        done = released.call("rollback", "--environment", "staging")
        assert (done.code, done.errors) == (2, 1), done.err
        assert "nothing is in production in staging" in done.error


def test_the_server_is_only_for_its_owner(released):
    state = released.store.server_state("production")
    assert state.stat().st_mode & 0o077 == 0
    token = released.server().token
    log = state.with_suffix(".log").read_text()
    assert token not in log
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert token.encode() not in path.read_bytes()
        except OSError:
            continue
