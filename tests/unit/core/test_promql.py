"""Names become texts of queries without becoming anything else."""

import json

import pytest

from jenkins_ml.core.monitoring.promql import select, text


@pytest.mark.parametrize("value", ["digits", "a.b-c_d", 'quo"ted', "back\\slash", "two\nlines", '\\"', "{}$1"])
def test_a_text_is_one_string_and_means_what_it_was(value):
    # For these characters PromQL, which reads strings as Go does, and JSON agree.
    assert json.loads(text(value)) == value


def test_a_selector_has_labels_and_then_further_conditions():
    assert select("up") == "up"
    assert select("up", model="a.b") == 'up{model="a.b"}'
    assert select("up", 'version=~"1|2"', model='a"b') == 'up{model="a\\"b",version=~"1|2"}'
