import json
import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner

from jenkins_ml import names
from jenkins_ml.adapters.model_store import ModelStore
from jenkins_ml.errors import IntegrityError, UsageError
from jenkins_ml.records import Commit, Condition, Decision, RunStart, VersionRef
from jenkins_ml.steps.publish import command
from tests.fakes.forge import BOT, SOMEBODY, TOKEN, FakeGitHub, FakeGitLab

RUN = "digits-12"
URL = "https://ci.example/job/digits/12/"
DECISION = Decision(
    run=RUN, model="digits", environment="production", verdict="approved", summary="every condition holds",
    candidate=VersionRef(version=12, manifest_digest="ab" * 32), baseline=None, data_digest="ef" * 32, count=100,
    confidence=0.95, metrics={}, baseline_metrics={}, created="2025-11-23T03:04:05Z",
    conditions=(
        Condition(
            name="accuracy min", metric="accuracy", kind="min", outcome="passed", candidate=0.97, baseline=None,
            limit=0.95, low=None, high=None, count=100, needed=None, reason="0.97 is at least 0.95",
        ),
    ),
)  # fmt: skip
CONFIG = """
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train", params: {seed: 1}}
gate: {metrics: {accuracy: {min: 0.9}}}
"""
OURS = (
    names.ENV_RUN, names.ENV_STORE, names.ENV_BUILD_TAG, names.ENV_FORGE_TOKEN, "JENKINS_ML_PARAM_seed", "BUILD_URL",
    "RUN_DISPLAY_URL", "CHANGE_ID", "BRANCH_NAME", "GIT_BRANCH", "GIT_COMMIT", "GIT_URL",
    "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
)  # fmt: skip


class Build:
    """A checkout in which a gate has been, and the forge that it comes from."""

    def __init__(self, folder, forge, monkeypatch):
        self.folder = folder
        self.forge = forge
        self.environment = monkeypatch
        folder.mkdir()
        monkeypatch.chdir(folder)
        for name in OURS:
            monkeypatch.delenv(name, raising=False)
        self.environment.setenv(names.ENV_RUN, RUN)
        self.environment.setenv(names.ENV_FORGE_TOKEN, TOKEN)
        self.git("init", "-q", "-b", "main")
        self.commit("base")
        self.git("remote", "add", "origin", f"https://user:secret@forge.example/{forge.repository}.git")
        self.configure(f"forge: {{kind: {forge.kind}, credentials: bot, api: '{forge.api}'}}")

    @property
    def store(self):
        return ModelStore(self.folder / names.DEFAULT_STORE, "digits")

    def configure(self, jenkins):
        (self.folder / names.CONFIG_FILE).write_text(CONFIG + f"jenkins:\n  {jenkins}\n")

    def git(self, *arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30
        )
        return done.stdout.decode().strip()

    def commit(self, message):
        """Commit, and push: the forge knows it."""
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.forge.commits.add(self.head)
        return self.head

    @property
    def head(self):
        return self.git("rev-parse", "HEAD")

    def decide(self, verdict="approved", name="gate-production", **changes):
        decision = replace(DECISION, verdict=verdict, **changes)
        assert self.store.write_run(RUN, name, decision)

    def fail(self, text):
        path = self.folder / names.FAILURE_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def pull_request(self, number="3"):
        """A branch with a commit of its own, built merged with main, as Jenkins does; answers its head."""
        self.git("checkout", "-q", "-b", f"work-{number}")
        head = self.commit("work")
        self.git("checkout", "-q", "main")
        self.commit("meanwhile")
        self.git("merge", "-q", "--no-ff", "-m", "merged by Jenkins", f"work-{number}")
        self.forge.heads[number] = head
        self.environment.setenv("CHANGE_ID", number)
        self.environment.setenv("BRANCH_NAME", f"PR-{number}")
        return head

    def publish(self, *arguments):
        """Run the command; answers what it prints and what it says."""
        result = CliRunner().invoke(command, arguments, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return result

    @property
    def status(self):
        [status] = self.forge.statuses
        return status


@pytest.fixture(params=[FakeGitHub, FakeGitLab])
def build(request, tmp_path, monkeypatch):
    with request.param() as forge:
        yield Build(tmp_path / "checkout", forge, monkeypatch)


@pytest.fixture
def github(tmp_path, monkeypatch):
    with FakeGitHub() as forge:
        yield Build(tmp_path / "checkout", forge, monkeypatch)


# --- a branch -------------------------------------------------------------------------------------------------------
def test_a_branch_gets_a_status_and_no_comment(build):
    build.decide()
    build.environment.setenv("BUILD_URL", URL)
    result = build.publish()
    expected = {
        "sha": build.head,
        "context": "jenkins-ml/digits",
        "state": "success",
        "description": "version 12: every condition holds",
        "target_url": URL,
    }
    assert expected.items() <= build.status.items()
    assert build.forge.comments == []
    assert f"jenkins-ml/digits is success at commit {build.head}" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("verdict", "github", "gitlab"),
    [("approved", "success", "success"), ("rejected", "failure", "failed"), ("inconclusive", "error", "failed")],
)
def test_every_verdict_has_its_state(build, verdict, github, gitlab):
    build.decide(verdict)
    build.publish()
    assert build.status["state"] == (github if build.forge.kind == "github" else gitlab)


