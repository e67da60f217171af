"""What a file says becomes a frozen value, or every problem in it, each with its place and what to write instead."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jenkins_ml.config.document import Document, Place
from jenkins_ml.config.patterns import WORDS
from jenkins_ml.config.section import EXPECTED, RULE, Known, Path_
from jenkins_ml.errors import ConfigurationError, Problem

T = TypeVar("T", bound=BaseModel)


class Source(Protocol):
    """Where a value was written: a whole document, or one put together from parts of it."""

    @property
    def keys(self) -> Mapping[Path_, Place]:
        """Path -> place of the key that leads to a value."""

    @property
    def values(self) -> Mapping[Path_, Place]:
        """Path -> place of the value."""

    @property
    def unreadable(self) -> Collection[Path_]:
        """Paths of values that became None because of a problem."""

    def holds_values(self, path: Path_) -> bool:
        """Whether there is a mapping or a list at a path."""

    def written(self, path: Path_) -> Path_:
        """The path as the file has it."""

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at a place."""


# What pydantic calls a type -> what a person would.
_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
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


def validated(document: Document, shape: type[T], next_step: str) -> T:
    """The value of a document.

    Args:
        document: as it was read.
        shape: what it has to be.
        next_step: of the error that tells what is wrong.

    Raises:
        ConfigurationError: with every problem. Rules between the keys of one section ("either `entrypoint` or
            `command`") are looked at when each key of that section is right by itself, those between sections when
            each section is.
    """
    problems = list(document.problems)
    try:
        value = shape.model_validate(document.value)
    except ValidationError as error:
        problems.extend(explained(document, shape, error))
        raise ConfigurationError(tuple(problems), next_step) from error
    if problems:
        raise ConfigurationError(tuple(problems), next_step)
    return value


def explained(document: Source, shape: type[BaseModel], error: ValidationError) -> Iterator[Problem]:
    """Every problem of a value that is not of its shape, each at its place and in words."""
    suggested: set[Path_] = set()
    missing: list[Path_] = []
    for each in error.errors(include_url=False):
        path, of_key = _place(document, each)
        if each["type"] == "missing":
            missing.append(path)
        elif each["type"] == "too_short" and each["input"]:
            continue  # pydantic counts what is right in a list, and has told what is wrong
        elif each["type"] == "extra_forbidden" or (of_key and each["type"] == "literal_error"):
            message, near = _unknown_key(shape, path)
            suggested.update((*path[:-1], key) for key in near)
            yield document.problem(document.keys[path], message)
        elif of_key:
            yield document.problem(document.keys[path], _message(document.written(path[:-1]), each))
        elif not any(bad[: len(path)] == path for bad in document.unreadable):  # said already, in better words
            of_section = each["type"] in ("value_error", RULE) and document.holds_values(path)
            place = (document.keys if of_section else document.values)[path]
            yield document.problem(place, _message(document.written(path), each))
    for path in missing:
        if path not in suggested and path[:-1] not in document.unreadable:  # a misspelt key is one mistake, not two
            where = document.written(path[:-1])
            section = f" in {_dotted(where)}" if where else ""
            yield document.problem(document.keys[path[:-1]], f"missing key '{path[-1]}'{section}")


def _place(document: Source, error: ErrorDetails) -> tuple[Path_, bool]:
    """The path of what is wrong, as the file has it, and whether its key is wrong rather than its value."""
    path = error["loc"]
    # pydantic's mark of a key; a file may also have a key of that name.
    if path[-1:] == ("[key]",) and path[-2:-1] == (error["input"],):
        return path[:-1], True
    if error["type"] == "missing":
        return path, False
    # Some errors are of a key that has a default, or that a shorter way to write a section stands for: the nearest
    # that the file has is meant.
    while path and path not in document.values:
        path = path[:-1]
    return path, False


def _unknown_key(shape: type[BaseModel], path: Path_) -> tuple[str, list[str]]:
    known = _known_keys(shape, path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"unknown key {_short(path[-1])}: {_hint(near, known)}", near


def _hint(near: list[str], known: list[str]) -> str:
    return f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"


def _known_keys(shape: type[BaseModel], path: Path_) -> list[str]:
    """The keys that the section at `path` may have."""
    annotation: Any = shape
    for key in path:
        annotation = _plain(annotation)
        if typing.get_origin(annotation) is dict:
            annotation = typing.get_args(annotation)[1]
        elif typing.get_origin(annotation) is tuple:
            annotation = typing.get_args(annotation)[0]
        else:
            annotation = _fields(annotation)[str(key)].annotation
    annotation = _plain(annotation)
    if typing.get_origin(annotation) is dict:
        of_key = typing.get_args(annotation)[0]
        found = [known for known in getattr(of_key, "__metadata__", ()) if isinstance(known, Known)]
        return list(found[0].keys if found else typing.get_args(of_key))  # dict[Literal[...], ...]
    return list(_fields(annotation))


def _fields(section: type[BaseModel]) -> dict[str, Any]:
    """The keys of a section as a file has them."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _plain(annotation: Any) -> Any:
    """A type without what is said about it: X of `Annotated[X, ...]` and of `X | None`."""
    while (origin := typing.get_origin(annotation)) in (typing.Annotated, typing.Union, types.UnionType):
        options = typing.get_args(annotation)
        annotation = options[0] if origin is typing.Annotated else next(o for o in options if o is not type(None))
    return annotation


def _message(path: Path_, error: ErrorDetails) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    where = f"{_dotted(path)}: " if path else ""
    if kind in _EXPECTED or kind == EXPECTED:
        hint = ": put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""
        return f"{where}{_EXPECTED.get(kind) or error['msg']} is expected, not {_shown(value)}{hint}"
    if kind in _BOUNDS:
        return f"{where}must be {_BOUNDS[kind].format(**context)}, not {value}"
    match kind:
        case "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            near = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
            return f"{where}{_shown(value)} is not known: {_hint(near, known)}"
        case "string_pattern_mismatch":
            return f"{where}{_shown(value)} does not fit: {WORDS[context['pattern']].rule}"
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
