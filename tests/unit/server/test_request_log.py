"""The line of a request."""

import json
import logging
import threading
import time
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core import ecs
from jenkins_ml.core.origin import Origin
from jenkins_ml.server.line_writer import LineWriter
from jenkins_ml.server.request_log import Outcome, RequestLog
from jenkins_ml.server.status import Code
from tests.fakes.clock import FakeClock

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ORIGIN = Origin(run="vision-17", commit="abc", build="https://jenkins/17/", release=42)
ANSWERED = Outcome(Code.OK, 3)


class Bench:
    def __init__(self, model="m", origin=ORIGIN):
        self.lines = []
        self.clock = FakeClock()
        self.log = RequestLog(model, "production", self.lines.append, lambda: 1_700_000_000.25, self.clock, Random(1))
        self.log.know(3, origin)

    def line(self, outcome=ANSWERED, asked=("r-1", f"00-{TRACE}-{SPAN}-01"), protocol="http"):
        self.log.answer(self.log.ask(*asked), protocol, outcome)
        return json.loads(self.lines[-1])


def test_it_leads_to_version_release_build_and_commit():
    assert Bench().line() == {
        "@timestamp": "2023-11-14T22:13:20.250Z",
        "log.level": "info",
        "message": "predict OK",
        "ecs.version": ecs.VERSION,
        "log.logger": "jenkins_ml.server.requests",
        "event": {
            "dataset": "jenkins_ml.requests",
            "kind": "event",
            "category": ["web"],
            "type": ["access"],
            "action": "predict",
            "outcome": "success",
            "duration": 0,
        },
        "service": {"name": "m", "environment": "production", "version": "3"},
        "network": {"protocol": "http"},
        "labels": {"run": "vision-17", "commit": "abc", "build": "https://jenkins/17/", "release": "42"},
        "trace": {"id": TRACE},
        "span": {"id": SPAN},
        "http": {"response": {"status_code": 200}, "request": {"id": "r-1"}},
    }


def test_the_duration_is_in_nanoseconds():
    bench = Bench()
    asked = bench.log.ask("r", None)
    bench.clock.now += 0.0125
    bench.log.answer(asked, "grpc", Outcome(Code.OK, 3))
    assert json.loads(bench.lines[-1])["event"]["duration"] == 12_500_000


def test_failures():
    bench = Bench()
    fault = bench.line(Outcome(Code.INTERNAL, 3, fault=True))
    refused = bench.line(Outcome(Code.NOT_FOUND, None))
    saved = bench.line(Outcome(Code.OK, 3, instead_of=4))
    assert (fault["log.level"], fault["error"], fault["http"]["response"]) == (
        "error",
        {"type": "INTERNAL"},
        {"status_code": 500},
    )
    assert (refused["log.level"], refused["event"]["outcome"]) == ("warning", "failure")
    assert "version" not in refused["service"]
    assert "labels" not in refused
    assert saved["labels"]["instead_of"] == "4"


def test_a_version_that_is_loaded_again_has_its_new_origin():
    bench = Bench()
    bench.line()
    bench.log.know(3, Origin(release=43))
    assert bench.line()["labels"] == {"release": "43"}


@given(st.text(), st.text())
def test_whatever_a_client_sends_the_line_is_one(request, trace):
    bench = Bench()
    line = bench.line(asked=(request, trace))
    assert bench.lines[-1].count(b"\n") == 1
    assert line["http"]["request"]["id"]
    assert len(line["trace"]["id"]) == 32


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_names_there_are_the_line_is_one(model, build):
    line = Bench(model, Origin(build=build)).line(asked=("r-1", None))
    assert line["http"]["request"]["id"] == "r-1"
    assert len(line["trace"]["id"]) == 32


def test_ids_that_are_made_differ():
    bench = Bench()
    lines = [bench.line(asked=(None, None)) for _ in range(3)]
    assert len({line["http"]["request"]["id"] for line in lines} | {line["trace"]["id"] for line in lines}) == 6


# --- writing ---------------------------------------------------------------------------------------------------------
def test_lines_are_written_in_order_and_all_of_them_at_the_end():
    written = []
    writer = LineWriter(lambda data: not written.append(data), "m", "production")
    for number in range(5_000):
        writer.put(b"%d\n" % number)
    writer.close()
    assert b"".join(written) == b"".join(b"%d\n" % number for number in range(5_000))
    assert len(written) < 10


def test_a_disk_that_hangs_keeps_nobody_waiting_and_what_is_dropped_is_counted():
    go, written = threading.Event(), []

    def write(data):
        go.wait(20)
        written.append(data)
        return True

    writer = LineWriter(write, "m", "production", most_lines=10)
    for number in range(30):
        writer.put(b"%d\n" % number)
    assert writer.dropped >= 10
    go.set()
    writer.close()
    last = json.loads(b"".join(written).splitlines()[-1])
    assert last["message"] == f"lines of this log that could not be written: {writer.dropped}"


def test_a_full_disk_loses_lines_and_nothing_else():
    full, written = True, []
    writer = LineWriter(lambda data: not full and not written.append(data), "m", "production")
    writer.put(b"1\n")
    while not writer.dropped:
        time.sleep(0.01)
    full = False
    writer.put(b"2\n")
    writer.close()
    first, told = b"".join(written).splitlines()
    assert first == b"2"
    assert json.loads(told)["message"] == "lines of this log that could not be written: 1"


def test_what_the_server_tells_people_is_a_line_too():
    written = []
    writer = LineWriter(lambda data: not written.append(data), "m", "production")
    logger = logging.Logger("jenkins_ml.server.dataplane")
    writer.hear(logger)
    logger.info("version %d is available", 3)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("version %d cannot be loaded", 4)
    writer.close()
    told, failed = map(json.loads, b"".join(written).splitlines())
    assert (told["message"], told["log.level"], told["event"]["dataset"]) == (
        "version 3 is available",
        "info",
        "jenkins_ml.server",
    )
    assert (failed["log.level"], failed["error"]["type"], failed["error"]["message"]) == (
        "error",
        "ValueError",
        "broken",
    )
    assert "Traceback" in failed["error"]["stack_trace"]
    assert logger.handlers == []
