"""The client side of the embedded server, as far as it needs no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jenkins_ml.adapters import files, local_server, server_process
from jenkins_ml.errors import Unavailable

DEAD = {"model": "m", "pid": 1, "rest_port": 1, "grpc_port": 2, "token": "t"}


def test_a_free_lock_means_that_there_is_no_server(tmp_path: Path) -> None:
    state_file = tmp_path / "server.json"
    assert local_server.find(state_file) is None
    state_file.write_text(json.dumps(DEAD))
    assert local_server.find(state_file) is None
    with files.lock(local_server.lock_file(state_file), "1"):
        pass
    assert local_server.find(state_file) is None


@pytest.mark.parametrize("left_behind", [None, DEAD])
def test_a_server_that_does_not_answer_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_behind: dict[str, object] | None
) -> None:
    monkeypatch.setattr(local_server, "_FIND_SECONDS", 0.0)
    state_file = tmp_path / "server.json"
    if left_behind:
        state_file.write_text(json.dumps(left_behind))
    with files.lock(local_server.lock_file(state_file), "1"), pytest.raises(Unavailable, match="does not answer"):
        local_server.find(state_file)


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_state_file_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    state_file = tmp_path / "server.json"
    state_file.write_text(text)
    with files.lock(local_server.lock_file(state_file), "1"), pytest.raises(Unavailable, match="cannot be read"):
        local_server.find(state_file)


@pytest.mark.parametrize(
    ("code", "text", "what", "next_step"),
    [
        (6, "noise\nport 1 is in use\n  next: stop it\n", "port 1 is in use", "stop it"),
        (1, "Traceback\nValueError\n", "the model server ended with 1\nTraceback\nValueError", "its log is LOG"),
        (-9, "", "the model server ended with -9", "its log is LOG"),
    ],
)
def test_the_last_words_of_a_server(tmp_path: Path, code: int, text: str, what: str, next_step: str) -> None:
    log = tmp_path / "log"
    log.write_text("of another run\n  next: nothing\n")
    written = log.stat().st_size
    with log.open("a") as stream:
        stream.write(text)
    error = server_process._died(code, log, written)
    assert (error.what, error.next_step) == (what, next_step.replace("LOG", str(log)))
