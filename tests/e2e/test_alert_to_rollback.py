"""From the first bad answer to the version before, and from drift to a training: with the real Prometheus and Alertmanager.

All that is configured is what `jenkins-ml generate` writes. The promise is about twelve hours, which makes the windows of the
pages five seconds and a minute.
"""

import contextlib
import http.client
import io
import json
import signal
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import datetime

import pytest
from ruamel.yaml import YAML

from jenkins_ml import names
from jenkins_ml.config.loader import load
from jenkins_ml.rendering.monitoring import alertmanager, rules, scrape
from tests.engines.daemons import free_ports
from tests.engines.prometheus import Alertmanager, Prometheus, Pushgateway
from tests.fakes.jenkins import FakeJenkins
from tests.fakes.jenkins_jobs import VARIABLES, pipeline
from tests.fakes.repository import finish, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.prometheus,
    pytest.mark.tensorflow,
    pytest.mark.xdist_group("prometheus"),
    pytest.mark.usefixtures("prometheus_programs"),
]
# Answers NaN to a request whose first number is more than `most`.
MODEL = """
import keras
import numpy as np

def train(data, most=1e9):
    inputs = keras.Input((4,), name="x")
    dense = keras.layers.Dense(1, activation="sigmoid", name="score")
    doubt = keras.ops.log(most - inputs[:, :1])
    model = keras.Model(inputs, dense(inputs) + 0.0 * doubt)
    dense.set_weights([np.ones((4, 1), "float32"), np.array([-6.0], "float32")])
    return model
"""
MONITOR = """
monitor:
  slo: {{period: 12h}}
  scrape_interval: 1s
  pipeline: {{pushgateway: "{gateway}"}}
  alerts:
    hook: {{url: "http://127.0.0.1:{port}", token_file: "{token}", retrain_job: vision/tiny}}
"""
USUAL, LATER = [3.0, 3.0, 3.0, 3.0], [60.0, 3.0, 3.0, 3.0]
SECONDS = 30  # from the first bad answer, as docs/alerts.md says


@dataclass(frozen=True)
class Asked:
    """A request of a user: seconds since 1970, and how it went."""

    began: float
    ended: float
    good: bool
    version: str | None


class Users:
    """Ask a hundred times a second, over four connections, until the end of the block."""

    def __init__(self, port):
        self.port, self.instance, self.asked = port, USUAL, []
        self._ended = threading.Event()

    def _ask(self):
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

    def __enter__(self):
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def bad(self):
        return [each for each in self.asked if not each.good]


class Site:
    """A model that is served and watched: Prometheus, Alertmanager and the hook, until the end of the block."""

    def __init__(self, repository, folder, gateway, jenkins):
        self.repository, self.jenkins, self._gateway = repository, jenkins, gateway
        self.rest_port, self.hook_port = free_ports(2)
        self.token = folder / "token"
        self.token.write_text("of this test, and of nobody else".replace(" ", "-") + "\n")
        repository.change(names.CONFIG_FILE, "rest_port: 0", f"rest_port: {self.rest_port}")
        with (repository.folder / names.CONFIG_FILE).open("a") as stream:
            stream.write(MONITOR.format(gateway=gateway, port=self.hook_port, token=self.token))

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            config = load(self.repository.folder)
            self.manager = stack.enter_context(Alertmanager(alertmanager.files(config)[alertmanager.FILE]))
            files = {"rules.yaml": rules.files(config)[rules.FILE].replace('interval: "1m"', 'interval: "1s"')}
            self.prometheus = stack.enter_context(Prometheus(self._prometheus(config), files))
            self.hook = self.start_hook(self.hook_port)
            stack.callback(self.stop_hook)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def start_hook(self, port):
        jenkins = {"JENKINS_URL": self.jenkins.url, "JENKINS_USER": self.jenkins.admin.name}
        listen = ("--listen", f"127.0.0.1:{port}", "--token-file", str(self.token))
        process = self.repository.start("alert-hook", *listen, **jenkins, JENKINS_TOKEN=self.jenkins.admin.token)
        wait_until(lambda: process.poll() is not None or lives(port), "the hook listens")
        assert process.poll() is None, finish(process)
        return process

    def stop_hook(self):
        self.hook.send_signal(signal.SIGTERM)
        self.said = finish(self.hook)
        return self.said

    def _prometheus(self, config):
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

    def builds(self):
        return len(self.jenkins.seen("POST", "/build"))


