"""A program of its own: prints, as JSON, what an HDF5 file says about a Keras model.

It runs apart because a damaged file can crash HDF5's C library, which would take the caller along. h5py reads data and
runs none; only attributes of the root are read, and links are listed, not followed.

    python hdf5_attributes.py FILE      exits 0, or 3 when h5py is not installed
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from typing import Any

SECONDS = 60
MEMORY = 4 * 2**30  # bytes of address space
LONGEST = 16 * 2**20  # characters of an attribute
MOST_OBJECTS = 200_000
NO_H5PY = 3


def main(path: str) -> int:
    """Print the attributes and the links of a file."""
    _limit()
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        return NO_H5PY
    with h5py.File(path, "r") as file:
        answer = {"configurations": _configurations(file), "outside": _outside(file, h5py)}
    json.dump(answer, sys.stdout)
    return 0


def _limit() -> None:
    with contextlib.suppress(
        ImportError, ValueError, OSError
    ):  # where there are no such limits, the caller's deadline has to do
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _configurations(file: Any) -> dict[str, str]:
    found = {}
    for name in ("model_config", "training_config"):
        if name not in file.attrs:
            continue
        value = file.attrs[name]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")
        if len(value) > LONGEST:
            raise ValueError(f"{name} is too long")
        found[name] = value
    return found


def _outside(file: Any, h5py: Any) -> list[str]:
    """The files outside this one that its links and data sets name."""
    outside: list[str] = []
    waiting, seen = [file["/"]], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                outside.append(link.filename)
                continue
            if isinstance(link, h5py.SoftLink):
                continue
            item = group[name]
            identity = h5py.h5o.get_info(item.id).addr
            if identity in seen:
                continue
            seen.add(identity)
            if len(seen) > MOST_OBJECTS:
                raise ValueError("too many objects")
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                outside += [str(each[0]) for each in item.external or ()]
                if item.is_virtual:
                    outside += [source.file_name for source in item.virtual_sources() if source.file_name != "."]
    return outside


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
