"""Prometheus, Alertmanager and Pushgateway: Debian's packages, unpacked into the cache; nothing is installed.

    with Prometheus(config, {"rules.yaml": rules}) as prometheus:
        prometheus.wait_for('up{job="model"} == 1')

Each daemon listens on a free port of loopback, keeps its data in a temporary folder, and ends with the block; when the
process that started it is killed, too. The programs are those of the machine where it has all of them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import platform
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.engines import cache
from tests.engines.daemons import Daemon, NotReady, free_ports
from tests.engines.missing import MissingPart, need

# Debian 12 has 2.42, 0.25 and 1.5.1; what needs a newer one cannot be proved here.
PACKAGES = {
    "prometheus": ("prometheus", "promtool"),
    "prometheus-alertmanager": ("prometheus-alertmanager", "amtool"),
    "prometheus-pushgateway": ("prometheus-pushgateway",),
}
NAMES = tuple(name for names in PACKAGES.values() for name in names)
SECONDS_TO_START = 60
MANAGER = "prometheus-alertmanager"
# Debian's Alertmanager reads its templates in /usr/share, and nowhere else: it sees them there, and nobody else does.
MANAGER_WITH_TEMPLATES = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
[ "$(id -u)" = 0 ] || user=--map-root-user
exec unshare $user --mount sh -c \\
    'mount -t overlay -o "lowerdir=$0/share:/usr/share" none /usr/share && exec "$0/alertmanager" "$@"' "$here" "$@"
"""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # all of it is on this machine


class Sample(NamedTuple):
    """A series and its value."""

    labels: dict[str, str]
    value: float


@functools.cache
def programs() -> dict[str, Path]:
    """Every program by its name: prometheus, promtool, prometheus-alertmanager, amtool, prometheus-pushgateway.

    Raises MissingPart where they cannot be had.
    """
    need("setpriv")
    there = {name: shutil.which(name) for name in NAMES}
    if all(there.values()):
        return {name: Path(str(path)) for name, path in there.items()}
    need("apt-get", "dpkg-deb", "unshare")
    system = platform.freedesktop_os_release()
    made_of = cache.key(
        PACKAGES, MANAGER_WITH_TEMPLATES, platform.machine(), system.get("ID"), system.get("VERSION_ID")
    )
    folder = cache.kept("prometheus", made_of, _unpack)
    done = subprocess.run([folder / MANAGER, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPart(f"needs root, or namespaces that users may make: {done.stderr.strip()}")
    return {name: folder / name for name in NAMES}


def _unpack(folder: Path) -> None:
    """Put the programs, which need no library but C's, into the folder."""
    packages = folder / "packages"
    packages.mkdir()
    # The machine's own lists of packages may be missing or old, and are not ours to renew.
    lists = [f"-oDir::State::lists={folder / 'lists'}", "-oAPT::Sandbox::User=root"]
    (folder / "lists" / "partial").mkdir(parents=True)
    command = ["apt-get", "-q", "download", *PACKAGES]
    if _apt(command, packages).returncode:
        _apt(["apt-get", "-q", *lists, "update"], packages)
        done = _apt([*command[:2], *lists, *command[2:]], packages)
        if done.returncode:
            raise MissingPart(f"needs the packages {', '.join(PACKAGES)}: {done.stderr.strip()[-1000:]}")
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, folder / "unpacked"], check=True, capture_output=True)
    for name in NAMES:
        (folder / "unpacked/usr/bin" / name).rename(folder / name)
    (folder / "unpacked/usr/share").rename(folder / "share")
    (folder / MANAGER).rename(folder / "alertmanager")
    (folder / MANAGER).write_text(MANAGER_WITH_TEMPLATES)
    (folder / MANAGER).chmod(0o755)
    for each in ("lists", "packages", "unpacked"):
        shutil.rmtree(folder / each)


def _apt(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)


