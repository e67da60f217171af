"""jobs.yaml becomes folders and jobs: defaults and templates are put in, and every problem is told at its place.

A job is put together from three layers: what it says itself, the template that it names, and the defaults of the file.
Sections are merged key by key, everything else is replaced whole. `{{ word }}` in a text stands for a value of `with`,
or of one entry of `each`, which makes one job for each of its entries.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from jenkins_ml.config.document import Document, Kind, Place, parse, read
from jenkins_ml.config.jobs import TYPES, AnyItem, JobsFile
from jenkins_ml.config.section import Path_
from jenkins_ml.config.validation import explained, validated
from jenkins_ml.errors import ConfigurationError, Problem

MOST_JOBS: Final = 100_000
KIND: Final = Kind(
    most_bytes=64 << 20,
    most_values=10_000_000,
    hint="name it with -f; what it may hold: docs/jobs.md",
    quick=True,
)
_NEXT_STEP: Final = "every key: docs/jobs-file.md; nothing was applied"
_MOST_KEPT: Final = 1_000
_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_OF_ENTRY: Final = ("template", "with", "each")  # what only the entry of a job can say


class Jobs(Mapping[str, AnyItem]):
    """What a jobs.yaml asks for: folders and jobs by their full names, in the order of the file.

    All of them were checked when the file was read. The first thousand are kept; each other is put together anew when it
    is asked for, since all at once would take a kilobyte for every line of the file.

    Args:
        owner: who manages these jobs.
        ignore: elements of config.xml that are not looked at.
        values: full name -> what the file says about it, with defaults and templates.
        kept: some of them as they were checked.
    """

    def __init__(
        self,
        owner: str,
        ignore: tuple[str, ...],
        values: Mapping[str, Mapping[str, Any]],
        kept: Mapping[str, AnyItem],
    ) -> None:
        self.owner = owner
        self.ignore = ignore
        self._values = values
        self._kept = kept

    def __getitem__(self, name: str) -> AnyItem:
        if name in self._kept:
            return self._kept[name]
        value = self._values[name]
        return TYPES[value["type"]].model_validate({**value, "name": name})

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def load(file: Path) -> Jobs:
    """The jobs in a file.

    Raises:
        ConfigurationError: with every problem of the file; a job with a problem never hides those of others.
    """
    return _jobs(read(file, KIND))


def loads(text: str, file: str = "jobs.yaml") -> Jobs:
    """The jobs in `text`; `file` is its name in messages. Raises as `load` does."""
    return _jobs(parse(text.encode(), file, KIND))


def _jobs(document: Document) -> Jobs:
    if document.value is None and not document.problems:
        problem = document.problem(Place(1, 1), "is empty: at least `owner` and `jobs` are needed")
        raise ConfigurationError((problem,), "an example is in docs/jobs.md")
    problems: dict[Problem, None] = {}
    shape = _shape(document, problems)
    problems.update(dict.fromkeys(_part_problems(document, shape)))
    values: dict[str, Mapping[str, Any]] = {}
    paths: dict[str, Path_] = {}
    kept: dict[str, AnyItem] = {}
    for entry in _entries(document, shape, problems):
        item = _item(entry, problems)
        if item is None:
            continue
        name = item.name if shape.folder is None else f"{shape.folder}/{item.name}"
        if name in values:
            first = document.keys[paths[name]]
            problems[entry.at("name", f"{name!r} is there already, in line {first.line}")] = None
            continue
        if len(values) == MOST_JOBS:
            problems[entry.at("name", f"there are more than {MOST_JOBS} jobs up to here")] = None
            break
        values[name] = entry.value
        paths[name] = entry.path
        if len(kept) < _MOST_KEPT:
            kept[name] = item.model_copy(update={"name": name})
    problems.update(dict.fromkeys(_relations(document, values, paths)))
    if problems:
        raise ConfigurationError(tuple(problems), _NEXT_STEP)
    return Jobs(shape.owner, shape.ignore, values, kept)


def _shape(document: Document, problems: dict[Problem, None]) -> JobsFile:
    """The file before its jobs are put together; where only its owner, say, is wrong, its jobs are looked at all the same.

    Raises:
        ConfigurationError: there is nothing to look at.
    """
    try:
        return validated(document, JobsFile, _NEXT_STEP)
    except ConfigurationError as error:
        value = document.value if isinstance(document.value, dict) else {}
        parts: dict[str, Any] = {key: value.get(key) or {} for key in ("defaults", "templates")}
        jobs = value.get("jobs")
        sound = all(isinstance(each, dict) for each in parts.values()) and all(
            isinstance(each, dict) for each in parts["templates"].values()
        )
        if document.problems or not sound or not isinstance(jobs, list) or not all(isinstance(j, dict) for j in jobs):
            raise
        problems.update(dict.fromkeys(error.problems))
        return JobsFile.model_construct(owner="", jobs=tuple(jobs), **parts)


@dataclass(frozen=True)
class _Entry:
    """One job as put together, and where its parts were written: the first layer that has a key has said it."""

    document: Document
    path: Path_
    value: Mapping[str, Any]
    layers: tuple[Path_, ...]

    @cached_property
    def keys(self) -> _Layered:
        return _Layered(self, self.document.keys)

    @cached_property
    def values(self) -> _Layered:
        return _Layered(self, self.document.values)

    @property
    def unreadable(self) -> Collection[Path_]:
        return ()  # such a file is not put together

    def written(self, path: Path_) -> Path_:
        for layer in self.layers:
            if (*layer, *path) in self.document.keys:
                return (*layer, *path)
        return (*self.layers[0], *path)

    def holds_values(self, path: Path_) -> bool:
        value: Any = self.value
        for part in path:
            value = value[part]
        return isinstance(value, dict | list)

    def problem(self, place: Place, message: str) -> Problem:
        return self.document.problem(place, message)

    def at(self, key: str, message: str) -> Problem:
        """A problem of this job's key."""
        return self.problem(self.values.get((key,), self.document.values[self.path]), message)


