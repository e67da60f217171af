import pytest

from jenkins_ml.adapters.answers import AnswerReader
from jenkins_ml.adapters.target import Answer
from jenkins_ml.adapters.watching import Watcher
from jenkins_ml.core.judge import Window
from tests.fakes.clock import FakeClock
from tests.fakes.target import FakeTarget

NOBODY = {1: Window(), 2: Window()}


def routed(*arguments, **more):
    """A target whose users are split between both versions."""
    target = FakeTarget(*arguments, **more)
    target.route(1, 2, 50)
    target.calls.clear()
    return target


def watcher(target, *, stable=1, step_seconds=10.0, bodies=(b"a", b"b"), slower_than_ms=None):
    clock = FakeClock()
    return Watcher(
        target=target,
        candidate=2,
        stable=stable,
        bodies=bodies,
        reader=AnswerReader(edges=(0.5,)),
        min_requests=100,
        step_seconds=step_seconds,
        slower_than_ms=slower_than_ms,
        clock=clock,
        sleep=clock.sleep,
    )


def test_what_was_answered_before_the_first_look_does_not_count():
    class Counting(FakeTarget):
        def seen(self, version):
            super().seen(version)
            return Window(requests=sum(call == ("seen", version) for call in self.calls))

    evidence = watcher(Counting(), bodies=()).look(0)
    assert (evidence.live.requests, evidence.live_stable.requests) == (2, 2)


def test_users_are_enough_where_there_are_enough_of_them():
    target = routed()
    evidence = watcher(target).look(0)
    assert evidence.live.requests == 100
    assert evidence.replayed == Window()
    assert not [call for call in target.calls if call[0] == "ask"]


def test_silence_is_filled_with_recorded_requests_at_an_even_pace():
    target = FakeTarget(NOBODY)
    watch = watcher(target)
    looks = [watch.look(0) for _ in range(10)]
    assert [look.replayed.requests for look in looks] == [10] * 10
    assert [look.replayed_stable.requests for look in looks] == [10] * 10
    assert watch.in_step == pytest.approx(10.0)
    assert {call[2] for call in target.calls if call[0] == "ask"} == {b"a", b"b"}


def test_a_new_step_begins_its_count_anew():
    watch = watcher(FakeTarget(NOBODY))
    watch.look(0)
    evidence = watch.look(1)
    assert (evidence.step, evidence.replayed.requests) == (1, 10)
    assert watch.in_step == pytest.approx(1.0)


def test_a_first_release_is_asked_everything_at_once_and_alone():
    evidence = watcher(FakeTarget(NOBODY), stable=None, step_seconds=0.0).look(0)
    assert evidence.replayed.requests == 100
    assert evidence.replayed_stable == Window()


def test_pairs_that_differ_are_counted():
    evidence = watcher(FakeTarget(NOBODY, predicted={1: 0.4, 2: 0.6})).look(0)
    assert evidence.flips == evidence.replayed.requests == 10
    assert evidence.replayed.predictions == (0, 10)
    assert evidence.replayed_stable.predictions == (10,)


@pytest.mark.parametrize(
    ("answer", "window"),
    [
        (Answer(status=500, seconds=0.002, body=b"{}"), {"failed": 10}),
        (Answer(status=None, seconds=30.0, body=b"no answer"), {"failed": 10, "slow": 10}),
        (Answer(status=400, seconds=0.002, body=b"{}"), {"failed": 10}),
        (Answer(status=200, seconds=0.002, body=b"<html>"), {"failed": 10}),
        (Answer(status=200, seconds=0.2, body=b'{"predictions": [NaN]}'), {"nan": 10, "slow": 10}),
    ],
)
def test_what_counts_as_failed_slow_and_nan(answer, window):
    class Answering(FakeTarget):
        def ask(self, version, body, seconds):
            return answer if version == 2 else super().ask(version, body, seconds)

    replayed = watcher(Answering(NOBODY), slower_than_ms=100.0).look(0).replayed
    assert {name: getattr(replayed, name) for name in ("failed", "nan", "slow")} == {
        "failed": 0,
        "nan": 0,
        "slow": 0,
        **window,
    }
    assert sum(replayed.latencies) == 10


def test_the_target_hears_that_the_deployer_lives():
    target = FakeTarget()
    watcher(target).look(0)
    assert ("renew",) in target.calls


def test_in_a_shadow_step_what_users_ask_is_put_to_both_versions():
    target = FakeTarget({1: Window(requests=50), 2: Window()})
    watch = watcher(target, bodies=())
    watch.shadow = 20
    look = watch.look(0)
    assert (look.sampled.requests, look.sampled_stable.requests, look.replayed.requests) == (1, 1, 0)
    assert [call for call in target.calls if call[0] in ("sample", "ask")] == [
        ("sample", 20),
        ("ask", 2, b"from a user"),
        ("ask", 1, b"from a user"),
    ]
    assert watch.look(1).sampled == Window()


def test_what_users_do_not_ask_in_a_shadow_step_is_replayed():
    watch = watcher(FakeTarget({1: Window(requests=50), 2: Window()}))
    watch.shadow = 20
    look = watch.look(0)
    assert (look.sampled.requests, look.replayed.requests) == (1, 9)


def test_a_judge_in_doubt_gets_more_answers():
    watch = watcher(FakeTarget(NOBODY))
    for _ in range(10):
        watch.look(0)
    assert watch.look(0).replayed.requests == 0
    assert watch.look(0, needed=150).replayed.requests == 50
