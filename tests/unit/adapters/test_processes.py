import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml.adapters import warm
from jenkins_ml.adapters.processes import run_command
from jenkins_ml.errors import StageFailed, Unavailable
from tests.fakes.repository import ROOT, wait_until

FRAMEWORKS = ROOT / "tests/fakes/frameworks"


def number_in(file):
    """The process whose number a file will hold."""
    wait_until(lambda: file.exists() and file.read_text().strip(), f"{file} is written", 20)
    return int(file.read_text())


def gone(pid):
    """Whether a process has ended; one that waits to be reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def run(command, directory, timeout=20):
    run_command(command, directory, os.environ, timeout, "the tests")


class TestCommands:
    def test_output_goes_to_standard_error(self, tmp_path, capfd):
        run("echo out; echo err >&2; pwd", tmp_path)
        assert capfd.readouterr() == ("", f"out\nerr\n{tmp_path}\n")

    def test_python_is_the_one_that_runs_us(self, tmp_path, capfd):
        run("command -v python", tmp_path)
        assert capfd.readouterr().err == f"{Path(sys.executable).parent / 'python'}\n"

    @pytest.mark.parametrize(
        ("command", "message"),
        [("exit 3", "the tests exited with 3: exit 3"), ("kill -TERM $$", "the tests was killed by SIGTERM")],
    )
    def test_how_it_ended_is_said(self, tmp_path, command, message):
        with pytest.raises(StageFailed, match=message):
            run(command, tmp_path)

    def test_what_takes_too_long_is_ended_with_all_it_has_started(self, tmp_path):
        with pytest.raises(StageFailed, match=r"took longer than 0\.5 s"):
            run("sleep 100 & echo $! > pid; wait", tmp_path, 0.5)
        wait_until(lambda: gone(number_in(tmp_path / "pid")), "it has ended")

    def test_what_it_leaves_running_is_ended(self, tmp_path):
        run("sleep 100 & echo $! > pid", tmp_path)
        wait_until(lambda: gone(number_in(tmp_path / "pid")), "it has ended")

    def test_it_ends_when_we_are_killed(self, tmp_path):
        code = (
            "import os, pathlib; from jenkins_ml.adapters.processes import run_command; "
            "run_command('sleep 100 & echo $! > pid; wait', pathlib.Path.cwd(), os.environ, 100, 'it')"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        pid = number_in(tmp_path / "pid")
        assert not gone(pid)
        process.kill()
        process.wait(10)
        wait_until(lambda: gone(pid), "it has ended")


@pytest.fixture
def address(monkeypatch):
    """A warm process that finds no TensorFlow, and so is warm at once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(FRAMEWORKS), str(ROOT))))
    with warm.started() as address:
        yield address


def fork(address, *argv, stdio=(0, 1, 2), detach=False):
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        return warm.fork(
            address, "tests.fakes.worker", list(argv), stdio=tuple(stdio or (nothing,) * 3),
            environment={"TOLD": "this", "PATH": os.environ["PATH"]}, detach=detach,
        )  # fmt: skip
    finally:
        os.close(nothing)


class TestWarm:
    def test_a_process_gets_its_streams_environment_folder_and_arguments(self, address, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name, text in (("in", "from outside"), ("out", ""), ("err", "")):
            (tmp_path / name).write_text(text)
        with (
            (tmp_path / "in").open() as given,
            (tmp_path / "out").open("w") as out,
            (tmp_path / "err").open("w") as err,
        ):
            forked = fork(address, "tell", "a", "b", stdio=(given.fileno(), out.fileno(), err.fileno()))
            assert forked.wait(20) == 0
        assert (tmp_path / "out").read_text() == f"from outside this {tmp_path} ['a', 'b']\n"
        assert (tmp_path / "err").read_text() == "and this\n"

    @pytest.mark.parametrize(("argv", "code"), [(("exit", "0"), 0), (("exit", "7"), 7), (("raise",), 1)])
    def test_exit_codes_come_back(self, address, argv, code):
        assert fork(address, *argv, stdio=()).wait(20) == code

    def test_a_signal_comes_back(self, address, tmp_path):
        forked = fork(address, "stay", str(tmp_path / "pid"), stdio=())
        os.kill(number_in(tmp_path / "pid"), signal.SIGSEGV)
        assert forked.wait(20) == -signal.SIGSEGV

    def test_waiting_has_a_deadline(self, address, tmp_path):
        forked = fork(address, "stay", str(tmp_path / "pid"), stdio=())
        with pytest.raises(TimeoutError):
            forked.wait(0.1)
        forked.kill()

    def test_a_process_ends_with_who_asked_for_it(self, address, tmp_path):
        forked = fork(address, "stay", str(tmp_path / "pid"), stdio=())
        pid = number_in(tmp_path / "pid")
        forked.kill()
        wait_until(lambda: gone(pid), "it has ended")

    def test_a_process_that_is_given_up_at_once_ends_too(self, address, tmp_path):
        given_up = [fork(address, "stay", str(tmp_path / "pid"), stdio=()) for _ in range(30)]
        for forked in given_up:
            forked.kill()
        wait_until(lambda: all(gone(forked.pid) for forked in given_up), "they have ended")

    def test_what_it_leaves_running_is_ended(self, address, tmp_path):
        assert fork(address, "leave", str(tmp_path / "pid"), stdio=()).wait(20) == 0
        wait_until(lambda: gone(number_in(tmp_path / "pid")), "it has ended")

    def test_a_detached_process_outlives_who_asked_for_it(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(FRAMEWORKS), str(ROOT))))
        with warm.started() as address:
            attached = fork(address, "stay", str(tmp_path / "attached"), stdio=())
            detached = fork(address, "stay", str(tmp_path / "detached"), stdio=(), detach=True)
            stays, ends = number_in(tmp_path / "detached"), number_in(tmp_path / "attached")
            detached.kill()
        try:
            wait_until(lambda: gone(ends), "the one that is attached has ended")
            assert not gone(stays)
        finally:
            os.kill(stays, signal.SIGKILL)
            attached.kill()

    def test_processes_end_with_the_warm_one(self, address, tmp_path):
        forked = fork(address, "stay", str(tmp_path / "pid"), stdio=())
        pid = number_in(tmp_path / "pid")
        [parent] = [
            line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("PPid")
        ]
        os.kill(int(parent), signal.SIGKILL)
        wait_until(lambda: gone(pid), "it has ended")
        with pytest.raises(Unavailable, match="ended"):
            forked.wait(20)
        with pytest.raises(Unavailable, match="does not answer"):
            fork(address, "exit", "0", stdio=())
