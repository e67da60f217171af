"""Merging by git: both sides, whatever the machine configures, and clear failures."""

import subprocess
from pathlib import Path

import pytest

from jenkins_ml.adapters import merge as module
from jenkins_ml.adapters.merge import conflicts, merge
from jenkins_ml.errors import StageFailed, Unavailable, UsageError

BASE = "a\nb\nc\nd\ne\nf\ng\nh\n"


def test_both_sides_are_in_it():
    merged = merge("J", BASE.replace("b", "mine"), BASE, BASE.replace("g", "new"))
    assert (merged.text, merged.conflicts) == ("a\nmine\nc\nd\ne\nf\nnew\nh\n", 0)
    assert list(conflicts(merged)) == []


def test_a_conflict_has_all_three_and_is_shown_with_the_lines_around_it():
    merged = merge("J", BASE.replace("e", "mine"), BASE, BASE.replace("e", "new"))
    assert merged.conflicts == 1
    [(line, shown)] = conflicts(merged)
    assert line == 5
    assert shown == (
        "c\nd\n<<<<<<< edited\nmine\n||||||| generated last time\ne\n=======\nnew\n>>>>>>> generated now\nf\ng\n"
    )


def test_each_conflict_is_shown():
    mine, new = BASE.replace("a", "mine 1").replace("h", "mine 2"), BASE.replace("a", "new 1").replace("h", "new 2")
    merged = merge("J", mine, BASE, new)
    assert merged.conflicts == 2
    assert [line for line, _ in conflicts(merged)] == [1, 14]


def test_a_last_line_without_an_end_is_shown_too():
    merged = merge("J", "a\nmine", "a\nb", "a\nnew")
    [(_, shown)] = conflicts(merged)
    for line in ("mine\n", "b\n", "new\n"):
        assert line in shown


def test_without_a_base_only_what_differs_is_a_conflict():
    merged = merge("J", BASE.replace("e", "mine"), None, BASE.replace("e", "new"))
    assert merged.text == "a\nb\nc\nd\n<<<<<<< edited\nmine\n=======\nnew\n>>>>>>> generated now\nf\ng\nh\n"


def test_more_conflicts_than_git_counts():
    count = 200
    base, mine, new = ("".join(f"{word} {i}\nx\ny\nz\n{i}\n" for i in range(count)) for word in ("base", "mine", "new"))
    merged = merge("J", mine, base, new)
    assert merged.conflicts > 0
    assert len(list(conflicts(merged))) == count


def test_no_configuration_and_no_repository_around_it_has_a_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=30)
    for path in (tmp_path / ".gitconfig", tmp_path / ".git" / "config"):
        path.write_text("[merge]\n\tconflictStyle = nonsense\n[broken\n")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
    monkeypatch.setattr(module.tempfile, "tempdir", None)
    assert merge("J", BASE + "mine\n", BASE, "new\n" + BASE).text == "new\n" + BASE + "mine\n"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_bytes_that_are_no_utf8_come_back():
    mine = b"\xff\n".decode(errors="surrogateescape")
    assert merge("J", BASE + mine, BASE, "new\n" + BASE).text == "new\n" + BASE + mine


def test_what_is_binary_is_named():
    with pytest.raises(StageFailed, match=r"git cannot merge ci/J.*binary"):
        merge("ci/J", "\0", "a", "b")


def test_without_git(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="no git"):
        merge("J", "a", "b", "c")


def test_a_git_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(module, "_DEADLINE_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="within"):
        merge("J", "a", "b", "c")
