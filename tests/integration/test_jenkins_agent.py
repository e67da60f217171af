"""The stages as Jenkins agents run them: in workspaces that come and go, beside other builds, under its process killer."""

import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jenkins_ml import names
from jenkins_ml.adapters import warm
from tests.fakes.jenkins_build import FakeBuild, stop_step, wipe
from tests.fakes.repository import CONFIG, Repository, finish

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("jenkins-agent")]
ON_ONE_AGENT = "jenkins: {agents: {serve: {node: gpu 1}}, credentials: {DATA_KEY: data-key}"
FIRST_ALLOWED = CONFIG.replace("gate: {", "gate: {first_release: allow, ")


@pytest.fixture
def remote(tmp_path, commands):
    """The repository that jobs check out: no stage runs in it. With a branch feature/x at a commit of its own."""
    repository = Repository(tmp_path / "remote", {}, commands, jenkins_ml_yaml=FIRST_ALLOWED + ON_ONE_AGENT + "}\n")
    repository.git("checkout", "-q", "-b", "feature/x")
    repository.git("commit", "-q", "--allow-empty", "-m", "second")
    repository.git("checkout", "-q", "main")
    return repository


@pytest.fixture
def build(tmp_path, remote, commands, warm_process):
    """Makes builds of the job; workers fork from the warm process, servers never do. Stops the server at the end."""
    made = []

    def make(number, *, workers=warm_process, **options):
        given = {names.ENV_WARM: str(workers)} if workers else {}
        made.append(FakeBuild(remote.folder, tmp_path / "store", number, commands, **given, **options))
        return made[-1]

    yield make
    keeper = Repository(tmp_path / "remote", {}, commands)
    keeper.store_root = tmp_path / "store"
    keeper.stop_server()


def reports(workspace, run):
    """The names of a run's reports, and whether each is whole."""
    folder = workspace.folder / names.REPORTS_DIR / run.replace("/", "%2F")
    for path in folder.rglob("[!.]*.json"):
        json.loads(path.read_bytes())
    for path in folder.rglob("[!.]*.xml"):
        ElementTree.fromstring(path.read_bytes())
    return {str(path.relative_to(folder)) for path in folder.rglob("[!.]*") if path.is_file()}


def failure(workspace):
    path = workspace.folder / names.FAILURE_FILE
    return path.read_text() if path.exists() else None


def environment_of(pid):
    return dict(item.decode().partition("=")[::2] for item in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))


# --- hand-overs ------------------------------------------------------------------------------------------------------
def test_stages_in_changing_workspaces_and_a_server_that_outlives_the_build(build, tmp_path):
    first = build(1)
    a = first.workspace(tmp_path / "a")
    assert first.sh(a, "train").code == 0
    assert reports(a, first.run) == {"manifest.json"}
    stored = first.store / "tiny/versions/1/manifest.json"
    assert (
        a.folder / names.REPORTS_DIR / first.run.replace("/", "%2F") / "manifest.json"
    ).read_bytes() == stored.read_bytes()
    wipe(a)

    b = first.workspace(tmp_path / "b")
    assert first.sh(b, "gate").code == 0
    assert reports(b, first.run) >= {"decision.json", "junit.xml", "summary.md"}
    wipe(b)

    c = first.workspace(tmp_path / "c")
    done = first.sh(c, "serve", DATA_KEY="s3cret", DATA_KEY_PSW="s3cret", JENKINS_ML_APPROVER="alice")
    assert done.code == 0, done
    assert f"ask it on {os.uname().nodename}: " in done.err
    assert "served.json" in reports(c, first.run)
    server = c.server()

    first.end()
    assert c.answering() == 1
    stop_step(c.folder)  # a later build in this workspace is aborted
    assert c.answering() == 1
    wipe(c)
    assert c.answering() == 1
    assert "s3cret" not in environment_of(server.pid).values()

    second = build(2)
    d = second.workspace(tmp_path / "d")
    assert second.call(d, "train").code == second.call(d, "gate").code == second.call(d, "serve").code == 0
    assert d.answering() == 2
    assert d.server().pid == server.pid  # the one of the first build
    assert second.end() == set()
    answer = json.loads(second.call(d, "status", "--json").out)["environments"][0]
    assert (answer["version"], answer["rollback_to"], answer["approved_by"]) == (2, 1, None)


def test_a_run_within_a_build_leaves_its_server_and_nothing_else(build, tmp_path):
    """`jenkins-ml run` forks servers out of its warm process, whose environment the kernel shows for both."""
    only = build(1, workers=None)
    workspace = only.workspace(tmp_path / "a")
    done = only.sh(workspace, "run")
    assert done.code == 0, done
    only.end()
    assert workspace.answering() == 1
    assert {names.ENV_STORE, "BUILD_TAG"} <= set(environment_of(workspace.server().pid))
    assert only.end() == set()


