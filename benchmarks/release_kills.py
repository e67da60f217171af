"""kill -9 of a deployer all over its durable operations, on every target: what whoever runs next makes of it.

A durable operation is what outlives the process: see tests/kill/at.py. Against the engines and stand-ins of the tests.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import Result, Section, Table
from benchmarks.project import scratch
from benchmarks.release_scenes import TARGETS, Scene, scene
from tests.fakes.engine_repository import status

CANARY = {"steps": [50, 100], "interval": "0s", "min_requests": 20}
_WAYS = {"`serve`": (), "`serve --resume`": ("--resume",)}
_KILLED = -9
_NOTHING_TO_CONTINUE = 2
# What is another release's, or another process's: when it was released, how many answers the judge saw, where it answers.
_PASSING = ("since", "canary", "server", "grpc", "why")


@dataclass
class Found:
    """What came of the kills on one target.

    Args:
        operations: of a release that nobody kills.
        ended: how many, by the state in which they ended: "released", "as before" or what was wrong with it.
        orphans: what was there that belongs to neither state.
        lost: requests without an answer, or looks at a Service without a ready pod, by what was seen.
        places: how many different operations were killed before.
    """

    operations: int
    ended: Counter[str] = field(default_factory=Counter)
    orphans: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    places: set[int] = field(default_factory=set)

    @property
    def wrong(self) -> int:
        """How many ended in neither state."""
        return sum(self.ended.values()) - self.ended["released"] - self.ended["as before"]


def measure(repeat: int) -> Section:
    """`repeat`: how often a deployer is killed on each target."""
    # Side by side: nothing here is about time. Each in a process, whose engine ends with it.
    with ProcessPoolExecutor(len(TARGETS), multiprocessing.get_context("spawn")) as pool:
        found = dict(zip(TARGETS, pool.map(on_target, TARGETS, [repeat] * len(TARGETS)), strict=True))
    return Section(
        results=tuple(result for target, each in found.items() for result in _results(target, each)),
        tables=(
            Table(
                title="How they ended after the next command (every other one: `serve --resume`)",
                columns=("target", "operations of a release", "killed before", "released", "as before", "otherwise"),
                rows=tuple(
                    (
                        target,
                        str(each.operations),
                        str(len(each.places)),
                        str(each.ended["released"]),
                        str(each.ended["as before"]),
                        str(each.wrong),
                    )
                    for target, each in found.items()
                ),
            ),
        ),
    )


def on_target(target: str, kills: int) -> Found:
    """Kill as many on one of TARGETS."""
    with scene(target, CANARY) as place, scratch() as folder:
        return _kill(place, target, folder / "kept", kills)


def _results(target: str, found: Found) -> list[Result]:
    kills = sum(found.ended.values())
    return [
        Result(
            name=f"{target}: of {kills} killed deployers, not as an uninterrupted release or as before",
            unit="releases",
            ours=found.wrong,
            most=0,
            note="; ".join(sorted(set(found.ended) - {"released", "as before"}))[:300],
        ),
        Result(
            name=f"{target}: orphans after the next command",
            unit="objects",
            ours=len(found.orphans),
            most=0,
            note=", ".join(sorted(set(found.orphans)))[:300],
        ),
        Result(
            name=f"{target}: "
            + ("looks at a Service without a ready pod" if target == "kubernetes" else "requests without an answer"),
            unit="looks" if target == "kubernetes" else "requests",
            ours=found.lost.total(),
            most=0,
            note=", ".join(sorted(found.lost))[:300],
        ),
    ]


def _kill(place: Scene, target: str, kept: Path, kills: int) -> Found:
    """Kill the release of a good version as often as that, evenly over its operations, each time from the same state."""
    repository = place.repository
    place.keep(kept)
    before = _state(place), place.made()
    operations = repository.ok("serve", run="good").count
    after = _state(place), place.made()
    if before[0] == after[0]:
        raise SystemExit(f"{target}: a release changes nothing: {before[0]}")
    found = Found(operations)
    for index in range(kills):
        at = 1 + round(index * (operations - 1) / max(1, kills - 1))
        way = list(_WAYS.values())[index % len(_WAYS)]
        at = _kill_once(place, found, kept, at, way)
        state, made = _state(place), place.made()
        if state == after[0] and repository.store.journal.history("production").open is None:
            ended, expected = "released", after[1]
        elif state == before[0] and repository.store.journal.history("production").open is None:
            ended, expected = "as before", before[1]
        else:
            ended, expected = f"killed before operation {at}, then {' '.join(('serve', *way))}: {state}", after[1]
        found.ended[ended] += 1
        found.places.add(at)
        found.orphans += sorted(set(made) - set(expected))
        if (index + 1) % 10 == 0 or ended not in ("released", "as before") or set(made) - set(expected):
            print(
                f"release-kills: {target}: {index + 1} of {kills}: {dict(found.ended)}, orphans {found.orphans}, "
                f"lost {dict(found.lost)}",
                flush=True,
            )
    return found


def _kill_once(place: Scene, found: Found, kept: Path, at: int, way: tuple[str, ...]) -> int:
    """Kill one, and let the next command end; answers before which operation it was."""
    repository = place.repository
    while True:
        place.back(kept)
        with place.served() as lost:
            done = repository.call("serve", run="good", at=at)
            if done.code == _KILLED:
                again = repository.call("serve", *way, run="good")
                if way and again.code == _NOTHING_TO_CONTINUE:  # it had not begun
                    repository.call("serve", run="good")
        found.lost.update(lost)
        if done.code == _KILLED:
            return at
        if done.code != 0 or at <= 1:
            raise SystemExit(f"a release that was to be killed before operation {at} ended so: {done}")
        # It had fewer operations this time: what it does by the clock, such as holding its lease, is never the same.
        at -= 1


def _state(place: Scene) -> dict[str, Any]:
    found = {name: value for name, value in status(place.repository).items() if name not in _PASSING}
    return found | {"good": [each.version for each in place.repository.store.journal.history("production").good]}
