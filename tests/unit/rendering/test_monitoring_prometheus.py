"""Rules, scrape jobs and objects of the operator, out of configurations."""

import io

import pytest
from ruamel.yaml import YAML

from jenkins_ml.rendering.monitoring import monitors, rules, scrape
from tests.fakes.promtool import config
from tests.fakes.repository import ROOT

PIPELINE = 'pipeline: {pushgateway: "https://push.example.com/gateway/"}'
DOCKER = "serve: {target: docker, docker: {metrics_port: 9400%s}}\nmonitor: {}\n"
KUBERNETES = "serve: {target: kubernetes, server: {kind: jenkins-ml}, kubernetes: {namespace: ml%s}}\nmonitor: {}\n"


def read(text):
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


def jobs(of):
    return {each["job_name"]: each for each in read(scrape.files(of)[scrape.FILE])["scrape_configs"]}


def alerts(of):
    return [rule for group in rules.groups(of) for rule in group["rules"] if "alert" in rule]


def test_without_the_section_there_are_no_files(tmp_path):
    of = config(tmp_path, "")
    assert rules.files(of) == scrape.files(of) == monitors.files(of) == {}
    assert rules.groups(of) == []


def test_every_environment_has_its_rules(tmp_path):
    of = config(tmp_path, "serve: {environments: {staging: {target: docker}}}\nmonitor: {}\n")
    labels = [
        rule["labels"] for group in rules.groups(of) for rule in group["rules"] if "environment" in rule["labels"]
    ]
    assert {(each["model"], each["environment"]) for each in labels} == {
        ("digits", "production"),
        ("digits", "staging"),
    }


def test_every_alert_says_what_to_do(tmp_path):
    of = config(
        tmp_path,
        f"gate: {{metrics: {{accuracy: {{min: 0.9}}}}}}\nmonitor: {{slo: {{latency_p99_ms: 9}}, {PIPELINE}}}\n",
    )
    for rule in alerts(of):
        assert set(rule["labels"]) >= {"model", "environment", "severity", "action"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook", "command"}
        page = (ROOT / rule["annotations"]["runbook"]).read_text()
        assert page.startswith(f"# {rule['alert']}\n")
        assert rule["annotations"]["command"].startswith("jenkins-ml ")
        assert (rule["labels"]["action"] == "rollback") == rule["annotations"]["command"].startswith(
            "jenkins-ml rollback"
        )


def test_every_runbook_is_that_of_an_alert(tmp_path):
    of = config(
        tmp_path,
        f"gate: {{metrics: {{accuracy: {{min: 0.9}}}}}}\nmonitor: {{slo: {{latency_p99_ms: 9}}, {PIPELINE}}}\n",
    )
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("JenkinsML*.md")} == {
        rule["alert"] for rule in alerts(of)
    }


def test_what_nobody_reports_raises_no_alert(tmp_path):
    found = {rule["alert"] for rule in alerts(config(tmp_path, "monitor: {}\n"))}
    assert found == {
        *("JenkinsMLErrorBudgetBurn", "JenkinsMLErrorBudgetBurnSlow", "JenkinsMLNanAnswers"),
        *("JenkinsMLServerDown", "JenkinsMLNoData", "JenkinsMLCanaryStuck"),
    }


def test_tensorflow_serving_counts_no_nan(tmp_path):
    names = {rule["alert"] for rule in alerts(config(tmp_path, DOCKER % ""))}
    assert "JenkinsMLNanAnswers" not in names
    assert "JenkinsMLErrorBudgetBurn" in names


def test_a_job_of_jenkins_is_what_trains_anew(tmp_path):
    hook = 'alerts: {hook: {url: "http://127.0.0.1:1", token_file: t, retrain_job: vision/digits}}'
    of = config(tmp_path, f"monitor: {{{PIPELINE}, {hook}}}\n")
    commands = {rule["annotations"]["command"] for rule in alerts(of) if rule["labels"]["action"] == "retrain"}
    assert commands == {"jenkins-ml jobs trigger vision/digits --wait"}


def test_windows_that_are_too_short_to_tell_are_told(tmp_path):
    text = rules.files(config(tmp_path, "monitor: {slo: {period: 1h}, scrape_interval: 1s}\n"))[rules.FILE]
    assert "# Longer than their share of the period, to hold 4 scrapes: 2m, 5m, 30m." in text
    assert "# Longer" not in rules.files(config(tmp_path, "monitor: {}\n"))[rules.FILE]


