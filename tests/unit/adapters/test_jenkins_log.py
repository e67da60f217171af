"""Logs: each character once, however they are cut, and whatever a restart does to them."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters import jenkins_log
from jenkins_ml.adapters.jenkins_answers import Answer
from jenkins_ml.adapters.jenkins_log import Lines
from jenkins_ml.adapters.jenkins_polling import Pace
from jenkins_ml.adapters.jenkins_retry import Clock
from jenkins_ml.errors import StageFailed

PACE = Pace(missing=3)
JOB = SimpleNamespace(path="job/a", name="a")
TEXT = st.text(st.sampled_from("ab\r\n✓ü模"), max_size=40)


@given(TEXT, st.lists(st.integers(0, 120), max_size=6))
def test_however_bytes_are_cut_the_text_is_the_same(text, cuts):
    data = text.encode()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    lines = Lines()
    read = "".join([lines.add(piece) for piece in pieces] + [lines.add(b"", last=True)])
    assert read == text.replace("\r\n", "\n")


def test_what_is_no_utf8_is_replaced_and_held_back_no_longer_than_needed():
    lines = Lines()
    assert lines.add(b"a\xff") == "a\ufffd"
    assert lines.add("✓".encode()[:2]) == ""
    assert lines.add(b"", last=True) == "\ufffd"


class RawLog:
    """A server with one log: a list of what is written between two looks, as (bytes shown, bytes of hidden notes).

    Its text is what is shown; offsets count the notes as well.
    """

    def __init__(self, steps, *, missing=0, pauses=0):
        self.steps, self.missing, self.pauses = list(steps), missing, pauses
        self.raw = []  # of each byte: its text, or None for a note
        self.now = 0.0
        self.ends = None
        self.clock = Clock(lambda: self.now, self.sleep)
        self.starts = []

    def sleep(self, seconds):
        self.now += seconds

    def exchange(self, method, path, *, query, most_bytes=None):
        if path == "job/a/3/api/json":
            self.pauses -= 1
            over = self.pauses < 0 and not self.steps
            return Answer(
                200,
                {},
                b'{"number":3,"building":%s,"result":%s}' % ((b"false", b'"SUCCESS"') if over else (b"true", b"null")),
            )
        assert (method, path) == ("GET", "job/a/3/logText/progressiveText")
        if self.missing:
            self.missing -= 1
            return Answer(404, {}, b"")
        if self.steps:
            step = self.steps.pop(0)
            if step == "pause":
                return Answer(200, {"X-Text-Size": str(len(self.raw))}, b"")
            if step == "crash":
                self.raw = self.raw[: len(self.raw) // 2]
            else:
                shown, hidden = step
                self.raw += [None] * hidden + [bytes([each]) for each in shown]
        start = int(query["start"])
        self.starts.append(start)
        assert start >= 0
        body = self.raw[start:] if start <= len(self.raw) else self.raw
        headers = {"X-Text-Size": str(len(self.raw))} | ({"X-More-Data": "true"} if self.steps else {})
        return Answer(200, headers, b"".join(each for each in body if each is not None))


def followed(server):
    return "".join(jenkins_log.follow(server, JOB, 3, PACE))


STEPS = st.lists(st.tuples(TEXT.map(str.encode), st.integers(0, 30)), max_size=8)


@given(STEPS)
def test_a_log_is_read_once_whatever_notes_are_hidden_in_it(steps):
    expected = b"".join(shown for shown, _ in steps).decode().replace("\r\n", "\n")
    assert followed(RawLog(steps)) == expected


PLAIN = st.lists(st.tuples(st.text("ab\n", max_size=20).map(str.encode), st.just(0)), max_size=6)


@given(PLAIN, PLAIN)
def test_after_a_crash_that_cut_it_nothing_is_repeated(before, after):
    written, later = (b"".join(shown for shown, _ in steps).decode() for steps in (before, after))
    read = followed(RawLog([*before, "crash", *after]))
    assert read.startswith(written)
    assert later.endswith(read.removeprefix(written))


def test_the_whole_log_that_comes_back_is_not_repeated():
    server = RawLog([(b"one\ntwo\nthree\n", 10), (b"", 0), "crash", (b"four\n", 0), (b"five\n", 0)])
    read = followed(server)
    assert read.startswith("one\ntwo\nthree\n")
    assert read.count("one") == read.count("two") == read.count("five") == 1


def test_looks_get_rare_while_nothing_is_written_and_frequent_when_something_is():
    server = RawLog([(b"a", 0)] + [(b"", 0)] * 20 + [(b"b", 0), (b"", 0)])
    pauses = []
    sleep = server.sleep
    server.clock = Clock(lambda: server.now, lambda seconds: (pauses.append(seconds), sleep(seconds)))
    followed(server)
    assert pauses[0] == PACE.first
    assert max(pauses) == PACE.longest
    assert pauses[-1] < 1


def test_a_log_that_is_not_there_yet_is_waited_for():
    assert followed(RawLog([(b"a", 0)], missing=2)) == "a"
    with pytest.raises(StageFailed, match="#3 has no log"):
        followed(RawLog([(b"a", 0)], missing=100))


def test_a_build_that_is_not_resumed_yet_is_not_over():
    assert followed(RawLog([(b"one\n", 0), "pause", "pause", (b"two\n", 0)])) == "one\ntwo\n"
    assert followed(RawLog([(b"one\n", 0)], pauses=2)) == "one\n"