class _Layered(Mapping[Path_, Place]):
    """The places of a job's parts, wherever in the file they were written."""

    def __init__(self, entry: _Entry, places: Mapping[Path_, Place]) -> None:
        self._entry, self._places = entry, places

    def __getitem__(self, path: Path_) -> Place:
        return self._places[self._entry.written(path)]

    def __iter__(self) -> Iterator[Path_]:
        raise NotImplementedError("looked up only")

    def __len__(self) -> int:
        raise NotImplementedError("looked up only")


def _part_problems(document: Document, shape: JobsFile) -> Iterator[Problem]:
    """What is wrong with defaults and templates before any job uses them: keys that no type has."""
    known = sorted({key for cls in TYPES.values() for key in cls.model_fields} - {"name"})
    for key in shape.defaults:
        if key not in known or key == "type":
            yield document.problem(document.keys["defaults", key], _unknown(key, [k for k in known if k != "type"]))
    for name, template in shape.templates.items():
        for key in template:
            if key not in (*known, "name"):
                yield document.problem(document.keys["templates", name, key], _unknown(key, [*known, "name"]))


def _unknown(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"unknown key {key!r}: " + (f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}")


def _entries(document: Document, shape: JobsFile, problems: dict[Problem, None]) -> Iterator[_Entry]:
    """Each job that the file asks for; what keeps one from being put together goes to the problems."""
    for index, job in enumerate(shape.jobs):
        path: Path_ = ("jobs", index)
        layers: list[tuple[Path_, Mapping[str, Any]]] = [(path, {k: v for k, v in job.items() if k not in _OF_ENTRY})]
        template = job.get("template")
        if template is not None:
            if not isinstance(template, str) or template not in shape.templates:
                near = difflib.get_close_matches(str(template), shape.templates, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(shape.templates) or 'none'}"
                problems[document.problem(document.values[*path, "template"], f"no template {template!r}: {hint}")] = (
                    None
                )
                continue
            layers.append((("templates", template), shape.templates[template]))
        value = _merged([part for _, part in layers])
        value.setdefault("type", "pipeline")
        cls = TYPES.get(value["type"]) if isinstance(value["type"], str) else None
        if cls is None:
            where = next((p for p, part in layers if "type" in part), path)
            message = f"type {value['type']!r} is not known: known are {', '.join(TYPES)}"
            problems[document.problem(document.values[*where, "type"], message)] = None
            continue
        foreign = _foreign(value)
        fitting = {key: part for key, part in shape.defaults.items() if key in cls.model_fields and key not in foreign}
        value = _merged([value, fitting])
        places = (*(p for p, _ in layers), ("defaults",))
        for words in _words(document, path, job, problems):
            try:
                yield _Entry(document, path, _filled(value, words), places)
            except _UnknownWordError as error:
                problems[document.problem(document.keys[path], str(error))] = None


def _foreign(job: Mapping[str, Any]) -> frozenset[str]:
    """Defaults that a job of this kind has no use for, though its type knows them."""
    if "inline" in job or "inline_file" in job:
        return frozenset({"scm", "script", "lightweight", "checkout"})
    if job["type"] == "rollback":
        return frozenset({"approval"})
    return frozenset({"inline", "inline_file", "sandbox"}) if "scm" in job else frozenset()


def _words(
    document: Document, path: Path_, job: Mapping[str, Any], problems: dict[Problem, None]
) -> Iterator[Mapping[str, str] | None]:
    """The values of placeholders, for each job that an entry makes; None where it has none."""
    if "with" in job and "each" in job:
        problems[document.problem(document.keys[*path, "each"], "`with` and `each` exclude each other")] = None
        return
    if "each" in job:
        rows = job["each"]
        if not isinstance(rows, list) or not rows:
            problems[document.problem(document.values[*path, "each"], "each: a list is expected, one entry a job")] = (
                None
            )
            return
        for number, row in enumerate(rows):
            yield from _row(document, (*path, "each", number), {"item": row} if isinstance(row, str) else row, problems)
    elif "with" in job:
        yield from _row(document, (*path, "with"), job["with"], problems)
    else:
        yield None


def _row(document: Document, path: Path_, row: Any, problems: dict[Problem, None]) -> Iterator[Mapping[str, str]]:
    if not isinstance(row, dict) or not all(isinstance(value, str | int | float) for value in row.values()):
        problems[
            document.problem(document.values[path], "words and their values are expected, such as {repo: digits}")
        ] = None
        return
    yield {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in row.items()}


class _UnknownWordError(Exception):
    """A placeholder that nothing fills."""


def _filled(value: Any, words: Mapping[str, str] | None) -> Any:
    """A value with its placeholders filled; only jobs with `with` or `each` have any."""
    if words is None:
        return value
    match value:
        case str():

            def word(match: re.Match[str]) -> str:
                if match[1] not in words:
                    raise _UnknownWordError(f"`{match[0]}` is filled by nothing: there are {', '.join(words)}")
                return words[match[1]]

            return _PLACEHOLDER.sub(word, value)
        case dict():
            return {key: _filled(part, words) for key, part in value.items()}
        case list():
            return [_filled(part, words) for part in value]
    return value


def _merged(layers: list[Mapping[str, Any]]) -> dict[str, Any]:
    """One section of several: the first that has a key has said it; sections within are merged likewise."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if key not in result:
                result[key] = value
            elif isinstance(result[key], dict) and isinstance(value, dict):
                result[key] = _merged([result[key], value])
    return result


def _item(entry: _Entry, problems: dict[Problem, None]) -> AnyItem | None:
    cls = TYPES[entry.value["type"]]
    try:
        return cls.model_validate(entry.value)
    except ValidationError as error:
        for problem in explained(entry, cls, error):
            problems[problem] = None
        return None


def _relations(
    document: Document, values: Mapping[str, Mapping[str, Any]], paths: Mapping[str, Path_]
) -> Iterator[Problem]:
    """What is wrong between jobs: one inside what is no folder, two that a server cannot tell apart."""
    tops: dict[str, str] = {}
    for name in values:
        parts = name.split("/")
        for length in range(1, len(parts)):
            parent = "/".join(parts[:length])
            if parent in values and values[parent]["type"] != "folder":
                yield document.problem(document.keys[paths[name]], f"{name!r} lies in {parent!r}, which is no folder")
                break
        first = tops.setdefault(parts[0].casefold(), parts[0])
        if first != parts[0]:
            message = f"{parts[0]!r} and {first!r} are one name at the top of a server, which ignores case"
            yield document.problem(document.keys[paths[name]], message)
