"""What the fake Jenkins does in time: queue, builds, logs, restarts, faults, crumbs, rights."""

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.contract.jenkins_story import PARAMETERISED, job
from tests.fakes.jenkins import READER, Build, FakeJenkins, Input, User
from tests.fakes.jenkins.asking import XML, Asker, wait_until

ROOT = Path(__file__).parents[2]
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Clock:
    """A clock that only the test turns."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(clock):
    with FakeJenkins(clock=clock) as running:
        running.folder("f")
        running.put("f/plain", job())
        running.put("f/with", job(PARAMETERISED))
        yield running


@pytest.fixture
def admin(server):
    with Asker(server, server.admin) as asker:
        yield asker


def number(location: str) -> int:
    return int(re.search(r"/queue/item/(\d+)/$", location)[1])


def queued(admin: Asker, path: str) -> int:
    answer = admin.post(path)
    assert answer.status in (201, 303)
    return number(answer.headers["location"])


def item(admin: Asker, which: int) -> dict:
    return admin.get(f"/queue/item/{which}/api/json").json


# The queue


def test_a_second_build_without_parameters_is_the_first_one(admin):
    first = queued(admin, "/job/f/job/plain/build")
    answer = admin.post("/job/f/job/plain/build")
    assert (answer.status, number(answer.headers["location"])) == (201, first)
    assert len(item(admin, first)["actions"][0]["causes"]) == 2


def test_equal_parameters_are_seen_as_other_and_different_ones_are_new(admin):
    one = admin.post("/job/f/job/with/buildWithParameters?MODEL=a")
    same = admin.post("/job/f/job/with/buildWithParameters?MODEL=a&SIZE=s")
    other = admin.post("/job/f/job/with/buildWithParameters?MODEL=b")
    assert (one.status, same.status, other.status) == (201, 303, 201)
    assert one.headers["location"] == same.headers["location"] != other.headers["location"]


def test_the_quiet_period_ends_or_is_cut_short(admin, clock, server):
    which = queued(admin, "/job/f/job/plain/build")
    waiting = item(admin, which)
    assert (waiting["_class"], waiting["why"]) == (
        "hudson.model.Queue$WaitingItem",
        "In the quiet period. Expires in 5.0 sec",
    )
    clock.time += 4
    assert item(admin, which)["_class"].endswith("WaitingItem")
    clock.time += 1
    left = item(admin, which)
    assert left["_class"].endswith("LeftItem")
    assert left["executable"]["number"] == 1
    again = queued(admin, "/job/f/job/plain/build")
    assert queued(admin, "/job/f/job/plain/build?delay=0sec") == again
    assert item(admin, again)["executable"]["number"] == 2


def test_a_delay_may_stand_in_the_form(admin):
    answer = admin.post("/job/f/job/with/buildWithParameters", "MODEL=x&delay=60sec", _FORM)
    assert item(admin, number(answer.headers["location"]))["why"] == "In the quiet period. Expires in 1 min 0 sec"


def test_an_item_that_left_is_forgotten_after_five_minutes(admin, clock):
    which = queued(admin, "/job/f/job/plain/build?delay=0sec")
    clock.time += 299
    assert item(admin, which)["executable"]["number"] == 1
    clock.time += 2
    assert admin.get(f"/queue/item/{which}/api/json").status == 404
    found = admin.get("/job/f/job/plain/api/json?tree=builds[number,queueId]{0,5}").json
    assert [each["queueId"] for each in found["builds"]] == [which]


def test_what_is_cancelled_never_becomes_a_build(admin, clock, server):
    which = queued(admin, "/job/f/job/plain/build")
    assert [admin.post(f"/queue/cancelItem?id={which}").status for _ in range(2)] == [204, 500]
    assert admin.post("/queue/cancelItem?id=99999").status == 404
    clock.time += 60
    assert item(admin, which)["cancelled"] is True
    assert item(admin, which)["executable"] is None
    assert server.runs("f/plain") == []


def test_one_build_at_a_time_where_the_job_says_so(admin, clock, server):
    alone = "<org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty/>"
    server.put("f/alone", job(alone))
    server.script("f/alone", Build(seconds=10))
    queued(admin, "/job/f/job/alone/build?delay=0sec")
    second = queued(admin, "/job/f/job/alone/build?delay=0sec")
    assert item(admin, second)["why"].startswith("Build #1 is already in progress")
    assert item(admin, second)["blocked"] is True
    clock.time += 10
    assert item(admin, second)["executable"]["number"] == 2


def test_a_newer_build_takes_the_place_of_the_running_one(admin, clock, server):
    tag = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
    server.put("f/newest", job(f"<{tag}><abortPrevious>true</abortPrevious></{tag}>"))
    server.script("f/newest", Build(seconds=10))
    for _ in range(2):
        queued(admin, "/job/f/job/newest/build?delay=0sec")
        clock.time += 1
    assert [run.result for run in server.runs("f/newest")] == ["NOT_BUILT", None]


def test_no_more_builds_than_executors(admin, clock, server):
    server.queue.executors = 1
    server.script("f/plain", Build(seconds=10))
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    second = queued(admin, "/job/f/job/plain/build?delay=0sec")
    assert item(admin, second)["_class"].endswith("BuildableItem")
    assert admin.get("/queue/api/json").json["items"][0]["id"] == second
    clock.time += 11
    assert item(admin, second)["executable"]["number"] == 2


def test_many_builds_run_one_after_the_other_in_one_go(clock, server):
    server.queue.executors = 2
    server.script("f/plain", Build(seconds=10))
    for _ in range(6):
        server.queue.add(server.item("f/plain"), 0, [], {"shortDescription": "x"})
        with server.lock:
            server.queue.advance()
    # Without parameters they are one as long as one waits: two run, the third waits and takes the rest.
    clock.time += 100
    assert [run.result for run in server.runs("f/plain")] == ["SUCCESS"] * 3


def test_quieting_down_lets_builds_wait(admin, server):
    admin.post("/quietDown?message=upgrade")
    which = queued(admin, "/job/f/job/plain/build?delay=0sec")
    assert item(admin, which)["why"] == "Jenkins is about to shut down"
    assert admin.get("/api/json?tree=quietingDown,quietDownReason").json["quietDownReason"] == "upgrade"
    admin.post("/cancelQuietDown")
    assert item(admin, which)["executable"]["number"] == 1


def test_deleting_a_job_ends_what_it_was_doing(admin, clock, server):
    server.script("f/plain", Build(seconds=100))
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    second = queued(admin, "/job/f/job/plain/build?delay=60sec")
    assert admin.post("/job/f/job/plain/doDelete").status == 302
    assert item(admin, second)["cancelled"] is True
    assert server.queue.running == {}


# Parameters


def test_parameters_as_they_are_understood(admin, server):
    admin.post("/job/f/job/with/buildWithParameters?FORCE=yes&WHAT=1&delay=0sec")
    admin.post("/job/f/job/with/buildWithParameters?FORCE=TRUE&SIZE=l&MODEL=%C3%A9&delay=0sec")
    values = [[(each.name, each.value) for each in run.parameters] for run in server.runs("f/with")]
    assert values == [
        [("MODEL", "resnet"), ("SIZE", "s"), ("FORCE", False)],
        [("MODEL", "é"), ("SIZE", "l"), ("FORCE", True)],
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/job/f/job/with/buildWithParameters?SIZE=xxl", 500),
        ("/job/f/job/with/buildWithParameters?MODEL=a&MODEL=b", 500),
        ("/job/f/job/with/build", 400),
        ("/job/f/job/plain/buildWithParameters?A=1", 500),
        ("/job/f/job/plain/build?delay=soon", 500),
        ("/job/f/build", 404),
        ("/job/f/job/none/build", 404),
    ],
)
def test_builds_that_are_refused(admin, server, path, status):
    assert admin.post(path).status == status
    assert server.queue.items == {}


def test_a_form_of_several_parts_carries_parameters(admin, server):
    body = b"".join(
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in (("MODEL", "two\nlines"), ("delay", "0sec"))
    )
    kind = {"Content-Type": "multipart/form-data; boundary=limit"}
    assert admin.post("/job/f/job/with/buildWithParameters", body + b"--limit--\r\n", kind).status == 201
    assert server.runs("f/with")[0].value("MODEL") == "two\nlines"


def test_a_pipeline_is_parameterised_by_its_first_build(admin, server):
    script = "pipeline { agent none\n parameters { string(name: 'A', defaultValue: 'x') }\n stages { } }"
    server.put("f/late", job(script=script))
    assert admin.post("/job/f/job/late/buildWithParameters?A=1").status == 500
    assert admin.post("/job/f/job/late/build?delay=0sec").status == 201
    assert admin.post("/job/f/job/late/build?delay=0sec").status == 400
    assert admin.post("/job/f/job/late/buildWithParameters?A=1&delay=0sec").status == 201


def test_a_password_is_never_shown(admin, server):
    tag = "hudson.model.PasswordParameterDefinition"
    inside = f"<{tag}><name>PW</name><defaultValue>first-s3cret</defaultValue></{tag}>"
    whole = "hudson.model.ParametersDefinitionProperty"
    server.put("f/pw", job(f"<{whole}><parameterDefinitions>{inside}</parameterDefinitions></{whole}>"))
    which = queued(admin, "/job/f/job/pw/buildWithParameters?PW=other-s3cret")
    seen = [admin.get(f"/queue/item/{which}/api/json").text]
    queued(admin, "/job/f/job/pw/buildWithParameters?PW=other-s3cret&delay=0sec")
    seen += [admin.get(path).text for path in ("/job/f/job/pw/1/api/json?depth=2", "/job/f/job/pw/api/json?depth=2")]
    assert '"PW"' in seen[1]
    assert not [text for text in seen if "s3cret" in text]


# Logs and what ends a build


def follow(admin: Asker, path: str, start: int = 0) -> tuple[str, int, bool]:
    answer = admin.get(f"{path}/logText/progressiveText?start={start}")
    return answer.text, int(answer.headers["x-text-size"]), "x-more-data" in answer.headers


def test_following_a_log_by_its_size_gives_all_of_it(admin, clock, server):
    lines = [(float(i), f"[Pipeline] echo\nzeile {i} ünï ✓") for i in range(5)]
    server.script("f/plain", Build(seconds=5, log=lines))
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    text, size, more = follow(admin, "/job/f/job/plain/1")
    assert more
    assert len(text.encode()) < size  # hidden notes count
    assert "zeile 1" not in text
    whole = text
    while more:
        clock.time += 0.7
        text, size, more = follow(admin, "/job/f/job/plain/1", size)
        whole += text
    assert whole.replace("\r\n", "\n") == admin.get("/job/f/job/plain/1/consoleText").text
    assert whole.endswith("Finished: SUCCESS\r\n")
    assert follow(admin, "/job/f/job/plain/1", size) == ("", size, False)


def test_wrong_offsets_into_a_log(admin, clock, server):
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    clock.time += 1
    whole, size, _ = follow(admin, "/job/f/job/plain/1")
    assert follow(admin, "/job/f/job/plain/1", size + 1000)[0] == whole  # beyond the end: all of it again
    assert "\x1b[0m" in follow(admin, "/job/f/job/plain/1", 30)[0]  # in a note: rubbish
    for start in ("-1", "abc"):
        assert admin.get(f"/job/f/job/plain/1/logText/progressiveText?start={start}").status == 500


@pytest.mark.parametrize(("ignores", "ends"), [([], "stop"), (["stop"], "term"), (["stop", "term"], "kill")])
def test_what_ends_a_build(admin, server, ignores, ends):
    does = Build(100, ignores_stop="stop" in ignores, ignores_term="term" in ignores, ignored=["not now"])
    server.script("f/plain", does)
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    path = "/job/f/job/plain/1"
    for how in ignores:
        assert admin.post(f"{path}/{how}").status == 302
        assert admin.get(f"{path}/api/json?tree=building").json["building"] is True
    assert admin.post(f"{path}/{ends}").status == 302
    assert admin.get(f"{path}/api/json?tree=result").json["result"] == "ABORTED"
    log = admin.get(f"{path}/consoleText").text
    assert log.count("not now") == len(ignores)
    assert log.endswith("Finished: ABORTED\n")
    assert admin.post(f"{path}/stop").status == 302  # it is over, and still


def test_a_question_is_answered_once(admin, clock, server):
    server.script("f/plain", Build(1, input=Input("Ok", "Ship?"), after_input=["shipped"]))
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    path = "/job/f/job/plain/1"
    assert admin.get(f"{path}/wfapi/pendingInputActions").json == []
    clock.time += 500
    assert admin.get(f"{path}/wfapi/pendingInputActions").json[0]["message"] == "Ship?"
    assert admin.post(f"{path}/input/Ok/proceedEmpty").status == 200
    assert admin.post(f"{path}/input/Ok/proceedEmpty").status == 404
    assert "shipped\n" in admin.get(f"{path}/consoleText").text
    assert server.runs("f/plain")[0].result == "SUCCESS"


def test_builds_follow_their_scripts_and_the_last_one_stays(clock, server):
    server.script("f/plain", Build(result="FAILURE"), Build(result="UNSTABLE"))
    for _ in range(3):
        server.trigger("f/plain")
        clock.time += 1
    assert [run.result for run in server.runs("f/plain")] == ["FAILURE", "UNSTABLE", "UNSTABLE"]


def test_old_builds_are_discarded(admin, clock, server):
    strategy = "<strategy class='hudson.tasks.LogRotator'><numToKeep>2</numToKeep></strategy>"
    server.put("f/few", job(f"<jenkins.model.BuildDiscarderProperty>{strategy}</jenkins.model.BuildDiscarderProperty>"))
    for _ in range(4):
        server.trigger("f/few")
        clock.time += 1
    assert [run.number for run in server.runs("f/few")] == [3, 4]
    assert admin.get("/job/f/job/few/1/api/json").status == 404


def test_a_script_that_nobody_approved_fails(admin, clock, server):
    server.put("f/bare", "<flow-definition/>")
    server.put("f/free", job().replace("<sandbox>true", "<sandbox>false"))
    for name in ("bare", "free"):
        server.trigger(f"f/{name}")
    clock.time += 1
    assert [server.runs(f"f/{name}")[0].result for name in ("bare", "free")] == ["FAILURE", "FAILURE"]
    assert "script not yet approved" in admin.get("/job/f/job/free/1/consoleText").text


# Restarts


def test_a_restart_loses_what_is_posted_in_it_and_nothing_else(admin, clock, server):
    server.script("f/plain", Build(10, log=[(1, "before"), (9, "after")]))
    queued(admin, "/job/f/job/plain/build?delay=0sec")
    waits = queued(admin, "/job/f/job/with/buildWithParameters?delay=1000sec")
    clock.time += 5
    phases = [threading.Event() for _ in range(5)]
    server.timeline = list(zip(("quiet", "503", "401", "refused", "503"), phases, strict=True))
    session = admin.get("/api/json").headers["x-jenkins-session"]
    crumb = server.security.crumb(server.admin, "browser")
    assert admin.post("/safeRestart").status == 302
    assert admin.get("/api/json?tree=quietingDown").json["quietingDown"] is True
    seen = []
    for phase, event in zip(("503", "401", "refused", "503"), phases, strict=False):
        event.set()
        wait_until(lambda phase=phase: server.phase == phase and server.listening is not (phase == "refused"))
        try:
            seen.append(admin.post("/job/f/job/with/buildWithParameters?MODEL=lost&delay=0sec").status)
        except (ConnectionRefusedError, http.client.RemoteDisconnected, ConnectionResetError):
            seen.append(0)
            with pytest.raises(ConnectionRefusedError):
                admin.get("/api/json")
    assert seen == [503, 401, 0, 503]
    clock.time += 100
    phases[-1].set()
    server.wait_restarted()
    assert admin.get("/api/json").headers["x-jenkins-session"] != session
    assert crumb != server.security.crumb(server.admin, "browser")
    assert [each["id"] for each in admin.get("/queue/api/json").json["items"]] == [waits]
    assert [run.number for run in server.runs("f/with")] == []
    assert admin.get("/job/f/job/plain/1/api/json?tree=building").json["building"] is True
    clock.time += 6
    log = admin.get("/job/f/job/plain/1/consoleText").text
    order = [
        log.index(each) for each in ("before", "Pausing", "Resuming", "Ready to run", "after\n", "Finished: SUCCESS")
    ]
    assert order == sorted(order)


def test_a_restart_by_the_clock_ends_by_itself():
    with FakeJenkins() as server, Asker(server, server.admin) as admin:
        server.restart(timeline=[("503", 0.02), ("refused", 0.02), ("503", 0.02)])
        server.wait_restarted()
        assert server.listening
        assert admin.get("/api/json").status == 200


def test_a_server_stops_in_the_middle_of_a_restart():
    with FakeJenkins() as server:
        server.restart(timeline=[("503", threading.Event())])
    assert not server.listening


# Faults


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("action", ["answer", "drop"])
def test_a_request_is_carried_out_or_not(admin, server, action, after):
    server.fault(action, status=502, after=after, method="POST", path="createItem")
    assert admin.get("/api/json").status == 200  # it is for another request
    try:
        assert admin.post_xml("/createItem?name=made", job()).status == 502
    except (http.client.HTTPException, ConnectionError):
        assert action == "drop"
    assert (server.find("made", server.root) is not None) is after
    assert admin.post_xml("/createItem?name=made", job()).status == (400 if after else 200)


def test_every_third_request_fails_until_it_stops(admin, server):
    fault = server.fault("answer", status=429, headers={"Retry-After": "1"}, every=3, times=2)
    answers = [admin.get("/api/json") for _ in range(9)]
    assert [each.status for each in answers] == [200, 200, 429, 200, 200, 429, 200, 200, 200]
    assert answers[2].headers["retry-after"] == "1"
    assert fault.happened == 2


def test_a_fault_for_ever_ends_when_it_is_cleared(admin, server):
    server.fault("answer", status=504, times=None)
    assert [admin.get("/api/json").status for _ in range(3)] == [504] * 3
    server.faults.clear()
    assert admin.get("/api/json").status == 200


def test_half_of_an_answer(admin, server):
    server.fault("half")
    with pytest.raises(http.client.IncompleteRead):
        admin.get("/api/json")


def test_an_answer_byte_by_byte(admin, server):
    server.fault("trickle", seconds=0.05)
    assert admin.get("/api/json?tree=mode").json["mode"] == "NORMAL"


@pytest.mark.parametrize("action", ["hang", "trickle"])
def test_what_hangs_ends_with_the_server(action):
    with FakeJenkins() as server:
        server.fault(action, seconds=10_000)
        connection = http.client.HTTPConnection(*server.address)
        connection.request("GET", "/login")
        wait_until(lambda: server.requests)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse().read()
    connection.close()


def test_a_queue_item_that_goes_away_while_it_is_asked_for(admin, server):
    which = queued(admin, "/job/f/job/plain/build")
    server.fault("cancel-item", path=f"/queue/item/{which}/")
    assert item(admin, which)["cancelled"] is True
    server.fault("expire-item")
    assert admin.get(f"/queue/item/{which}/api/json").status == 404


def test_an_unknown_fault_is_a_mistake_of_the_test(server):
    with pytest.raises(ValueError, match="is none of"):
        server.fault("explode")


# Who asks


def with_password(user: User) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user.name}:{user.password}".encode()).decode()}


def test_a_password_needs_a_crumb_of_its_session(server):
    user = server.admin
    with Asker(server) as asker:
        post = lambda **more: asker.ask("POST", "/quietDown", None, with_password(user) | more).status  # noqa: E731
        assert post() == 403
        got = asker.ask("GET", "/crumbIssuer/api/json", None, with_password(user))
        crumb, cookie = got.json["crumb"], got.headers["set-cookie"].partition(";")[0]
        assert post(**{"Jenkins-Crumb": crumb}) == 403
        assert post(**{"Jenkins-Crumb": crumb, "Cookie": "JSESSIONID=another"}) == 403
        assert post(**{"Jenkins-Crumb": crumb, "Cookie": cookie}) == 302
        server.fault("expire-crumbs")
        assert post(**{"Jenkins-Crumb": crumb, "Cookie": cookie}) == 403


def test_without_protection_there_are_no_crumbs():
    with FakeJenkins(csrf=False) as server, Asker(server) as asker:
        own = with_password(server.admin)
        assert asker.ask("GET", "/crumbIssuer/api/json", None, own).status == 404
        assert asker.ask("POST", "/quietDown", None, own).status == 302


def test_rights_can_end_at_a_folder(admin, server):
    reader = server.add_user("reader", *READER)
    server.folder("private")
    server.put("private/job", job())
    server.seclude("private")
    with Asker(server, reader) as asker:
        listed = lambda: [each["name"] for each in asker.get("/api/json?tree=jobs[name]").json["jobs"]]  # noqa: E731
        assert listed() == ["f"]
        assert asker.get("/job/private/job/job/api/json").status == 404
        server.grant("reader", "private", "Job/Discover")
        assert asker.get("/job/private/api/json").status == 403
        server.grant("reader", "private", "Job/Read", "Job/Build")
        assert listed() == ["f", "private"]
        assert asker.post("/job/private/job/job/build").status == 201
        assert asker.post("/job/f/job/plain/build").headers["x-required-permission"] == "hudson.model.Item.Build"


def test_a_token_of_a_job_builds_it(server):
    server.put("f/remote", job().replace("<triggers/>", "<triggers/><authToken>let-me</authToken>"))
    with Asker(server, server.add_user("reader", *READER)) as asker:
        assert asker.get("/job/f/job/remote/build?token=wrong").status == 405
        assert asker.get("/job/f/job/remote/build?token=let-me&delay=0sec&cause=tag").status == 201
    assert server.runs("f/remote")[0].causes[0]["shortDescription"] == "Started by remote host 127.0.0.1 with note: tag"


def test_a_copy_is_built_only_after_it_was_saved(admin):
    assert admin.post("/job/f/createItem?name=copy&mode=copy&from=plain").status == 302
    assert admin.post("/job/f/job/copy/build").status == 409
    assert admin.post_xml("/job/f/job/copy/config.xml", job()).status == 200
    assert admin.post("/job/f/job/copy/build").status == 201


def test_what_moves_takes_everything_along(admin, server):
    server.folder("to")
    server.trigger("f/plain")
    assert admin.post("/job/f/move/move", "destination=/to", _FORM).headers["location"] == "/job/to/job/f/"
    assert (
        admin.get("/job/to/job/f/job/plain/1/api/json?tree=url").json["url"] == f"{server.url}job/to/job/f/job/plain/1/"
    )
    assert (
        admin.post("/job/to/move/move", "destination=/to/f", _FORM).headers["location"] == "/job/to/move/"
    )  # into itself
    assert admin.get("/job/f/api/json").status == 404


def test_rights_in_a_configuration_count(admin, server):
    tag = "com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty"
    none = '<inheritanceStrategy class="org.jenkinsci.plugins.matrixauth.inheritance.NonInheritingStrategy"/>'
    who = "<permission>USER:hudson.model.Item.Read:one</permission>"
    folder = "com.cloudbees.hudson.plugins.folder.Folder"
    server.put("matrix", f"<{folder}><properties><{tag}>{none}{who}</{tag}></properties></{folder}>")
    for name, status in (("one", 200), ("two", 404)):
        with Asker(server, server.add_user(name, *READER)) as asker:
            assert asker.get("/job/matrix/api/json").status == status
    assert admin.get("/job/matrix/api/json").status == 200


# The server and its test


def test_every_request_is_written_down(admin, server):
    admin.post("/job/f/job/with/buildWithParameters?MODEL=x", b"a=b", {"X-Mine": "1"})
    seen = server.seen("POST", "buildWithParameters")[-1]
    assert (seen.path, seen.query, seen.body) == ("/job/f/job/with/buildWithParameters", {"MODEL": ["x"]}, b"a=b")
    assert (seen.headers["x-mine"], seen.user_name, seen.status) == ("1", "admin", 201)


def test_somebody_else_acts_between_two_requests(admin, server):
    def hook(request):
        if request.method == "POST":
            server.put("f/other", job())

    server.on_request = hook
    assert admin.get("/job/f/job/other/api/json").status == 404
    assert admin.post_xml("/job/f/createItem?name=other", job()).status == 400


def test_a_bug_of_the_fake_fails_the_test():
    def broken():
        with FakeJenkins() as server:
            server.root.children = None  # type: ignore[assignment]
            with Asker(server, server.admin) as asker:
                assert asker.get("/job/x/api/json").status == 500

    with pytest.raises(AssertionError, match="AttributeError"):
        broken()


def test_a_faster_clock():
    with FakeJenkins(speed=1000) as server, Asker(server, server.admin) as admin:
        server.put("job", job())
        which = queued(admin, "/job/job/build")
        wait_until(lambda: item(admin, which).get("executable"))


def test_many_clients_at_once_lose_nothing():
    with FakeJenkins(quiet_period=0, latency=0.001, executors=1000) as server:

        def work(first: int) -> None:
            with Asker(server, server.admin) as asker:
                for i in range(first, first + 25):
                    assert asker.post_xml(f"/createItem?name=j{i}", job()).status == 200
                    assert asker.post(f"/job/j{i}/build").status == 201

        threads = [threading.Thread(target=work, args=(i * 25,)) for i in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        with Asker(server, server.admin) as asker:
            listed = asker.get("/api/json?tree=jobs[name,builds[number]]").json["jobs"]
        assert len(listed) == 200
        assert {len(each["builds"]) for each in listed} == {1}


def test_nothing_is_left_of_a_server():
    before = threading.active_count()
    with FakeJenkins() as server:
        asker = Asker(server, server.admin)
        asker.get("/api/json")
        assert threading.active_count() > before
    assert threading.active_count() == before
    asker.__exit__()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)


def test_the_tree_of_the_api(admin, server):
    server.put("f/a", job())
    names = lambda tree: [each["name"] for each in admin.get(f"/job/f/api/json?tree={tree}").json["jobs"]]  # noqa: E731
    assert names("jobs[name]{0,2}") == ["a", "plain"]
    assert names("jobs[name]{1}") == ["plain"]
    assert names("jobs[name]{,1}") == ["a"]
    assert names("jobs[*]{2,}") == ["with"]
    for bad in ("jobs[name", "jobs[name]{x}", "jobs[name]{0,2", "[name]"):
        assert admin.get(f"/job/f/api/json?tree={bad}").status == 500


def test_xml_that_is_none(admin, server):
    for bad in (
        "",
        "<a>",
        "<project></b>",
        "<project/><project/>",
        "<project>&bogus;</project>",
        "<!DOCTYPE x><project/>",
        "x",
    ):
        assert admin.post_xml("/createItem?name=bad", bad).status == 500
    assert admin.post_xml("/job/f/config.xml", "<project/>").status == 500
    assert server.find("bad", server.root) is None


def test_a_chunked_body_is_read(server):
    connection = http.client.HTTPConnection(*server.address)
    headers = {**XML, "Authorization": server.admin.basic}
    body = iter([b"<project>", b"</project>"])
    connection.request("POST", "/createItem?name=chunks", body, headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("how", ["input", "SIGTERM"])
def test_it_runs_by_itself(how):
    command = [sys.executable, "-m", "tests.fakes.jenkins", "--quiet-period", "0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        command, cwd=ROOT, text=True, env={**os.environ, "PYTHONWARNINGS": "error"}, **pipes
    ) as process:
        url = process.stdout.readline().strip()
        name, token = process.stdout.readline().split()
        host, port = re.fullmatch(r"http://(127\.0\.0\.1):(\d+)/", url).groups()
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", "/api/json?tree=url", headers={"Authorization": User(name, token).basic})
        assert json.load(connection.getresponse())["url"] == url
        process.send_signal(signal.SIGTERM) if how == "SIGTERM" else process.stdin.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
        connection.close()


def test_a_page_leaves_the_session_alone(server):
    with Asker(server) as asker:
        own = with_password(server.admin)
        cookie = asker.ask("GET", "/crumbIssuer/api/json", None, own).headers["set-cookie"].partition(";")[0]
        assert "set-cookie" not in asker.ask("GET", "/nowhere", None, own | {"Cookie": cookie}).headers
        server.expire_crumbs()
        assert "set-cookie" in asker.ask("GET", "/nowhere", None, own | {"Cookie": cookie}).headers


@pytest.mark.parametrize("secret", ["token", "password"])
def test_a_client_that_was_written_for_the_real_one_gets_along(secret):
    jenkins = pytest.importorskip("jenkins")
    with FakeJenkins(quiet_period=0) as server:
        client = jenkins.Jenkins(server.url, server.admin.name, getattr(server.admin, secret))
        assert client.get_whoami()["id"] == "admin"
        assert client.get_version() == "2.479.3"
        client.create_folder("team")
        client.create_job("team/a b", job(PARAMETERISED))
        number = client.build_job("team/a b", {"MODEL": "x"})
        wait_until(lambda: client.get_queue_item(number).get("executable"))
        wait_until(lambda: client.get_build_info("team/a b", 1)["result"])
        assert "grüße" in client.get_build_console_output("team/a b", 1)
        client.reconfig_job("team/a b", job())
        client.disable_job("team/a b")
        client.copy_job("team/a b", "team/c")
        client.rename_job("team/c", "team/d")
        client.delete_job("team/a b")
        assert [each["fullname"] for each in client.get_all_jobs()] == ["team", "team/d"]
        assert client.get_plugins()["git"]["version"] == "5.7.0"
        client._session.close()
