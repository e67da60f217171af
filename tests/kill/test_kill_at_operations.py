"""kill -9 before each durable operation of train, gate, serve and rollback (all of them with JENKINS_ML_KILLS=all)."""

import os
import shutil

import pytest

from tests.fakes import training
from tests.fakes.repository import processes_in, wait_until

pytestmark = [pytest.mark.kill, pytest.mark.tensorflow, pytest.mark.xdist_group("kill-at-operations")]
POINTS = 12
# What a store holds but for the running server's own files and locks, which must stay what they are.
KEPT = ("versions", "runs", "journal", "serving", "predictions", "reservations", "staging")


class Scene:
    """A repository, and the state of its store that each kill begins with."""

    def __init__(self, repository, kept):
        self.repository, self.kept = repository, kept

    @property
    def home(self):
        return self.repository.store.home

    def keep(self, name):
        """Remember the present state."""
        for part in KEPT:
            if (self.home / part).exists():
                shutil.copytree(self.home / part, self.kept / name / part)

    def restore(self, name):
        """Go back to a state, the server too."""
        for part in KEPT:
            shutil.rmtree(self.home / part, ignore_errors=True)
            if (self.kept / name / part).exists():
                shutil.copytree(self.kept / name / part, self.home / part)
        self.repository.ok("server")
        assert self.repository.answering() == self.repository.production()

    def points(self, *argv, run, **job):
        """Where to kill a command: everywhere, or evenly spread, from its first operation to its last."""
        count = self.repository.ok(*argv, run=run, **job).count
        assert count >= POINTS, "there is nothing to kill at"
        if os.environ.get("JENKINS_ML_KILLS") == "all":
            return range(1, count + 1)
        return sorted({1 + round(number * (count - 1) / (POINTS - 1)) for number in range(POINTS)})

    def killed(self, *argv, run, at, **job):
        """Kill a command there; whatever it was doing, the store is sound and users are answered."""
        done = self.repository.call(*argv, run=run, at=at, **job)
        assert done.code == -9, (at, done)
        wait_until(
            lambda: processes_in(self.repository.folder) == {self.repository.server().pid}, "only the server is left"
        )
        self.repository.ok("models", "verify")
        self.sound()
        assert self.repository.answering() in self.repository.store.versions()
        if at % 2:  # half of the time another command comes first: it ends what was left, and production answers
            self.repository.ok("server")
            assert self.repository.answering() == self.repository.production()
            assert self.repository.store.journal.history("production").open is None

    def sound(self):
        """Everything that is visible is whole."""
        store = self.repository.store
        for version in store.versions():
            store.verify(store.manifest(version)[1])
        for version in store.published():
            assert (store.home / "serving" / str(version) / "manifest.json").exists()
        store.journal.entries()

    def settled(self):
        """Nothing is left over of what was killed."""
        self.sound()
        assert self.repository.store.journal.history("production").open is None
        with self.repository.store.staging():  # the next writer clears what a dead one left
            pass
        assert list((self.home / "staging").iterdir()) == []
        assert self.repository.answering() == self.repository.production()
        assert processes_in(self.repository.folder) == {self.repository.server().pid}

    def good(self):
        return [reference.version for reference in self.repository.store.journal.history("production").good]

    def run_files(self, run):
        return {path.name for path in (self.home / "runs" / run).glob("[!.]*.json")}


@pytest.fixture(scope="module")
def scene(tmp_path_factory, trained, repository_factory):
    """Version 1 is in production; run "second" is trained ("trained"), approved ("gated") and released ("released")."""
    folder = tmp_path_factory.mktemp("kills")
    shutil.copytree(trained.folder, folder / "project")
    with repository_factory(folder / "project") as repository:
        scene = Scene(repository, folder / "kept")
        # One look a step: as many operations each time, whatever the machine does beside it.
        repository.change("jenkins-ml.yaml", "interval: 50ms", "interval: 0s")
        repository.ok("serve", run="first")
        training.keep(repository.store, folder / "made")
        scene.keep("served")
        repository.ok("train", run="second")
        scene.keep("trained")
        repository.ok("gate", run="second")
        scene.keep("gated")
        repository.ok("serve", run="second")
        scene.keep("released")
        yield scene


