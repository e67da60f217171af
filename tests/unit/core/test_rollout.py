from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core import rollout
from jenkins_ml.core.judge import Evidence, Limits, Window
from jenkins_ml.core.rollout import (
    Begun,
    Loaded,
    LoadFailed,
    Looked,
    Plan,
    Record,
    State,
    Stopped,
    Traffic,
    Unload,
    Watch,
    advance,
)

LIMITS = Limits(max_error_rate_increase=0.01, latency_limited=False, min_requests=100)
NOTHING = Window()


def plan(stable=1, steps=(10, 50, 100), interval=60.0, deadline=3600.0):
    return Plan(candidate=2, stable=stable, steps=steps, limits=LIMITS, interval=interval, deadline=deadline)


class Look:
    """What one look at the present step shows, and when it is: its step is known once it is played."""

    def __init__(self, live, in_step=60.0, in_all=100.0):
        self.live, self.in_step, self.in_all = live, in_step, in_all

    def at(self, step):
        stable = Window(requests=1000)
        evidence = Evidence(step=step, live=self.live, live_stable=stable, replayed=NOTHING, replayed_stable=NOTHING)
        return Looked(evidence, self.in_step, self.in_all)


def look(live, **when):
    return Look(live, **when)


HEALTHY = look(Window(requests=200))
FAILING = look(Window(requests=200, failed=100))
SILENT = look(Window(requests=3))


def play(the_plan, *observations):
    state, everything = State(), []
    for observation in observations:
        state, actions = observe(the_plan, state, observation)
        everything += actions
    return state, everything


def observe(the_plan, state, observation):
    return advance(the_plan, state, observation.at(state.step) if isinstance(observation, Look) else observation)


def traffic(actions):
    return [action for action in actions if isinstance(action, Traffic)]


def kinds(actions):
    return [action.kind for action in actions if isinstance(action, Record)]


def test_a_healthy_canary_goes_up_the_steps_and_is_released():
    state, actions = play(plan(), Begun(), Loaded(), HEALTHY, HEALTHY, HEALTHY)
    assert state.phase == "released"
    assert traffic(actions) == [Traffic(1, 2, 10), Traffic(1, 2, 50), Traffic(1, 2, 100), Traffic(2, None, 0)]
    assert kinds(actions) == ["release_started", *["release_step"] * 3, "released"]


def test_a_failing_canary_gives_the_traffic_back_before_anything_is_written():
    state, actions = play(plan(), Begun(), Loaded(), HEALTHY, FAILING)
    assert state.phase == "rolled_back"
    assert actions[-3] == Traffic(1, None, 0)
    assert kinds(actions)[-1] == "release_rolled_back"
    assert actions[-1] == Unload(2)


def test_a_model_that_does_not_load_gets_no_traffic():
    state, actions = play(plan(), Begun(), LoadFailed("no"))
    assert state.phase == "rolled_back"
    assert traffic(actions) == [Traffic(1, None, 0)]


def test_silence_is_waited_for_until_the_deadline_and_is_neither_good_nor_bad():
    state, actions = play(plan(), Begun(), Loaded(), *[SILENT] * 30)
    assert state.phase == "canary"
    assert actions[-1] == Watch()
    state, actions = observe(plan(), state, look(NOTHING, in_all=3600.0))
    assert state.phase == "inconclusive"
    assert "inconclusive after 3600 s" in state.reason
    assert traffic(actions) == [Traffic(1, None, 0)]
    assert kinds(actions) == ["release_abandoned"]


def test_a_step_is_watched_for_its_interval_however_healthy_it_is():
    state, actions = play(plan(), Begun(), Loaded(), look(Window(requests=5000), in_step=59.0))
    assert (state.phase, state.step) == ("canary", 0)
    assert actions[-1] == Watch()


def test_a_canary_that_fails_is_rolled_back_at_the_first_look():
    state, _ = play(plan(), Begun(), Loaded(), look(Window(requests=200, failed=100), in_step=1.0, in_all=2.0))
    assert state.phase == "rolled_back"


