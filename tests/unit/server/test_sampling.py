from random import Random

from jenkins_ml.server.sampling import MOST_BYTES, MOST_KEPT, Sampler
from tests.fakes.clock import FakeClock


def sampler(clock=None):
    return Sampler(clock or FakeClock(), Random(1))


def test_nothing_is_kept_while_nobody_asks():
    kept = sampler()
    kept.offer(b"a")
    assert kept.take(0, 10.0) == []


def test_a_share_is_kept_until_it_is_taken():
    kept = sampler()
    kept.take(25, 10.0)
    for number in range(400):
        kept.offer(b"%d" % number)
    taken = kept.take(25, 10.0)
    assert 60 <= len(taken) <= 140
    assert kept.take(0, 10.0) == []


def test_it_is_bounded_and_large_requests_are_left_out():
    kept = sampler()
    kept.take(100, 10.0)
    for number in range(2 * MOST_KEPT):
        kept.offer(b"%d" % number)
    kept.offer(b"x" * (1 << 21))
    taken = kept.take(0, 10.0)
    assert len(taken) == MOST_KEPT
    assert taken[-1] == b"%d" % (2 * MOST_KEPT - 1)


def test_what_a_dead_deployer_asked_for_is_forgotten():
    clock = FakeClock()
    kept = sampler(clock)
    kept.take(100, 10.0)
    kept.offer(b"a")
    clock.sleep(11.0)
    kept.offer(b"b")
    assert kept.take(0, 10.0) == []


def test_all_of_them_have_little_room_and_the_oldest_go():
    kept = sampler()
    kept.take(100, 10.0)
    for number in range(20):
        kept.offer(bytes([number]) * (1 << 19))
    taken = kept.take(100, 10.0)
    assert [body[0] for body in taken] == [*range(12, 20)]
    assert sum(map(len, taken)) <= MOST_BYTES
    kept.offer(b"x" * (1 << 20))
    assert len(kept.take(0, 10.0)) == 1, "what was taken has made room"
