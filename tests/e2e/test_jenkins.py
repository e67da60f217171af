"""The life of examples/digits on Jenkins' own Groovy: generated Jenkinsfiles that really train, gate and serve.

Each stage has an agent of its own, whose workspace no other stage sees; the server outlives the builds.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from jenkins_ml import names
from jenkins_ml.adapters import local_server
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.config import jobs_file
from jenkins_ml.rendering.release_job import release_script
from tests.fakes.repository import ROOT, Repository
from tests.groovy_harness import run_jenkinsfiles

pytestmark = [pytest.mark.e2e, pytest.mark.groovy, pytest.mark.tensorflow, pytest.mark.xdist_group("e2e-jenkins")]
AGENTS = json.dumps([{"name": name, "labels": ["linux"], "executors": 2} for name in ("ml-1", "ml-2")])
JENKINS = """\
jenkins:
  style: {style}
  library: {{version: v1}}
  agent: {{label: linux}}
  agents: {{train: {{node: ml-2}}, serve: {{node: ml-1}}}}
  results: {{rejected: unstable}}
  rollback_job: true
"""


class Jenkins:
    """A job of the digits repository: one git repository, one store, and builds of it."""

    def __init__(self, repository: Repository, store) -> None:
        self.repository, self.store_root = repository, store
        self.store = ModelStore(store, "digits")
        self._number = 0

    def style(self, style: str) -> None:
        """Generate in a style, and commit."""
        text = self._plain + JENKINS.format(style=style)
        (self.repository.folder / names.CONFIG_FILE).write_text(text)
        self.repository.ok("generate", "--force")
        self.repository.commit(style)

    def begin(self) -> None:
        self.repository.change(names.CONFIG_FILE, "interval: 1s", "interval: 100ms, min_requests: 20")
        self.repository.change(names.CONFIG_FILE, "serve:\n", "serve:\n  rest_port: 0\n  grpc_port: 0\n")
        # On agents a first release has to be allowed: a lost store must not look like one.
        self.repository.change(names.CONFIG_FILE, "gate:\n", "gate:\n  first_release: allow\n")
        self._plain = (self.repository.folder / names.CONFIG_FILE).read_text()

    def release_job(self, kind: str) -> str:
        """The text of a ready-made job of jobs.yaml that acts on production."""
        text = f"""
owner: test
jobs:
  - name: prod/{kind}
    type: {kind}
    scm: {{git: "{self.repository.folder}"}}
    agent: {{node: ml-1}}
    store: {self.store_root}
"""
        return release_script(jobs_file.loads(text)[f"prod/{kind}"])

    def build(self, file: str = "Jenkinsfile", branch: str = "main", script: str | None = None, **params: str):
        """One build, of a file of the repository or of an inline job; answers what the harness says about it."""
        self._number += 1
        options = ["--scm", str(self.repository.folder), "--agents", AGENTS, "--branch", branch, "--deadline", "300"]
        options += ["--env", f"{names.ENV_STORE}={self.store_root}"]
        options += ["--env", f"PATH={Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"]
        if params:
            options += ["--params", json.dumps(params)]
        # A job is named after its folder; each build is the first of a job here, and so a run of its own.
        job = self.store_root.with_name(f"job-{self._number}") / file
        job.parent.mkdir()
        if script is None:
            shutil.copy(self.repository.folder / file, job)
        else:
            job.write_text(script)
        [outcome] = run_jenkinsfiles([job], library=ROOT, options=options)
        return outcome

    def production(self) -> int | None:
        reference = self.store.journal.history("production").production
        return reference.version if reference else None

    def server(self):
        return local_server.find(self.store.server_state("production"))


@pytest.fixture(scope="module")
def jenkins(tmp_path_factory, commands):
    folder = tmp_path_factory.mktemp("jenkins") / "digits"
    folder.mkdir()
    repository = Repository(folder, {}, commands)
    repository.ok("init", "--example", "digits")
    repository.git("init", "-q", "-b", "main")
    job = Jenkins(repository, tmp_path_factory.mktemp("store"))
    job.begin()
    yield job
    if server := job.server():
        server.stop()


def test_life(jenkins):
    # Standalone: the first release.
    jenkins.style("standalone")
    outcome = jenkins.build()
    assert outcome["accepted"], outcome
    assert outcome["result"] == "SUCCESS", outcome
    assert [(stage["name"], stage["status"]) for stage in outcome["stages"]][:4] == [
        (name, "SUCCESS") for name in ("Test", "Train", "Gate", "Serve")
    ]
    assert [command["status"] for command in outcome["commands"]] == [0, 0, 0, 0]
    assert jenkins.production() == 1
    server = jenkins.server()
    assert server is not None, "the server ended with the build"
    assert server.state()["traffic"]["stable"] == 1

    # The library's steps: the same, on the server that runs.
    jenkins.style("library")
    jenkins.repository.change(names.CONFIG_FILE, "hidden: 32", "hidden: 64")
    jenkins.repository.ok("generate")
    jenkins.repository.commit("larger")
    outcome = jenkins.build()
    assert outcome["result"] == "SUCCESS", outcome
    assert jenkins.production() == 2
    assert jenkins.server().pid == server.pid

    # Another branch trains and gates.
    jenkins.repository.git("checkout", "-qb", "topic/more")
    outcome = jenkins.build(branch="topic/more")
    assert outcome["result"] == "SUCCESS", outcome
    assert [stage["status"] for stage in outcome["stages"]][:4] == ["SUCCESS", "SUCCESS", "SUCCESS", "NOT_EXECUTED"]
    assert jenkins.production() == 2
    jenkins.repository.git("checkout", "-q", "main")

    # A spoiled one is rejected: unstable, as configured, and nothing is released.
    jenkins.repository.change(
        "data.py", "labels[rows]\n", 'labels[np.sort(rows)] if split == "train" else labels[rows]\n'
    )
    jenkins.repository.commit("spoiled")
    outcome = jenkins.build()
    assert outcome["result"] == "UNSTABLE", outcome
    assert [stage["status"] for stage in outcome["stages"]][2:4] == ["UNSTABLE", "NOT_EXECUTED"]
    assert jenkins.production() == 2

    # Back, by the job for it.
    outcome = jenkins.build("Jenkinsfile.rollback", VERSION="1", REASON='it\'s "slow"; $(id)')
    assert outcome["result"] == "SUCCESS", outcome
    assert jenkins.production() == 1
    assert jenkins.store.journal.entries()[-1].reason == 'it\'s "slow"; $(id)'
    assert jenkins.server().state()["traffic"]["stable"] == 1

    # Forth and back by the inline jobs of jobs.yaml: version 2 was gated against version 1, which is in production.
    outcome = jenkins.build(script=jenkins.release_job("promote"), VERSION="2")
    assert outcome["result"] == "SUCCESS", outcome
    assert jenkins.production() == 2
    outcome = jenkins.build(script=jenkins.release_job("promote"), VERSION="4")
    assert outcome["result"] == "FAILURE", outcome
    assert outcome["commands"][-1]["status"] == 3, "the gate rejected version 4"
    assert jenkins.production() == 2
    outcome = jenkins.build(script=jenkins.release_job("rollback"), VERSION="", REASON="")
    assert outcome["result"] == "SUCCESS", outcome
    assert jenkins.production() == 1
