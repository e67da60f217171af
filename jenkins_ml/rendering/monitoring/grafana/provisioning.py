"""What tells Grafana where the dashboards lie, and which Prometheus they ask."""

from __future__ import annotations

from typing import Final

from jenkins_ml.config.model import seconds
from jenkins_ml.config.monitor import Monitor, Prometheus
from jenkins_ml.rendering.kubernetes.text import text
from jenkins_ml.rendering.monitoring.grafana.dashboard import DATASOURCE_NAME, DATASOURCE_UID
from jenkins_ml.rendering.monitoring.grafana.panels import Json

# Where the folder monitoring/grafana/dashboards has to be on Grafana's machine.
FOLDER: Final = "/var/lib/grafana/dashboards/jenkins-ml"


def dashboards() -> str:
    """The provider of the dashboards, as YAML: all that lie in one folder, whichever model each is of."""
    provider: Json = {
        "name": "jenkins-ml",
        "folder": "jenkins-ml",
        "folderUid": "jenkinsml",
        "type": "file",
        "allowUiUpdates": False,
        "disableDeletion": False,
        "updateIntervalSeconds": 30,
        "options": {"path": FOLDER},
    }
    return text({"apiVersion": 1, "providers": [provider]})


def datasources(monitor: Monitor, prometheus: Prometheus) -> str:
    """The Prometheus server as a datasource, as YAML.

    Args:
        monitor: how often it scrapes.
        prometheus: where it is; its token's file has to be on Grafana's machine, too.
    """
    source: Json = {
        "name": DATASOURCE_NAME,
        "uid": DATASOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": _literal(prometheus.url),
        "editable": False,
        "jsonData": {
            "httpMethod": "POST",
            "prometheusType": "Prometheus",
            "timeInterval": f"{max(1, round(seconds(monitor.scrape_interval)))}s",
        },
    }
    if prometheus.token_file is not None:
        source["jsonData"] |= {"httpHeaderName1": "Authorization"}
        source["secureJsonData"] = {"httpHeaderValue1": f"Bearer $__file{{{prometheus.token_file}}}"}
    return text({"apiVersion": 1, "datasources": [source]})


def _literal(value: str) -> str:
    """A text in which Grafana expands nothing."""
    return value.replace("$", "$$")
