"""Several requests at a time: no more than that, and an end that loses nothing."""

import threading
import time

import pytest

from jenkins_ml.adapters import jenkins_parallel
from jenkins_ml.adapters.jenkins_parallel import side_by_side
from jenkins_ml.adapters.jenkins_retry import Clock
from jenkins_ml.errors import StageFailed, Unavailable


class Server:
    def __init__(self):
        self.clock = Clock()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class Busy:
    """Counts what runs at once."""

    def __init__(self, seconds=0.0):
        self.seconds, self.now, self.most, self.done = seconds, 0, 0, []
        self._lock = threading.Lock()

    def __call__(self, item):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self._lock:
            self.now -= 1
            self.done.append(item)
        return item


@pytest.mark.parametrize("parallel", [1, 3, 32])
@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_each_item_once_and_no_more_at_a_time(monkeypatch, parallel, seconds):
    monkeypatch.setattr(jenkins_parallel, "_LOOK_UP_SECONDS", 0.001)  # it looks up while all are busy
    work, seen = Busy(seconds), []
    side_by_side(Server(), work, range(40), parallel, seen.append)
    assert sorted(seen) == list(range(40))
    assert work.most <= parallel


def test_an_item_is_taken_only_when_there_is_room():
    taken = []

    def items():
        for index in range(10):
            taken.append(index)
            yield index

    def work(item):
        assert len(taken) <= item + 2
        time.sleep(0.005)

    side_by_side(Server(), work, items(), 2, lambda _: None)
    assert len(taken) == 10


def test_nothing_to_do():
    side_by_side(Server(), Busy(), [], 8, pytest.fail)


def test_what_was_begun_ends_and_nothing_else_begins():
    work = Busy(0.05)

    def ended(item):
        raise KeyboardInterrupt("SIGINT")

    server = Server()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(server, work, range(100), 4, ended)
    assert len(server.notes) <= 1
    assert all("under way" in note for note in server.notes)
    assert not work.now
    assert 4 <= len(work.done) <= 8


def test_a_failure_ends_it_too():
    def work(item):
        if item == 3:
            raise StageFailed("no")
        return item

    with pytest.raises(StageFailed):
        side_by_side(Server(), work, range(1000), 2, lambda _: None)


def test_who_waits_for_a_server_that_is_away_is_woken():
    server, waits = Server(), threading.Event()

    def work(item):
        if item == 0:
            waits.wait(10)
            raise KeyboardInterrupt
        waits.set()
        server.clock.sleep(10_000)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(server, work, range(2), 2, lambda _: None)


def test_who_would_begin_to_wait_does_not():
    server, begun, told = Server(), threading.Event(), []

    def work(item):
        if item == 0:
            begun.wait(10)
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.2)
        try:
            server.clock.sleep(10_000)
        except Unavailable as error:
            told.append(error)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(server, work, range(2), 2, lambda _: None)
    assert len(told) == 1


def test_afterwards_the_clock_is_the_old_one():
    server = Server()
    clock = server.clock
    side_by_side(server, Busy(), range(3), 2, lambda _: None)
    assert server.clock is clock
