"""The kinds of panels, and how they are put on a dashboard's grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
# A colour from each value on, rising; None is from the lowest on.
Steps = Sequence[tuple[float | None, str]]

Row = tuple[str, Sequence[Json]]

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24  # of the grid
GOOD: Final[Steps] = ((None, "green"),)
BAD: Final[Steps] = ((None, "green"), (1, "red"))  # of a number of things that went wrong
PLAIN: Final[Steps] = ((None, "text"),)


@dataclass(frozen=True)
class Query:
    """What a panel asks.

    Args:
        expr: in PromQL.
        legend: what the series are called, with {{label}} for the value of a label.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Args:
        title: what stands above it.
        expr: in PromQL; its value goes into the row that has the same labels.
        unit: of Grafana, such as percentunit.
        steps: colours behind the value.
        words: for values: what is written instead, and in which colour.
    """

    title: str
    expr: str
    unit: str = "none"
    steps: Steps = PLAIN
    words: Mapping[str, tuple[str, str]] | None = None


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    steps: Steps = GOOD,
    width: int = 3,
    empty: str = "no data",
) -> Json:
    """One large number for each series, as it is now.

    Args:
        title: above it.
        description: how to read it, in Markdown.
        queries: what it shows.
        unit: of Grafana.
        steps: colours behind it.
        width: in columns of the grid.
        empty: what stands there without a value.
    """
    panel = _panel("stat", title, description, width, 4)
    panel["targets"] = _targets(queries, instant=True)
    panel["fieldConfig"] = {"defaults": {**_values(unit, steps), "noValue": empty}, "overrides": []}
    panel["options"] = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value_and_name" if any(each.legend for each in queries) else "value",
    }
    return panel


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    steps: Steps = GOOD,
    width: int = 12,
    stacked: bool = False,
    highest: float | None = None,
    lowest: float | None = 0,
    dashed: str = "",
) -> Json:
    """Lines over time.

    Args:
        title: above them.
        description: how to read them, in Markdown.
        queries: what they show.
        unit: of Grafana.
        steps: a line in its colour stands at each value.
        width: in columns of the grid.
        stacked: whether they stand on each other.
        highest: value at the top of the axis.
        lowest: value at its bottom; None: as the data has it.
        dashed: a regular expression: series whose names have it are drawn thin and dashed.
    """
    panel = _panel("timeseries", title, description, width, 8)
    panel["targets"] = _targets(queries)
    defaults = _values(unit, steps, colours="palette-classic")
    defaults |= {name: value for name, value in (("min", lowest), ("max", highest)) if value is not None}
    defaults["custom"] = {
        "drawStyle": "line",
        "fillOpacity": 40 if stacked else 0,
        "lineWidth": 1,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "line" if len(steps) > 1 else "off"},
    }
    thin = [{"id": "custom.lineStyle", "value": {"dash": [4, 4], "fill": "dash"}}]
    overrides = [{"matcher": {"id": "byRegexp", "options": f"/{dashed}/"}, "properties": thin}] if dashed else []
    panel["fieldConfig"] = {"defaults": defaults, "overrides": overrides}
    legend = {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True}
    panel["options"] = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel


def timeline(
    title: str,
    description: str,
    *queries: Query,
    words: Mapping[str, tuple[str, str]],
    width: int = 12,
) -> Json:
    """A band for each series, in the colour of what it is at each time.

    Args:
        title: above them.
        description: how to read them, in Markdown.
        queries: what they show.
        words: for values: what is written, and the colour.
        width: in columns of the grid.
    """
    panel = _panel("state-timeline", title, description, width, 8)
    panel["targets"] = _targets(queries)
    defaults = {**_values("none", PLAIN), "mappings": _mappings(words), "custom": {"fillOpacity": 80, "lineWidth": 0}}
    panel["fieldConfig"] = {"defaults": defaults, "overrides": []}
    panel["options"] = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel


def table(
    title: str,
    description: str,
    labels: Mapping[str, str],
    columns: Sequence[Column],
    *,
    width: int = COLUMNS,
    height: int = 8,
    hidden: Sequence[str] = (),
    links: Mapping[str, Json] | None = None,
) -> Json:
    """A row for each combination of labels, as it is now.

    Args:
        title: above it.
        description: how to read it, in Markdown.
        labels: that every column has, or all but a few; name -> title.
        columns: the values.
        width: in columns of the grid.
        height: in rows of the grid.
        hidden: labels that are there for links only.
        links: by title of a column, where its cells lead to.
    """
    panel = _panel("table", title, description, width, height)
    panel["targets"] = [
        {**target, "format": "table"} for target in _targets([Query(each.expr) for each in columns], instant=True)
    ]
    # Grafana leaves the letter out where there is only one query.
    several = len(columns) > 1
    values = {f"Value #{_letter(number)}" if several else "Value": each.title for number, each in enumerate(columns)}
    shown = {**labels, **values}
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: place for place, name in enumerate([*shown, *hidden])},
        "renameByName": shown,
    }
    panel["transformations"] = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    overrides = [_override(each.title, _cell(each)) for each in columns]
    overrides += [_override(name, [{"id": "custom.hidden", "value": True}]) for name in hidden]
    overrides += [_override(name, [{"id": "links", "value": [link]}]) for name, link in (links or {}).items()]
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False}
    panel["fieldConfig"] = {"defaults": {**_values("none", PLAIN), "custom": custom}, "overrides": overrides}
    panel["options"] = {
        "cellHeight": "sm",
        "footer": {"countRows": False, "fields": [], "reducer": ["sum"], "show": False},
        "showHeader": True,
    }
    return panel


def place(rows: Iterable[Row]) -> list[Json]:
    """Panels with numbers and places: rows below each other, panels from left to right, on a new line where one is full.

    Args:
        rows: titles, and what stands below them; panels beside each other have the same height.
    """
    placed: list[Json] = []
    top = 0
    for title, panels in rows:
        placed.append(
            {
                "type": "row",
                "id": len(placed) + 1,
                "title": title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": top},
                "panels": [],
            }
        )
        top += 1
        left = height = 0
        for panel in panels:
            size = panel["gridPos"]
            if left + size["w"] > COLUMNS:
                left, top = 0, top + height
            height = size["h"]
            placed.append({**panel, "id": len(placed) + 1, "gridPos": {**size, "x": left, "y": top}})
            left += size["w"]
        top += height
    return placed


def _panel(kind: str, title: str, description: str, width: int, height: int) -> Json:
    return {
        "type": kind,
        "id": 0,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
    }


def _targets(queries: Sequence[Query], *, instant: bool = False) -> list[Json]:
    return [
        {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "instant": instant,
            "legendFormat": query.legend or "__auto",
            "range": not instant,
            "refId": _letter(number),
        }
        for number, query in enumerate(queries)
    ]


def _letter(number: int) -> str:
    """What Grafana calls a panel's queries: A, B, C."""
    return chr(ord("A") + number)


def _values(unit: str, steps: Steps, colours: str = "thresholds") -> Json:
    return {
        "color": {"mode": colours},
        "mappings": [],
        "thresholds": {"mode": "absolute", "steps": _steps(steps)},
        "unit": unit,
    }


def _steps(steps: Steps) -> list[Json]:
    return [{"color": colour, "value": value} for value, colour in steps]


def _mappings(words: Mapping[str, tuple[str, str]]) -> list[Json]:
    options = {
        value: {"color": colour, "index": index, "text": text}
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def _cell(column: Column) -> list[Json]:
    properties: list[Json] = [{"id": "unit", "value": column.unit}]
    if column.words is not None:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    if column.steps is not PLAIN:
        properties.append({"id": "thresholds", "value": {"mode": "absolute", "steps": _steps(column.steps)}})
    if column.words is not None or column.steps is not PLAIN:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
    return properties


def _override(title: str, properties: list[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": title}, "properties": properties}