@pytest.mark.parametrize(
    ("stable", "steps", "shadow", "planned"),
    [(1, (5, 25, 50, 100), 0, 3), (1, (5, 100), 20, 1), (1, (100,), 0, 0), (None, (5, 100), 0, 0)],
)
def test_each_step_in_which_users_ask_both_versions_has_a_checkpoint(stable, steps, shadow, planned):
    assert replace(plan(stable, steps), shadow=shadow).judged_by.checkpoints == planned


def checked(*observations, **what):
    """Which checkpoints there were: how many, and how much of the chance to err was free at the last one."""
    state, _ = play(plan(**what), Begun(), Loaded(), *observations)
    count = state.seen.live.checkpoints
    return count.later, count.enough


def test_a_step_is_checked_once_when_it_is_about_to_be_left():
    limits = plan().judged_by
    early = look(Window(requests=200), in_step=59.0)
    assert checked(early) == (0, 0)
    assert checked(early, SILENT) == (1, limits.spendable(1))
    assert checked(SILENT) == (0, 0)  # too few answers
    assert checked(HEALTHY, HEALTHY, early) == (2, limits.spendable(2))
    doubtful = look(Window(requests=100, failed=3))
    assert checked(doubtful, doubtful) == checked(doubtful)  # held at the step by a doubt


def test_a_release_that_is_taken_up_is_checked_as_far_as_its_plan_has_come():
    state, _ = play(plan(), Begun(resumed=True, weight=50), Loaded(), HEALTHY)
    assert state.seen.live.checkpoints.enough == plan().judged_by.spendable(2)


@pytest.mark.parametrize(("weight", "begins_at"), [(None, 10), (10, 10), (50, 50), (60, 100), (100, 100)])
def test_a_release_is_taken_up_at_the_step_where_it_was_left(weight, begins_at):
    state, actions = play(plan(), Begun(resumed=True, weight=weight), Loaded())
    assert traffic(actions) == [Traffic(1, 2, begins_at)]
    assert kinds(actions) == ["release_step"]
    assert state.phase == "canary"


def test_a_first_release_is_probed_before_it_gets_traffic():
    state, actions = play(plan(stable=None), Begun(), Loaded(), HEALTHY)
    assert state.phase == "released"
    assert traffic(actions) == [Traffic(2, None, 0)]
    state, actions = play(plan(stable=None), Begun(), Loaded(), FAILING)
    assert state.phase == "rolled_back"
    assert traffic(actions) == []


def test_being_stopped_gives_the_traffic_back():
    state, actions = play(plan(), Begun(), Loaded(), HEALTHY, Stopped("SIGTERM"))
    assert state.phase == "abandoned"
    assert traffic(actions)[-1] == Traffic(1, None, 0)
    assert kinds(actions)[-1] == "release_abandoned"


@pytest.mark.parametrize("phase", ["released", "rolled_back", "abandoned", "inconclusive"])
def test_an_ended_release_refuses_every_observation(phase):
    with pytest.raises(ValueError, match="cannot be observed"):
        observe(plan(), State(phase=phase), HEALTHY)


looks = st.sampled_from([HEALTHY, FAILING, SILENT, Stopped("x")])


@given(st.lists(looks, max_size=40), st.lists(st.integers(1, 99), unique=True).map(sorted), st.sampled_from([None, 1]))
def test_laws(observations, steps, stable):
    """Whatever is observed: weights rise, an intention comes before its traffic, and only health releases."""
    the_plan = plan(stable, (*steps, 100))
    state, actions = play(the_plan, Begun(), Loaded())
    for observation in observations:
        if state.ended:
            break
        state, more = observe(the_plan, state, observation)
        actions += more
    weights = [action.weight for action in traffic(actions) if action.canary]
    assert weights == sorted(weights)
    for index, action in enumerate(actions):
        if isinstance(action, Traffic) and action.canary:
            before = actions[index - 1]
            assert isinstance(before, Record)
            assert before.weight == action.weight
    if state.phase == "released":
        assert sum(item is not FAILING for item in observations) >= len(the_plan.weights)
        assert any(item is HEALTHY for item in observations)
        assert traffic(actions)[-1] == Traffic(2, None, 0)
    if state.phase in ("rolled_back", "abandoned", "inconclusive") and stable:
        assert traffic(actions)[-1] == Traffic(1, None, 0)
    assert isinstance(state, rollout.State)