def test_the_warm_process_does_not_survive_the_build(build, tmp_path, monkeypatch):
    only = build(1, workers=None)
    for name, value in only.variables.items():
        monkeypatch.setenv(name, value)
    with warm.started() as address:
        workspace = build(2, workers=address).workspace(tmp_path / "a")
        assert only.end()  # it, and whatever it is importing with
        done = workspace.call("train", run="x")
    assert done.code == 6, done
    assert "keeps TensorFlow imported" in done.error


def test_two_builds_at_the_same_time_with_one_store(build, tmp_path):
    builds = [build(number) for number in (1, 2)]
    places = [each.workspace(tmp_path / f"w{number}") for number, each in enumerate(builds)]
    for stage in ("train", "gate"):
        processes = [place.start(stage, run=each.run) for each, place in zip(builds, places, strict=True)]
        assert [finish(process).code for process in processes] == [0, 0]
    processes = [place.start("serve", run=each.run) for each, place in zip(builds, places, strict=True)]
    ended = [finish(process) for process in processes]
    assert sorted(done.code for done in ended)[0] == 0, ended
    [lost] = [done for done in ended if done.code]
    assert lost.code in (4, 6), lost
    if lost.code == 6:
        assert f"on {os.uname().nodename}" in lost.error
    else:
        assert "next: build this commit again" in lost.error
    assert places[0].answering() == places[0].production()


def test_a_stage_that_finds_another_store(build, tmp_path):
    first = build(1)
    workspace = first.workspace(tmp_path / "a")
    assert first.call(workspace, "train").code == 0
    done = first.call(workspace, "gate", **{names.ENV_STORE: str(tmp_path / "elsewhere")})
    assert done.code == 2
    assert f"no trained version in the store {tmp_path / 'elsewhere'}" in done.error
    assert "do all agents have the same store (JENKINS_ML_STORE)?" in done.error


def test_the_server_is_on_another_machine_that_has_the_store(gated):
    gated.ok("serve", run="first")
    here, state = os.uname().nodename, gated.store.server_state("production")
    text = state.read_text()
    state.write_text(text.replace(json.dumps(here), '"other"'))
    try:
        answer = json.loads(gated.ok("status", "--json").out)["environments"][0]
        assert answer["server"] == f"the model server runs on other, this is {here}"
        done = gated.call("serve", run="first")
        assert (done.code, done.errors) == (6, 1), done
        assert "next: run this on other" in done.error
    finally:
        state.write_text(text)


# --- one agent -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("command", [("serve",), ("rollback",), ("server",), ("server", "--stop")])
def test_only_the_named_agent_touches_the_server(build, remote, tmp_path, command):
    first = build(1)
    workspace = first.workspace(tmp_path / "a")
    assert first.call(workspace, "run", "--until", "gate").code == 0
    journal = workspace.store.journal.entries()

    done = first.call(workspace, *command, NODE_NAME="gpu 2")
    assert (done.code, done.errors) == (2, 1), done
    assert "the server lives on agent 'gpu 1', this is agent 'gpu 2'" in done.error
    done = first.call(workspace, *command, NODE_NAME="")
    assert (done.code, done.errors) == (2, 1), done
    workspace.change(names.CONFIG_FILE, "{agents: {serve: {node: gpu 1}}, ", "{")
    done = first.call(workspace, *command)
    assert (done.code, done.errors) == (2, 1), done
    assert "no agent is named" in done.error
    assert "jenkins.agents.serve: {node: NAME}" in done.error
    assert workspace.store.journal.entries() == journal
    assert workspace.server() is None


def test_the_agent_of_all_stages_will_do(build, remote, tmp_path):
    remote.change(names.CONFIG_FILE, "agents: {serve: {node: gpu 1}}", "agent: {node: gpu 1}")
    remote.commit("one agent")
    only = build(1)
    workspace = only.workspace(tmp_path / "a")
    assert only.call(workspace, "server").code == 0
    assert only.call(workspace, "server", "--stop").code == 0


