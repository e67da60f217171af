"""Lines of a log in Elastic Common Schema: which fields ours have, and how values become a line. Pure.

A line is one JSON object. As the libraries of ecs-logging write it, "@timestamp", "log.level", "message" and
"ecs.version" come first, so that people can read it, and what belongs to the root "log" and "ecs" has dotted names: whoever
ships the line has an object "log" of their own, with the file that it came from. All others are nested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

Level = Literal["debug", "info", "warning", "error"]
VERSION: Final = "8.11.0"
# Field -> type in an index of Elasticsearch; of the published list (tests/contract/ecs). What we have and ECS has no
# field for is below "labels", whose values are all keywords.
FIELDS: Final[Mapping[str, str]] = {
    "@timestamp": "date",
    "log.level": "keyword",
    "message": "text",
    "ecs.version": "keyword",
    "log.logger": "keyword",
    "event.action": "keyword",
    "event.category": "keyword",
    "event.dataset": "keyword",
    "event.duration": "long",
    "event.kind": "keyword",
    "event.outcome": "keyword",
    "event.type": "keyword",
    "error.message": "text",
    "error.stack_trace": "keyword",
    "error.type": "keyword",
    "http.request.id": "keyword",
    "http.request.method": "keyword",
    "http.response.status_code": "long",
    "network.protocol": "keyword",
    "process.exit_code": "long",
    "process.name": "keyword",
    "process.pid": "long",
    "service.environment": "keyword",
    "service.name": "keyword",
    "service.version": "keyword",
    "span.id": "keyword",
    "trace.id": "keyword",
}
LABEL: Final = "labels."
DATASET_STAGES: Final = "jenkins_ml.stages"
DATASET_SERVER: Final = "jenkins_ml.server"
DATASET_REQUESTS: Final = "jenkins_ml.requests"
_DOTTED: Final = frozenset({"log", "ecs"})
_LISTS: Final = frozenset({"event.category", "event.type"})
# Longer texts are cut: a line is to be one write, and Elasticsearch takes no keyword of more than 32,766 bytes.
LONGEST_TEXT: Final = 8_000
LONGEST_TRACE: Final = 30_000
LONGEST_WORD: Final = 1_024
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")


def line(at: str, level: Level, message: str, fields: Mapping[str, object]) -> bytes:
    """One line, with its end.

    Args:
        at: when it happened, RFC 3339.
        level: how much it matters.
        message: for people.
        fields: dotted names of `FIELDS`, and any below "labels." -> value; those that are None or "" are left out.
            A value below "labels." becomes text.

    Raises:
        KeyError: a field is neither in `FIELDS` nor a label.
    """
    root: dict[str, Any] = {"@timestamp": at, "log.level": level, "message": cut(message, LONGEST_TEXT)}
    root["ecs.version"] = VERSION
    for name, value in fields.items():
        if value is None or value == "":
            continue
        group, _, rest = name.partition(".")
        found = _value(name, value)
        if group in _DOTTED:
            root[name] = found
            continue
        *path, last = rest.split(".")
        place = root.setdefault(group, {})
        for part in path:
            place = place.setdefault(part, {})
        place[last] = found
    return (
        json.dumps(root, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace") + b"\n"
    )


def label(name: str) -> str:
    """A name below "labels.": without what would nest, or what no field may have in its name."""
    return LABEL + _NO_NAME.sub("_", name)[:LONGEST_WORD]


def cut(text: str, most: int) -> str:
    """A text of at most that many characters; one that was longer ends in "..."."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _value(name: str, value: object) -> object:
    if name.startswith(LABEL):
        return cut(str(value), LONGEST_WORD)
    kind = FIELDS[name]
    if kind == "long":
        return int(value)  # type: ignore[call-overload]
    if name in _LISTS:
        return [value]
    if name == "error.stack_trace":
        return str(value)[-LONGEST_TRACE:]  # its end says what failed
    return cut(str(value), LONGEST_TEXT if kind == "text" else LONGEST_WORD)
