"""examples/jobs/Jenkinsfile on Jenkins' own Groovy, with the real command, against a (fake) server."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.fakes.jenkins import FakeJenkins
from tests.fakes.repository import ROOT
from tests.groovy_harness import run_jenkinsfiles

pytestmark = pytest.mark.groovy
JOBS = """
owner: platform
jobs:
  - {name: team/a, inline: "echo 'a'"}
  - {name: team/b, inline: "echo 'b'"}
"""


@pytest.fixture
def server():
    with FakeJenkins(quiet_period=0) as running:
        yield running


@pytest.fixture
def build(tmp_path, server):
    """Runs a build of the job that applies a jobs.yaml; answers what the harness says."""
    repository = tmp_path / "platform"
    repository.mkdir()
    (repository / "jobs.yaml").write_text(JOBS)
    shutil.copy(ROOT / "examples/jobs/Jenkinsfile", repository)
    known = json.loads((ROOT / "tests/groovy/server.json").read_text())
    known["agents"] = [{"name": "one", "labels": ["linux"], "executors": 1}]
    user = {"type": "usernamePassword", "username": server.admin.name, "password": server.admin.token}
    known["credentials"] = {"jenkins-jobs": user}
    known["libraries"] = {}
    (tmp_path / "server.json").write_text(json.dumps(known))

    def run(*options):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        given = ["--scm", str(repository), "--server", str(tmp_path / "server.json")]
        given += ["--env", f"PATH={path}", "--env", f"JENKINS_URL={server.url}", *options]
        given += ["--console-dir", str(tmp_path / "console")]
        [outcome] = run_jenkinsfiles([repository / "Jenkinsfile"], options=given)
        return outcome

    run.folder = tmp_path
    run.jobs = repository / "jobs.yaml"
    return run


def console(folder):
    return "".join(path.read_text() for path in (folder / "console").rglob("*") if path.is_file())


def test_the_main_branch_applies_what_somebody_agreed_to(build, server):
    outcome = build("--branch", "main", "--input", "approve")
    assert outcome["result"] == "SUCCESS", outcome
    assert [(stage["name"], stage["status"]) for stage in outcome["stages"]] == [
        ("Plan", "SUCCESS"),
        ("Agree", "SUCCESS"),
        ("Apply", "SUCCESS"),
    ]
    assert server.config("team/a") is not None
    assert server.config("team/b") is not None
    assert server.admin.token not in console(build.folder)


def test_nothing_happens_where_nobody_agrees(build, server):
    assert build("--branch", "main", "--input", "abort")["result"] == "ABORTED"
    assert not [request for request in server.requests if request.method == "POST"]


def test_another_branch_only_shows_the_plan(build, server):
    outcome = build("--branch", "topic")
    assert outcome["result"] == "SUCCESS", outcome
    assert "+ create team/a" in console(build.folder)
    assert not [request for request in server.requests if request.method == "POST"]


def test_a_file_with_a_mistake_fails_before_anybody_is_asked(build, server):
    build.jobs.write_text(JOBS.replace("inline", "inlin"))
    outcome = build("--branch", "main", "--input", "approve")
    assert outcome["result"] == "FAILURE", outcome
    assert outcome["commands"][-1]["status"] == 2
    assert server.requests == []
