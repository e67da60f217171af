"""What each mistake in jenkins-ml.yaml is answered with, and where it is said to be."""

import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

from jenkins_ml.config.loader import digest, digest_of, load, loads
from jenkins_ml.errors import ConfigurationError

HEAD = """\
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train"}
"""


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ConfigurationError) as caught:
        loads(textwrap.dedent(text))
    assert all(problem.file == "jenkins-ml.yaml" for problem in caught.value.problems)
    return [(problem.line, problem.column, problem.message) for problem in caught.value.problems]


def test_a_minimal_file_gets_every_default():
    config = loads(HEAD)
    assert config.model == "digits"
    assert config.test is None
    assert config.serve.release_branch == "main"
    assert config.serve.canary.steps == (5, 25, 50, 100)
    assert config.train.timeout == timedelta(days=1)


def test_lists_become_tuples_and_whole_numbers_become_numbers():
    config = loads(HEAD + "gate: {metrics: {loss: {max: 1}}}\nserve: {canary: {steps: [10, 100], interval: 1.5s}}")
    assert config.gate.metrics["loss"].max == 1.0
    assert config.serve.canary.steps == (10, 100)
    assert config.serve.canary.interval == timedelta(seconds=1.5)


def test_parameters_keep_their_types():
    config = loads(HEAD.replace("}\n", "}\n").rstrip()[:-1] + ', params: {a: 1, b: 0.5, c: [true, null], d: "yes"}}')
    assert config.train.params == {"a": 1, "b": 0.5, "c": [True, None], "d": "yes"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        # keys
        ("gate:\n  metrcis: {}", 5, 3, "unknown key 'metrcis': did you mean 'metrics'?"),
        ("gate:\n  metrics:\n    accurcy: {min: 1}", 6, 5, "unknown key 'accurcy': did you mean 'accuracy'?"),
        ("gate: {metrics: {f1: {mni: 1, max: 1}}}", 4, 23, "unknown key 'mni': did you mean 'min'?"),
        ("trian: 1", 4, 1, "unknown key 'trian': did you mean 'train'?"),
        ("data2: 1", 4, 1, "unknown key 'data2': did you mean 'data'?"),
        ("test:\n  zzz: 1\n  command: x", 5, 3, "unknown key 'zzz': known are command, timeout"),
        ("test: {timeout: 5m}", 4, 1, "missing key 'command' in test"),
        ("store: a\nstore: b", 5, 1, "key 'store' is written twice, first in line 4"),
        ("7: x", 4, 1, "a key is text: put it in quotes"),
        ("? [a]\n: x", 4, 3, "a key is text: put it in quotes"),
        ("gate:\n  <<: {}", 5, 3, "merge keys (<<) are not part of YAML 1.2: write the keys out"),
        # values
        (
            "gate: {metrics: {f1: {min: high}}}",
            4,
            28,
            "gate.metrics.f1.min: a number is expected, not text 'high'",
        ),
        ("gate: {metrics: {f1: {min: true}}}", 4, 28, "gate.metrics.f1.min: a number is expected, not true"),
        ("serve: {rest_port: true}", 4, 20, "serve.rest_port: a whole number is expected, not true"),
        ("serve: {rest_port: 1.5}", 4, 20, "serve.rest_port: a whole number is expected, not the number 1.5"),
        ("serve: {rest_port: 70000}", 4, 20, "serve.rest_port: must be at most 65535, not 70000"),
        ("serve: {rest_port: -1}", 4, 20, "serve.rest_port: must be at least 0, not -1"),
        ("gate: {confidence: 1}", 4, 20, "gate.confidence: must be less than 1, not 1"),
        ("gate: {confidence: .5}", 4, 20, "gate.confidence: must be more than 0.5, not 0.5"),
        ("gate: {confidence: .nan}", 4, 20, "a finite number is expected"),
        ("gate: {confidence: 1e999}", 4, 20, "a finite number is expected"),
        ("gate: {task: bniary}", 4, 14, "gate.task: text 'bniary' is not known: did you mean 'binary'?"),
        (
            "gate: {inconclusive: maybe}",
            4,
            22,
            "gate.inconclusive: text 'maybe' is not known: known are fail, warn, pass",
        ),
        (
            "gate: {task: [binary]}",
            4,
            14,
            "gate.task: a list is not known: known are auto, binary, multiclass, multilabel, regression",
        ),
        ("gate: []", 4, 7, "gate: a section with keys is expected, not a list"),
        ("gate:", 4, 1, "gate: a section with keys is expected, not nothing"),
        ("gate: {metrics: [f1]}", 4, 17, "gate.metrics: a section with keys is expected, not a list"),
        ("test: {command: [pytest]}", 4, 17, "test.command: text is expected, not a list"),
        ("test: {command: {a: b}}", 4, 17, "test.command: text is expected, not a section"),
        ("test: {command: ''}", 4, 17, "test.command: must not be empty"),
        ("serve: {canary: {steps: 5}}", 4, 25, "serve.canary.steps: a list is expected, not the number 5"),
        ("serve: {canary: {steps: []}}", 4, 25, "serve.canary.steps: must not be empty"),
        (
            "serve: {canary: {steps: [5, x, 100]}}",
            4,
            29,
            "serve.canary.steps[1]: a whole number is expected, not text 'x'",
        ),
        (
            "serve: {environment: Prod!}",
            4,
            22,
            "serve.environment: text 'Prod!' does not fit: a name has small letters, digits, '.', '_' and '-', "
            "starts and ends with a letter or digit, and is at most 63 characters long",
        ),
        # durations
        ("jenkins: {timeout: 90}", 4, 20, "jenkins.timeout: a duration needs a unit: 90s, 90m or 90h"),
        (
            "jenkins: {timeout: soon}",
            4,
            20,
            "jenkins.timeout: write a duration as a number of up to six digits and a unit: 500ms, 90s, 10m, 2h or 1d",
        ),
        (
            "jenkins: {timeout: 9999999d}",
            4,
            20,
            "jenkins.timeout: write a duration as a number of up to six digits and a unit: 500ms, 90s, 10m, 2h or 1d",
        ),
        (
            "jenkins: {timeout: true}",
            4,
            20,
            "jenkins.timeout: a duration such as 500ms, 90s, 10m, 2h or 1d is expected, not true",
        ),
        ("jenkins: {timeout: 0s}", 4, 20, "jenkins.timeout: must be longer than nothing"),
        # rules between keys
        (
            "gate: {metrics: {f1: {}}}",
            4,
            18,
            "gate.metrics.f1: give at least one of `min`, `max`, `max_regression`, `max_relative_regression`, "
            "`min_improvement`, `min_relative_improvement`, `max_improvement`, `max_relative_improvement`",
        ),
        (
            "gate: {metrics: {f1: {min: 2, max: 1}}}",
            4,
            18,
            "gate.metrics.f1: `min` 2.0 is above `max` 1.0: nothing can pass",
        ),
        (
            "serve: {canary: {steps: [50, 5]}}",
            4,
            9,
            "serve.canary: `steps` rise and end with 100, such as [5, 25, 50, 100]",
        ),
        # what YAML readers disagree about, or cannot hold
        (
            "store: yes",
            4,
            8,
            "yes is true or false to some readers and text to others: write true, false or 'yes'",
        ),
        ("store: Off", 4, 8, "Off is true or false to some readers and text to others: write true, false or 'Off'"),
        ("store: !secret x", 4, 8, "the tag !secret is not known here: write a plain value"),
        ("store: !!binary aGk=", 4, 8, "the tag !!binary is not known here: write a plain value"),
        ("gate: !!set {a}", 4, 7, "the tag !!set is not known here: write a plain value"),
        ("store: !!int abc", 4, 8, "'abc' cannot be read as int"),
        ("store: !!bool abc", 4, 8, "'abc' cannot be read as bool"),
        ('store: "\\ud800"', 4, 8, "half a surrogate pair is not text"),
    ],
)
def test_one_mistake_is_one_message_at_its_place(text, line, column, message):
    assert problems(HEAD + text) == [(line, column, message)]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "is empty: at least `model`, `data` and `train` are needed"),
        ("# only a comment\n", 1, 1, "is empty: at least `model`, `data` and `train` are needed"),
        ("- a\n- b", 1, 1, "a section with keys is expected, not a list"),
        ("words", 1, 1, "a section with keys is expected, not text 'words'"),
        ("a:\n\t- b", 2, 1, "a tab: YAML is indented with blanks only"),
        ("a: 1\n---\nb: 1", 2, 1, "a second YAML document starts here: write one"),
        ("a: 'x", 1, 6, "this is not YAML: found unexpected end of stream"),
        ("a: b: c", 1, 5, "this is not YAML: mapping values are not allowed here"),
        ("a: *b", 1, 4, "this is not YAML: found undefined alias 'b'"),
        ("a: 1\nb: \x01", 2, 4, "a control character is not allowed here"),
        ("a: &a [*a]", 1, 8, "this is not YAML: found undefined alias 'a'"),
        ("[" * 200, 1, 52, "is nested deeper than 50 levels"),
        ("[" * 200 + "]" * 200, 1, 52, "is nested deeper than 50 levels"),
    ],
)
def test_a_file_that_is_no_configuration_gets_one_message(text, line, column, message):
    assert problems(text) == [(line, column, message)]


