"""A copy of an example, in a repository of its own, as users have it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.processes import JENKINS_ML, Cost, environment, output, run
from jenkins_ml import names


@dataclass(frozen=True)
class Project:
    """A model repository in a folder."""

    folder: Path

    def jenkins_ml(self, *arguments: str, run_name: str = "", **more: str) -> Cost:
        """Run `jenkins-ml ...` in it, as part of a run."""
        part_of = {names.ENV_RUN: run_name} if run_name else {}
        return run((*JENKINS_ML, *arguments), self.folder, environment(**part_of, **more))

    def server(self) -> dict[str, Any]:
        """Where its server is: pid, rest (address), grpc."""
        answer: dict[str, Any] = json.loads(output((*JENKINS_ML, "server", "--json"), self.folder, environment()))
        return answer

    def copy(self, folder: Path) -> Project:
        """The same, store and all, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="jenkins-ml-bench-") as folder:
        yield Path(folder)


@contextmanager
def project(example: str) -> Iterator[Project]:
    """A repository made from an example, with one commit; its server takes free ports and is stopped afterwards."""
    with scratch() as folder:
        path = folder / example
        unwanted = shutil.ignore_patterns("__pycache__", names.PROJECT_DIR, ".pytest_cache", "*.h5")
        shutil.copytree(ROOT / "examples" / example, path, ignore=unwanted)
        config = path / names.CONFIG_FILE
        config.write_text(config.read_text().replace("serve:\n", "serve:\n  rest_port: 0\n  grpc_port: 0\n"))
        for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "Example")):
            _git(path, *arguments)
        made = Project(path)
        try:
            yield made
        finally:
            made.jenkins_ml("server", "--stop")


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")
    run(("git", *identity, *arguments), folder, environment())
