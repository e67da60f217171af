"""The remote API's view of an object: `tree`, `depth`, and JSON, Python or XML around it.

An exported object has a `kind`, which lists its properties; a dict is an object whose properties are all shown.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape


class BadTree(Exception):
    """The tree parameter cannot be read."""


@dataclass(slots=True, eq=False)
class Property:
    """A property.

    Args:
        name: in JSON.
        get: gives the value, from the object and whoever looks at it.
        visibility: how deep it is still shown without a tree; 1 is the object itself.
    """

    name: str
    get: Callable[[Any, Any], Any]
    visibility: int = 1


@dataclass(slots=True, eq=False)
class Kind:
    """A class of objects.

    Args:
        cls: shown as `_class`; None shows none.
        properties: in their order.
    """

    cls: str | None
    properties: list[Property] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Tree:
    """What a tree parameter asks for at one place.

    Args:
        children: by name; `*` is everything.
        range: of an array.
    """

    children: dict[str, "Tree"] = field(default_factory=dict)
    range: tuple[int, int | None] | None = None
    _plans: dict[int, list[tuple[Property, "Tree"]]] = field(default_factory=dict)

    def of(self, name: str) -> "Tree | None":
        return self.children.get(name) or self.children.get("*")

    def plan(self, kind: Kind) -> list[tuple[Property, "Tree"]]:
        """Which properties of a kind are shown, and how."""
        found = self._plans.get(id(kind))
        if found is None:
            asked = ((each, self.of(each.name)) for each in kind.properties)
            found = [(each, inner) for each, inner in asked if inner is not None]
            self._plans[id(kind)] = found
        return found


@dataclass(slots=True)
class Depth:
    """What is shown without a tree.

    Args:
        level: 1 at the object itself if depth is 0; grows inwards.
    """

    level: int
    range: None = None

    def plan(self, kind: Kind) -> list[tuple[Property, "Depth"]]:
        inner = Depth(self.level + 1)
        return [(each, inner) for each in kind.properties if each.visibility >= self.level]

    def of(self, name: str) -> "Depth":
        return Depth(self.level + 1)


_TOKEN = re.compile(r"\s*([^\[\]{},\s]+|[\[\]{},])")


def parse_tree(text: str) -> Tree:
    """Reads a tree parameter."""
    tokens = _TOKEN.findall(text)
    root = Tree()
    at = _names(tokens, 0, root)
    if at != len(tokens):
        raise BadTree(text)
    return root


def _names(tokens: list[str], at: int, into: Tree) -> int:
    while at < len(tokens) and tokens[at] != "]":
        name = tokens[at]
        if name in "[{},":
            raise BadTree(name)
        child = into.children.setdefault(name, Tree())
        at += 1
        if at < len(tokens) and tokens[at] == "[":
            at = _names(tokens, at + 1, child)
            if at >= len(tokens) or tokens[at] != "]":
                raise BadTree("an unclosed [")
            at += 1
        if at < len(tokens) and tokens[at] == "{":
            end = tokens.index("}", at) if "}" in tokens[at:] else None
            if end is None:
                raise BadTree("an unclosed {")
            child.range = _range("".join(tokens[at + 1 : end]))
            at = end + 1
        if at < len(tokens) and tokens[at] == ",":
            at += 1
    return at


def _range(text: str) -> tuple[int, int | None]:
    start, comma, end = text.partition(",")
    try:
        if not comma:
            return int(start), int(start) + 1
        return int(start or 0), int(end) if end else None
    except ValueError:
        raise BadTree(text) from None


def shown(value: Any, pruner: Tree | Depth, viewer: Any) -> Any:
    """A value as plain data."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list):
        if pruner.range is not None:
            value = value[pruner.range[0] : pruner.range[1]]
        return [shown(each, pruner, viewer) for each in value]
    if isinstance(value, dict):
        return _plain(value, pruner, viewer)
    kind: Kind = value.kind
    out: dict[str, Any] = {} if kind.cls is None else {"_class": kind.cls}
    for each, inner in pruner.plan(kind):
        out[each.name] = shown(each.get(value, viewer), inner, viewer)
    return out


def _plain(value: dict[str, Any], pruner: Tree | Depth, viewer: Any) -> dict[str, Any]:
    out = {}
    for name, each in value.items():
        if name == "_class":
            out[name] = each
        elif isinstance(pruner, Depth):
            out[name] = shown(each, pruner.of(name), viewer)
        elif (inner := pruner.of(name)) is not None:
            out[name] = shown(each, inner, viewer)
    return out


def as_json(value: Any, pretty: bool = False) -> str:
    if pretty:
        return json.dumps(value, ensure_ascii=False, indent=2, separators=(",", " : "))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_python(value: Any) -> str:
    """What Python's eval reads."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{as_python(name)}:{as_python(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(as_python(each) for each in value) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def as_xml(value: dict[str, Any]) -> str:
    name = value.get("_class", "object").rpartition(".")[2].rpartition("$")[2]
    return _xml(value, name[0].lower() + name[1:])


def _xml(value: Any, tag: str) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        one = tag.removesuffix("s") if tag.endswith("s") else tag
        return "".join(_xml(each, one) for each in value)
    if isinstance(value, dict):
        cls = f" _class='{value['_class']}'" if "_class" in value else ""
        inside = "".join(_xml(each, name) for name, each in value.items() if name != "_class")
        return f"<{tag}{cls}>{inside}</{tag}>" if inside else f"<{tag}{cls}/>"
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"<{tag}>{text}</{tag}>"
