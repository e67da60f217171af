"""The repositories of examples/jenkins: made and served by the script that runs in the container, read and pushed to by git."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml import __version__
from jenkins_ml.config.loader import load

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples/jenkins/agent/repositories.sh"


def git(*arguments, cwd=None):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.ext.allow=always"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A checkout of a library that has no tag yet."""
    folder = tmp_path / "checkout"
    (folder / "vars").mkdir(parents=True)
    (folder / "vars/mlTrain.groovy").write_text("def call() {}\n")
    git("init", "-q", str(folder))
    git("add", ".", cwd=folder)
    git("commit", "-qm", "one", cwd=folder)
    return folder


@pytest.fixture
def serve(tmp_path, checkout):
    """Starts the script; answers the address it serves, once it does."""
    started = []

    def start():
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        folder = tmp_path / "served"
        folder.mkdir(exist_ok=True)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        command = ["sh", str(SCRIPT), str(folder), str(checkout / ".git"), f"--port={port}", "--listen=127.0.0.1"]
        process = subprocess.Popen(command, env={**os.environ, "PATH": path}, stderr=subprocess.PIPE, text=True)
        started.append(process)
        said = []
        for line in process.stderr:
            said.append(line)
            if "Ready to rumble" in line:
                return folder, f"git://127.0.0.1:{port}"
        raise AssertionError("".join(said))

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=10)


def test_the_examples_fit_the_server_and_are_yours_to_push_to(serve, checkout, tmp_path):
    folder, address = serve()
    for name in ("digits", "quickstart"):
        work = tmp_path / name
        git("clone", "-q", f"{address}/{name}.git", str(work))
        config = load(work)
        assert config.jenkins.agent.node == "ml-1"
        assert config.gate.first_release == "allow"
        assert "label 'ml-1'" in (work / "Jenkinsfile").read_text()
        check = [sys.executable, "-m", "jenkins_ml.cli", "-C", str(work), "generate", "--check"]
        assert subprocess.run(check, cwd=work, timeout=60, check=False).returncode == 0
    # As the README does it, with a shell in the place of `docker exec`.
    work = tmp_path / "digits"
    remote = f"ext::sh -c %S% {shlex.quote(str(folder / 'digits.git'))}"
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=work)
    git("push", "-q", remote, "HEAD:main", cwd=work)
    assert git("ls-remote", f"{address}/digits.git", "main").startswith(git("rev-parse", "HEAD", cwd=work))
    with pytest.raises(subprocess.CalledProcessError):
        git("push", "-q", f"{address}/digits.git", "HEAD:other", cwd=work)

    # A second start keeps what was pushed, and follows the checkout.
    tag = f"refs/tags/v{__version__}"
    library = git("ls-remote", f"{address}/jenkins-ml.git", tag).split()[0]
    assert library == git("rev-parse", "HEAD", cwd=checkout)
    git("commit", "-q", "--allow-empty", "-m", "two", cwd=checkout)
    _, address = serve()
    assert git("ls-remote", f"{address}/jenkins-ml.git", tag).split()[0] == git("rev-parse", "HEAD", cwd=checkout)
    assert git("ls-remote", f"{address}/digits.git", "main").startswith(git("rev-parse", "HEAD", cwd=work))
