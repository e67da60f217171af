"""The Jenkinsfile says what the pipeline and the configuration say, and nothing in them can become code."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import __version__
from jenkins_ml.config.loader import digest_of, loads
from jenkins_ml.config.model import Config
from jenkins_ml.pipeline import build
from jenkins_ml.rendering.groovy import Code, arguments, literal
from jenkins_ml.rendering.jenkinsfile import FILE, ROLLBACK_FILE, made_by_us, render

TEXT = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train", params: {seed: 1, flip: true}}\n'
# Any text that UTF-8 can carry, with what Groovy and the shell find special drawn often.
HOSTILE = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`{}\n\r\t\0u0041;é模\U0001f600"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\uffff"),  # refused: no Groovy file can hold it
    ),
    min_size=1,
)


def files(text: str = "", prefix: str = "") -> dict[str, str]:
    config = loads(TEXT + text)
    return render(config, build(config), prefix)


def rendered(text: str = "", prefix: str = "") -> str:
    return files(text, prefix)[FILE]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")]


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
    for value in (None, 1.5, [None], {"a": 1.5}):
        with pytest.raises(TypeError, match="no Groovy literal"):
            literal(value)


def test_literals():
    assert literal(7) == "7"
    assert literal(Code("any")) == "any"
    assert literal([True, "a", False]) == "[true, 'a', false]"
    assert literal({}) == "[:]"
    assert literal({"a": 1, "b-c": ["x"]}) == "[a: 1, 'b-c': ['x']]"
    assert arguments({"a": 1, "b-c": "x"}) == "a: 1, 'b-c': 'x'"


@given(label=HOSTILE, branch=HOSTILE, prefix=HOSTILE, value=HOSTILE.filter(lambda text: "\0" not in text))
def test_hostile_texts_stay_texts(label, branch, prefix, value):
    config = Config.model_validate(
        {
            "model": "digits",
            "data": {"load": "data:load"},
            "train": {"entrypoint": "model:train"},
            "serve": {"release_branch": branch},
            "jenkins": {"agent": {"label": label}, "environment": {"VALUE": value}},
        }
    )
    shown = lines(render(config, build(config), prefix)[FILE])
    harmless = lines(rendered("jenkins: {agent: {label: a}, environment: {VALUE: a}}\n", "a"))
    assert len(shown) == len(harmless)
    for before, expected in (("label ", label), ("VALUE = ", value)):
        [found] = [line.removeprefix(before) for line in shown if line.startswith(before)]
        assert unescape(found) == expected
    [found] = [line for line in shown if line.startswith("branch ")]
    assert unescape(found.removeprefix("branch pattern: ").removesuffix(", comparator: 'EQUALS'")) == branch
    for line in shown:
        if line.startswith("dir("):
            assert unescape(line.removeprefix("dir(").removesuffix(") {")) == prefix


def test_constants_of_the_template_become_literals_too():
    # Jinja would escape a constant for HTML while it compiles the template, and leave out our quotes.
    assert lines(files("jenkins: {rollback_job: true}")[ROLLBACK_FILE]).count("sh 'jenkins-ml rollback'") == 1


def test_the_stages_are_those_of_the_pipeline():
    text = rendered("test: {command: pytest -q}\n")
    pipeline = build(loads(TEXT + "test: {command: pytest -q}\n"))
    assert re.findall(r"stage\('(.*)'\)", text) == [stage.title for stage in pipeline.stages]
    assert re.findall(r"sh '(.*)'", text) == [" ".join(["jenkins-ml", *stage.command]) for stage in pipeline.stages]


def test_shell_commands_are_constants():
    text = rendered("test: {command: \"echo 'hi' $HOME\"}\nstore: /srv/$(id)\n")
    assert set(re.findall(r"\bsh (.*)", text)) == {
        f"'jenkins-ml {name}'" for name in ("test", "train", "gate", "serve")
    }
    assert re.findall(r'".*"', text) == ['"${env.JOB_NAME}-${env.BUILD_NUMBER}"']


def test_only_the_serve_stage_asks_for_the_release_branch():
    text = rendered("serve: {release_branch: trunk}\n")
    assert text.count("when {") == 1
    assert text.index("stage('Serve')") < text.index("branch pattern: 'trunk'") < text.index("jenkins-ml serve")


def test_a_job_of_one_branch_asks_for_no_branch():
    text = rendered("jenkins: {multibranch: false, triggers: [{cron: 'H 3 * * *'}]}\n")
    assert "when {" not in text
    assert "BRANCH_NAME" not in text
    assert "cron('H 3 * * *')" in text
    assert "disableConcurrentBuilds()" in text  # each of its builds may release


def test_a_schedule_is_the_release_branch_s():
    assert "cron(env.BRANCH_NAME == 'main' ? 'H 3 * * *' : '')" in rendered(
        "jenkins: {triggers: [{cron: 'H 3 * * *'}]}"
    )


def test_an_agent_only_where_one_is_named():
    assert "\n  agent any\n" in rendered()
    assert "\n  agent {\n    label 'linux && gpu'\n  }\n" in rendered('jenkins: {agent: {label: "linux && gpu"}}\n')


@pytest.mark.parametrize(
    ("name", "label"), [("ml-1", "'ml-1'"), ("my agent", "'\"my agent\"'"), ('a"b', '\'"a\\\\"b"\'')]
)
def test_a_node_is_the_label_of_its_name(name, label):
    config = Config.model_validate(
        {
            "model": "digits",
            "data": {"load": "data:load"},
            "train": {"entrypoint": "model:train"},
            "jenkins": {"agent": {"node": name}},
        }
    )
    assert f"label {label}" in lines(render(config, build(config))[FILE])


@pytest.mark.parametrize(
    "text",
    [
        "{agents: {serve: {node: ml-1}}}",
        "{approval: {}}",
        "{retry_lost_agent: 1}",
        "{test_beside_train: true}",
    ],
)
def test_each_stage_has_its_own_agent_where_one_for_all_would_not_do(text):
    shown = rendered(f"test: {{command: x}}\njenkins: {text}\n")
    assert "\n  agent none\n" in shown
    stages = re.split(r"stage\('(?:Test|Train|Gate|Serve)'\) \{", shown)[1:]
    assert len(stages) == 4
    for stage in stages:
        assert stage.split()[:2] in (["agent", "any"], ["agent", "{"])
        # Another stage may run elsewhere: what it reported is kept before its agent is given back.
        assert "archiveArtifacts" in stage


def test_nobody_holds_an_agent_while_an_approval_is_waited_for():
    text = rendered("jenkins: {approval: {submitters: [alice, ml-leads], timeout: 8h}}\n")
    approve = text[text.index("stage('Approve')") : text.index("stage('Serve')")]
    assert "agent" not in approve
    assert "submitter 'alice,ml-leads'" in approve
    assert "beforeInput true" in approve  # other branches are not asked
    assert "timeout(time: 8, unit: 'HOURS')" in approve
    assert "\n    timeout(time: 10, unit: 'HOURS')\n" in text  # the build's two hours do not count the waiting


def test_only_what_can_be_repeated_is_tried_again():
    text = rendered("test: {command: x}\njenkins: {retry_lost_agent: 2}\n")
    stages = re.split(r"stage\('(.*)'\)", text)
    retried = [name for name, body in zip(stages[1::2], stages[2::2], strict=True) if "retry(count: 3" in body]
    assert retried == ["Test", "Gate", "Serve"]
    assert "conditions: [agent(), nonresumable()]" in text  # a stage that failed by itself is not


def test_a_matrix_gives_each_cell_a_run_and_releases_the_first():
    text = rendered(
        "jenkins: {matrix: {axes: {seed: [1, 2], flip: [true, false]}, exclude: [{seed: 2, flip: false}]}}\n"
    )
    assert "values '1', '2'" in text
    assert "values 'true', 'false'" in text
    run = '"${env.JOB_NAME}-${env.BUILD_NUMBER}"'
    cell = f"{run} + ',seed=' + \"${{env.JENKINS_ML_PARAM_seed}}\" + ',flip=' + \"${{env.JENKINS_ML_PARAM_flip}}\""
    assert f"JENKINS_ML_RUN = {cell}" in text
    assert f"JENKINS_ML_RUN = {run} + ',seed=1,flip=true'" in text[text.index("stage('Serve')") :]


def test_tests_beside_training_end_each_other():
    text = rendered("test: {command: x}\njenkins: {test_beside_train: true}\n")
    assert "failFast true\n      parallel {" in text
    assert text.index("parallel {") < text.index("stage('Train')") < text.index("stage('Gate')")


def test_exit_codes_are_looked_at_only_where_they_matter():
    assert "stageResult" not in rendered()
    text = rendered("jenkins: {results: {rejected: unstable, inconclusive: success}}\n")
    assert "stageResult('jenkins-ml gate')" in text
    assert "[rejected: 'unstable', inconclusive: 'success', rolled_back: 'failure']" in text
    serve = text[text.index("stage('Serve')") :]
    assert "expression { !env.JENKINS_ML_OUTCOME }" in serve  # whatever colour the build has


@pytest.mark.parametrize("style", ["standalone", "library"])
def test_people_are_told_of_what_they_asked_for(style):
    text = rendered(
        f"jenkins: {{style: {style}, notify: {{mail: {{to: [a@b.c, d@e.f]}}, on: [rejection, recovery]}}}}\n"
    )
    assert "['rejected', 'inconclusive', 'recovered']" in text
    assert "'a@b.c,d@e.f'" in text
    assert "slack" not in text


def test_the_library_is_pinned():
    assert f"@Library('jenkins-ml@v{__version__}') _" in rendered("jenkins: {style: library}\n")
    assert "@Library('ours@abc123') _" in rendered(
        "jenkins: {style: library, library: {name: ours, version: abc123}}\n"
    )


def test_the_steps_of_the_library_take_what_differs_from_their_defaults():
    assert "mlTrain()" in rendered("jenkins: {style: library}\n")
    text = rendered(
        "jenkins: {style: library, install: {git: u, tag: v1}, forge: {kind: github, credentials: gh}}\n", "models/a"
    )
    assert "mlTrain(directory: 'models/a', install: true, publishCredentials: 'gh')" in text
    assert "mlServe(directory: 'models/a', install: true)" in text
    assert "mlGate(directory: 'models/a', install: true, publishCredentials: 'gh')" in text
    assert "JENKINS_ML_INSTALL_TAG = 'v1'" in text


def test_parameters_reach_stages_by_the_environment_only():
    text = rendered('jenkins: {parameters: [{string: NOTE, default: "it\'s"}, {choice: SIZE, choices: [s, l]}]}\n')
    assert "string(name: 'NOTE', defaultValue: 'it\\'s')" in text
    assert "choice(name: 'SIZE', choices: ['s', 'l'])" in text
    assert 'NOTE = "${params.NOTE}"' in text
    assert text.count("params.") == 2


def test_credentials_are_where_they_are_needed():
    text = rendered("jenkins: {credentials: {TOKEN: tok, KEY: {id: k, stages: [serve]}}}\n")
    top, serve = text[: text.index("stages {")], text[text.index("stage('Serve')") :]
    assert "TOKEN = credentials('tok')" in top
    assert "credentials('k')" not in top
    assert "KEY = credentials('k')" in serve


def test_the_rollback_job_takes_its_parameters_by_the_environment():
    text = files("jenkins: {rollback_job: true, agents: {serve: {node: ml-1}}}\n")[ROLLBACK_FILE]
    assert 'JENKINS_ML_ROLLBACK_TO = "${params.VERSION}"' in text
    assert "label 'ml-1'" in text
    assert made_by_us(text)


def test_the_header_names_the_plugins_that_are_needed():
    def plugins(text: str) -> list[str]:
        [line] = [line for line in rendered(text).split("\n") if line.startswith("// Plugins: ")]
        return line.removeprefix("// Plugins: ").split(", ")

    assert plugins("") == ["junit", "workflow-aggregator"]
    assert "timestamper" in plugins("jenkins: {options: {timestamps: true}}\n")
    assert "docker-workflow" in plugins("jenkins: {agents: {train: {docker: {image: a}}}}\n")
    assert "mailer" in plugins("jenkins: {notify: {mail: {to: [a@b.c]}}}\n")
    assert "credentials-binding" in plugins("jenkins: {credentials: {A: b}}\n")


def test_a_pod_asks_for_its_gpus_and_mounts_the_store():
    text = rendered(
        "jenkins: {agents: {train: {kubernetes: {image: 'a:1', gpu: 2, cpu: '4', memory: 8Gi, volumes: {/srv/ml: my.claim}}}}}\n"
    )
    [line] = [line for line in lines(text) if line.startswith("yaml ")]
    spec = json.loads(unescape(line.removeprefix("yaml ")))["spec"]
    [container] = spec["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "8Gi", "nvidia.com/gpu": "2"},
    }
    assert container["volumeMounts"] == [{"name": "volume-0", "mountPath": "/srv/ml"}]
    assert spec["volumes"] == [{"name": "volume-0", "persistentVolumeClaim": {"claimName": "my.claim"}}]


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


def test_indentation_follows_the_braces():
    depth = 0
    for line in filter(None, rendered("test: {command: x}\njenkins: {notify: {mail: {to: [a@b.c]}}}\n").split("\n")):
        depth -= line.strip().startswith("}")
        assert line == "  " * depth + line.strip()
        depth += line.endswith("{")
    assert depth == 0
