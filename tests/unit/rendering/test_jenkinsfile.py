"""The Jenkinsfile says what the pipeline and the configuration say, and nothing in them can become code."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import __version__
from jenkins_ml.config.loader import digest_of, loads
from jenkins_ml.config.model import Config
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.groovy import Code, literal
from jenkins_ml.rendering.jenkinsfile import made_by_us, render

TEXT = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\n'
# Any text that UTF-8 can carry, with what Groovy and the shell find special drawn often.
HOSTILE = st.text(
    st.one_of(st.sampled_from("'\"\\$`{}\n\r\t\0u0041;é模\U0001f600"), st.characters(exclude_categories=["Cs"])),
    min_size=1,
)


def rendered(text: str = "") -> str:
    config = loads(TEXT + text)
    return render(config, build(config))


def unescape(source: str) -> str:
    """What Groovy reads from a single-quoted string: the oracle, written from its grammar and not from our escaping."""
    assert source[0] == source[-1] == "'"
    units: list[int] = []  # UTF-16, as in Java
    inside, position = source[1:-1], 0
    simple = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"', "$": "$"}
    while position < len(inside):
        character = inside[position]
        assert character not in "'\n\r", "this ends the string"
        if character != "\\":
            units.append(ord(character))
            position += 1
        elif inside[position + 1] == "u":
            units.append(int(inside[position + 2 : position + 6], 16))
            position += 6
        else:
            units.append(ord(simple[inside[position + 1]]))
            position += 2
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")


@given(HOSTILE)
def test_a_literal_is_read_as_the_text_it_was_made_from(text):
    assert unescape(literal(text)) == text


@given(HOSTILE)
def test_a_literal_is_ascii_on_one_line(text):
    assert literal(text).isascii()
    assert literal(text).isprintable()


def test_what_has_no_literal_is_refused():
    for value in (None, True, 1.5, ["a"]):
        with pytest.raises(TypeError, match="no Groovy literal"):
            literal(value)
    assert literal(7) == "7"
    assert literal(Code("any")) == "any"


@given(label=HOSTILE, branch=HOSTILE)
def test_hostile_labels_and_branches_stay_texts(label, branch):
    config = Config.model_validate(
        {
            "model": "digits",
            "data": {"load": "data:load"},
            "train": {"entrypoint": "model:train"},
            "serve": {"release_branch": branch},
            "jenkins": {"agent": {"label": label}},
        }
    )
    lines = [line.strip() for line in render(config, build(config)).split("\n")]
    harmless = [line.strip() for line in rendered("jenkins: {agent: {label: a}}\n").split("\n")]
    assert len(lines) == len(harmless)
    [shown_label] = [line.removeprefix("label ") for line in lines if line.startswith("label ")]
    [shown_branch] = [line.removeprefix("branch ") for line in lines if line.startswith("branch ")]
    assert unescape(shown_label) == label
    assert unescape(shown_branch) == branch


def test_the_stages_are_those_of_the_pipeline():
    text = rendered("test: {command: pytest -q}\n")
    pipeline = build(loads(TEXT + "test: {command: pytest -q}\n"))
    assert re.findall(r"stage\('(.*)'\)", text) == [stage.title for stage in pipeline.stages]
    assert re.findall(r"sh '(.*)'", text) == [" ".join(["jenkins-ml", *stage.command]) for stage in pipeline.stages]


def test_shell_commands_are_constants():
    text = rendered("test: {command: \"echo 'hi' $HOME\"}\nstore: /srv/$(id)\n")
    assert set(re.findall(r"sh (.*)", text)) == {f"'jenkins-ml {name}'" for name in ("test", "train", "gate", "serve")}
    assert re.findall(r'".*"', text) == ['"${env.JOB_NAME}-${env.BUILD_NUMBER}"']


def test_only_the_serve_stage_asks_for_the_release_branch():
    text = rendered("serve: {release_branch: trunk}\n")
    assert text.count("when {") == 1
    assert text.index("stage('Serve')") < text.index("branch 'trunk'") < text.index("jenkins-ml serve")


def test_an_agent_only_where_one_is_named():
    assert "\n  agent any\n" in rendered()
    assert "\n  agent {\n    label 'linux && gpu'\n  }\n" in rendered('jenkins: {agent: {label: "linux && gpu"}}\n')


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("2h", "time: 2, unit: 'HOURS'"),
        ("1d", "time: 24, unit: 'HOURS'"),
        ("90m", "time: 90, unit: 'MINUTES'"),
        ("90s", "time: 90, unit: 'SECONDS'"),
        ("1500ms", "time: 2, unit: 'SECONDS'"),
        ("999999.00001d", "time: 2147483647, unit: 'SECONDS'"),
    ],
)
def test_timeouts_are_whole_units_that_jenkins_takes(duration, expected):
    assert f"\n    timeout({expected})\n" in rendered(f"jenkins: {{timeout: {duration}}}\n")


def test_the_header_says_what_made_it():
    text = rendered()
    assert __version__ in text.split("\n")[0]
    assert digest_of(loads(TEXT)) in text.split("\n")[1]
    assert made_by_us(text)
    assert not made_by_us("pipeline {\n  agent any\n}\n")


def test_braces_are_balanced():
    text = re.sub(r"'[^'\n]*'|//.*", "", rendered("test: {command: x}\n"))
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
