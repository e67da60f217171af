"""What becomes of each alert of a body, whatever fails, and who is told of a rollback."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from jenkins_ml.adapters.jenkins_client import NobodyKnows
from jenkins_ml.adapters.retrainings import Retrainings
from jenkins_ml.config.alerts import Alerts, Hook
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable, UsageError
from jenkins_ml.records import VersionRef
from jenkins_ml.steps import acting_on_alerts as alerts
from jenkins_ml.steps import observed
from jenkins_ml.steps.rolling_back import LeftAlone
from tests.fakes.alert_bodies import alert, body

ONE = VersionRef(version=1, manifest_digest="d")


@pytest.fixture(autouse=True)
def no_stage(monkeypatch):
    monkeypatch.setattr(observed, "_current", None)


@pytest.fixture
def told(monkeypatch):
    """The stages that observers are told of, with how they ended."""
    found = []
    observer = SimpleNamespace(
        began=lambda stage: found.append(stage), ended=lambda stage, end: found.append((stage, end.exit_code))
    )
    monkeypatch.setattr(observed, "_observers", lambda _: (observer,))
    return found


@pytest.fixture
def project(tmp_path):
    hook = Hook(url="http://127.0.0.1:9095/", token_file="/t", retrain_job="j", retrain_at_most_every=timedelta(days=1))
    config = SimpleNamespace(model="tiny", monitor=SimpleNamespace(alerts=Alerts(hook=hook)))
    return SimpleNamespace(
        config=config, environment=lambda name: name, store=SimpleNamespace(retrainings=Retrainings(tmp_path / "kept"))
    )


class Notes(list):
    def note(self, text):
        self.append(text)


@pytest.fixture
def notes():
    return Notes()


def act(project, given, notes):
    return [(each.result.outcome, each.result.what) for each in alerts.act(project, given, None, notes)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (LeftAlone("gone"), "ignored"),
        (Unavailable("busy"), "unavailable"),
        (UsageError("nothing there"), "failed"),
        (IntegrityError("changed"), "failed"),
        (RuntimeError("\x1b[31m"), "failed"),
    ],
)
def test_one_that_fails_leaves_the_others_their_turn(project, notes, told, monkeypatch, error, outcome):
    def roll_back(_, environment, *__):
        if environment == "first":
            raise error
        return ONE, 2

    monkeypatch.setattr(alerts, "roll_back", roll_back)
    found = act(project, body(alert(environment="first"), alert(environment="second")), notes)
    assert [each for each, _ in found] == [outcome, "done"]
    assert "\x1b" not in "".join(notes)
    assert ("Traceback" in "".join(notes)) == (type(error) is RuntimeError)


def test_observers_hear_of_rollbacks_and_of_failures_and_of_nothing_else(project, notes, told, monkeypatch):
    raised = [LeftAlone("gone"), Unavailable("busy"), UsageError("nothing to go back to"), None]

    def roll_back(*_):
        if error := raised.pop(0):
            raise error
        return ONE, 2

    monkeypatch.setattr(alerts, "roll_back", roll_back)
    for version in "2345":
        observed.know(project)  # as each request begins
        act(project, body(alert(version=version)), notes)
    ended = [each for each in told if isinstance(each, tuple)]
    assert [(stage.name, stage.environment, stage.version, code) for stage, code in ended] == [
        ("rollback", "production", 4, 2),
        ("rollback", "production", 1, 0),
    ]
    assert len(told) == 2 * len(ended)


class Jenkins:
    """Starts a build, or fails as it is told."""

    def __init__(self, monkeypatch):
        self.started, self.errors = 0, []
        monkeypatch.setattr(alerts, "connected", lambda *_, **__: self)
        monkeypatch.setattr("jenkins_ml.adapters.jenkins_client.RequestedBuild", lambda *_: self)
        self.url = "http://ci/job/j/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def trigger(self):
        if self.errors:
            raise self.errors.pop(0)
        self.started += 1
        return SimpleNamespace(queue_id=7)


def test_a_training_that_surely_failed_costs_nothing(project, notes, monkeypatch):
    jenkins = Jenkins(monkeypatch)
    jenkins.errors = [Unavailable("away"), StageFailed("no"), UsageError("no such job")]
    drift = body(alert(action="retrain"))
    assert [act(project, drift, notes)[0][0] for _ in range(5)] == [
        "unavailable",
        "failed",
        "failed",
        "done",
        "ignored",
    ]
    assert jenkins.started == 1


def test_one_of_which_nobody_knows_counts(project, notes, monkeypatch):
    jenkins = Jenkins(monkeypatch)
    jenkins.errors = [NobodyKnows("perhaps")]
    drift = body(alert(action="retrain"))
    assert [act(project, drift, notes)[0][0] for _ in range(2)] == ["unknown", "ignored"]
    assert jenkins.started == 0


def test_nothing_is_begun_without_an_account(project, notes, monkeypatch):
    def nobody(*_, **__):
        raise UsageError("as whom?")

    monkeypatch.setattr(alerts, "connected", nobody)
    assert act(project, body(alert(action="retrain")), notes) == [("failed", "as whom?")]
    assert project.store.retrainings.last() is None
