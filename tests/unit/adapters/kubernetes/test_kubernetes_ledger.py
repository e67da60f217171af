"""What pods have answered to users, whatever else asked them and however often they began anew."""

from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.kubernetes.ledger import Ledger
from jenkins_ml.adapters.server_counters import Totals, own


def test_the_first_time_only_begins_to_count():
    ledger = Ledger()
    assert ledger.take({"a": Totals(well=10)}, ["a", "b"]).requests == 0
    # b was there when counting began; c came after it.
    window = ledger.take({"a": Totals(well=12), "b": Totals(well=5), "c": Totals(well=3)}, ["a", "b", "c"])
    assert window.requests == 2 + 3
    assert ledger.take({"b": Totals(well=6)}, ["b"]).requests == 1


def test_a_pod_that_does_not_tell_is_counted_when_it_does():
    ledger = Ledger()
    ledger.take({"a": Totals()}, ["a"])
    assert ledger.take({}, ["a"]).requests == 0
    ledger.asked("a", Totals(well=1))
    assert ledger.take({"a": Totals(well=4)}, ["a"]).requests == 3


@given(
    st.lists(
        st.tuples(st.sampled_from(["user", "user fails", "own", "restart", "look"]), st.sampled_from("ab")), max_size=60
    )
)
def test_users_answers_are_counted_once_whatever_happens(events):
    ledger, pods = Ledger(), {"a": Totals(), "b": Totals()}
    ledger.take(pods, pods)
    live, failed, seen = 0, 0, []
    one, bad, mine = Totals(well=1), Totals(failed=1), own(200, 0.001, b"", None)
    for what, pod in events:
        if what == "user":
            pods[pod] += one
            live += 1
        elif what == "user fails":
            pods[pod] += bad
            live, failed = live + 1, failed + 1
        elif what == "own":
            pods[pod] += mine
            ledger.asked(pod, mine)
        else:
            seen.append(ledger.take(pods, pods))
            if what == "restart":  # right after a look: what came between is lost with the process
                pods[pod] = Totals()
                seen.append(ledger.take(pods, pods))
    seen.append(ledger.take(pods, pods))
    assert sum(window.requests for window in seen) == live
    assert sum(window.failed for window in seen) == failed
