import dataclasses
import json
from dataclasses import replace

import pytest

from jenkins_ml import names
from jenkins_ml.core.judge import Evidence, Limits, Seen, Window
from jenkins_ml.core.judge import judge as judge_seen

LIMITS = Limits(max_error_rate_increase=0.01, latency_limited=True, min_requests=100)
NOTHING = Window()


def look(live=NOTHING, live_stable=NOTHING, replayed=NOTHING, replayed_stable=NOTHING, step=0, flips=0):
    return Evidence(
        step=step, live=live, live_stable=live_stable, replayed=replayed, replayed_stable=replayed_stable, flips=flips
    )


def seen(looks, limits=LIMITS, checkpoints=()):
    """`checkpoints`: which one each look is, 0 for none; where there are fewer, the rest is none."""
    folded = Seen()
    for place, each in enumerate(looks):
        folded = folded.after(each, limits, checkpoints[place] if place < len(checkpoints) else 0)
    return folded


def judge(looks, limits):
    return judge_seen(seen(looks, limits), limits)


def verdict(*looks, limits=LIMITS):
    return judge(looks, limits).verdict


def question(name, *looks, limits=LIMITS):
    return next(asked for asked in judge(looks, limits).evidence if asked.name == name)


# --- when a step may be left ---------------------------------------------------------------------------------------------
def test_a_clean_canary_goes_on():
    assert verdict(look(Window(requests=200), Window(requests=200))) == "promote"


def test_too_few_answers_are_waited_for():
    judgement = judge([look(Window(requests=99), Window(requests=5000))], LIMITS)
    assert (judgement.verdict, judgement.answers, judgement.answers_needed) == ("wait", 99, 100)


def test_a_silent_canary_is_neither_promoted_nor_rolled_back():
    assert verdict(*[look(live_stable=Window(requests=500, failed=3))] * 50) == "wait"
    assert verdict(look(), limits=replace(LIMITS, min_requests=0)) == "wait"


def test_answers_of_an_earlier_step_do_not_let_a_step_be_left():
    plenty = look(Window(requests=5000), Window(requests=5000))
    assert verdict(plenty, look(Window(requests=50), Window(requests=50), step=1)) == "wait"
    assert verdict(plenty, *[look(Window(requests=50), Window(requests=50), step=1)] * 2) == "promote"


def test_live_and_replayed_answers_count_together():
    assert (
        verdict(look(Window(requests=40), Window(requests=40), Window(requests=60), Window(requests=60))) == "promote"
    )


# --- errors --------------------------------------------------------------------------------------------------------------
def test_a_canary_that_only_fails_is_rolled_back_after_ten_requests():
    assert verdict(look(Window(requests=9, failed=9), Window(requests=9))) == "wait"
    assert verdict(look(Window(requests=10, failed=10), Window(requests=10))) == "roll_back"


def test_looks_at_single_requests_are_judged_together():
    looks = [look(Window(requests=1, failed=1)), look(live_stable=Window(requests=1))] * 10
    assert verdict(*looks) == "roll_back"


def test_live_failures_are_not_hidden_by_replayed_successes():
    plenty = Window(requests=5000)
    assert verdict(look(Window(requests=30, failed=15), Window(requests=30), plenty, plenty)) == "roll_back"


def test_replayed_requests_without_an_answer_are_failures():
    assert verdict(look(replayed=Window(requests=20, failed=20), replayed_stable=Window(requests=20))) == "roll_back"


def test_one_failure_in_a_hundred_is_no_evidence():
    assert verdict(look(Window(requests=100, failed=1), Window(requests=1000))) == "promote"


def test_a_canary_is_not_blamed_for_failures_that_production_has_too():
    alike = Window(requests=200, failed=40)
    assert verdict(*[look(alike, alike)] * 50) == "promote"