def test_a_stage_that_failed_before_the_gate_says_why(build):
    build.fail("the tests exited with 1: pytest -q\n  next: its output stands above\n")
    build.publish()
    assert build.status["state"] == ("failure" if build.forge.kind == "github" else "failed")
    assert build.status["description"] == "the tests exited with 1: pytest -q next: its output stands above"


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_failure_that_says_nothing(build, text):
    build.fail(text)
    build.publish()
    assert build.status["description"] == "a stage before the gate failed"


def test_nothing_decided_and_nothing_failed_is_pending(build):
    build.publish()
    build.publish()
    assert {status["state"] for status in build.forge.statuses} == {"pending"}


def test_what_the_gate_said_counts_more_than_what_failed(build):
    build.decide()
    build.fail("the release was rolled back")
    build.publish()
    assert build.status["state"] == "success"


def test_the_last_decision_of_the_run_counts(build):
    build.decide("approved", "gate-production", created="2025-11-23T03:04:05Z")
    build.decide("rejected", "gate-production-against-11", created="2025-11-23T03:05:05Z")
    build.publish()
    assert build.status["state"].startswith("fail")


def test_gitlab_is_told_the_branch(build):
    build.decide()
    build.publish()
    assert build.status.get("ref") == ("main" if build.forge.kind == "gitlab" else None)


# --- a pull request -------------------------------------------------------------------------------------------------
def test_a_pull_request_that_is_built_merged(build):
    head = build.pull_request()
    build.decide()
    build.environment.setenv("BUILD_URL", URL)
    build.publish()
    assert build.status["sha"] == head != build.head
    [body] = build.forge.bodies(BOT)
    assert body.startswith("<!-- jenkins-ml: digits -->\n### digits version 12: approved\n")
    assert f"Commit `{head}`. [This build](<{URL}>) has the whole report." in body


def test_a_pull_request_that_is_built_as_it_is(build):
    build.forge.heads["3"] = build.head
    build.environment.setenv("CHANGE_ID", "3")
    build.decide()
    build.publish()
    assert build.status["sha"] == build.head


def test_the_next_push_replaces_the_comment(build):
    build.forge.say("thank you")
    build.pull_request()
    build.decide("rejected")
    build.publish()
    build.git("checkout", "-q", "work-3")
    build.forge.heads["3"] = build.commit("better")
    build.environment.setenv(names.ENV_RUN, "digits-13")
    build.store.write_run("digits-13", "gate-production", replace(DECISION, run="digits-13"))
    build.publish()
    [body] = build.forge.bodies(BOT)
    assert "digits version 12: approved" in body
    assert build.forge.bodies(SOMEBODY) == ["thank you"]


def test_a_newer_push_is_not_told_what_was_never_looked_at(build):
    build.pull_request()
    build.decide()
    build.forge.heads["3"] = "b" * 40
    result = build.publish("--json")
    assert build.forge.statuses == build.forge.comments == []
    assert "nothing published: the head of pull request 3 is now bbbb" in result.stderr
    assert json.loads(result.stdout)["published"] is False


def test_without_git_on_the_agent_jenkins_knows_the_commit(build, tmp_path):
    head = build.head
    build.forge.heads["3"] = head
    build.environment.setenv("CHANGE_ID", "3")
    build.environment.setenv("GIT_COMMIT", head)
    build.environment.setenv("GIT_URL", f"https://forge.example/{build.forge.repository}.git")
    build.decide()
    build.environment.setenv("PATH", str(tmp_path))
    build.publish()
    assert build.status["sha"] == head


def test_a_pull_request_without_a_decision_has_no_comment(build):
    build.pull_request()
    build.fail("training failed")
    build.publish()
    assert build.status["description"] == "training failed"
    assert build.forge.comments == []


def test_the_answer_as_json(github):
    head = github.pull_request()
    github.decide()
    assert json.loads(github.publish("--json").stdout) == {
        "run": RUN,
        "published": True,
        "commit": head,
        "context": "jenkins-ml/digits",
        "state": "success",
        "description": "version 12: every condition holds",
        "pull_request": "3",
        "comment": f"https://github.example/acme/digits/pull/3#issuecomment-{github.forge.comments[0]['id']}",
    }


@pytest.mark.parametrize("number", ["3/../4", "x", "-1", "٣", "3\n"])
def test_what_is_no_number_of_a_pull_request(build, number):
    build.environment.setenv("CHANGE_ID", number)
    with pytest.raises(UsageError, match="CHANGE_ID"):
        build.publish()
    assert build.forge.seen == []