def test_gate(scene):
    scene.restore("trained")
    for at in scene.points("gate", run="second"):
        scene.restore("trained")
        scene.killed("gate", run="second", at=at)
        scene.repository.ok("gate", run="second")
        scene.settled()
        decisions = [entry for entry in scene.repository.store.journal.entries() if entry.run == "second"]
        assert [entry.kind for entry in decisions] == ["decision"], at
        assert scene.run_files("second") == {"run.json", "train.json", "gate-production-against-1.json"}
        assert (scene.repository.folder / ".jenkins-ml/reports/second/index.html").exists()
        assert scene.good() == [1]


def test_serve(scene):
    scene.restore("gated")
    for at in scene.points("serve", run="second"):
        scene.restore("gated")
        scene.killed("serve", run="second", at=at)
        assert scene.repository.store.published() <= set(scene.good()), at  # never a canary
        scene.repository.ok("serve", run="second")
        scene.settled()
        assert scene.good() == [1, 2], at
        assert scene.run_files("second") == {
            "run.json",
            "train.json",
            "gate-production-against-1.json",
            "serve.json",
        }, at
        assert scene.repository.store.published() == {1, 2}


def test_serve_is_continued(scene):
    """As above, but whoever runs next goes on where the release was left, if there is anything to go on with."""
    scene.restore("gated")
    for at in scene.points("serve", run="second"):
        scene.restore("gated")
        done = scene.repository.call("serve", run="second", at=at)
        assert done.code == -9, (at, done)
        history = scene.repository.store.journal.history("production")
        resumed = scene.repository.call("serve", "--resume", run="second")
        assert resumed.code == (0 if history.left or history.production.version == 2 else 2), (at, resumed)
        if resumed.code:
            assert "there is no release of version 2 to continue" in resumed.err
            scene.repository.ok("serve", run="second")
        scene.settled()
        assert scene.good() == [1, 2], at
        starts = [entry.kind for entry in scene.repository.store.journal.entries()].count("release_started")
        assert starts == 2, "the release of version 1, and this one, which was begun once"


def test_rollback(scene):
    scene.restore("released")
    for at in scene.points("rollback", run="back"):
        scene.restore("released")
        scene.killed("rollback", run="back", at=at)
        scene.repository.ok("rollback", run="back")
        scene.settled()
        assert scene.good() == [1], at
        assert scene.repository.store.published() == {1}


def test_the_commit_of_a_training(scene):
    fake = {"run": "third", "fake_training": str(scene.kept.parent / "made")}
    scene.restore("served")
    for at in scene.points("train", **fake):
        scene.restore("served")
        scene.killed("train", at=at, **fake)
        scene.repository.ok("train", **fake)
        scene.settled()
        scene.repository.ok("gate", run="third")
        assert scene.run_files("third") == {"run.json", "train.json", "gate-production-against-1.json"}
        assert scene.good() == [1]


@pytest.mark.parametrize(
    ("command", "entries", "last", "production"),
    [
        ("serve", 3, "release_step", 1),  # half of the traffic went to version 2, and all of it was about to
        (
            "serve",
            4,
            "released",
            2,
        ),  # version 2 is in production: the journal says so, and the server does not know yet
        ("rollback", 1, "rollback_started", 1),
    ],
)
def test_users_are_answered_when_nobody_comes_back(scene, command, entries, last, production):
    """Killed right after a journal entry: the canary's lease ends by itself, and the next command settles the rest."""
    state, run = ("gated", "second") if command == "serve" else ("released", "back")
    scene.restore(state)
    answered_before = scene.repository.production()
    begun = len(scene.repository.store.journal.entries())
    first, too_late = 1, 200
    while first < too_late:  # the first operation that comes after that entry
        middle = (first + too_late) // 2
        scene.restore(state)
        scene.repository.call(command, run=run, at=middle)
        enough = len(scene.repository.store.journal.entries()) - begun >= entries
        first, too_late = (first, middle) if enough else (middle + 1, too_late)
    scene.restore(state)
    assert scene.repository.call(command, run=run, at=first).code == -9
    assert [entry.kind for entry in scene.repository.store.journal.entries()][-1] == last
    server = scene.repository.server()
    wait_until(lambda: server.state()["traffic"]["weight"] == 0, "the lease is over", 30)
    assert {scene.repository.answering() for _ in range(20)} == {answered_before}
    scene.repository.ok("server")
    assert scene.repository.production() == production
    assert {scene.repository.answering() for _ in range(20)} == {production}
