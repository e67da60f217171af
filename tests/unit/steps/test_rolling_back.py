"""A rollback that names the version it leaves, while the store is away."""

from types import SimpleNamespace

import pytest

from jenkins_ml.errors import Unavailable
from jenkins_ml.records import VersionRef
from jenkins_ml.steps import offline, serving
from jenkins_ml.steps.rolling_back import LeftAlone, Wanted, roll_back
from tests.fakes.target import FakeTarget
from tests.fakes.versions import servable

ONE, TWO = (VersionRef(version=number, manifest_digest=f"d{number}") for number in (1, 2))


class Away:
    """A journal that nobody reaches."""

    def history(self, environment):
        raise Unavailable("the store is away")


@pytest.fixture
def target(monkeypatch):
    """Version 2 is in production, 1 is kept warm, and the store is away."""
    found = FakeTarget()
    for version in (1, 2):
        found.load(servable(version))
    found.route(2, None, 0)
    offline.remember(found, TWO, ONE)
    found.calls.clear()
    monkeypatch.setattr(serving, "target_of", lambda *_: found)
    return found


@pytest.fixture
def report():
    return SimpleNamespace(warn=lambda _: None)


@pytest.fixture
def project():
    serve = SimpleNamespace(of=lambda _: SimpleNamespace(target="docker"))
    return SimpleNamespace(
        config=SimpleNamespace(serve=serve, model="m"), store=SimpleNamespace(journal=Away(), root="/store")
    )


@pytest.fixture
def ask(project, report):
    return lambda **wanted: roll_back(project, "production", "r", Wanted(reason="it fails", **wanted), report)


def test_the_version_that_is_named_goes_while_the_store_is_away(target, ask):
    assert ask(leaving=2) == (ONE, 2)
    assert target.calls[-1] == ("route", 1, None, 0)
    assert target.held_by is None


def test_any_other_version_stays(target, ask):
    with pytest.raises(LeftAlone, match="version 1 is not in production, as far as the target knows"):
        ask(leaving=1)
    assert target.changes == []


def test_the_second_alert_finds_it_gone(target, ask):
    ask(leaving=2)
    with pytest.raises(LeftAlone, match="version 2 is not in production"):
        ask(leaving=2)


def test_people_name_no_version(target, ask):
    assert ask() == (ONE, 2)
