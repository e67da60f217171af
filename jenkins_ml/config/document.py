"""A YAML 1.2 file as plain JSON values, with the place of every key and value.

Reads the node tree instead of loading it: a node knows its place and how it was written, so that `yes` and `"yes"`
can be told apart, and nothing but text, numbers, booleans, lists and mappings can come out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from jenkins_ml.config.section import Path_
from jenkins_ml.errors import ConfigurationError, Problem

MAX_BYTES: Final = 1 << 20
MAX_VALUES: Final = 100_000  # aliases can multiply a small file without end
MAX_DEPTH: Final = 50

_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset({"null", "bool", "int", "float", "str", "timestamp", "merge"})  # the last two: text in 1.2
_BOOLEAN_IN_YAML_1_1: Final = frozenset({"yes", "no", "on", "off"})


class Place(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass
class Document:
    """The values of a file, where they stand, and what is wrong with them before anyone asks what they mean.

    Paths are tuples of keys and list positions; () is the whole document. `keys` has the place of the key that leads
    to a value (of the value itself for the document and in lists), `values` the place of the value. `unreadable` has
    the paths of values that became None because of a problem.
    """

    file: str
    value: Any = None
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[Path_] = field(default_factory=set)

    def holds_values(self, path: Path_) -> bool:
        """Whether there is a mapping or a list at a path."""
        value = self.value
        for part in path:
            value = value[part]
        return isinstance(value, dict | list)

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at a place of this file."""
        return Problem(self.file, place.line, place.column, message)


def read(file: Path) -> Document:
    """The document in `file`.

    Raises:
        ConfigurationError: the file cannot be read, is too large, is not UTF-8, or is not one YAML document.
    """
    return parse(_bytes(file), str(file))


def parse(data: bytes, file: str) -> Document:
    """The document in `data`; `file` is its name in messages. Raises as `read` does."""
    if len(data) > MAX_BYTES:
        _refuse(file, Place(0, 0), f"is larger than {MAX_BYTES} bytes: this cannot be a configuration")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        _refuse(file, Place(line, column), "this is not UTF-8: save the file as UTF-8", error)
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(0, 0)
        _refuse(file, place, _syntax(error, text), error)
    except ReaderError as error:
        place = Place(text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position))
        _refuse(file, place, "a control character is not allowed here", error)
    except RecursionError as error:
        _refuse(file, Place(0, 0), f"is nested deeper than {MAX_DEPTH} levels", error)
    except (YAMLError, ValueError) as error:
        _refuse(file, Place(0, 0), f"is not YAML: {error}", error)
    document = Document(file)
    if root is not None:
        document.value = _Converter(document, yaml).convert(root, ())
    return document


def _bytes(file: Path) -> bytes:
    if not file.is_file():
        problem = Problem(str(file), 0, 0, "there is no such file")
        raise ConfigurationError((problem,), "run `jenkins-ml init` to write one, or name its folder with -C")
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        _refuse(str(file), Place(0, 0), f"cannot be read: {error.strerror}", error)


def _refuse(file: str, place: Place, message: str, cause: BaseException | None = None) -> NoReturn:
    raise ConfigurationError((Problem(file, place.line, place.column, message),)) from cause


def _syntax(error: MarkedYAMLError, text: str) -> str:
    problem = str(error.problem or error.context)
    mark = error.problem_mark
    if mark is not None and "\t" in text.split("\n")[mark.line][: mark.column + 1]:
        return "a tab: YAML is indented with blanks only"
    if "expected a single document" in f"{error.context} {problem}":
        return "a second YAML document starts here: write one"
    return f"this is not YAML: {problem}"


class _UnreadableError(Exception):
    """This node is no value; the text says why."""


class _Converter:
    """Turns nodes into values, noting places and problems in the document."""

    def __init__(self, document: Document, yaml: YAML) -> None:
        self._document = document
        self._constructor = yaml.constructor
        self._count = 0

    def convert(self, node: Node, path: Path_) -> Any:
        place = _place(node)
        self._document.keys.setdefault(path, place)
        # Where nothing is written, the mark is somewhere behind it: the key is nearer.
        self._document.values[path] = self._document.keys[path] if node.start_mark == node.end_mark else place
        self._count += 1
        # Fatal, both: an alias that holds itself, or doubles ten thousand times, has no end to report.
        if len(path) > MAX_DEPTH:
            _refuse(self._document.file, place, f"is nested deeper than {MAX_DEPTH} levels")
        if self._count > MAX_VALUES:
            _refuse(self._document.file, place, f"there are more than {MAX_VALUES} values up to here")
        try:
            return self._value(node, path)
        except _UnreadableError as error:
            self._document.unreadable.add(path)
            self._note(place, str(error))
            return None

    def _value(self, node: Node, path: Path_) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        if isinstance(node, MappingNode) and kind == "map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self.convert(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and kind in _SCALARS:
            return self._scalar(node, kind)
        raise _UnreadableError(f"the tag {str(node.tag).replace(_TAG, '!!')} is not known here: write a plain value")

    def _mapping(self, node: MappingNode, path: Path_) -> Mapping[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place, key = _place(key_node), key_node.value
            if key_node.tag == f"{_TAG}merge":
                self._note(place, "merge keys (<<) are not part of YAML 1.2: write the keys out")
            elif key_node.tag != f"{_TAG}str":
                self._note(place, "a key is text: put it in quotes")
            elif key in result:
                first = self._document.keys[*path, key]
                self._note(place, f"key {key!r} is written twice, first in line {first.line}")
            else:
                self._document.keys[*path, key] = place
                result[key] = self.convert(value_node, (*path, key))
        return result

    def _scalar(self, node: ScalarNode, kind: str) -> str | int | float | None:
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return bool(self._constructor.construct_yaml_bool(node))
                case "int":
                    return int(self._constructor.construct_yaml_int(node))
                case "float":
                    return _finite(self._constructor.construct_yaml_float(node))
        except (KeyError, ValueError, IndexError) as error:
            raise _UnreadableError(f"{node.value[:40]!r} cannot be read as {kind}") from error
        return _text(node)

    def _note(self, place: Place, message: str) -> None:
        self._document.problems.append(self._document.problem(place, message))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _UnreadableError("a finite number is expected")
    return value


def _text(node: ScalarNode) -> str:
    text: str = node.value
    if node.style is None and text.lower() in _BOOLEAN_IN_YAML_1_1:
        raise _UnreadableError(
            f"{text} is true or false to some readers and text to others: write true, false or '{text}'"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _UnreadableError("half a surrogate pair is not text") from error
    return text


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
