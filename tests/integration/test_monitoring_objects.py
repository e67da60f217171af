"""What is generated for the Prometheus operator: the real API server takes it, by the operator's own definitions."""

import pytest

from jenkins_ml.rendering.monitoring import monitors
from tests.engines import binaries
from tests.fakes.promtool import config

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

OPERATOR = "github.com/prometheus-operator/prometheus-operator"
DEFINED = ("podmonitors", "prometheusrules")
SECTION = """
serve: {target: kubernetes, kubernetes: {namespace: default, clients: {app: shop}}, server: {kind: %s}}
monitor: {slo: {latency_p99_ms: 200}}
"""


@pytest.fixture(scope="module")
def defined(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("definitions")
    for name in DEFINED:
        file = binaries.definitions(OPERATOR, f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml")
        (folder / file.name).write_bytes(file.read_bytes())
    installed = cluster.install(folder)
    yield
    cluster.uninstall(installed)


def generated(folder, kind):
    return monitors.files(config(folder, SECTION % kind))[monitors.FILE]


@pytest.mark.parametrize("kind", ["tensorflow-serving", "jenkins-ml"])
def test_the_api_server_takes_the_objects(tmp_path, cluster, defined, kind):
    told = cluster.kubectl("apply", "--validate=strict", "-f=-", "-o=name", said=generated(tmp_path, kind))
    assert {each.partition("/")[0] for each in told.split()} == {
        "podmonitor.monitoring.coreos.com",
        "networkpolicy.networking.k8s.io",
        "prometheusrule.monitoring.coreos.com",
    }
    cluster.kubectl("delete", *told.split())


def test_it_takes_no_other_fields(tmp_path, cluster, defined):
    wrong = generated(tmp_path, "jenkins-ml").replace("metricRelabelings:", "metricRelabelConfigs:")
    with pytest.raises(RuntimeError, match="metricRelabelConfigs"):
        cluster.kubectl("apply", "--validate=strict", "-f=-", "--dry-run=server", said=wrong)