def test_a_limit_that_cannot_be_counted_by_is_told_and_left_out(tmp_path):
    of = config(tmp_path, "monitor: {slo: {latency_p99_ms: 40000}}\n")
    assert "no bound that latencies are counted by is as high as 40000 ms" in rules.files(of)[rules.FILE]
    assert not [rule for rule in alerts(of) if "Latency" in rule["alert"]]


@pytest.mark.parametrize("name", ["dashboard", "pipeline", "budget"])
def test_an_environment_may_be_called_as_a_part_of_ours(tmp_path, name):
    of = config(tmp_path, f"serve: {{environment: {name}}}\nmonitor: {{{PIPELINE}}}\n")
    called = [each["name"] for each in rules.groups(of)]
    assert len(called) == len(set(called))
    assert len(jobs(of)) == len(read(scrape.files(of)[scrape.FILE])["scrape_configs"])


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("serve: {rest_port: 0}\nmonitor: {}\n", "serve.rest_port"),
        ("serve: {target: docker}\nmonitor: {}\n", "serve.docker.metrics_port"),
    ],
)
def test_a_port_that_changes_is_left_out_and_named(tmp_path, text, lacks):
    of = config(tmp_path, text)
    assert jobs(of) == {}
    assert f"Set `{lacks}`." in scrape.files(of)[scrape.FILE]
    # Nor is anybody woken up because a server was released that Prometheus never hears of.
    (down,) = [rule for rule in alerts(of) if rule["alert"] == "JenkinsMLServerDown"]
    assert "jenkins_ml_release_timestamp_seconds" not in down["expr"]


@pytest.mark.parametrize(
    ("docker", "address"),
    [
        ("", "127.0.0.1:9400"),
        (', bind: "10.1.2.3"', "10.1.2.3:9400"),
        (', bind: "0.0.0.0"', "127.0.0.1:9400"),
        (', bind: "0.0.0.0", host: "tcp://engine:2376"', "engine:9400"),
        (', bind: "0.0.0.0", host: "tcp://[fd00::2]:2376"', "[fd00::2]:9400"),
        (', bind: "0.0.0.0", host: "tcp://[fd00::2"', "127.0.0.1:9400"),
        (', bind: "fd00::1"', "[fd00::1]:9400"),
    ],
)
def test_containers_are_asked_through_the_proxy(tmp_path, docker, address):
    (job,) = jobs(config(tmp_path, DOCKER % docker)).values()
    (found,) = [each["replacement"] for each in job["relabel_configs"] if each["target_label"] == "__address__"]
    assert found == address


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("unix:///run/docker.sock", False),
        ("tcp://engine:2376", False),
        ("ssh://me@engine", True),
        ("engine:2375", True),
    ],
)
def test_an_engine_that_prometheus_cannot_reach_is_told(tmp_path, host, told):
    text = scrape.files(config(tmp_path, DOCKER % f', host: "{host}"'))[scrape.FILE]
    assert ("Prometheus reaches an engine by unix://" in text) == told
    assert read(text)["scrape_configs"][0]["docker_sd_configs"][0]["host"] == (
        "unix:///var/run/docker.sock" if told else host
    )


def test_our_server_says_model_and_version_itself(tmp_path):
    (job,) = jobs(config(tmp_path, KUBERNETES % "")).values()
    assert job["metric_relabel_configs"] == [{"regex": "exported_(model|version)", "action": "labeldrop"}]
    assert job["metrics_path"] == "/metrics"
    (job,) = jobs(config(tmp_path, DOCKER % "")).values()
    assert "metric_relabel_configs" not in job


def test_only_what_this_model_pushed_is_taken_from_the_gateway(tmp_path):
    job = jobs(config(tmp_path, f"monitor: {{{PIPELINE}}}\n"))["jenkins-ml:digits::pipeline"]
    assert job["honor_labels"] is True
    assert (job["scheme"], job["metrics_path"]) == ("https", "/gateway/metrics")
    assert job["static_configs"] == [{"targets": ["push.example.com:443"]}]
    assert job["metric_relabel_configs"] == [{"source_labels": ["model"], "regex": "digits", "action": "keep"}]


def test_prometheus_is_let_in_beside_the_clients(tmp_path):
    def kinds(extra):
        text = monitors.files(config(tmp_path, KUBERNETES % extra))[monitors.FILE]
        return [each["kind"] for each in YAML(typ="safe", pure=True).load_all(io.StringIO(text))]

    assert kinds("") == ["PodMonitor", "PrometheusRule"]
    assert kinds(", clients: {app: shop}") == ["PodMonitor", "NetworkPolicy", "PrometheusRule"]
    assert monitors.files(config(tmp_path, DOCKER % "")) == {}
