"""Zip archives: Keras' .keras files, PyTorch's files, NumPy's .npz, and any other.

Nothing is unpacked to disk, and of a member only as much to memory as says what it is.
"""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Final

from jenkins_ml.adapters.artefact_scan import arrays, compressed, keras_config, pickles, programs
from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable, quoted

MOST_MEMBERS: Final = 10_000
_DIRECTORY: Final = 16 * 2**20  # bytes of the list of members
_TAIL: Final = 22 + 2**16  # bytes at the end in which that list's place stands
_HEAD: Final = 16 * 2**10  # bytes of a member that say what it is
_BOMB_RATIO: Final = 200  # times its packed size; weights pack to a half, sparse text to a hundredth
_BOMB_SIZE: Final = 64 * 2**20  # bytes up to which no ratio matters
_ENCRYPTED: Final = 1


def judge(path: Path, notes: Notes) -> None:
    """Note what an archive holds that it may not.

    Raises:
        Unreadable: it is damaged, or holds more than is read.
    """
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise Unreadable(f"holds {len(members):,} members, more than are read")
            for member in members:
                _judge_member(archive, member, notes)
            _judge_names(members, notes)
            _judge_kind(archive, path, notes)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise Unreadable("is a zip archive that is damaged or packed in an unknown way") from error


def _check_directory(path: Path) -> None:
    """Refuse a list of members that would fill the memory, before it is read."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL))
        tail = stream.read()
        place = tail.rfind(b"PK\x05\x06")
        length = int.from_bytes(tail[place + 12 : place + 16], "little")
        locator = tail[place - 20 : place]
        if locator.startswith(b"PK\x06\x07"):  # the 64-bit form
            stream.seek(min(size, int.from_bytes(locator[8:16], "little")))
            length = max(length % 0xFFFFFFFF, int.from_bytes(stream.read(56)[40:48], "little"))
    if place < 0 or length > _DIRECTORY:
        raise Unreadable("is a zip archive with too many members")


def _judge_names(members: list[zipfile.ZipInfo], notes: Notes) -> None:
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if name in seen:
            notes.found(f"holds two members of the name {quoted(name)}")
        seen.add(name)
        plain = PurePosixPath(member.orig_filename.replace("\\", "/"))
        if plain.is_absolute() or ".." in plain.parts or ":" in member.orig_filename or "\0" in member.orig_filename:
            notes.found(f"holds a member that would be unpacked outside its folder: {quoted(member.orig_filename)}")
        if stat.S_ISLNK(member.external_attr >> 16):
            notes.found(f"holds the symbolic link {quoted(name)}")


def _judge_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, notes: Notes) -> None:
    inside = Notes(f"{notes.path}!{member.filename}")
    if member.is_dir():
        return
    if member.flag_bits & _ENCRYPTED:
        inside.found("is encrypted and cannot be looked into")
    elif member.file_size > max(_BOMB_SIZE, member.compress_size * _BOMB_RATIO):
        inside.found(f"would unpack to {member.file_size:,} bytes from {member.compress_size:,}")
    else:
        with archive.open(member) as stream:
            _judge_content(member, stream, inside)
    notes.findings += inside.findings


def _judge_content(member: zipfile.ZipInfo, stream: IO[bytes], notes: Notes) -> None:
    named = PurePosixPath(member.filename.lower()).suffix in pickles.SUFFIXES
    head = stream.read(_HEAD)
    if programs.judge(member.filename, head, 0, notes):
        return
    if head.startswith(b"PK\x03\x04"):
        notes.found("is an archive in an archive, which is not looked into")
    elif kind := compressed.closed(head):
        notes.found(f"is {kind}, which is not looked into")
    elif head.startswith(arrays.MAGIC):
        arrays.judge(stream, notes)
    else:
        pickles.judge_packed(stream, member.file_size, notes, named=named)


def _judge_kind(archive: zipfile.ZipFile, path: Path, notes: Notes) -> None:
    """What the archive is as a whole; it is understood if it is one of the kinds that are known."""
    files = [member for member in archive.infolist() if not member.is_dir()]
    names = {member.filename for member in files}
    keras = path.suffix.lower() == ".keras"
    if "config.json" in names and (keras or "model.weights.h5" in names or "metadata.json" in names):
        for name in sorted(names & {"config.json", "metadata.json"}):
            keras_config.judge(keras_config.parse(_content(archive, name)), notes)
        notes.understood = True
    elif keras:
        raise Unreadable("holds no config.json, which a Keras file does")
    elif files and all(member.filename.endswith(".npy") for member in files):
        notes.understood = True
    elif any(PurePosixPath(name).name == "data.pkl" for name in names):
        notes.understood = True  # PyTorch's; its pickles are noted


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        return stream.read(keras_config.LONGEST + 1)
