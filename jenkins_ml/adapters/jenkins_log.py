"""The log of a build while it grows, each character once.

The server says with each piece where the next begins (`X-Text-Size`). That is an offset in the raw log, which holds
hidden notes that the text lacks, so it cannot be computed from what was read. Asked for a place beyond the end, as when
a crash has cut the log, the server answers the whole log: then only what goes beyond what was read is new.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final

from jenkins_ml.adapters import jenkins_builds
from jenkins_ml.adapters.jenkins_job import Job
from jenkins_ml.adapters.jenkins_polling import Absence, Pace, Pauses
from jenkins_ml.adapters.jenkins_server import Server
from jenkins_ml.errors import StageFailed

_MOST_BYTES: Final = 2**28  # of one piece: what was written between two looks, or all of it at the first


class Lines:
    """Bytes of a log as text, piece by piece: UTF-8 and line ends may be cut anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def add(self, piece: bytes, *, last: bool = False) -> str:
        r"""The text that a piece completes, with \n at the end of its lines."""
        text = self._held + self._decoder.decode(piece, last)
        # Half a line end: what follows says whether it is one.
        self._held = "\r" if text.endswith("\r") and not last else ""
        return text.removesuffix(self._held).replace("\r\n", "\n")


def follow(server: Server, job: Job, number: int, pace: Pace) -> Iterator[str]:
    """The log of a build from its beginning, until the build has ended.

    Args:
        server: where it is.
        job: which one.
        number: of the build.
        pace: how often to look.

    Yields:
        Text, as it comes; not by lines.

    Raises:
        StageFailed: the build is no longer there.
        Unavailable: the server is not there, or the time is up.
    """
    pauses = Pauses(server, pace)
    lines = Lines()
    start = read = 0  # an offset in the raw log, and bytes of its text
    absence = Absence(server, pace)
    while True:
        answer = server.exchange(
            "GET", f"{job.path}/{number}/logText/progressiveText", query={"start": str(start)}, most_bytes=_MOST_BYTES
        )
        missing = answer.status != 200
        if absence.lasts(missing=missing):
            raise StageFailed(f"{job.name} #{number} has no log ({answer.status})", "was the build deleted?")
        if missing:
            pauses.wait()
            continue
        size = answer.headers.get("X-Text-Size", "")
        ends = int(size) if size.isdecimal() else start
        body = answer.body
        if ends < start:
            body, read = body[read:], len(body)
        else:
            read += len(body)
        start = ends
        more = answer.headers.get("X-More-Data", "").lower() == "true"
        text = lines.add(body, last=not more)
        if text:
            pauses.moved()
            yield text
        if not more:
            # A build that has not been resumed yet after a restart writes nothing either.
            build = jenkins_builds.state(server, job, number)
            if build is None or build.result is not None:
                return
        pauses.wait()