def test_aliases_that_multiply_without_end_are_refused():
    rows = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    [(line, _, message)] = problems("\n".join(rows))
    assert message == "there are more than 100000 values up to here"
    assert line == 1  # where the repeated values stand


def test_aliases_as_people_use_them_are_read():
    config = loads(HEAD + "gate: {metrics: {accuracy: &limits {min: 0.9}, f1: *limits}}")
    assert config.gate.metrics["f1"] == config.gate.metrics["accuracy"]


def test_all_mistakes_are_found_at_once_in_the_order_of_the_file():
    found = problems("""\
        modle: digits
        data: {load: nowhere}
        gate:
          metrics:
            accuracy: {min: high, maxx: 1}
            loss: {max: yes}
        serve:
          canary: {interval: 5}
        store: a
        store: b
        """)
    assert found == [
        (1, 1, "missing key 'train'"),
        (1, 1, "unknown key 'modle': did you mean 'model'?"),
        (2, 14, "data.load: text 'nowhere' does not fit: write module:function, such as data:load"),
        (5, 21, "gate.metrics.accuracy.min: a number is expected, not text 'high'"),
        (5, 27, "unknown key 'maxx': did you mean 'max'?"),
        (6, 17, "yes is true or false to some readers and text to others: write true, false or 'yes'"),
        (8, 22, "serve.canary.interval: a duration needs a unit: 5s, 5m or 5h"),
        (10, 1, "key 'store' is written twice, first in line 9"),
    ]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("{}", "train: give either `entrypoint` or `command`"),
        ("{entrypoint: 'a:b', command: x, output: y}", "train: give either `entrypoint` or `command`"),
        ("{command: x}", "train: `command` needs `output`: the model that it writes"),
        ("{entrypoint: 'a:b', output: x}", "train: `output` belongs to `command`; an entrypoint returns its model"),
    ],
)
def test_there_is_one_way_to_train(train, message):
    assert problems(HEAD.replace('{entrypoint: "model:train"}', train)) == [(3, 1, message)]


