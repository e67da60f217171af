"""Merges what people edited in a generated file with what is generated now, by git."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jenkins_ml.adapters.files import translated
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from jenkins_ml.rendering.plan import Merged

_DEADLINE_SECONDS: Final = 30.0
_MOST_CONFLICTS: Final = 127  # git counts no further; what is above says that it failed
_CONFLICT: Final = re.compile(r"^<{7} .*?^>{7} [^\n]*\n", re.MULTILINE | re.DOTALL)
_CONTEXT_LINES: Final = 2
_LABELS: Final = ("-L", "edited", "-L", "generated last time", "-L", "generated now")


def merge(path: str, edited: str, base: str | None, generated: str) -> Merged:
    """Put both sides together, line by line.

    Args:
        path: of the file, for messages.
        edited: as it is there, without conflict markers.
        base: as it was generated last time; None when that is not known: then wherever the two differ is a conflict.
        generated: as it is generated now.

    Raises:
        UsageError: there is no git.
        StageFailed: git cannot merge it; it takes a file with NUL for a binary one.
        Unavailable: git does not answer in time, or there is no room for temporary files.
    """
    with translated(f"merging {path}"), tempfile.TemporaryDirectory(prefix="jenkins-ml-merge-") as made:
        folder = Path(made).resolve()
        for name, text in (("edited", edited), ("base", base or ""), ("generated", generated)):
            (folder / name).write_bytes(_bytes(text))
        # Without a base, --diff3 would put whole files between the markers.
        style = () if base is None else ("--diff3",)
        done = _git(folder, "merge-file", "-p", *style, *_LABELS, "edited", "base", "generated")
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        said = done.stderr.decode(errors="replace").strip()
        raise StageFailed(
            f"git cannot merge {path}: {said}", "replace it with --force, and bring your edits back by hand"
        )
    return Merged(done.stdout.decode(errors="surrogateescape"), done.returncode)


def conflicts(merged: Merged) -> Iterator[tuple[int, str]]:
    """The conflicts of a merge, each with the lines around it, and the line of the merged text where it begins."""
    for found in _CONFLICT.finditer(merged.text + "\n"):
        before = _lines(merged.text[: found.start()])
        after = _lines(merged.text[found.end() :])
        shown = [*before[-_CONTEXT_LINES:], found.group(), *after[:_CONTEXT_LINES]]
        yield len(before) + 1, "".join(shown)


def _lines(text: str) -> list[str]:
    r"""With "\n" as the only line end, as git has it."""
    return list(io.StringIO(text, newline="\n"))


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Git on the files of one folder, whatever the user, the machine or a repository around it configures."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError(
            "there is no git on the PATH, and merging needs it", "install git, then run it again"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"git did not merge within {_DEADLINE_SECONDS:g} s", "run it again") from error


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
