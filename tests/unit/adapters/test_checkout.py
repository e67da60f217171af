import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters import checkout
from jenkins_ml.errors import UsageError

BUILD = {"BUILD_TAG": "jenkins-digits-1"}


def git(folder, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A repository with the branches main and feature/x, one commit each, and a tag that is named main."""
    folder = tmp_path_factory.mktemp("origin")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "checkout", "-q", "-b", "feature/x")
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    git(folder, "tag", "main")
    return folder


@pytest.fixture
def workspace(origin, tmp_path):
    """As Jenkins checks out: detached, here at the tip of feature/x."""
    folder = tmp_path / "workspace"
    git(tmp_path, "clone", "-q", str(origin), "workspace")
    git(folder, "checkout", "-q", "--detach", "refs/remotes/origin/feature/x")
    return folder


def branch_of(folder, **environment):
    return checkout.describe(folder, {**BUILD, **environment}).branch


@pytest.mark.parametrize(
    ("environment", "branch"),
    [
        ({"BRANCH_NAME": "feature/x"}, "feature/x"),
        ({"BRANCH_NAME": "feature/x", "GIT_BRANCH": "origin/main"}, "feature/x"),
        ({"BRANCH_NAME": "feature%2Fx"}, "feature%2Fx"),  # BRANCH_NAME is plain: this is another branch
        ({"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_BRANCH": "main"}, "PR-7"),
        ({"CHANGE_ID": "7", "CHANGE_BRANCH": "main", "GIT_BRANCH": "origin/main"}, "PR-7"),
        ({"BRANCH_NAME": "MR-7", "CHANGE_ID": "7"}, "MR-7"),
        ({"GIT_BRANCH": "origin/main"}, "main"),
        ({"GIT_BRANCH": "main"}, "main"),
        ({"GIT_BRANCH": "refs/heads/main"}, "main"),
        ({"GIT_BRANCH": "refs/remotes/origin/main"}, "main"),
        ({"GIT_BRANCH": "remotes/origin/feature/x"}, "feature/x"),
        ({"GIT_BRANCH": "origin/origin/main"}, "origin/main"),
        ({"GIT_BRANCH": "fork/main"}, "fork/main"),
        ({"GIT_BRANCH": "refs/remotes/fork/main"}, "fork/main"),
        ({"GIT_BRANCH": "refs/tags/main"}, None),
        ({"GIT_BRANCH": "detached"}, None),
        ({"GIT_BRANCH": "HEAD"}, None),
        ({"CHANGE_BRANCH": "main"}, None),
        ({}, None),
    ],
)
def test_the_branch_is_what_jenkins_says(workspace, environment, branch):
    assert branch_of(workspace, **environment) == branch


def test_another_remote_than_the_job_s_own_does_not_give_its_branch(workspace):
    git(workspace, "remote", "add", "fork", "https://git.example.com/fork.git")
    assert branch_of(workspace, GIT_BRANCH="fork/main") == "fork/main"
    assert branch_of(workspace, GIT_BRANCH="origin/main") == "main"


def test_the_only_remote_may_have_any_name(workspace):
    git(workspace, "remote", "rename", "origin", "upstream")
    assert branch_of(workspace, GIT_BRANCH="upstream/main") == "main"
    assert branch_of(workspace, GIT_BRANCH="refs/remotes/upstream/main") == "main"
    assert branch_of(workspace, GIT_BRANCH="origin/main") == "origin/main"


def test_a_local_branch_that_lies_is_not_believed(workspace):
    git(workspace, "checkout", "-q", "-B", "main")
    assert branch_of(workspace) is None
    assert branch_of(workspace, BRANCH_NAME="feature/x") == "feature/x"
    assert branch_of(workspace, GIT_BRANCH="origin/feature/x") == "feature/x"


def test_a_local_branch_at_the_commit_of_the_remote_s_is_believed(workspace):
    git(workspace, "checkout", "-q", "-B", "feature/x")
    assert branch_of(workspace) == "feature/x"


def test_outside_jenkins_the_local_branch_counts(workspace):
    git(workspace, "checkout", "-q", "-B", "mine")
    assert checkout.describe(workspace, {"BRANCH_NAME": "main", "CHANGE_ID": "7"}).branch == "mine"


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({}, None),
        ({"BRANCH_NAME": "main"}, None),
        ({"BRANCH_NAME": "PR-7", "CHANGE_ID": "7"}, "pull request 7"),
        ({"BRANCH_NAME": "main", "CHANGE_ID": "7"}, "pull request 7"),
        ({"GIT_BRANCH": "origin/main", "gitlabMergeRequestIid": "7"}, "pull request 7"),
        ({"GIT_BRANCH": "origin/main", "ghprbPullId": "7"}, "pull request 7"),
        ({"BRANCH_NAME": "main", "TAG_NAME": "main"}, "tag main"),
        ({"BRANCH_NAME": "main", "TAG_NAME": "", "CHANGE_ID": ""}, None),
    ],
)
def test_what_is_no_branch(environment, what):
    assert checkout.no_branch(environment) == what


@given(st.from_regex(r"[a-z0-9][a-z0-9/_-]{0,20}", fullmatch=True))
def test_whatever_a_branch_is_called_it_comes_back_from_its_remote(branch):
    for prefix in ("origin/", "refs/remotes/origin/", "remotes/origin/", "refs/heads/"):
        assert checkout._without_remote(prefix + branch, "origin") == branch


def test_a_folder_outside_git(tmp_path):
    commit = checkout.describe(tmp_path, {})
    assert (commit.sha, commit.branch, commit.dirty) == (None, None, False)


def test_a_folder_outside_git_in_a_build_still_has_the_branch_of_the_build(tmp_path):
    assert branch_of(tmp_path, BRANCH_NAME="feature/x") == "feature/x"


def test_a_checkout_of_another_user_is_not_taken_for_no_checkout(workspace, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for this
    with pytest.raises(UsageError, match="belongs to another user") as caught:
        checkout.describe(workspace, BUILD)
    assert "safe.directory" in caught.value.next_step


def test_a_broken_checkout_is_not_taken_for_no_checkout(workspace):
    (workspace / ".git" / "HEAD").unlink()
    with pytest.raises(UsageError, match="is no whole git checkout"):
        checkout.describe(workspace, BUILD)


def test_a_checkout_where_git_is_missing(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not installed"):
        checkout.describe(workspace, BUILD)
    outside = tmp_path / "outside"
    outside.mkdir()
    assert checkout.describe(outside, BUILD).sha is None


def test_a_changed_file_is_seen_and_an_untracked_one_is_not(workspace):
    (workspace / "new").write_text("")
    assert not checkout.describe(workspace, BUILD).dirty
    git(workspace, "add", "new")
    assert checkout.describe(workspace, BUILD).dirty
    assert checkout.describe(Path(workspace), BUILD).sha == git(workspace, "rev-parse", "HEAD")
