import pytest

from jenkins_ml.adapters.journal import Journal
from jenkins_ml.adapters.release import Author
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.records import VersionRef
from jenkins_ml.steps import offline
from tests.fakes.target import FakeTarget
from tests.fakes.versions import servable

ONE, TWO = (VersionRef(version=number, manifest_digest="f" * 64) for number in (1, 2))


@pytest.fixture
def target():
    """Version 2 is in production, version 1 is warm."""
    target = FakeTarget()
    for version in (1, 2):
        target.load(servable(version))
    target.route(2, None, 0)
    offline.remember(target, TWO, ONE)
    target.calls.clear()
    return target


@pytest.fixture
def author(tmp_path):
    return Author(journal=Journal(tmp_path / "journal"), environment="production", run="later", by="somebody else")


def back(target, to=None):
    return offline.roll_back(target, to, "it is slow", "r", "me")


def test_the_traffic_goes_back_and_the_intention_is_kept_first(target):
    assert back(target) == (ONE, 2)
    assert target.calls[-2:] == [("remember", "pending-rollback"), ("route", 1, None, 0)]


def test_it_is_journalled_once_when_the_store_is_back(target, author):
    back(target)
    for _ in range(2):
        offline.write_what_is_pending(target, author, lambda _: None)
    assert [entry.kind for entry in author.journal.entries()] == ["rollback_started", "rolled_back"]
    history = author.journal.history("production")
    assert (history.production, history.open) == (ONE, None)
    assert "it is slow (by me at " in author.journal.entries()[-1].reason


def test_whoever_dies_in_between_leaves_something_to_finish(target, author):
    target._failures[("route", 0)] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        back(target)
    offline.write_what_is_pending(target, author, lambda _: None)
    assert author.journal.history("production").production == ONE


def test_nothing_is_done_twice_while_the_store_is_away(target):
    back(target)
    with pytest.raises(UsageError, match="no version is kept warm"):
        back(target)


def test_only_what_is_warm_can_be_gone_back_to(target):
    with pytest.raises(UsageError, match="only version 1 is kept warm"):
        back(target, to=7)
    target.unload(1)
    with pytest.raises(Unavailable, match="not ready any more"):
        back(target)
    offline.remember(target, TWO, None)
    with pytest.raises(UsageError, match="no version is kept warm"):
        back(target)


def test_what_was_kept_and_cannot_be_read_is_no_reason_to_guess(target):
    target.kept["known-good"] = "{}"
    with pytest.raises(IntegrityError, match="cannot be read"):
        back(target)


def test_the_target_is_told_only_what_is_new(target):
    offline.remember(target, TWO, ONE)
    assert target.calls == []
