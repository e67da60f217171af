"""`jobs trigger` against the fake server: which build is ours, how it is followed, how it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from jenkins_ml.adapters import jenkins_client, jenkins_conversation
from jenkins_ml.adapters.jenkins_client import Limits, Pace
from jenkins_ml.errors import Interrupted, JenkinsMLError, StageFailed, Unavailable, UsageError
from jenkins_ml.steps.jobs.trigger import command
from tests.fakes.jenkins import READER, Build, FakeJenkins
from tests.fakes.jenkins_jobs import PACE, VARIABLES, boolean, choice, password, pipeline, string, text

SECRET = "s3cret-value"
PARAMETERS = string("MODEL", "resnet") + boolean("FORCE") + choice("SIZE", "s", "l") + password("KEY") + text("NOTES")
RESTART = [("503", 0.15), ("401", 0.05), ("refused", 0.15), ("503", 0.1)]


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr(jenkins_client, "Pace", lambda: PACE)
    monkeypatch.setattr(jenkins_conversation, "Limits", lambda: Limits(connect=2, request=1, restart=5))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake():
    with FakeJenkins(quiet_period=0) as running:
        running.folder("team")
        running.put("team/plain", pipeline())
        running.put("team/all of it", pipeline(parameters=PARAMETERS))
        yield running


@pytest.fixture
def trigger(fake, monkeypatch):
    """Runs the command; gives what it answered and how it ended."""
    monkeypatch.setenv("JENKINS_URL", fake.url)
    monkeypatch.setenv("JENKINS_USER", fake.admin.name)
    monkeypatch.setenv("JENKINS_TOKEN", fake.admin.token)

    def run(*arguments, user=None):
        if user is not None:
            monkeypatch.setenv("JENKINS_USER", user.name)
            monkeypatch.setenv("JENKINS_TOKEN", user.token)
        return Ended(CliRunner().invoke(command, list(arguments)))

    return run


class Ended:
    def __init__(self, result):
        self.out, self.err, self.error = result.stdout, result.stderr, result.exception
        # What no class of ours explains is a defect, also of a test.
        if self.error is not None and not isinstance(self.error, (JenkinsMLError, SystemExit)):
            raise self.error
        self.code = getattr(self.error, "exit_code", result.exit_code)

    @property
    def json(self):
        return json.loads(self.out)


def meanwhile(work, after=0.0):
    def later():
        time.sleep(after)
        work()

    thread = threading.Thread(target=later)
    thread.start()
    return thread


# --- results ---------------------------------------------------------------------------------------------------------


def test_a_build_in_the_queue_is_enough(trigger, fake):
    fake.quiet_down()
    ended = trigger("team/plain", "--json")
    assert ended.code == 0
    assert ended.json == {
        "name": "team/plain", "number": None, "url": f"{fake.url}job/team/job/plain/", "queue_id": 1, "result": None,
        "joined": False, "parameters": [], "duration_s": None,
    }  # fmt: skip
    assert f"item 1 {fake.url}job/team/job/plain/" in trigger("team/plain").out


@pytest.mark.parametrize(
    ("result", "code"), [("SUCCESS", 0), ("UNSTABLE", 1), ("FAILURE", 1), ("NOT_BUILT", 1), ("ABORTED", 1)]
)
def test_the_result_is_the_exit_code(trigger, fake, result, code):
    fake.script("team/plain", Build(result=result))
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.code == code
    assert ended.json["result"] == result
    assert ended.json["number"] == 1
    assert ended.json["duration_s"] > 0
    if code:
        assert f"team/plain #1 ended {result}" in str(ended.error)
        assert f"{fake.url}job/team/job/plain/1/console" in str(ended.error)


def test_for_people_the_answer_is_one_line(trigger, fake):
    assert trigger("team/plain", "--wait").out == f"team/plain #1 SUCCESS {fake.url}job/team/job/plain/1/\n"


def test_what_the_server_says_of_a_value_is_not_passed_on(trigger, fake):
    for status in (400, 500):
        said = f"<h1>Error</h1><p>Illegal choice for parameter MODEL: {SECRET}</p>"
        fake.fault("answer", status=status, body=said, method="POST")
        ended = trigger("team/all of it", "--param", f"MODEL={SECRET}")
        assert ended.code == 1
        assert "Illegal choice for parameter MODEL: ***" in str(ended.error)
        assert SECRET not in f"{ended.error!r} {ended.error} {ended.error.__cause__}{ended.out}{ended.err}"


def test_the_log_is_the_output_and_each_line_of_it_comes_once(trigger, fake):
    fake.script("team/plain", Build(seconds=0.4, log=[(index / 50, f"line {index} ✓") for index in range(20)]))
    ended = trigger("team/plain", "--follow")
    lines = ended.out.splitlines()
    assert [line for line in lines if line.startswith("line")] == [f"line {index} ✓" for index in range(20)]
    assert lines[0] == "Started by user admin"
    assert lines[-1] == "Finished: SUCCESS"
    again = trigger("team/plain", "--follow", "--json")
    assert "line 7 ✓\n" in again.err
    assert again.json["result"] == "SUCCESS"


def test_values_arrive_as_they_are_and_are_shown_nowhere(trigger, fake, monkeypatch, tmp_path):
    notes = tmp_path / "notes"
    notes.write_text(f"line 1\nline 2 {SECRET}\n")
    monkeypatch.setenv("KEY", SECRET)
    odd = "modèle & \"x\" '+' = ✓ %41 $(x) ; \\ " + SECRET
    ended = trigger(
        "team/all of it", "--wait", "--json", "--param", f"MODEL={odd}", "--param", "KEY", "--param", "FORCE=true",
        "--param-file", f"NOTES={notes}",
    )  # fmt: skip
    assert ended.code == 0
    [run] = fake.runs("team/all of it")
    assert {each.name: each.value for each in run.parameters if each.name != "KEY"} == {
        "MODEL": odd, "FORCE": True, "SIZE": "s", "NOTES": notes.read_text(),
    }  # fmt: skip
    assert ended.json["parameters"] == ["MODEL", "KEY", "FORCE", "NOTES"]
    assert SECRET not in ended.out + ended.err
    assert not any(SECRET in each.target for each in fake.requests)
    [post] = fake.seen("POST", "buildWithParameters")
    assert SECRET.encode() in post.body


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["team/all of it", "--param", "MODLE=x"], "did you mean 'MODEL'?"),
        (["team/all of it", "--param", "SIZE=xl"], "choose one of: s, l"),
        (["team/all of it", "--param", "FORCE=yes"], "neither true nor false"),
        (["team/all of it", "--param", "MODEL=a", "--param", "MODEL=b"], "given twice"),
        (["team/plain", "--param", "A=b"], "trigger it once without"),
        (["team"], "it has: all of it, plain"),
        (["team/plan"], "did you mean 'team/plain'?"),
        (["multi"], "multibranch project"),
        (["off"], "is disabled"),
        (["copied"], "copied and never saved"),
        (["team/plain", "--timeout", "10"], "is no duration"),
        (["https://ci/job/x"], "no full name"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_sent(trigger, fake, arguments, expected):
    fake.put("off", pipeline(disabled=True))
    fake.put("multi", "<org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject/>")
    with jenkins_client.Server(
        jenkins_client.Profile(fake.url, fake.admin.name, fake.admin.token), limits=Limits()
    ) as server:
        server.exchange("POST", "createItem", query={"name": "copied", "mode": "copy", "from": "team/plain"})
    before = len(fake.seen("POST"))
    ended = trigger(*arguments)
    assert ended.code == 2
    assert expected in (str(ended.error) + ended.err)
    assert len(fake.seen("POST")) == before


def test_rights(trigger, fake):
    viewer, nobody = fake.add_user("viewer", *READER), fake.add_user("nobody")
    fake.folder("private")
    fake.put("private/job", pipeline())
    fake.seclude("private")
    assert "viewer is missing the Job/Build permission" in str(trigger("team/plain", user=viewer).error)
    assert trigger("private/job", user=viewer).code == 2
    assert "Overall/Read" in str(trigger("team/plain", user=nobody).error)
    nobody.token = "another"
    fake.admin.token = "changed"
    assert "does not accept the token" in str(trigger("team/plain").error)


def test_a_job_that_gets_its_parameters_while_we_look(trigger, fake):
    """Its first build defines them: /build is then refused, and the other way is taken."""

    def define(request):
        if request.method == "POST":
            fake.on_request = None
            fake.put("team/plain", pipeline(parameters=string("MODEL", "resnet")))

    fake.on_request = define
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.json["result"] == "SUCCESS"
    assert len(fake.runs("team/plain")) == 1


def test_what_is_disabled_while_we_look(trigger, fake):
    def disable(request):
        if request.method == "POST":
            fake.put("team/plain", pipeline(disabled=True))

    fake.on_request = disable
    ended = trigger("team/plain", "--wait")
    assert ended.code == 2
    assert "cannot be built now (409)" in str(ended.error)


# --- whose build -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["team/plain", "team/all of it"])
def test_a_request_joins_what_waits_already_and_says_so(trigger, fake, job):
    item = fake.trigger(job, delay=0.3, by="somebody")
    ended = trigger(job, "--wait", "--json")
    assert ended.json["joined"] is True
    assert ended.json["queue_id"] == item.id
    assert ended.json["number"] == 1
    assert "it waited already" in ended.err
    assert len(fake.runs(job)) == 1


@pytest.mark.parametrize("job", ["team/plain", "team/all of it"])
def test_own_waits_for_the_other_and_starts_another(trigger, fake, job):
    item = fake.trigger(job, delay=0.3, by="somebody")
    ended = trigger(job, "--own", "--wait", "--json")
    assert ended.json["joined"] is False
    assert ended.json["queue_id"] != item.id
    assert ended.json["number"] == 2
    assert len(fake.runs(job)) == 2


def test_joined_between_our_look_and_our_request(trigger, fake):
    def somebody(request):
        if request.method == "POST":
            fake.on_request = None
            fake.trigger("team/plain", delay=0.2, by="somebody")

    fake.on_request = somebody
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.json["joined"] is True


def test_others_that_join_us_leave_it_ours(trigger, fake):
    fake.quiet_down()
    thread = meanwhile(lambda: (fake.trigger("team/plain", by="somebody"), fake.cancel_quiet_down()), 0.1)
    ended = trigger("team/plain", "--wait", "--json")
    thread.join()
    assert ended.json["joined"] is False
    assert len(fake.runs("team/plain")) == 1


def test_other_parameters_are_another_build(trigger, fake):
    fake.trigger("team/all of it", delay=0.2, by="somebody")
    ended = trigger("team/all of it", "--param", "MODEL=other", "--wait", "--json")
    assert ended.json["joined"] is False
    assert fake.runs("team/all of it")[ended.json["number"] - 1].value("MODEL") == "other"


def test_the_root_url_of_the_server_may_be_another(monkeypatch, trigger, fake):
    fake._root_url = "http://inside.invalid:8080/"
    monkeypatch.setenv("JENKINS_URL", "http://{}:{}/".format(*fake.address))
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.json["result"] == "SUCCESS"
    assert ended.json["url"] == "http://{}:{}/job/team/job/plain/1/".format(*fake.address)


# --- the queue -------------------------------------------------------------------------------------------------------


def test_why_it_waits_is_told_once(trigger, fake):
    fake.quiet_down()
    thread = meanwhile(fake.cancel_quiet_down, 0.3)
    ended = trigger("team/plain", "--wait")
    thread.join()
    assert ended.code == 0
    waiting = [line for line in ended.err.splitlines() if "waits in the queue" in line]
    assert waiting == ["team/plain waits in the queue: Jenkins is about to shut down"]


def test_cancelled_in_the_queue(trigger, fake):
    fake.quiet_down()
    fake.fault("cancel-item", path="queue/item")
    fake.fault("cancel-item", path="queue/item")
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.code == 1
    assert ended.json["result"] == "CANCELLED"
    assert ended.json["number"] is None


def test_an_item_that_nobody_remembers_is_found_by_its_build(trigger, fake):
    fake.fault("expire-item", path="queue/item", times=None)
    for _ in range(3):
        fake.trigger("team/plain")
        fake.runs("team/plain")
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.json["result"] == "SUCCESS"
    assert fake.runs("team/plain")[ended.json["number"] - 1].queue_id == ended.json["queue_id"]


def test_an_item_that_is_lost_is_said_to_be_lost(trigger, fake):
    fake.quiet_down()
    thread = meanwhile(lambda: [fake.queue.items.clear(), fake.queue.left.clear()], 0.1)
    ended = trigger("team/plain", "--wait")
    thread.join()
    assert ended.code == 6
    assert "neither item" in str(ended.error)


# --- restarts and faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", ["--wait", "--follow"])
def test_a_restart_while_the_build_runs(trigger, fake, follow):
    fake.script("team/plain", Build(seconds=0.6, log=[(index / 20, f"line {index}") for index in range(12)]))
    thread = meanwhile(lambda: fake.restart(timeline=RESTART), 0.2)
    ended = trigger("team/plain", follow)
    thread.join()
    fake.wait_restarted()
    assert ended.code == 0
    assert "answers again" in ended.err
    if follow == "--follow":
        lines = [line for line in ended.out.splitlines() if line.startswith("line")]
        assert lines == [f"line {index}" for index in range(12)]


def test_a_restart_before_the_request(trigger, fake):
    fake.restart(timeline=RESTART)
    ended = trigger("team/plain", "--wait")
    fake.wait_restarted()
    assert ended.code == 0
    assert len(fake.runs("team/plain")) == 1


@pytest.mark.parametrize(
    "fault", [{"action": "answer", "status": 502}, {"action": "answer", "status": 504}, {"action": "drop"}]
)
def test_an_answer_that_gets_lost_is_looked_for(trigger, fake, fault):
    fake.trigger("team/all of it")  # an older one, by a timer, with the same parameters
    fake.runs("team/all of it")
    fake.fault(**fault, method="POST", path="buildWithParameters", after=True)
    ended = trigger("team/all of it", "--wait", "--json")
    assert ended.code == 0
    assert ended.json["number"] == 2
    assert "looking whether a build was started" in ended.err
    assert len(fake.seen("POST", "buildWithParameters")) == 1


@pytest.mark.parametrize("fault", [{"action": "answer", "status": 502}, {"action": "drop"}])
def test_a_request_that_got_lost_is_sent_again(trigger, fake, fault):
    fake.fault(**fault, method="POST", path="/build")
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.code == 0
    assert len(fake.runs("team/plain")) == 1
    assert len(fake.seen("POST", "/build")) == 2


def test_after_a_504_nothing_is_sent_again(trigger, fake):
    fake.fault("answer", status=504, method="POST", path="/build")
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.code == 6
    assert "it is not known whether a build of team/plain was started" in str(ended.error)
    assert f"look at {fake.url}job/team/job/plain/" in str(ended.error)
    assert len(fake.seen("POST", "/build")) == 1
    assert ended.out == ""


def test_a_request_that_takes_too_long_may_still_be_carried_out(trigger, fake):
    fake.fault("hang", method="POST", path="/build", seconds=1.1)  # the client waits one second
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.code == 0
    assert len(fake.runs("team/plain")) == 1


def test_several_that_could_be_ours_are_an_error(trigger, fake):
    def another(request):
        if request.method == "POST":
            fake.on_request = None
            fake.trigger("team/plain", by=fake.admin.name)
            fake.runs("team/plain")

    fake.on_request = another
    fake.fault("drop", method="POST", path="/build", after=True)
    ended = trigger("team/plain", "--wait")
    assert ended.code == 6
    assert "several builds" in str(ended.error)


def test_a_lost_request_that_joined_somebody_elses_item(trigger, fake):
    item = fake.trigger("team/plain", delay=0.4, by="somebody")
    fake.fault("drop", method="POST", path="/build", after=True)
    ended = trigger("team/plain", "--wait", "--json")
    assert ended.json["queue_id"] == item.id
    assert ended.json["joined"] is True


def test_a_lost_request_before_a_restart_was_lost_with_it(trigger, fake):
    """After 504 it is not sent again, unless the server has restarted: then nothing of before is under way."""

    def restart(request):
        if request.method == "POST":
            fake.on_request = None
            fake.restart(timeline=[("503", 0.1), ("refused", 0.1)])

    fake.on_request = restart
    fake.fault("answer", status=504, method="POST", path="/build")
    ended = trigger("team/plain", "--wait", "--json")
    fake.wait_restarted()
    assert ended.code == 0
    assert len(fake.runs("team/plain")) == 1


def test_a_server_that_goes_away_for_good_while_the_build_runs(trigger, fake, monkeypatch):
    monkeypatch.setattr(jenkins_conversation, "Limits", lambda: Limits(request=1, restart=0.3))
    fake.script("team/plain", Build(seconds=30))
    thread = meanwhile(lambda: fake.fault("answer", status=503, times=None), 0.2)
    ended = trigger("team/plain", "--wait", "--json")
    thread.join()
    assert ended.code == 6
    assert "the build goes on" in str(ended.error)
    assert ended.json["number"] == 1


def test_the_time_is_up(trigger, fake):
    fake.script("team/plain", Build(seconds=30))
    ended = trigger("team/plain", "--wait", "--timeout", "300ms", "--json")
    assert ended.code == 6
    assert isinstance(ended.error, Unavailable)
    assert "team/plain #1 has not ended within 300ms; the build goes on" in str(ended.error)
    assert f"look at {fake.url}job/team/job/plain/1/console" in str(ended.error)
    assert ended.json["result"] is None
    assert fake.runs("team/plain")[0].building


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (Build(seconds=30), "#1 ended ABORTED after stop"),
        (Build(seconds=30, ignores_stop=True), "#1 ended ABORTED after term"),
        (Build(seconds=30, ignores_stop=True, ignores_term=True), "#1 ended ABORTED after kill"),
    ],
)
def test_abort_goes_as_far_as_it_has_to(trigger, fake, build, expected):
    fake.script("team/plain", build)
    ended = trigger("team/plain", "--follow", "--timeout", "300ms", "--abort")
    assert ended.code == 6
    assert expected in str(ended.error)
    assert fake.runs("team/plain")[0].result == "ABORTED"


def test_abort_in_the_queue(trigger, fake):
    fake.quiet_down()
    ended = trigger("team/plain", "--wait", "--timeout", "300ms", "--abort")
    assert "was cancelled in the queue" in str(ended.error)
    fake.cancel_quiet_down()
    assert fake.runs("team/plain") == []


def test_abort_leaves_a_build_alone_that_others_wait_for(trigger, fake):
    fake.script("team/plain", Build(seconds=30))
    fake.trigger("team/plain", delay=0.1, by="somebody")
    ended = trigger("team/plain", "--wait", "--timeout", "400ms", "--abort")
    assert "is left alone, since others wait for it too" in str(ended.error)
    assert fake.runs("team/plain")[0].building


def test_abort_without_the_right_to(trigger, fake):
    builder = fake.add_user("maker", *READER, "Job/Build")
    fake.script("team/plain", Build(seconds=30))
    ended = trigger("team/plain", "--wait", "--timeout", "300ms", "--abort", user=builder)
    assert "could not be aborted" in str(ended.error)
    assert "Job/Cancel" in str(ended.error)


# --- interrupted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("abort", [False, True])
def test_an_interrupt(fake, tmp_path, number, abort):
    fake.script("team/plain", Build(seconds=60))
    began = threading.Event()
    fake.on_request = lambda request: began.set() if "/plain/1/" in request.target else None
    process = subprocess.Popen(
        [sys.executable, "-m", "jenkins_ml.steps.jobs.trigger", "team/plain", "--follow", *(["--abort"] if abort else [])],
        env=os.environ | {"JENKINS_URL": fake.url, "JENKINS_USER": fake.admin.name, "JENKINS_TOKEN": fake.admin.token},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert began.wait(30)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == Interrupted.exit_code
    assert f"{fake.url}job/team/job/plain/1/console" in err
    [run] = fake.runs("team/plain")
    if abort:
        assert "#1 ended ABORTED after stop" in err
        assert run.result == "ABORTED"
    else:
        assert "the build goes on" in err
        assert run.building


def test_interrupted_while_the_answer_is_out(trigger, fake, monkeypatch):
    """The build is known to nobody yet: with --abort it is looked for and ended."""
    fake.script("team/plain", Build(seconds=30))
    exchange = jenkins_client.Server.exchange

    def interrupted(server, method, path, **more):
        answer = exchange(server, method, path, **more)
        if method == "POST" and path.endswith("/build"):
            raise KeyboardInterrupt("SIGTERM")
        return answer

    monkeypatch.setattr(jenkins_client.Server, "exchange", interrupted)
    ended = trigger("team/plain", "--wait", "--abort")
    assert isinstance(ended.error, Interrupted)
    assert fake.runs("team/plain")[0].result == "ABORTED"
    left = trigger("team/plain", "--wait")
    assert "a build may have been started" in str(left.error)


def test_who_reads_the_log_may_go_and_the_result_still_counts(fake):
    fake.script(
        "team/plain", Build(seconds=0.8, result="UNSTABLE", log=[(index / 20, "x" * 1000) for index in range(15)])
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "jenkins_ml.steps.jobs.trigger", "team/plain", "--follow"],
        env=os.environ | {"JENKINS_URL": fake.url, "JENKINS_USER": fake.admin.name, "JENKINS_TOKEN": fake.admin.token},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == StageFailed.exit_code
    assert "ended UNSTABLE" in err
    assert "Traceback" not in err


def test_without_a_server_it_says_what_is_missing(trigger, monkeypatch):
    monkeypatch.delenv("JENKINS_TOKEN")
    ended = trigger("team/plain")
    assert isinstance(ended.error, UsageError)
    assert "JENKINS_TOKEN is not set" in str(ended.error)
    assert Pace() != PACE


def test_eight_at_once_each_get_their_own_build(fake):
    profile = jenkins_client.Profile(fake.url, fake.admin.name, fake.admin.token)
    fake.fault("drop", method="POST", path="buildWithParameters", after=True, every=3, times=None)
    with jenkins_client.Server(profile) as server, ThreadPoolExecutor(8) as pool:

        def one(index):
            build = jenkins_client.RequestedBuild(server, "team/all of it", [("MODEL", f"m{index}")])
            build.trigger()
            return build.wait().number

        numbers = list(pool.map(one, range(24)))
    assert sorted(numbers) == list(range(1, 25))
    for index, number in enumerate(numbers):
        assert fake.item("team/all of it").runs[number].value("MODEL") == f"m{index}"
