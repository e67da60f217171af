"""The fake Jenkins answers as a real one was recorded to answer: every exchange, in its order."""

import json
from pathlib import Path

import pytest

from tests.contract.jenkins_replay import Replay
from tests.contract.jenkins_story import Story

RECORDED = [
    json.loads(line) for line in (Path(__file__).parent / "jenkins" / "exchanges.jsonl").read_text().splitlines()
]
BY_NAME = {each["name"]: each for each in RECORDED}
# Exchanges that were recorded at another time than where they stand, and after which they belong.
ELSEWHERE = {
    "move-root-check": "move-to-root",
    "console-after-queue-cancel": "stop-build-waiting-for-node-result",
}
# What is not compared, and why.
NOT_REPLAYED = {"restart-timeline": "a summary of many exchanges, not one of them"}
# What stands in the request instead of the last crumb.
BAD_CRUMB = {"post-password-bad-crumb-with-cookie": {"crumb": "0" * 64}}


def in_order() -> list[str]:
    names = [name for name in BY_NAME if name not in ELSEWHERE and name not in NOT_REPLAYED]
    for name, after in ELSEWHERE.items():
        names.insert(names.index(after) + 1, name)
    return names


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """What was different, by exchange."""
    story = Story()
    different = {}
    with story.server:
        replay = Replay(story.server)
        try:
            for name in in_order():
                story.before(name)
                different[name] = replay.put(BY_NAME[name], BAD_CRUMB.get(name, {}))
        finally:
            story.end()
    return different


@pytest.mark.parametrize("name", in_order())
def test_an_exchange_is_as_it_was_recorded(found, name):
    assert found[name] == []


def test_nearly_everything_is_replayed():
    assert len(RECORDED) == 399
    assert set(BY_NAME) - set(in_order()) == set(NOT_REPLAYED)
