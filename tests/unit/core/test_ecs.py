"""What we log, against the published list of ECS fields."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.core import ecs

PUBLISHED = json.loads((Path(__file__).parents[2] / "contract/ecs/fields.json").read_text())
# ECS says which types an older Elasticsearch, which has not the newer one, takes in its place.
SAME_FAMILY = {"match_only_text": "text", "wildcard": "keyword"}


def test_every_field_is_published_with_its_type():
    published = {name: PUBLISHED[name]["type"] for name in ecs.FIELDS}
    assert {name: SAME_FAMILY.get(kind, kind) for name, kind in published.items()} == dict(ecs.FIELDS)


def test_a_line_is_read_back_with_the_first_fields_first():
    text = ecs.line(
        "2026-11-27T10:00:00.000Z",
        "info",
        "train ended",
        {
            "event.category": "process",
            "event.duration": 12.7,
            "process.pid": 3,
            "http.request.id": "a",
            "labels.rows": 5,
        },
    )
    assert json.loads(text) == {
        "@timestamp": "2026-11-27T10:00:00.000Z",
        "log.level": "info",
        "message": "train ended",
        "ecs.version": "8.11.0",
        "event": {"category": ["process"], "duration": 12},
        "process": {"pid": 3},
        "http": {"request": {"id": "a"}},
        "labels": {"rows": "5"},
    }
    assert list(json.loads(text))[:4] == ["@timestamp", "log.level", "message", "ecs.version"]


def test_what_is_not_known_is_left_out():
    assert set(json.loads(ecs.line("t", "info", "m", {"trace.id": None, "service.version": ""}))) == {
        "@timestamp",
        "log.level",
        "message",
        "ecs.version",
    }


def test_a_field_that_ecs_does_not_have_is_refused():
    with pytest.raises(KeyError):
        ecs.line("t", "info", "m", {"http.request.colour": "blue"})


@given(message=st.text(), value=st.text(min_size=1), name=st.text(min_size=1))
def test_a_line_is_one_line_whatever_the_texts(message, value, name):
    text = ecs.line("t", "error", message, {"error.message": value, ecs.label(name): value})
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    read = json.loads(text)
    assert read["message"] == message.encode("utf-8", "replace").decode()
    assert len(read["labels"]) == 1


def test_texts_of_any_length_fit_into_an_index():
    read = json.loads(
        ecs.line("t", "error", "m" * 9_000, {"error.stack_trace": "x" * 40_000 + "end", "event.action": "a" * 2_000})
    )
    assert len(read["message"]) == ecs.LONGEST_TEXT
    assert len(read["event"]["action"]) == 1_024
    assert len(read["error"]["stack_trace"].encode()) < 32_766
    assert read["error"]["stack_trace"].endswith("end")
