"""examples/bootstrap against the fake server: a fresh one, one that is there already, one that fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.jenkins import Build, FakeJenkins
from tests.fakes.jenkins_jobs import VARIABLES

SCRIPT = Path(__file__).parents[2] / "examples/bootstrap/bootstrap.py"


@pytest.fixture
def fake():
    with FakeJenkins() as running:
        yield running


def bootstrap(fake, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {"JENKINS_URL": fake.url, "JENKINS_USER": fake.admin.name, "JENKINS_TOKEN": fake.admin.token}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_server_that_is_just_starting(fake):
    fake.restart(timeline=[("refused", 0.5), ("503", 0.5)])
    done = bootstrap(fake, "ä & b")
    fake.wait_restarted()
    assert done.returncode == 0, done.stderr
    assert "Jenkins 2." in done.stdout
    assert "Finished: SUCCESS" in done.stdout
    assert done.stdout.endswith(f"{fake.url}job/ml/job/hello/1/ ended SUCCESS\n")
    [run] = fake.runs("ml/hello")
    assert run.value("WHO") == "ä & b"


def test_it_can_be_run_again_and_exits_with_the_result(fake):
    assert bootstrap(fake).returncode == 0
    fake.script("ml/hello", Build(result="UNSTABLE"))
    again = bootstrap(fake)
    assert again.returncode == 1
    assert "/job/ml/job/hello/2/ ended UNSTABLE" in again.stdout


def test_an_error_is_one_message_and_an_exit_code(fake):
    done = bootstrap(fake, JENKINS_TOKEN="")
    assert done.returncode == 2
    assert done.stderr.startswith("error: which Jenkins, and as whom? JENKINS_TOKEN is not set")


def test_it_stays_short():
    assert len(SCRIPT.read_text().splitlines()) <= 60
