"""Which version answers, what is counted against whom, and what users see of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from jenkins_ml.adapters.saved_model import ModelFailed
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.server.dataplane import Answer, Attempt, DataPlane
from jenkins_ml.server.inference import Exchange, Prediction
from jenkins_ml.server.outcomes import Outcomes
from jenkins_ml.server.status import Code, ServingError, invalid
from jenkins_ml.server.traffic import Splitter, Traffic
from jenkins_ml.server.workers import QUEUE, THREADS
from tests.fakes.model import FakeClock, FakeLoader, FakeModel

FOREVER = 1e9


def ask(value: float = 1.0) -> Exchange[float]:
    x = np.array([[value, 0]], np.float32)
    return Exchange(lambda _: Prediction("serving_default", {"x": x}), lambda outputs: float(outputs["y"][0]))


class Bench:
    """A data plane with two fake versions: 1 answers the value, 2 answers the value + 100."""

    def __init__(self, deadline_seconds: float = 5.0) -> None:
        self.stable, self.canary = FakeModel(), FakeModel(offset=100)
        self.loader = FakeLoader({"1": self.stable, "2": self.canary, "3": IntegrityError("broken")})
        self.clock = FakeClock()
        self.attempts: list[Attempt] = []
        self.plane = DataPlane(
            "m", self.loader, self.attempts.append, self.clock, wall=lambda: 1.7e9, deadline_seconds=deadline_seconds
        )

    async def split(self, weight: int, lease: float = FOREVER) -> None:
        await self.plane.load(1, Path("/models/1"))
        await self.plane.load(2, Path("/models/2"))
        self.plane.set_traffic(1, 2, weight, lease)

    async def ask(self, number: int | None = None, value: float = 1.0) -> Answer[float]:
        return await self.plane.predict("m", number, ask(value))

    async def versions(self, count: int) -> list[int]:
        return [(await self.ask()).version for _ in range(count)]

    async def refused(self, number: int | None = None, exchange: Exchange[float] | None = None) -> ServingError:
        with pytest.raises(ServingError) as caught:
            await self.plane.predict("m", number, exchange or ask())
        return caught.value

    def outcomes(self, number: int) -> tuple[int, int, int]:
        outcomes = self.plane.versions[number].outcomes
        return outcomes.requests, outcomes.failed, outcomes.nan


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def wrapper() -> None:
        asyncio.run(asyncio.wait_for(test(), 20))

    wrapper.__name__ = test.__name__
    return wrapper


# --- versions --------------------------------------------------------------------------------------------------------
@run
async def test_a_version_is_warm_before_it_answers() -> None:
    bench = Bench()
    await bench.plane.load(1, Path("/models/1"))
    assert bench.stable.warm
    assert bench.plane.versions[1].state == "AVAILABLE"
    assert bench.plane.versions[1].loaded_at == 1.7e9
    assert (await bench.ask(1, 5.0)) == Answer(1, 5.0)


@run
async def test_loading_twice_loads_once() -> None:
    bench = Bench()
    await asyncio.gather(*[bench.plane.load(1, Path("/models/1")) for _ in range(3)])
    assert bench.loader.loaded == ["1"]
    with pytest.raises(UsageError, match="is loaded from /models/1"):
        await bench.plane.load(1, Path("/models/2"))


@run
async def test_a_version_that_cannot_be_loaded_ends_and_can_be_tried_again() -> None:
    bench = Bench()
    with pytest.raises(IntegrityError, match="broken"):
        await bench.plane.load(3, Path("/models/3"))
    assert (bench.plane.versions[3].state, bench.plane.versions[3].error) == ("END", "broken")
    bench.loader.models["3"] = FakeModel()
    await bench.plane.load(3, Path("/models/3"))
    assert (bench.plane.versions[3].state, bench.plane.versions[3].error) == ("AVAILABLE", "")


@run
async def test_a_version_with_traffic_stays() -> None:
    bench = Bench()
    await bench.split(10)
    for number in (1, 2):
        with pytest.raises(UsageError, match="gets traffic"):
            await bench.plane.unload(number)
    bench.plane.set_traffic(1, None, 0, 0)
    await bench.plane.unload(2)
    await bench.plane.unload(2)
    await bench.plane.unload(7)
    assert bench.plane.versions[2].state == "END"
    assert (await bench.refused(2)).message == "Servable not found for request: Specific(m, 2)"


@run
async def test_unloading_waits_for_the_requests_under_way() -> None:
    bench = Bench()
    await bench.split(0)
    bench.canary.gate.clear()
    asked = asyncio.create_task(bench.ask(2))
    await asyncio.sleep(0.01)
    unloading = asyncio.create_task(bench.plane.unload(2))
    await asyncio.sleep(0.03)
    assert bench.plane.versions[2].state == "UNLOADING"
    bench.canary.gate.set()
    await unloading
    assert (await asked) == Answer(2, 101.0)


@run
async def test_what_is_not_there() -> None:
    bench = Bench()
    assert (await bench.refused()).message == "Servable not found for request: Latest(m)"
    await bench.split(0)
    assert (await bench.refused(99)).message == "Servable not found for request: Specific(m, 99)"
    for name, number, message in [
        ("foo", None, "Servable not found for request: Latest(foo)"),
        ("foo", 1, "Servable not found for request: Specific(foo, 1)"),
        ("", None, "ModelSpec has no name specified."),
    ]:
        with pytest.raises(ServingError) as caught:
            await bench.plane.predict(name, number, ask())
        assert caught.value.message == message


# --- traffic ---------------------------------------------------------------------------------------------------------
@run
async def test_the_canary_gets_its_share_of_the_requests_that_name_no_version() -> None:
    bench = Bench()
    await bench.split(25)
    assert Counter(await bench.versions(100)) == {1: 75, 2: 25}
    assert [(await bench.ask(2)).version for _ in range(3)] == [2, 2, 2]


@run
async def test_a_switch_is_refused_whole() -> None:
    bench = Bench()
    await bench.split(25)
    with pytest.raises(UsageError, match="version 3 is not available"):
        bench.plane.set_traffic(3, 1, 50, FOREVER)
    assert (bench.plane.traffic.stable, bench.plane.traffic.canary, bench.plane.weight) == (1, 2, 25)


@run
async def test_a_canary_whose_lease_has_ended_gets_nothing() -> None:
    bench = Bench()
    await bench.split(100, lease=10)
    assert await bench.versions(2) == [2, 2]
    bench.clock.now += 9
    assert (bench.plane.weight, bench.plane.lease_seconds_left) == (100, 1)
    bench.plane.set_traffic(1, 2, 100, 10)
    bench.clock.now += 9
    assert await bench.versions(2) == [2, 2]
    bench.clock.now += 1
    assert await bench.versions(2) == [1, 1]
    assert (bench.plane.weight, bench.plane.lease_seconds_left) == (0, 0)
    await bench.plane.unload(2)
    assert bench.plane.traffic == Traffic(1)


# --- failures --------------------------------------------------------------------------------------------------------
@run
async def test_a_failing_canary_is_counted_but_not_seen() -> None:
    bench = Bench()
    await bench.split(50)
    bench.canary.error = ModelFailed("no such key", Code.INVALID_ARGUMENT)
    assert await bench.versions(100) == [1] * 100
    assert bench.outcomes(1) == (100, 0, 0)
    assert bench.outcomes(2) == (50, 50, 0)
    assert Counter((attempt.version, attempt.code) for attempt in bench.attempts) == {
        (1, Code.OK): 100,
        (2, Code.INVALID_ARGUMENT): 50,
    }


@run
async def test_a_failure_of_a_pinned_canary_is_seen() -> None:
    bench = Bench()
    await bench.split(50)
    bench.canary.error = ValueError("boom")
    error = await bench.refused(2)
    assert (error.code, error.message, error.version) == (Code.INTERNAL, "ValueError: boom", 2)
    assert bench.outcomes(2) == (1, 1, 0)


@run
async def test_a_failure_of_stable_is_seen() -> None:
    bench = Bench()
    await bench.split(50)
    bench.stable.error = bench.canary.error = ModelFailed("down", Code.UNAVAILABLE)
    for _ in range(100):
        error = await bench.refused()
        assert (error.code, error.version) == (Code.UNAVAILABLE, 1)
    assert (bench.outcomes(1), bench.outcomes(2)) == ((100, 100, 0), (50, 50, 0))


@run
async def test_a_malformed_request_is_counted_against_nobody() -> None:
    bench = Bench()
    await bench.split(50)

    def refuse(_: object) -> Prediction:
        raise invalid("no")

    for _ in range(100):
        assert (await bench.refused(exchange=Exchange(refuse, lambda _: 0.0))).message == "no"
    assert (bench.outcomes(1), bench.outcomes(2)) == ((0, 0, 0), (0, 0, 0))
    assert Counter(attempt.code for attempt in bench.attempts) == {Code.INVALID_ARGUMENT: 150}


@run
async def test_a_canary_that_refuses_what_stable_takes_has_failed() -> None:
    bench = Bench()
    await bench.split(50)
    bench.canary.signatures = {}

    def decode(signatures: Any) -> Prediction:
        if "serving_default" not in signatures:
            raise invalid("no signature")
        return ask().decode(signatures)

    answers = [await bench.plane.predict("m", None, Exchange(decode, ask().encode)) for _ in range(100)]
    assert [answer.version for answer in answers] == [1] * 100
    assert (bench.outcomes(1), bench.outcomes(2)) == ((100, 0, 0), (50, 50, 0))


@run
async def test_a_canary_that_hangs_is_given_half_the_time() -> None:
    bench = Bench(deadline_seconds=0.1)
    await bench.split(100)
    bench.canary.gate.clear()
    assert (await bench.ask()).version == 1
    assert bench.attempts[0].code is Code.DEADLINE_EXCEEDED
    assert (await bench.refused(2)).code is Code.DEADLINE_EXCEEDED
    assert bench.outcomes(2) == (2, 2, 0)
    bench.canary.gate.set()


@run
async def test_a_slow_canary_does_not_keep_stable_waiting() -> None:
    bench = Bench()
    await bench.split(0)
    bench.canary.gate.clear()
    waiting = [asyncio.create_task(bench.ask(2)) for _ in range(THREADS + QUEUE)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    error = await bench.refused(2)
    assert error.code is Code.UNAVAILABLE
    assert (await bench.ask()).version == 1
    bench.canary.gate.set()
    assert {answer.version for answer in await asyncio.gather(*waiting)} == {2}
    assert bench.outcomes(2) == (THREADS + QUEUE + 1, 1, 0)


@run
async def test_nan_is_counted() -> None:
    bench = Bench()
    await bench.split(0)
    assert np.isnan((await bench.ask(1, float("nan"))).value)
    assert (await bench.ask(1, float("inf"))).value == float("inf")
    await bench.ask(1)
    assert bench.outcomes(1) == (3, 0, 2)


# --- the checks between a request and a model ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (
            {},
            (),
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            {"x": np.zeros((1, 2), np.float32), "z": np.zeros(1)},
            (),
            "input size does not match signature: 2!=1 len({x,z}) != len({x}). "
            "Sent extra: {z}. Missing but required: {}.",
        ),
        (
            {"z": np.zeros((1, 2), np.float32)},
            (),
            "input tensor alias not found in signature: z. Inputs expected to be in the set {x}.",
        ),
        ({"x": np.zeros((1, 2), np.float64)}, (), "Expects arg[0] to be float but double is provided"),
        (
            {"x": np.zeros((1, 3), np.float32)},
            (),
            "input tensor x has shape [1,3], but the signature expects [-1,2]",
        ),
        ({"x": np.zeros(2, np.float32)}, (), "input tensor x has shape [2], but the signature expects [-1,2]"),
        (
            {"x": np.zeros((1, 2), np.float32)},
            ("z",),
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
        ({"x": np.zeros((1, 2), np.float32)}, ("y", "y"), "duplicate output tensor alias: y"),
    ],
)
def test_what_does_not_fit_the_signature_never_reaches_the_model(
    inputs: dict[str, np.ndarray], outputs: tuple[str, ...], message: str
) -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.split(0)
        exchange = Exchange(lambda _: Prediction("serving_default", inputs, outputs), lambda _: 0.0)
        error = await bench.refused(1, exchange)
        assert (error.code, error.message, error.version) == (Code.INVALID_ARGUMENT, message, 1)
        assert bench.stable.calls == 0

    asyncio.run(scenario())


# --- the split and the window, alone ---------------------------------------------------------------------------------
def test_a_renewed_lease_does_not_disturb_the_split() -> None:
    splitter = Splitter(Random(1))
    chosen = []
    for index in range(100):
        splitter.set(Traffic(1, 2, 5, until=index + 10.0))
        chosen.append(splitter.choose(float(index)))
    assert Counter(chosen) == {1: 95, 2: 5}


def test_traffic_in_a_rhythm_is_split_like_any_other() -> None:
    """Every second request is of another kind; half of each kind goes to a canary with half of the traffic."""
    splitter = Splitter(Random(1))
    splitter.set(Traffic(1, 2, 50, until=1.0))
    odd = [splitter.choose(0.0) for _ in range(1000)][::2]
    assert 200 < odd.count(2) < 300


def test_the_window_since_a_number() -> None:
    outcomes = Outcomes(kept=10)
    assert outcomes.since(0, None).p99_ms is None
    for index in range(1, 8):
        outcomes.add(index / 1000, failed=index == 3, nan=index == 6)
    window = outcomes.since(2, slower_than_ms=5.5)
    assert (window.sequence, window.requests, window.failed, window.nan, window.slow) == (7, 5, 1, 1, 2)
    assert (window.p50_ms, window.p99_ms) == (5.0, 7.0)
    assert outcomes.since(7, None).requests == outcomes.since(99, None).requests == 0
    assert outcomes.since(0, None, pinned=True).p99_ms is None
    assert outcomes.since(0, None, pinned=False).requests == 7
    for _ in range(20):
        outcomes.add(1.0, failed=True, nan=False)
    assert (outcomes.since(0, None).requests, outcomes.requests, outcomes.failed) == (10, 27, 21)
