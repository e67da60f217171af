"""Every alert fires when it has to and is silent when it must, as the real promtool evaluates the generated rules."""

import subprocess

import pytest

from jenkins_ml.rendering.monitoring import rules
from tests.fakes import promtool
from tests.fakes.rule_cases import CASES

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]

GATE = "gate: {metrics: {accuracy: {min: 0.9}, loss: {max: 0.4}}}\n"
PIPELINE = 'pipeline: {pushgateway: "http://pushgateway:9091"}'
DOCKER = "serve: {target: docker, docker: {metrics_port: 9400}}\n"
CONFIGURATIONS = {
    "ours": f"{GATE}monitor: {{slo: {{latency_p99_ms: 200}}, {PIPELINE}}}\n",
    "serving": f"{GATE}{DOCKER}monitor: {{slo: {{latency_p99_ms: 200}}, {PIPELINE}}}\n",
    "lax": "monitor: {slo: {availability: 0.9}}\n",
    "plain": "monitor: {}\n",
}


@pytest.fixture(scope="module")
def configurations(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    return {name: promtool.config(folder / name, text) for name, text in CONFIGURATIONS.items()}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_promtool_takes_the_rules(tmp_path, prometheus_programs, configurations, name):
    file = tmp_path / "rules.yaml"
    file.write_text(rules.files(configurations[name])[rules.FILE])
    done = subprocess.run([prometheus_programs["promtool"], "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.alert or 'any page'}: {case.name}") for case in CASES])
def test_an_alert_fires_or_is_silent(tmp_path, prometheus_programs, configurations, case):
    assert promtool.check(tmp_path, configurations[case.rules], case) == ""


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent(configurations):
    alerts = {
        (name, rule["alert"])
        for name in ("ours", "serving")
        for group in rules.groups(configurations[name])
        for rule in group["rules"]
        if "alert" in rule
    }
    # What the pipeline tells is the same whatever serves.
    names = {alert for _, alert in alerts}
    assert names == {case.alert for case in CASES if case.fires}
    assert names == {case.alert for case in CASES if case.alert and not case.fires}


def test_a_case_that_should_fire_and_does_not_is_told(tmp_path, prometheus_programs, configurations):
    firing = next(case for case in CASES if case.fires and case.rules == "ours")
    silenced = promtool.Case(firing.name, firing.alert, {}, "1m", firing.fires, firing.described)
    assert "FAILED" in promtool.check(tmp_path, configurations["ours"], silenced)


def test_a_case_that_should_be_silent_and_is_not_is_told(tmp_path, prometheus_programs, configurations):
    firing = next(case for case in CASES if case.fires and case.rules == "ours")
    loud = promtool.Case(firing.name, firing.alert, firing.series, firing.at)
    assert "FAILED" in promtool.check(tmp_path, configurations["ours"], loud)