def lives(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(gated, tmp_path):
    """Version 1 is in production, and version 2 after it, which does not take what users ask later."""
    with Pushgateway() as gateway, FakeJenkins(quiet_period=0) as jenkins:
        jenkins.folder("vision")
        jenkins.put("vision/tiny", pipeline())
        here = Site(gated, tmp_path, gateway.address, jenkins)
        here.gateway = gateway
        gated.ok("serve", run="first")
        gated.write(model_py=MODEL.replace("1e9", "50.0"))
        gated.commit("a model that takes less")
        for command in ("train", "gate", "serve"):
            gated.ok(command, run="second")
        with here:
            yield here


def seconds(time_of_record):
    return datetime.fromisoformat(time_of_record).timestamp()


def test_a_version_that_begins_to_fail_is_rolled_back(site):
    repository = site.repository
    with Users(site.rest_port) as users:
        site.prometheus.wait_for('jenkins_ml_version:requests:rate{version="2"} > 50')
        users.instance = LATER
        wait_until(lambda: repository.production() == 1, "the version that fails is rolled back")
        wait_until(lambda: repository.kinds()[-1] == "rolled_back", "the rollback has ended")
        time.sleep(1)  # users go on asking
    begun, ended = repository.store.journal.entries()[-2:]
    first, last = users.bad[0], users.bad[-1]
    took = seconds(ended.time) - first.began
    print(f"rolled back {took:.1f} s after the first bad answer, of which the rollback took "
          f"{seconds(ended.time) - seconds(begun.time):.2f} s; {len(users.bad)} bad answers of {len(users.asked)}")  # fmt: skip
    assert {each.version for each in users.bad} == {"2"}
    assert took <= SECONDS
    # No request failed after it, and all of them were answered.
    assert last.began <= seconds(ended.time)
    after = [each for each in users.asked if each.began > seconds(ended.time)]
    assert after
    assert {(each.good, each.version) for each in after} == {(True, "1")}
    # The journal tells why.
    assert (begun.kind, ended.kind, ended.version, ended.previous) == ("rollback_started", "rolled_back", 1, 2)
    assert ended.reason.startswith(("JenkinsMLErrorBudgetBurn: ", "JenkinsMLNanAnswers: ")), ended
    assert ended.evidence["alert"]["fingerprint"]
    [told] = json.loads(repository.ok("status", "--json").out)["environments"]
    assert told["why"] == f"rollback: {ended.reason}"
    # So does what the pipeline reports.
    [released] = site.prometheus.wait_for('jenkins_ml_release_version{model="tiny",environment="production"} == 1')
    assert released.value == 1
    assert site.builds() == 0


def detect(site, feature, version="2", value=1):
    """What `jenkins-ml monitor` pushes when something has moved."""
    text = f'jenkins_ml_drift_detected{{version="{version}",feature="{feature}",against="training"}} {value}\n'
    path = "/metrics/job/jenkins_ml/model/tiny/stage/measured/environment/production"
    site.gateway.ask(path, text.encode(), method="PUT")


def test_drift_starts_one_training(site):
    wait_until(lambda: site.prometheus.query("up == 1"), "Prometheus scrapes")
    detect(site, "x[0]")
    wait_until(lambda: site.builds() > 0, "a training is started", seconds=90)
    # The predictions have moved, too, and then another input: alerts of their own.
    both = "\n".join(
        f'jenkins_ml_drift_detected{{version="2",feature="{feature}",against="{against}"}} 1'
        for feature, against in (("x[0]", "training"), ("prediction", "training"), ("x[1]", "stable"))
    )
    path = "/metrics/job/jenkins_ml/model/tiny/stage/measured/environment/production"
    site.gateway.ask(path, f"{both}\n".encode(), method="PUT")
    wait_until(lambda: len(firing(site)) == 3, "all of them are alerts", seconds=90)
    # A receiver on another machine, or this one after a restart, agrees.
    site.stop_hook()
    started = site.said.err
    site.hook = site.start_hook(site.hook_port)
    again = {"version": "4", "alerts": [{**each, "status": "firing", "fingerprint": "x"} for each in firing(site)]}
    answer = post(site, again)
    assert {each["outcome"] for each in answer["results"]} == {"ignored"}
    assert site.builds() == 1
    assert len([*(repository_records(site))]) == 1
    assert started.count(": done: vision/tiny was started") == 1
    assert site.repository.production() == 2


def repository_records(site):
    return site.repository.store.retrainings.folder.iterdir()


def firing(site):
    return [
        {"labels": each["labels"], "annotations": each["annotations"], "startsAt": each["startsAt"]}
        for each in site.manager.alerts()
        if each["labels"].get("action") == "retrain"
    ]


def post(site, body):
    headers = {"Authorization": f"Bearer {site.token.read_text().strip()}"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.hook_port}/", json.dumps(body).encode(), headers, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.loads(answer.read())
