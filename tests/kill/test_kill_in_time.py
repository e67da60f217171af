"""kill -9, Ctrl-C and SIGTERM of `jenkins-ml run` and of its stages, while they run."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from jenkins_ml import names
from tests.fakes.repository import DATA, finish, processes_in, wait_until

pytestmark = [pytest.mark.kill, pytest.mark.tensorflow, pytest.mark.xdist_group("kill-in-time")]
MOMENTS = 24 if os.environ.get("JENKINS_ML_KILLS") == "all" else 4
SLOW = """
import time
from pathlib import Path

def load(split):
    if Path(f"slow-{split}").exists():
        time.sleep(100)
    return quick(split)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory, trained, repository_factory):
    """Version 1 is in production; a file "slow-train" or "slow-test" makes the data hang."""
    folder = tmp_path_factory.mktemp("kills") / "project"
    shutil.copytree(trained.folder, folder)
    with repository_factory(folder) as repository:
        repository.write(data_py=DATA.replace("def load", "def quick") + SLOW)
        repository.change("jenkins-ml.yaml", "train:", "test: {command: test ! -e slow || (sleep 100; true)}\ntrain:")
        repository.commit("slow data")
        repository.ok("run", run="zero")
        yield repository


@pytest.fixture
def repository(served):
    """That, with nothing under way."""
    yield served
    for file in ("slow", "slow-train", "slow-test"):
        (served.folder / file).unlink(missing_ok=True)
    wait_until(lambda: processes_in(served.folder) <= {served.server().pid}, "only the server is left")


class Output(threading.Thread):
    """Reads what a command says, as it says it."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.text = process, ""
        self.start()

    def run(self):
        for line in self.process.stderr:
            self.text += line

    def says(self, text):
        wait_until(lambda: text in self.text or self.process.poll() is not None, f"it says {text!r}")
        assert text in self.text, self.text


def sound(repository):
    """Nothing is left over but the server, the store is whole, and users are answered."""
    wait_until(lambda: processes_in(repository.folder) == {repository.server().pid}, "only the server is left")
    repository.ok("models", "verify")
    repository.store.journal.entries()
    assert repository.answering() in repository.store.versions()


def interrupt(process, number):
    """As it happens: Ctrl-C reaches the whole process group, SIGTERM only the process that it is sent to."""
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)


def prepare(repository, stage, run):
    """Let a stage hang; answers the arguments of run, and what the stage says when it does."""
    if stage == "test":
        (repository.folder / "slow").touch()
        return ["run"], "[test] test ! -e slow"
    if stage == "train":
        (repository.folder / "slow-train").touch()
        return ["run"], "[train] training by model:train"
    repository.ok("train", run=run)
    if stage == "gate":
        shutil.rmtree(repository.store.home / "predictions")
        (repository.folder / "slow-test").touch()
        return ["run", "--from", "gate"], "predicting the test split"
    repository.ok("gate", run=run)
    return ["run", "--from", "serve"], "50 % of the traffic"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["test", "train", "gate", "serve"])
def test_stopped(repository, stage, number):
    production = repository.production()
    run = f"{stage}-{number.name}"
    arguments, said = prepare(repository, stage, run)
    if stage == "serve":
        repository.change("jenkins-ml.yaml", "interval: 50ms", "interval: 50s")
    process = repository.start(*arguments, run=run)
    output = Output(process)
    output.says(said)
    interrupt(process, number)
    assert process.wait(30) == 130
    output.join(10)
    process.stdout.close()
    process.stderr.close()
    assert output.text.count(f"error: stopped by {number.name}\n  next: ") == 1
    assert f"JENKINS_ML_RUN={run} jenkins-ml run --from {stage}" in output.text
    assert "Traceback" not in output.text
    sound(repository)
    assert {repository.answering() for _ in range(20)} == {production}
    assert repository.production() == production
    assert repository.store.journal.history("production").open is None
    if stage == "serve":
        assert repository.kinds()[-1] == "release_abandoned"
        repository.change("jenkins-ml.yaml", "interval: 50s", "interval: 50ms")
    for file in ("slow", "slow-train", "slow-test"):
        (repository.folder / file).unlink(missing_ok=True)
    repository.ok("run", run=run)  # the same run goes on, and ends well
    assert repository.answering() == repository.production() > production


def stage_of(process):
    """The stage that a run has started last; None between two."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        found = [int(pid) for pid in children.read_text().split()]
    except FileNotFoundError:
        return None
    return found[-1] if found else None


@pytest.mark.parametrize("victim", ["run", "stage"])
def test_killed_at_spread_moments(repository, victim):
    began = time.monotonic()
    repository.ok("run", run=f"whole-{victim}")
    whole = time.monotonic() - began
    for number in range(MOMENTS):
        run = f"{victim}-{number}"
        production = repository.production()
        process = repository.start("run", run=run)
        time.sleep(whole * (number + 0.5) / MOMENTS)
        pid = process.pid if victim == "run" else stage_of(process)
        if pid is not None and process.poll() is None:
            os.kill(pid, signal.SIGKILL)
        done = finish(process)
        if victim == "stage":
            assert "Traceback" not in done.err
        sound(repository)
        repository.ok("run", run=run)
        sound(repository)
        assert repository.store.journal.history("production").open is None
        assert repository.answering() == repository.production() > production, (number, done)


def test_a_run_with_its_own_tensorflow_is_killed_and_nothing_is_left(repository):
    (repository.folder / "slow-train").touch()
    environment = repository._environment.pop(names.ENV_WARM)
    try:
        process = repository.start("run", run="cold")
        output = Output(process)
        output.says("[train] training by model:train")
        process.kill()
        process.wait(30)
        output.join(30)
        process.stdout.close()
        process.stderr.close()
        sound(repository)
    finally:
        repository._environment[names.ENV_WARM] = environment
