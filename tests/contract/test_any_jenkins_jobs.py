"""Jobs as code against the fake Jenkins, or against any real one: see test_any_jenkins.py for how.

The real command, in this process. Nothing here may know what only the fake knows.
"""

import json
import secrets

import pytest
from click.testing import CliRunner

from jenkins_ml.adapters.jenkins_server import item_path
from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.steps.jobs import command

JOBS = """
jobs:
  - {name: team, type: folder, description: A team, display_name: The team}
  - name: team/train
    inline: |
      pipeline {
        agent none
        stages { stage('A') { steps { echo 'é ✓' } } }
      }
    description: |
      Trains <b>it</b> & more
      on two lines
    parameters: [{string: SET, default: "s3://x"}, {choice: SIZE, choices: [s, l]}, {boolean: FORCE, default: true}]
    discard: {keep: 7}
    triggers: [{cron: "H 3 * * *"}]
    concurrent: queue
  - {name: "team/with blank é", inline: "echo 1"}
  - {name: deep/er/job, inline: "echo 2", disabled: true}
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch, account, folder, server):
    """Runs a command on a jobs.yaml of an owner of its own, below a folder of its own; answers code and output."""
    found, _ = account
    monkeypatch.setenv("JENKINS_URL", found.url)
    monkeypatch.setenv("JENKINS_USER", found.user)
    monkeypatch.setenv("JENKINS_TOKEN", found.token)
    server.ends = None
    place, owner = f"{folder}/{secrets.token_hex(4)}", f"contract/{secrets.token_hex(6)}"
    file = tmp_path / "jobs.yaml"

    def run(name, *arguments, text=JOBS, by=owner):
        file.write_text(f"owner: {by}\nfolder: {place}\n{text}")
        given = () if arguments[:1] and str(arguments[0]).endswith(".json") else ("-f", str(file))
        done = CliRunner().invoke(command, [name, *map(str, arguments), *given])
        code = done.exception.exit_code if isinstance(done.exception, JenkinsMLError) else done.exit_code
        if done.exception is not None and not isinstance(done.exception, JenkinsMLError | SystemExit):
            raise done.exception
        return code, done.stdout

    run.place, run.folder = place, tmp_path
    return run


def actions(output):
    return {each["name"]: each["action"] for each in json.loads(output)["actions"]}


def planned(jobs, **more):
    """What a plan would do, below the folder of the test and without what stays."""
    _, output = jobs("plan", "--json", **more)
    return {
        name.removeprefix(f"{jobs.place}/"): deed
        for name, deed in actions(output).items()
        if deed != "nothing" and name.startswith(jobs.place + "/")
    }


def applied(jobs, *arguments, **more):
    code, output = jobs("apply", "--yes", "--allow-missing", *arguments, **more)
    assert code == 0, output


def configuration(server, name):
    return server.exchange("GET", f"{item_path(name)}/config.xml").text


def configure(server, name, old, new):
    text = configuration(server, name)
    assert old in text
    answer = server.exchange(
        "POST", f"{item_path(name)}/config.xml", body=text.replace(old, new).encode(), content_type="text/xml"
    )
    assert answer.status == 200


def saved_by_the_server(server, name):
    """Makes the server write the job anew, as it does whenever somebody changes anything."""
    for verb in ("disable", "enable"):
        assert server.exchange("POST", f"{item_path(name)}/{verb}", repeat=True).status < 400


def test_the_life_of_a_file(jobs, server):
    everything = {
        "team": "create",
        "deep": "create",
        "deep/er": "create",
        "team/train": "create",
        "team/with blank é": "create",
        "deep/er/job": "create",
    }
    assert planned(jobs) == everything
    applied(jobs)
    assert planned(jobs) == {}
    assert server.get_job_info(f"{jobs.place}/deep/er/job")["color"] == "disabled"

    # The server rewrites the job: nothing has changed.
    saved_by_the_server(server, f"{jobs.place}/team/train")
    assert planned(jobs) == {}

    # Somebody changes it in the web page: that is found, with the setting, and put back.
    configure(server, f"{jobs.place}/team/train", "<numToKeep>7</numToKeep>", "<numToKeep>70</numToKeep>")
    [changed] = [each for each in json.loads(jobs("plan", "--json")[1])["actions"] if each["action"] == "update"]
    assert changed["changes"] == [{"setting": "discard.keep", "before": "70", "after": "7"}]
    applied(jobs)
    assert planned(jobs) == {}

    # A job leaves the file, another one comes.
    other = JOBS.replace("deep/er/job", "deep/other")
    assert planned(jobs, text=other) == {"deep/other": "create", "deep/er/job": "delete", "deep/er": "delete"}
    applied(jobs, text=other)
    assert planned(jobs, text=other) == {}
    assert not server.job_exists(f"{jobs.place}/deep/er")

    code, output = jobs("destroy", "--yes")
    assert code == 0, output
    assert not server.job_exists(f"{jobs.place}/team")


def test_a_plan_that_was_saved_is_carried_out_as_it_was(jobs, server):
    plan = jobs.folder / "plan.json"
    assert jobs("plan", "-o", plan)[0] == 0
    jobs("plan", text=JOBS.replace("echo 1", "echo 100"))  # the file goes on
    code, output = jobs("apply", plan, "--yes", "--allow-missing")
    assert code == 0, output
    assert "echo 1<" in configuration(server, f"{jobs.place}/team/with blank é")
    assert planned(jobs) == {}


def test_what_changed_since_a_plan_is_left_alone(jobs, server):
    applied(jobs)
    plan = jobs.folder / "plan.json"
    changed = JOBS.replace("echo 1", "echo 100").replace("echo 2", "echo 200")
    jobs("plan", "-o", plan, text=changed)
    configure(server, f"{jobs.place}/deep/er/job", "echo 2", "echo 3")
    code, output = jobs("apply", plan, "--yes", "--allow-missing", "--json")
    assert code == 1
    outcomes = {each["name"].removeprefix(f"{jobs.place}/"): each["outcome"] for each in json.loads(output)["results"]}
    assert outcomes == {"deep/er/job": "changed", "team/with blank é": "done"}
    assert "echo 3" in configuration(server, f"{jobs.place}/deep/er/job")


def test_another_owner_touches_nothing(jobs, server):
    applied(jobs)
    mine = configuration(server, f"{jobs.place}/team/train")
    other = "jobs: [{name: team/train, inline: theirs}, {name: team/theirs, inline: x}]"
    code, output = jobs("apply", "--yes", "--allow-missing", "--json", text=other, by="somebody/else")
    assert code == 1
    outcomes = {each["name"].removeprefix(f"{jobs.place}/"): each["outcome"] for each in json.loads(output)["results"]}
    assert outcomes == {"team/train": "refused", "team/theirs": "done"}
    assert configuration(server, f"{jobs.place}/team/train") == mine

    # And ours do not take theirs along.
    jobs("destroy", "--yes")
    assert server.job_exists(f"{jobs.place}/team/theirs")
    assert not server.job_exists(f"{jobs.place}/team/train")


def test_a_job_made_by_hand_is_taken_over_only_when_asked(jobs, server):
    applied(jobs)
    configure(server, f"{jobs.place}/team/with blank é", "Made by jenkins-ml", "Made by hand")
    assert planned(jobs) == {"team/with blank é": "refuse"}
    applied(jobs, "--adopt")
    assert planned(jobs) == {}


def test_a_builds_directives_stay_in_the_job(jobs, server, account):
    """A Jenkinsfile writes its parameters into the job; they are no difference, and an update keeps them."""
    script = (
        "pipeline {\n  agent none\n  parameters {\n    string(name: 'DIRECTIVE', defaultValue: 'x')\n  }\n"
        "  stages {\n    stage('A') {\n      steps {\n        echo 'hi'\n      }\n    }\n  }\n}\n"
    )
    text = "jobs: [{{name: built, description: {0}, inline: {1}}}]"
    applied(jobs, text=text.format("one", json.dumps(script)))
    name = f"{jobs.place}/built"
    server.build_job(name)
    ends = server.clock.monotonic() + 120
    while "DIRECTIVE</name>" not in configuration(server, name):
        assert server.clock.monotonic() < ends, "the build has not written its parameters"
        server.clock.sleep(0.1)
    assert planned(jobs, text=text.format("one", json.dumps(script))) == {}
    applied(jobs, text=text.format("two", json.dumps(script)))
    assert "DIRECTIVE</name>" in configuration(server, name)
    assert planned(jobs, text=text.format("two", json.dumps(script))) == {}
