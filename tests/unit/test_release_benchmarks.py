import time
from collections import Counter

import pytest

from benchmarks import release_kills, releases
from benchmarks.__main__ import ASKED_FOR, BENCHMARKS
from benchmarks.figures import Section, markdown
from benchmarks.release_kills import Found
from benchmarks.release_scenes import Fall, Watch


def test_they_are_registered():
    assert releases.measure.__name__ == BENCHMARKS["releases"].function
    assert release_kills.measure.__name__ == BENCHMARKS["release-kills"].function
    assert BENCHMARKS["release-kills"].repeat == 200
    assert "release-kills" in ASKED_FOR
    assert "releases" not in ASKED_FOR


def lines(results):
    return markdown(Section(results=tuple(results))).splitlines()[2:]


def test_the_worst_canary_is_held_against_the_target():
    falls = [Fall(seconds=1.0, answers=400), Fall(seconds=6.0, answers=500, failed=3, after=1)]
    slow, lossy = lines(releases._results("local", falls))
    assert "| 6 s | at most 5 s | missed: the figure | median 3.50 s;" in slow
    assert (
        "| 1 requests | at most 0 requests | missed: the figure | of 900 answers since the first bad one 3 were"
        in lossy
    )


def test_nobody_asks_where_nodes_are_simulated():
    [line] = lines(releases._results("kubernetes", [Fall(seconds=6.0)]))
    assert "| 6 s | at most 10 s | met |" in line


def test_a_deployer_that_leaves_something_else_behind_is_no_figure_that_is_met():
    found = Found(operations=100, ended=Counter({"released": 7, "as before": 2, "killed before operation 3": 1}))
    found.orphans, found.lost = ["Deployment m-v2"], Counter({"no answer": 2})
    states, orphans, lost = lines(release_kills._results("docker", found))
    assert states.startswith("| docker: of 10 killed deployers")
    assert "| 1 releases | at most 0 releases | missed: the figure | killed before operation 3 |" in states
    assert "| 1 objects | at most 0 objects | missed: the figure | Deployment m-v2 |" in orphans
    assert "| 2 requests | at most 0 requests | missed: the figure | no answer |" in lost


def test_released_and_as_before_are_what_a_killed_deployer_may_come_to():
    found = Found(operations=100, ended=Counter({"released": 7, "as before": 3}))
    assert found.wrong == 0
    assert all("| met |" in line for line in lines(release_kills._results("local", found)))


def test_what_a_canary_was_asked_is_looked_at_until_the_end():
    said = iter([(5, 1), None, (6, 1), (7, 2), (9, 4), (9, 4)])
    with Watch(lambda: next(said, None)) as watch:
        while len(watch.samples) < 5:
            time.sleep(0.001)
    times = [when for when, _, _ in watch.samples]
    assert watch.first_failure() == times[2]
    assert watch.last_request() == times[3]


def test_a_canary_that_never_failed_has_no_first_failure():
    watch = Watch(lambda: None)
    watch.samples = [(0.0, 5, 1), (1.0, 6, 1)]
    with pytest.raises(SystemExit, match="never failed"):
        watch.first_failure()
