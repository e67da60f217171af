"""Code beside a model, told by name, by the first bytes and by the executable bit."""

from __future__ import annotations

import re
import stat
from pathlib import PurePosixPath
from typing import Final

from jenkins_ml.adapters.artefact_scan.findings import Notes

_SUFFIXES: Final = {
    **dict.fromkeys((".py", ".pyw", ".pyi", ".pyx", ".ipynb"), "Python code"),
    **dict.fromkeys((".pyc", ".pyo"), "Python bytecode"),
    **dict.fromkeys((".so", ".dll", ".dylib", ".pyd", ".exe"), "native code"),
    **dict.fromkeys((".jar", ".class"), "Java code"),
    **dict.fromkeys((".egg", ".whl"), "a Python package"),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1", ".vbs"), "a script"),
}
_VERSION: Final = re.compile(r"(?<=\.so)(\.\d+)+$")  # libcudart.so.12 is as native as libcudart.so
_STARTS: Final = (
    (b"\x7fELF", "native code"),
    (b"\xfe\xed\xfa\xce", "native code"),
    (b"\xfe\xed\xfa\xcf", "native code"),
    (b"\xce\xfa\xed\xfe", "native code"),
    (b"\xcf\xfa\xed\xfe", "native code"),
    (b"\xca\xfe\xba\xbe", "native or Java code"),
    (b"!<arch>\n", "native code"),
    (b"#!", "a script"),
)


def judge(name: str, head: bytes, mode: int, notes: Notes) -> bool:
    """Note that a file is code; answers whether it is.

    Args:
        name: its path.
        head: its first bytes.
        mode: its mode, 0 where it has none.
        notes: of the file.
    """
    path = PurePosixPath(_VERSION.sub("", name.lower()))
    kind = _SUFFIXES.get(path.suffix) or _by_start(head)
    if kind is None and mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
        kind = "a file that may be executed"
    if kind is not None:
        notes.found(f"is {kind}, which has no place in a model")
    return kind is not None


def _by_start(head: bytes) -> str | None:
    if head.startswith(b"MZ") and b"PE\0\0" in head[:4096]:
        return "native code"
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)
