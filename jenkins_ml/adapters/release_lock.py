"""Who may change an environment: one holder at a time, also across machines that share the store.

On one machine the kernel's lock on `locks/<environment>.lock` decides at once, and dies with its holder. It may not reach
other machines, so each holder also takes a number, by creating `locks/<environment>.holders/<n>.json` only if it is
absent, and shows that it lives by counting on in `<n>.beat`. The highest number holds the environment. It is taken over
when its process is known to be dead, or when nobody has seen it count for `SECONDS`; the clocks of two machines are
never compared.

A holder that stood still that long may not know that it was taken over. So it asks before everything that it changes
(`Fence.check`), and the journal refuses it too: see Journal.append_after.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jenkins_ml.adapters import files, identity
from jenkins_ml.adapters.clock import now
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.errors import Unavailable
from jenkins_ml.records import LockHolder, decode, encode

SECONDS: Final = 15.0  # as Kubernetes' leases have it: longer than a slow disk, shorter than a user's patience
_BEATS: Final = 5  # in that time
_LOOKS: Final = 30  # in that time, of who waits for it to pass
_KEPT: Final = 10  # numbers before the present one, for whoever wants to know what happened
_ENDED: Final = b"released".ljust(20)
_NAME = re.compile(r"^(\d{8})\.json$")


class TakenOver(Unavailable):
    """Somebody else changes the environment now; whoever gets this changes nothing any more."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the lock of an environment lies, and how it is kept.

    Args:
        file: the file for the kernel's lock.
        folder: of the numbers.
        environment: what it is about, for messages.
        seconds: how long a holder may be silent.
        clock: seconds that only go forward.
        sleep: waits for some seconds.
    """

    file: Path
    folder: Path
    environment: str
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def latest(self) -> int:
        """The highest number; 0 for none.

        The folder is listed each time: NFS asks its server when a folder is opened, but may answer from memory whether
        a single name is there.
        """
        with files.translated("looking at the release lock"):
            found = [int(match[1]) for path in self.folder.iterdir() if (match := _NAME.match(path.name))]
        return max(found, default=0)

    def holder(self, number: int) -> LockHolder | None:
        """Who took a number; None when that is long ago."""
        path = self.folder / f"{number:08d}.json"
        with files.translated("reading the release lock"):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        return decode(LockHolder, data, str(path))

    def beat(self, number: int) -> bytes | None:
        """What a holder has counted to; None before it began."""
        with files.translated("reading the release lock"):
            try:
                return self.beat_file(number).read_bytes()
            except FileNotFoundError:
                return None

    def beat_file(self, number: int) -> Path:
        """Where a holder counts."""
        return self.folder / f"{number:08d}.beat"


@dataclass(kw_only=True)
class Fence:
    """The right to change an environment, as long as nobody has taken it over.

    Args:
        place: where the lock lies.
        number: the number that was taken.
        journal_seen: number of the last journal entry that the holder knows.
    """

    place: Place
    number: int
    journal_seen: int = field(default=0)

    def check(self) -> None:
        """Make sure that the environment was not taken over; before everything that changes it.

        Raises:
            TakenOver: it was.
            Unavailable: the store cannot be asked.
        """
        latest = self.place.latest()
        if latest == self.number:
            return
        found = self.place.holder(latest)
        who = f"{found.holder} took it over at {found.taken}" if found else "its lock was removed"
        raise TakenOver(
            f"{self.place.environment} is not ours any more: {who}, after this process had stood still",
            "look at jenkins-ml status; whoever took over finishes or undoes what was begun here",
        )


@contextlib.contextmanager
def held(place: Place, holder: str, journal: Journal, process: str, busy: Callable[[str], None]) -> Iterator[Fence]:
    """Hold an environment for the time of a block.

    Args:
        place: where its lock lies.
        holder: who we are, for messages.
        journal: of the model.
        process: which process this is, as `identity.this_process` says it.
        busy: takes a line about what is waited for.

    Raises:
        Unavailable: somebody else holds it.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.lock(place.file, holder))
        except files.Locked as error:
            raise _busy(place, error.holder) from error
        with files.translated("taking the release lock"):
            place.folder.mkdir(parents=True, exist_ok=True)
        number = _take(place, holder, process, busy)
        stack.enter_context(_beating(place, number))
        yield Fence(place=place, number=number, journal_seen=journal.last())


def _busy(place: Place, holder: str) -> Unavailable:
    return Unavailable(
        f"{place.environment} is being changed by {holder}", "wait until it has ended, or stop it, then run this again"
    )


def _take(place: Place, holder: str, process: str, busy: Callable[[str], None]) -> int:
    """Take the next number, once the holder of the last one has ended, is dead, or was silent for too long."""
    while True:
        last = place.latest()
        if last:
            _wait_for_the_end_of(place, last, busy)
        record = LockHolder(
            number=last + 1, holder=holder, host=socket.gethostname(), pid=os.getpid(), process=process, taken=now()
        )
        with files.translated("taking the release lock"):
            if files.create_once(place.folder / f"{record.number:08d}.json", encode(record)):
                return record.number


def _wait_for_the_end_of(place: Place, number: int, busy: Callable[[str], None]) -> None:
    """Return when a number holds nothing any more, or somebody has taken the next one.

    Raises:
        Unavailable: its holder lives.
    """
    before, record = place.beat(number), place.holder(number)
    if before == _ENDED or record is None or identity.is_dead(record.process):
        return
    busy(f"waiting whether {record.holder} still lives, at most {place.seconds:g} s")
    since = place.clock()
    while place.latest() == number and place.clock() - since < place.seconds:
        beat = place.beat(number)
        if beat == _ENDED:
            return
        if beat != before:
            raise _busy(place, record.holder)
        place.sleep(place.seconds / _LOOKS)


@contextlib.contextmanager
def _beating(place: Place, number: int) -> Iterator[None]:
    """Show that we live for the time of a block, then that it has ended; numbers of long ago are removed.

    The file is written in place, and at once: whoever opens it on another machine then sees what is new.
    """
    with files.translated("taking the release lock"):
        descriptor = os.open(place.beat_file(number), os.O_WRONLY | os.O_CREAT | os.O_SYNC, 0o644)
    ended = threading.Event()

    def beat() -> None:
        count = 0
        while True:
            with contextlib.suppress(OSError):  # whoever takes over because of that is found by Fence.check
                os.pwrite(descriptor, f"{count:020d}".encode(), 0)
            count += 1
            if ended.wait(place.seconds / _BEATS):
                return

    beating = threading.Thread(target=beat, name="release-lock", daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        with contextlib.suppress(OSError):  # the process ends soon, and is known to be dead then
            os.pwrite(descriptor, _ENDED, 0)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            _prune(place, number)


def _prune(place: Place, number: int) -> None:
    for path in place.folder.iterdir():
        if path.stem.isdigit() and int(path.stem) < number - _KEPT:
            path.unlink(missing_ok=True)