def test_a_backend_that_fails_later_is_not_the_canarys_fault():
    """Taken together, the canary would have failed in 18 % and production in 1.9 %."""
    before = look(Window(requests=100), Window(requests=10_000))
    after = look(Window(requests=900, failed=180), Window(requests=1000, failed=200), step=1)
    assert verdict(before, after) == "promote"


def test_a_sure_but_tiny_rise_is_allowed():
    sure = look(Window(requests=1_000_000, failed=6000), Window(requests=1_000_000, failed=5000))
    assert question("live errors", sure).evidence > question("live errors", sure).needed
    assert verdict(sure) == "promote"
    assert verdict(sure, limits=replace(LIMITS, max_error_rate_increase=0.0005)) == "roll_back"


def test_where_production_fails_often_the_margin_is_relative():
    sure = look(Window(requests=100_000, failed=32_500), Window(requests=100_000, failed=30_000))
    assert verdict(sure) == "promote"
    assert verdict(sure, limits=replace(LIMITS, error_rate_margin=0.0)) == "roll_back"


def test_where_users_have_only_the_canary_it_is_held_against_productions_record():
    record = look(Window(requests=1000, failed=5), Window(requests=19_000, failed=95))
    alike, worse = Window(requests=1000, failed=5), Window(requests=1000, failed=80)
    assert verdict(record, *[look(alike, step=1)] * 20) == "promote"
    assert verdict(record, look(worse, step=1)) == "roll_back"


def test_the_last_answers_of_production_do_not_hold_up_the_judge():
    record = look(Window(requests=1000, failed=5), Window(requests=19_000, failed=95))
    last = look(Window(requests=2), Window(requests=1), step=1)
    assert verdict(record, last, look(Window(requests=18, failed=18), step=1)) == "roll_back"


def test_without_any_record_only_a_canary_that_mostly_fails_is_rolled_back():
    assert verdict(look(Window(requests=200, failed=40))) == "promote"
    assert verdict(look(Window(requests=200, failed=180))) == "roll_back"


def test_a_first_release_is_held_against_what_is_allowed():
    assert verdict(look(replayed=Window(requests=100))) == "promote"
    assert verdict(look(replayed=Window(requests=100, failed=20))) == "roll_back"
    assert verdict(look(replayed=Window(requests=6, failed=6))) == "roll_back"
    strict = replace(LIMITS, max_error_rate_increase=0.0)
    assert verdict(look(replayed=Window(requests=100, failed=1)), limits=strict) == "roll_back"


# --- the count at checkpoints --------------------------------------------------------------------------------------------
PLANNED = replace(LIMITS, checkpoints=2)
BESIDE = look(Window(requests=100, failed=6), Window(requests=100))


def count(*looks, checkpoints, limits=PLANNED):
    return seen(looks, limits, checkpoints).live.checkpoints


def test_what_the_bets_do_not_find_is_found_at_the_last_checkpoint():
    later = look(Window(requests=100, failed=3), Window(requests=100), step=1)
    between = seen([BESIDE, later], PLANNED, [1])
    found = seen([BESIDE, later], PLANNED, [1, 2])
    assert judge_seen(between, PLANNED).verdict != "roll_back"
    judgement = judge_seen(found, PLANNED)
    assert judgement.verdict == "roll_back"
    asked = next(each for each in judgement.evidence if each.name == "live errors at checkpoints")
    assert (asked.verdict, asked.evidence) == ("worse", pytest.approx(1 / found.live.checkpoints.chance))


def test_at_the_first_checkpoint_it_takes_more():
    later = replace(BESIDE, step=1)
    first, last = (count(each, checkpoints=[place]) for each, place in ((BESIDE, 1), (later, 2)))
    assert (first.chance, first.sure) == (pytest.approx(0.0145, abs=0.0005), False)
    assert last.chance == first.chance
    assert 0 < first.enough < last.enough / 10


