"""What dashboards are made of beside panels: their name, variables, annotations, links."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from jenkins_ml.rendering.monitoring.grafana.panels import DATASOURCE, Json

TAG: Final = "jenkins-ml"
FLEET_UID: Final = "jenkinsml-fleet"
# The Prometheus that `datasources` provisions; a dashboard takes it where it is there, and else the first one.
DATASOURCE_UID: Final = "jenkins-ml-prometheus"
DATASOURCE_NAME: Final = "Prometheus of jenkins-ml"
_SCHEMA: Final = 36
_LONGEST_UID: Final = 40


def uid(model: str) -> str:
    """The unique name of a model's dashboard in Grafana: the model's name, or its digest where Grafana could not take it.

    Grafana takes at most 40 letters, digits, "-" and "_". No two models have the same: a digest stands behind another prefix.
    """
    plain = f"{TAG}-{model}"
    if len(plain) <= _LONGEST_UID and re.fullmatch(r"[a-zA-Z0-9_-]+", plain):
        return plain
    return f"jenkinsml-{hashlib.sha256(model.encode()).hexdigest()[:30]}"


def dashboard(
    name: str,
    title: str,
    description: str,
    *,
    variables: Sequence[Json],
    annotations: Sequence[Json],
    links: Sequence[Json],
    panels: Sequence[Json],
) -> Json:
    """A whole dashboard.

    Args:
        name: its uid.
        title: what people call it.
        description: what it is for.
        variables: what is chosen above it, beside the datasource.
        annotations: what is marked in every panel.
        links: to other dashboards.
        panels: placed.
    """
    return {
        "uid": name,
        "title": title,
        "description": description,
        "tags": [TAG],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), *variables]},
        "annotations": {"list": list(annotations)},
        "links": list(links),
        "panels": list(panels),
    }


def variable(name: str, label: str, series: str, *, several: bool = False, value: str | None = None) -> Json:
    """A variable: one or several values of a label.

    Args:
        name: of the variable, and of the label.
        label: what stands before the choice.
        series: a selector of series that have the label.
        several: whether more than one may be chosen, and all are at first.
        value: what is chosen at first, where it is one.
    """
    made: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({series}, {name})", "refId": f"variable-{name}"},
        "refresh": 2,  # when the time range changes: what is there depends on it
        "sort": 3 if name == "version" else 1,
        "hide": 0,
        "skipUrlSync": False,
        "multi": several,
        "includeAll": several,
    }
    if several:
        return {**made, "allValue": ".*", "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return made if value is None else {**made, "current": {"selected": True, "text": value, "value": value}}


def annotation(name: str, expr: str, title: str, text: str, colour: str, *, at_value: bool = False) -> Json:
    """Marks in every panel where a query has a value.

    Args:
        name: what stands beside the switch that hides them.
        expr: in PromQL.
        title: of a mark, with {{label}}.
        text: of a mark, with {{label}}.
        colour: of the marks.
        at_value: whether the value is the time of the mark, in milliseconds.
    """
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expr,
        "titleFormat": title,
        "textFormat": text,
        "useValueForTime": at_value,
    }


def link(title: str, url: str = "") -> Json:
    """A link above the dashboard; without an address, a list of all dashboards of jenkins-ml."""
    return {
        "title": title,
        "type": "link" if url else "dashboards",
        "icon": "external link",
        "tooltip": "",
        "url": url,
        "tags": [] if url else [TAG],
        "asDropdown": not url,
        "targetBlank": False,
        "includeVars": False,
        "keepTime": True,
    }


def _datasource() -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
        "current": {"selected": True, "text": DATASOURCE_NAME, "value": DATASOURCE_UID},
        "hide": 0,
        "skipUrlSync": False,
        "multi": False,
        "includeAll": False,
        "refresh": 1,
    }
