"""Which shares replicas form: what is offered can be had, what can be had is offered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core.replica_shares import cannot_form, formable, replicas_for

REPLICAS = st.integers(1, 300)
STEPS = st.integers(1, 100)


@pytest.mark.parametrize(
    ("replicas", "shares"),
    [
        (1, {50: 1, 100: 1}),
        (2, {33: 1, 50: 2, 100: 2}),
        (3, {25: 1, 40: 2, 50: 3, 100: 3}),
        (9, {10: 1, 18: 2, 25: 3, 31: 4, 36: 5, 40: 6, 44: 7, 47: 8, 50: 9, 100: 9}),
    ],
)
def test_what_a_few_replicas_form(replicas, shares):
    assert formable(replicas) == shares


@given(REPLICAS)
def test_every_share_that_is_offered_can_be_had(replicas):
    shares = formable(replicas)
    assert cannot_form(tuple(sorted(shares)), replicas) == ""
    for share, canary in shares.items():
        if share < 100:
            assert abs(100 * canary / (replicas + canary) - share) <= 0.5


@given(STEPS, REPLICAS)
def test_a_step_is_formed_within_a_point_or_refused(step, replicas):
    canary = replicas_for(step, replicas)
    within = [c for c in range(1, replicas + 1) if abs(100 * c / (replicas + c) - step) <= 1]
    if step == 100:
        assert canary == replicas
    elif canary is None:
        assert within == []
        assert str(step) in cannot_form((step, 100), replicas)
    else:
        assert canary in within
        assert cannot_form((step, 100), replicas) == ""


def test_the_message_names_what_could_be():
    assert cannot_form((5, 25, 50, 100), 3) == (
        "3 replicas behind a plain Service cannot form 5 %, only 25, 40, 50, 100 %"
    )
    assert cannot_form((5, 75, 100), 1) == "1 replica behind a plain Service cannot form 5, 75 %, only 50, 100 %"
