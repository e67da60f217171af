"""A process of ours, started or forked, ends when it is told to and when we end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml import names
from jenkins_ml.adapters import warm
from jenkins_ml.adapters.child import Child
from jenkins_ml.errors import Unavailable
from tests.fakes.repository import ROOT, wait_until

FRAMEWORKS = ROOT / "tests/fakes/frameworks"
KEEP = (
    "import os, time; from jenkins_ml.adapters.child import Child; "
    "child = Child('tests.fakes.worker', ['stay', 'pid'], (0, 1, 2)); time.sleep(100)"
)


@pytest.fixture(params=["started", "forked"])
def how(request, monkeypatch):
    """Once without a warm process, once with one (that finds no TensorFlow, and so is warm at once)."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(FRAMEWORKS), str(ROOT))))
    if request.param == "started":
        yield
        return
    with warm.started() as address:
        monkeypatch.setenv(names.ENV_WARM, str(address))
        yield


def number_in(file):
    wait_until(lambda: file.exists() and file.read_text().strip(), f"{file} is written", 20)
    return int(file.read_text())


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def child(*argv):
    with Path(os.devnull).open("rb") as nothing:
        return Child("tests.fakes.worker", argv, (nothing.fileno(), 2, 2))


def test_its_exit_code(how):
    with child("exit", "3") as process:
        assert process.wait(20) == 3
        assert process.wait(0) == 3  # again


def test_it_can_be_waited_for_in_vain(how, tmp_path):
    with child("stay", str(tmp_path / "pid")) as process:
        with pytest.raises(TimeoutError):
            process.wait(0.05)
        assert number_in(tmp_path / "pid") == process.pid


def test_it_is_killed_at_the_end_of_the_block(how, tmp_path):
    with child("stay", str(tmp_path / "pid")):
        pid = number_in(tmp_path / "pid")
        assert not gone(pid)
    wait_until(lambda: gone(pid), "it has ended")


def test_a_signal_that_ends_it_is_told(how, tmp_path):
    with child("stay", str(tmp_path / "pid")) as process:
        os.kill(number_in(tmp_path / "pid"), 9)
        assert process.wait(20) == -9


def test_it_ends_when_we_are_killed(how, tmp_path):
    with subprocess.Popen([sys.executable, "-c", KEEP], cwd=tmp_path, stdin=subprocess.DEVNULL) as parent:
        pid = number_in(tmp_path / "pid")
        assert not gone(pid)
        parent.kill()
    wait_until(lambda: gone(pid), "it has ended")


def test_a_warm_process_that_is_gone(monkeypatch, tmp_path):
    monkeypatch.setenv(names.ENV_WARM, str(tmp_path / "nothing"))
    with pytest.raises(Unavailable, match="keeps TensorFlow imported does not answer"):
        child("exit", "0")
