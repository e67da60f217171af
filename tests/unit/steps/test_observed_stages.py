"""The seam where stages are observed, and which of them count."""

import contextlib
from types import SimpleNamespace

import click
import pytest

from jenkins_ml import names
from jenkins_ml.errors import GateRejected, Unavailable
from jenkins_ml.steps import entry, observed
from jenkins_ml.steps.pipeline_metrics import counts


class Watcher:
    """Keeps what it is told; fails where it is asked to."""

    def __init__(self, fails=False):
        self.told = []
        self._fails = fails

    def began(self, stage):
        self.told.append(("began", stage.name))
        self._maybe()

    def ended(self, stage, end):
        self.told.append(("ended", stage.name, stage.version, end.exit_code, end.error and end.error.what))
        self._maybe()

    def _maybe(self):
        if self._fails:
            raise RuntimeError("no\nluck")


@pytest.fixture
def watchers(monkeypatch):
    found = (Watcher(fails=True), Watcher())
    monkeypatch.setattr(observed, "_observers", lambda project: found)
    return found


def stage(act):
    @click.command("gate", cls=entry.StageCommand)
    def command():
        observed.know(object())
        observed.know(object())  # of a project that it looks into besides
        observed.under_way().version = 3
        act()

    return command


def failing():
    raise GateRejected("worse")


def interrupted():
    raise KeyboardInterrupt("SIGTERM")


@pytest.mark.parametrize(
    ("act", "code", "said"),
    [
        (lambda: None, 0, None),
        (lambda: click.get_current_context().exit(4), 4, None),
        (failing, 3, "worse"),
        (interrupted, 130, "stopped by SIGTERM"),
        (lambda: {}["x"], 1, "KeyError: 'x'"),
    ],
)
def test_every_end_is_told_once_and_no_observer_changes_it(watchers, act, code, said):
    with contextlib.suppress(BaseException):
        stage(act).main([], standalone_mode=False)
    for watcher in watchers:
        assert watcher.told == [("began", "gate"), ("ended", "gate", 3, code, said)]


def test_what_an_observer_cannot_do_is_one_line_with_what_to_do(watchers, monkeypatch, capsys):
    def away(self):
        raise Unavailable("no gateway", "start it")

    monkeypatch.setattr(Watcher, "_maybe", away)
    stage(lambda: None).main([], standalone_mode=False)
    assert "warning: could not tell of this stage: no gateway; start it\n" in capsys.readouterr().err


def test_a_stage_that_never_knew_its_project_is_not_told_of(watchers):
    @click.command("gate", cls=entry.StageCommand)
    def command():
        failing()

    with pytest.raises(GateRejected):
        command.main([], standalone_mode=False)
    assert [watcher.told for watcher in watchers] == [[], []]


def project(not_released=None):
    train = SimpleNamespace(params={})
    cells = (SimpleNamespace(suffix=",rate=1"), SimpleNamespace(suffix=",rate=2"))
    return SimpleNamespace(config=SimpleNamespace(train=train, cells=cells), not_released=not_released)


@pytest.fixture
def matrix(monkeypatch):
    monkeypatch.setattr("jenkins_ml.steps.pipeline_metrics.build", lambda config: config)
    monkeypatch.delenv(names.ENV_RUN, raising=False)


@pytest.mark.usefixtures("matrix")
@pytest.mark.parametrize(
    ("name", "environment", "released", "expected"),
    [
        ("train", None, True, True),
        ("train", None, False, False),
        ("gate", "production", True, True),
        ("gate", None, True, False),  # it has ended before it knew which
        ("serve", "production", False, False),
        ("rollback", "production", False, True),  # production is production, from whatever checkout
        ("monitor", "production", False, True),
        ("monitor", None, True, False),
    ],
)
def test_stages_that_count(name, environment, released, expected):
    stage = observed.Stage(name, 0.0, environment=environment)
    assert counts(project(None if released else "another branch"), stage) is expected
    stage.aside = True
    assert not counts(project(), stage)


@pytest.mark.usefixtures("matrix")
@pytest.mark.parametrize(("run", "expected"), [("7,rate=1", True), ("7,rate=2", False)])
def test_of_a_matrix_only_what_may_be_released_counts(monkeypatch, run, expected):
    monkeypatch.setenv(names.ENV_RUN, run)
    assert counts(project(), observed.Stage("train", 0.0)) is expected
    assert counts(project(), observed.Stage("test", 0.0)) is True
