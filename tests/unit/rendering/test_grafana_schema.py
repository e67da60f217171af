"""Dashboards are what Grafana's own library says that Grafana 10.1 reads. No Grafana server can be had for tests."""

import enum
import json
import types
import typing
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphFieldConfig, TableFieldOptions
from grafana_foundation_sdk.models.dashboard import Dashboard, FieldConfig

from tests.fakes import grafana
from tests.unit.rendering.grafana_cases import CASES, dashboards

plugins.register_default_plugins()
# What Grafana's Prometheus plugin reads in an annotation; the schema has the keys of all plugins' annotations only.
OF_THE_PLUGIN = {"titleFormat", "textFormat", "useValueForTime"}
ALL = [pytest.param(each, id=f"{case}-{each['uid']}") for case in CASES for each in dashboards(case)]


def written(read: Any) -> Any:
    """What their library writes."""
    return json.loads(json.dumps(read, cls=JSONEncoder))


def unknown(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """What of ours their library did not keep when it read and wrote it."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            each
            for key, value in ours.items()
            if not (key in OF_THE_PLUGIN and where.startswith(".annotations"))
            for each in (unknown(value, theirs[key], f"{where}.{key}") if key in theirs else [f"{where}.{key}"])
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            each
            for place, (one, other) in enumerate(zip(ours, theirs, strict=True))
            for each in unknown(one, other, f"{where}[{place}]")
        ]
    return [] if ours == theirs else [f"{where}: {ours!r} is read as {theirs!r}"]


def wrong(value: Any, hint: Any, where: str = "") -> list[str]:
    """What has not the type that their library declares; it reads anything."""
    kind, parts = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        tried = [wrong(value, each, where) for each in parts]
        # What is told is of the type that comes closest: its finding is the deepest.
        return [] if [] in tried else max(tried, key=lambda found: len(found[0].partition(": ")[0]))
    if kind is typing.Literal:
        return [] if value in parts else [f"{where}: {value!r} is none of {parts}"]
    if kind in (list, dict):
        if not isinstance(value, kind):
            return [f"{where}: {value!r} is no {hint}"]
        items = value.items() if kind is dict else enumerate(value)
        return [each for key, item in items for each in wrong(item, parts[-1], f"{where}[{key}]")]
    if hint is object:  # anything; but what is an object of theirs is looked into
        return wrong(value, type(value), where) if hasattr(value, "to_json") else []
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return [] if value in [each.value for each in hint] else [f"{where}: {value!r} is no {hint.__name__}"]
    if isinstance(value, dict) and hasattr(hint, "from_json"):  # their library has left it as it was
        read = hint.from_json(value)
        return unknown(value, written(read), where) + wrong(read, hint, where)
    if hint is float:
        hint = (int, float)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        return [f"{where}: {value!r} is no {hint}"]
    if not hasattr(value, "to_json"):
        return []
    hints = typing.get_type_hints(type(value))
    return [each for name, of in hints.items() for each in wrong(getattr(value, name), of, f"{where}.{name}")]


@pytest.mark.parametrize("dashboard", ALL)
def test_grafanas_library_knows_every_key_and_every_type(dashboard):
    read = Dashboard.from_json(dashboard)
    assert unknown(dashboard, written(read)) == []
    assert wrong(read, Dashboard) == []


@pytest.mark.parametrize("dashboard", ALL)
def test_grafanas_library_knows_what_is_different_in_a_column(dashboard):
    """An override names a setting by its path, and has anything as its value."""
    for panel in grafana.panels(dashboard):
        kind = TableFieldOptions if panel["type"] == "table" else GraphFieldConfig
        for override in panel["fieldConfig"]["overrides"]:
            settings = {each["id"]: each["value"] for each in override["properties"]}
            custom = {name[7:]: value for name, value in settings.items() if name.startswith("custom.")}
            plain = {name: value for name, value in settings.items() if not name.startswith("custom.")}
            assert wrong(custom, kind) == []
            assert wrong(plain, FieldConfig) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda each: each.update(titel="x"), ".titel"),
        (lambda each: each["panels"][1]["options"].update(colour="x"), ".panels[1].options.colour"),
        (lambda each: each["panels"][1]["targets"][0].update(query="x"), ".panels[1].targets[0].query"),
        (lambda each: each["panels"][1]["fieldConfig"]["defaults"].update(unti="s"), ".unti"),
        (lambda each: each["panels"][1]["gridPos"].update(w="wide"), ".panels[1].grid_pos.w"),
        (lambda each: each["panels"][1]["options"].update(colorMode="loud"), ".panels[1].options.color_mode"),
        (lambda each: each.update(graphTooltip=7), ".graph_tooltip"),
    ],
)
def test_what_grafana_would_not_understand_is_found(change, finding):
    """The test above can fail."""
    (dashboard, *_) = dashboards("ours")
    change(dashboard)
    read = Dashboard.from_json(dashboard)
    found = unknown(dashboard, written(read)) + wrong(read, Dashboard)
    assert [each for each in found if finding in each]
