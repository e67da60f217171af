"""The versions of one model, the traffic between them, and what came of it. REST, gRPC and admin stand on this.

Everything here runs in one event loop, so that a switch of traffic is one assignment and nothing needs a lock; only
loading and predicting run in threads. The time and the loader of models are passed in.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Generic, Literal, TypeVar

from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.records import encode
from jenkins_ml.server.inference import Exchange, Model, infer, make_ready
from jenkins_ml.server.outcomes import Outcomes
from jenkins_ml.server.predicted import Cells
from jenkins_ml.server.sampling import Sampler
from jenkins_ml.server.status import Code, ServingError, VersionError, invalid
from jenkins_ml.server.summaries import Summariser, summariser_of
from jenkins_ml.server.traffic import Splitter, Traffic
from jenkins_ml.server.workers import Workers

DEADLINE_SECONDS = 30.0  # TensorFlow Serving's default for REST
DRAIN_SECONDS = 10.0
State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]
T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass
class Version:
    """One version, from when it was first asked for; after END it can be loaded again, as a new one of these.

    Args:
        number: the version.
        path: folder of its SavedModel.
        state: as TensorFlow Serving names them.
        error: why it could not be loaded; empty otherwise.
        loaded_at: when it became AVAILABLE, in seconds since 1970; None before.
        cells: how its predictions are counted.
        summariser: keeps summaries of its requests; None where it has no reference.
    """

    number: int
    path: Path
    state: State = "START"
    error: str = ""
    loaded_at: float | None = None
    model: Model | None = None
    cells: Cells = field(default_factory=Cells)
    summariser: Summariser | None = None
    outcomes: Outcomes = field(default_factory=Outcomes)
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # set when loading has ended, one way or the other

    def __post_init__(self) -> None:
        self.workers = Workers(f"version-{self.number}")


@dataclass(frozen=True)
class Attempt:
    """One version's try at one request, for the metrics."""

    version: int
    code: Code
    seconds: float
    nan: bool


@dataclass(frozen=True)
class Answer(Generic[T]):
    """An answer, the version that gave it, and the canary that failed to before it."""

    version: int
    value: T
    instead_of: int | None = None