# --- who may release -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variables", "branch", "words"),
    [
        ({"branch": "feature/x"}, "feature/x", "branch 'feature/x' does not release"),
        ({"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_BRANCH": "main"}, "PR-7", "a build of pull request 7"),
        ({"BRANCH_NAME": "MR-7", "CHANGE_ID": "7"}, "MR-7", "a build of pull request 7"),
        ({"CHANGE_ID": "7"}, "main", "a build of pull request 7, not of branch 'main'"),  # a fork's branch
        ({"TAG_NAME": "main"}, "main", "a build of tag main, not of branch 'main'"),
        ({"BRANCH_NAME": "", "GIT_BRANCH": "detached"}, "detached", "does not say of which branch it is"),
        ({"BRANCH_NAME": "", "GIT_BRANCH": "fork/main"}, "fork/main", "branch 'fork/main' does not release"),
    ],
)
def test_what_is_no_build_of_the_release_branch(build, tmp_path, variables, branch, words):
    other = build(1, **variables)
    workspace = other.workspace(tmp_path / "a")
    assert other.call(workspace, "train").code == other.call(workspace, "gate").code == 0
    done = other.call(workspace, "serve")
    assert (done.code, done.errors) == (2, 1), done
    assert words in done.error
    assert failure(workspace) == done.error.partition("\n")[0].removeprefix("error: ") + "\n"
    assert workspace.store.versions() == ()
    assert workspace.store.versions(branch) == (1,)
    assert workspace.kinds() == []


def test_a_branch_that_jenkins_does_not_name(build, tmp_path):
    """A checkout of our own in a scripted Pipeline: nothing is released on a guess."""
    only = build(1, BRANCH_NAME="")
    workspace = only.workspace(tmp_path / "a")
    assert only.call(workspace, "train").code == 0
    done = only.call(workspace, "serve")
    assert done.code == 2
    assert "BRANCH_NAME and GIT_BRANCH are not set" in done.error
    assert "next: build it in a multibranch job" in done.error


def test_a_stage_without_a_run(build, tmp_path):
    only = build(1)
    workspace = only.workspace(tmp_path / "a")
    done = only.call(workspace, "gate", JENKINS_ML_RUN="")
    assert done.code == 2
    assert 'JENKINS_ML_RUN = "${env.JOB_NAME}-${env.BUILD_NUMBER}"' in done.error


def test_a_pull_request_cannot_release_the_run_of_the_release_branch(build, tmp_path):
    good = build(1)
    assert good.call(good.workspace(tmp_path / "a"), "run", "--until", "gate").code == 0
    request = build(2, CHANGE_ID="7")
    workspace = request.workspace(tmp_path / "b")
    done = request.call(workspace, "serve", JENKINS_ML_RUN=good.run)
    assert done.code == 2, done
    assert "a build of pull request 7" in done.error
    assert workspace.server() is None


def test_a_job_of_one_branch_says_git_branch(build, tmp_path):
    only = build(1, BRANCH_NAME="", GIT_BRANCH="origin/main")
    workspace = only.workspace(tmp_path / "a")
    assert only.call(workspace, "train").code == 0
    assert workspace.store.versions() == (1,)


def test_a_release_that_somebody_has_to_approve(build, remote, tmp_path):
    remote.change(names.CONFIG_FILE, ON_ONE_AGENT, f"{ON_ONE_AGENT}, approval: {{}}")
    remote.commit("ask")
    first = build(1)
    workspace = first.workspace(tmp_path / "a")
    assert first.call(workspace, "run", "--until", "gate").code == 0
    for given in ("", " ", "null"):
        done = first.call(workspace, "serve", JENKINS_ML_APPROVER=given)
        assert (done.code, done.errors) == (3, 1), done
        assert "nobody has approved this release: JENKINS_ML_APPROVER is not set" in done.error
    assert workspace.server() is None
    assert workspace.kinds() == ["decision"]

    done = first.call(workspace, "serve", JENKINS_ML_APPROVER="alice")
    assert done.code == 0, done
    entries = workspace.store.journal.entries()
    assert {entry.approver for entry in entries if entry.kind != "decision"} == {"alice"}
    assert first.call(workspace, "serve").code == 0  # a stage that is repeated has nothing left to ask for
    [line] = [line for line in first.call(workspace, "status").out.splitlines() if line.startswith("approved_by")]
    assert line.split() == ["approved_by", "alice"]


def test_outside_jenkins_nobody_is_asked(gated):
    with (gated.folder / names.CONFIG_FILE).open("a") as file:
        file.write("jenkins: {approval: {}}\n")
    gated.ok("serve", run="first")
    assert gated.store.journal.entries()[-1].approver is None


