"""Which of the formats a file has, by its content more than by its name."""

from __future__ import annotations

import mmap
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jenkins_ml.adapters.artefact_scan import (
    archives,
    arrays,
    compressed,
    hdf5,
    keras_config,
    onnx_graph,
    pickles,
    programs,
    saved_model_reader,
    saved_model_rules,
    tensor_files,
    wire,
)
from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable

_HEAD: Final = 16 * 2**10  # bytes that say what a file is
# Forms of a SavedModel that TensorFlow reads and we do not.
_UNREAD: Final = {
    "saved_model.pbtxt": "is a SavedModel as text, which is not read: save it in the binary form",
    "saved_model.cpb": "is a SavedModel in pieces, which is not read: save it in one",
}


def judge(path: Path, relative: str) -> Notes:
    """Scan one file.

    Args:
        path: where it is.
        relative: how it is called in what the scan answers.
    """
    notes = Notes(relative)
    try:
        _judge(path, notes)
    except (Unreadable, OSError) as error:
        _give_up(str(error) if isinstance(error, Unreadable) else (error.strerror or "is not to be had"), notes)
    except Exception:  # what a hostile file can bring a parser to; a scan that fails must refuse, not end
        _give_up("is damaged in a way that its reader does not expect", notes)
    return notes


def _give_up(reason: str, notes: Notes) -> None:
    notes.understood = False
    notes.not_scanned(f"it {reason}" if reason[:1].islower() else reason)


def _judge(path: Path, notes: Notes) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise Unreadable("is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("is no plain file")
    if path.name in _UNREAD:
        raise Unreadable(_UNREAD[path.name])
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    code = programs.judge(path.name, head, status.st_mode, notes)
    if zipfile.is_zipfile(path):
        archives.judge(path, notes)
    elif path.suffix.lower() in (".keras", ".npz", ".zip"):
        raise Unreadable("is not the zip archive that its name says")
    _judge_format(path, head, notes)
    if not code:
        _judge_pickle(path, head, notes)


def _judge_format(path: Path, head: bytes, notes: Notes) -> None:
    """Judge it if it has one of the formats that are read whole."""
    suffix = path.suffix.lower()
    if path.name == "saved_model.pb":
        with _mapped(path) as data:
            for graph in saved_model_reader.read(data):
                saved_model_rules.judge(graph, notes)
                _judge_noted(graph.metadata, notes)
    elif path.name == "keras_metadata.pb":
        with _mapped(path) as data:
            nodes = list(wire.messages(data, 0, len(data), 1))
            _judge_noted([text for node in nodes for text in wire.texts(data, *node, 5)], notes)
    elif suffix in hdf5.SUFFIXES or hdf5.begins(head):
        hdf5.judge(path, notes)
    elif suffix == ".onnx":
        with _mapped(path) as data:
            onnx_graph.judge(data, notes)
    elif suffix == ".safetensors":
        with path.open("rb") as stream:
            tensor_files.check(stream, path.stat().st_size)
    elif suffix == ".npy" or head.startswith(arrays.MAGIC):
        with path.open("rb") as stream:
            arrays.judge(stream, notes)
    elif not (suffix == ".json" and _judge_json(path, notes)):
        return
    notes.understood = True


def _judge_json(path: Path, notes: Notes) -> bool:
    """Judge a file of JSON if it is a Keras configuration; answers whether it is one."""
    with path.open("rb") as stream:
        content = stream.read(keras_config.LONGEST + 1)
    try:
        config = keras_config.value(content)
    except ValueError:
        return False
    except Unreadable:
        if path.name == "config.json":  # which Keras loads
            raise
        return False
    if not keras_config.is_model(config):
        return False
    keras_config.judge(config, notes)
    return True


def _judge_noted(texts: list[str], notes: Notes) -> None:
    """Judge what Keras 2 noted beside the graphs; its classes of others do there what the graph says."""
    for text in texts:
        if text:
            keras_config.judge(keras_config.parse(text), notes, traced=True)


def _judge_pickle(path: Path, head: bytes, notes: Notes) -> None:
    """Judge it if it is a pickle, plain or compressed, or a container that could hold one."""
    if kind := compressed.closed(head):
        raise Unreadable(f"is {kind}, which is not looked into")
    named = path.suffix.lower() in pickles.SUFFIXES and not notes.understood
    with path.open("rb") as stream:
        notes.understood |= pickles.judge_packed(stream, path.stat().st_size, notes, named=named)


@contextmanager
def _mapped(path: Path) -> Iterator[wire.Data]:
    """The bytes of a file, of which only those are read that are looked at."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise Unreadable("is empty")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
