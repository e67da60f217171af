"""A real Prometheus, with the generated jobs and rules: what it scrapes has the labels, and what it records has values."""

import http.client
import io
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from ruamel.yaml import YAML

from jenkins_ml.rendering.monitoring import rules, scrape
from tests.engines.daemons import free_ports
from tests.engines.prometheus import Prometheus, Pushgateway
from tests.fakes import saved_models
from tests.fakes.docker_site import Users, image_of_model_server, site_of
from tests.fakes.promtool import config
from tests.golden.test_prometheus_files import FOLDER

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]

OWN = "global: {scrape_interval: 1m}\nrule_files: [rules.yaml]\nscrape_configs:\n"
# A promise of four hours: every window of a page is some seconds long.
QUICK = "slo: {period: 4h, latency_p99_ms: 200}, scrape_interval: 250ms"


def put_into_one(of):
    """A configuration of Prometheus as docs/monitoring.md says for one that knows no `scrape_config_files`."""
    text = scrape.files(of)[scrape.FILE]
    return OWN + text[text.index("scrape_configs:\n") + len("scrape_configs:\n") :]


def without(key, text):
    """The jobs that do not have that key."""
    head, *jobs = re.split(r"(?m)^(?=  - job_name)", text)
    return head + "".join(job for job in jobs if key not in job)


def recorded(of):
    """The names of all series that the rules record."""
    return {rule["record"] for group in rules.groups(of) for rule in group["rules"] if "record" in rule}


@pytest.fixture
def asked():
    """Starts users who ask all the time, until the test ends."""
    ended = threading.Event()
    threads = []

    def start(ask):
        def go():
            while not ended.wait(0.02):
                ask()

        threads.append(threading.Thread(target=go, daemon=True))
        threads[-1].start()

    yield start
    ended.set()
    for thread in threads:
        thread.join()


