"""A canary's evidence from Prometheus: users' answers are counted once, whatever was scraped when."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.prometheus import Sample
from jenkins_ml.adapters.scraped import ScrapedAnswers
from jenkins_ml.adapters.target import Answer
from jenkins_ml.errors import Unavailable

OK, FAILED = Answer(status=200, seconds=0.004, body=b"{}"), Answer(status=500, seconds=0.004, body=b"")


class World:
    """Servers of version 3, what was scraped of them, and a deployer that asks one of them."""

    def __init__(self, kind="jenkins-ml"):
        self.kind, self.now = kind, 0.0
        self.servers = {}  # instance -> answers since it started: (well, failed, nan)
        self.scraped = {}
        self.scraped_at = 0.0
        self.answer = OK
        self.renewed = 0
        self.evidence = ScrapedAnswers(
            target=SimpleNamespace(ask=self._ask, renew=self._renew, sample=lambda percent: (b"%d" % percent,)),
            prometheus=self,
            model="m",
            environment="e",
            server=kind,
            limit_ms=None,
            scrape_seconds=1.0,
            clock=lambda: self.now,
            wall=lambda: self.now,
        )

    def served(self, instance="a", well=0, failed=0, nan=0):
        before = self.servers.get(instance, (0, 0, 0))
        self.servers[instance] = tuple(map(sum, zip(before, (well, failed, nan), strict=True)))

    def scrape(self):
        self.scraped, self.scraped_at = dict(self.servers), self.now

    def query(self, expression):
        assert 'model="m"' in expression
        assert 'environment="e"' in expression
        assert 'version="3"' in expression
        if expression.startswith("max(timestamp("):
            return (Sample({}, self.scraped_at),) if self.scraped else ()
        names = re.search('__name__=~"([^"]+)"', expression)[1].split("|")
        return tuple(sample for sample in self._series() if sample.labels["__name__"] in names)

    def _series(self):
        for instance, (well, failed, nan) in self.scraped.items():
            of = {"model": "m", "environment": "e", "version": "3", "instance": instance, "job": "models"}
            if self.kind == "tensorflow-serving":
                of["model_name"] = "m"
                rest = {**of, "API": "Predict", "entrypoint": "REST"}
                yield Sample({**of, "__name__": ":tensorflow:serving:request_count", "status": "INTERNAL"}, failed)
                yield Sample({**of, "__name__": ":tensorflow:serving:request_count", "status": "OK"}, well + 1000)
                yield Sample({**rest, "__name__": ":tensorflow:serving:request_latency_count"}, well)
                yield Sample({**rest, "__name__": ":tensorflow:serving:request_latency_bucket", "le": "5000"}, well)
                yield Sample({**rest, "__name__": ":tensorflow:serving:request_latency_bucket", "le": "+Inf"}, well)
                continue
            yield Sample({**of, "__name__": "jenkins_ml_requests_total", "code": "OK"}, well)
            yield Sample({**of, "__name__": "jenkins_ml_requests_total", "code": "INTERNAL"}, failed)
            yield Sample({**of, "__name__": "jenkins_ml_requests_total", "code": "INVALID_ARGUMENT"}, 77)
            yield Sample({**of, "__name__": "jenkins_ml_nan_predictions_total"}, nan)
            buckets = {**of, "__name__": "jenkins_ml_request_duration_seconds_bucket"}
            yield Sample({**buckets, "le": "0.005"}, well + failed)
            yield Sample({**buckets, "le": "+Inf"}, well + failed)

    def _ask(self, version, body, seconds):
        if self.answer.status is not None:
            self.served(well=self.answer.status == 200, failed=self.answer.status != 200)
        return self.answer

    def _renew(self):
        self.renewed += 1

    def seen(self):
        return self.evidence.seen(3)

    def asks(self):
        return self.evidence.ask(3, b"{}", 1.0)


@pytest.mark.parametrize("kind", ["jenkins-ml", "tensorflow-serving"])
def test_only_what_came_since_the_last_look_counts(kind):
    world = World(kind)
    world.served(well=100, failed=5)
    world.scrape()
    assert world.seen().requests == 0  # that is where counting begins
    world.served(well=8, failed=2)
    assert world.seen().requests == 0  # not scraped
    world.scrape()
    window = world.seen()
    assert (window.requests, window.failed) == (10, 2)
    assert sum(window.latencies) == (8 if kind == "tensorflow-serving" else 10)
    assert world.seen().requests == 0


def test_a_new_version_is_counted_from_its_first_answer():
    world = World()
    world.seen()
    world.served(well=3, nan=1)
    world.scrape()
    window = world.seen()
    assert (window.requests, window.nan) == (3, 1)


def test_a_server_of_an_old_version_that_turns_up_late_is_not_counted_whole():
    world = World()
    world.served("a", well=5)
    world.scrape()
    world.seen()
    world.served("b", well=100_000)  # it was there all the time, and could not be scraped
    world.scrape()
    assert world.seen().requests == 0
    world.served("b", well=1)
    world.scrape()
    assert world.seen().requests == 1


def test_what_the_deployer_asked_is_not_counted_however_late_it_is_scraped():
    world = World()
    world.served(well=1)
    world.scrape()
    world.seen()
    for _ in range(10):
        world.asks()
    world.served(well=4)
    assert world.seen().requests == 0
    world.scrape()
    assert world.seen().requests == 4
    world.answer = FAILED
    world.asks()
    world.scrape()
    assert world.seen() == world.seen()  # none and none


def test_without_evidence_there_is_no_release():
    world = World()
    world.seen()
    world.asks()
    world.now = world.evidence.patience + 1
    with pytest.raises(Unavailable, match="nothing at all of version 3"):
        world.seen()
    world.scrape()
    world.seen()
    world.now += world.evidence.patience + 2
    with pytest.raises(Unavailable, match=r"nothing for 7 s of version 3"):
        world.seen()


def test_a_version_that_nobody_has_asked_may_be_unknown():
    world = World()
    world.seen()
    world.answer = Answer(status=None, seconds=1.0, body=b"refused")
    world.asks()  # it does not answer: replays say so, and there is nothing to be scraped
    world.now = 1000.0
    assert world.seen().requests == 0


def test_everything_else_is_the_targets():
    world = World()
    world.evidence.renew()
    assert world.renewed == 1
    assert world.evidence.sample(7) == (b"7",)
    assert world.asks() is OK


EVENTS = ("user", "user fails", "own", "scrape", "look", "restart")


@given(st.lists(st.sampled_from(EVENTS), max_size=80))
def test_users_answers_are_counted_once(events):
    world = World()
    world.seen()
    live, failed, seen = 0, 0, []
    for what in events:
        if what == "user":
            world.served(well=1)
            live += 1
        elif what == "user fails":
            world.served(failed=1)
            live, failed = live + 1, failed + 1
        elif what == "own":
            world.asks()
        elif what == "scrape":
            world.scrape()
        elif what == "look":
            seen.append(world.seen())
        else:  # what a server counted after its last scrape is lost with it
            world.scrape()
            seen.append(world.seen())
            world.servers = {"a": (0, 0, 0)}
            world.scrape()
            seen.append(world.seen())
    world.scrape()
    seen.append(world.seen())
    assert sum(window.requests for window in seen) == live
    assert sum(window.failed for window in seen) == failed
