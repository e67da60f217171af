"""`jenkins-ml alert-hook` on a real server: what an alert may do, what is in its way, and what is left when it dies."""

import json
import signal

import pytest

from jenkins_ml import names
from tests.fakes.alert_bodies import alert, body
from tests.fakes.repository import finish, wait_until

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("alert-hook")]
MONITOR = """
monitor:
  alerts: {hook: {url: "http://127.0.0.1:9095", token_file: /run/token}}
"""
HOSTILE = "\x1b]0;title\x07it `reboot` $(reboot) fails\r\n\u202e, \x00 'and\" how " + "x" * 5000


@pytest.fixture
def released(gated):
    """Versions 1 and 2 were released; 2 is in production."""
    with (gated.folder / names.CONFIG_FILE).open("a") as stream:
        stream.write(MONITOR)
    gated.ok("serve", run="first")
    release(gated, "second")
    return gated


def release(repository, run):
    for command in ("train", "gate", "serve"):
        repository.ok(command, run=run)


def told(repository, given, **options):
    """How the command ended, and what became of each alert."""
    (repository.folder / "alert.json").write_bytes(given)
    done = repository.call("alert-hook", "--once", "alert.json", "--json", **options)
    results = json.loads(done.out)["results"] if done.out else []
    return done, [(each["outcome"], each["what"]) for each in results]


def test_the_version_that_an_alert_names_is_rolled_back_once(released):
    done, [(outcome, what)] = told(released, body(alert()))
    assert (done.code, outcome) == (0, "done"), done
    assert what == "version 1 is in production again in production; version 2 was taken out"
    assert released.answering() == released.production() == 1
    begun, ended = released.store.journal.entries()[-2:]
    assert (begun.kind, ended.kind, ended.previous) == ("rollback_started", "rolled_back", 2)
    assert begun.reason == ended.reason == "JenkinsMLErrorBudgetBurn: it fails"
    seen = {"name": "JenkinsMLErrorBudgetBurn", "fingerprint": "c0ffee", "since": "2026-11-27T01:00:00Z"}
    assert begun.evidence == ended.evidence == {"alert": seen}

    # Again, by another alert of the same version.
    entries = released.kinds()
    done, [(outcome, what)] = told(released, body(alert(alertname="JenkinsMLNanAnswers")))
    assert (done.code, outcome) == (0, "ignored")
    assert what == "version 2 is not in production in production: version 1 is"

    # What came back fails as well: it is hardly the model.
    done, [(outcome, what)] = told(released, body(alert(version="1")))
    assert (done.code, outcome) == (0, "ignored")
    assert "somebody has to look why it fails too" in what
    assert released.kinds() == entries


def test_what_an_alert_says_is_one_short_line(released):
    done, [(outcome, _)] = told(released, body(alert(annotations={"summary": HOSTILE}, alertname="Ä\x1b[31m\nb")))
    assert (done.code, outcome) == (0, "done"), done
    reason = released.store.journal.entries()[-1].reason
    assert reason.startswith(
        "Ä\ufffd[31m b: \ufffd]0;title\ufffdit `reboot` $(reboot) fails \ufffd, \ufffd 'and\" how xxx"
    )
    assert len(reason) == 300
    for said in (done.out, done.err, released.ok("status").out):
        assert not {"\x1b", "\x07", "\x00", "\u202e"} & set(said)


def test_a_release_that_is_under_way_ends_first(released):
    released.ok("train", run="third")
    released.ok("gate", run="third")
    released.change(names.CONFIG_FILE, "interval: 50ms", "interval: 10m")
    deployer = released.start("serve", run="third")
    wait_until(lambda: released.kinds()[-1] == "release_step", "half of the traffic goes to version 3")
    entries = released.kinds()

    # Version 2, in production, fails: whoever asks tries again.
    done, [(outcome, what)] = told(released, body(alert()))
    assert (done.code, outcome) == (6, "unavailable"), done
    assert "production is being changed by process" in what
    # The canary fails: that is what its judge is for.
    done, [(outcome, what)] = told(released, body(alert(version="3")))
    assert (done.code, outcome) == (0, "ignored")
    assert what == "version 3 is not in production in production: version 2 is"
    assert released.kinds() == entries

    # It dies. The next try ends its release, and then does what the alert asks for.
    deployer.send_signal(signal.SIGKILL)
    finish(deployer)
    done, [(outcome, what)] = told(released, body(alert()))
    assert (done.code, outcome) == (0, "done"), done
    assert released.kinds()[-3:] == ["release_abandoned", "rollback_started", "rolled_back"]
    assert released.answering() == released.production() == 1


@pytest.mark.parametrize("before", ["rollback_started", "rolled_back"])
def test_what_died_half_way_is_finished_by_the_next_try(released, before):
    number = len(released.kinds()) + 1 + (before == "rolled_back")
    done, _ = told(released, body(alert()), at_entry=number)
    assert done.code == -signal.SIGKILL, done
    assert released.production() == (2 if before == "rollback_started" else 1)
    done, [(outcome, what)] = told(released, body(alert()))
    assert (done.code, outcome) == (0, "done"), done
    assert what == "version 1 is in production again in production; version 2 was taken out"
    assert released.kinds()[-2:] == ["rollback_started", "rolled_back"]
    assert released.answering() == released.production() == 1


def test_where_there_is_nothing_to_go_back_to_it_fails_for_good(gated):
    with (gated.folder / names.CONFIG_FILE).open("a") as stream:
        stream.write(MONITOR)
    gated.ok("serve", run="first")
    done, [(outcome, what)] = told(gated, body(alert(version="1")))
    assert (done.code, outcome) == (2, "failed"), done
    assert what == "version 1 is the only one that was ever good in production"
    assert gated.answering() == 1


def test_rolling_back_can_be_left_to_people(released):
    released.change(names.CONFIG_FILE, "token_file: /run/token", "token_file: /run/token, rollback: false")
    done, [(outcome, what)] = told(released, body(alert()))
    assert (done.code, outcome) == (0, "ignored")
    assert what == "monitor.alerts.hook.rollback is false: version 2 stays in production"
    assert released.answering() == 2
