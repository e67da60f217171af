"""`jenkins-ml monitor` on a real server: what answers, how it answers, and what it says when nobody does."""

import http.client
import json
from dataclasses import replace

import pytest

from tests.fakes.repository import finish

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("monitor")]
GOOD = [3.0, 3.0, 3.0, 3.0]
# As float32 these are infinities, whose sum is not a number.
NOT_A_NUMBER = [1e39, -1e39, 0.0, 0.0]


@pytest.fixture
def served(gated):
    gated.ok("serve", run="first")
    return gated


def looked_at_while_asked(repository, instance):
    """The answer of `monitor` while requests come in all the time."""
    process = repository.start("monitor", "--for", "500ms", "--json")
    server = repository.server()
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)
    body = json.dumps({"instances": [instance]})
    while process.poll() is None:
        connection.request("POST", "/v1/models/tiny:predict", body)
        connection.getresponse().read()
    connection.close()
    done = finish(process)
    return done, json.loads(done.out)


def test_production_answers(served):
    done, answer = looked_at_while_asked(served, GOOD)
    assert (done.code, answer["verdict"], answer["version"], answer["failed"]) == (0, "healthy", 1, 0), done
    assert answer["requests"] > 0


def test_production_fails(served):
    done, answer = looked_at_while_asked(served, NOT_A_NUMBER)
    assert (done.code, answer["verdict"]) == (1, "failing"), done
    assert answer["failed"] == answer["requests"] > 0
    assert "error: version 1 fails in production" in done.err
    assert "jenkins-ml rollback" in done.err


def test_nobody_asks(served):
    done = served.ok("monitor", "--for", "10ms")
    assert "version 1: ready; nobody asked it" in done.err


def test_nobody_answers(served):
    served.kill_server()
    done = served.call("monitor", "--for", "10ms")
    assert done.code == 6, done
    assert "answers nobody" in done.error
    [row] = json.loads(served.ok("status", "--json").out)["environments"]
    assert row["problem"] == "nothing here serves version 1"


def test_something_else_answers(served):
    last = served.store.journal.entries()[-1]
    served.store.journal.append(lambda number: replace(last, number=number, version=7))
    done = served.call("monitor", "--for", "10ms")
    assert done.code == 7, done
    assert "version 1 answers in production, the journal says 7" in done.error


def test_nothing_is_in_production(cold_project):
    done = cold_project.call("monitor")
    assert done.code == 2
    assert "nothing is in production" in done.error


@pytest.mark.parametrize("duration", ["soon", "10", "2h"])
def test_a_look_has_a_sensible_length(cold_project, duration):
    assert cold_project.call("monitor", "--for", duration).code == 2


def test_the_version_before_is_let_go_when_it_was_kept_long_enough(served):
    served.ok("train", run="second")
    served.ok("gate", run="second")
    served.ok("serve", run="second")
    served.ok("monitor", "--for", "10ms")
    assert set(served.server().state()["versions"]) == {"1", "2"}
    served.change("jenkins-ml.yaml", "serve:\n", "serve:\n  keep_warm: 10ms\n")
    done = served.ok("monitor", "--for", "10ms")
    assert "version 1 was kept ready for a rollback long enough: it is taken out" in done.err
    assert served.server().state()["versions"]["1"]["state"] == "END"
    served.ok("rollback")
    assert served.answering() == 1
