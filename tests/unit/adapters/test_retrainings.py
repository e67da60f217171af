"""Trainings that alerts start: one within a time, whoever asks, and none that failed counts."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.retrainings import Retrainings
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import Retraining

DAY = 86400.0


class Now:
    """A clock whose times are seconds."""

    def __init__(self):
        self.seconds = 0.0

    def age(self, time):
        return self.seconds - float(time)

    def receiver(self, folder):
        return Retrainings(folder, self.age)

    def make(self, number):
        return Retraining(
            number=number, model="m", job="j", reason="r", alert="a", run="r", by="me", created=str(self.seconds)
        )


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(0, 2 * DAY), st.sampled_from(["started", "failed", "nobody knows"]))
    )
)
def test_any_sequence_of_alerts_starts_at_most_one_within_the_time(tmp_path_factory, asked):
    now, folder, started = Now(), tmp_path_factory.mktemp("store") / "retrainings", []
    receivers = [now.receiver(folder), now.receiver(folder)]
    for who, later, outcome in asked:
        now.seconds += later
        record, ours = receivers[who].begin(now.make, DAY)
        # One is due as soon as the last that may have been started is old enough: failures cost nothing.
        assert ours == (not started or now.seconds - started[-1] >= DAY)
        if not ours:
            assert float(record.created) == started[-1]
        elif outcome == "failed":
            receivers[who].undo(record)
        else:
            started.append(now.seconds)
    assert all(late - early >= DAY for early, late in itertools.pairwise(started))


def test_of_many_at_the_same_time_one_may(tmp_path):
    now, found, gate = Now(), [], threading.Barrier(8)

    def ask():
        receiver = now.receiver(tmp_path)
        gate.wait()
        found.append(receiver.begin(now.make, DAY))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ours for _, ours in found].count(True) == 1
    assert {record.number for record, _ in found} == {1}


def test_what_cannot_be_read_starts_nothing(tmp_path):
    now = Now()
    (tmp_path / "00000001.json").write_text("{")
    with pytest.raises(IntegrityError):
        now.receiver(tmp_path).begin(now.make, DAY)


def test_a_clock_that_was_put_back_starts_nothing(tmp_path):
    now = Now()
    now.receiver(tmp_path).begin(now.make, DAY)
    now.seconds = -100 * DAY
    assert not now.receiver(tmp_path).begin(now.make, DAY)[1]
