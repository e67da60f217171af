"""How Prometheus finds the servers of a model, and what the pipeline pushes: a file for `scrape_config_files`.

What serves has the labels model, environment and version from here. Our server tells model and version as well, of which
the embedded one may have several; TensorFlow Serving knows neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from jenkins_ml import names
from jenkins_ml.config.model import Config, seconds
from jenkins_ml.config.monitor import Monitor
from jenkins_ml.core.monitoring.windows import duration
from jenkins_ml.rendering.kubernetes.pod import MONITORING
from jenkins_ml.rendering.kubernetes.text import text
from jenkins_ml.rendering.monitoring import environments
from jenkins_ml.rendering.monitoring.environments import Environment

FILE: Final = "monitoring/prometheus/scrape.yaml"
_MADE: Final = (
    "# Made by jenkins-ml from jenkins-ml.yaml: what is edited here stays, and is merged.\n"
    "# Prometheus 2.43 and newer reads it by `scrape_config_files`; older ones have these jobs in their own file.\n"
)
REST_PORT_NAME: Final = "rest"  # of a pod's container, see rendering/kubernetes/pod.py
_SOCKET: Final = "unix:///var/run/docker.sock"
# What the discovery of Prometheus reaches; our side also takes ssh://, and addresses without a scheme.
_ENGINE: Final = re.compile(
    r"unix:///[!-~]+|(?:tcp|https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?"
)
_LOOPBACK: Final = "127.0.0.1"
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - what the proxy listens on, not we
# What our server says of itself stands beside what we say of it: the same twice.
TWICE: Final = "exported_(model|version)"

Job = dict[str, Any]


def files(config: Config) -> dict[str, str]:
    """The file with all jobs of the model; none without `monitor`."""
    monitor = config.monitor
    if monitor is None:
        return {}
    found = list(environments.of(config))
    remarks = "".join(f"# {line}\n" for line in _remarks(found))
    jobs = [job for each in found if (job := _job(each, monitor)) is not None]
    if monitor.pipeline is not None and monitor.pipeline.pushgateway is not None:
        jobs.append(_pushed(config.model, monitor.pipeline.pushgateway, monitor))
    return {FILE: _MADE + remarks + text({"scrape_configs": jobs})}


def metrics_path(environment: Environment) -> str:
    """Where a server of the environment has its metrics."""
    return "/metrics" if environment.kind == "jenkins-ml" else MONITORING


def meta(kind: str, label: str) -> str:
    """The name under which Prometheus knows a label of a container or a pod.

    Args:
        kind: "docker_container" or "kubernetes_pod".
        label: as it is there, such as jenkins-ml.io/version.
    """
    return f"__meta_{kind}_label_{re.sub('[^a-zA-Z0-9_]', '_', label)}"


def _job(environment: Environment, monitor: Monitor) -> Job | None:
    """The servers of one environment; None where the configuration does not say where they are."""
    if environment.lacks is not None:
        return None
    target = environment.serve.target
    found = {"local": _local, "docker": _docker, "kubernetes": _kubernetes}[target](environment)
    if environment.kind == "jenkins-ml":
        found["metric_relabel_configs"] = [{"regex": TWICE, "action": "labeldrop"}]
    return {**_common(f"jenkins-ml:{environment.model}:{environment.name}", monitor), **found}


def _common(name: str, monitor: Monitor) -> Job:
    return {"job_name": name, "scrape_interval": duration(round(seconds(monitor.scrape_interval) * 1000))}


def _local(environment: Environment) -> Job:
    """The embedded server, which is on loopback: Prometheus, or an agent of it, runs on the same machine."""
    labels = {"model": environment.model, "environment": environment.name}
    target = f"{_LOOPBACK}:{environment.serve.rest_port}"
    return {
        "metrics_path": metrics_path(environment),
        "static_configs": [{"targets": [target], "labels": labels}],
    }


def _docker(environment: Environment) -> Job:
    """The containers of versions tell which versions there are; the proxy leads to the metrics of each."""
    docker = environment.serve.docker
    version = meta("docker_container", names.LABEL_VERSION)
    labels = {
        names.LABEL_MODEL: environment.model,
        names.LABEL_ENVIRONMENT: environment.name,
        names.LABEL_ROLE: "server",
    }
    return {
        "docker_sd_configs": [
            {
                "host": docker.host if _reached(docker.host) else _SOCKET,
                "filters": [{"name": "label", "values": [f"{name}={value}" for name, value in labels.items()]}],
            }
        ],
        "relabel_configs": [
            {
                "source_labels": [version],
                "regex": "(.+)",
                "replacement": "/versions/$1/metrics",
                "target_label": "__metrics_path__",
            },
            {"source_labels": [version], "target_label": "version"},
            {"replacement": _proxy(environment), "target_label": "__address__"},
            *_named(environment),
        ],
    }


def _kubernetes(environment: Environment) -> Job:
    """The pods, each by itself: those of every version, also of one that is kept warm."""
    labels = {
        names.LABEL_MODEL: environment.model,
        names.LABEL_ENVIRONMENT: environment.name,
        names.LABEL_ROLE: "server",
    }
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    return {
        "metrics_path": metrics_path(environment),
        "kubernetes_sd_configs": [
            {
                "role": "pod",
                "namespaces": {"names": [environment.serve.kubernetes.namespace]},
                "selectors": [{"role": "pod", "label": selector}],
            }
        ],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": REST_PORT_NAME, "action": "keep"},
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Pending|Succeeded|Failed", "action": "drop"},
            {"source_labels": [meta("kubernetes_pod", names.LABEL_VERSION)], "target_label": "version"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            *_named(environment),
        ],
    }


def _named(environment: Environment) -> list[Job]:
    return [
        {"replacement": environment.model, "target_label": "model"},
        {"replacement": environment.name, "target_label": "environment"},
    ]


def _proxy(environment: Environment) -> str:
    """Address of the proxy's metrics, for a Prometheus that runs where the engine does, or reaches it as we do."""
    docker = environment.serve.docker
    address = docker.bind
    if address in _EVERYWHERE:
        engine = _reached(docker.host)
        address = ((engine and engine["host"]) or _LOOPBACK).strip("[]")
    return f"[{address}]:{docker.metrics_port}" if ":" in address else f"{address}:{docker.metrics_port}"


