"""Hundreds of drawn runs of `jobs apply` in which things go wrong: what is told is what is so, and the next run settles it.

Each seed is one server; each of its runs has jobs, an owner and faults of its own, so a failure is repeated by running
its seed. Times are scaled: what is ten seconds on a real server is a tenth of one here.
"""

import random
import time

import pytest

from jenkins_ml.adapters import jenkins_apply, jenkins_conversation
from jenkins_ml.adapters.jenkins_client import Limits
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from tests.fakes.jenkins import FakeJenkins, User
from tests.fakes.jenkins_jobs import pipeline
from tests.fakes.jobs_commands import Desk, small

SEEDS = range(25)
RUNS = 20
PATIENT = Limits(connect=10, request=30, restart=30, first_pause=0.01, longest_pause=0.05)
SHORT = Limits(connect=1, request=0.12, restart=0.4, first_pause=0.01, longest_pause=0.05)
HANG = 0.2  # longer than a request may take
RESTART = [("503", 0.03), ("401", 0.02), ("refused", 0.05), ("503", 0.02)]
WHERE = (
    {"method": "POST", "path": "createItem"},
    {"method": "POST", "path": "createItem"},
    {"method": "POST", "path": "config.xml"},
    {"method": "POST", "path": "config.xml"},
    {"method": "POST", "path": "doDelete"},
    {"method": "POST", "path": "doDelete"},
    {"method": "GET", "path": "config.xml"},
    {"method": "GET", "path": "^/api/json"},
    {"method": "GET", "path": "tree=jobs"},
    {"path": "crumbIssuer"},
    {"path": ""},
)
KINDS = (
    "500", "502", "503", "504", "429", "401", "drop", "drop", "half", "hang", "trickle", "expire-crumbs", "restart",
)  # fmt: skip
PARTS = ("create", "create many", "update", "delete", "delete folder", "replace", "replace by folder", "drift")