def test_answers_that_come_because_a_step_is_in_doubt_do_not_count():
    checked = count(BESIDE, checkpoints=[1])
    held = count(BESIDE, BESIDE, BESIDE, checkpoints=[1, 1, 1])
    assert (held.hits, held.later, held.spent) == (checked.hits, checked.later, checked.spent)
    assert count(BESIDE, BESIDE, replace(BESIDE, step=1), checkpoints=[1, 1, 2]).hits == 12


def test_answers_before_a_checkpoint_all_count_however_few():
    few = look(Window(requests=3, failed=2), Window(requests=4, failed=1))
    assert count(few, checkpoints=[0]).hits == 0
    assert count(few, checkpoints=[1]).hits == 2


def test_once_sure_it_stays_sure_and_rolls_back_only_beyond_what_is_allowed():
    tiny = look(Window(requests=1_000_000, failed=6000), Window(requests=1_000_000, failed=5000))
    after = seen([tiny], PLANNED, [1])
    assert after.live.checkpoints.sure
    assert judge_seen(after, PLANNED).verdict == "promote"
    worse = look(Window(requests=300_000, failed=30_000), Window(requests=300_000, failed=1500), step=1)
    after = after.after(worse, PLANNED)
    asked = {each.name: each.verdict for each in judge_seen(after, PLANNED).evidence}
    assert asked["live errors at checkpoints"] == "worse"


def test_nothing_failed_is_no_evidence_at_a_checkpoint():
    clean = look(Window(requests=100), Window(requests=100))
    assert count(clean, checkpoints=[1]).chance == 1
    assert judge_seen(seen([clean], PLANNED, [1]), PLANNED).verdict == "promote"


def test_equal_sums_are_ordered_by_how_late_the_failures_came():
    both = Window(requests=50, failed=2), Window(requests=50, failed=2)
    less, more = Window(requests=50, failed=1), Window(requests=50, failed=3)
    early = count(look(more, less), look(*both, step=1), look(less, more, step=2), checkpoints=[1, 2, 3])
    late = count(look(less, more), look(*both, step=1), look(more, less, step=2), checkpoints=[1, 2, 3])
    assert early.hits == late.hits
    assert early.chance > late.chance


def test_what_may_be_spent_rises_to_the_part_that_the_count_has():
    limits = replace(LIMITS, checkpoints=10)
    parts = [limits.spendable(place) for place in range(1, 11)]
    assert parts == sorted(parts)
    assert parts[-1] == limits.level("live errors at checkpoints")
    assert parts[4] < 0.1 * parts[-1]


# --- NaN -----------------------------------------------------------------------------------------------------------------
def test_answers_with_nan_count_as_errors():
    assert verdict(look(Window(requests=20, nan=20), Window(requests=20))) == "roll_back"


def test_few_nan_are_found_where_few_failures_are_allowed():
    few = look(Window(requests=20_000, nan=60), Window(requests=20_000))
    assert question("live errors", few).verdict == "fine"
    assert question("live NaN", few).verdict == "worse"
    assert verdict(few, limits=replace(LIMITS, max_nan_share=0.01)) == "promote"


def test_nan_that_production_answers_too_are_no_finding():
    alike = Window(requests=20_000, nan=60)
    assert verdict(*[look(alike, alike)] * 10) == "promote"


def test_a_first_release_may_answer_no_nan_at_all():
    assert verdict(look(replayed=Window(requests=100, nan=1))) == "roll_back"
    assert verdict(look(replayed=Window(requests=100, nan=1)), limits=replace(LIMITS, max_nan_share=0.05)) == "promote"


# --- latency -------------------------------------------------------------------------------------------------------------
def test_slow_answers_count_only_where_there_is_a_limit():
    slow = look(Window(requests=200, slow=30), Window(requests=200))
    assert verdict(slow) == "roll_back"
    assert verdict(slow, limits=replace(LIMITS, latency_limited=False)) == "promote"


def test_one_slow_answer_in_a_hundred_is_allowed():
    assert verdict(*[look(Window(requests=1000, slow=10), Window(requests=1000))] * 20) == "promote"


