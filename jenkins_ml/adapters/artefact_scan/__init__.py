"""Unsafe model artefacts, found without loading anything of them: code in files that should hold numbers and graphs.

What is refused, and what is not looked at, stands in docs/security.md. No framework is imported here; a file that
cannot be read is a finding, never a pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jenkins_ml.adapters.artefact_scan import dispatch
from jenkins_ml.adapters.artefact_scan.findings import MOST_FINDINGS, Finding, Notes, Scan, quoted
from jenkins_ml.errors import IntegrityError
from jenkins_ml.reporting.text import counted

__all__ = ["Finding", "Scan", "refuse_unsafe", "scan"]

_MOST_FILES: Final = 100_000


def scan(path: Path) -> Scan:
    """Look for code in a model.

    Args:
        path: its file, or the folder that holds it, of any format.

    Raises:
        IntegrityError: there is nothing.
    """
    if not os.path.lexists(path):
        raise IntegrityError(f"{quoted(str(path))} is not there", "check what the training writes")
    scanned: list[str] = []
    findings: list[Finding] = []
    skipped: list[str] = []
    for notes in _notes(path):
        findings += notes.findings
        if notes.understood:
            scanned.append(notes.path)
        elif not notes.findings:
            skipped.append(notes.path)
        if len(findings) >= MOST_FINDINGS:
            break
    return Scan(tuple(scanned), tuple(findings[:MOST_FINDINGS]), tuple(skipped))


def refuse_unsafe(path: Path) -> Scan:
    """Scan a model, and refuse it if it holds code, or nothing that could be scanned.

    Args:
        path: its file or folder.

    Raises:
        IntegrityError: it is refused.
    """
    result = scan(path)
    if result.findings:
        if all(finding.unread for finding in result.findings):
            raise IntegrityError(
                f"no model is loaded that could not be scanned for unsafe code: {result.findings[0].what}",
                "is the file whole? check what the training writes",
            )
        more = len(result.findings) - 1
        others = f" (and {counted(more, 'more finding')})" if more else ""
        raise IntegrityError(
            f"unsafe model: {next(finding.what for finding in result.findings if not finding.unread)}{others}",
            "take that out of the model and train it again; docs/security.md says what is refused",
        )
    if not result.scanned:
        raise IntegrityError(
            f"nothing in {quoted(str(path))} could be scanned for unsafe code: it holds no format that is known",
            "export a SavedModel, or save a .keras, .h5, .onnx or .safetensors file",
        )
    return result


def _notes(path: Path) -> Iterator[Notes]:
    if path.is_symlink() or not path.is_dir():
        yield dispatch.judge(path, path.name)
        return
    for number, (file, relative) in enumerate(_files(path)):
        if number == _MOST_FILES:
            notes = Notes(path.name)
            notes.not_scanned(f"it holds more than {_MOST_FILES:,} files")
            yield notes
            return
        yield dispatch.judge(file, relative)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files below a folder in the order of their names, and what else is no folder; links are not followed."""
    for root, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        links = [name for name in folders if Path(root, name).is_symlink()]
        for name in sorted([*files, *links]):
            file = Path(root, name)
            yield file, file.relative_to(folder).as_posix()


def _refuse(error: OSError) -> None:
    raise IntegrityError(
        f"{error.filename} cannot be read, so nobody knows what is in it: {error.strerror}", "check its rights"
    ) from error
