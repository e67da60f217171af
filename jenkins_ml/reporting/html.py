"""The report of a decision: one page, one style sheet and SVG pictures in a folder.

Jenkins serves what builds archive under a content security policy that blocks scripts, styles inside the page and
data: addresses; the page needs none of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jenkins_ml.records import Manifest
from jenkins_ml.reporting import charts, text
from jenkins_ml.reporting.charts import Picture
from jenkins_ml.reporting.data import ReportData
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.resources import folder

PAGE: Final = "index.html"
STYLE: Final = "style.css"

_LONGEST_VALUE: Final = 300  # characters of a parameter; the manifest has all of it


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture and the file of the report that holds it."""

    file: str
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One line of the lineage: what, of the candidate, of production (None without one), and whether they differ."""

    name: str
    candidate: str
    production: str | None
    differs: bool


def write(directory: Path, data: ReportData) -> Path:
    """Write a report.

    Args:
        directory: where to; made when missing. Files of an earlier report with the same names are replaced.
        data: what it is made from.

    Returns:
        The page, `index.html`, which is written last.

    Raises:
        StageFailed: the folder cannot be written.
    """
    figures = {
        "difference": _difference(data),
        "curves": [
            Figure(file=f"curve-{number}.svg", picture=picture)
            for number, picture in enumerate(charts.curves(data.candidate.curves), 1)
        ],
        "confusion": _confusion(data),
    }
    templates = Environment(
        loader=FileSystemLoader(folder("templates") / "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"number": text.number, "interval": text.interval}
    page = templates.get_template("index.html.j2").render(
        decision=data.decision,
        candidate=data.candidate,
        style=STYLE,
        figures=figures,
        lineage=lineage(data.candidate, data.baseline),
    )
    for figure in (figure for group in figures.values() for figure in group):
        if figure.picture.svg is not None:
            write_atomically(directory / figure.file, figure.picture.svg)
    write_atomically(directory / STYLE, templates.get_template(STYLE).render())
    write_atomically(directory / PAGE, text.printable(page))
    return directory / PAGE


def _difference(data: ReportData) -> list[Figure]:
    compared = charts.differences(data.decision)
    return [Figure(file="difference.svg", picture=charts.against_production(compared))] if compared else []


def _confusion(data: ReportData) -> list[Figure]:
    matrices = {"candidate": data.confusion, "production": data.baseline_confusion}
    return [
        Figure(file=f"confusion-{whose}.svg", picture=charts.confusion(whose, matrix))
        for whose, matrix in matrices.items()
        if matrix is not None
    ]


def lineage(candidate: Manifest, baseline: Manifest | None) -> tuple[Origin, ...]:
    """Where the versions come from, line by line, the same line of both side by side."""
    mine = dict(_origins(candidate))
    theirs = None if baseline is None else dict(_origins(baseline))
    names = [*mine, *(name for name in theirs or () if name not in mine)]
    return tuple(
        Origin(
            name=name,
            candidate=mine.get(name, text.NOTHING),
            production=None if theirs is None else theirs.get(name, text.NOTHING),
            differs=theirs is not None and mine.get(name) != theirs.get(name),
        )
        for name in names
    )


def _origins(manifest: Manifest) -> Iterator[tuple[str, str]]:
    origin = manifest.lineage
    yield "version", str(manifest.version)
    yield "created", manifest.created
    yield "commit", (origin.commit.sha or text.NOTHING) + (" with uncommitted changes" if origin.commit.dirty else "")
    yield "branch", origin.commit.branch or text.NOTHING
    yield "data digest", origin.data_digest
    yield "artefact digest", manifest.artefact_digest
    yield "training", origin.training
    yield "run", origin.run
    yield "built by", origin.built_by
    yield from _named("parameter", origin.params)
    yield from _named("environment", origin.environment)


def _named(kind: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(values.items()):
        written = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
        yield f"{kind} {name}", text.one_line(written, _LONGEST_VALUE)