def in_buckets(**counts):
    cells = [0] * (len(names.LATENCY_BOUNDS) + 1)
    for place, count in counts.items():
        cells[int(place.removeprefix("at"))] = count
    return Window(requests=sum(cells), latencies=tuple(cells))


def test_a_slower_canary_is_rolled_back_only_beyond_the_factor():
    production, slower = in_buckets(at3=150, at4=50), in_buckets(at5=150, at6=50)  # 5 to 25 ms, and 25 to 100 ms
    limits = replace(LIMITS, max_latency_factor=1.5)
    assert verdict(look(slower, production)) == "promote"
    assert verdict(look(slower, production), limits=limits) == "roll_back"
    assert verdict(look(slower, production), limits=replace(limits, max_latency_factor=20)) == "promote"
    assert verdict(look(production, production), limits=limits) == "promote"


def test_latencies_that_only_one_version_has_are_not_compared():
    limits = replace(LIMITS, max_latency_factor=1.5)
    asked = judge([look(in_buckets(at9=200), Window(requests=200))], limits).evidence
    assert "live latency" not in [each.name for each in asked]


# --- predictions ---------------------------------------------------------------------------------------------------------
def predicted(*counts):
    return Window(requests=sum(counts), predictions=counts)


def test_a_canary_that_always_predicts_the_same_is_rolled_back():
    assert verdict(*[look(predicted(100), predicted(50, 50))] * 2) == "roll_back"


def test_predictions_may_move_within_the_tolerance():
    moved = [look(predicted(58_000, 42_000), predicted(50_000, 50_000))] * 5
    assert verdict(*moved) == "promote"
    assert verdict(*moved, limits=replace(LIMITS, max_prediction_shift=0.05)) == "roll_back"
    assert verdict(*moved, limits=replace(LIMITS, max_prediction_shift=None)) == "promote"


def test_classes_that_only_one_version_predicts_count():
    assert verdict(*[look(predicted(0, 0, 0, 200), predicted(100, 100))] * 3) == "roll_back"


def test_what_a_look_shows_is_not_bet_on_in_it():
    assert question("live predictions", look(predicted(100), predicted(0, 100))).evidence == pytest.approx(1)


def test_many_predictions_of_one_request_count_as_one_answer():
    together = Window(requests=10, predictions=(1000,)), Window(requests=10, predictions=(500, 500))
    apart = Window(requests=1000, predictions=(1000,)), Window(requests=1000, predictions=(500, 500))
    values = [question("live predictions", *[look(*pair)] * 2).evidence for pair in (together, apart)]
    assert values[0] < 100 < values[1]


def test_replayed_pairs_are_judged_by_those_that_changed():
    limits = replace(LIMITS, replayed_examples=10_000)
    moved = look(replayed=predicted(90, 10), replayed_stable=predicted(50, 50), flips=40)
    restless = look(replayed=predicted(50, 50), replayed_stable=predicted(50, 50), flips=60)
    assert verdict(*[moved] * 3, limits=limits) == "roll_back"
    assert verdict(*[restless] * 30, limits=limits) == "promote"


def test_a_canary_that_always_predicts_the_same_is_found_by_sixty_four_examples():
    assert verdict(*[look(replayed=predicted(16), replayed_stable=predicted(8, 8), flips=8)] * 4) == "roll_back"


def test_the_same_examples_again_are_no_further_evidence():
    moved = look(replayed=predicted(13, 3), replayed_stable=predicted(10, 6), flips=3)
    once, often = ([moved] * times for times in (4, 400))
    assert question("replayed predictions", *once).evidence == question("replayed predictions", *often).evidence
    assert verdict(*often) == "promote"


