"""A deployer that holds an environment and does as it is told, one word a line: for tests with several processes.

Arguments: the folder of the store, and how many seconds a holder may be silent. Words: "journal" and "traffic". It answers
"holds", "refused", and after each word "done" or why not, as one JSON text a line.
"""

import json
import sys
from pathlib import Path

from jenkins_ml.adapters import identity
from jenkins_ml.adapters.held import HeldTarget
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.adapters.release import Author
from jenkins_ml.adapters.release_lock import Fence, Place, held
from jenkins_ml.errors import Unavailable
from jenkins_ml.records import VersionRef
from tests.fakes.target import FakeTarget


def say(text: str) -> None:
    print(json.dumps(text), flush=True)


def place(root: Path, seconds: float) -> Place:
    return Place(
        file=root / "locks" / "production.lock",
        folder=root / "locks" / "production.holders",
        environment="production",
        seconds=seconds,
    )


class Traffic(FakeTarget):
    """One whose traffic is a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        self.file.write_text(f"{stable} {canary} {weight}")


def obey(root: Path, fence: Fence) -> None:
    author = Author(journal=Journal(root / "journal"), environment="production", run="r", by="me", fence=fence)
    target = HeldTarget(Traffic(root / "traffic"), fence)
    for line in sys.stdin:
        try:
            if line.strip() == "journal":
                author.write("release_step", VersionRef(version=1, manifest_digest="d"), None, "told to")
            else:
                target.route(1, 2, 50)
            say("done")
        except Unavailable as error:
            say(f"{type(error).__name__}: {error.what}")


def main() -> None:
    root, seconds = Path(sys.argv[1]), float(sys.argv[2])
    me = identity.this_process()
    try:
        with held(place(root, seconds), "a deployer", Journal(root / "journal"), me, lambda _: None) as fence:
            say("holds")
            obey(root, fence)
    except Unavailable as error:
        say(f"refused: {error.what}")


if __name__ == "__main__":
    main()
