"""Conditions about the model itself: what passes, what does not, and what the sentence says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jenkins_ml.config.model_checks import requests_for
from jenkins_ml.core.model_conditions import (
    Tolerance,
    about_model,
    answers_condition,
    compare,
    latency_condition,
    loads_condition,
    scan_condition,
    size_condition,
)
from jenkins_ml.records import Decision, decode, encode

TIGHT = Tolerance(absolute=0.01, relative=0.1)
EXACT = Tolerance(absolute=0.0, relative=0.0)
ONE = np.array([[1.0, 2.0], [10.0, 20.0]], np.float32)


def reason(expected, answered, tolerance=TIGHT):
    return compare({"y": np.asarray(expected)}, {"y": np.asarray(answered)}, tolerance).reason


def condition(answered, expected=ONE, tolerance=TIGHT):
    return answers_condition("serving_answers", "the server", {"y": expected}, answered, tolerance)


class TestAnswers:
    def test_what_is_within_the_tolerance_passes_with_both_ends_included(self):
        assert reason([1.0], [1.0 + 0.01 + 0.1]) == ""
        assert reason([1.0], [1.0 - 0.11]) == ""
        assert reason([0.0], [0.01]) == ""
        assert reason([0.0], [0.011]) != ""
        assert reason([-100.0], [-110.0]) == ""  # relative to the size, whatever the sign
        assert reason([-100.0], [-110.1]) != ""

    def test_the_sentence_tells_which_and_how_far(self):
        wrong = ONE + np.array([[0, 0], [0, 5]], np.float32)
        found = condition({"over REST": {"y": ONE}, "over gRPC": {"y": wrong}})
        assert found.reason == (
            "the server, over gRPC: it answered 25 for output 'y'[1] of example 1, the trained model 20: 5 off, 2.01 is "
            "allowed; 1 of 2 examples are off by too much"
        )
        assert (found.outcome, found.candidate, found.limit, found.count) == ("failed", 5.0, pytest.approx(2.01), 2)

    def test_what_passes_says_how_far_it_is_off(self):
        found = condition({"over REST": {"y": ONE}, "over gRPC": {"y": ONE + np.float32(0.0625)}})
        assert found.reason == (
            "the server answers 2 recorded examples over REST and over gRPC as the trained model did: at most 0.062 off, "
            "0.11 is allowed there"
        )
        assert (
            condition({"": {"y": ONE}}).reason
            == "the server answers 2 recorded examples as the trained model did: exactly"
        )

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_what_is_not_finite_never_passes(self, bad):
        boundless = Tolerance(absolute=1e308, relative=1e308)
        for expected, answered in (([bad], [bad]), ([1.0], [bad]), ([bad], [1.0])):
            assert "of example 0; 1 of 1 examples have such a number" in reason(expected, answered, boundless)
        assert reason(np.array([1 + 1j]), np.array([complex(1, bad)]), boundless)

    @pytest.mark.parametrize(
        ("expected", "answered", "words"),
        [
            (np.zeros((2, 3)), np.zeros((2, 1)), "has shape (2, 1), the trained model answered (2, 3)"),
            (np.zeros(2), np.zeros((2, 1)), "has shape (2, 1), the trained model answered (2,)"),
            (np.zeros(2, np.float32), np.zeros(2), "has type float64, the trained model answered float32"),
            (np.zeros(2, np.int64), np.zeros(2, np.int32), "has type int32, the trained model answered int64"),
            (np.zeros(2), np.array(["a", "b"]), "has type text, the trained model answered float64"),
        ],
    )
    def test_types_and_shapes_must_be_equal(self, expected, answered, words):
        assert words in reason(expected, answered, Tolerance(absolute=9.0, relative=9.0))

    def test_whole_numbers_are_equal_unless_the_output_has_a_tolerance(self):
        assert "it answered 5001" in reason([5000], [5001])
        assert reason([2**60], [2**60 + 1])  # the same as float64
        own = Tolerance(absolute=0.01, relative=0.1, outputs={"y": 1.0})
        assert reason([5000], [5001], own) == ""
        assert reason([5000], [5002], own)
        assert reason(np.array([0], np.uint8), np.array([255], np.uint8), own)
        assert reason([True], [False])
        assert reason([2**63 - 1], [-(2**63)], own)

    def test_an_output_may_have_its_own_tolerance(self):
        own = Tolerance(absolute=0.01, relative=0.0, outputs={"a": 1.0})
        one, off = np.array([1.0]), np.array([1.5])
        assert compare({"a": one, "b": one}, {"a": off, "b": one}, own).reason == ""
        assert "output 'b'" in compare({"a": one, "b": one}, {"a": off, "b": off}, own).reason

    def test_text_is_equal(self):
        assert reason(["a", "bcd"], ["a", "bcd"]) == ""
        assert reason(["a", "b"], ["a", "bcd"]) == (
            "it answered 'bcd' for output 'y' of example 1, the trained model 'b'; 1 of 2 examples are answered otherwise"
        )  # fmt: skip
        assert len(reason(["a"], ["b" * 1000])) < 200

    def test_the_same_outputs(self):
        found = compare({"y": ONE}, {"y": ONE, "z": ONE}, TIGHT)
        assert found.reason == "other outputs than those of the trained model: 'y', 'z' and 'y'"
        assert "none and 'y'" in compare({"y": ONE}, {}, TIGHT).reason

    def test_nothing_to_compare_fails(self):
        for expected, answered in (({}, {"over REST": {}}), ({"y": ONE[:0]}, {"": {"y": ONE[:0]}}), ({"y": ONE}, {})):
            found = answers_condition("serving_answers", "the server", expected, answered, TIGHT)
            assert (found.outcome, found.reason) == ("failed", "there are no recorded examples to ask the server about")

    def test_why_there_are_no_answers(self):
        found = condition({"over REST": {"y": ONE}, "over gRPC": "it is answered with UNAVAILABLE"})
        assert (found.outcome, found.reason) == ("failed", "the server, over gRPC: it is answered with UNAVAILABLE")

    def test_the_largest_numbers(self):
        big = np.array([np.finfo(np.float64).max])
        assert reason(big, -big)
        assert reason(big, big) == ""
        assert condition({"": {"y": -big}}, big).candidate == np.finfo(np.float64).max

    @given(
        arrays.arrays(np.float32, (4, 2), elements=st.floats(-1e6, 1e6, width=32)),
        arrays.arrays(np.float32, (4, 2), elements=st.floats(-1e6, 1e6, width=32)),
        st.floats(0, 10),
        st.floats(0, 1),
    )
    def test_it_passes_where_numpy_says_so(self, expected, answered, absolute, relative):
        """numpy's isclose is the same rule, in float64; ours lets a billionth more pass."""
        passes = not reason(expected, answered, Tolerance(absolute=absolute, relative=relative))
        wide = answered.astype(np.float64), expected.astype(np.float64)
        if np.isclose(*wide, rtol=relative, atol=absolute).all():
            assert passes
        if not np.isclose(*wide, rtol=relative * (1 + 2e-9), atol=absolute * (1 + 2e-9)).all():
            assert not passes

    @given(arrays.arrays(np.float64, (3, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
    def test_equal_answers_pass_without_any_tolerance(self, values):
        assert reason(values, values, EXACT) == ""


class TestLatency:
    def test_the_rank_is_the_conservative_one(self):
        assert latency_condition(99, 198.0, range(200)).candidate == 198.0  # one of 200 is slower
        assert latency_condition(99, 98.0, range(99)).candidate == 98.0  # of 99 it is the slowest
        assert latency_condition(50, 1.0, [5.0]).candidate == 5.0
        assert latency_condition(50, 9.0, [4.0, 1.0, 3.0]).candidate == 3.0
        assert latency_condition(50, 9.0, [1.0, 4.0]).candidate == 4.0  # nothing is interpolated

    def test_the_limit_itself_passes(self):
        found = latency_condition(99, 2.0, [2.0] * 200)
        assert (found.kind, found.outcome, found.limit, found.count) == ("latency_p99", "passed", 2.0, 200)
        assert found.reason == "percentile 99 of 200 answers, one at a time over REST, is 2 ms: at most 2 ms"
        found = latency_condition(99, 2.0, [2.001] * 200)
        assert (found.outcome, found.reason.endswith("2 ms: more than 2 ms")) == ("failed", True)

    @pytest.mark.parametrize(("percentile", "needed"), [(50, 1), (95, 19), (99, 99)])
    def test_too_few_are_inconclusive(self, percentile, needed):
        assert requests_for(percentile) == needed
        assert latency_condition(percentile, 10.0, [1.0] * needed).outcome == "passed"
        found = latency_condition(percentile, 10.0, [1.0] * (needed - 1))
        assert (found.outcome, found.needed, found.count) == ("inconclusive", needed, needed - 1)

    def test_a_request_that_was_not_answered_fails(self):
        found = latency_condition(50, 10.0, [1.0] * 99, "a request was answered with 500")
        assert (found.outcome, found.reason) == ("failed", "a request was answered with 500")

    @given(st.lists(st.floats(0, 1e6), min_size=99, max_size=300), st.sampled_from([50, 95, 99]))
    def test_at_least_the_percentile_is_as_quick(self, milliseconds, percentile):
        value = latency_condition(percentile, 1.0, milliseconds).candidate
        quicker = sum(each <= value for each in milliseconds)
        assert quicker >= percentile / 100 * (len(milliseconds) + 1)
        assert sum(each < value for each in milliseconds) < percentile / 100 * (len(milliseconds) + 1)


def test_size():
    found = size_condition(500_000_000, 500_000_000, 3)
    assert (found.outcome, found.candidate, found.limit, found.count) == ("passed", 5e8, 5e8, 3)
    assert found.reason == "the 3 files have 500 MB: at most 500 MB"
    found = size_condition(500_000_001, 500_000_000, 3)
    assert found.outcome == "failed"
    assert found.reason == "the 3 files have 500 MB (500,000,001 bytes): more than 500 MB"
    assert size_condition(12, 11, 1).reason == "the 1 files have 12 bytes: more than 11 bytes"
    assert size_condition(0, 100, 0).outcome == "failed"


def test_loads():
    assert loads_condition(1, 5).reason == "the server loads it and tells the signature that was recorded"
    assert loads_condition(3, 5).reason.endswith(", at try 3 of at most 5")
    assert loads_condition(1, 5, "no such file").outcome == "failed"


def test_scan():
    assert scan_condition(3, []).outcome == "passed"
    assert scan_condition(0, []).outcome == "failed"
    assert scan_condition(0, ["a.pkl is a pickle"]).reason == "a.pkl is a pickle"
    found = scan_condition(9, [f"file {index}" for index in range(5)])
    assert (found.outcome, found.candidate, found.reason) == ("failed", 5.0, "file 0; file 1; file 2; and 2 more")


def test_every_one_can_be_written_and_read():
    conditions = (
        about_model("privacy", "warned", "it may be"),
        condition({"over REST": {"y": ONE}}),
        condition({"over REST": {"y": np.full_like(ONE, np.nan)}}),
        latency_condition(99, 10.0, []),
        latency_condition(99, 10.0, [1.0] * 100),
        size_condition(1, 2, 1),
        scan_condition(0, []),
        loads_condition(1, 5),
    )
    assert {each.metric for each in conditions} == {"model"}
    assert {each.name for each in conditions} == {f"model {each.kind}" for each in conditions}
    decision = Decision(
        run="r", model="m", environment="e", verdict="rejected", summary="", candidate=None, baseline=None,
        data_digest="", count=0, confidence=0.95, conditions=conditions, metrics={}, baseline_metrics={}, created="",
    )  # fmt: skip
    assert decode(Decision, encode(decision), "it") == decision
