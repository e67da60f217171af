"""The live picture as people see it: a table of versions, and lines about promises and alerts."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import Any, Final

from jenkins_ml.core.live_picture import Alert, Live, Measured, Moved, Promise, Version
from jenkins_ml.records import Number
from jenkins_ml.reporting.table import Layout, draw
from jenkins_ml.reporting.text import NAME, NOTHING, number, one_line

COLUMNS: Final = ("version", "traffic", "req/s", "errors", "p50", "p99", "drift", "live metrics")
LAYOUT: Final = Layout(folding=COLUMNS.index("live metrics"))
_SOURCES: Final = {"prometheus": "from Prometheus", "servers": "by the servers' own counters"}
_MOST_NAMES: Final = 3  # of features that have moved, in a table
_DIGITS: Final = 3


def title(live: Live) -> str:
    """Where the numbers come from."""
    return f"live, {_SOURCES[live.source]}"


def rows(live: Live) -> list[Sequence[str]]:
    """The table's rows under COLUMNS; one of nothing but dashes where no version is known."""
    return [_row(version) for version in live.versions] or [(NOTHING,) * len(COLUMNS)]


def lines(live: Live) -> list[str]:
    """What stands below the table."""
    problem = [f"not known: {live.problem}"] if live.problem else []
    promises = [_promise(each) for each in live.promises] or ["burn rate -, error budget left -"]
    firing = NOTHING if live.alerts is None else ", ".join(map(_alert, live.alerts)) or "none"
    return [*problem, *promises, f"alerts firing: {firing}"]


def text(live: Live) -> list[str]:
    """All of it as lines, for a picture that is drawn anew again and again."""
    drawn = io.StringIO()
    draw(drawn, "", COLUMNS, rows(live))
    return [title(live), *drawn.getvalue().splitlines(), *lines(live)]


def as_json(live: Live) -> dict[str, Any]:
    """The picture as a JSON object: null for what is not known."""
    return dataclasses.asdict(live) | {"problem": live.problem or None}


def _row(version: Version) -> tuple[str, ...]:
    return (
        str(version.version),
        _percent(version.traffic),
        number(version.requests_per_second, _DIGITS),
        _percent(version.error_share),
        _milliseconds(version.p50_seconds),
        _milliseconds(version.p99_seconds),
        "; ".join(map(_moved, version.drift)) or NOTHING,
        "; ".join(map(_measured, version.accuracy)) or NOTHING,
    )


def _moved(moved: Moved) -> str:
    if not moved.moved:
        return f"none against {moved.against}"
    shown = ", ".join(one_line(name, NAME) for name in moved.moved[:_MOST_NAMES])
    more = len(moved.moved) - _MOST_NAMES
    others = f" and {more} more" if more > 0 else ""
    return f"{shown}{others} against {moved.against}"


def _measured(measured: Measured) -> str:
    ends = (measured.low, measured.high)
    between = f" ({_three(measured.low)} to {_three(measured.high)})" if ends != (None, None) else ""
    return f"{one_line(measured.metric, NAME)} {_three(measured.value)}{between} by {measured.source}"


def _promise(promise: Promise) -> str:
    objective = "" if promise.objective is None else f" {_percent(promise.objective, 6)}"
    burning = f"burn rate {_three(promise.burn_rate)}"
    return f"{promise.slo}{objective}: {burning}, error budget left {_percent(promise.budget_left)}"


def _alert(alert: Alert) -> str:
    about = alert.severity if alert.version is None else f"{alert.severity}, version {alert.version}"
    return f"{one_line(alert.name, NAME)} ({about})"


def _three(value: Number) -> str:
    return number(value, _DIGITS)


def _percent(value: Number, digits: int = _DIGITS) -> str:
    return NOTHING if value is None else f"{number(100 * value, digits)} %"


def _milliseconds(value: Number) -> str:
    return NOTHING if value is None else f"{_three(1000 * value)} ms"
