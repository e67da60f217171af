"""What versions were asked in production, in the model store: one file a chapter of a version's life, and the last look.

<store>/<model>/summaries/<environment>/<version's digest>/<number>.json

Servers count from when they loaded a version, and forget when they end; so each look keeps the total so far, and what the servers
had said by then. A look is created once, and then those before it in its chapter go. Whoever is overtaken by another look
begins anew, so that nothing is counted twice. The last look of a chapter stays: what came since it is what the next chapter is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.clock import age_seconds
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.core.drift.summary import check, later, total
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import DriftLook, ServerSummary, Summary, VersionRef, decode, encode

CHAPTER_SECONDS: Final = 86_400.0
MOST_SILENT: Final = 16  # servers that are remembered although they say nothing
LEAST_ROWS: Final = 100  # of a chapter: an empty one would only cost a part of the money
_NAME: Final = re.compile(r"^\d{8}\.json$")


@runtime_checkable
class Summarising(Protocol):
    """A target whose servers keep summaries."""

    def summaries(self, version: int) -> tuple[ServerSummary, ...]:
        """What each server has summarised of a version's requests; nothing where the version has no reference.

        Raises:
            Unavailable: a server does not answer.
        """


@dataclass(frozen=True)
class SummaryStore:
    """The summaries of one model in one environment."""

    store: ModelStore
    environment: str

    def reference(self, version: int) -> Summary | None:
        """What a version was evaluated on; None where it was trained before there were references.

        Raises:
            IntegrityError: it was changed.
        """
        file = self.store.path(version) / names.REFERENCE
        with files.translated("reading a reference"):
            if not file.exists():
                return None
            reference = decode(Summary, file.read_bytes(), str(file))
        check(reference)
        return reference

    def looks(self, version: VersionRef) -> tuple[DriftLook, ...]:
        """All looks that are kept, in order: the last one of each chapter.

        Raises:
            IntegrityError: one was changed, or belongs elsewhere.
        """
        folder = self._folder(version)
        while True:
            with files.translated("reading summaries"):
                found = [path for path in folder.iterdir() if _NAME.match(path.name)] if folder.is_dir() else []
                try:
                    looks = tuple(decode(DriftLook, path.read_bytes(), str(path)) for path in sorted(found))
                except FileNotFoundError:  # a look that came meanwhile has taken its place
                    continue
            for look in looks:
                if (look.model, look.environment, look.version) != (self.store.model, self.environment, version):
                    raise IntegrityError(f"look {look.number} in {folder} belongs elsewhere", "remove that folder")
            last = {look.chapter: look for look in looks}
            return tuple(last.values())

    def append(self, version: VersionRef, servers: Sequence[ServerSummary], created: str) -> tuple[DriftLook, ...]:
        """Write down what servers say now, and answer all looks, in order.

        Args:
            version: that they were asked about.
            servers: what each of them says, at least one; none of them twice.
            created: the time, for the record.

        Raises:
            IntegrityError: a record was changed, or a server has other cells than the reference.
        """
        while True:
            before = self.looks(version)
            look = self._next(version, before, servers, created)
            with files.translated("writing summaries"):
                if not files.create_once(self._file(version, look.number), encode(look)):
                    continue
                for old in before:
                    if old.chapter == look.chapter:
                        self._file(version, old.number).unlink(missing_ok=True)
            return (*(old for old in before if old.chapter != look.chapter), look)

    def _next(
        self, version: VersionRef, before: Sequence[DriftLook], servers: Sequence[ServerSummary], created: str
    ) -> DriftLook:
        known = {told.server: told for told in before[-1].servers} if before else {}
        new = [_new(told, known.get(told.server)) for told in servers]
        last = before[-1] if before else None
        number, chapter, started = 1, 1, created
        if last is not None:
            new.insert(0, last.total)
            number, chapter, started = last.number + 1, last.chapter, last.chapter_started
            rows = last.total.rows - (before[-2].total.rows if len(before) > 1 else 0)
            if age_seconds(started) >= CHAPTER_SECONDS and rows >= LEAST_ROWS:
                chapter, started = chapter + 1, created
        return DriftLook(
            model=self.store.model,
            environment=self.environment,
            version=version,
            number=number,
            chapter=chapter,
            chapter_started=started,
            servers=(*servers, *_silent(known, servers)),
            total=reduce(total, new),
            created=created,
        )

    def _folder(self, version: VersionRef) -> Path:
        return self.store.home / names.SUMMARIES / self.environment / version.manifest_digest[:32]

    def _file(self, version: VersionRef, number: int) -> Path:
        return self._folder(version) / f"{number:08d}.json"


def _new(told: ServerSummary, before: ServerSummary | None) -> Summary:
    """What a server has counted since the look before; all of it when it was started since then."""
    return told.summary if before is None or before.since != told.since else later(told.summary, before.summary)


def _silent(known: Mapping[str, ServerSummary], servers: Sequence[ServerSummary]) -> tuple[ServerSummary, ...]:
    """What servers had said that say nothing now: they may come back, and would be counted twice."""
    here = {told.server for told in servers}
    gone = sorted((told for name, told in known.items() if name not in here), key=lambda told: -told.since)
    return tuple(gone[:MOST_SILENT])


def prune(store: ModelStore) -> None:
    """Remove what is kept of versions that are gone, of all environments."""
    alive = {store.manifest(version)[1].manifest_digest[:32] for version in store.versions()}
    with files.translated("removing summaries"):
        for folder in sorted((store.home / names.SUMMARIES).glob("*/*")):
            if folder.name not in alive:
                with store.staging() as staged:
                    folder.rename(staged / "removed")
