"""Laws of the configuration: typing mistakes are found where they are, and loader and JSON Schema agree."""

import json
import math
import re
from difflib import SequenceMatcher
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jenkins_ml.config.loader import loads
from jenkins_ml.config.schema import json_schema
from jenkins_ml.errors import ConfigurationError

# Every key at least once, one to a line; sections before what is in them.
FULL = """\
model: digits
data:
  load: data:load
test:
  command: pytest -q
  timeout: 5m
train:
  entrypoint: model:train
  params: {}
  framework: keras
  timeout: 1h
gate:
  metrics:
    accuracy:
      min: 0.9
      max: 1
      max_regression: 0.01
      inconclusive: warn
    recall:
      min: 0.8
      average: macro
    roc_auc:
      min: 0.8
  task: auto
  confidence: 0.9
  inconclusive: fail
  first_release: allow
serve:
  target: local
  environment: production
  release_branch: main
  rest_port: 0
  grpc_port: 0
  canary:
    steps: [10, 100]
    interval: 1s
    max_error_rate_increase: 0.1
    max_latency_p99_ms: 5
    min_requests: 50
jenkins:
  agent:
    label: linux
  timeout: 3h
store: /srv/models
""".splitlines()


@st.composite
def typos(draw: st.DrawFn, key: str) -> str:
    at = draw(st.integers(0, len(key) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz_"))
    typo = draw(
        st.sampled_from(
            [
                key[:at] + key[at + 1 :],  # left out
                key[:at] + letter + key[at:],  # one too many
                key[:at] + letter + key[at + 1 :],  # another one
                key[:at] + key[at : at + 2][::-1] + key[at + 2 :],  # the wrong way round
            ]
        )
    )
    assume(typo != key)
    return typo


def test_the_full_document_is_right():
    assert loads("\n".join(FULL)).serve.canary.min_requests == 50


@given(data=st.data())
def test_a_misspelt_key_is_found_where_it_is_with_the_nearest_known_one(data):
    index = data.draw(st.integers(0, len(FULL) - 1), label="line")
    line = FULL[index]
    indent = len(line) - len(line.lstrip())
    key = line.strip().split(":")[0]
    typo = data.draw(typos(key), label="typo")
    lines = [*FULL[:index], line.replace(key, typo, 1), *FULL[index + 1 :]]
    try:
        loads("\n".join(lines))
    except ConfigurationError as error:
        [problem] = [problem for problem in error.problems if typo in problem.message]
        assert problem.line == index + 1
        if "is written twice" in problem.message:
            return  # "min" became "max", say
        assert problem.column == indent + 1
        near = re.fullmatch(rf"unknown key '{typo}': did you mean '(\w+)'\?", problem.message)
        assert near, problem.message
        assert SequenceMatcher(None, near[1], typo).ratio() >= SequenceMatcher(None, key, typo).ratio() - 1e-9
    else:
        assert typo in {"min", "max", "f1", "loss"}, "only another known key can be right"


# --- loader and schema ------------------------------------------------------------------------------------------------
DURATIONS = st.sampled_from(["1s", "500ms", "2h", "1.5d", "0s", "5", "s", "-1s", "1 s", "", 5, True, None])
TEXTS = st.sampled_from(["a", "main", "", "x y", "a:b", 7, None, ["a"], {}])
NUMBERS = st.sampled_from([0, 1, 0.5, 0.25, -1, 2, 1e9, True, "1", None, []])
INTEGERS = st.sampled_from([0, 1, 20, 100, 8501, 70000, -1, 0.5, True, "1", None])
NAMES = st.sampled_from(["production", "a", "a-b.c_d", "A", "-a", "", "a" * 63, "a" * 64, "x y", 7, None])
FUNCTIONS = st.sampled_from(["data:load", "a.b:c", "data", "a:b:c", "1a:b", "", None, 5])


def sections(needed: dict[str, Any] | None = None, **optional: Any) -> st.SearchStrategy[Any]:
    right = st.fixed_dictionaries(needed or {}, optional=optional)
    unknown = st.dictionaries(st.sampled_from(["extra", "Model"]), st.integers(), max_size=1)
    return st.one_of(
        right,
        right,
        right,
        st.builds(lambda first, second: {**first, **second}, right, unknown),
        st.sampled_from([None, [], "x", {}]),
    )


def choices(*words: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([*words, words[0].upper(), "", None, 1])


LIMITS = sections(
    min=NUMBERS, max=NUMBERS, max_regression=NUMBERS, average=choices("macro", "micro"), inconclusive=choices("warn")
)
DOCUMENTS = sections(
    {
        "model": st.one_of(st.just("digits"), NAMES),
        "data": sections({"load": st.one_of(st.just("data:load"), FUNCTIONS)}),
        "train": st.one_of(
            st.just({"entrypoint": "model:train"}),
            sections(
                entrypoint=FUNCTIONS,
                command=TEXTS,
                output=TEXTS,
                params=st.sampled_from([{}, {"a": [1, None, {"b": "c"}]}, [], None]),
                framework=choices("keras"),
                timeout=DURATIONS,
            ),
        ),
    },
    test=sections({"command": TEXTS}, timeout=DURATIONS),
    gate=sections(
        metrics=st.dictionaries(st.sampled_from(["accuracy", "f1", "loss", "F1", "auc"]), LIMITS, max_size=2),
        task=choices("auto", "binary"),
        confidence=NUMBERS,
        inconclusive=choices("fail", "pass"),
        first_release=choices("allow"),
    ),
    serve=sections(
        target=choices("local"),
        environment=NAMES,
        release_branch=TEXTS,
        rest_port=INTEGERS,
        grpc_port=INTEGERS,
        canary=sections(
            steps=st.one_of(st.just([10, 100]), st.lists(INTEGERS, max_size=3), TEXTS),
            interval=DURATIONS,
            max_error_rate_increase=NUMBERS,
            max_latency_p99_ms=NUMBERS,
            min_requests=INTEGERS,
        ),
    ),
    jenkins=sections(agent=sections(label=TEXTS), timeout=DURATIONS),
    store=TEXTS,
)

# What the loader alone knows: rules between keys, and that nothing is no time limit.
RULES = (
    "give either",
    "needs `output`",
    "belongs to `command`",
    "give at least one of",
    "nothing can pass",
    "rise and end with 100",
    "longer than nothing",
)
SCHEMA = json_schema()


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


TYPES = {
    "null": lambda value: value is None,
    "string": is_text,
    "array": is_list,
    "object": is_object,
    "number": is_number,
    "integer": lambda value: is_number(value) and value == math.floor(value),
}
IGNORED = {"$schema", "$defs", "title", "description", "default"}
# keyword -> the values it speaks about, and what it says of them
KEYWORDS = {
    "$ref": (lambda value: True, lambda name, value: accepts(SCHEMA["$defs"][name.rpartition("/")[2]], value)),
    "anyOf": (lambda value: True, lambda options, value: any(accepts(option, value) for option in options)),
    "type": (lambda value: True, lambda name, value: TYPES[name](value)),
    "enum": (lambda value: True, lambda words, value: value in words),
    "const": (lambda value: True, lambda word, value: value == word),
    "pattern": (is_text, lambda pattern, value: re.search(pattern, value) is not None),
    "minLength": (is_text, lambda least, value: len(value) >= least),
    "minItems": (is_list, lambda least, value: len(value) >= least),
    "items": (is_list, lambda item, value: all(accepts(item, each) for each in value)),
    "minimum": (is_number, lambda least, value: value >= least),
    "exclusiveMinimum": (is_number, lambda least, value: value > least),
    "maximum": (is_number, lambda most, value: value <= most),
    "exclusiveMaximum": (is_number, lambda most, value: value < most),
    "required": (is_object, lambda keys, value: set(keys) <= set(value)),
    "propertyNames": (is_object, lambda name, value: all(accepts(name, key) for key in value)),
    "properties": (
        is_object,
        lambda known, value: all(accepts(known[key], each) for key, each in value.items() if key in known),
    ),
}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """JSON Schema, as far as ours goes; an unknown keyword is a KeyError instead of being passed over."""
    for keyword, argument in schema.items():
        if keyword in IGNORED:
            continue
        if keyword == "additionalProperties":
            known = schema.get("properties", {})
            rest = [value[key] for key in value if key not in known] if is_object(value) else []
            if not all(argument if isinstance(argument, bool) else accepts(argument, each) for each in rest):
                return False
            continue
        concerns, holds = KEYWORDS[keyword]
        if concerns(value) and not holds(argument, value):
            return False
    return True


@settings(max_examples=300)
@given(DOCUMENTS)
def test_loader_and_schema_accept_the_same(document):
    try:
        loads(json.dumps(document))
        problems = []
    except ConfigurationError as error:
        problems = [problem.message for problem in error.problems]
    beyond_schema = [message for message in problems if any(rule in message for rule in RULES)]
    assert accepts(SCHEMA, document) == (problems == beyond_schema), problems


@given(DOCUMENTS)
def test_every_message_is_in_our_words(document):
    try:
        loads(json.dumps(document))
    except ConfigurationError as error:
        for problem in error.problems:
            assert problem.line == 1
            assert "nput should" not in problem.message
            assert "Field required" not in problem.message
