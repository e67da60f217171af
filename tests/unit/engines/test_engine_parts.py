"""What the engines of the tests are made of, without an engine."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.engines import cache, missing
from tests.engines.daemons import Daemon, NotReady

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JENKINS_ML_ENGINES_CACHE", str(tmp_path / "cache"))
    return tmp_path


class TestCache:
    def test_what_is_kept_is_made_once_even_when_two_want_it(self):
        made, at_work = [], threading.Barrier(2)

        def make(folder):
            made.append(folder)
            time.sleep(0.05)
            (folder / "thing").write_text("whole")

        def want():
            at_work.wait()
            assert (cache.kept("things", "a", make) / "thing").read_text() == "whole"

        threads = [threading.Thread(target=want) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1

    def test_what_was_not_finished_is_made_anew(self):
        def dies(folder):
            (folder / "half").touch()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            cache.kept("things", "a", dies)
        assert list(cache.kept("things", "a", lambda folder: None).iterdir()) == []

    def test_what_nobody_asks_for_is_thrown_away(self):
        old = cache.kept("things", "old", lambda folder: None)
        os.utime(old, (0, 0))
        new = cache.kept("things", "new", lambda folder: None)
        assert new.exists()
        assert not old.exists()

    def test_another_process_is_not_waited_for_for_ever(self, tmp_path):
        refused = pytest.raises(TimeoutError, match="another process has")
        with cache.locked(tmp_path / "lock"), refused, cache.locked(tmp_path / "lock", seconds=0):
            pass

    def test_a_key_tells_inputs_apart(self):
        keys = {cache.key(), cache.key(b"ab"), cache.key(b"a", b"b"), cache.key("ab"), cache.key(["a", "b"])}
        assert len(keys) == 5


class TestScratch:
    def test_what_killed_processes_left_goes_and_what_others_use_stays(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (tmp_path / "engine-dead").mkdir()
        (tmp_path / "engine-dead/lock").touch()
        (tmp_path / "engine-of-somebody").mkdir()
        with cache.scratch("engine-") as one, cache.scratch("engine-") as other:
            assert one.exists()
            assert {path.name for path in tmp_path.glob("engine-*")} == {one.name, other.name, "engine-of-somebody"}
        assert not one.exists()


class TestDaemon:
    def test_it_ends_with_the_process_that_started_it(self, tmp_path):
        log = str(tmp_path / "log")
        script = f"""
import os
from pathlib import Path
from tests.engines.daemons import Daemon
daemon = Daemon(["sh", "-c", "echo up; exec sleep 600"], Path({log!r}))
daemon.wait_until("it is up", daemon.tail)
print(daemon.pid, flush=True)
os.kill(os.getpid(), 9)
"""
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL
        while Path(f"/proc/{int(done.stdout)}").exists():
            time.sleep(0.01)

    def test_one_that_does_not_listen_is_killed(self, tmp_path):
        daemon = Daemon(["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"], tmp_path / "log")
        daemon.wait_until("it listens no more", lambda: "deaf" in daemon.tail())
        daemon.stop(0.05)
        assert daemon.process.returncode == -signal.SIGKILL

    def test_one_that_ends_before_it_is_ready_says_why(self, tmp_path):
        daemon = Daemon(["sh", "-c", "echo no such file; exit 3"], tmp_path / "log")
        with pytest.raises(NotReady, match=r"(?s)the engine: sh ended with 3.*no such file"):
            daemon.wait_until("the engine", lambda: False)

    def test_one_that_is_never_ready_is_not_waited_for(self, tmp_path):
        daemon = Daemon(["sleep", "600"], tmp_path / "log")
        with pytest.raises(NotReady, match="the engine: not within 0 s"):
            daemon.wait_until("the engine", lambda: False, seconds=0)
        daemon.stop()

    def test_proxies_are_not_for_engines(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
        daemon = Daemon(["env"], tmp_path / "log")
        daemon.process.wait()
        assert "PATH=" in daemon.log.read_text()
        assert "proxy.test" not in daemon.log.read_text()


class TestMissing:
    def test_it_names_what_is_not_there(self):
        with pytest.raises(missing.MissingPart, match="needs no-such-program and none-such"):
            missing.need("sh", "no-such-program", "none-such")

    def test_a_user_goes_without_it(self, monkeypatch):
        monkeypatch.delenv("JENKINS_ML_REQUIRE", raising=False)
        with pytest.raises(pytest.skip.Exception, match="needs it"):
            missing.leave_out("needs it")

    def test_continuous_integration_does_not(self, monkeypatch):
        monkeypatch.setenv("JENKINS_ML_REQUIRE", "all")
        with pytest.raises(pytest.fail.Exception, match="needs it"):
            missing.leave_out("needs it")