def test_promtool_takes_the_jobs_as_the_page_says(tmp_path, prometheus_programs):
    (tmp_path / "rules.yaml").write_text((FOLDER / "monitoring/prometheus/rules.yaml").read_text())
    # Debian's programs are built without the discovery of Kubernetes.
    jobs = without("kubernetes_sd_configs", (FOLDER / "monitoring/prometheus/scrape.yaml").read_text())
    (tmp_path / "scrape.yaml").write_text(jobs)
    file = tmp_path / "prometheus.yml"
    file.write_text(OWN)
    subprocess.run(f"sed '1,/^scrape_configs:/d' scrape.yaml >> {file}", shell=True, cwd=tmp_path, check=True)
    done = subprocess.run([prometheus_programs["promtool"], "check", "config", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = YAML(typ="safe").load(io.StringIO(file.read_text()))["scrape_configs"]
    assert [each["job_name"].rpartition(":")[2] for each in found] == ["production", "staging", "pipeline"]


@pytest.mark.tensorflow
def test_our_server(tmp_path, prometheus_programs, asked):
    saved_models.save({tmp_path / "models/3": 100.0})
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "jenkins_ml.server.standalone", "--model_name=digits", "--address=127.0.0.1"]
    command += [f"--model_base_path={tmp_path / 'models'}", "--version=3", "--port=0", f"--rest_api_port={port}"]
    with Pushgateway() as gateway, subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            pushed = "jenkins_ml_stage_last_success_timestamp_seconds 1\n"
            gateway.ask("/metrics/job/jenkins_ml/model/digits/stage/train", pushed.encode())
            gateway.ask("/metrics/job/jenkins_ml/model/other/stage/train", pushed.encode())
            pipeline = f'pipeline: {{pushgateway: "{gateway.address}"}}'
            of = config(tmp_path / "project", f"serve: {{rest_port: {port}}}\nmonitor: {{{QUICK}, {pipeline}}}\n")
            good, wrong = b'{"instances": [[1.0, 2.0]]}', b'{"instances": [[1.0]]}'
            asked(lambda: ask(f"http://127.0.0.1:{port}/v1/models/digits:predict", good))
            asked(lambda: ask(f"http://127.0.0.1:{port}/v1/models/digits:predict", wrong))
            with Prometheus(put_into_one(of), {"rules.yaml": rules.files(of)[rules.FILE]}) as prometheus:
                labels = {"model": "digits", "environment": "production"}
                prometheus.wait_for('jenkins_ml_requests_total{model="digits",code="OK"} > 100', 120)
                (found,) = prometheus.query('jenkins_ml_requests_total{code="OK"}')
                assert found.labels == {
                    **labels,
                    "__name__": "jenkins_ml_requests_total",
                    "code": "OK",
                    "version": "3",
                    "job": "jenkins-ml:digits:production",
                    "instance": f"127.0.0.1:{port}",
                }
                (up,) = prometheus.query('up{model="digits"}')
                assert (up.labels["environment"], up.value) == ("production", 1)
                # The gateway's series keep their labels, and those of other models stay there.
                pushed = prometheus.wait_for("jenkins_ml_stage_last_success_timestamp_seconds")
                assert [(each.labels["model"], each.labels["job"]) for each in pushed] == [("digits", "jenkins_ml")]
                for name in sorted(recorded(of)):
                    (each, *others) = prometheus.wait_for(name, 30)
                    assert each.labels["model"] == "digits", name
                    assert all(other.labels["slo"] != each.labels["slo"] for other in others), name
                (share,) = prometheus.query("jenkins_ml_version:traffic:share")
                assert (share.labels["version"], share.value) == ("3", 1)
                # What the client sent wrong is no request that the promise is about, and nothing has failed.
                (rate,) = prometheus.query("jenkins_ml_version:failures:rate")
                assert rate.value == 0
                left = {each.labels["slo"]: each.value for each in prometheus.query("jenkins_ml:slo:budget_left")}
                assert left.keys() == {"availability", "latency"}  # how slow it is says how busy the machine is
                assert left["availability"] == 1
                groups = prometheus.get("rules")["groups"]
                assert {rule["health"] for group in groups for rule in group["rules"]} <= {
                    "ok",
                    "unknown",
                }  # in a minute
                pages = {
                    each["labels"]["alertname"] for each in prometheus.alerts() if each["labels"]["severity"] == "page"
                }
                assert pages <= {"JenkinsMLLatencyBudgetBurn"}
                server.send_signal(signal.SIGKILL)
                prometheus.wait_for('ALERTS{alertname="JenkinsMLServerDown",alertstate="firing"}', 60)
                (told,) = [each for each in prometheus.alerts() if each["labels"]["alertname"] == "JenkinsMLServerDown"]
                assert told["annotations"]["description"] == "Prometheus reaches no server of it, for 1s or longer."
        finally:
            server.kill()


def test_pods_get_their_labels(tmp_path, prometheus_programs):
    """By what the discovery of Kubernetes tells of them, without it: Debian's Prometheus has none."""
    of = config(tmp_path, "serve: {target: kubernetes}\nmonitor: {}\n")
    (job,) = YAML(typ="safe").load(io.StringIO(put_into_one(of)))["scrape_configs"]
    del job["kubernetes_sd_configs"]
    pods = [("rest", "Running"), ("grpc", "Running"), (None, "Running"), ("rest", "Pending"), ("rest", "Failed")]
    job["static_configs"] = [
        {"targets": [f"127.0.0.1:{number}"], "labels": pod(*told)} for number, told in enumerate(pods, 1)
    ]
    with Prometheus(json.dumps({"scrape_configs": [job]})) as prometheus:
        prometheus.wait_for("up")
        (found,) = prometheus.targets()
    assert found["scrapeUrl"] == "http://127.0.0.1:1/monitoring/prometheus/metrics"
    assert found["labels"] == {
        "model": "digits",
        "environment": "production",
        "version": "7",
        "pod": "digits-production-v7-abc",
        "job": "jenkins-ml:digits:production",
        "instance": "127.0.0.1:1",
    }


def pod(port, phase):
    """Labels as the discovery of Kubernetes gives them to a port of a pod; None: of a container without ports."""
    about = {
        "__meta_kubernetes_pod_name": "digits-production-v7-abc",
        "__meta_kubernetes_pod_phase": phase,
        "__meta_kubernetes_pod_label_jenkins_ml_io_version": "7",
    }
    return about if port is None else {**about, "__meta_kubernetes_pod_container_port_name": port}


@pytest.mark.docker
@pytest.mark.xdist_group("docker")
def test_versions_of_tensorflow_serving_on_docker(tmp_path, docker_engine, prometheus_programs):
    image_of_model_server(docker_engine)
    rest, metrics = free_ports(2)
    with site_of(docker_engine, tmp_path) as site:
        target = site.target(metrics_port=metrics)
        target.start()
        for version in (1, 2):
            target.load(site.version(version))
        target.route(1, 2, 25)
        section = f'serve: {{target: docker, rest_port: {rest}, docker: {{host: "{docker_engine.address}", metrics_port: {metrics}}}}}\n'
        of = config(tmp_path / "project", f"{section}monitor: {{{QUICK}}}\n")
        of = of.model_copy(update={"model": site.model})
        with (
            Users(target.serving().rest, rate=100),
            Prometheus(put_into_one(of), {"rules.yaml": rules.files(of)[rules.FILE]}) as prometheus,
        ):
            shares = prometheus.wait_for(
                "count(jenkins_ml_version:traffic:share > 0) == 2 and on () sum(jenkins_ml_version:requests:increase) > 200",
                90,
            )
            assert shares
            up = {each.labels["version"]: each.value for each in prometheus.query("up")}
            assert up == {"1": 1, "2": 1}
            share = {
                each.labels["version"]: each.value for each in prometheus.query("jenkins_ml_version:traffic:share")
            }
            assert share["2"] == pytest.approx(0.25, abs=0.1)
            labels = {
                (each.labels["model"], each.labels["environment"])
                for each in prometheus.query("jenkins_ml_version:traffic:share")
            }
            assert labels == {(site.model, "production")}
            silent = {"jenkins_ml:dashboard:info"}
            for name in sorted(recorded(of) - silent):
                assert prometheus.wait_for(name, 30), name
            # Version 1 begins to fail: what the page names is the version in production that fails.
            site.behave(1, fail_share=1)
            prometheus.wait_for('ALERTS{alertname="JenkinsMLErrorBudgetBurn",alertstate="firing"}', 60)
            (told,) = [
                each for each in prometheus.alerts() if each["labels"]["alertname"] == "JenkinsMLErrorBudgetBurn"
            ]
            assert (told["labels"]["version"], told["labels"]["action"]) == ("1", "rollback")


def ask(address, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body), timeout=30) as answer:
            json.load(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:  # it is killed in the middle of an answer
        if isinstance(error, urllib.error.HTTPError):
            error.close()
