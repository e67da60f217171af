import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters import forge_checkout
from jenkins_ml.adapters.forge_checkout import Remote, commits, parse_remote, remote, repository_path
from jenkins_ml.errors import UsageError

COMMIT = "c" * 40


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "base\n\nparent " + "d" * 40)
    return tmp_path


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("git@github.com:acme/x.git", "github.com", "acme/x"),
        ("github.com:acme/x", "github.com", "acme/x"),
        ("git@gitlab.corp:/group/sub/x.git", "gitlab.corp", "group/sub/x"),
        ("git@[::1]:acme/x.git", "::1", "acme/x"),
        ("https://github.com/acme/x.git", "github.com", "acme/x"),
        ("https://github.com/acme/x", "github.com", "acme/x"),
        ("https://GitHub.com/acme/x/", "github.com", "acme/x"),
        ("https://user:p%40ss@git.corp:8443/acme/x.git", "git.corp", "acme/x"),
        ("https://x-access-token:secret@github.com/acme/x.git", "github.com", "acme/x"),
        ("ssh://git@git.corp/acme/x.git", "git.corp", "acme/x"),
        ("ssh://git@git.corp:2222/acme/x.git", "git.corp", "acme/x"),
        ("ssh://git@[2001:db8::1]:2222/acme/x.git", "2001:db8::1", "acme/x"),
        ("git://git.corp/acme/x.git", "git.corp", "acme/x"),
        ("https://git.corp/acme/.github.git", "git.corp", "acme/.github"),
    ],
)
def test_remotes_as_git_reads_them(url, host, path):
    assert parse_remote(url) == Remote(host, path)


@pytest.mark.parametrize(
    "url",
    [
        "", "/srv/git/x.git", "../x.git", "./a:b", "file:///srv/git/acme/x.git", "https:///acme/x", "https://host/x",
        "https://host:port:secret/acme/x", "https://user:secret@host/acme/../x", "git@host:x.git",
        "https://u:secret@host/acme/x?y=1#z /..", "ftp://u:secret@host/acme/x", "git@host:acme/x y", "ext::sh -c secret/x",
        "https://u:secret@ho[st/acme/x", "-oProxyCommand=secret:acme/x/..",
    ],
)  # fmt: skip
def test_what_is_no_remote_of_a_forge_is_refused_and_not_shown(url):
    with pytest.raises(UsageError, match=r"jenkins\.forge\.repository") as caught:
        parse_remote(url)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=40))
def test_whatever_a_remote_is_its_path_is_safe_in_an_address(text):
    try:
        path = parse_remote(text).path
    except UsageError:
        return
    assert all(segment not in ("", ".", "..") for segment in path.split("/"))
    assert not set(path) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/")


@pytest.mark.parametrize(
    "path", ["acme", "", "/", "acme//x", "acme/..", "./x", "acme/x?y", "acme/x\n", "acmé/x", "a/%2e%2e"]
)
def test_what_is_no_path(path):
    with pytest.raises(UsageError, match="owner/name"):
        repository_path(path)


def test_the_remote_of_a_checkout(repository):
    git(repository, "remote", "add", "origin", "git@github.com:acme/x.git")
    assert remote(repository, {"GIT_URL": "https://elsewhere/a/b"}) == Remote("github.com", "acme/x")


def test_without_a_remote_jenkins_knows_it(repository):
    assert remote(repository, {"GIT_URL": "https://github.com/acme/y.git"}) == Remote("github.com", "acme/y")
    with pytest.raises(UsageError, match="no remote"):
        remote(repository, {})


def test_the_commits_of_a_checkout(repository):
    base = git(repository, "rev-parse", "HEAD")
    assert commits(repository, {}) == (base,)  # its message names no parent
    git(repository, "checkout", "-qb", "work")
    git(repository, "commit", "-q", "--allow-empty", "-m", "work")
    work = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "main")
    main = git(repository, "rev-parse", "HEAD")
    git(repository, "merge", "-q", "--no-ff", "-m", "merged", "work")
    assert commits(repository, {}) == (git(repository, "rev-parse", "HEAD"), main, work)


def test_a_shallow_clone_knows_its_parents(repository, tmp_path_factory):
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "next")
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "-q", "--depth", "1", repository.as_uri(), ".")
    assert commits(clone, {})[1:] == (base,)


@pytest.mark.parametrize(("given", "found"), [(COMMIT, (COMMIT,)), ("", ()), ("main", ()), (COMMIT + "/..", ())])
def test_without_git_jenkins_knows_the_commit(tmp_path, monkeypatch, given, found):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commits(tmp_path, {"GIT_COMMIT": given}) == found


def test_git_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    def hang(*arguments, timeout, **_):
        raise subprocess.TimeoutExpired(arguments, timeout)

    monkeypatch.setattr(forge_checkout.subprocess, "run", hang)
    with pytest.raises(forge_checkout.Unavailable, match="git did not answer"):
        commits(tmp_path, {})
