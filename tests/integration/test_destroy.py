"""What serves an environment is taken away, and comes back as the journal has it."""

import json

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("destroy")]


def answer_of(repository, *arguments):
    return json.loads(repository.ok(*arguments, "--json").out)


def test_it_takes_the_server_away_and_leaves_the_store(gated):
    gated.ok("serve", run="first")
    server = gated.server()
    asked = gated.call("destroy")
    assert asked.code == 2
    assert "version 1 answers users in production, and nobody is here to be asked" in asked.err
    assert gated.answering() == 1
    answer = answer_of(gated, "destroy", "--yes")
    assert answer == {
        "environment": "production",
        "removed": [f"model server, process {server.pid}", "production.log"],
    }
    assert answer_of(gated, "status")["environments"][0]["server"] is None
    assert gated.production() == 1
    assert answer_of(gated, "destroy")["removed"] == []
    gated.ok("server")
    assert gated.answering() == 1


def test_what_was_left_in_the_middle_is_closed(gated):
    gated.ok("serve", run="first")
    entry = gated.store.journal.entries()[0]
    gated.store.journal.append(
        lambda number: type(entry)(**{**vars(entry), "number": number, "kind": "release_started"})
    )
    gated.ok("destroy", "--yes")
    history = gated.store.journal.history("production")
    assert history.open is None
    assert history.production is not None