def test_long_values_are_shortened_in_messages():
    [(_, _, message)] = problems(HEAD + f"gate: {{task: {'x' * 1000}}}")
    assert len(message) < 150


def test_a_missing_file_points_to_init(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="there is no such file") as caught:
        load(tmp_path)
    assert "jenkins-ml init" in caught.value.next_step
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"model: a\nstore: \xff", 2, 8, "this is not UTF-8: save the file as UTF-8"),
        ("model: a".encode("utf-16"), 1, 1, "this is not UTF-8: save the file as UTF-8"),
        (b"#" * (2**20 + 1), 0, 0, "is larger than 1048576 bytes: this cannot be a configuration"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data, line, column, message):
    (tmp_path / "jenkins-ml.yaml").write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    [problem] = caught.value.problems
    assert (problem.line, problem.column, problem.message) == (line, column, message)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path):
    (tmp_path / "jenkins-ml.yaml").write_text(HEAD, encoding="utf-8-sig")
    assert load(tmp_path) == loads(HEAD)


def test_the_digest_is_of_what_is_said_not_of_how(tmp_path: Path):
    (tmp_path / "jenkins-ml.yaml").write_text(HEAD)
    same = loads("# a comment\nstore: .jenkins-ml/models\n" + HEAD + "jenkins: {timeout: 120m}\n")
    other = loads(HEAD + "jenkins: {timeout: 121m}\n")
    assert digest(tmp_path) == digest_of(same)
    assert digest(tmp_path) != digest_of(other)
