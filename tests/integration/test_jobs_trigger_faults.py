"""Hundreds of drawn runs in which things go wrong: one build at most, and the one that is told of is ours.

Each seed is one server; each of its runs is a job of its own with faults of its own, so a failure is repeated by
running its seed. Times are scaled: what is ten seconds on a real server is a tenth of one here.
"""

import random
import time

import pytest

from jenkins_ml.adapters.jenkins_client import Cancelled, Limits, NobodyKnows, Pace, RequestedBuild
from jenkins_ml.adapters.jenkins_server import Forbidden
from jenkins_ml.errors import StageFailed, Unavailable
from tests.fakes.jenkins import Build, FakeJenkins
from tests.fakes.jenkins_jobs import VARIABLES, boolean, choice, client, password, pipeline, string

SEEDS = range(26)
RUNS = 20
DEADLINE = 6.0
LIMITS = Limits(connect=1, request=0.25, restart=2, first_pause=0.01, longest_pause=0.05)
PACE = Pace(first=0.01, longest=0.03, grace=0.03, long_grace=0.3, missing=0.2, stop=0.2)
# Longer than a request may take; one ends while it is still looked for, one after that.
HANG, LONG_HANG = 0.4, 0.8
PARAMETERS = string("MODEL", "resnet") + boolean("FORCE") + choice("SIZE", "s", "l") + password("KEY")
OURS = "admin"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Run:
    """One drawn run.

    Args:
        draw: where chance comes from.
        fake: the server.
        name: of the job, which is new.
    """

    def __init__(self, draw, fake, name):
        self.draw, self.fake, self.name = draw, fake, name
        self.parameters = self._parameters()
        self.own = draw.random() < 0.1
        self.waiting = draw.random() < 0.25
        self.late = draw.random() < 0.2
        self.password = draw.random() < 0.3
        self.follow = draw.random() < 0.5
        fake.put(name, pipeline(parameters=PARAMETERS if self.parameters is not None else ""))
        fake.script(name, Build(seconds=draw.choice((0.0, 0.02, 0.1)), result=draw.choice(("SUCCESS", "UNSTABLE"))))
        self.faults = [self._fault() for _ in range(draw.choice((0, 1, 1, 2, 2, 3)))]

    def __repr__(self):
        names = ("name", "parameters", "own", "waiting", "late", "password", "follow", "faults")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)

    def _parameters(self):
        if self.draw.random() < 0.4:
            return None
        values = {"MODEL": ("a", "ü ✓", ""), "FORCE": ("true", "false"), "SIZE": ("s", "l"), "KEY": ("x",)}
        return [(name, self.draw.choice(some)) for name, some in values.items() if self.draw.random() < 0.5]

    def _fault(self):
        draw = self.draw
        where = draw.choice(
            (
                {"method": "POST", "path": "/build"},
                {"method": "POST", "path": "/build"},
                {"method": "GET", "path": "api/json"},
                {"method": "GET", "path": "queue/"},
                {"method": "GET", "path": "progressiveText"},
                {"path": "crumbIssuer"},
            )
        )
        times = draw.choice((1, 1, 2, 4))
        kind = draw.choice(
            (
                "502",
                "503",
                "504",
                "drop",
                "half",
                "hang",
                "trickle",
                "expire-crumbs",
                "cancel",
                "expire",
                "restart",
                "401",
            )
        )
        match kind:
            case "502" | "503" | "504":
                after = kind != "503" and draw.random() < 0.5  # 503 says that nothing was done
                return {"action": "answer", "status": int(kind), "after": after, "times": times, **where}
            case "drop":
                return {"action": "drop", "after": draw.random() < 0.5, "times": times, **where}
            case "half":
                return {"action": "half", "times": times, **where}
            case "hang" if where.get("method") == "POST":
                return {"action": kind, "seconds": draw.choice((HANG, HANG, LONG_HANG)), **where}
            case "hang" | "trickle":
                return {"action": kind, "seconds": HANG, **where}
            case "expire-crumbs":
                return {"action": kind, "times": times, "method": "POST"}
            case "cancel" | "expire":
                return {"action": f"{kind}-item", "path": "queue/item", "times": None if kind == "expire" else 1}
            case "401":
                # Only where the token is known by then: for an unknown one it is an error after the second try.
                return {"action": "answer", "status": 401, "after": False, "method": "POST", "times": times}
        return {"action": "restart", "after": draw.choice((0.0, 0.0, 0.02, 0.1))}

    def go(self):
        """Carry it out; the build and how it ended, or why not."""
        fake = self.fake
        fake.faults.clear()
        if self.waiting:
            fake.trigger(self.name, delay=self.draw.choice((0.02, 0.2)), by="somebody")
        secret = fake.admin.password if self.password else None
        if self.late:
            fake.on_request = self._somebody_comes_between
        with client(fake, secret=secret, limits=LIMITS) as server:
            server.ends = server.clock.monotonic() + DEADLINE
            build = RequestedBuild(server, self.name, self.parameters or (), own=self.own, pace=PACE)
            for fault in self.faults:
                if fault["action"] == "restart":
                    fake.restart(
                        after=fault["after"], timeline=[("503", 0.03), ("401", 0.02), ("refused", 0.05), ("503", 0.02)]
                    )
                else:
                    fake.fault(**fault)
            try:
                build.trigger()
                if self.follow:
                    "".join(build.log())
                return build, build.wait(), None
            except (StageFailed, Unavailable, Forbidden) as error:
                return build, None, error
            finally:
                fake.wait_restarted()
                fake.faults.clear()
                fake.on_request = None

    def _somebody_comes_between(self, request):
        """Between our look and our request somebody else asks for a build."""
        if request.method == "POST":
            self.fake.on_request = None
            self.fake.trigger(self.name, delay=0.05, by="somebody")

    def check(self):
        """Go, and hold what came of it against what the server knows."""
        began = time.monotonic()
        build, ended, error = self.go()
        assert time.monotonic() - began < DEADLINE + LIMITS.connect + LIMITS.request + 2
        time.sleep(
            max((each["seconds"] for each in self.faults if each["action"] == "hang" and "method" in each), default=0)
        )
        runs = self.fake.runs(self.name)
        cancelled = [
            item for item in self.fake.queue.left.values() if item.task is self.fake.item(self.name) and item.cancelled
        ]
        by_us = [each for each in (*runs, *cancelled) if OURS in users(each)]
        made_by_us = [each for each in by_us if users(each)[0] == OURS]
        waited = [each for each in (*runs, *cancelled) if users(each)[0] != OURS]
        assert len(made_by_us) <= 1, "a duplicate"
        assert len(waited) <= self.waiting + self.late
        if not self.own:
            assert len(by_us) <= 1, "joined, and then built once more"
        if error is None:
            run = self.fake.item(self.name).runs[build.number]
            assert OURS in users(run), "not ours"
            assert build.queued.queue_id == run.queue_id
            assert build.queued.joined is (users(run)[0] != OURS)
            assert ended.result == run.result
            assert not (self.own and build.queued.joined)
            if not build.queued.joined:
                assert all(run.value(name) == value for name, value in self.parameters or () if name != "KEY")
            return "built"
        assert error.what
        if isinstance(error, Cancelled):
            assert cancelled
        elif isinstance(error, Forbidden):
            assert sum(fault["times"] for fault in self.faults if fault["action"] == "expire-crumbs") > 2
            assert not by_us
        elif isinstance(error, Unavailable) and not isinstance(error, NobodyKnows) and build.queued is None:
            assert not made_by_us, f"said to be none: {error}"
        return type(error).__name__


def heard(fake):
    """The last requests, for a failure's message."""
    told = [f"{each.method} {each.target.partition('?')[0]} {each.status}" for each in fake.requests]
    return told[-30:]


def users(each):
    """Who asked for a build or an item; the first one made it."""
    return [cause.get("userId") for cause in each.causes]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_build_at_most_and_the_one_told_of_is_ours(seed):
    draw = random.Random(f"trigger {seed}")
    outcomes = []
    with FakeJenkins(quiet_period=0.05) as fake:
        for index in range(RUNS):
            run = Run(draw, fake, f"job{index}")
            try:
                outcomes.append(run.check())
            except BaseException as error:
                error.add_note(f"{run!r}\n{heard(fake)}")
                raise
    assert outcomes.count("built") >= RUNS // 2, outcomes
