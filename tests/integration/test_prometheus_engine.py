"""The real Prometheus, Alertmanager and Pushgateway of the tests: started, asked, ended."""

import os
import time

import pytest

from tests.engines.daemons import NotReady
from tests.engines.prometheus import Alertmanager, Prometheus, Pushgateway

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.xdist_group("prometheus"),
    pytest.mark.usefixtures("prometheus_programs"),
]

CONFIG = """
global: {scrape_interval: 100ms, evaluation_interval: 100ms}
rule_files: [rules.yaml]
scrape_configs:
  - {job_name: pushed, honor_labels: true, static_configs: [{targets: ["%s"]}]}
alerting: {alertmanagers: [{static_configs: [{targets: ["%s"]}]}]}
"""
RULES = """
groups:
  - name: all
    rules: [{alert: Seen, expr: 'pushed == 3'}]
"""
RECEIVER = "{route: {receiver: nobody}, receivers: [{name: nobody}]}"


def test_what_is_pushed_is_scraped_and_its_alert_arrives():
    with Pushgateway() as gateway, Alertmanager(RECEIVER) as manager:
        gateway.ask("/metrics/job/jenkins_ml/model/digits", b"pushed 3\n")
        config = CONFIG % (gateway.address.removeprefix("http://"), manager.address.removeprefix("http://"))
        with Prometheus(config, {"rules.yaml": RULES}) as prometheus:
            (sample,) = prometheus.wait_for("pushed")
            assert sample.value == 3
            assert sample.labels["model"] == "digits"
            prometheus.wait_for('ALERTS{alertname="Seen", alertstate="firing"}')
            end = time.monotonic() + 30
            while not manager.alerts():
                assert time.monotonic() < end, prometheus.daemon.tail()
                time.sleep(0.05)
            assert manager.alerts()[0]["labels"]["alertname"] == "Seen"
            pid, folder = prometheus.daemon.pid, prometheus.folder
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not folder.exists()


def test_a_configuration_that_it_refuses_says_why():
    with pytest.raises(NotReady, match="no_such_key"), Prometheus("no_such_key: 1"):
        pass
