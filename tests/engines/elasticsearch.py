"""Elasticsearch 7.10.2, the last one under the Apache License, out of Maven's jars: one node on a free port of loopback.

    with running() as elasticsearch:
        elasticsearch.ask("GET", "/_cluster/health")

What these jars have: HTTP, index templates, search, the ingest processors of ingest-common, mustache and Painless. What they
have not: data streams, lifecycle policies and other parts of X-Pack, the processors `user_agent` and `geoip`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines import cache
from tests.engines.daemons import Daemon, free_ports
from tests.engines.missing import MissingPart, need

HERE = Path(__file__).resolve().parent / "elasticsearch_node"
MAIN = "SmallNode"
NEEDED_JAVA = 17
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """It answered with a failure; the message is its body."""


@dataclass(frozen=True)
class Elasticsearch:
    """A node that runs.

    Args:
        address: such as http://127.0.0.1:40123.
        daemon: its process.
    """

    address: str
    daemon: Daemon

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Its answer to a request, as JSON; a body is given as JSON, or as the text of several documents.

        Raises:
            Refused: the status is 400 or more.
        """
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        kind = "application/x-ndjson" if isinstance(body, str) else "application/json"
        request = urllib.request.Request(
            self.address + path, None if text is None else text.encode(), {"Content-Type": kind}, method=method
        )
        try:
            with _OPENER.open(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from error

    def answers(self) -> bool:
        """Whether it does, yet."""
        try:
            return bool(self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")["status"] != "red")
        except (OSError, Refused):
            return False


@contextlib.contextmanager
def running() -> Iterator[Elasticsearch]:
    """A node with an empty folder, until the end of the block. Raises MissingPart where it cannot be had."""
    folder = _program()
    http, transport = free_ports(2)
    with cache.scratch("jenkins-ml-elasticsearch-") as data:
        command = [
            "java",
            "-Xms256m",
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "--add-opens",
            "java.base/java.lang=ALL-UNNAMED",
            f"-Djava.io.tmpdir={data}",
            "-cp",
            f"{folder}:{folder}/jars/*",
            MAIN,
            str(data),
            str(http),
            str(transport),
        ]
        daemon = Daemon(command, data / "log")
        try:
            node = Elasticsearch(f"http://127.0.0.1:{http}", daemon)
            daemon.wait_until("Elasticsearch answers", node.answers)
            yield node
        finally:
            daemon.stop()


def _program() -> Path:
    """The folder of the jars and the compiled main class, made once."""
    need("java", "javac", "mvn", "setpriv")
    files = sorted(HERE.iterdir())
    return cache.kept("elasticsearch", cache.key(*(path.read_bytes() for path in files)), _build)


def _build(folder: Path) -> None:
    jars = folder / "jars"
    goal = [f"--file={HERE / 'pom.xml'}", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
    if _run(["mvn", "-q", "-B", "-o", *goal]).returncode:
        done = _run(["mvn", "-q", "-B", *goal])
        if done.returncode:
            raise MissingPart(f"needs the jars of Elasticsearch, which Maven cannot get: {done.stdout[-1000:]}")
    done = _run(
        ["javac", f"--release={NEEDED_JAVA}", "-cp", f"{jars}/*", "-d", str(folder), str(HERE / f"{MAIN}.java")]
    )
    if done.returncode:
        raise RuntimeError(f"javac failed:\n{done.stderr}{done.stdout}")
    shutil.copyfile(HERE / "log4j2.properties", folder / "log4j2.properties")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
