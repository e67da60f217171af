"""jenkins-ml.yaml becomes a Config, or every problem in it, each with its place and what to write instead."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jenkins_ml.config.document import Document, Path_, Place, parse, read
from jenkins_ml.config.model import FUNCTION_PATTERN, NAME_PATTERN, Config, seconds
from jenkins_ml.errors import ConfigurationError, Problem
from jenkins_ml.names import CONFIG_FILE

_NEXT_STEP: Final = "every key and its type: `jenkins-ml validate --schema`"

# What pydantic calls a type -> what a person would.
_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "dict_type": "a section with keys",
    "model_type": "a section with keys",
    "time_delta_type": "a duration such as 500ms, 90s, 10m, 2h or 1d",
}
_BOUNDS: Final = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}
_PATTERNS: Final = {
    NAME_PATTERN: "a name has small letters, digits, '.', '_' and '-', starts and ends with a letter or digit, "
    "and is at most 63 characters long",
    FUNCTION_PATTERN: "write module:function, such as data:load",
}


def load(directory: Path) -> Config:
    """The configuration of a model repository.

    Args:
        directory: the folder that holds jenkins-ml.yaml.

    Raises:
        ConfigurationError: with every problem of the file. Rules between the keys of one section ("either
            `entrypoint` or `command`") are looked at when each key of that section is right by itself.
    """
    return _validate(read(directory / CONFIG_FILE))


def loads(text: str, file: str = CONFIG_FILE) -> Config:
    """The configuration in `text`; `file` is its name in messages. Raises as `load` does."""
    return _validate(parse(text.encode(), file))


def digest(directory: Path) -> str:
    """`digest_of` the configuration in `directory`. Raises as `load` does."""
    return digest_of(load(directory))


def digest_of(config: Config) -> str:
    """SHA-256, in hexadecimal, of a configuration with its defaults: of what it says, not of how it is written."""
    # Durations as seconds: pydantic's own text for them may change between its versions.
    canonical = json.dumps(
        config.model_dump(), default=seconds, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _validate(document: Document) -> Config:
    problems = list(document.problems)
    if document.value is None and not problems:
        problem = document.problem(Place(1, 1), "is empty: at least `model`, `data` and `train` are needed")
        raise ConfigurationError((problem,), "run `jenkins-ml init` in an empty folder to see one")
    try:
        config = Config.model_validate(document.value)
    except ValidationError as error:
        problems.extend(_problems(document, error.errors(include_url=False)))
        raise ConfigurationError(tuple(problems), _NEXT_STEP) from error
    if problems:
        raise ConfigurationError(tuple(problems), _NEXT_STEP)
    return config


def _problems(document: Document, errors: list[ErrorDetails]) -> Iterator[Problem]:
    suggested: set[Path_] = set()
    missing: list[Path_] = []
    for error in errors:
        # A dictionary's bad key has "[key]" behind it.
        path = tuple(part for part in error["loc"] if part != "[key]")
        if error["type"] == "missing":
            missing.append(path)
        elif error["type"] == "extra_forbidden" or path != error["loc"]:
            message, near = _unknown_key(path)
            suggested.update((*path[:-1], key) for key in near)
            yield document.problem(document.keys[path], message)
        elif not any(bad[: len(path)] == path for bad in document.unreadable):  # said already, in better words
            of_section = error["type"] == "value_error" and isinstance(error["input"], dict)
            place = (document.keys if of_section else document.values)[path]
            yield document.problem(place, _message(path, error))
    for path in missing:
        if path not in suggested and path[:-1] not in document.unreadable:  # a misspelt key is one mistake, not two
            section = f" in {_dotted(path[:-1])}" if path[:-1] else ""
            yield document.problem(document.keys[path[:-1]], f"missing key '{path[-1]}'{section}")


def _unknown_key(path: Path_) -> tuple[str, list[str]]:
    known = _known_keys(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"unknown key {_short(path[-1])}: {_hint(near, known)}", near


def _hint(near: list[str], known: list[str]) -> str:
    return f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"


def _known_keys(path: Path_) -> list[str]:
    """The keys that the section at `path` may have."""
    annotation: Any = Config
    for key in path:
        annotation = _inside(annotation, str(key))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(annotation.model_fields)
    return list(typing.get_args(typing.get_args(annotation)[0]))  # dict[Literal[...], ...]


def _inside(annotation: Any, key: str) -> Any:
    if typing.get_origin(annotation) is dict:
        return typing.get_args(annotation)[1]
    inner = annotation.model_fields[key].annotation
    options = [option for option in typing.get_args(inner) if option is not type(None)]
    return options[0] if len(options) == 1 else inner  # Section | None


def _message(path: Path_, error: ErrorDetails) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    where = f"{_dotted(path)}: " if path else ""
    if kind in _EXPECTED:
        return f"{where}{_EXPECTED[kind]} is expected, not {_shown(value)}"
    if kind in _BOUNDS:
        return f"{where}must be {_BOUNDS[kind].format(**context)}, not {value}"
    match kind:
        case "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            near = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
            return f"{where}{_shown(value)} is not known: {_hint(near, known)}"
        case "string_pattern_mismatch":
            return f"{where}{_shown(value)} does not fit: {_PATTERNS[context['pattern']]}"
        case "string_too_short" | "too_short":
            return f"{where}must not be empty"
        case "value_error":
            return f"{where}{context['error']}"
    return f"{where}{error['msg']}"


def _dotted(path: Path_) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"text {_short(value)}"
        case int() | float():
            return f"the number {_short(value)}"
        case list():
            return "a list"
        case _:
            return "a section"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"
