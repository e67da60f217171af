"""What the client needs of a Jenkins server, held against the fake one, or against any real one:

    JENKINS_ML_TEST_URL=https://ci.example/ JENKINS_ML_TEST_USER=ada JENKINS_ML_TEST_TOKEN=... \
        python -m pytest tests/contract/test_any_jenkins.py tests/contract/test_any_jenkins_jobs.py

Everything is made below one folder with a random name, which is removed at the end. The user needs to create, configure,
build, cancel and delete below the root, and the server the plugins for folders and pipelines. Nothing here may know what
only the fake knows; the one difference is that the fake does not run a script, and is told what each script would do.
"""

import re
import secrets
from urllib.parse import unquote

import pytest

from jenkins_ml.adapters.jenkins_client import Cancelled, NotFound, Pace, Profile, RequestedBuild, Server
from jenkins_ml.adapters.jenkins_server import item_path, x_error
from jenkins_ml.errors import UsageError
from tests.contract.conftest import REAL
from tests.fakes import jenkins_jobs
from tests.fakes.jenkins import Build
from tests.fakes.jenkins_jobs import FOLDER, boolean, choice, pipeline, string, text

PACE = Pace() if REAL else jenkins_jobs.PACE
SECONDS = 180.0
ODD = "modèle & \"x\" '+' = ✓ %41 $(x) ${y} ; \\ <b>"

HELLO = "echo 'first ✓'\necho 'last ü'"
SLEEP = "echo 'begun'\nsleep 120"
UNSTABLE = "echo 'hm'\ncurrentBuild.result = 'UNSTABLE'"
SHOW = 'echo "TEXT=[${params.TEXT}]"\necho "FLAG=${params.FLAG} PICK=${params.PICK}"'
# What the fake's builds do for each script: a real server reads the script itself.
DOES = {
    HELLO: Build(log=[(0, "first ✓"), (0.02, "last ü")]),
    SLEEP: Build(seconds=120, log=[(0, "begun")]),
    UNSTABLE: Build(result="UNSTABLE", log=[(0, "hm")]),
    SHOW: Build(
        log=[
            (0, lambda run: f"TEXT=[{run.value('TEXT')}]"),
            (0, lambda run: f"FLAG={run.value('FLAG')} PICK={run.value('PICK')}"),
        ]
    ),
}


@pytest.fixture
def job(server, folder, account):
    """Makes a job with an inline script; gives its full name."""
    _, does = account
    server.ends = server.clock.monotonic() + SECONDS

    def make(script=HELLO, *, name=None, parameters=""):
        full = f"{folder}/{name or secrets.token_hex(4)}"
        server.create_job(full, pipeline(script, parameters=parameters))
        does(full, DOES[script])
        return full

    return make


def build(server, name, parameters=(), **more):
    return RequestedBuild(server, name, parameters, pace=PACE, **more)


# --- the server ------------------------------------------------------------------------------------------------------


def test_it_is_ready_knows_us_and_says_its_version(server, account):
    assert re.match(r"\d+\.\d+", server.wait_until_ready(SECONDS))
    assert server.whoami().casefold() == account[0].user.casefold()
    assert server.get_whoami()["id"].casefold() == account[0].user.casefold()


def test_a_wrong_token_is_refused(account):
    found, _ = account
    stranger = Server(Profile(found.url, found.user, "11" + "0" * 32))
    with stranger, pytest.raises(UsageError, match="does not accept the token"):
        stranger.whoami()


# --- items -----------------------------------------------------------------------------------------------------------


def test_the_life_of_a_job(server, job):
    name = job()
    assert server.job_exists(name)
    assert "first" in server.get_job_config(name)
    server.reconfig_job(name, pipeline("echo 'changed'"))
    assert "changed" in server.get_job_config(name)
    server.disable_job(name)
    with pytest.raises(UsageError, match="is disabled"):
        build(server, name)
    server.enable_job(name)
    server.delete_job(name)
    assert not server.job_exists(name)


@pytest.mark.parametrize("part", ["a b", "modèle", "模型", "a+b", "a'b", "(x)", "a=b,c", "~x", "a.b-c_d"])
def test_names_of_all_kinds(server, folder, job, part):
    name = job(name=part)
    found = server.exchange("GET", f"{item_path(name)}/api/json", query={"tree": "fullName,name,url"}).json()
    assert found["fullName"] == name
    assert found["name"] == part
    assert unquote(found["url"]).endswith(f"/job/{folder}/job/{part}/")
    assert server.get_job_info(name)["name"] == part
    one = build(server, name)
    one.trigger()
    assert one.wait().result == "SUCCESS"


def test_folders_in_folders(server, folder, job):
    names = [folder]
    for part in ("a", "b c", "ü"):
        names.append(f"{names[-1]}/{part}")
        server.create_job(names[-1], FOLDER)
    inner = names[-1].removeprefix(f"{folder}/")
    one = build(server, job(name=f"{inner}/job"))
    one.trigger()
    assert one.wait().result == "SUCCESS"
    server.delete_job(names[1])
    assert not server.job_exists(names[-1])


