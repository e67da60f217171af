"""Laws of the configuration: typing mistakes are found where they are, and loader and JSON Schema agree."""

import copy
import functools
import math
import operator
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jenkins_ml.config.document import parse
from jenkins_ml.config.jenkins import axis_text
from jenkins_ml.config.loader import digest_of, loads
from jenkins_ml.config.overrides import overridden
from jenkins_ml.config.schema import json_schema
from jenkins_ml.errors import ConfigurationError
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.jenkinsfile import FILE, made_by_us, render
from tests.fakes.configurations import configurations, documents, on_one_line, yaml_text

# Every key that a file can have beside the others, one to a line; sections before what is in them.
FULL = """\
model: digits
data:
  load: data:load
test:
  command: pytest -q
  timeout: 5m
train:
  entrypoint: model:train
  params: {seed: 1, note: x}
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
    max_latency_factor: 1.5
    max_prediction_shift: 0.2
    min_requests: 50
jenkins:
  style: library
  library:
    name: ours
    version: v1
  install:
    wheel: /srv/jenkins_ml.whl
    sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    requirements: requirements.txt
  multibranch: true
  agents:
    test:
      label: linux
    train:
      kubernetes:
        image: ours
        cpu: "2"
        memory: 8Gi
        gpu: 1
        gpu_resource: nvidia.com/gpu
        service_account: ml
        node_selector: {}
        volumes: {}
        cloud: one
    gate:
      docker:
        image: ours
        label: docker
        args: --gpus all
    serve:
      node: ml-1
  timeout: 3h
  options:
    discard:
      builds: 30
      days: 90
      artifact_builds: 5
      artifact_days: 30
    timestamps: true
    abort_previous: false
    skip_after_unstable: true
  triggers:
  - cron: "@daily"
  - poll: H/5 * * * *
  - github: push
  - gitlab:
      push: true
      merge_requests: false
  parameters:
  - string: NOTE
    default: none
    description: Shown
    sets: note
  - choice: SIZE
    choices: [s, l]
  - boolean: FULL
  - text: MORE
  environment: {}
  credentials:
    TOKEN:
      id: token
      stages: [train]
  retry_lost_agent: 2
  test_beside_train: false
  matrix:
    axes: {seed: [1, 2]}
    exclude: []
    fail_fast: true
  results:
    rejected: unstable
    inconclusive: success
    rolled_back: failure
  approval:
    message: Sure?
    submitters: [alice]
    timeout: 8h
  notify:
    mail:
      to: [a@example.com]
    slack:
      channel: "#ml"
    on: [failure]
  forge:
    kind: github
    credentials: bot
    api: https://git.example.com
    repository: acme/digits
  rollback_job: true
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
    config = loads("\n".join(FULL))
    assert config.serve.canary.min_requests == 50
    assert config.jenkins.forge.repository == "acme/digits"


KEYS = [index for index, line in enumerate(FULL) if line != "    TOKEN:"]  # a name that the user makes up
SCHEMA = json_schema()
KNOWN = {
    key
    for section in [SCHEMA, *SCHEMA["$defs"].values()]
    for key in [*section.get("properties", {}), *section.get("enum", [])]
} | {"test", "train", "gate", "serve", "f1", "loss"}


@settings(max_examples=200)
@given(data=st.data())
def test_a_misspelt_key_is_found_where_it_is_with_the_nearest_known_one(data):
    index = data.draw(st.sampled_from(KEYS), label="line")
    line = FULL[index]
    key = line.strip().removeprefix("- ").split(":")[0]
    typo = data.draw(typos(key), label="typo")
    assume(typo not in KNOWN)  # "min" became "max", say
    lines = [*FULL[:index], line.replace(key, typo, 1), *FULL[index + 1 :]]
    with pytest.raises(ConfigurationError) as caught:
        loads("\n".join(lines))
    [problem] = [problem for problem in caught.value.problems if f"'{typo}'" in problem.message]
    assert (problem.line, problem.column) == (index + 1, line.index(key) + 1)
    near = re.fullmatch(rf"unknown key '{typo}': did you mean '(\w+)'\?", problem.message)
    if near:
        assert SequenceMatcher(None, near[1], typo).ratio() >= SequenceMatcher(None, key, typo).ratio() - 1e-9
    else:  # of two letters, too few are left
        assert SequenceMatcher(None, key, typo).ratio() < 0.6
        assert key in problem.message.partition("known are ")[2].split(", ")


# --- loader and schema ------------------------------------------------------------------------------------------------
def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


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
            max_latency_factor=NUMBERS,
            max_prediction_shift=NUMBERS,
            max_latency_p99_ms=NUMBERS,
            min_requests=INTEGERS,
        ),
    ),
    jenkins=sections(agent=sections(label=TEXTS), timeout=DURATIONS),
    store=TEXTS,
)

WORDS = """
a|a b|a,b| |1a|class|Path|BUILD_TAG|Jenkins_ML_X|my_a|[key]|test|serve|push|library|success|2x|0|500m|8Gi|/srv|/a:b|a/b|
https://a/b|https://a:b@c|@daily|@noon|60 * * * *|1 2|TZ=Nowhere/Nil|5m|0s|5|true|
"""
TEXT_JUNK = st.sampled_from([*WORDS.replace("\n", "").split("|"), "a\n", "0" * 64])
OTHER_JUNK = st.sampled_from(
    [None, True, False, 0, 1, 2, 99, -1, 1.5, 10**6, {}, {"": 1}, {"str": "a"}, {"id": ""}, {"[key]": 1}]
)
LIST_JUNK = st.sampled_from([[], [""], ["a"], ["a,b"], ["test"], [1, 1.0], [None], [[1]], [{}], [{"cron": "@noon"}]])
JUNK = TEXT_JUNK | OTHER_JUNK | LIST_JUNK


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of everything in a document but itself."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(inner, (*path, key))


@st.composite
def slips(draw: st.DrawFn) -> Any:
    """A right configuration with one or two slips: something else, too much, too little, or under another name."""
    document = copy.deepcopy(draw(documents()))
    for _ in range(draw(st.integers(1, 2))):
        *above, last = draw(st.sampled_from([*places(document)]))
        holder = functools.reduce(operator.getitem, above, document)
        match draw(st.sampled_from(["alike", "alike", "alike", "else", "remove", "add", "rename"])):
            case "alike" if isinstance(holder[last], str):
                holder[last] = draw(TEXT_JUNK)
            case "alike" if isinstance(holder[last], list) and holder[last]:
                holder[last].append(holder[last][0])
            case "alike" | "else":
                holder[last] = draw(JUNK)
            case "remove":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(TEXT_JUNK)] = draw(JUNK)
            case "rename" if isinstance(holder, dict):
                holder[draw(TEXT_JUNK)] = holder.pop(last)
            case _:
                holder.insert(last, draw(JUNK))
    return document


# What the loader alone knows: rules between keys, that nothing is no time limit, what a schedule is and which names mean
# something already.
RULES = (
    "give either",
    "needs `output`",
    "belongs to `command`",
    "give at least one of",
    "nothing can pass",
    "rise and end with 100",
    "longer than nothing",
    "give one of",
    "give exactly one of",
    "give `mail` or `slack`",
    "needs `sha256`",
    "needs `tag`",
    "belongs to `wheel`",
    "belongs to `git`",
    "one of `push` and `merge_requests` has to be true",
    "`choice` and `choices` need each other",
    "the default of a choice is its first",
    "`default` of a boolean is",
    "` already",
    "one variable to Jenkins",
    "each kind once",
    "a password here",
    "a schedule is needed",
    "time zone",
    "Jenkins knows @yearly",
    "instead of five",
    "has a meaning in a Jenkinsfile",
    "jenkins-ml's own",
    "itself, in any case",
    "steers what a build runs",
    "an axis needs values",
    "Jenkins takes an empty value for none",
    "the axis has no such value",
    "axes are",
    "what is released",
    "exclude each other",
    "train.params has no",
    "as train.params.",
    "there is no stage `test`",
    "leaves a server running",
)


TYPES = {
    "null": lambda value: value is None,
    "string": is_text,
    "array": is_list,
    "object": is_object,
    "number": is_number,
    "integer": lambda value: is_number(value) and value == math.floor(value),
    "boolean": lambda value: isinstance(value, bool),
}
IGNORED = {"$schema", "$defs", "title", "description", "default"}
# keyword -> the values it speaks about, and what it says of them
KEYWORDS = {
    "$ref": (lambda value: True, lambda name, value: accepts(SCHEMA["$defs"][name.rpartition("/")[2]], value)),
    "anyOf": (lambda value: True, lambda options, value: any(accepts(option, value) for option in options)),
    "type": (lambda value: True, lambda name, value: TYPES[name](value)),
    "enum": (lambda value: True, lambda words, value: value in words),
    "const": (lambda value: True, lambda word, value: value == word),
    # "$" is the end of the text here, as in ECMA-262, not also the place before a last newline.
    "pattern": (is_text, lambda pattern, value: re.search(pattern.replace("$", r"\Z"), value) is not None),
    "minLength": (is_text, lambda least, value: len(value) >= least),
    "minProperties": (is_object, lambda least, value: len(value) >= least),
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
        if keyword == "patternProperties":
            [(pattern, each)] = argument.items()
            matching = (
                {key: value[key] for key in value if KEYWORDS["pattern"][1](pattern, key)} if is_object(value) else {}
            )
            if not all(accepts(each, matching[key]) for key in matching):
                return False
            continue
        if keyword == "additionalProperties":
            known = schema.get("properties", {})
            patterns = schema.get("patternProperties", {})
            rest = [
                value[key]
                for key in (value if is_object(value) else ())
                if key not in known and not any(KEYWORDS["pattern"][1](pattern, key) for pattern in patterns)
            ]
            if not all(argument if isinstance(argument, bool) else accepts(argument, each) for each in rest):
                return False
            continue
        concerns, holds = KEYWORDS[keyword]
        if concerns(value) and not holds(argument, value):
            return False
    return True


@settings(max_examples=300)
@given(DOCUMENTS | slips())
def test_loader_and_schema_accept_the_same(document):
    try:
        loads(on_one_line(document))
        problems = []
    except ConfigurationError as error:
        problems = [problem.message for problem in error.problems]
    beyond_schema = [message for message in problems if any(rule in message for rule in RULES)]
    assert accepts(SCHEMA, document) == (problems == beyond_schema), problems


@given(DOCUMENTS | slips())
def test_every_message_is_in_our_words(document):
    try:
        loads(on_one_line(document))
    except ConfigurationError as error:
        for problem in error.problems:
            assert problem.line == 1
            assert not re.search(
                "nput should|Field required|Value error|ssertion|function-|tagged-union|List should|Extra inputs|"
                r"\.(bool|int|float|str|constrained|Credential)\b|\[constrained",
                problem.message,
            ), problem.message


@given(configurations())
def test_schema_and_loader_accept_right_configurations(configuration):
    text, config = configuration
    document = parse(text.encode(), "jenkins-ml.yaml")
    assert not document.problems
    assert accepts(SCHEMA, document.value)
    assert loads(yaml_text(document.value)) == config


@given(configurations())
def test_right_values_of_the_environment_become_training_parameters(configuration):
    _, config = configuration
    cells = {} if config.jenkins.matrix is None else config.jenkins.matrix.axes
    environment = {f"JENKINS_ML_PARAM_{name}": axis_text(values[-1]) for name, values in cells.items()}
    environment |= {f"JENKINS_ML_PARAM_{each.sets}": each.initial for each in config.jenkins.parameters if each.sets}
    result = overridden(config.train.params, environment)
    assert {name: type(value) for name, value in result.items()} == {
        name: type(value) for name, value in config.train.params.items()
    }
    assert {name: result[name] for name in cells if not isinstance(result[name], str)} == {
        name: values[-1] for name, values in cells.items() if not isinstance(result[name], str)
    }


@settings(max_examples=50)
@given(configurations())
def test_a_right_configuration_is_rendered_and_its_digest_is_of_what_it_says(configuration):
    text, config = configuration
    document = parse(text.encode(), "jenkins-ml.yaml").value
    backwards = {key: document[key] for key in reversed(document)}
    assert digest_of(loads(on_one_line(backwards))) == digest_of(config)
    files = render(config, build(config))
    assert made_by_us(files[FILE])
    assert digest_of(config) in files[FILE]
    assert render(config, build(config)) == files