def test_what_users_ask_in_a_shadow_step_is_new_evidence_each_time():
    """16 % of the predictions move: too few to be sure of by 64 examples, and recorded ones do not get more by coming again."""
    moved = {"requests": 25, "predictions": (17, 8)}, {"requests": 25, "predictions": (13, 12)}
    sampled = replace(look(), sampled=Window(**moved[0]), sampled_stable=Window(**moved[1]), sampled_flips=4)
    recorded = look(replayed=Window(**moved[0]), replayed_stable=Window(**moved[1]), flips=4)
    assert verdict(*[recorded] * 200) == "promote"
    assert verdict(*[sampled] * 2) != "roll_back"
    assert verdict(*[sampled] * 200) == "roll_back"
    # What was recorded is still bet on once after that, and what users ask after it.
    told = question("replayed predictions", *[sampled] * 10).evidence
    after = question("replayed predictions", *[sampled] * 10, recorded).evidence
    assert after > told
    none = replace(LIMITS, replayed_examples=0)
    assert verdict(*[sampled] * 200, limits=none) == "roll_back"
    assert judge([sampled] * 10, LIMITS).answers == 250


def test_what_production_did_not_answer_is_no_shift():
    without = look(
        replayed=predicted(50, 50), replayed_stable=Window(requests=100, failed=45, predictions=(50, 5)), flips=0
    )
    assert verdict(*[without] * 10) == "promote"


# --- suspicion -----------------------------------------------------------------------------------------------------------
SUSPICIOUS = look(Window(requests=100, failed=4), Window(requests=1900, failed=9))


def test_a_suspicion_is_waited_for_as_long_as_patience_lasts():
    judgement = judge([SUSPICIOUS], LIMITS)
    assert (judgement.verdict, judgement.answers_needed) == ("wait", 400)
    assert verdict(SUSPICIOUS, limits=replace(LIMITS, patience=1)) == "promote"


def test_a_suspicion_that_dissolves_lets_the_canary_go_on():
    assert verdict(SUSPICIOUS, look(Window(requests=100), Window(requests=100, failed=4))) == "promote"


def test_a_suspicion_that_hardens_rolls_back():
    assert verdict(SUSPICIOUS, SUSPICIOUS) == "roll_back"


# --- what is told --------------------------------------------------------------------------------------------------------
def test_the_reason_says_what_was_counted():
    judgement = judge([look(Window(requests=240, failed=30), Window(requests=4560, failed=3))], LIMITS)
    assert judgement.reason.startswith(
        "30 of 240 live answers failed or held NaN, of production's 3 of 4,560: evidence "
    )
    assert "116 is enough" in judgement.reason


def test_a_judgement_is_plain_json_even_if_nothing_could_be_surer():
    judgement = judge([look(replayed=Window(requests=50_000, failed=50_000, nan=0, slow=50_000))], LIMITS)
    told = json.loads(json.dumps(dataclasses.asdict(judgement), allow_nan=False))
    assert told["evidence"][0]["evidence"] == 1e9


def test_only_questions_that_can_be_answered_are_listed():
    asked = [each.name for each in judge([look(Window(requests=100), Window(requests=100))], LIMITS).evidence]
    assert asked == ["live errors", "live NaN", "live slow answers"]


def test_the_parts_of_alpha_add_up_to_it():
    more = replace(LIMITS, latency_limited=False, max_latency_factor=2.0, max_prediction_shift=None)
    for limits in (LIMITS, more, replace(more, checkpoints=3)):
        others = ["NaN"] + ["slow answers"] * limits.latency_limited
        others += ["latency"] * (limits.max_latency_factor is not None)
        others += ["predictions"] * (limits.max_prediction_shift is not None)
        asked = [f"{kind} {name}" for kind in ("live", "replayed") for name in ("errors", *others)]
        asked.append("live errors at checkpoints")
        assert sum(map(limits.level, asked)) + 2 * limits.delta == pytest.approx(limits.alpha)


def test_windows_add_up_cell_by_cell():
    one = Window(requests=1, failed=1, predictions=(1, 2))
    other = Window(requests=2, nan=1, slow=2, latencies=(3,), predictions=(1, 0, 4))
    assert one + other == Window(requests=3, failed=1, nan=1, slow=2, latencies=(3,), predictions=(2, 2, 4))