class Run:
    """One drawn run.

    Args:
        draw: where chance comes from.
        fake: the server.
        folder: for files.
        name: of the run, which is new.
    """

    def __init__(self, draw, fake, folder, name):
        self.draw, self.fake, self.name = draw, fake, name
        self.parts = sorted(draw.sample(PARTS, draw.choice((1, 2, 3))))
        self.password = draw.random() < 0.3
        self.parallel = draw.choice((1, 2, 8))
        self.faults = [self._fault() for _ in range(draw.choice((1, 1, 2, 2, 3, 4)))]
        admin = fake.admin
        user = User(admin.name, token=admin.password if self.password else admin.token)
        self.desk = Desk(fake, folder / name, owner=name, user=user)

    def __repr__(self):
        return f"{self.name}: {self.parts}, password={self.password}, parallel={self.parallel}, {self.faults}"

    def _fault(self):
        draw = self.draw
        kind, where, times = draw.choice(KINDS), draw.choice(WHERE), draw.choice((1, 1, 1, 2, 4, 20))
        match kind:
            case "500" | "502" | "504":
                return {"action": "answer", "status": int(kind), "after": draw.random() < 0.5, "times": times, **where}
            case "503" | "429":  # which say that nothing was done
                return {"action": "answer", "status": int(kind), "after": False, "times": times, **where}
            case "401":
                # Only where the token is known by then: for an unknown one it is an error after the second try.
                return {"action": "answer", "status": 401, "after": False, "method": "POST", "times": min(times, 2)}
            case "drop":
                return {"action": "drop", "after": draw.random() < 0.5, "times": times, **where}
            case "half":
                return {"action": "half", "times": times, **where}
            case "hang" | "trickle":
                return {"action": kind, "seconds": draw.choice((0.02, HANG)), "times": min(times, 2), **where}
            case "expire-crumbs":
                return {"action": kind, "times": times, "method": "POST"}
        return {"action": "restart", "at": draw.randrange(1, 14)}

    def jobs(self, part, after):
        """What the file has of a part, before and after."""
        at = f"{self.name}/{part}"
        match part:
            case "create":
                return [f"{at}/new"] if after else []
            case "create many":
                return [f"{at}/{index}" for index in range(5)] if after else []
            case "update":
                return [small(f"{at}/{index}", f"echo '{after}'") for index in range(3)]
            case "delete":
                return [at] if after is False else []
            case "delete folder":
                return [f"{at}/a", f"{at}/in/b"] if after is False else []
            case "replace":
                multi = {"name": at, "type": "multibranch", "scm": {"git": "https://h/x.git"}}
                return [multi if after else at]
            case "replace by folder":
                return [f"{at}/in"] if after else [at]
            case "drift":
                return [small(at, parameters=[{"string": "X"}])]

    def write(self, after):
        self.desk.write(*(job for part in self.parts for job in self.jobs(part, after)))

    def prepare(self):
        self.write(False)
        assert self.desk.apply().code == 0
        if "drift" in self.parts:
            self.fake.put(f"{self.name}/drift", self.fake.config(f"{self.name}/drift").replace("echo", "sh"))
        self.write(True)

    def state(self):
        return {
            each.full_name: each.stored for each in self.fake.root.walk() if each.full_name.split("/")[0] == self.name
        }

    def go(self):
        """Apply while things go wrong; how it ended."""
        fake, seen = self.fake, []
        restarts = [fault["at"] for fault in self.faults if fault["action"] == "restart"]

        def count(request):
            seen.append(request)
            if len(seen) in restarts:
                fake.restart(timeline=RESTART)

        for fault in self.faults:
            if fault["action"] != "restart":
                fake.fault(**fault)
        fake.on_request = count
        try:
            return self.desk.apply("--replace", "--parallel", self.parallel)
        finally:
            fake.on_request = None
            fake.wait_restarted()
            fake.faults.clear()
            if any(fault.get("seconds") == HANG for fault in self.faults):
                time.sleep(HANG + 0.05)  # what comes too late has come

    def check(self, ended, before, wanted):
        after = self.state()
        assert ended.code in (0, StageFailed.exit_code, UsageError.exit_code, Unavailable.exit_code)
        if not ended.out:  # it has not even got as far as a plan
            assert ended.code
            assert after == before
            return
        outcomes, actions = ended.outcomes, {each["name"]: each["action"] for each in ended.json["results"]}
        assert (ended.code == 0) == (set(outcomes.values()) <= {"done"})
        for name, outcome in outcomes.items():
            right = after.get(name) == wanted.get(name)
            match outcome:
                case "done":
                    assert right, f"{name} is told as done"
                case "refused" | "skipped":
                    assert after.get(name) == before.get(name), f"{name} was changed, and is told as not begun"
                case "failed":
                    gone = actions[name] == "replace" and name not in after and "is deleted" in ended.reasons[name]
                    assert gone or after.get(name) == before.get(name), f"{name} was changed, and is told as failed"
                case "unknown":
                    assert ended.code
                case _:
                    raise AssertionError(f"nobody else was there, and {name} is told as {outcome}")
        for name, text in after.items():
            assert outcomes.get(name) or text == before.get(name), f"{name} is told as nothing"


def wanted(run, quiet):
    """What a server has after an apply in which nothing goes wrong."""
    desk = Desk(quiet, run.desk.folder / "quiet", owner=run.name)
    desk.file.write_text(run.desk.file.read_text())
    assert desk.apply().code == 0
    return {each.full_name: each.stored for each in quiet.root.walk() if each.full_name.split("/")[0] == run.name}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_told_is_so_and_the_next_run_settles_it(seed, tmp_path, monkeypatch):
    limits = [PATIENT]
    monkeypatch.setattr(jenkins_conversation, "Limits", lambda: limits[0])
    monkeypatch.setattr(jenkins_apply, "_LOOK_AGAIN_SECONDS", 0.02)
    draw = random.Random(seed)
    with FakeJenkins(quiet_period=0) as fake, FakeJenkins(quiet_period=0) as quiet:
        fake.put("somebody's", pipeline())
        for number in range(RUNS):
            run = Run(draw, fake, tmp_path, f"s{seed}r{number}")
            run.prepare()
            right, before = wanted(run, quiet), run.state()
            fake.requests.clear()
            limits[0] = SHORT
            try:
                ended = run.go()
            finally:
                limits[0] = PATIENT
            try:
                run.check(ended, before, right)
                assert run.desk.apply("--replace").code == 0
                run.desk.settled()
                assert run.state() == right
                run.desk.search()
            except AssertionError as error:
                raise AssertionError(f"{run}\n{ended}\n{fake.requests}") from error
            for server in (fake, quiet):
                if run.name in server.root.children:
                    server.delete(server.item(run.name))
        assert "somebody's" in fake.root.children
