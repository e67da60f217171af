"""What an engine builds an image from: a tar archive, made while it is sent, of a version's files and nothing else."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import FileEntry, Manifest, encode
from jenkins_ml.rendering import dockerfile

_CHUNK: Final = 1 << 20
_BLOCK: Final = tarfile.BLOCKSIZE


def build_context(text: str, manifest: Manifest, path: Path) -> Iterator[bytes]:
    """The archive, piece by piece; equal versions give equal bytes.

    The files belong to root and everybody may read them. Their time is the version's, so that the layer that the engine
    makes of them is the same wherever and whenever it is built.

    Args:
        text: the Dockerfile.
        manifest: of the version; only the files that it lists are sent, and the manifest itself.
        path: the folder of the version.

    Raises:
        IntegrityError: a file is not what the manifest says; the engine gets an archive that is cut off, and builds nothing.
    """
    when = datetime.fromisoformat(manifest.created).timestamp()
    yield from _member("Dockerfile", text.encode(), when)
    inside = dockerfile.ROOT + dockerfile.folder(manifest.model, manifest.version)
    contents = sorted(manifest.files, key=lambda entry: entry.path)
    for folder in _folders(inside, contents):
        yield _header(folder, 0, when, tarfile.DIRTYPE)
    for entry in contents:
        yield _header(f"{inside}/{entry.path}", entry.size, when)
        with files.translated(f"reading version {manifest.version}"):
            yield from _checked(path / entry.path, entry)
        yield bytes(-entry.size % _BLOCK)
    yield from _member(f"{inside}/{names.MANIFEST}", encode(manifest), when)
    yield bytes(2 * _BLOCK)


def _folders(inside: str, contents: list[FileEntry]) -> list[str]:
    """All folders of the archive, each after the one that it is in."""
    found = {parent for entry in contents for parent in PurePosixPath(inside, entry.path).parents}
    return sorted(str(folder) for folder in found if folder.name)


def _member(name: str, data: bytes, when: float) -> Iterator[bytes]:
    yield _header(name, len(data), when)
    yield data + bytes(-len(data) % _BLOCK)


def _header(name: str, size: int, when: float, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = size
    member.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    member.mtime = int(when)
    return member.tobuf(tarfile.GNU_FORMAT)


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