def _reached(engine: str | None) -> re.Match[str] | None:
    """An engine's address, if Prometheus can reach it by that."""
    return None if engine is None else _ENGINE.fullmatch(engine)


def _pushed(model: str, gateway: str, monitor: Monitor) -> Job:
    """What the pipeline of this model has pushed; other models push to the same gateway."""
    address = urlsplit(gateway)
    named = re.search(r":[0-9]+$", address.netloc) is not None
    port = "" if named else ":443" if address.scheme == "https" else ":80"
    return {
        **_common(f"jenkins-ml:{model}::pipeline", monitor),  # of no environment: one may be called "pipeline"
        "honor_labels": True,
        "scheme": address.scheme,
        "metrics_path": f"{address.path.rstrip('/')}/metrics",
        "static_configs": [{"targets": [f"{address.netloc}{port}"]}],
        "metric_relabel_configs": [{"source_labels": ["model"], "regex": re.escape(model), "action": "keep"}],
    }


def _remarks(found: list[Environment]) -> Iterator[str]:
    for each in found:
        if each.lacks is not None:
            yield f"{each.name} is left out: its port changes with every start. Set `{each.lacks}`."
        elif each.serve.target == "local":
            yield f"{each.name}: the server answers on loopback, so Prometheus runs on its machine."
        elif each.serve.target == "docker" and (host := each.serve.docker.host) is not None and not _reached(host):
            yield (
                f"{each.name}: Prometheus reaches an engine by unix://, tcp://, http:// or https:// only, not by "
                "`serve.docker.host`. The job asks that of its own machine."
            )
