import pytest

from jenkins_ml.adapters.forge import Status, Target, put_comment
from jenkins_ml.adapters.forge_github import GitHub
from jenkins_ml.adapters.forge_gitlab import GitLab
from jenkins_ml.adapters.forge_http import Clock, Refused, Unclear
from jenkins_ml.errors import Unavailable, UsageError
from tests.fakes.forge import BOT, HEAD, OTHER, SOMEBODY, TOKEN, Canned, FakeGitHub, FakeGitLab

MARK = "<!-- jenkins-ml: digits -->"
STATUS = Status(
    context="jenkins-ml/digits", state="success", description="fine", url="https://ci.example/job/digits/4/"
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def github():
    with FakeGitHub() as running:
        yield running


@pytest.fixture
def gitlab():
    with FakeGitLab() as running:
        yield running


@pytest.fixture(params=[FakeGitHub, FakeGitLab])
def either(request):
    with request.param() as running:
        yield running


def connect(fake, token=TOKEN):
    """The adapter for a fake; nobody waits."""
    kind = GitHub if fake.kind == "github" else GitLab
    return kind(fake.repository, token, fake.api, Clock(sleep=lambda _: None))


def target(fake, commit=HEAD, branch=None):
    return Target(commit=commit, repository=fake.repository, branch=branch)


# --- statuses -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["success", "failure", "error", "pending"])
def test_a_status_at_github(github, state):
    connect(github).set_status(target(github), Status(context="c", state=state, description="d", url=None))
    assert github.statuses == [{"sha": HEAD, "state": state, "context": "c", "description": "d"}]


@pytest.mark.parametrize(
    ("state", "shown"), [("success", "success"), ("failure", "failed"), ("error", "failed"), ("pending", "pending")]
)
def test_a_status_at_gitlab(gitlab, state, shown):
    connect(gitlab).set_status(
        target(gitlab, branch="work"), Status(context="c", state=state, description="d", url=None)
    )
    [kept] = gitlab.statuses
    assert kept == {
        "sha": HEAD, "project": "acme%2Fvision%2Fdigits", "state": shown, "context": "c", "description": "d", "ref": "work",
    }  # fmt: skip


def test_the_status_leads_to_the_build(either):
    connect(either).set_status(target(either), STATUS)
    assert either.statuses[0]["target_url"] == STATUS.url


@pytest.mark.parametrize("length", [139, 140, 141, 254, 255, 256, 5000])
def test_a_description_is_as_long_as_the_forge_takes(either, length):
    connect(either).set_status(target(either), Status(context="c", state="success", description="é" * length, url=None))
    limit = 140 if either.kind == "github" else 255
    assert len(either.statuses[0]["description"]) == min(length, limit)


def test_gitlab_gets_no_address_or_branch_that_is_too_long(gitlab):
    status = Status(context="c", state="success", description="d", url="https://ci.example/" + "x" * 255)
    connect(gitlab).set_status(target(gitlab, branch="b" * 256), status)
    assert set(gitlab.statuses[0]) == {"sha", "project", "state", "context", "description"}


def test_the_same_state_twice_is_fine(either):
    forge = connect(either)
    for _ in range(2):
        forge.set_status(target(either), Status(context="c", state="pending", description="d", url=None))
    assert {kept["state"] for kept in either.statuses} == {"pending"}


def test_another_refused_transition_is_told(gitlab):
    gitlab.canned += [Canned(400, body={"message": "Cannot transition status via :drop from :canceled"})]
    with pytest.raises(Refused, match="from :canceled"):
        connect(gitlab).set_status(target(gitlab), STATUS)


def test_a_commit_that_the_forge_does_not_know(github, gitlab):
    with pytest.raises(Refused, match=r"\(422\): No commit found for SHA"):
        connect(github).set_status(target(github, "c" * 40), STATUS)
    with pytest.raises(UsageError, match="404 Commit Not Found"):
        connect(gitlab).set_status(target(gitlab, "c" * 40), STATUS)


def test_a_token_that_may_not_set_statuses(either):
    either.forbidden.add("/statuses/")
    with pytest.raises(UsageError, match=f"does not let this token set the status of commit {HEAD}") as caught:
        connect(either).set_status(target(either), STATUS)
    needed = "`Commit statuses: write`" if either.kind == "github" else "the scope `api`"
    assert needed in caught.value.next_step


def test_a_wrong_token(either):
    with pytest.raises(UsageError, match="does not accept the token") as caught:
        connect(either, "wrong-token").head("3")
    assert "wrong-token" not in str(caught.value)


# --- pull requests --------------------------------------------------------------------------------------------------
def test_the_head_of_a_pull_request(github):
    github.heads["3"] = OTHER
    assert connect(github).head("3") == Target(commit=OTHER, repository="acme/digits", branch=None)


def test_the_head_of_a_merge_request(gitlab):
    assert connect(gitlab).head("3") == Target(commit=HEAD, repository="acme/vision/digits", branch="work")


def test_a_fork_at_gitlab_has_its_status_in_its_own_project(gitlab):
    gitlab.source_project = 99
    gitlab.projects.add("99")
    forge = connect(gitlab)
    forge.set_status(forge.head("3"), STATUS)
    assert [(kept["project"], kept["ref"]) for kept in gitlab.statuses] == [("99", "work")]


def test_a_fork_that_the_token_does_not_see(gitlab):
    gitlab.source_project = 99
    forge = connect(gitlab)
    with pytest.raises(UsageError, match="in project 99"):
        forge.set_status(forge.head("3"), STATUS)


def test_a_fork_that_was_deleted(gitlab):
    gitlab.source_project = None
    assert connect(gitlab).head("3").repository == "acme/vision/digits"


def test_no_such_pull_request(either):
    with pytest.raises(UsageError, match="request 4 of acme/"):
        connect(either).head("4")


@pytest.mark.parametrize(
    "said", [{}, {"head": {"sha": "../x"}, "sha": "../x"}, {"head": 1, "sha": 1}, [], None, b"<html>"]
)
def test_what_is_no_pull_request_is_not_the_api(either, said):
    either.canned += [Canned(200, body=said)]
    with pytest.raises(UsageError, match="is not the API of"):
        connect(either).head("3")


# --- comments -------------------------------------------------------------------------------------------------------
def test_the_first_push_writes_a_comment_and_the_next_replaces_it(either):
    either.say("hello")
    first = put_comment(connect(either), "3", MARK, f"{MARK}\none")
    assert either.bodies() == [f"{MARK}\none"]
    second = put_comment(connect(either), "3", MARK, f"{MARK}\ntwo")
    assert either.bodies() == [f"{MARK}\ntwo"]
    assert either.bodies(SOMEBODY) == ["hello"]
    assert first == second
    assert first.endswith(f"_{either.comments[1]['id']}" if either.kind == "gitlab" else f"-{either.comments[1]['id']}")


def test_others_comments_are_never_touched(either):
    either.say(f"{MARK}\nforged", SOMEBODY)
    either.say(f"{MARK}\nof a deleted account", None)
    either.say(f"> {MARK}\nquoted by ourselves", BOT)
    either.say(f"{MARK}\nof another request", BOT, "4")
    before = [dict(comment) for comment in either.comments]
    put_comment(connect(either), "3", MARK, f"{MARK}\nours")
    put_comment(connect(either), "3", MARK, f"{MARK}\nagain")
    assert either.comments[:-1] == before
    assert either.comments[-1]["body"] == f"{MARK}\nagain"


def test_a_note_of_gitlabs_own_is_no_comment(gitlab):
    gitlab.say(f"{MARK}\nmentioned", BOT, system=True)
    put_comment(connect(gitlab), "3", MARK, f"{MARK}\nours")
    assert gitlab.bodies() == [f"{MARK}\nmentioned", f"{MARK}\nours"]


def test_models_have_comments_of_their_own(either):
    marks = [f"<!-- jenkins-ml: {name} -->" for name in ("digits", "digits-2", "dig")]
    for turn in ("one", "two"):
        for mark in marks:
            put_comment(connect(either), "3", mark, f"{mark}\n{turn}")
    assert either.bodies() == [f"{mark}\ntwo" for mark in marks]


@pytest.mark.parametrize("before", [99, 100, 101, 250])
def test_our_comment_is_found_on_every_page(either, before):
    for number in range(before):
        either.say(f"talk {number}")
    either.say(f"{MARK}\nold", BOT)
    put_comment(connect(either), "3", MARK, f"{MARK}\nnew")
    assert either.bodies() == [f"{MARK}\nnew"]
    lists = [path for path in either.calls("GET") if "comments?" in path or "notes?" in path]
    assert len(lists) == before // 100 + 1


@pytest.mark.parametrize("lost", [Canned(502, after=True, on="POST"), Canned(0, after=True, on="POST")])
def test_a_comment_whose_answer_is_lost_is_not_written_twice(either, lost):
    either.canned += [lost]
    put_comment(connect(either), "3", MARK, f"{MARK}\none")
    assert either.bodies() == [f"{MARK}\none"]


def test_a_comment_that_did_not_arrive_is_written_again(either):
    either.canned += [Canned(502, on="POST")]
    put_comment(connect(either), "3", MARK, f"{MARK}\none")
    assert either.bodies() == [f"{MARK}\none"]


def test_a_comment_is_not_tried_for_ever(either):
    either.canned += [Canned(502, on="POST")] * 5
    with pytest.raises(Unclear):
        put_comment(connect(either), "3", MARK, f"{MARK}\none")
    assert len(either.calls("POST")) == 2


def test_a_comment_under_a_rate_limit(either):
    either.canned += [Canned(429, {"Retry-After": "3600"}, on="POST")]
    with pytest.raises(Unavailable, match="rate limit"):
        put_comment(connect(either), "3", MARK, f"{MARK}\none")
    assert either.bodies() == []


def test_the_longest_comment(either):
    forge = connect(either)
    put_comment(forge, "3", MARK, MARK.ljust(forge.comment_limit, "x"))
    with pytest.raises(Refused, match="too long"):
        put_comment(forge, "3", "<!-- other -->", "x" * (forge.comment_limit + 1))


def test_a_token_without_a_user(github):
    github.forbidden.add("/user")
    with pytest.raises(UsageError, match="ask whose the token is"):
        put_comment(connect(github), "3", MARK, f"{MARK}\none")
    assert github.bodies() == []
