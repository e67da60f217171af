import pytest

from jenkins_ml.adapters.answers import AnswerReader
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.adapters.release import Author, Release
from jenkins_ml.adapters.watching import Watcher
from jenkins_ml.core.judge import Limits
from jenkins_ml.core.rollout import Begun, Plan
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable
from tests.fakes.clock import FakeClock
from tests.fakes.target import BAD, FakeTarget
from tests.fakes.versions import servable

LIMITS = Limits(max_error_rate_increase=0.01, latency_limited=False, min_requests=20)
CANARY = Plan(candidate=2, stable=1, steps=(50, 100), limits=LIMITS, interval=10.0, deadline=600.0)
FIRST = Plan(candidate=2, stable=None, steps=(50, 100), limits=LIMITS, interval=10.0, deadline=600.0)


@pytest.fixture
def author(tmp_path):
    return Author(journal=Journal(tmp_path / "journal"), environment="production", run="r", by="me")


FROM_THE_START = Begun()


def run(plan, target, author, begun=FROM_THE_START):
    clock = FakeClock()
    watcher = Watcher(
        target=target,
        candidate=plan.candidate,
        stable=plan.stable,
        bodies=(b"{}",),
        reader=AnswerReader(),
        min_requests=plan.limits.min_requests,
        step_seconds=plan.step_seconds,
        slower_than_ms=None,
        clock=clock,
        sleep=clock.sleep,
    )
    return Release(
        plan=plan,
        servable=servable(2),
        target=target,
        watcher=watcher,
        author=author,
        note=lambda _: None,
        busy=lambda _: None,
        progress=lambda _: None,
        clock=clock,
    ).carry_out(begun)


def kinds(author):
    return [entry.kind for entry in author.journal.entries()]


def test_every_intention_is_journalled_before_it_is_carried_out(author):
    class Watching(FakeTarget):
        def _called(self, name, *arguments):
            super()._called(name, *arguments)
            self.calls[-1] += (len(author.journal.entries()),)

    target = Watching()
    assert run(CANARY, target, author).phase == "released"
    assert target.changes == [("load", 2, 1), ("route", 1, 2, 50, 2), ("route", 1, 2, 100, 3), ("route", 2, None, 0, 4)]
    assert kinds(author) == ["release_started", "release_step", "release_step", "released"]


def test_a_first_release_gets_no_traffic_before_it_was_probed(author):
    target = FakeTarget()
    assert run(FIRST, target, author).phase == "released"
    assert target.changes == [("load", 2), ("route", 2, None, 0)]
    assert sum(call[0] == "ask" for call in target.calls) == LIMITS.min_requests


def test_a_bad_canary_is_taken_out_users_first(author):
    target = FakeTarget({2: BAD})
    assert run(CANARY, target, author).phase == "rolled_back"
    assert target.changes[-2:] == [("route", 1, None, 0), ("unload", 2)]
    assert kinds(author)[-1] == "release_rolled_back"
    assert "50 of 100" in author.journal.entries()[-1].reason
    assert author.journal.entries()[-1].evidence["judgement"]["verdict"] == "roll_back"


def test_a_version_that_cannot_be_loaded_is_rolled_back(author):
    state = run(CANARY, FakeTarget(failures={("load", 0): IntegrityError("broken")}), author)
    assert (state.phase, state.reason) == ("rolled_back", "broken")


def test_a_release_that_is_taken_up_again_goes_on_at_its_step(author):
    target = FakeTarget()
    assert run(CANARY, target, author, Begun(resumed=True, weight=100)).phase == "released"
    assert target.changes == [("load", 2), ("route", 1, 2, 100), ("route", 2, None, 0)]
    assert kinds(author) == ["release_step", "released"]


@pytest.mark.parametrize("place", [("load", 0), ("route", 0), ("seen", 0), ("route", 1), ("renew", 3)])
@pytest.mark.parametrize("stopped", [KeyboardInterrupt("SIGTERM"), Unavailable("the server is gone")])
def test_whatever_stops_it_traffic_goes_back_and_the_journal_says_so(author, place, stopped):
    target = FakeTarget(failures={place: stopped})
    with pytest.raises(type(stopped)):
        run(CANARY, target, author)
    assert target.changes[-2:] == [("route", 1, None, 0), ("unload", 2)]
    assert kinds(author)[-1] == "release_abandoned"
    assert str(stopped) in author.journal.entries()[-1].reason
    assert author.journal.history("production").open is None


@pytest.mark.parametrize("refusal", [StageFailed("it still loads"), Unavailable("the server is gone")])
def test_a_server_that_cannot_clean_up_hides_neither_the_cause_nor_the_end(author, refusal):
    failures = {("load", 0): KeyboardInterrupt("SIGINT"), ("route", 0): refusal, ("unload", 0): refusal}
    with pytest.raises(KeyboardInterrupt):
        run(CANARY, FakeTarget(failures=failures), author)
    assert kinds(author) == ["release_started", "release_abandoned"]
