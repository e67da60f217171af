"""Saved objects of Kibana: a data view, three searches and a dashboard with them; as Kibana 7.10 and later import them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

_VIEW: Final = "jenkins-ml"
_VERSION: Final = "7.10.2"
# Of the shapes of these objects, as Kibana 7.10 writes them: a later one brings them to its own.
_SHAPES: Final = {"index-pattern": "7.6.0", "search": "7.9.3", "dashboard": "7.9.3"}
_HEIGHT, _WIDTH = 15, 48
# id, title, what is looked for, and the columns.
SEARCHES: Final = (
    (
        "jenkins-ml-requests",
        "jenkins-ml: requests",
        'event.dataset: "jenkins_ml.requests"',
        (
            "http.request.id",
            "event.outcome",
            "service.name",
            "service.environment",
            "service.version",
            "labels.release",
            "labels.build",
            "labels.commit",
            "event.duration",
        ),
    ),
    (
        "jenkins-ml-failures",
        "jenkins-ml: what failed",
        'event.outcome: "failure" or log.level: "error" or event.kind: "pipeline_error"',
        ("service.name", "event.action", "service.version", "message", "error.type", "labels.run"),
    ),
    (
        "jenkins-ml-stages",
        "jenkins-ml: stages",
        'event.dataset: "jenkins_ml.stages"',
        ("service.name", "event.action", "event.outcome", "message", "labels.run", "labels.commit"),
    ),
)


def saved_objects(pattern: str) -> str:
    """The file for Kibana's import, one object a line.

    Args:
        pattern: of the indices.
    """
    objects = [
        _saved("index-pattern", _VIEW, {"title": pattern, "timeFieldName": "@timestamp"}, []),
        *(_search(*each) for each in SEARCHES),
        _dashboard(),
    ]
    return "".join(f"{json.dumps(each, sort_keys=True)}\n" for each in objects)


def _search(name: str, title: str, query: str, columns: Sequence[str]) -> dict[str, Any]:
    source = {
        "query": {"language": "kuery", "query": query},
        "filter": [],
        "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.index",
    }
    attributes = {
        "title": title,
        "description": "",
        "columns": list(columns),
        "sort": [["@timestamp", "desc"]],
        "hits": 0,
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    return _saved("search", name, attributes, [(str(source["indexRefName"]), "index-pattern", _VIEW)])


def _dashboard() -> dict[str, Any]:
    panels, references = [], []
    for number, (name, *_) in enumerate(SEARCHES):
        place = {"x": 0, "y": number * _HEIGHT, "w": _WIDTH, "h": _HEIGHT, "i": str(number)}
        reference = f"panel_{number}"
        panels.append(
            {
                "gridData": place,
                "panelIndex": str(number),
                "panelRefName": reference,
                "embeddableConfig": {},
                "version": _VERSION,
            }
        )
        references.append((reference, "search", name))
    attributes = {
        "title": "jenkins-ml: logs",
        "description": "What stages and servers log, from a request to the build that made its model.",
        "panelsJSON": json.dumps(panels),
        "optionsJSON": json.dumps({"useMargins": True}),
        "timeRestore": False,
        "version": 1,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": json.dumps({"query": {"language": "kuery", "query": ""}, "filter": []})
        },
    }
    return _saved("dashboard", "jenkins-ml-logs", attributes, references)


def _saved(
    kind: str, name: str, attributes: dict[str, Any], references: Sequence[tuple[str, str, str]]
) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "migrationVersion": {kind: _SHAPES[kind]},
        "references": [{"name": role, "type": to, "id": other} for role, to, other in references],
    }
