"""A version is released by its number, under the checks of `serve`."""

import json

import pytest

from jenkins_ml import names

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("promote")]


def test_a_gated_version_is_released_and_the_journal_says_which_run_it_comes_from(gated):
    answer = json.loads(gated.ok("promote", "1", "--json").out)
    assert (answer["version"], answer["run"], answer["environment"], answer["previous"]) == (
        1,
        "first",
        "production",
        None,
    )
    assert gated.production() == 1
    assert gated.answering() == 1
    assert {entry.run for entry in gated.store.journal.entries() if entry.kind == "released"} == {"first"}


def test_the_version_may_come_from_the_environment_and_twice_is_as_good_as_once(gated):
    gated.ok("promote", **{names.ENV_PROMOTE_VERSION: "1"})
    again = gated.ok("promote", "1")
    assert "is in production already" in again.err
    assert gated.kinds().count("released") == 1


def test_a_version_that_was_not_gated_for_an_environment_is_not_released_there(gated):
    done = gated.call("promote", "1", "--environment", "staging")
    assert done.code == 3
    assert "was not gated for staging" in done.error
    assert gated.production() is None


def test_production_that_has_moved_since_the_gate_needs_another_gate(gated):
    gated.ok("train", run="second")
    gated.ok("gate", run="second")
    gated.ok("promote", "1")
    done = gated.call("promote", "2")
    assert done.code == 4
    assert "production has moved since version 2 was gated" in done.error
    gated.ok("gate", run="second")
    gated.ok("promote", "2")
    assert gated.production() == 2


@pytest.mark.parametrize(("given", "code", "message"), [(("7",), 2, "there is no version 7"), ((), 2, "VERSION")])
def test_what_cannot_be_promoted_is_said(gated, given, code, message):
    done = gated.call("promote", *given)
    assert done.code == code
    assert message in done.err
    assert gated.kinds() == ["decision"]
