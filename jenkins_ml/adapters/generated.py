"""Generated files as they lie in a checkout, each with its base: what was generated last time, to be committed too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from jenkins_ml.adapters.files import translated, write_atomic
from jenkins_ml.errors import UsageError
from jenkins_ml.names import INSTALL_SCRIPT, PROJECT_DIR
from jenkins_ml.rendering.plan import Found, Plan

BASES: Final = f"{PROJECT_DIR}/base"
# What a run is about to write. A file and its base are two writes, and merging anew what is merged already would double
# lines: so after an interruption the next run reads here which of the two it finds.
_INTENTION: Final = f"{BASES}/unfinished.json"
_EXECUTABLE: Final = frozenset({INSTALL_SCRIPT})


def read(folder: Path, names: Iterable[str]) -> dict[str, Found]:
    """The files `names` of `folder`, with line ends as they are generated.

    Raises:
        UsageError: something else than a plain file has such a name.
    """
    intended = _intended(folder / _INTENTION)
    return {name: _found(folder, name, intended) for name in names}


def write(folder: Path, plans: Sequence[Plan]) -> None:
    """Carry out plans. Each file is whole at any time; what an interruption leaves, the next run finishes.

    A file keeps the line ends that it has: those of a checkout on Windows.
    """
    changed = [plan for plan in plans if plan.writes]
    if not changed:
        return
    with translated(f"writing to {folder}"):
        intention = {
            plan.name: {"from": _digest(plan.found.present), "to": _digest(plan.text), "base": plan.base}
            for plan in changed
        }
        write_atomic(folder / _INTENTION, (json.dumps(intention, indent=2, sort_keys=True) + "\n").encode())
        for plan in changed:
            line_end = _line_end(folder / plan.name)
            _put(folder / plan.name, plan.found.present, plan.text, line_end, plan.name in _EXECUTABLE)
            _put(folder / BASES / plan.name, None, plan.base, line_end, False)
        (folder / _INTENTION).unlink()


def _found(folder: Path, name: str, intended: dict[str, dict[str, str | None]]) -> Found:
    present, base = _text(folder / name), _text(folder / BASES / name)
    if name not in intended:
        return Found(present, base)
    intention = intended[name]
    if _digest(present) == intention["to"]:
        base = intention["base"]
    elif _digest(present) != intention["from"] and base != intention["base"]:
        base = None  # edited since: nothing tells which of the two was edited
    return Found(present, base, interrupted=True)


def _intended(path: Path) -> dict[str, dict[str, str | None]]:
    try:
        intended = json.loads(path.read_bytes())
        return {name: {key: each[key] for key in ("from", "to", "base")} for name, each in intended.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not what jenkins-ml wrote", "remove it, then look at --diff") from error


def _text(path: Path) -> str | None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} is no plain file", "move it away, or write to another folder with --output")
    if not path.exists():
        return None
    with translated(f"reading {path}"):
        return path.read_bytes().replace(b"\r\n", b"\n").decode(errors="surrogateescape")


def _line_end(path: Path) -> bytes:
    r"""What most lines of a file end with; "\n" when it is not there."""
    data = path.read_bytes() if path.exists() else b""
    return b"\r\n" if 2 * data.count(b"\r\n") > data.count(b"\n") else b"\n"


def _put(path: Path, present: str | None, text: str | None, line_end: bytes, executable: bool) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    elif text != present:
        data = text.encode(errors="surrogateescape").replace(b"\n", line_end)
        write_atomic(path, data, 0o755 if executable else 0o644)


def _digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
