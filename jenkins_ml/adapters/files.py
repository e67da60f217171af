"""Files that are whole or not there, created once, and locks that die with their holder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from jenkins_ml.errors import IntegrityError, JenkinsMLError, Unavailable, UsageError
from jenkins_ml.records import FileEntry, digest

FULL = {errno.ENOSPC, errno.EDQUOT}
_COMPONENT_LENGTH = 200  # a file name takes 255 bytes, and some file systems take their share of that
_DIGEST_LENGTH = 32
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn an OSError of the block into one of our errors; `what` says what was being done ("writing version 3")."""
    try:
        yield
    except OSError as error:
        raise translate(what, error) from error


def translate(what: str, error: OSError) -> JenkinsMLError:
    """Our error for an OSError that came up while doing `what`."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in FULL:
        return Unavailable(
            f"{what}: the disk is full{where}", "free some space (jenkins-ml models prune), then run it again"
        )
    if error.errno in _DENIED:
        return UsageError(f"{what}: not permitted{where}", "check the owner and the rights of that folder")
    return Unavailable(f"{what}: {error.strerror or error}{where}", "check the disk, then run it again")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's bytes durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def component(text: str, safe: str) -> str:
    """Any text as one path component: percent-encoded, and never "." or "..".

    A long one ends in a digest of the whole, so that no two texts get the same name: file systems take 255 bytes, and
    some of our names are parts of others.

    Args:
        text: what it names.
        safe: characters that stay as they are, besides letters, digits and `_.-~`.
    """
    name = quote(text, safe=safe, errors="surrogateescape")
    if name in (".", ".."):
        name = name.replace(".", "%2E")
    if len(name) <= _COMPONENT_LENGTH:
        return name
    return f"{name[: _COMPONENT_LENGTH - 1 - _DIGEST_LENGTH]}-{digest(name.encode())[:_DIGEST_LENGTH]}"


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file that is there whole or not at all, and durable."""
    temporary = _temporary(path, data, mode)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def create_once(path: Path, data: bytes) -> bool:
    """Create a file whole, only if it is absent; answers whether this call made it.

    A hard link is the one operation that both fails on an existing name and never shows a half-written file.
    """
    temporary = _temporary(path, data, 0o644)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def _temporary(path: Path, data: bytes, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def describe(root: Path, exclude: frozenset[str] = frozenset()) -> tuple[FileEntry, ...]:
    """Every file below `root`, sorted by path; `exclude` holds relative POSIX paths to leave out.

    Raises:
        IntegrityError: something below `root` is neither a file nor a folder (a symbolic link could lead elsewhere).
    """
    entries = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise IntegrityError(f"{path} is neither a file nor a folder", "models hold plain files only")
        if path.is_file() and relative not in exclude:
            entries.append(file_entry(path, relative))
    return tuple(entries)


def file_entry(path: Path, relative: str) -> FileEntry:
    """Size and digest of one file, recorded under the name `relative`."""
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileEntry(path=relative, size=stream.tell(), sha256=sha256)


class Locked(Exception):
    """Somebody else holds the lock; `holder` is what they wrote into it."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextlib.contextmanager
def lock(path: Path, holder: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock that the kernel takes back when this process ends, however it ends.

    Args:
        path: the lock file; it stays, since removing it would let two processes lock two files of one name.
        holder: who we are, for the message of whoever finds it taken.
        wait_seconds: how long to try.

    Raises:
        Locked: still taken after that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    with path.open("a+") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    stream.seek(0)
                    raise Locked(stream.read().strip() or "another process") from None
                time.sleep(0.05)
        stream.truncate(0)
        stream.write(holder)
        stream.flush()
        yield