# --- rolling back ----------------------------------------------------------------------------------------------------
def test_a_rollback_is_told_by_the_environment(build, tmp_path):
    for number in (1, 2, 3):
        each = build(number)
        workspace = each.workspace(tmp_path / "a")
        for stage in ("train", "gate", "serve"):
            assert each.call(workspace, stage).code == 0
    reason = "it's slow\n$(touch evil); `x`"
    job = build(4, JENKINS_ML_ROLLBACK_TO="1", JENKINS_ML_ROLLBACK_REASON=reason)
    done = job.call(workspace, "rollback")
    assert done.code == 0, done
    assert workspace.answering() == 1
    assert workspace.store.journal.entries()[-1].reason == reason
    assert not (workspace.folder / "evil").exists()


def test_a_rollback_with_empty_parameters_has_the_defaults(build, tmp_path):
    for number in (1, 2):
        each = build(number)
        workspace = each.workspace(tmp_path / "a")
        for stage in ("train", "gate", "serve"):
            assert each.call(workspace, stage).code == 0
    job = build(3, JENKINS_ML_ROLLBACK_TO="", JENKINS_ML_ROLLBACK_REASON="")
    assert job.call(workspace, "rollback").code == 0
    assert workspace.answering() == 1
    assert workspace.store.journal.entries()[-1].reason == "asked for by hand"


@pytest.mark.parametrize("version", ["two", "0", "1; rm -rf /", "null"])
def test_a_rollback_to_what_is_no_version(build, tmp_path, version):
    job = build(1, JENKINS_ML_ROLLBACK_TO=version)
    workspace = job.workspace(tmp_path / "a")
    done = job.call(workspace, "rollback")
    assert done.code == 2
    assert version in done.err
    assert version in failure(workspace)


# --- reports ---------------------------------------------------------------------------------------------------------
def test_a_reused_workspace_keeps_no_reports_of_other_builds(build, tmp_path):
    first = build(1)
    workspace = first.workspace(tmp_path / "a")
    assert first.call(workspace, "run", "--until", "gate").code == 0
    root = workspace.folder / names.REPORTS_DIR
    (root / "link").symlink_to(workspace.folder)
    (root / "answer.json").write_text("{}")
    second = build(2)
    assert second.call(workspace, "gate").code == 2  # also where the stage fails after that
    assert {path.name for path in root.iterdir()} == {"answer.json", "failure.txt"}
    assert (workspace.folder / names.CONFIG_FILE).exists()
    assert second.call(workspace, "train").code == 0
    assert {path.name for path in root.iterdir()} == {"answer.json", second.run.replace("/", "%2F")}


def test_outside_jenkins_the_reports_of_all_runs_stay(gated):
    gated.ok("train", run="second")
    gated.ok("gate", run="second")
    assert {path.name for path in (gated.folder / names.REPORTS_DIR).iterdir()} == {"first", "second"}
    assert not (gated.folder / names.FAILURE_FILE).exists()
    assert gated.call("gate", run="unknown").code == 2
    assert not (gated.folder / names.FAILURE_FILE).exists()


def test_what_failed_is_said_until_the_next_stage(build, tmp_path):
    first = build(1)
    workspace = first.workspace(tmp_path / "a")
    assert first.call(workspace, "gate").code == 2
    assert (
        failure(workspace) == f"run {first.run.replace('/', '%2F')} has no trained version in the store {first.store}\n"
    )
    assert first.call(workspace, "status").code == 0  # it only looks
    assert failure(workspace) is not None
    assert first.call(workspace, "models", "show", "9").code == 2
    assert "no trained version" in failure(workspace)
    assert first.call(workspace, "train").code == 0
    assert failure(workspace) is None
    assert first.call(workspace, "gate", "--bogus").code == 2
    assert "--bogus" in failure(workspace)
    (workspace.folder / names.CONFIG_FILE).write_text("model: Tiny\n")
    assert first.call(workspace, "gate").code == 2
    assert f"{names.CONFIG_FILE}:1:8: model: " in failure(workspace)


def test_a_stage_killed_half_way_leaves_no_half_written_report(build, tmp_path):
    first = build(1)
    workspace = first.workspace(tmp_path / "a")
    assert first.call(workspace, "train").code == 0
    kept = tmp_path / "kept"
    shutil.copytree(first.store, kept)
    count = workspace.call("gate", run=first.run).count
    folder = workspace.folder / names.REPORTS_DIR
    seen = set()
    for at in range(1, count + 1):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(first.store)
        shutil.copytree(kept, first.store)
        assert workspace.call("gate", run=first.run, at=at).code == -9
        seen.add(len(reports(workspace, first.run)))
        # What a killed stage was writing has a name that Jenkins does not archive.
        assert all(path.name.endswith("~") for path in folder.rglob(".*"))
    assert len(seen) >= 4  # there were moments between the reports
