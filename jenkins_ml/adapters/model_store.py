"""The model store on a file system: versions that appear at once, numbers that are never reused, records created once.

<store>/<model>/
versions/<n>/            the artefact's files and manifest.json; appears by one rename
branches/<branch>/versions/<n>/   candidates of other branches than the release branch
reservations/<n>         taken by creating it; the numbers of versions come from here
staging/<name>/          what is being written; its lock dies with the writer, and the next writer clears it
predictions/<artefact>-<data>/    predictions.npz and predictions.json, computed once
runs/<run>/<stage>.json  what each stage of a run handed over
journal/<n>.json         see journal.py
serving/<n>/             released versions only, in TensorFlow Serving's layout
approvals/<environment>/ see approvals.py
locks/<environment>.*    see release_lock.py
retrainings/<n>.json     see retrainings.py
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.adapters.retrainings import Retrainings
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.records import Manifest, Predictions, VersionRef, decode, digest, encode

R = TypeVar("R")
PREDICTIONS_FILE = "predictions.npz"
_NUMBER = re.compile(r"^[1-9]\d*$")


@dataclass(frozen=True)
class ModelStore:
    """The part of a store that belongs to one model.

    Args:
        root: the store's folder.
        model: the model's name, checked by the configuration.
    """

    root: Path
    model: str

    @property
    def home(self) -> Path:
        """The folder of this model."""
        return self.root / self.model

    @property
    def journal(self) -> Journal:
        """The journal of this model."""
        return Journal(self.home / names.JOURNAL)

    @property
    def retrainings(self) -> Retrainings:
        """The trainings of this model that alerts have started."""
        return Retrainings(self.home / names.RETRAININGS)

    # --- versions ----------------------------------------------------------------------------------------------------
    def path(self, version: int, branch: str | None = None) -> Path:
        """Where a version lies; `branch` None is the release branch."""
        return self._versions(branch) / str(version)

    def versions(self, branch: str | None = None) -> tuple[int, ...]:
        """The versions that exist, in order."""
        return _numbers(self._versions(branch))

    def branches(self) -> tuple[Path, ...]:
        """The folders of other branches' candidates."""
        folder = self.home / names.BRANCHES
        return tuple(sorted(folder.iterdir())) if folder.is_dir() else ()

    def reserve(self) -> int:
        """A version number that nobody else has or had."""
        with files.translated("reserving a version"):
            folder = self.home / names.RESERVATIONS
            taken = [int(path.name) for path in folder.glob("*") if _NUMBER.match(path.name)] if folder.is_dir() else []
            number = max(taken, default=0) + 1
            while not files.create_once(folder / str(number), b""):
                number += 1
            return number

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A new folder to write into; it is gone afterwards, unless it was renamed to its place.

        Folders left by writers that died are cleared first: the kernel has taken their locks back.
        """
        folder = self.home / "staging"
        with files.translated("preparing the model store"):
            folder.mkdir(parents=True, exist_ok=True)
            _clear_abandoned(folder)
            place = folder / secrets.token_hex(8)
            lock_file = place.with_suffix(".lock")
        with files.lock(lock_file, str(os.getpid()), wait_seconds=5):
            with files.translated("preparing the model store"):
                place.mkdir()
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)
                lock_file.unlink(missing_ok=True)

    def commit(self, staged: Path, manifest: Manifest, branch: str | None) -> VersionRef:
        """Make a staged artefact a version: durable first, then there, by one rename."""
        data = encode(manifest)
        target = self.path(manifest.version, branch)
        with files.translated(f"writing version {manifest.version}"):
            files.write_atomic(staged / names.MANIFEST, data)
            _sync_tree(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.rename(target)
            files.sync_directory(target.parent)
        return VersionRef(version=manifest.version, manifest_digest=digest(data))

    def manifest(self, version: int, branch: str | None = None) -> tuple[Manifest, VersionRef]:
        """The manifest of a version and its digest.

        Raises:
            UsageError: there is no such version.
            IntegrityError: it is damaged, or belongs to another version.
        """
        return self._manifest(self._versions(branch), version)

    def _manifest(self, versions: Path, version: int) -> tuple[Manifest, VersionRef]:
        path = versions / str(version) / names.MANIFEST
        try:
            with files.translated(f"reading version {version}"):
                data = path.read_bytes() if path.exists() else None
        except Unavailable as error:
            raise IntegrityError(f"version {version} cannot be read: {error.what}", error.next_step) from error
        if data is None:
            if path.parent.exists():
                raise IntegrityError(f"version {version} has no {names.MANIFEST}", "restore it from a backup")
            raise UsageError(
                f"there is no version {version} of {self.model}", "jenkins-ml models list shows those that exist"
            )
        manifest = decode(Manifest, data, str(path))
        if (manifest.model, manifest.version) != (self.model, version):
            raise IntegrityError(
                f"{path} describes {manifest.model} {manifest.version}", "do not copy versions by hand"
            )
        return manifest, VersionRef(version=version, manifest_digest=digest(data))

    def verify(self, reference: VersionRef, branch: str | None = None) -> Manifest:
        """Check a version against what was recorded: its manifest, and every file's size and digest.

        Raises:
            IntegrityError: anything differs, is missing or was added.
        """
        try:
            manifest, found = self.manifest(reference.version, branch)
        except UsageError as error:
            raise IntegrityError(
                f"version {reference.version} is gone from the store", "restore it from a backup"
            ) from error
        if found != reference:
            raise IntegrityError(
                f"the manifest of version {reference.version} was changed", "train again, and gate that version"
            )
        self._verify_files(self.path(reference.version, branch), manifest)
        return manifest

    def publish(self, reference: VersionRef) -> Path:
        """Copy a version into `serving/`, where only released versions lie, and check the copy.

        The files are copied under a name that no server takes for a version, then renamed.
        """
        manifest = self.verify(reference)
        target = self.home / names.SERVING / str(reference.version)
        with files.translated(f"publishing version {reference.version}"):
            if target.exists():
                try:
                    self._verify_files(target, manifest)
                    return target
                except IntegrityError:
                    shutil.rmtree(target)  # a copy only: it is made again from the version that was just verified
            with self.staging() as staged:
                shutil.copytree(self.path(reference.version), staged, dirs_exist_ok=True)
                self._verify_files(staged, manifest)
                _sync_tree(staged)
                target.parent.mkdir(parents=True, exist_ok=True)
                staged.rename(target)
                files.sync_directory(target.parent)
        return target

    def published(self) -> frozenset[int]:
        """The versions in `serving/`."""
        with files.translated("reading the model store"):
            folder = self.home / names.SERVING
            found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return frozenset(int(name) for name in found if _NUMBER.match(name))

    def withdraw(self, version: int) -> None:
        """Take a version out of `serving/`, for servers that load the latest one there."""
        target = self.home / names.SERVING / str(version)
        with files.translated(f"withdrawing version {version}"), self.staging() as staged:
            if target.exists():
                target.rename(staged / "withdrawn")  # out of sight at once, then removed

    def remove(self, version: int, branch: str | None = None) -> None:
        """Remove a version; its number stays taken."""
        with files.translated(f"removing version {version}"), self.staging() as staged:
            self.path(version, branch).rename(staged / "removed")

    def _verify_files(self, folder: Path, manifest: Manifest) -> None:
        with files.translated(f"checking version {manifest.version}"):
            found = files.describe(folder, exclude=frozenset({names.MANIFEST}))
        if found == manifest.files:
            return
        recorded, present = ({entry.path: entry for entry in entries} for entries in (manifest.files, found))
        differing = sorted(path for path in {*recorded, *present} if recorded.get(path) != present.get(path))
        raise IntegrityError(
            f"version {manifest.version} is not what was recorded: {', '.join(differing[:3])} changed, missing or added",
            "it is not served; restore it from a backup, or train again",
        )

    def _versions(self, branch: str | None) -> Path:
        if branch is None:
            return self.home / names.VERSIONS
        return self.home / names.BRANCHES / files.component(branch, safe="") / names.VERSIONS

    # --- predictions -------------------------------------------------------------------------------------------------
    def predictions(self, artefact_digest: str, data_digest: str) -> Path | None:
        """The checked file of predictions of an artefact on a data set; None when they were never computed."""
        folder = self._predictions(artefact_digest, data_digest)
        if not folder.exists():
            return None
        path, record_file = folder / PREDICTIONS_FILE, folder / "predictions.json"
        with files.translated("reading predictions"):
            intact = path.exists() and record_file.exists()
            if intact:
                record = decode(Predictions, record_file.read_bytes(), str(record_file))
                intact = files.file_entry(path, PREDICTIONS_FILE) == record.file
                intact &= (record.artefact_digest, record.data_digest) == (artefact_digest, data_digest)
        if not intact:
            raise IntegrityError(
                f"the predictions in {folder} were changed", "remove that folder; they are computed again"
            )
        return path

    def keep_predictions(self, staged: Path, artefact_digest: str, data_digest: str, count: int) -> None:
        """Keep the file of predictions that lies in `staged`; when they are kept already, the first ones stay."""
        target = self._predictions(artefact_digest, data_digest)
        with files.translated("keeping predictions"):
            if target.exists():
                return
            entry = files.file_entry(staged / PREDICTIONS_FILE, PREDICTIONS_FILE)
            record = Predictions(artefact_digest=artefact_digest, data_digest=data_digest, file=entry, count=count)
            files.write_atomic(staged / "predictions.json", encode(record))
            _sync_tree(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.rename(target)
            except OSError as error:
                if error.errno in (errno.EEXIST, errno.ENOTEMPTY):  # another run was quicker
                    return
                raise
            files.sync_directory(target.parent)

    def prune_predictions(self) -> None:
        """Remove the predictions of artefacts that are no version any more; they could be computed again."""
        folders = [self._versions(None), *(branch / names.VERSIONS for branch in self.branches())]
        alive = {
            self._manifest(folder, version)[0].artefact_digest[:32]
            for folder in folders
            for version in _numbers(folder)
        }
        folder = self.home / names.PREDICTIONS
        with files.translated("removing predictions"):
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.name.partition("-")[0] not in alive:
                    with self.staging() as staged:
                        path.rename(staged / "removed")

    def _predictions(self, artefact_digest: str, data_digest: str) -> Path:
        return self.home / names.PREDICTIONS / f"{artefact_digest[:32]}-{data_digest[:32]}"

    # --- runs --------------------------------------------------------------------------------------------------------
    def write_run(self, run: str, stage: str, record: Any) -> bool:
        """Hand a stage's record over; created once, answers whether it was this call that made it."""
        with files.translated(f"writing the record of {stage}"):
            return files.create_once(self._run(run, stage), encode(record))

    def read_run(self, cls: type[R], run: str, stage: str) -> R | None:
        """The record that a stage of a run handed over; None when that stage has not ended."""
        path = self._run(run, stage)
        with files.translated(f"reading the record of {stage}"):
            return decode(cls, path.read_bytes(), str(path)) if path.exists() else None

    def handed_over(self, run: str) -> frozenset[str]:
        """The names of the records that the stages of a run have handed over."""
        with files.translated("reading the records of a run"):
            return frozenset(path.stem for path in (self.home / names.RUNS / run).glob("[!.]*.json"))

    def _run(self, run: str, stage: str) -> Path:
        return self.home / names.RUNS / run / f"{stage}.json"

    # --- locks and servers -------------------------------------------------------------------------------------------
    def release_lock(self, environment: str) -> Path:
        """The lock file of whoever moves an environment."""
        return self.home / names.LOCKS / f"{environment}.lock"

    def release_holders(self, environment: str) -> Path:
        """The folder of those who have moved an environment, by number."""
        return self.home / names.LOCKS / f"{environment}.holders"

    def server_state(self, environment: str) -> Path:
        """Where the embedded server of an environment says how it is reached."""
        return self.home / names.SERVERS / f"{environment}.json"


def _numbers(folder: Path) -> tuple[int, ...]:
    """The version numbers among the entries of a folder, in order."""
    with files.translated("reading the model store"):
        found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(int(name) for name in found if _NUMBER.match(name)))


def _clear_abandoned(folder: Path) -> None:
    for lock_file in folder.glob("*.lock"):
        with contextlib.suppress(files.Locked), files.lock(lock_file, str(os.getpid())):
            shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
            lock_file.unlink(missing_ok=True)


def _sync_tree(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_dir():
            files.sync_directory(path)
        else:
            files.sync_file(path)
    files.sync_directory(root)
