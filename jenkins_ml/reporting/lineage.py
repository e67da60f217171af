"""Where the versions of a decision come from, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jenkins_ml.records import Manifest
from jenkins_ml.reporting import text

_LONGEST_VALUE: Final = 300  # characters of a parameter; the manifest has all of it


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One line of the lineage: what, of the candidate, of production (None without one), and whether they differ."""

    name: str
    candidate: str
    production: str | None
    differs: bool


def origins(candidate: Manifest, baseline: Manifest | None) -> tuple[Origin, ...]:
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
