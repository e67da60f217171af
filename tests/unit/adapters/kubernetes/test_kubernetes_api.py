"""Requests are repeated while the API server is away or overloaded, and not otherwise."""

import json
from types import SimpleNamespace

import pytest

from jenkins_ml.adapters import identity
from jenkins_ml.adapters.kubernetes import kinds, lease, pods
from jenkins_ml.adapters.kubernetes.api import Api, Clock
from jenkins_ml.adapters.kubernetes.connection import Broken
from jenkins_ml.adapters.kubernetes.refusals import Changed
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from tests.fakes.clock import FakeClock

AWAY = Broken("NewConnectionError: refused")
FOUND = (200, {"kind": "Service"})
FORBIDDEN = (
    403,
    {
        "message": 'services "m" is forbidden: User "u" cannot get resource "services" in API group "" in the namespace "n"'
    },
)


class FakeConnection:
    """Answers in turn; the last answer for ever."""

    server = "https://cluster"

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    def send(self, method, target, body, headers, seconds, *, stream):
        self.sent.append((method, target, None if body is None else json.loads(body)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Broken):
            raise answer
        status, body = answer
        return SimpleNamespace(status=status, data=body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def clock():
    return FakeClock()


def api(clock, *answers, said=None):
    note = (lambda line: None) if said is None else said.append
    return Api(FakeConnection(*answers), note, patience=60.0, clock=Clock(clock, clock.sleep))


@pytest.mark.parametrize("trouble", [AWAY, (429, {}), (500, {}), (503, b"starting"), (504, {})])
def test_trouble_is_waited_out(clock, trouble):
    there = api(clock, trouble, trouble, FOUND)
    assert there.get(kinds.SERVICE, "n", "m") == FOUND[1]
    assert len(there.connection.sent) == 3


def test_an_outage_is_told_once_and_its_end_too(clock):
    said = []
    there = api(clock, AWAY, AWAY, AWAY, FOUND, said=said)
    there.get(kinds.SERVICE, "n", "m")
    there.get(kinds.SERVICE, "n", "m")
    assert len(said) == 2
    assert "does not answer (NewConnectionError: refused); waiting up to 60 s" in said[0]
    assert "answers again" in said[1]


def test_patience_ends(clock):
    there, began = api(clock, AWAY), clock()
    with pytest.raises(Unavailable, match="does not let us get Service m: NewConnectionError"):
        there.get(kinds.SERVICE, "n", "m")
    assert clock() - began == pytest.approx(60)
    assert len(there.connection.sent) < 60


def test_a_refusal_is_final(clock):
    there = api(clock, FORBIDDEN)
    with pytest.raises(UsageError, match="u may not get services in namespace n"):
        there.get(kinds.SERVICE, "n", "m")
    assert len(there.connection.sent) == 1


def test_a_refusal_right_after_an_outage_may_pass(clock):
    """The API server answers before its caches are filled."""
    there = api(clock, AWAY, FORBIDDEN, FORBIDDEN, FOUND)
    assert there.get(kinds.SERVICE, "n", "m") == FOUND[1]


def test_but_not_for_ever(clock):
    there, began = api(clock, AWAY, FORBIDDEN), clock()
    with pytest.raises(UsageError):
        there.get(kinds.SERVICE, "n", "m")
    assert clock() - began < 10


def test_what_is_not_there_is_none(clock):
    there = api(clock, (404, {"message": "not found", "details": {"kind": "services", "name": "m"}}))
    assert there.get(kinds.SERVICE, "n", "m") is None


def test_every_change_names_us_and_is_never_forced(clock):
    there = api(clock, FOUND)
    there.patch(kinds.SERVICE, "n", "m", {}, "apply")
    there.patch(kinds.SERVICE, "n", "m", {}, "merge")
    there.create(kinds.SERVICE, "n", {"metadata": {"name": "m"}})
    targets = [target for _, target, _ in there.connection.sent]
    assert all("fieldManager=jenkins-ml" in target for target in targets)
    assert "force=false" in targets[0]


def test_only_what_was_read_is_deleted(clock):
    there = api(clock, (409, {"message": "the UID in the precondition does not match"}))
    with pytest.raises(Changed):
        there.delete(kinds.DEPLOYMENT, "n", "m", "7", "u")
    [(_, _, body)] = there.connection.sent
    assert body == {"propagationPolicy": "Foreground", "preconditions": {"resourceVersion": "7", "uid": "u"}}


# --- pods, through the API server ------------------------------------------------------------------------------------
def ask(clock, answer):
    return pods.ask(api(clock, answer), "n", "m-1", 8501, "/v1/models/m", None, 5)


def test_what_a_pod_answers(clock):
    there = api(clock, (500, b'{"error": "no"}'))
    answer = pods.ask(there, "n", "m-1", 8501, "/v1/models/m:predict", b"{}", 5)
    assert (answer.status, answer.body) == (500, b'{"error": "no"}')
    assert there.connection.sent == [("POST", "/api/v1/namespaces/n/pods/m-1:8501/proxy/v1/models/m:predict", {})]


@pytest.mark.parametrize(
    "answer",
    [
        AWAY,
        (503, {"kind": "Status", "message": "error trying to reach service: connection refused"}),
        (404, {"kind": "Status", "message": 'pods "m-1" not found'}),
        (502, b"error trying to reach service: EOF"),
    ],
)
def test_a_pod_that_is_not_reached_has_not_answered(clock, answer):
    assert ask(clock, answer).status is None


def test_pods_that_we_may_not_ask(clock):
    message = (
        'pods "m-1:8501" is forbidden: User "u" cannot get resource "pods/proxy" in API group "" in the namespace "n"'
    )
    with pytest.raises(UsageError, match="u may not get pods/proxy in namespace n"):
        ask(clock, (403, {"kind": "Status", "message": message}))


# --- who holds a lease -----------------------------------------------------------------------------------------------
def test_only_a_process_that_is_surely_gone_is_dead():
    this = identity.this_process()
    assert not identity.is_dead(this)
    place, number, started = this.rsplit(" ", 2)
    assert identity.is_dead(f"{place} {number} {int(started) + 1}")  # its number was given anew
    assert not identity.is_dead(f"elsewhere {number} {int(started) + 1}")
    assert not identity.is_dead("")
    assert not identity.is_dead("nonsense")


def test_a_lease_that_lives_is_not_taken(clock):
    spec = {"holderIdentity": "a", "leaseTransitions": 1, "leaseDurationSeconds": 15, "acquireTime": "then"}
    live = [(200, {"metadata": {}, "spec": {**spec, "renewTime": str(number)}}) for number in range(2)]
    there = api(clock, *live)
    with (
        pytest.raises(Unavailable, match="being changed by a, since then"),
        lease.held(there, lease.Place("n", "m", {}), "b"),
    ):
        pass


def test_a_lease_that_nobody_renews_is_taken_after_its_time(clock):
    spec = {"holderIdentity": "a", "leaseTransitions": 6, "leaseDurationSeconds": 15, "renewTime": "then"}
    found = (200, {"metadata": {"resourceVersion": "1"}, "spec": spec})
    there, began, said = api(clock, found), clock(), []
    with lease.held(there, lease.Place("n", "m", {}), "b", said.append):
        assert clock() - began == pytest.approx(15)
        change = next(body for method, _, body in there.connection.sent if method == "PATCH")
    assert change["spec"]["leaseTransitions"] == 7
    assert change["metadata"]["resourceVersion"] == "1"
    assert said == ["waiting for up to 15 s to see whether a still lives"]


def test_while_the_api_server_is_away_nobody_can_renew(clock):
    spec = {"holderIdentity": "a", "leaseTransitions": 6, "leaseDurationSeconds": 15, "renewTime": "then"}
    found = (200, {"metadata": {"resourceVersion": "1"}, "spec": spec})
    there, began = api(clock, found, *[AWAY] * 12, found), clock()
    with lease.held(there, lease.Place("n", "m", {}), "b"):
        assert clock() - began > 25  # the time away, and 15 s after it


def test_applying_what_is_refused(clock):
    with pytest.raises(StageFailed, match=r"refuses to apply Service m: spec\.ports is required"):
        api(clock, (422, {"message": "spec.ports is required"})).patch(kinds.SERVICE, "n", "m", {}, "apply")
