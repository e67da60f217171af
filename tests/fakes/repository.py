"""A fake of a user's model repository: real git, a real but tiny Keras model, real commands on it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jenkins_ml import names
from jenkins_ml.adapters import local_server
from jenkins_ml.adapters.model_store import ModelStore

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 120

DATA = """
import numpy as np

def load(split):
    random = np.random.default_rng({"train": 1, "test": 2}[split])
    labels = random.integers(0, 2, 64)
    features = random.normal(size=(64, 4)) + 3.0 * labels[:, None]
    return features.astype("float32"), labels
"""
# Weights that are set, not learnt: nothing to wait for, and every run is as good as the one before.
MODEL = """
import keras
import numpy as np

def train(data, bias=-6.0):
    inputs = keras.Input((4,), name="x")
    dense = keras.layers.Dense(1, activation="sigmoid", name="score")
    model = keras.Model(inputs, dense(inputs))
    dense.set_weights([np.ones((4, 1), "float32"), np.array([bias], "float32")])
    return model
"""
CONFIG = """
model: tiny
data: {load: "data:load"}
train: {entrypoint: "model:train"}
gate: {metrics: {accuracy: {min: 0.9}}}
serve:
  rest_port: 0
  grpc_port: 0
  canary: {steps: [50, 100], interval: 50ms, min_requests: 20}
"""


@dataclass(frozen=True)
class Done:
    """How a command ended; `error` is its one message."""

    code: int
    out: str
    err: str
    count: int = 0  # durable operations, see tests/kill/at.py

    @property
    def error(self) -> str:
        """The last message on standard error, from its "error: " on."""
        return self.err[self.err.rindex("error: ") :] if "error: " in self.err else ""

    @property
    def errors(self) -> int:
        """How many messages there are."""
        return len(re.findall(r"(?m)^error: ", self.err))


class Repository:
    """A folder with a model in it, and the commands of jenkins-ml on it.

    As a context manager it stops its server at the end.
    """

    def __init__(self, folder: Path, environment: dict[str, str], commands: "Commands", **files: str) -> None:
        self.folder = folder
        self._commands = commands
        self.store_root = folder / names.DEFAULT_STORE
        self.model = "tiny"
        self._environment = environment
        if not folder.exists():
            folder.mkdir(parents=True)
            self.write(
                **{"data_py": DATA, "model_py": MODEL, "jenkins_ml_yaml": CONFIG, "gitignore": ".jenkins-ml/\n"} | files
            )
            self.git("init", "-q", "-b", "main")
            self.commit("first")

    def __enter__(self) -> "Repository":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_server()

    # --- the code ----------------------------------------------------------------------------------------------------
    def write(self, **files: str) -> None:
        """Write files by name, with "_" for the last dot: data_py."""
        for name, text in files.items():
            target = {"jenkins_ml_yaml": names.CONFIG_FILE, "gitignore": ".gitignore"}.get(name)
            (self.folder / (target or ".".join(name.rsplit("_", 1)))).write_text(text.lstrip("\n"))

    def change(self, file: str, old: str, new: str) -> None:
        """Replace what stands exactly once in a file."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, (file, old)
        path.write_text(text.replace(old, new))

    def git(self, *arguments: str) -> str:
        identity = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@localhost",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "gc.auto=0",
        ]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60
        )
        return done.stdout.decode().strip()

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    # --- commands ----------------------------------------------------------------------------------------------------
    def environment(self, run: str | None = None, **extra: str) -> dict[str, str]:
        """The environment that commands get."""
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        given = {names.ENV_RUN: run} if run is not None else {}
        return {**os.environ, **self._environment, **given, "PYTHONPATH": path, **extra}

    def start(self, *arguments: str, run: str | None = None, **extra: str) -> subprocess.Popen[str]:
        """Start `jenkins-ml ...` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "jenkins_ml.cli", *arguments],
            cwd=self.folder,
            env=self.environment(run, **extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
        )

    def call(
        self,
        *arguments: str,
        run: str | None = None,
        at: int = 0,
        at_entry: int | None = None,
        fake_training: Path | None = None,
        **extra: str,
    ) -> Done:
        """Run `jenkins-ml ...` to its end, or until its durable operation number `at`, before which it is killed.

        With `at_entry` it is killed just before it writes that entry of the journal, or with `at` 1 just after.
        """
        return self._commands.run(arguments, self.folder, self.environment(run, **extra), at, fake_training, at_entry)

    def ok(self, *arguments: str, **options: Any) -> Done:
        """The same, and it must end well."""
        done = self.call(*arguments, **options)
        assert done.code == 0, done
        return done

    # --- what came of it ---------------------------------------------------------------------------------------------
    @property
    def store(self) -> ModelStore:
        return ModelStore(self.store_root, self.model)

    def kinds(self) -> list[str]:
        """The kinds of the journal's entries."""
        return [entry.kind for entry in self.store.journal.entries()]

    def production(self) -> int | None:
        """The version in production, as the journal says."""
        reference = self.store.journal.history("production").production
        return reference.version if reference else None

    def server(self) -> local_server.LocalServer | None:
        return local_server.find(self.store.server_state("production"))

    def ask(self) -> tuple[int, int | None, list[float] | None]:
        """A prediction without a version: HTTP status, the version that answered, and the scores."""
        server = self.server()
        assert server is not None, "no server runs"
        connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)
        try:
            connection.request("POST", "/v1/models/tiny:predict", json.dumps({"instances": [[3.0, 3.0, 3.0, 3.0]]}))
            answer = connection.getresponse()
            body, version = answer.read(), answer.headers.get(names.VERSION_HEADER)
        finally:
            connection.close()
        found = json.loads(body)["predictions"] if answer.status == http.client.OK else None
        return answer.status, None if version is None else int(version), found

    def answering(self) -> int | None:
        """The version that answers users; it must answer well."""
        status, version, scores = self.ask()
        assert status == http.client.OK
        assert scores is not None
        return version

    def stop_server(self) -> None:
        """Stop the server by its own command's way, or by its process."""
        server = self.server()
        if server is not None:
            server.stop()

    def kill_server(self) -> None:
        """kill -9, and wait until it is gone."""
        server = self.server()
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not local_server.alive(server.state_file), "the server is gone")


class Commands:
    """The process of tests/kill/at.py: it has imported what commands need, and forks each from itself."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.at"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # its threads would not survive the fork
        )

    def __enter__(self) -> "Commands":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def run(
        self,
        argv: tuple[str, ...],
        folder: Path,
        environment: dict[str, str],
        at: int,
        fake_training: Path | None,
        at_entry: int | None,
    ) -> Done:
        job = {"argv": argv, "folder": str(folder), "environment": environment, "at": at, "at_entry": at_entry}
        if fake_training is not None:
            job["fake_training"] = str(fake_training)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        return Done(**json.loads(self._process.stdout.readline()))


def finish(process: subprocess.Popen[str]) -> Done:
    """Wait for a command."""
    try:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return Done(process.returncode, out, err)


def wait_until(condition, what: str, seconds: float = 60.0) -> None:
    """Poll with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s: {what}"
        time.sleep(0.02)


def processes_in(folder: Path) -> set[int]:
    """The processes that work in a folder or below it."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cwd").readlink().is_relative_to(folder) and (path / "cmdline").read_bytes():
                found.add(int(path.name))
        except OSError:  # it has ended, or is not ours
            continue
    return found
