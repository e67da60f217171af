"""The dashboards of Grafana, and what provisions them."""

from __future__ import annotations

import json
from typing import Final

from jenkins_ml.config.model import Config
from jenkins_ml.rendering.monitoring.grafana import provisioning
from jenkins_ml.rendering.monitoring.grafana.fleet import fleet_dashboard
from jenkins_ml.rendering.monitoring.grafana.model import model_dashboard
from jenkins_ml.rendering.monitoring.grafana.panels import Json

FOLDER: Final = "monitoring/grafana"
# No model's: their names begin with a letter or a digit, and one may be called "fleet".
FLEET: Final = "_fleet"


def files(config: Config) -> dict[str, str]:
    """The dashboards of this model and of all models, and the provisioning of both.

    Args:
        config: of the model; without a section `monitor` there are none.

    Returns:
        Texts by name, relative to the folder of jenkins-ml.yaml.
    """
    monitor = config.monitor
    if monitor is None:
        return {}
    made = {
        f"{FOLDER}/dashboards/{config.model}.json": _text(model_dashboard(config, monitor)),
        f"{FOLDER}/dashboards/{FLEET}.json": _text(fleet_dashboard()),
        f"{FOLDER}/provisioning/dashboards/jenkins-ml.yaml": provisioning.dashboards(),
    }
    if monitor.prometheus is not None:
        made[f"{FOLDER}/provisioning/datasources/jenkins-ml.yaml"] = provisioning.datasources(
            monitor, monitor.prometheus
        )
    return made


def _text(dashboard: Json) -> str:
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"