class _Service:
    """One of the daemons, from `with` to the end of its block.

    Attributes:
        address: such as http://127.0.0.1:40123, while it runs.
        folder: its files, while it runs.
        daemon: its process.
    """

    program: str
    ready_path = "/-/ready"

    def __init__(self, files: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
        self._files, self._arguments = dict(files), list(arguments)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(cache.scratch("jenkins-ml-prometheus-"))
            for name, text in self._files.items():
                self.write(name, text)
            (port,) = free_ports(1)
            self.address = f"http://127.0.0.1:{port}"
            listening = f"--web.listen-address=127.0.0.1:{port}"
            command = [str(programs()[self.program]), listening, *self._own_arguments(), *self._arguments]
            self.daemon = Daemon(command, self.folder / "log")
            stack.callback(self.daemon.stop)
            self.daemon.wait_until(self.program, self._ready, SECONDS_TO_START)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, name: str, text: str) -> Path:
        """Write one of its files anew; `reload` makes it read them."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def reload(self) -> None:
        """Make it read its configuration again; raises NotReady with its log when it refuses that."""
        try:
            self.ask("/-/reload", b"")
        except urllib.error.HTTPError as error:
            raise NotReady(f"{self.program} refuses its configuration: {error.read().decode()}") from error

    def ask(self, path: str, body: bytes | None = None, method: str | None = None) -> bytes:
        """What it answers to GET, or to POST with a body; raises urllib.error.HTTPError for any status but 2xx."""
        kind = {"Content-Type": "application/json"} if body is not None else {}
        request = urllib.request.Request(self.address + path, body, kind, method=method)
        with _OPENER.open(request, timeout=30) as answer:
            data: bytes = answer.read()
        return data

    def _own_arguments(self) -> list[str]:
        return []

    def _ready(self) -> bool:
        try:
            self.ask(self.ready_path)
        except OSError:
            return False
        return True


class Prometheus(_Service):
    """A Prometheus server.

    Args:
        config: its configuration; `rule_files` and other files in it are named relative to it.
        files: those files' texts by name.
        arguments: more of the command line, such as --storage.tsdb.retention.time=1y.
    """

    program = "prometheus"

    def __init__(self, config: str, files: Mapping[str, str] | None = None, arguments: Sequence[str] = ()) -> None:
        super().__init__({"prometheus.yml": config, **(files or {})}, arguments)

    def _own_arguments(self) -> list[str]:
        names = [f"--config.file={self.folder / 'prometheus.yml'}", f"--storage.tsdb.path={self.folder / 'data'}"]
        return [*names, "--web.enable-lifecycle"]

    def get(self, path: str, **parameters: object) -> Any:
        """The `data` of an answer of its API, such as get("rules") or get("query", query="up", time=0)."""
        text = {name: str(value) for name, value in parameters.items()}
        return json.loads(self.ask(f"/api/v1/{path}?{urllib.parse.urlencode(text)}"))["data"]

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """The series of an instant vector, or the one value of a scalar, now or at a time in Unix seconds."""
        data = self.get("query", query=expression, **({} if at is None else {"time": at}))
        if data["resultType"] == "scalar":
            return [Sample({}, _number(data["result"][1]))]
        return [Sample(each["metric"], _number(each["value"][1])) for each in data["result"]]

    def wait_for(self, expression: str, seconds: float = 60) -> list[Sample]:
        """The first answer that is not empty; raises NotReady when there is none in that time."""
        end = time.monotonic() + seconds
        while not (found := self.query(expression)):
            if time.monotonic() > end:
                raise NotReady(f"no {expression} within {seconds:.0f} s\n{self.daemon.tail()}")
            time.sleep(0.1)
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Its alerts that are pending or firing: `labels`, `annotations`, `state`."""
        found: list[dict[str, Any]] = self.get("alerts")["alerts"]
        return found

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes: `labels`, `scrapeUrl`, `health`, `lastError`."""
        found: list[dict[str, Any]] = self.get("targets", state="active")["activeTargets"]
        return found


class Alertmanager(_Service):
    """An Alertmanager on its own.

    Args:
        config: its configuration; files in it are named relative to it.
        files: those files' texts by name.
    """

    program = MANAGER

    def __init__(self, config: str, files: Mapping[str, str] | None = None, arguments: Sequence[str] = ()) -> None:
        super().__init__({"alertmanager.yml": config, **(files or {})}, arguments)

    def _own_arguments(self) -> list[str]:
        names = [f"--config.file={self.folder / 'alertmanager.yml'}", f"--storage.path={self.folder / 'data'}"]
        return [*names, "--cluster.listen-address="]

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """Send alerts as Prometheus does: each `labels`, and `annotations`, `startsAt`, `endsAt` if need be."""
        self.ask("/api/v2/alerts", json.dumps(alerts).encode())

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it has."""
        found: list[dict[str, Any]] = json.loads(self.ask("/api/v2/alerts"))
        return found


class Pushgateway(_Service):
    """A Pushgateway that keeps nothing on disk."""

    program = "prometheus-pushgateway"

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        super().__init__({}, arguments)

    def metrics(self) -> str:
        """What it shows to Prometheus."""
        return self.ask("/metrics").decode()


def _number(text: str) -> float:
    return {"+Inf": math.inf, "-Inf": -math.inf}.get(text) or float(text)
