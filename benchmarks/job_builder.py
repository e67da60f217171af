"""jenkins-job-builder, as a user calls it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.jenkins_server import Jenkins
from benchmarks.processes import Cost, environment, run

NAME = "jenkins-job-builder 6.5.0"
REQUIREMENTS = "jjb"


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
