import pytest

from jenkins_ml.adapters.jenkins_answers import Answer
from jenkins_ml.adapters.jenkins_http import Broken
from jenkins_ml.adapters.jenkins_retry import Clock, Limits, Outage, Patience, Trouble, trouble_of

RESTARTING = b"<html><h1>Jenkins is restarting</h1></html>"


class FakeTime:
    """Time that passes only when somebody waits."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds

    @property
    def clock(self):
        return Clock(lambda: self.now, self.sleep)


def answered(status, body=b"", **headers):
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


@pytest.mark.parametrize("status", [200, 201, 302, 303, 400, 403, 404, 409, 422, 500])
def test_an_answer_of_jenkins_is_no_trouble(status):
    assert trouble_of(answered(status), token_known=True) is None


@pytest.mark.parametrize(
    ("outcome", "refused", "under_way"),
    [
        (Broken("unknown host", "x"), True, False),
        (Broken("not connected", "x"), True, False),
        (Broken("dropped", "x"), False, False),
        (Broken("timeout", "x"), False, True),
        (answered(401), True, False),
        (answered(429), True, False),
        (answered(502), False, False),
        (answered(503, RESTARTING), True, False),
        (answered(504), False, True),
        (
            answered(
                503, b"upstream connect error or disconnect/reset before headers. reset reason: connection termination"
            ),
            False,
            False,
        ),
        (
            answered(
                503,
                b"upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
            ),
            True,
            False,
        ),
        (answered(503, b"no healthy upstream"), True, False),
    ],
)
def test_whether_a_request_was_carried_out(outcome, refused, under_way):
    trouble = trouble_of(outcome, token_known=False)
    assert (trouble.refused, trouble.under_way) == (refused, under_way)
    assert trouble.text


def test_a_token_that_was_good_gets_more_patience_than_an_unknown_one():
    unknown, known = (trouble_of(answered(401), token_known=each).patience for each in (False, True))
    assert 0 < unknown < 1 < known


def test_what_the_server_asks_for_is_waited():
    assert trouble_of(answered(503, Retry_After="7"), token_known=True).pause == 7
    assert trouble_of(answered(429, Retry_After="soon"), token_known=True).pause == 0


def waits(patience, time, *troubles):
    """The pauses, until it is enough; the last trouble stays."""
    found = []
    queue = list(troubles)
    while (pause := patience.pause(queue.pop(0) if len(queue) > 1 else queue[0])) is not None:
        found.append(pause)
        time.sleep(pause)
    return found


REFUSED = Trouble("refused", refused=True)


def test_pauses_grow_up_to_a_longest_and_end_with_the_patience():
    time = FakeTime()
    found = waits(Patience(time.clock, Limits(), 20, None), time, REFUSED)
    assert found[:3] == pytest.approx([0.2, 0.32, 0.512])
    assert max(found) == 2
    assert sum(found) == pytest.approx(20)


def test_a_deadline_goes_before_patience():
    time = FakeTime()
    assert sum(waits(Patience(time.clock, Limits(), 20, 3.0), time, REFUSED)) == pytest.approx(3)
    assert waits(Patience(FakeTime().clock, Limits(), 20, -1.0), FakeTime(), REFUSED) == []


def test_a_trouble_with_little_patience_of_its_own_counts_from_when_it_began():
    time = FakeTime()
    short = Trouble("401", refused=True, patience=1.0)
    found = waits(Patience(time.clock, Limits(), 20, None), time, REFUSED, REFUSED, REFUSED, short)
    assert sum(found) == pytest.approx(0.2 + 0.32 + 0.512 + 1.0)


def test_a_server_that_asks_for_more_than_there_is_ends_it():
    assert Patience(FakeTime().clock, Limits(), 20, None).pause(Trouble("503", refused=True, pause=21)) is None
    assert Patience(FakeTime().clock, Limits(), 20, None).pause(Trouble("503", refused=True, pause=19)) == 19


def test_an_outage_is_told_once_for_each_reason_and_its_end_once():
    time, told = FakeTime(), []
    outage = Outage("http://ci/", told.append, time.clock)
    outage.over()
    for _ in range(3):
        outage.noticed(REFUSED, 180)
    time.sleep(12)
    outage.noticed(Trouble("it is restarting (503)", refused=True), 180)
    outage.over()
    outage.over()
    assert told == [
        "Jenkins at http://ci/: refused; waiting up to 180 s",
        "Jenkins at http://ci/: it is restarting (503); waiting up to 180 s",
        "Jenkins at http://ci/ answers again, after 12 s",
    ]
