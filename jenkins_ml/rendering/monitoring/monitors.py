"""Objects of the Prometheus operator, for environments on Kubernetes: what is scraped, the rules, and the way in."""

from __future__ import annotations

from typing import Any, Final

from jenkins_ml import names
from jenkins_ml.config.model import Config, seconds
from jenkins_ml.config.monitor import Monitor
from jenkins_ml.core.monitoring.windows import duration
from jenkins_ml.rendering.kubernetes import naming
from jenkins_ml.rendering.kubernetes.pod import REST_PORT
from jenkins_ml.rendering.kubernetes.text import text
from jenkins_ml.rendering.monitoring import environments, rules, scrape
from jenkins_ml.rendering.monitoring.environments import Environment

FILE: Final = "monitoring/kubernetes/monitors.yaml"
_OPERATOR: Final = "monitoring.coreos.com/v1"
# The label that the operator, and the charts of Prometheus, give its pods.
_PROMETHEUS: Final = {"app.kubernetes.io/name": "prometheus"}
_MADE: Final = (
    "# Made by jenkins-ml from jenkins-ml.yaml: what is edited here stays, and is merged.\n"
    "# For the Prometheus operator, in place of the files in monitoring/prometheus; it has to select these objects.\n"
)

Object = dict[str, Any]


def files(config: Config) -> dict[str, str]:
    """The file with all objects; none without `monitor`, or where nothing is on Kubernetes."""
    monitor = config.monitor
    found = [each for each in environments.of(config) if each.serve.target == "kubernetes"]
    if monitor is None or not found:
        return {}
    objects = []
    for each in found:
        objects.append(_pod_monitor(each, monitor))
        if each.serve.kubernetes.clients:
            objects.append(_way_in(each))
    # All rules in one object: those of the pipeline are about the model.
    objects.append(_object(found[0], _OPERATOR, "PrometheusRule", {"groups": rules.groups(config)}))
    return {FILE: _MADE + "---\n".join(text(each) for each in objects)}


def _pod_monitor(environment: Environment, monitor: Monitor) -> Object:
    def named(target: str, value: str) -> Object:
        return {"targetLabel": target, "replacement": value, "action": "replace"}

    version = scrape.meta("kubernetes_pod", names.LABEL_VERSION)
    endpoint: Object = {
        "port": scrape.REST_PORT_NAME,
        "path": scrape.metrics_path(environment),
        "interval": duration(round(seconds(monitor.scrape_interval) * 1000)),
        "relabelings": [
            {"sourceLabels": [version], "targetLabel": "version", "action": "replace"},
            named("model", environment.model),
            named("environment", environment.name),
        ],
    }
    if environment.kind == "jenkins-ml":
        endpoint["metricRelabelings"] = [{"regex": scrape.TWICE, "action": "labeldrop"}]
    selected = {**naming.selecting(environment.model, environment.name), names.LABEL_ROLE: "server"}
    spec = {"selector": {"matchLabels": selected}, "podMetricsEndpoints": [endpoint]}
    return _object(environment, _OPERATOR, "PodMonitor", spec)


def _way_in(environment: Environment) -> Object:
    """Policies add up: this one lets Prometheus in beside `clients`."""
    spec = {
        "podSelector": {"matchLabels": naming.selecting(environment.model, environment.name)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": _PROMETHEUS}}],
                "ports": [{"protocol": "TCP", "port": REST_PORT}],
            }
        ],
    }
    return _object(environment, "networking.k8s.io/v1", "NetworkPolicy", spec)


def _object(environment: Environment, api: str, kind: str, spec: Object) -> Object:
    """An object that is none of those that a release makes or takes away: it has no label of theirs."""
    metadata = {
        "name": f"{naming.base(environment.model, environment.name)}-monitoring",
        "namespace": environment.serve.kubernetes.namespace,
        "labels": {"app.kubernetes.io/part-of": names.OWNER},
    }
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