class DataPlane:
    """Answers predictions.

    Args:
        name: of the model.
        load: makes a model of a SavedModel's folder; raises IntegrityError.
        observe: is told of every attempt.
        clock: seconds that only go forward.
        wall: seconds since 1970.
        random: decides which requests go to a canary; None: nobody can foresee it.
        deadline_seconds: within which a request is answered. A canary gets half of it for requests that named no
            version, so that production has the other half to answer in its place.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[Path], Model],
        observe: Callable[[Attempt], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.name = name
        self.versions: dict[int, Version] = {}
        self._load = load
        self._observe = observe
        self._clock = clock
        self._wall = wall
        self._deadline = deadline_seconds
        self._random = random or Random()  # noqa: S311 - a split of traffic is no secret
        self._splitter = Splitter(self._random)
        self.sampler = Sampler(clock, self._random)
        self._loader = ThreadPoolExecutor(1, "loader")

    # --- versions ----------------------------------------------------------------------------------------------------
    async def load(self, number: int, path: Path, cells: Cells = Cells()) -> None:  # noqa: B008 - a frozen value
        """Load a version and warm it up; returns when it is AVAILABLE. Does nothing for one that is already.

        Raises:
            IntegrityError: it cannot be loaded.
            UsageError: it is loaded from another path.
        """
        version = self.versions.get(number)
        if version is None or version.state in ("UNLOADING", "END"):
            version = self.versions[number] = Version(number, path, cells=cells)
            await self._bring_up(version)
        elif version.path != path:
            raise UsageError(f"version {number} is loaded from {version.path}", "unload it first")
        else:
            await version.settled.wait()
        if version.error:
            raise IntegrityError(version.error, "train it again, or release another version")

    async def _bring_up(self, version: Version) -> None:
        version.state = "LOADING"
        try:
            loop = asyncio.get_running_loop()
            version.model = await loop.run_in_executor(self._loader, partial(_load_warm, self._load, version.path))
            version.summariser = summariser_of(version.path, self._random, self._clock)
            version.state = "AVAILABLE"
            version.loaded_at = self._wall()
            _log.info("version %d is available", version.number)
        except Exception as error:
            version.error = error.what if isinstance(error, IntegrityError) else f"{type(error).__name__}: {error}"
            version.state = "END"
            _log.exception("version %d cannot be loaded", version.number)
        finally:
            version.settled.set()

    async def unload(self, number: int) -> None:
        """Take a version out, after its requests have ended; does nothing for one that is out or was never in.

        Raises:
            UsageError: it gets traffic.
            Unavailable: it is still loading.
        """
        version = self.versions.get(number)
        if version is None or version.state in ("UNLOADING", "END"):
            return
        if version.state != "AVAILABLE":
            raise Unavailable(f"version {number} is still loading", "try again when it has loaded")
        traffic = self._splitter.traffic
        if number == traffic.stable or (number == traffic.canary and traffic.weight_at(self._clock())):
            raise UsageError(f"version {number} gets traffic", "move the traffic to another version first")
        if number == traffic.canary:
            self._splitter.set(Traffic(traffic.stable))
        version.state = "UNLOADING"
        await self._drain(version)
        version.workers.stop()
        version.model = version.summariser = None
        version.state = "END"
        gc.collect()  # a model's objects refer to each other, and are large
        _log.info("version %d is unloaded", number)

    async def _drain(self, version: Version) -> None:
        deadline = self._clock() + DRAIN_SECONDS
        while not version.workers.idle and self._clock() < deadline:
            await asyncio.sleep(0.01)

    def available(self, name: str, number: int | None = None) -> tuple[Version, Model]:
        """The version that a request names, or stable; nothing is counted.

        Raises:
            ServingError: NOT_FOUND.
        """
        return self._find(self.traffic.stable if number is None else number, name, number)

    def statuses(self, name: str, number: int | None) -> list[Version]:
        """The version that a request names, or all of them, the newest first.

        Raises:
            ServingError: NOT_FOUND.
        """
        if name != self.name or not self.versions:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        if number is None:
            return [self.versions[key] for key in sorted(self.versions, reverse=True)]
        if number not in self.versions:
            raise ServingError(Code.NOT_FOUND, f"Could not find version {number} of model {name}")
        return [self.versions[number]]

    def _find(self, chosen: int | None, name: str, asked: int | None) -> tuple[Version, Model]:
        """The chosen version, if the request's model is ours and the version is there; `asked` is for the message."""
        if not name:
            raise invalid("ModelSpec has no name specified.")
        version = self.versions.get(chosen) if chosen is not None and name == self.name else None
        if version is None or version.model is None or version.state != "AVAILABLE":
            wanted = f"Latest({name})" if asked is None else f"Specific({name}, {asked})"
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
        return version, version.model

    def summary(self, number: int) -> dict[str, Any]:
        """What users have asked a version, as JSON: "since" when, in seconds since 1970, and "summary"; null for none."""
        version = self.versions.get(number)
        if version is None or version.summariser is None:
            return {"since": None, "summary": None}
        return {"since": version.loaded_at, "summary": json.loads(encode(version.summariser.summary()))}

    # --- traffic -----------------------------------------------------------------------------------------------------
    @property
    def traffic(self) -> Traffic:
        """The present setting."""
        return self._splitter.traffic

    @property
    def weight(self) -> int:
        """Percent of the requests without a version that go to the canary now."""
        return self._splitter.traffic.weight_at(self._clock())

    def weight_of(self, number: int) -> int:
        """Percent of the requests without a version that go to this one now."""
        traffic = self._splitter.traffic
        return {traffic.stable: 100 - self.weight, traffic.canary: self.weight}.get(number, 0)

    @property
    def lease_seconds_left(self) -> float:
        """Seconds until the canary gets nothing any more, unless the lease is renewed."""
        return max(0.0, self._splitter.traffic.until - self._clock())

    def set_traffic(self, stable: int, canary: int | None, weight: int, lease_seconds: float) -> None:
        """Switch at once: requests that come from now on are split so, those under way are not disturbed.

        Args:
            stable: the version in production.
            canary: the version beside it.
            weight: percent for the canary.
            lease_seconds: after which the weight falls to 0 unless this is called again.

        Raises:
            UsageError: a version is not AVAILABLE.
        """
        for number in {stable, canary} - {None}:
            version = self.versions.get(number) if number is not None else None
            if version is None or version.state != "AVAILABLE":
                raise UsageError(f"version {number} is not available", "load it first")
        if (self.traffic.stable, self.traffic.canary, self.traffic.weight) != (stable, canary, weight):
            _log.info("traffic: stable %s, canary %s with %d %%", stable, canary, weight)
        self._splitter.set(Traffic(stable, canary, weight, self._clock() + lease_seconds))

    # --- predictions -------------------------------------------------------------------------------------------------
    async def predict(self, name: str, number: int | None, exchange: Exchange[T]) -> Answer[T]:
        """Answer one request.

        A request that names no version goes where the traffic goes. When that is the canary and it cannot answer,
        stable does: users see no failure, but the canary's is counted if stable can answer the same request.

        Args:
            name: of the model, as the request has it.
            number: the version that it names; None: by the traffic.
            exchange: how the request becomes tensors, and tensors the answer.

        Raises:
            ServingError: no answer.
        """
        if number is not None or name != self.name:
            return await self._attempt(self._find(number, name, number), exchange, self._deadline, pinned=True)
        started = self._clock()
        chosen, stable = self._splitter.choose(started), self.traffic.stable
        first = self._find(chosen, name, None)
        if chosen == stable:
            return await self._attempt(first, exchange, self._deadline)
        try:
            return await self._attempt(first, exchange, self._deadline / 2)
        except ServingError as error:
            seconds = self._clock() - started
            answer = await self._attempt(self._find(stable, name, None), exchange, self._deadline - seconds)
            if not isinstance(error, VersionError):
                # Malformed for the canary, fine for stable: it is the canary that would break its clients.
                first[0].outcomes.add(seconds, failed=True, nan=False)
            return replace(answer, instead_of=first[0].number)

    async def _attempt(
        self, chosen: tuple[Version, Model], exchange: Exchange[T], seconds: float, *, pinned: bool = False
    ) -> Answer[T]:
        version, model = chosen
        started = self._clock()
        summariser = None if pinned else version.summariser  # replayed requests name the version
        try:
            answered = await version.workers.run(partial(infer, model, exchange, version.cells, summariser), seconds)
        except ServingError as error:
            error.version = version.number
            taken = self._clock() - started
            if isinstance(error, VersionError):
                version.outcomes.add(taken, failed=True, nan=False, pinned=pinned)
            self._observe(Attempt(version.number, error.code, taken, False))
            raise
        taken = self._clock() - started
        version.outcomes.add(taken, failed=False, nan=answered.nan, pinned=pinned, predicted=answered.predicted)
        self._observe(Attempt(version.number, Code.OK, taken, answered.nan))
        return Answer(version.number, answered.value)


def _load_warm(load: Callable[[Path], Model], path: Path) -> Model:
    model = load(path)
    make_ready(model)
    return model


def unknown_label(label: str) -> ServingError:
    """There are no labels: versions are chosen by number or by the traffic."""
    return invalid(f"Unrecognized servable version label: {label}")
