"""What jenkins-ml.yaml may hold, for editors (JSON Schema) and for people (the reference page); both from the model."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from jenkins_ml.config.model import DURATION_PATTERN, FUNCTION_PATTERN, NAME_PATTERN, Config
from jenkins_ml.names import CONFIG_FILE

PAGE: Final = "configuration.md"
SCHEMA: Final = "jenkins-ml.schema.json"

_UNITS: Final = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_PATTERN_WORDS: Final = {DURATION_PATTERN: "duration", FUNCTION_PATTERN: "module:function", NAME_PATTERN: "name"}

_INTRODUCTION: Final = f"""\
# {CONFIG_FILE}

<!-- Made by `python -m jenkins_ml.config.schema docs/` from jenkins_ml/config/model.py: change it there. -->

One file a model, YAML 1.2. `jenkins-ml validate` shows every mistake in it at once, each with line and column;
`jenkins-ml validate --schema` prints the JSON Schema that editors complete from ([the same file]({SCHEMA})).
An unknown key is a mistake. A duration is a number of up to six digits and a unit: 500ms, 90s, 10m, 2h or 1d.
`module:function` is imported from the folder of the file. A name has small letters, digits, `.`, `_` and `-`, at most
63 of them.
"""


def format_duration(duration: timedelta) -> str:
    """The text that `parse_duration` reads as this duration, such as "90s" or "2h"; milliseconds at the finest."""
    for unit, length in _UNITS:
        if duration >= length and duration % length == timedelta(0):
            return f"{duration // length}{unit}"
    return f"{duration // timedelta(milliseconds=1)}ms"


class _Generator(GenerateJsonSchema):
    """Writes defaults as a user would write them in the file."""

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of jenkins-ml.yaml.

    It accepts whatever the loader accepts. Rules between keys ("either `entrypoint` or `command`") are the loader's
    alone: an editor cannot explain them.
    """
    schema = Config.model_json_schema(schema_generator=_Generator)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": CONFIG_FILE}


def schema_text() -> str:
    """`json_schema` as the text that is printed and committed."""
    return json.dumps(json_schema(), indent=2) + "\n"


def reference_page() -> str:
    """The Markdown page of every key: type, default, meaning."""
    return "\n".join([_INTRODUCTION, *_sections(json_schema())]) + "\n"


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    # Breadth first: the page goes from the file as a whole to its details.
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", schema)]
    while waiting:
        path, section = waiting.pop(0)
        yield f"## {f'`{path}`' if path else 'The file'}\n"
        if path:
            yield f"{section['description']}\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        for key, node in section["properties"].items():
            inner, suffix = _section_of(node, schema["$defs"])
            if inner:
                waiting.append((f"{path}.{key}{suffix}".removeprefix("."), inner))
            # pydantic leaves out a description that says the same as the section's own
            meaning = node["description"] if "description" in node else inner["description"]
            kind = "section" if inner else _type(node)
            required = key in section.get("required", ())
            yield f"| `{key}` | {kind} | {_default(node, required)} | {meaning} |"
        yield ""


def _section_of(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The section behind a key, empty for none; and what stands between the key and the section's own keys."""
    for option in node.get("anyOf", [node]):
        values = option.get("additionalProperties")
        target, suffix = (values, ".<name>") if isinstance(values, dict) else (option, "")
        inner = definitions.get(target.get("$ref", "").rpartition("/")[2], {})
        if "properties" in inner:
            return inner, suffix
    return {}, ""


def _type(node: Mapping[str, Any]) -> str:
    options = [option for option in node.get("anyOf", [node]) if option.get("type") != "null"]
    return " or ".join(_plain_type(option) for option in options)


def _plain_type(node: Mapping[str, Any]) -> str:
    if "enum" in node or "const" in node:
        return " \\| ".join(f"`{word}`" for word in node.get("enum", [node.get("const")]))
    if node.get("pattern") in _PATTERN_WORDS:
        return _PATTERN_WORDS[node["pattern"]]
    if node["type"] == "array":
        return f"list of {_plain_type(node['items'])}"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "object": "any keys",
        "boolean": "boolean",
    }
    return words[node["type"]] + _range(node)


def _range(node: Mapping[str, Any]) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    parts = [f"{sign} {node[word]}" for word, sign in signs if word in node]
    return f" {', '.join(parts)}" if parts else ""


def _default(node: Mapping[str, Any], required: bool) -> str:
    if required:
        return "needed"
    default = node.get("default")
    return "" if default is None else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def main(arguments: list[str]) -> None:
    """Writes the reference page and the schema into the folder that is the only argument."""
    [folder] = arguments
    (Path(folder) / PAGE).write_text(reference_page(), encoding="utf-8")
    (Path(folder) / SCHEMA).write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
