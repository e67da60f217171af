"""Looks at a canary beside production: users' answers, and recorded examples replayed to both where those are few."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from jenkins_ml import names
from jenkins_ml.adapters.answers import AnswerReader
from jenkins_ml.adapters.target import Answer, Watched
from jenkins_ml.core.judge import Evidence, Window

LOOK_SECONDS: Final = 1.0  # how long a bad canary may go unseen
_LOOKS_A_STEP: Final = 5  # at least, however short a step is
_MOST_REPLAYED: Final = 200  # in one look: it has to end before the next one
_CONCURRENCY: Final = 4
_ANSWER_SECONDS: Final = 30.0


class _Pairs(NamedTuple):
    """Answers to the same requests, and in how many pairs the predictions differ; `stable` is empty in a first release."""

    candidate: Window = Window()
    stable: Window = Window()
    flips: int = 0


@dataclass
class Watcher:
    """Watches one release.

    Args:
        target: where it goes on.
        candidate: the canary.
        stable: the version in production; None for a first release.
        bodies: recorded prediction requests, to be replayed.
        reader: says what is in an answer.
        min_requests: answers of the canary that each step needs.
        step_seconds: how long each step is watched at least.
        slower_than_ms: the latency limit; None for none.
        shadow: percent of users' requests that are put to both versions in the first step; 0 for no shadow step.
        clock: seconds that only go forward.
        sleep: waits for some seconds.
    """

    target: Watched
    candidate: int
    stable: int | None
    bodies: Sequence[bytes]
    reader: AnswerReader
    min_requests: int
    step_seconds: float
    slower_than_ms: float | None
    shadow: int = 0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _seen: int = field(default=0, init=False)
    _next: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _step: int = field(default=-1, init=False)

    @property
    def in_step(self) -> float:
        """Seconds since the present step began."""
        return self.clock() - self._began

    def look(self, step: int, needed: int = 0) -> Evidence:
        """Watch for a moment; answers what was seen of both versions since the look before.

        Args:
            step: of the release; its first look begins it.
            needed: answers that the judge wants in this step, where it has doubts; otherwise `min_requests` are.
        """
        if step != self._step:
            if self._step < 0:
                self._live()  # what was answered before anybody watched is not ours to judge
            self._step, self._began, self._seen = step, self.clock(), 0
        self.sleep(min(LOOK_SECONDS, self.step_seconds / _LOOKS_A_STEP))
        self.target.renew()
        live, live_stable = self._live()
        self._seen += live.requests
        sampled = self._put_to_both(self._sampled())
        self._seen += sampled.candidate.requests
        replayed = self._put_to_both(self._missing(max(needed, self.min_requests)))
        self._seen += replayed.candidate.requests
        return Evidence(
            step=step,
            live=live,
            live_stable=live_stable,
            replayed=replayed.candidate,
            replayed_stable=replayed.stable,
            flips=replayed.flips,
            sampled=sampled.candidate,
            sampled_stable=sampled.stable,
            sampled_flips=sampled.flips,
        )

    def _live(self) -> tuple[Window, Window]:
        stable = Window() if self.stable is None else self.target.seen(self.stable)
        return self.target.seen(self.candidate), stable

    def _missing(self, needed: int) -> list[bytes]:
        """Recorded requests for what is missing by now: as many as users would have asked at an even pace."""
        due = 1.0 if self.step_seconds <= 0 else min(1.0, self.in_step / self.step_seconds)
        missing = min(_MOST_REPLAYED, math.ceil(needed * due) - self._seen)
        if missing <= 0 or not self.bodies:
            return []
        first, self._next = self._next, self._next + missing
        return [self.bodies[index % len(self.bodies)] for index in range(first, self._next)]

    def _put_to_both(self, bodies: Sequence[bytes]) -> _Pairs:
        if not bodies:
            return _Pairs()
        versions = [self.candidate] if self.stable is None else [self.candidate, self.stable]
        with ThreadPoolExecutor(_CONCURRENCY) as pool:
            # In turns, so that both versions meet the same machine.
            asked = [
                [pool.submit(self.target.ask, version, body, _ANSWER_SECONDS) for version in versions]
                for body in bodies
            ]
            answers = [*zip(*([future.result() for future in pair] for pair in asked), strict=True)]
        windows = [self._window(of_version) for of_version in answers]
        if self.stable is None:
            return _Pairs(windows[0])
        return _Pairs(windows[0], windows[1], sum(self._differ(*pair) for pair in zip(*answers, strict=True)))

    def _sampled(self) -> tuple[bytes, ...]:
        """What users asked production in a shadow step, a share of it; the candidate's answers are seen by nobody."""
        if not self.shadow or self._step != 0 or self.stable is None:
            return ()
        return self.target.sample(self.shadow)[:_MOST_REPLAYED]

    def _window(self, answers: Sequence[Answer]) -> Window:
        contents = [self.reader.read(answer.body) if answer.status == 200 else None for answer in answers]
        limit = math.inf if self.slower_than_ms is None else self.slower_than_ms / 1000
        return Window(
            requests=len(answers),
            failed=sum(content is None for content in contents),
            nan=sum(content is not None and content.nan for content in contents),
            slow=sum(answer.seconds > limit for answer in answers),
            latencies=_latencies(answers),
            predictions=self.reader.tally(content for content in contents if content is not None),
        )

    def _differ(self, one: Answer, other: Answer) -> bool:
        if one.status != 200 or other.status != 200:
            return False  # that is a failure, and counted as one
        first, second = self.reader.read(one.body), self.reader.read(other.body)
        return first is not None and second is not None and first.cells != second.cells


def _latencies(answers: Sequence[Answer]) -> tuple[int, ...]:
    counts = [0] * (len(names.LATENCY_BOUNDS) + 1)
    for answer in answers:
        counts[bisect_left(names.LATENCY_BOUNDS, answer.seconds)] += 1
    return tuple(counts)
