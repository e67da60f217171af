"""Tar archives that are made while they are sent: a version's files, checked on their way, and small texts."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import FileEntry, Manifest, encode

_CHUNK: Final = 1 << 20
_BLOCK: Final = tarfile.BLOCKSIZE
END: Final = bytes(2 * _BLOCK)  # of every archive


def members_of_version(manifest: Manifest, path: Path, inside: str, when: float = 0.0) -> Iterator[bytes]:
    """A version's files, of root and readable for everybody, and its manifest; without the end of the archive.

    Args:
        manifest: of it; only the files that it lists are sent, and the manifest itself.
        path: its folder.
        inside: the folder that they get in the archive.
        when: the time that they get, in seconds since 1970.

    Raises:
        IntegrityError: a file is not what the manifest says.
    """
    folders = {parent for entry in manifest.files for parent in PurePosixPath(inside, entry.path).parents}
    for folder in sorted(str(folder) for folder in {*folders, PurePosixPath(inside)} if folder.name):
        yield _header(folder, 0, when, tarfile.DIRTYPE)
    for entry in sorted(manifest.files, key=lambda entry: entry.path):
        yield _header(f"{inside}/{entry.path}", entry.size, when)
        with files.translated(f"reading version {manifest.version}"):
            yield from _checked(path / entry.path, entry)
        yield bytes(-entry.size % _BLOCK)
    yield from member(f"{inside}/{names.MANIFEST}", encode(manifest), when)


def of_version(manifest: Manifest, path: Path, inside: str) -> Iterator[bytes]:
    """The archive of a version alone; see `members_of_version`."""
    yield from members_of_version(manifest, path, inside)
    yield END


def of_texts(texts: Mapping[str, bytes]) -> bytes:
    """Some small files, by name."""
    folders = sorted({str(parent) for name in texts for parent in PurePosixPath(name).parents if parent.name})
    pieces = [_header(folder, 0, 0.0, tarfile.DIRTYPE) for folder in folders]
    pieces += [piece for name, data in texts.items() for piece in member(name, data)]
    return b"".join([*pieces, END])


def member(name: str, data: bytes, when: float = 0.0) -> Iterator[bytes]:
    """One small file."""
    yield _header(name, len(data), when)
    yield data + bytes(-len(data) % _BLOCK)


def _header(name: str, size: int, when: float, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, size, int(when)
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return info.tobuf(tarfile.GNU_FORMAT)


def _checked(path: Path, entry: FileEntry) -> Iterator[bytes]:
    """A file's bytes, which are those of the manifest or raise IntegrityError; never more of them than it says."""
    hashed, left = hashlib.sha256(), entry.size
    with path.open("rb") as stream:
        while left and (chunk := stream.read(min(_CHUNK, left))):
            hashed.update(chunk)
            left -= len(chunk)
            yield chunk
        more = stream.read(1)
    if left or more or hashed.hexdigest() != entry.sha256:
        raise IntegrityError(f"{entry.path} is not what was recorded of it", "restore it from a backup, or train again")