# --- a matrix -------------------------------------------------------------------------------------------------------
def test_cells_of_a_matrix_do_not_overwrite_each_other(build):
    forge = f"forge: {{kind: {build.forge.kind}, credentials: bot, api: '{build.forge.api}'}}"
    build.configure(f"{forge}\n  matrix: {{axes: {{seed: [1, 2]}}}}")
    build.pull_request()
    build.decide()
    for seed in ("1", "2", "1", "2"):
        build.environment.setenv("JENKINS_ML_PARAM_seed", seed)
        build.publish()
    assert [status["context"] for status in build.forge.statuses[:2]] == [
        "jenkins-ml/digits",
        "jenkins-ml/digits,seed=2",
    ]
    marks = [body.splitlines()[0] for body in build.forge.bodies(BOT)]
    assert marks == ["<!-- jenkins-ml: digits -->", "<!-- jenkins-ml: digits,seed=2 -->"]


# --- the address of the build ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("build_url", "display_url", "shown"),
    [
        (URL, "https://ci.example/display", URL),
        ("", "https://ci.example/display", "https://ci.example/display"),
        ("javascript:alert(1)", "", None),
        ("", "", None),
    ],
)
def test_where_a_status_leads(build, build_url, display_url, shown):
    build.decide()
    build.environment.setenv("BUILD_URL", build_url)
    build.environment.setenv("RUN_DISPLAY_URL", display_url)
    build.publish()
    assert build.status.get("target_url") == shown


# --- what is wrong --------------------------------------------------------------------------------------------------
def test_no_forge_is_configured(build):
    build.configure("timeout: 2h")
    with pytest.raises(UsageError, match=r"jenkins\.forge is not configured"):
        build.publish()


def test_no_token(build):
    build.environment.setenv(names.ENV_FORGE_TOKEN, "")
    with pytest.raises(UsageError, match="JENKINS_ML_FORGE_TOKEN is not set"):
        build.publish()


def test_no_run(build):
    build.environment.delenv(names.ENV_RUN)
    with pytest.raises(UsageError, match="JENKINS_ML_RUN is not set"):
        build.publish()


def test_another_commit_than_the_run_began_at(build):
    begun = Commit(sha="f" * 40, branch="main", dirty=False)
    build.store.write_run(RUN, "run", RunStart(run=RUN, model="digits", commit=begun, created="2025-11-23T03:04:05Z"))
    build.decide()
    with pytest.raises(IntegrityError, match="began at commit ffff"):
        build.publish()
    assert build.forge.seen == []


def test_a_token_never_goes_to_a_public_forge_for_a_checkout_from_elsewhere(build):
    build.configure(f"forge: {{kind: {build.forge.kind}, credentials: bot}}")
    with pytest.raises(UsageError, match=r"comes from forge\.example, and jenkins\.forge\.api is not set") as caught:
        build.publish()
    assert "secret" not in str(caught.value)


def test_the_configured_repository_needs_no_remote(build):
    build.git("remote", "remove", "origin")
    forge = (
        f"kind: {build.forge.kind}, credentials: bot, api: '{build.forge.api}', repository: {build.forge.repository}"
    )
    build.configure(f"forge: {{{forge}}}")
    build.decide()
    build.publish()
    assert build.status["sha"] == build.head


def test_github_has_no_groups_of_groups(github):
    github.configure(f"forge: {{kind: github, credentials: bot, api: '{github.forge.api}', repository: a/b/c}}")
    with pytest.raises(UsageError, match="a/b/c is no repository at GitHub"):
        github.publish()


def test_no_commit_is_known(build, tmp_path):
    build.environment.setenv("PATH", str(tmp_path))
    build.environment.setenv("GIT_URL", f"https://forge.example/{build.forge.repository}.git")
    with pytest.raises(UsageError, match="commit is not known"):
        build.publish()


def test_a_status_that_is_set_stays_when_the_comment_is_refused(build):
    build.pull_request()
    build.decide()
    build.forge.forbidden.add("/comments" if build.forge.kind == "github" else "/notes")
    with pytest.raises(UsageError, match="does not let this token read the comments"):
        build.publish()
    assert build.status["state"] == "success"


def test_the_token_and_the_password_of_the_remote_are_said_nowhere(build):
    build.pull_request()
    build.decide()
    result = build.publish("--json")
    build.forge.users.clear()
    with pytest.raises(UsageError) as caught:
        build.publish()
    said = result.stdout + result.stderr + str(caught.value) + json.dumps(build.forge.comments + build.forge.statuses)
    assert TOKEN not in said
    assert "secret" not in said


def test_it_writes_nothing_to_the_store(build):
    build.decide()
    before = sorted(build.store.home.rglob("*"))
    build.publish()
    assert sorted(build.store.home.rglob("*")) == before
