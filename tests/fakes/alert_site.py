"""A model that is served and watched by the real Prometheus and Alertmanager, with the hook between them and Jenkins.

All that is configured is what `jenkins-ml generate` writes. The promise is about twelve hours, which makes the windows of the
pages five seconds and a minute.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from ruamel.yaml import YAML

from jenkins_ml import names
from jenkins_ml.config.loader import load
from jenkins_ml.config.model import Config
from jenkins_ml.records import JournalEntry
from jenkins_ml.rendering.monitoring import alertmanager, rules, scrape
from tests.engines.daemons import free_ports
from tests.engines.prometheus import Alertmanager, Prometheus, Pushgateway
from tests.fakes.doubting_model import MODEL
from tests.fakes.jenkins import FakeJenkins
from tests.fakes.jenkins_jobs import pipeline
from tests.fakes.repository import Done, Repository, finish, wait_until

MONITOR = """
monitor:
  slo: {{period: 12h}}
  scrape_interval: 1s
  pipeline: {{pushgateway: "{gateway}"}}
  alerts:
    hook: {{url: "http://127.0.0.1:{port}", token_file: "{token}", retrain_job: vision/tiny}}
"""
USUAL, LATER = [3.0, 3.0, 3.0, 3.0], [60.0, 3.0, 3.0, 3.0]


@dataclass(frozen=True)
class Asked:
    """A request of a user: seconds since 1970, and how it went."""

    began: float
    ended: float
    good: bool
    version: str | None


class Users:
    """Ask a hundred times a second, over four connections, until the end of the block."""

    def __init__(self, port: int) -> None:
        self.port, self.instance = port, USUAL
        self.asked: list[Asked] = []
        self._ended = threading.Event()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._ended.wait(0.04):
            began = time.time()
            body = json.dumps({"instances": [self.instance]})
            connection.request("POST", "/v1/models/tiny:predict", body)
            answer = connection.getresponse()
            text = answer.read()
            good = answer.status == http.client.OK and b"NaN" not in text
            self.asked.append(Asked(began, time.time(), good, answer.headers[names.VERSION_HEADER]))
        connection.close()

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


class Site:
    """A model that is served and watched: Prometheus, Alertmanager and the hook, until the end of the block.

    Args:
        repository: the model; its configuration is changed.
        folder: takes other files.
        gateway: is told what the pipeline does.
        jenkins: starts trainings, of its job vision/tiny.
    """

    def __init__(self, repository: Repository, folder: Path, gateway: Pushgateway, jenkins: FakeJenkins) -> None:
        self.repository, self.gateway, self.jenkins = repository, gateway, jenkins
        self.rest_port, self.hook_port = free_ports(2)
        self.token = folder / "token"
        self.token.write_text("of this test, and of nobody else".replace(" ", "-") + "\n")
        repository.change(names.CONFIG_FILE, "rest_port: 0", f"rest_port: {self.rest_port}")
        with (repository.folder / names.CONFIG_FILE).open("a") as stream:
            stream.write(MONITOR.format(gateway=gateway.address, port=self.hook_port, token=self.token))

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            config = load(self.repository.folder)
            self.manager = stack.enter_context(Alertmanager(alertmanager.files(config)[alertmanager.FILE]))
            files = {"rules.yaml": rules.files(config)[rules.FILE].replace('interval: "1m"', 'interval: "1s"')}
            self.prometheus = stack.enter_context(Prometheus(self._prometheus(config), files))
            self.hook = self.start_hook(self.hook_port)
            stack.callback(self.stop_hook)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_hook(self, port: int) -> subprocess.Popen[str]:
        """Start `jenkins-ml alert-hook`; returns when it listens."""
        jenkins = {"JENKINS_URL": self.jenkins.url, "JENKINS_USER": self.jenkins.admin.name}
        listen = ("--listen", f"127.0.0.1:{port}", "--token-file", str(self.token))
        process = self.repository.start("alert-hook", *listen, **jenkins, JENKINS_TOKEN=self.jenkins.admin.token)
        wait_until(lambda: process.poll() is not None or lives(port), "the hook listens")
        assert process.poll() is None, finish(process)
        return process

    def stop_hook(self) -> Done:
        """Stop it; answers what it said."""
        self.hook.send_signal(signal.SIGTERM)
        self.said = finish(self.hook)
        return self.said

    def _prometheus(self, config: Config) -> str:
        yaml = YAML(typ="safe", pure=True)
        found = yaml.load(scrape.files(config)[scrape.FILE])["scrape_configs"]
        text = io.StringIO()
        manager = self.manager.address.removeprefix("http://")
        yaml.dump(
            {
                "global": {"evaluation_interval": "1s"},
                "rule_files": ["rules.yaml"],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager]}]}]},
                "scrape_configs": found,
            },
            text,
        )
        return text.getvalue()

    def builds(self) -> int:
        """How many trainings were started."""
        return len(self.jenkins.seen("POST", "/build"))


def lives(port: int) -> bool:
    """Whether a hook listens there."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False


@contextlib.contextmanager
def watched(repository: Repository, folder: Path) -> Iterator[Site]:
    """Version 1 is in production, and version 2 after it, which does not take what users ask later.

    Args:
        repository: where version 1 waits to be served, of the run "first".
        folder: of other files.
    """
    with Pushgateway() as gateway, FakeJenkins(quiet_period=0) as jenkins:
        jenkins.folder("vision")
        jenkins.put("vision/tiny", pipeline())
        here = Site(repository, folder, gateway, jenkins)
        repository.ok("serve", run="first")
        repository.write(model_py=MODEL.replace("1e9", "50.0"))
        repository.commit("a model that takes less")
        for command in ("train", "gate", "serve"):
            repository.ok(command, run="second")
        with here:
            yield here


@dataclass(frozen=True)
class Fall:
    """What came of a version that began to fail.

    Args:
        asked: all requests of users, in order of their answers, until a while after the rollback.
        begun, ended: the rollback, as the journal has it.
    """

    asked: list[Asked]
    begun: JournalEntry
    ended: JournalEntry

    @property
    def bad(self) -> list[Asked]:
        """Requests without a good answer."""
        return [each for each in self.asked if not each.good]

    @property
    def seconds(self) -> float:
        """From when the first bad answer was asked for to the end of the rollback."""
        return seconds(self.ended.time) - self.bad[0].began

    @property
    def after(self) -> list[Asked]:
        """What was asked after the rollback."""
        return [each for each in self.asked if each.began > seconds(self.ended.time)]


def fall(site: Site) -> Fall:
    """Users begin to ask for what version 2 does not take; returns once it has been rolled back."""
    repository = site.repository
    with Users(site.rest_port) as users:
        site.prometheus.wait_for('jenkins_ml_version:requests:rate{version="2"} > 50')
        users.instance = LATER
        wait_until(lambda: repository.production() == 1, "the version that fails is rolled back")
        wait_until(lambda: repository.kinds()[-1] == "rolled_back", "the rollback has ended")
        time.sleep(1)  # users go on asking
    begun, ended = repository.store.journal.entries()[-2:]
    return Fall(users.asked, begun, ended)


def seconds(time_of_record: str) -> float:
    """Since 1970."""
    return datetime.fromisoformat(time_of_record).timestamp()
