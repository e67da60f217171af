"""A YAML 1.2 file as plain JSON values, with the place of every key and value.

Reads the parser's events instead of loading the file: an event knows its place and how it was written, so that `yes`
and `"yes"` can be told apart, nothing but text, numbers, booleans, lists and mappings can come out, and a file of
thousands of jobs needs little more memory than its values. Places are looked up only when something is wrong.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from jenkins_ml.config.section import Path_
from jenkins_ml.errors import ConfigurationError, Problem

MAX_DEPTH: Final = 50

_TAG: Final = "tag:yaml.org,2002:"
_STR: Final = f"{_TAG}str"
_SCALARS: Final = frozenset({"null", "bool", "int", "float", "str", "timestamp", "merge"})  # the last two: text in 1.2
_BOOLEAN_IN_YAML_1_1: Final = frozenset({"yes", "no", "on", "off"})


class Place(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Kind:
    """What sort of file is read.

    Args:
        most_bytes: a larger file is refused.
        most_values: so is one with more values: aliases can multiply a small file without end.
        hint: what to do when there is no such file.
        quick: read it with libyaml where that is installed, thirty times as fast. What that refuses is read again without
            it: a few texts are YAML 1.2 and not known to libyaml.
    """

    most_bytes: int = 1 << 20
    most_values: int = 100_000
    hint: str = "run `jenkins-ml init` to write one, or name its folder with -C"
    quick: bool = False


CONFIGURATION: Final = Kind()


@dataclass
class Document:
    """The values of a file, where they stand, and what is wrong with them before anyone asks what they mean.

    Paths are tuples of keys and list positions; () is the whole document. `unreadable` has the paths of values that
    became None because of a problem.
    """

    file: str
    text: str = ""
    kind: Kind = CONFIGURATION
    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[Path_] = field(default_factory=set)

    @property
    def keys(self) -> Mapping[Path_, Place]:
        """Path -> place of the key that leads to a value (of the value itself for the document and in lists)."""
        return self._places.keys

    @property
    def values(self) -> Mapping[Path_, Place]:
        """Path -> place of the value."""
        return self._places.values

    @cached_property
    def _places(self) -> _Places:
        places = _Places({}, {})
        _Reader(Document(self.file, self.text, self.kind), places).read()
        return places

    def holds_values(self, path: Path_) -> bool:
        """Whether there is a mapping or a list at a path."""
        value = self.value
        for part in path:
            value = value[part]
        return isinstance(value, dict | list)

    def written(self, path: Path_) -> Path_:
        """The path as the file has it: itself."""
        return path

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at a place of this file."""
        return Problem(self.file, place.line, place.column, message)


class _Places(NamedTuple):
    keys: dict[Path_, Place]
    values: dict[Path_, Place]


def read(file: Path, kind: Kind = CONFIGURATION) -> Document:
    """The document in `file`.

    Raises:
        ConfigurationError: the file cannot be read, is too large, is not UTF-8, or is not one YAML document.
    """
    return parse(_bytes(file, kind), str(file), kind)


def parse(data: bytes, file: str, kind: Kind = CONFIGURATION) -> Document:
    """The document in `data`; `file` is its name in messages. Raises as `read` does."""
    if len(data) > kind.most_bytes:
        _refuse(file, Place(0, 0), f"is larger than {kind.most_bytes} bytes: this cannot be a configuration")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        _refuse(file, Place(line, column), "this is not UTF-8: save the file as UTF-8", error)
    document = Document(file, text, kind)
    try:
        document.value = _Reader(document, None).read()
    except ConfigurationError:
        if not kind.quick:
            raise
        return parse(data, file, replace(kind, quick=False))
    return document


def _bytes(file: Path, kind: Kind) -> bytes:
    if not file.is_file():
        raise ConfigurationError((Problem(str(file), 0, 0, "there is no such file"),), kind.hint)
    try:
        with file.open("rb") as stream:
            return stream.read(kind.most_bytes + 1)
    except OSError as error:
        _refuse(str(file), Place(0, 0), f"cannot be read: {error.strerror}", error)