def test_what_is_there_already_and_what_is_not(server, folder, job):
    name = job()
    where, _, own = name.rpartition("/")
    again = server.exchange(
        "POST", f"{item_path(where)}/createItem", query={"name": own}, body=pipeline().encode(), content_type="text/xml"
    )
    assert again.status == 400
    assert own in x_error(again)
    assert server.exchange("GET", f"{item_path(where)}/job/none/config.xml").status == 404
    with pytest.raises(NotFound):
        build(server, f"{folder}/none")
    with pytest.raises(UsageError, match="no job but a Folder"):
        build(server, folder)


def test_a_name_that_cannot_be_is_refused_with_its_reason(server, folder):
    answer = server.exchange(
        "POST", f"{item_path(folder)}/createItem", query={"name": "a*b"}, body=FOLDER.encode(), content_type="text/xml"
    )
    assert answer.status == 400
    assert "unsafe" in x_error(answer)


# --- builds ----------------------------------------------------------------------------------------------------------


def test_a_build_its_log_and_its_result(server, job):
    one = build(server, job())
    queued = one.trigger()
    log = "".join(one.log())
    ended = one.wait()
    assert not queued.joined
    assert (ended.number, ended.result) == (1, "SUCCESS")
    assert ended.seconds > 0
    lines = log.splitlines()
    assert [line for line in lines if line in ("first ✓", "last ü")] == ["first ✓", "last ü"]
    assert lines[-1] == "Finished: SUCCESS"
    assert "\r" not in log


def test_a_result_that_is_no_success(server, job):
    one = build(server, job(UNSTABLE))
    one.trigger()
    assert one.wait().result == "UNSTABLE"


def test_parameters_arrive_as_they_are(server, job):
    name = job(SHOW, parameters=string("TEXT", "default") + boolean("FLAG") + choice("PICK", "one", "two"))
    one = build(server, name, [("TEXT", ODD), ("FLAG", "true"), ("PICK", "two")])
    one.trigger()
    log = "".join(one.log())
    assert f"TEXT=[{ODD}]" in log
    assert "FLAG=true PICK=two" in log
    plain = build(server, name)
    plain.trigger()
    log = "".join(plain.log())
    assert "TEXT=[default]" in log
    assert "FLAG=false PICK=one" in log


def test_a_text_of_several_lines(server, job):
    name = job(SHOW, parameters=text("TEXT") + boolean("FLAG") + choice("PICK", "one"))
    one = build(server, name, [("TEXT", "line 1\nline 2 ✓\n")])
    one.trigger()
    assert one.wait().result == "SUCCESS"
    tree = "actions[parameters[name,value]]"
    shown = server.exchange("GET", f"{item_path(name)}/1/api/json", query={"tree": tree}).json()
    values = {each["name"]: each["value"] for action in shown["actions"] for each in action.get("parameters", ())}
    assert values["TEXT"].replace("\r\n", "\n") == "line 1\nline 2 ✓\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("TXT", "x")], "did you mean 'TEXT'?"),
        ([("PICK", "three")], "choose one of: one, two"),
        ([("FLAG", "yes")], "neither true nor false"),
    ],
)
def test_wrong_parameters_are_refused(server, job, given, expected):
    name = job(SHOW, parameters=string("TEXT") + boolean("FLAG") + choice("PICK", "one", "two"))
    with pytest.raises(UsageError) as caught:
        build(server, name, given)
    assert expected in str(caught.value)
    assert server.get_job_info(name)["nextBuildNumber"] == 1


def test_parameters_for_a_job_without(server, job):
    with pytest.raises(UsageError, match="has no parameters"):
        build(server, job(), [("A", "b")])


def test_a_second_request_joins_what_waits(server, job):
    """In the quiet period: with parameters Jenkins says so (303), without it does not (201)."""
    for parameters in ("", string("TEXT", "x")):
        name = job(SHOW if parameters else HELLO, parameters=parameters)
        path = item_path(name) + ("/buildWithParameters" if parameters else "/build")
        server.exchange("POST", path, query={"delay": "3sec"})
        one = build(server, name)
        queued = one.trigger()
        assert queued.joined
        assert one.wait().number == 1


def test_own_waits_and_starts_another(server, job):
    name = job()
    server.exchange("POST", f"{item_path(name)}/build", query={"delay": "1sec"})
    one = build(server, name, own=True)
    assert not one.trigger().joined
    assert one.wait().number == 2


def test_abort_while_it_runs(server, job):
    one = build(server, job(SLEEP))
    one.trigger()
    for piece in one.log():
        if "begun" in piece:
            break
    assert "ended ABORTED after" in one.abort()
    assert one.wait().result == "ABORTED"


def test_abort_in_the_queue(server, job):
    """In the quiet period, which servers have by default."""
    name = job()
    one = build(server, name, quiet_period=True)
    one.trigger()
    assert "was cancelled in the queue" in one.abort()
    with pytest.raises(Cancelled):
        one.wait()
    assert server.get_job_info(name)["nextBuildNumber"] == 1


def test_the_log_of_a_build_that_is_over_can_be_read_again(server, job):
    one = build(server, job())
    one.trigger()
    one.wait()
    first = "".join(one.log())
    assert "".join(one.log()) == first
