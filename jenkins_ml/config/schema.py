"""What jenkins-ml.yaml may hold, for editors (JSON Schema) and for people (the reference page); both from the model."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from jenkins_ml.config.model import Config
from jenkins_ml.config.patterns import WORDS
from jenkins_ml.names import CONFIG_FILE

PAGE: Final = "configuration.md"
SCHEMA: Final = "jenkins-ml.schema.json"

_UNITS: Final = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_Node = Mapping[str, Any]

_INTRODUCTION: Final = f"""\
# {CONFIG_FILE}

<!-- Made by `python -m jenkins_ml.config.schema docs/` from the sections in jenkins_ml/config: change them. -->

One file a model, YAML 1.2. `jenkins-ml validate` shows every mistake in it at once, each with line and column;
`jenkins-ml validate --schema` prints the JSON Schema that editors complete from ([the same file]({SCHEMA})).
An unknown key is a mistake. A duration is a number of up to six digits and a unit: 500ms, 90s, 10m, 2h or 1d.
`module:function` is imported from the folder of the file. A name has small letters, digits, `.`, `_` and `-`, at most
63 of them. A variable is an environment variable, or what becomes part of the name of one: letters, digits and `_`.
Jenkins ignores case in it, so `lr` and `LR` cannot be two. Which names Groovy, Jenkins or a shell need for themselves,
`jenkins-ml validate` says.
"""


def format_duration(duration: timedelta) -> str:
    """The text that `parse_duration` reads as this duration, such as "90s" or "2h"; milliseconds at the finest."""
    for unit, length in _UNITS:
        if duration >= length and duration % length == timedelta(0):
            return f"{duration // length}{unit}"
    return f"{duration // timedelta(milliseconds=1)}ms"


class Generator(GenerateJsonSchema):
    """Writes defaults as a user would write them in the file."""

    def encode_default(self, dft: Any) -> Any:
        """A duration as it is written in a file."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        """Keys that do not fit the pattern are refused."""
        json_schema = super().dict_schema(schema)
        return {**json_schema, "additionalProperties": False} if "patternProperties" in json_schema else json_schema


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of jenkins-ml.yaml.

    It accepts whatever the loader accepts. Rules between keys ("either `entrypoint` or `command`") are the loader's
    alone: an editor cannot explain them.
    """
    schema = Config.model_json_schema(schema_generator=Generator)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": CONFIG_FILE}


def schema_text() -> str:
    """`json_schema` as the text that is printed and committed."""
    return json.dumps(json_schema(), indent=2) + "\n"


def reference_page() -> str:
    """The Markdown page of every key: type, default, meaning."""
    return "\n".join([_INTRODUCTION, *sections(json_schema())]) + "\n"


def sections(schema: _Node, root: str = "", shown: dict[str, str] | None = None) -> Iterator[str]:
    """The sections of a page: a heading, what it is, a table of its keys.

    Args:
        schema: of a section with everything that it may hold.
        root: its name on the page; "" for the file.
        shown: section -> where the page has its keys already.
    """
    # Breadth first: the page goes from the file as a whole to its details.
    definitions = schema.get("$defs", {})
    waiting: list[tuple[str, _Node]] = [(root, schema)]
    shown = {} if shown is None else shown
    while waiting:
        path, section = waiting.pop(0)
        yield f"## {f'`{path}`' if path else 'The file'}\n"
        if path:
            yield f"{section['description'].replace(chr(10), ' ')}\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        for key, node in section["properties"].items():
            kind, meaning = _type(node), node.get("description")
            for name, suffix in _sections_of(node):
                inner = definitions[name]
                if name in shown:
                    kind += f", as `{shown[name]}`"
                else:
                    shown[name] = f"{path}.{key}{suffix}".removeprefix(".")
                    waiting.append((shown[name], inner))
                # pydantic leaves out a description that says the same as the section's own
                meaning = meaning or inner["description"]
            required = key in section.get("required", ())
            yield f"| `{key}` | {kind} | {_default(node, required)} | {meaning} |"
        yield ""


def _sections_of(node: _Node) -> Iterator[tuple[str, str]]:
    """The sections that a value may hold: their names among the definitions, and what leads from the key to them."""
    for option in _options(node):
        if _is_section(option):
            yield option["$ref"].rpartition("/")[2], ""
        elif "items" in option:
            yield from ((name, f"[]{suffix}") for name, suffix in _sections_of(option["items"]))
        elif option.get("type") == "object":
            yield from ((name, f".<name>{suffix}") for name, suffix in _sections_of(_keys_and_values(option)[1]))


def _options(node: _Node) -> list[_Node]:
    return [option for option in node.get("anyOf", [node]) if option.get("type") != "null"]


def _is_section(node: _Node) -> bool:
    return "$ref" in node and not node["$ref"].endswith("/JsonValue")


def _keys_and_values(node: _Node) -> tuple[_Node, _Node]:
    """What a mapping has for keys and for values; either is empty when it may be anything."""
    for pattern, values in node.get("patternProperties", {}).items():
        return {"type": "string", "pattern": pattern}, values
    values = node["additionalProperties"]
    return node.get("propertyNames", {}), values if isinstance(values, dict) else {}


def _type(node: _Node) -> str:
    *others, last = [_plain_type(option) for option in _options(node)]
    return f"{', '.join(others)} or {last}" if others else last


def _plain_type(node: _Node) -> str:
    if _is_section(node):
        return "section"
    if "enum" in node or "const" in node:
        return " \\| ".join(f"`{word}`" for word in node.get("enum", [node.get("const")]))
    if "pattern" in node:
        return WORDS[node["pattern"]].kind
    if node["type"] == "array":
        items = _type(node["items"])
        return "list of sections" if items == "section" else f"list of {items}"
    if node["type"] == "object":
        keys, values = _keys_and_values(node)
        return f"map of {_type(keys)} to {_type(values)}" if keys else "any keys"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true/false"}
    return words[node["type"]] + _range(node)


def _range(node: _Node) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    parts = [f"{sign} {node[word]}" for word, sign in signs if word in node]
    return f" {', '.join(parts)}" if parts else ""


def _default(node: _Node, required: bool) -> str:
    if required:
        return "needed"
    default = node.get("default")
    return "" if default in (None, "", []) else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def main(arguments: list[str]) -> None:
    """Writes the reference page and the schema into the folder that is the only argument."""
    from jenkins_ml.config import jobs_reference

    [folder] = arguments
    (Path(folder) / PAGE).write_text(reference_page(), encoding="utf-8")
    (Path(folder) / SCHEMA).write_text(schema_text(), encoding="utf-8")
    (Path(folder) / jobs_reference.PAGE).write_text(jobs_reference.reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
