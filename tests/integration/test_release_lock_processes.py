"""The release lock between real processes, where the kernel's lock reaches and where it does not."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins_ml.adapters.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
SILENT = 2.0  # seconds


class Deployer:
    """tests/fakes/lock_holder.py as a process."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.lock_holder", str(folder), str(SILENT)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def hears(self) -> str:
        text: str = json.loads(self.process.stdout.readline())
        return text

    def told(self, word: str) -> str:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hears()

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        self.process.communicate(timeout=30)


@pytest.fixture
def deployer(tmp_path):
    with contextlib.ExitStack() as stack:

        def start() -> Deployer:
            deployer = Deployer(tmp_path)
            stack.callback(deployer.end)
            return deployer

        yield start


def out_of_reach(folder: Path) -> None:
    """As on another machine: whoever comes next locks a file of its own."""
    (folder / "locks" / "production.lock").unlink()


def test_a_holder_that_stood_still_is_taken_over_and_changes_nothing_any_more(tmp_path, deployer):
    first = deployer()
    assert first.hears() == "holds"
    assert [first.told("journal"), first.told("traffic")] == ["done", "done"]
    out_of_reach(tmp_path)
    assert deployer().hears() == "refused: production is being changed by a deployer"

    out_of_reach(tmp_path)
    os.kill(first.pid, signal.SIGSTOP)
    second = deployer()
    assert second.hears() == "holds"
    assert second.told("journal") == "done"
    (tmp_path / "traffic").write_text("as the second has it")

    os.kill(first.pid, signal.SIGCONT)
    for word in ("journal", "traffic"):
        assert first.told(word).startswith("TakenOver: production is not ours any more: a deployer took it over at 2")
    assert (tmp_path / "traffic").read_text() == "as the second has it"
    assert [entry.kind for entry in Journal(tmp_path / "journal").entries()] == ["release_step"] * 2
    assert second.told("journal") == "done"
    first.end()
    assert second.told("traffic") == "done", "the end of the first is nothing to the second"


def test_a_holder_that_was_killed_is_followed_at_once(tmp_path, deployer):
    first = deployer()
    assert first.hears() == "holds"
    assert deployer().hears() == "refused: production is being changed by a deployer"
    first.process.kill()
    first.process.wait(30)
    second = deployer()
    assert second.hears() == "holds"
    assert second.told("journal") == "done"
    assert sorted(path.name for path in (tmp_path / "locks" / "production.holders").glob("*.json")) == [
        "00000001.json",
        "00000002.json",
    ]
