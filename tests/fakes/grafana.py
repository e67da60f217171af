"""A fake of Grafana as far as it asks Prometheus: it puts the values of variables into queries, and sends them.

There is no Grafana server for tests: it is in no package registry.
"""

import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jenkins_ml.rendering.monitoring.grafana.panels import Json
from tests.engines.prometheus import Prometheus, Sample

Values = Mapping[str, str | list[str]]
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.*), (?P<label>\w+)\)")
_LABEL = re.compile(r"\{\{(\w+)\}\}")
BACK_SECONDS = 60
# Prometheus takes a series' last value for five minutes: the marks of changes are asked for as of then.
AHEAD_SECONDS = 300


class Asked(NamedTuple):
    """A query of a dashboard.

    Attributes:
        where: the panel's title and the query's letter, or the annotation's name.
        expr: with variables in it.
        kind: instant, range or annotation.
        names: what series are called, with {{label}}.
    """

    where: str
    expr: str
    kind: str
    names: str

    @property
    def labels(self) -> set[str]:
        """The labels that series are called by."""
        return set(_LABEL.findall(self.names))


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels but the titles of rows."""
    return (each for each in dashboard["panels"] if each["type"] != "row")


def asked(dashboard: Json) -> Iterator[Asked]:
    """Every query of panels and annotations."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            kind = "instant" if target["instant"] else "range"
            yield Asked(f"{panel['title']} {target['refId']}", target["expr"], kind, target["legendFormat"])
    for annotation in dashboard["annotations"]["list"]:
        called = f"{annotation['titleFormat']} {annotation['textFormat']}"
        yield Asked(annotation["name"], annotation["expr"], "annotation", called)


def selected(dashboard: Json) -> Iterator[tuple[str, str, str]]:
    """The variables that are asked for: name, selector, label."""
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            found = _LABEL_VALUES.fullmatch(each["query"]["query"])
            assert found, each
            yield each["name"], found["series"], found["label"]


def interpolated(expr: str, values: Values) -> str:
    """A query with values in it; several of one variable become a regular expression. An unknown variable is a KeyError."""

    def value(found: re.Match[str]) -> str:
        chosen = values[found[1] or found[2]]
        return chosen if isinstance(chosen, str) else f"({'|'.join(chosen)})"

    return _VARIABLE.sub(value, expr)


def options(dashboard: Json, prometheus: Prometheus, chosen: Values) -> dict[str, list[str]]:
    """What can be chosen for each variable, in the order in which they stand; what is chosen in one narrows the next."""
    found: dict[str, list[str]] = {}
    for name, series, label in selected(dashboard):
        every = {"environment": ".*", "version": ".*", "model": ".*", **chosen}
        found[name] = prometheus.get(f"label/{label}/values", **{"match[]": interpolated(series, every)})
    return found


def answer(prometheus: Prometheus, query: Asked, values: Values) -> list[Sample]:
    """The series of the answer that have a number somewhere, each with its last one."""
    expr = interpolated(query.expr, values)
    if query.kind == "instant":
        return [each for each in prometheus.query(expr) if math.isfinite(each.value)]
    now = time.time()
    end = now + AHEAD_SECONDS if query.kind == "annotation" else now
    data: Any = prometheus.get("query_range", query=expr, start=now - BACK_SECONDS, end=end, step=1)
    found = []
    for series in data["result"]:
        numbers = [number for _, text in series["values"] if math.isfinite(number := float(text))]
        if numbers:
            found.append(Sample(series["metric"], numbers[-1]))
    return found
