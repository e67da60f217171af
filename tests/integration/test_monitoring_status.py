"""`jenkins-ml status` about right now: by a real Prometheus with the generated rules, and by the servers' own counters."""

import contextlib
import http.client
import json
import signal
import threading

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.pipeline_metrics import Group, Pushgateway
from jenkins_ml.config.loader import load
from jenkins_ml.core.samples import Sample
from jenkins_ml.rendering.monitoring import rules
from tests.engines import prometheus
from tests.fakes.repository import CONFIG, DEADLINE_SECONDS, finish

pytestmark = pytest.mark.tensorflow

GOOD = b'{"instances": [[3.0, 3.0, 3.0, 3.0]]}'
NAN = b'{"instances": [[1e39, -1e39, 3.0, 3.0]]}'  # as float32 infinities, whose sum is not a number
SCRAPE = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: jenkins-ml
    static_configs: [{{targets: ["127.0.0.1:{server}"], labels: {{environment: production}}}}]
  - job_name: pushgateway
    honor_labels: true
    static_configs: [{{targets: ["{gateway}"]}}]
"""


@contextlib.contextmanager
def users(repository, *bodies):
    """Ask for predictions, again and again."""
    port, ended = repository.server().rest_port, threading.Event()

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not ended.wait(0.02):
            for body in bodies:
                connection.request("POST", "/v1/models/tiny:predict", body)
                connection.getresponse().read()
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.prometheus
def test_prometheus_says_how_each_version_does(gated, prometheus_programs):
    gated.ok("serve", run="first")
    with prometheus.Pushgateway() as gateway:
        monitor = f"scrape_interval: 1s, slo: {{period: 1d, latency_p99_ms: 250}}, pipeline: {{pushgateway: '{gateway.address}'}}"
        gated.write(jenkins_ml_yaml=f"{CONFIG}monitor: {{{monitor}}}\n")
        Pushgateway(gateway.address).replace(
            Group("tiny", "measured", "production"),
            [
                Sample(names.METRIC_DRIFT_DETECTED, 1, {"version": "1", "feature": "x[3]", "against": "training"}),
                Sample(names.METRIC_DRIFT_DETECTED, 0, {"version": "1", "feature": "x[0]", "against": "training"}),
                Sample(names.METRIC_LIVE, 0.9375, {"version": "1", "metric": "accuracy", "from": "labels"}),
                Sample(names.METRIC_LIVE_LOW, 0.875, {"version": "1", "metric": "accuracy", "from": "labels"}),
            ],
        )
        config = SCRAPE.format(server=gated.server().rest_port, gateway=gateway.address.removeprefix("http://"))
        texts = {"rules.yaml": rules.files(load(gated.folder))[rules.FILE]}
        with prometheus.Prometheus(config, texts) as service, users(gated, GOOD, NAN):
            gated.write(jenkins_ml_yaml=f"{CONFIG}monitor: {{{monitor}, prometheus: {{url: '{service.address}'}}}}\n")
            service.wait_for('ALERTS{alertstate="firing",alertname="JenkinsMLNanAnswers"}')
            service.wait_for("jenkins_ml:slo:budget_left")
            service.wait_for("jenkins_ml_version:traffic:share")
            service.wait_for("jenkins_ml_live_metric_low")
            [known] = json.loads(gated.ok("status", "--json").out)["environments"]
            told = gated.ok("status").out
            first = watched(gated, "--json")
    live = known["live"]
    [version] = live["versions"]
    assert (live["source"], live["problem"], version["version"], version["traffic"]) == ("prometheus", None, 1, 1.0)
    assert version["requests_per_second"] > 1
    assert 0.3 < version["error_share"] < 0.7
    assert 0 < version["p50_seconds"] <= version["p99_seconds"] < 30
    assert version["drift"] == [{"against": "training", "looked_at": 2, "moved": ["x[3]"]}]
    expected = {"metric": "accuracy", "source": "labels", "value": 0.9375, "low": 0.875, "high": None}
    assert version["accuracy"] == [expected]
    promise, slow = live["promises"]
    assert (promise["slo"], promise["objective"]) == ("availability", 0.999)
    assert promise["burn_rate"] > 100
    assert promise["budget_left"] < 0
    assert (slow["slo"], slow["objective"]) == ("latency", 0.99)
    assert {"name": "JenkinsMLNanAnswers", "severity": "page", "version": 1} in live["alerts"]
    assert "x[3] against training" in told
    assert "accuracy 0.938 (0.875 to -) by labels" in told
    assert "JenkinsMLNanAnswers (page, version 1)" in told
    assert first[0]["environments"][0]["live"]["versions"][0]["version"] == 1
    # It is stopped now, as is whatever it said.
    [away] = json.loads(gated.ok("status", "--json").out)["environments"]
    assert away["version"] == 1
    assert away["live"]["problem"].startswith(f"Prometheus at {service.address} does not answer: ")
    assert (away["live"]["versions"], away["live"]["alerts"]) == ([], None)
    assert "alerts firing: -" in gated.ok("status").out


def watched(repository, *arguments, looks=1, stop=signal.SIGINT):
    """The looks of `status --watch --json`, which then ends well."""
    process = repository.start("status", "--watch", "--interval", "300ms", *arguments)
    lines = [json.loads(process.stdout.readline()) for _ in range(looks)]
    process.send_signal(stop)
    done = finish(process)
    assert (done.code, done.err) == (0, "")
    return lines


def test_without_prometheus_the_servers_count(gated):
    gated.ok("serve", run="first")
    assert "live" not in json.loads(gated.ok("status", "--json").out)["environments"][0]
    with users(gated, GOOD, GOOD, GOOD, NAN):
        first, *_, last = watched(gated, "--json", looks=5)
    [begun], [counted] = (each["environments"][0]["live"]["versions"] for each in (first, last))
    assert begun["requests_per_second"] is None  # the first look only begins to count
    assert counted["version"] == 1
    assert counted["traffic"] == 1.0
    assert counted["requests_per_second"] > 1
    assert 0.1 < counted["error_share"] < 0.5
    assert 0 < counted["p50_seconds"] <= counted["p99_seconds"]
    assert last["environments"][0]["live"]["alerts"] is None
    gated.write(jenkins_ml_yaml=CONFIG + "monitor: {}\n")
    with users(gated, GOOD):
        [known] = json.loads(gated.ok("status", "--json").out)["environments"]
    assert known["live"]["versions"][0]["requests_per_second"] > 1
    told = gated.ok("status").out  # nobody asks any more
    assert [line.split() for line in told.splitlines() if line.startswith("1 ")] == [["1", *"-0-----"]]


def test_how_watching_ends(gated):
    """Where nothing is served, too; and not only by Ctrl-C."""
    process = gated.start("status", "--watch", "--interval", "100ms")
    seen = [process.stdout.readline() for _ in range(60)]
    assert sum(line == "tiny in production\n" for line in seen) > 1
    process.stdout.close()  # whoever read has gone
    assert process.wait(DEADLINE_SECONDS) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    process = gated.start("status", "--watch", "--interval", "100ms")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert finish(process).code == 130
    assert gated.call("status", "--watch", "--all").code == 2
    assert gated.call("status", "--watch", "--interval", "soon").code == 2