def _refuse(file: str, place: Place, message: str, cause: BaseException | None = None) -> NoReturn:
    raise ConfigurationError((Problem(file, place.line, place.column, message),)) from cause


def _syntax(error: MarkedYAMLError, text: str) -> str:
    problem = str(error.problem or error.context)
    mark = error.problem_mark
    if mark is not None and "\t" in "".join(text.split("\n")[mark.line : mark.line + 1])[: mark.column + 1]:
        return "a tab: YAML is indented with blanks only"
    return f"this is not YAML: {problem}"


class _UnreadableError(Exception):
    """This event is no value; the text says why."""


class _Reader:
    """Turns events into values, noting problems in the document, and places where somebody wants them."""

    def __init__(self, document: Document, places: _Places | None) -> None:
        self._document = document
        self._places = places
        self._yaml = YAML(typ="safe", pure=True)
        parser = YAML(typ="safe", pure=False) if document.kind.quick else self._yaml
        self._events: Iterator[Event] = parser.parse(document.text)
        self._anchors: dict[str, list[Event]] = {}
        self._recording: list[list[Event]] = []  # of the anchors that are being read
        self._count = 0
        self._tags: dict[tuple[str, tuple[bool, bool]], str] = {}

    def read(self) -> Any:
        """The value of the whole document; None for an empty one.

        Raises:
            ConfigurationError: the text is not one YAML document, or has no end.
        """
        file, text = self._document.file, self._document.text
        value: Any = None
        documents = 0
        try:
            for event in self._events:
                if isinstance(event, DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        _refuse(file, _place(event), "a second YAML document starts here: write one")
                    value = self._convert(self._next(), ())
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            _refuse(file, Place(mark.line + 1, mark.column + 1) if mark else Place(0, 0), _syntax(error, text), error)
        except ReaderError as error:
            line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
            _refuse(file, Place(line, column), "a control character is not allowed here", error)
        except (YAMLError, ValueError, RecursionError) as error:
            _refuse(file, Place(0, 0), f"is not YAML: {error}", error)
        return value

    def _next(self) -> Event:
        event = next(self._events)
        for recorded in self._recording:
            recorded.append(event)
        return event

    def _convert(self, written: Event, path: Path_) -> Any:
        """The value that begins with an event; the event stands where it was written."""
        event = self._named(written) if isinstance(written, AliasEvent) else written
        if self._places is not None:
            place = _place(written)
            self._places.keys.setdefault(path, place)
            # Where nothing is written, the mark is somewhere behind it: the key is nearer.
            empty = isinstance(event, ScalarEvent) and not event.value and not event.style and event.tag is None
            self._places.values[path] = self._places.keys[path] if empty else place
        self._count += 1
        # Fatal, both: an alias that doubles ten thousand times has no end to report.
        most = self._document.kind.most_values
        if len(path) > MAX_DEPTH:
            _refuse(self._document.file, _place(written), f"is nested deeper than {MAX_DEPTH} levels")
        if self._count > most:
            _refuse(self._document.file, _place(written), f"there are more than {most} values up to here")
        if not isinstance(event, NodeEvent) or (anchor := event.anchor) is None:
            return self._value_or_none(event, path, written)
        recorded = [_without_anchor(event)]
        self._recording.append(recorded)
        self._anchors.pop(anchor, None)  # until it ends: what holds itself has no end
        try:
            return self._value_or_none(event, path, written)
        finally:
            self._recording = [each for each in self._recording if each is not recorded]
            self._anchors[anchor] = recorded

    def _named(self, alias: AliasEvent) -> Event:
        """The first event of what an alias stands for; the others come next."""
        recorded = self._anchors.get(alias.anchor)
        if recorded is None:
            _refuse(self._document.file, _place(alias), f"this is not YAML: found undefined alias {alias.anchor!r}")
        for outer in self._recording:  # an alias in what is recorded is recorded as what it stands for
            outer.pop()
            outer.append(recorded[0])
        self._events = itertools.chain(recorded[1:], self._events)
        return recorded[0]

    def _value_or_none(self, event: Event, path: Path_, written: Event) -> Any:
        try:
            return self._value(event, path)
        except _UnreadableError as error:
            self._document.unreadable.add(path)
            self._note(written, str(error))
            return None

    def _value(self, event: Event, path: Path_) -> Any:
        kind = self._tag(event).removeprefix(_TAG)
        if isinstance(event, ScalarEvent) and kind in _SCALARS:
            return self._scalar(event, kind)
        if isinstance(event, MappingStartEvent) and kind == "map":
            return self._mapping(path)
        if isinstance(event, CollectionStartEvent) and kind == "seq":
            return list(self._items(path))
        self._skip(event)
        raise _UnreadableError(f"the tag {self._tag(event).replace(_TAG, '!!')} is not known here: write a plain value")

    def _items(self, path: Path_) -> Iterator[Any]:
        for index in itertools.count():
            event = self._next()
            if isinstance(event, CollectionEndEvent):
                return
            yield self._convert(event, (*path, index))

    def _mapping(self, path: Path_) -> Mapping[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(written := self._next(), CollectionEndEvent):
            event = self._named(written) if isinstance(written, AliasEvent) else written
            tag = self._tag(event)
            key = event.value if isinstance(event, ScalarEvent) else None
            if isinstance(event, ScalarEvent) and event.anchor is not None:
                self._anchors[event.anchor] = [_without_anchor(event)]
            self._skip(event)
            if tag == f"{_TAG}merge":
                self._note(written, "merge keys (<<) are not part of YAML 1.2: write the keys out")
            elif tag != _STR or key is None:
                self._note(written, "a key is text: put it in quotes")
            elif key in result:
                self._note(written, f"key {key!r} is written twice, first in line {lines[key]}")
            else:
                lines[key] = written.start_mark.line + 1
                if self._places is not None:
                    self._places.keys[*path, key] = _place(written)
                result[key] = self._convert(self._next(), (*path, key))
                continue
            self._skip(self._next())
        return result

    def _skip(self, event: Event) -> None:
        """Pass over the rest of what begins with an event."""
        depth = int(isinstance(event, CollectionStartEvent))
        while depth:
            event = self._next()
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)

    def _tag(self, event: Event) -> str:
        if not isinstance(event, CollectionStartEvent | ScalarEvent):
            return ""
        if event.tag is not None and str(event.tag) != "!":
            return str(event.tag)
        if not isinstance(event, ScalarEvent):
            kind = MappingNode if isinstance(event, MappingStartEvent) else SequenceNode
            return str(self._yaml.resolver.resolve(kind, None, event.implicit))
        if not event.implicit[0]:
            return _STR
        key = (event.value, event.implicit)
        if key not in self._tags:
            if len(self._tags) > 10_000:
                self._tags.clear()
            self._tags[key] = str(self._yaml.resolver.resolve(ScalarNode, event.value, event.implicit))
        return self._tags[key]

    def _scalar(self, event: ScalarEvent, kind: str) -> str | int | float | None:
        if kind == "null":
            return None
        if kind not in ("bool", "int", "float"):
            return _text(event)
        node = ScalarNode(f"{_TAG}{kind}", event.value)
        constructor = self._yaml.constructor
        try:
            match kind:
                case "bool":
                    return bool(constructor.construct_yaml_bool(node))
                case "int":
                    return int(constructor.construct_yaml_int(node))
            return _finite(constructor.construct_yaml_float(node))
        except (KeyError, ValueError, IndexError) as error:
            raise _UnreadableError(f"{event.value[:40]!r} cannot be read as {kind}") from error

    def _note(self, written: Event, message: str) -> None:
        self._document.problems.append(self._document.problem(_place(written), message))


def _without_anchor(event: NodeEvent) -> Event:
    """The same event as an alias brings it back: it names nothing anew."""
    plain = copy.copy(event)
    plain.anchor = None
    return plain


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _UnreadableError("a finite number is expected")
    return value


def _text(event: ScalarEvent) -> str:
    text: str = event.value
    if not event.style and text.lower() in _BOOLEAN_IN_YAML_1_1:
        raise _UnreadableError(
            f"{text} is true or false to some readers and text to others: write true, false or '{text}'"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _UnreadableError("half a surrogate pair is not text") from error
    return text


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
