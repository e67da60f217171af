"""Where a folder lies in its repository."""

import subprocess
from pathlib import Path

import pytest

from jenkins_ml.adapters import repository
from jenkins_ml.errors import Unavailable, UsageError


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)
    return done.stdout.decode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "models" / "a b").mkdir(parents=True)
    git(root, "init")
    return root


def test_it_is_what_git_says(root: Path):
    for folder in (root, root / "models", root / "models/a b"):
        assert repository.prefix(folder) == git(folder, "rev-parse", "--show-prefix").strip().rstrip("/")


def test_a_worktree_and_a_link_into_it(root: Path, tmp_path: Path):
    (root / "models" / "file").touch()
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    git(root, "worktree", "add", str(tmp_path / "tree"))
    (tmp_path / "link").symlink_to(tmp_path / "tree" / "models")
    assert repository.prefix(tmp_path / "link") == "models"


def test_in_a_hook(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_DIR", ".git")
    assert repository.prefix(root / "models") == "models"


def test_outside_of_git_and_without_git(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert repository.prefix(tmp_path) == ""
    monkeypatch.setenv("PATH", "")
    assert repository.prefix(root / "models") == "models"
    assert repository.ignored(root, ["file"]) == []


def test_a_folder_that_is_not_there_yet(root: Path):
    assert repository.prefix(root / "new" / "model") == "new/model"


def test_an_empty_folder_named_like_git_is_no_repository(root: Path):
    (root / "models" / ".git").mkdir()
    assert repository.prefix(root / "models") == "models"


def test_a_name_that_no_jenkinsfile_can_have(root: Path):
    folder = root / b"\xff".decode(errors="surrogateescape")
    folder.mkdir()
    with pytest.raises(UsageError, match="UTF-8"):
        repository.prefix(folder)


def test_what_git_ignores(root: Path, tmp_path: Path):
    (root / ".gitignore").write_text("*.log\n")
    assert repository.ignored(root, ["a.log", "ü b", "models/ü\nb.log"]) == ["a.log", "models/ü\nb.log"]
    assert repository.ignored(root, []) == []
    assert repository.ignored(tmp_path, ["a.log"]) == []


def test_a_git_that_hangs_is_given_up(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(repository, "_DEADLINE_SECONDS", 0.05)
    with pytest.raises(Unavailable):
        repository.ignored(root, ["a"])
