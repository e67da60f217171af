"""What repeated looks have found, in the model store: appended to by whoever looks, never changed.

<store>/<model>/evidence/<stream>/<baseline>/
places/<position>.json           the candidates, by when they were first looked at; a position is never given twice
looks/<candidate>/<number>.json  the looks at one of them

Each file is created once. Two nights that run at once get two numbers, and the same data is written down once, so that
nothing is lost and nothing counts twice. The key has no environment: what two versions are worth does not depend on where
one of them is in production.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import LookSums, Manifest, SequentialLook, SequentialPlace, VersionRef, decode, digest, encode

R = TypeVar("R", bound=SequentialPlace | SequentialLook)
_RESTORE = "restore it from a backup, or name another data stream, which starts anew"
_NAME = re.compile(r"^\d{8}\.json$")
_VERSION = re.compile(r"^[1-9]\d*$")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the evidence is about.

    Args:
        stream: the name of the data that is looked at; every look of a stream brings other examples of the same kind.
        baseline: what is in production.
        candidate: what may replace it. Either is version 0 with the digest of a name if it is known by that only.
    """

    stream: str
    baseline: VersionRef
    candidate: VersionRef


@dataclass(frozen=True)
class EvidenceStore:
    """The evidence about the versions of one model."""

    store: ModelStore

    def position(self, comparison: Comparison, created: str) -> int:
        """Which candidate this is against its baseline, from 1; the first time it takes the next position.

        Args:
            comparison: what is looked at.
            created: the time, for the record.

        Raises:
            IntegrityError: a record is damaged, missing, or belongs elsewhere.
        """

        def make(number: int) -> SequentialPlace:
            return SequentialPlace(**self._about(comparison), position=number, created=created)

        def is_ours(place: SequentialPlace) -> bool:
            return place.candidate == comparison.candidate

        with files.translated("reserving a place in the error budget"):
            places = self._appended(comparison, SequentialPlace, is_ours, make)
        return next(place.position for place in places if is_ours(place))

    def append(
        self, comparison: Comparison, run: str, data_digest: str, sums: tuple[LookSums, ...], created: str
    ) -> tuple[SequentialLook, ...]:
        """Write a look down, unless the same data was looked at before; answers all looks, in order.

        Args:
            comparison: what was looked at.
            run: the run that looked.
            data_digest: of the examples.
            sums: what it found.
            created: the time, for the record.

        Raises:
            IntegrityError: a record is damaged, missing, or belongs elsewhere.
        """

        def make(number: int) -> SequentialLook:
            return SequentialLook(
                **self._about(comparison), number=number, run=run, data_digest=data_digest, sums=sums, created=created
            )

        with files.translated("writing evidence"):
            return self._appended(comparison, SequentialLook, lambda look: look.data_digest == data_digest, make)

    def looks(self, comparison: Comparison) -> tuple[SequentialLook, ...]:
        """All looks, in order.

        Raises:
            IntegrityError: a record is damaged, missing, or belongs elsewhere.
        """
        with files.translated("reading evidence"):
            return self._records(comparison, SequentialLook)

    def prune(self) -> None:
        """Remove the evidence about versions that are gone.

        A candidate's place stays as long as its baseline does: its part of the error budget is spent. Models that are
        known by a name only are no versions, and stay.
        """
        home = self.store.home / names.EVIDENCE
        with files.translated("removing evidence"):
            # Before the versions are listed: evidence about one that comes in between is not looked at.
            found = [(path, sorted(path.glob("looks/*"))) for path in sorted(home.glob("*/*"))]
            alive = {reference[:32] for reference in self._digests()}
            for baseline, candidates in found:
                if baseline.name not in alive and not _is_named(baseline / "places", SequentialPlace, "baseline"):
                    self._remove(baseline)
                    continue
                for candidate in candidates:
                    if candidate.name not in alive and not _is_named(candidate, SequentialLook, "candidate"):
                        self._remove(candidate)

    def _remove(self, folder: Path) -> None:
        with self.store.staging() as staged:
            folder.rename(staged / "removed")

    def _digests(self) -> Iterator[str]:
        """The digests of the manifests of all versions, also of other branches."""
        for folder in (self.store.home, *self.store.branches()):
            for path in (folder / names.VERSIONS).glob("*"):
                if _VERSION.match(path.name) and path.is_dir():
                    manifest = path / names.MANIFEST
                    if not manifest.exists():
                        raise IntegrityError(f"{path} has no {names.MANIFEST}", "restore it from a backup")
                    data = manifest.read_bytes()
                    decode(Manifest, data, str(manifest))
                    yield digest(data)

    def _about(self, comparison: Comparison) -> dict[str, Any]:
        return {
            "model": self.store.model,
            "stream": comparison.stream,
            "baseline": comparison.baseline,
            "candidate": comparison.candidate,
        }

    def _appended(
        self, comparison: Comparison, kind: type[R], is_there: Callable[[R], bool], make: Callable[[int], R]
    ) -> tuple[R, ...]:
        """All records of a kind, after one was added unless it was there; whoever is overtaken looks again."""
        while True:
            records = self._records(comparison, kind)
            if any(map(is_there, records)):
                return records
            number = len(records) + 1
            record = make(number)
            if files.create_once(self._folder(comparison, kind) / _file_name(number), encode(record)):
                return (*records, record)

    def _records(self, comparison: Comparison, kind: type[R]) -> tuple[R, ...]:
        """All records of a kind, each of which belongs where it was found."""
        folder = self._folder(comparison, kind)
        found = [path.name for path in folder.iterdir() if _NAME.match(path.name)] if folder.is_dir() else []
        wanted = [_file_name(number) for number in range(1, len(found) + 1)]
        if missing := sorted(set(wanted) - set(found)):
            raise IntegrityError(f"{folder} lacks {missing[0]}", _RESTORE)
        records = tuple(_read(kind, folder / name) for name in wanted)
        expected = (self.store.model, comparison.stream, comparison.baseline)
        for number, record in enumerate(records, 1):
            if isinstance(record, SequentialPlace):
                fits = record.position == number
            else:
                fits = (record.number, record.candidate) == (number, comparison.candidate)
            if not fits or (record.model, record.stream, record.baseline) != expected:
                raise IntegrityError(f"{folder / _file_name(number)} belongs elsewhere", _RESTORE)
        return records

    def _folder(self, comparison: Comparison, kind: type) -> Path:
        stream = files.component(comparison.stream, safe="")
        folder = self.store.home / names.EVIDENCE / stream / comparison.baseline.manifest_digest[:32]
        if kind is SequentialPlace:
            return folder / "places"
        return folder / "looks" / comparison.candidate.manifest_digest[:32]


def _file_name(number: int) -> str:
    return f"{number:08d}.json"


def _is_named(folder: Path, kind: type[R], side: str) -> bool:
    """Whether the baseline or the candidate of the records in a folder is no version, but known by a name."""
    first = folder / _file_name(1)
    if not first.exists():
        return False
    reference: VersionRef = getattr(_read(kind, first), side)
    return reference.version == 0


def _read(kind: type[R], path: Path) -> R:
    try:
        return decode(kind, path.read_bytes(), str(path))
    except IntegrityError as error:
        raise IntegrityError(error.what, _RESTORE) from error
