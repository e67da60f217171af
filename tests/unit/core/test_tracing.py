"""Ids of requests and traces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core import tracing
from jenkins_ml.core.tracing import Trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "text", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-01-of-a-later-version"]
)
def test_a_traceparent_is_taken(text):
    assert tracing.parse(text) == Trace(TRACE, SPAN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_what_is_no_traceparent_says_nothing(text):
    assert tracing.parse(text) is None


def test_ids_of_requests_that_need_no_escape_are_taken():
    assert tracing.request_id("host/a-B_1.2:3+4=@5") == "host/a-B_1.2:3+4=@5"
    assert tracing.request_id("f81d4fae-7dec-11d0-a765-00a0c91e6bf6") == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    assert tracing.request_id("x" * 128) == "x" * 128


@pytest.mark.parametrize("text", ["", "x" * 129, 'a"b', "a b", "a\n", "ä", "a\\", "{}"])
def test_other_ids_are_not(text):
    assert tracing.request_id(text) is None


@given(st.text())
def test_whatever_is_taken_is_safe_in_json_and_in_a_header(text):
    taken = tracing.request_id(text)
    assert taken is None or (taken.isascii() and not set(taken) & set('"\\\r\n\t ,;{}'))


def test_stages_of_a_run_have_one_trace_that_a_traceparent_can_carry():
    trace = tracing.of_run("vision-17")
    assert trace == tracing.of_run("vision-17") != tracing.of_run("vision-18")
    assert tracing.parse(f"00-{trace.id}-{SPAN}-01") == Trace(trace.id, SPAN)
