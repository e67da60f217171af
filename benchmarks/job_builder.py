"""jenkins-job-builder in an environment of its own, which is made once for each requirements/jjb.txt."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.jenkins_server import Jenkins
from benchmarks.machine import ROOT
from benchmarks.processes import PYTHON, Cost, environment, run

NAME = "jenkins-job-builder 6.5.0"
_REQUIREMENTS = ROOT / "requirements" / "jjb.txt"


def installed() -> Path:
    """The environment; it needs a package index the first time."""
    made_from = hashlib.sha256(_REQUIREMENTS.read_bytes() + PYTHON.encode()).hexdigest()[:12]
    folder = ROOT / "build" / f"jjb-{made_from}"
    stamp = folder / "installed"
    if not stamp.exists():
        print(f"jobs: installing {NAME} into {folder}", flush=True)
        run((PYTHON, "-m", "venv", "--clear", str(folder)), ROOT, environment())
        pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run((*pip, "--no-deps", "--require-hashes", "-r", str(_REQUIREMENTS)), ROOT, environment())
        stamp.touch()  # comes last, so that an interrupted installation is done again
    return folder


class JobBuilder:
    """jenkins-job-builder as a user calls it for one server.

    Args:
        environment_folder: where it is installed.
        folder: for its configuration and its cache; has to be there.
        server: asked for its plugins, whose versions decide what is written.
    """

    def __init__(self, environment_folder: Path, folder: Path, server: Jenkins) -> None:
        self._program = environment_folder / "bin" / "jenkins-jobs"
        self._folder = folder
        self._configuration = folder / "jenkins_jobs.ini"
        self._caches = 0
        self._configuration.write_text(
            f"[jenkins]\nurl={server.url}\nuser={server.user}\npassword={server.token}\nquery_plugins_info=True\n"
        )

    def update(self, file: Path, workers: int) -> Cost:
        """Bring the jobs of a file to the server, as if nothing was known of it: each call has an empty cache."""
        self._caches += 1
        return self._run("update", "--workers", str(workers), str(file))

    def keep_plugins(self) -> Path:
        """Ask for the plugins once; the file that then spares it the server."""
        file = self._folder / "plugins.yaml"
        self._run("get-plugins-info", "-o", str(file))
        return file

    def render(self, file: Path, plugins: Path, output: Path) -> Cost:
        """Write the configurations, without a server."""
        return self._run("test", "--config-xml", "--plugin-info", str(plugins), "-o", str(output), str(file))

    def _run(self, *arguments: str) -> Cost:
        variables = environment(XDG_CACHE_HOME=str(self._folder / f"cache-{self._caches}"))
        return run((str(self._program), "--conf", str(self._configuration), *arguments), self._folder, variables)
