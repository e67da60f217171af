"""What takes long to make, and is kept between runs: one folder for each thing and the inputs that it is made of.

$JENKINS_ML_ENGINES_CACHE, else $XDG_CACHE_HOME/jenkins-ml-engines, else ~/.cache/jenkins-ml-engines
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# Kept for other checkouts and branches that still use it; what nobody has asked for in this time is thrown away.
DAYS_UNUSED = 7


def root() -> Path:
    """The folder of everything that is kept."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jenkins-ml-engines"
    folder = Path(os.environ.get("JENKINS_ML_ENGINES_CACHE") or default).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key(*inputs: object) -> str:
    """A name for what is made of these inputs (what JSON can say, and bytes)."""
    digest = hashlib.sha256()
    for each in inputs:
        data = each if isinstance(each, bytes) else json.dumps(each, sort_keys=True).encode()
        digest.update(f"{len(data)} ".encode() + data)
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path, seconds: float = 3600) -> Iterator[int]:
    """Wait until no other process is in here with the same path; a process that gets the file descriptor is, too.

    Raises:
        TimeoutError: another process is, still.
    """
    end = time.monotonic() + seconds
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError(f"another process has {path}, after {seconds:.0f} s still") from None
                time.sleep(0.1)
        yield file.fileno()


def kept(name: str, made_of: str, make: Callable[[Path], None]) -> Path:
    """The folder of a thing, made once: `make` fills a new folder, which gets its name when it is complete.

    Two processes that want the same one at once make it once; one that dies leaves nothing that is taken for a whole.
    """
    kind = root() / name
    kind.mkdir(exist_ok=True)
    folder, lock = kind / made_of, kind / "lock"
    if not folder.exists():
        with locked(lock):
            if not folder.exists():
                _forget_unused(kind)
                temporary = kind / f"{made_of}.new"
                shutil.rmtree(temporary, ignore_errors=True)  # of one who died
                temporary.mkdir()
                make(temporary)
                temporary.rename(folder)
    os.utime(folder)
    return folder


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder with a short path until the end of the block; those of processes that were killed go, too."""
    top = Path(tempfile.gettempdir())
    for dead in top.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), (dead / "lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(dead, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="jenkins-ml-new-", dir=top))
    with (made / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        folder = made.rename(top / f"{prefix}{made.name.removeprefix('jenkins-ml-new-')}")  # locked already
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _forget_unused(kind: Path) -> None:
    for folder in kind.iterdir():
        if folder.is_dir() and time.time() - folder.stat().st_mtime > DAYS_UNUSED * 86400:
            shutil.rmtree(folder, ignore_errors=True)
