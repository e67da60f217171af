"""A fake of Jenkins around a build: the variables it sets, workspaces that come and go, and the processes it kills."""

import hashlib
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from jenkins_ml import names
from tests.fakes.repository import Commands, Done, Repository, finish


def durable_cookie(workspace: Path) -> str:
    """What Jenkins puts into the environment of every `sh` step in a workspace, in any build."""
    return f"durable-{hashlib.sha256(str(workspace).encode()).hexdigest()}"


def kill_by(variable: str, value: str) -> set[int]:
    """Kill every process whose environment, as the kernel keeps it, has that value: as Jenkins' ProcessTree does."""
    wanted, killed = f"{variable}={value}".encode(), set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                os.kill(int(path.name), signal.SIGKILL)
                killed.add(int(path.name))
        except OSError:  # it has ended, or is not ours
            continue
    return killed


class FakeBuild:
    """One build of a multibranch job.

    Args:
        remote: the repository that is checked out.
        store: the model store that every agent has mounted.
        number: of the build.
        commands: runs commands quickly, forked from a process that has imported them.
        branch: the branch of the job.
        node: the agent.
        extra: more variables.
    """

    def __init__(
        self, remote: Path, store: Path, number: int, commands: Commands, branch="main", node="gpu 1", **extra: str
    ):
        self.remote, self.store, self.branch, self._commands = remote, store, branch, commands
        self.run = f"vision/digits/{branch.replace('/', '%2F')}-{number}"
        self.cookie = str(uuid.uuid4())
        self.variables = {
            "BUILD_TAG": f"jenkins-vision-digits-{branch.replace('/', '%2F')}-{number}",
            "BUILD_ID": str(number),
            "BUILD_NUMBER": str(number),
            "BUILD_URL": f"https://jenkins.example.com/job/vision/job/digits/{number}/",
            "JOB_NAME": f"vision/digits/{branch.replace('/', '%2F')}",
            "BRANCH_NAME": branch,
            "NODE_NAME": node,
            "JENKINS_NODE_COOKIE": self.cookie,
            names.ENV_STORE: str(store),
            **extra,
        }

    def workspace(self, folder: Path) -> Repository:
        """Check out as `checkout scm` does: detached, at the tip of the branch."""
        if not folder.exists():
            subprocess.run(["git", "clone", "-q", str(self.remote), str(folder)], check=True, timeout=60)
        tip = f"refs/remotes/origin/{self.branch}"
        for command in (["fetch", "-q", "origin"], ["checkout", "-q", "--force", "--detach", tip]):
            subprocess.run(["git", *command], cwd=folder, check=True, timeout=60)
        variables = {**self.variables, "WORKSPACE": str(folder), "JENKINS_SERVER_COOKIE": durable_cookie(folder)}
        repository = Repository(folder, variables, self._commands)
        repository.store_root = self.store
        return repository

    def sh(self, workspace: Repository, *arguments: str, **extra: str) -> Done:
        """`jenkins-ml ...` in a workspace, as a process of its own: with the build's variables from its very start."""
        return finish(workspace.start(*arguments, run=self.run, **{**self.variables, **extra}))

    def call(self, workspace: Repository, *arguments: str, **extra: str) -> Done:
        """The same, quickly: forked from a process that has imported the commands."""
        return workspace.call(*arguments, run=self.run, **{**self.variables, **extra})

    def end(self) -> set[int]:
        """What Jenkins does at the end of a build; answers which processes it killed."""
        return kill_by("JENKINS_NODE_COOKIE", self.cookie)


def stop_step(workspace: Path) -> set[int]:
    """What Jenkins does when an `sh` step is aborted: whatever was started in that workspace ends, in whatever build."""
    return kill_by("JENKINS_SERVER_COOKIE", durable_cookie(workspace))


def wipe(workspace: Repository) -> None:
    """deleteDir()."""
    shutil.rmtree(workspace.folder)
