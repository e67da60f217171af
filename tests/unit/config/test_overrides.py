"""Training parameters from texts: each is read as the type of what is configured, or refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.config.overrides import overridden, value_like
from jenkins_ml.errors import UsageError

PREFIX = "JENKINS_ML_PARAM_"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), NUMBERS, TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)
KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)

# type -> some values of it
SAME_TYPE = {
    bool: st.booleans(),
    int: st.integers(),
    float: NUMBERS,
    list: st.lists(VALUES, max_size=4),
    dict: st.dictionaries(TEXTS, VALUES, max_size=4),
    type(None): st.none(),
}
WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list as JSON, such as [1, 2]",
    dict: 'an object as JSON, such as {"a": 1}',
    type(None): "null (what is configured there has no other type)",
}
EXAMPLES = {bool: True, int: 1, float: 0.5, list: [1], dict: {"a": 1}, type(None): None}


def why_not(text: str, configured: object) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        value_like(text, configured)
    return str(caught.value)


# --- value_like -------------------------------------------------------------------------------------------------------
@given(text=TEXTS, configured=TEXTS)
def test_text_stays_as_it_is(text, configured):
    assert value_like(text, configured) == text


@pytest.mark.parametrize("text", ["5", "true", "null", '"quoted"', "[1]", " spaces ", "two\nlines"])
def test_text_is_not_read_as_json(text):
    assert value_like(text, "adam") == text


@given(data=st.data(), kind=st.sampled_from(list(SAME_TYPE)), indent=st.sampled_from([None, 2]), escaped=st.booleans())
def test_json_of_the_same_type_is_read_back(data, kind, indent, escaped):
    configured, value = data.draw(SAME_TYPE[kind]), data.draw(SAME_TYPE[kind])
    read = value_like(json.dumps(value, indent=indent, ensure_ascii=escaped), configured)
    assert read == value
    assert type(read) is kind


@given(configured=NUMBERS, number=st.integers(-(2**1000), 2**1000))
def test_a_whole_number_is_a_number(configured, number):
    read = value_like(str(number), configured)
    assert type(read) is float
    assert read == float(number)


@given(data=st.data(), configured=st.sampled_from(list(SAME_TYPE)), given_=st.sampled_from([*SAME_TYPE, str]))
def test_json_of_another_type_is_refused(data, configured, given_):
    value = data.draw(SAME_TYPE.get(given_, TEXTS))
    if given_ is configured or (configured is float and given_ is int):
        return
    assert why_not(json.dumps(value), EXAMPLES[configured]).startswith(f"{WORDS[configured]} is expected, not ")


@given(text=TEXTS, kind=st.sampled_from(list(SAME_TYPE)))
def test_any_text_becomes_the_configured_type_or_is_refused(text, kind):
    try:
        value = value_like(text, EXAMPLES[kind])
    except ValueError as error:
        message = str(error)
    else:
        assert type(value) is kind
        return
    assert message.startswith(f"{WORDS[kind]} is expected, not ")


@pytest.mark.parametrize("text", ["True", "yes", "1", "0", "", " ", '"true"', "truefalse"])
def test_only_true_and_false_are_booleans(text):
    assert why_not(text, False) == f"true or false is expected, not {text!r}"


@pytest.mark.parametrize("text", ["1.0", "1e3", "true", "0x10", "1_000", "+1", "01", "", "NaN", "1,5", "٣"])
def test_only_json_integers_are_whole_numbers(text):
    assert why_not(text, 5) == f"a whole number is expected, not {text!r}"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "true", ".5", "5.", "1,5", "0.1f"])
def test_only_finite_json_numbers_are_numbers(text):
    assert why_not(text, 0.1) == f"a number is expected, not {text!r}"


def test_a_number_too_large_for_a_float_is_no_number():
    assert why_not("9" * 400, 0.1).startswith("a number is expected, not ")


@pytest.mark.parametrize(
    "text", ["[NaN]", "[1e999]", "[1,]", "[1] [2]", "(1, 2)", "1, 2", '["\\ud800"]', "[" * 100_000]
)
def test_what_is_no_json_list_is_refused(text):
    assert why_not(text, [1]).startswith("a list as JSON, such as [1, 2] is expected, not ")


def test_text_that_no_file_could_hold_is_refused():
    """An environment variable that is no UTF-8 reaches Python as such halves."""
    assert why_not("caf\udce9", "adam") == r"text in UTF-8 is expected, not 'caf\udce9'"


@pytest.mark.parametrize("configured", list(EXAMPLES.values()))
def test_a_message_stays_short(configured):
    assert len(why_not("x" * 10_000, configured)) < 150


@pytest.mark.parametrize("digits", ["9" * 4_000, "9" * 5_000])
def test_very_long_whole_numbers_are_read_or_refused(digits):
    """Python reads no more than 4300 digits."""
    if len(digits) > 4300:
        assert "a whole number is expected" in why_not(digits, 1)
    else:
        assert value_like(digits, 1) == 10 ** len(digits) - 1


# --- overridden -------------------------------------------------------------------------------------------------------
def test_variables_take_the_place_of_configured_values():
    params = {"epochs": 5, "rate": 0.1, "name": "adam", "deep": True, "layers": [1], "other": {"a": 1}, "kept": None}
    environment = {
        "JENKINS_ML_PARAM_epochs": "50",
        "JENKINS_ML_PARAM_rate": "1",
        "JENKINS_ML_PARAM_name": "50",
        "JENKINS_ML_PARAM_deep": "false",
        "JENKINS_ML_PARAM_layers": "[64, 32]",
        "JENKINS_ML_PARAM_other": "{}",
        "JENKINS_ML_PARAMS": "{}",
        "JENKINS_ML_RUN": "r",
        "epochs": "7",
        "jenkins_ml_param_epochs": "8",
    }
    assert overridden(params, environment) == {
        "epochs": 50,
        "rate": 1.0,
        "name": "50",
        "deep": False,
        "layers": [64, 32],
        "other": {},
        "kept": None,
    }
    assert params["epochs"] == 5, "the configuration stays"


@given(params=st.dictionaries(KEYS, VALUES, max_size=4))
def test_without_a_variable_nothing_changes(params):
    assert overridden(params, {"PATH": "/bin", "JENKINS_ML_RUN": "r"}) == params
    assert overridden(params, {f"{PREFIX}{key}": "" for key in [*params, "unknown"]}) == params, "empty is not set"


@given(params=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), data=st.data())
def test_a_value_as_json_leaves_the_parameters_as_they_are(params, data):
    chosen = data.draw(st.sets(st.sampled_from(sorted(params))))
    environment = {
        f"{PREFIX}{key}": params[key] if isinstance(params[key], str) else json.dumps(params[key]) for key in chosen
    }
    result = overridden(params, environment)
    assert result == params
    assert list(result) == list(params), "and in their order"


@pytest.mark.parametrize(
    ("params", "hint"),
    [
        ({"epochs": 1, "rate": 0.1}, "did you mean 'epochs'?"),
        ({"rate": 0.1, "layers": 3}, "it has rate, layers"),
        ({}, "add it there first"),
    ],
)
def test_a_variable_for_no_parameter_is_refused(params, hint):
    with pytest.raises(UsageError) as caught:
        overridden(params, {"JENKINS_ML_PARAM_epoch": "5"})
    assert caught.value.what == f"JENKINS_ML_PARAM_epoch: train.params has no 'epoch': {hint}"
    assert caught.value.next_step == "correct the build parameter, or train.params in jenkins-ml.yaml"
    assert caught.value.exit_code == 2


def test_every_wrong_variable_is_named_at_once():
    environment = {"JENKINS_ML_PARAM_rate": "fast", "JENKINS_ML_PARAM_depth": "3", "JENKINS_ML_PARAM_epochs": "1.5"}
    with pytest.raises(UsageError) as caught:
        overridden({"epochs": 1, "rate": math.e}, environment)
    assert caught.value.what.splitlines() == [
        "JENKINS_ML_PARAM_depth: train.params has no 'depth': it has epochs, rate",
        "JENKINS_ML_PARAM_epochs: a whole number is expected, not '1.5'",
        "JENKINS_ML_PARAM_rate: a number is expected, not 'fast'",
    ]


def test_a_variable_without_a_name_is_no_parameter():
    with pytest.raises(UsageError, match=r"train\.params has no ''"):
        overridden({"epochs": 1}, {PREFIX: "5"})
