"""Training parameters as text: read as what is configured, or refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.config.overrides import overridden, value_like
from jenkins_ml.errors import UsageError


@pytest.mark.parametrize(
    ("text", "configured", "value"),
    [
        ("5", "text", "5"),
        ("", "text", ""),
        ("true", "text", "true"),
        ("true", False, True),
        ("false", True, False),
        ("5", 1, 5),
        (" -5 ", 1, -5),
        ("5", 0.5, 5.0),
        ("1e-3", 0.5, 0.001),
        ("[1, [2]]", [], [1, [2]]),
        ('{"a": null}', {}, {"a": None}),
        ("null", None, None),
    ],
)
def test_a_text_is_read_as_the_type_of_what_is_configured(text, configured, value):
    result = value_like(text, configured)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "configured", "message"),
    [
        ("ten", 1, "a whole number is expected, not 'ten'"),
        ("1.0", 1, "a whole number is expected, not '1.0'"),
        ("true", 1, "a whole number is expected, not 'true'"),
        ("", 1, "a whole number is expected, not ''"),
        ("07", 1, "a whole number is expected, not '07'"),
        ("9" * 5000, 1, f"a whole number is expected, not '{'9' * 36}'..."),
        ("true", 0.5, "a number is expected, not 'true'"),
        ("NaN", 0.5, "a number is expected, not 'NaN'"),
        ("-Infinity", 0.5, "a number is expected, not '-Infinity'"),
        ("1e999", 0.5, "a number is expected, not '1e999'"),
        ("9" * 400, 0.5, f"a number is expected, not '{'9' * 36}'..."),
        ("1", True, "true or false is expected, not '1'"),
        ("True", True, "true or false is expected, not 'True'"),
        ("1", [], "a list as JSON, such as [1, 2] is expected, not '1'"),
        ("[NaN]", [], "a list as JSON, such as [1, 2] is expected, not '[NaN]'"),
        ("[1e999]", [], "a list as JSON, such as [1, 2] is expected, not '[1e999]'"),
        ("[" * 100_000, [], f"a list as JSON, such as [1, 2] is expected, not '{'[' * 36}'..."),
        ('["\\ud800"]', [], "a list as JSON, such as [1, 2] is expected, not '[\"\\\\ud800\"]'"),
        ("[]", {}, "an object as JSON, such as {\"a\": 1} is expected, not '[]'"),
        ("5", None, "null (what is configured there has no other type) is expected, not '5'"),
        ("\udcff", "text", "text in UTF-8 is expected, not '\\udcff'"),
    ],
)
def test_a_text_of_another_type_is_refused(text, configured, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at as a whole
        value_like(text, configured)
    assert str(caught.value) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_a_value_written_down_is_read_as_itself(value):
    text = value if isinstance(value, str) else json.dumps(value)
    assert value_like(text, value) == value


@given(st.text(), JSON)
def test_what_is_read_has_the_type_of_what_is_configured(text, configured):
    with contextlib.suppress(ValueError):
        assert type(value_like(text, configured)) is type(configured)


def test_variables_override_parameters_and_nothing_else_does():
    params = {"epochs": 10, "lr": 0.1, "name": "a"}
    environment = {
        "JENKINS_ML_PARAM_epochs": "3",
        "JENKINS_ML_PARAM_name": "b c",
        "JENKINS_ML_PARAMS": '{"lr": 1}',
        "epochs": "4",
        "PATH": "/bin",
    }
    assert overridden(params, environment) == {"epochs": 3, "lr": 0.1, "name": "b c"}
    assert params["epochs"] == 10


def test_an_empty_variable_says_nothing():
    # Jenkins takes a variable out of the environment when it is set to nothing.
    assert overridden({"epochs": 10, "name": "a"}, {"JENKINS_ML_PARAM_epochs": "", "JENKINS_ML_PARAM_name": ""}) == {
        "epochs": 10,
        "name": "a",
    }


def test_every_variable_that_does_not_fit_is_named():
    environment = {"JENKINS_ML_PARAM_epohcs": "3", "JENKINS_ML_PARAM_lr": "fast", "JENKINS_ML_PARAM_zzz": "1"}
    with pytest.raises(UsageError) as caught:
        overridden({"epochs": 10, "lr": 0.1}, environment)
    assert caught.value.what.splitlines() == [
        "JENKINS_ML_PARAM_epohcs: train.params has no 'epohcs': did you mean 'epochs'?",
        "JENKINS_ML_PARAM_lr: a number is expected, not 'fast'",
        "JENKINS_ML_PARAM_zzz: train.params has no 'zzz': it has epochs, lr",
    ]
    assert caught.value.exit_code == 2
    assert "train.params" in caught.value.next_step


def test_without_parameters_there_is_nothing_to_override():
    with pytest.raises(UsageError, match=r"train\.params has no 'a': add it there first"):
        overridden({}, {"JENKINS_ML_PARAM_a": "1"})


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), JSON, max_size=4), st.data())
def test_values_written_down_leave_the_parameters_as_they_are(params, data):
    chosen = data.draw(st.sets(st.sampled_from(sorted(params)))) if params else set()
    environment = {
        f"JENKINS_ML_PARAM_{key}": params[key] if isinstance(params[key], str) else json.dumps(params[key])
        for key in chosen
    }
    result = overridden(params, environment)
    assert result == params
    assert list(result) == list(params)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**1000), 2**1000))
def test_a_whole_number_is_a_number(configured, number):
    read = value_like(str(number), configured)
    assert type(read) is float
    assert read == float(number)


@pytest.mark.parametrize("configured", [1, 0.5, True, [], {}, None])
def test_a_message_stays_short(configured):
    with pytest.raises(ValueError, match="is expected, not") as caught:
        value_like("x" * 10_000, configured)
    assert len(str(caught.value)) < 150
