"""Every rule of the `jenkins` section: what is taken, what is refused, where, and in which words."""

import json
import textwrap
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.config.jenkins import Jenkins, axis_text
from jenkins_ml.config.loader import digest_of, loads
from jenkins_ml.errors import ConfigurationError

HEAD = """\
model: digits
data: {load: "data:load"}
test: {command: pytest -q}
train:
  entrypoint: model:train
  params: {seed: 1, rate: 0.1, deep: true, name: adam, layers: [8], Mixed: 1}
"""


def jenkins(section: str, head: str = HEAD) -> Jenkins:
    """The section as it is read; `section` is what stands below `jenkins:`."""
    return loads(f"{head}jenkins:\n{textwrap.indent(textwrap.dedent(section).strip(), '  ')}\n").jenkins


def problems(section: str, head: str = HEAD) -> list[tuple[int, int, str]]:
    """(line, column, message) of each problem; the first line below `jenkins:` is 1, and its first letter column 1."""
    with pytest.raises(ConfigurationError) as caught:
        jenkins(section, head)
    found = caught.value.problems
    assert all(problem.file == "jenkins-ml.yaml" for problem in found)
    return [(problem.line - head.count("\n") - 1, problem.column - 2, problem.message) for problem in found]


def one(value: Any) -> str:
    """A section in one line, as flow style: JSON is YAML."""
    return "\n".join(f"{key}: {json.dumps(each, ensure_ascii=False)}" for key, each in value.items())


def message(value: dict[str, Any], head: str = HEAD) -> str:
    """The only problem of a section that is in one line a key."""
    [(_, _, text)] = problems(one(value), head)
    return text


def test_without_the_section_everything_has_a_default():
    section = loads(HEAD).jenkins
    assert section == loads(HEAD + "jenkins: {}").jenkins
    assert section.style == "standalone"
    assert section.multibranch
    assert section.timeout == timedelta(hours=2)
    assert section.agent.label is None
    assert section.options.abort_previous
    assert section.results.rejected == "failure"
    assert (section.triggers, section.parameters, section.environment, section.credentials) == ((), (), {}, {})
    assert (section.install, section.matrix, section.approval, section.notify, section.forge) == (None,) * 5


# --- agents -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [{"label": "linux && gpu"}, {"node": "build 1"}, {}])
def test_an_agent_is_a_label_a_node_or_any(kind):
    agent = jenkins(one({"agent": kind})).agent
    assert agent.model_dump(exclude_none=True) == kind


@pytest.mark.parametrize("kind", [{"docker": {"image": "a/b:1"}}, {"kubernetes": {"image": "a/b:1"}}])
def test_a_container_is_an_agent_where_serve_has_a_machine(kind):
    section = jenkins(one({"agent": kind, "agents": {"serve": {"node": "release"}}}))
    assert section.agent_of("serve").node == "release"
    assert section.agent_of("train") is section.agent


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_the_local_server_is_not_in_a_container(kind):
    text = (
        "`serve.target: local` leaves a server running, which would end with this container: "
        "name one agent in `jenkins.agents.serve.node`"
    )
    assert problems(f"agent:\n  {kind}: {{image: a}}") == [(2, 3, f"jenkins.agent.{kind}: {text}")]
    assert problems(f"agents:\n  serve:\n    {kind}: {{image: a}}") == [(3, 5, f"jenkins.agents.serve.{kind}: {text}")]


def test_an_agent_is_one_of_its_kinds():
    assert problems("agent:\n  label: linux\n  node: one") == [(1, 1, "jenkins.agent: give one of label, node")]
    assert problems("agents:\n  train:\n    label: linux\n    docker: {image: a}") == [
        (2, 3, "jenkins.agents.train: give one of label, docker")
    ]


def test_agents_are_of_stages():
    assert problems("agents:\n  tain: {label: gpu}") == [(2, 3, "unknown key 'tain': did you mean 'train'?")]
    assert problems("agents:\n  release: {}") == [(2, 3, "unknown key 'release': known are test, train, gate, serve")]
    assert problems("agents:\n  train: {lable: gpu}") == [(2, 11, "unknown key 'lable': did you mean 'label'?")]
    assert problems("agents:\n  train: gpu") == [
        (2, 10, "jenkins.agents.train: a section with keys is expected, not text 'gpu'")
    ]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("cpu", ["2", "0.5", "500m", "1.25"], ["", "0", "0m", "2 ", "-1", "1e3", "2Gi", "2\n", "00.5", "half"]),
        ("memory", ["8Gi", "512Mi", "16G", "1000k", "0.5Gi", "1"], ["", "0", "8GB", "8 Gi", "500m", "8Gi\n", "8gi", "0Gi"]),
        ("gpu", [0, 1, 64], [-1, 65, 0.5, "1", True, None]),
        ("gpu_resource", ["nvidia.com/gpu", "amd.com/gpu"], ["gpu", "", "a/b/c", "nvidia.com/", "nvidia.com/gpu\n", None]),
        ("service_account", ["trainer", "a.b-c"], ["", "Trainer", "a_b", "-a", "a\n"]),
        (
            "node_selector",
            [{"kubernetes.io/arch": "amd64"}, {"pool": ""}, {"a": "A.b_c"}, {}],
            [{"": "a"}, {"a/b/c": "d"}, {"a": "b c"}, {"a": "-b"}, {"a": 1}, {"a": "b\n"}, {"a\n": "b"}, {"-a": "b"}, []],
        ),
        (
            "volumes",
            [{"/srv/models": "models-claim"}, {"/a": "a.b"}],
            [{"srv": "a"}, {"/": "a"}, {"/a:b": "a"}, {"/a": "A"}, {"/a": ""}, {"/a\n": "a"}, {"": "a"}, {"/a": None}],
        ),
        ("cloud", ["kubernetes"], ["", 1]),
        ("image", ["a", "registry:5000/a/b:1@sha256:0"], ["", None, 7]),
    ],
)  # fmt: skip
def test_what_a_pod_may_have(key, good, bad):
    def section(value: Any) -> dict[str, Any]:
        return {"agents": {"train": {"kubernetes": {"image": "a", key: value}}}}

    for value in good:
        assert getattr(jenkins(one(section(value))).agents["train"].kubernetes, key) == value
    for value in bad:
        if value is None and key not in ("gpu", "gpu_resource", "image"):
            continue
        assert message(section(value)).startswith(f"jenkins.agents.train.kubernetes.{key}"), value


def test_words_for_amounts_and_labels():
    def pod(**keys: Any) -> str:
        return message({"agents": {"train": {"kubernetes": {"image": "a", **keys}}}}).partition("kubernetes.")[2]

    assert (
        pod(cpu="two")
        == """cpu: text 'two' does not fit: write CPUs as a number, or in thousandths with m: "2", "0.5" or "500m\""""
    )
    assert pod(cpu=2) == "cpu: text is expected, not the number 2: put it in quotes"
    assert (
        pod(memory="8GB")
        == """memory: text '8GB' does not fit: write memory as a number and a unit: "512Mi", "8Gi" or "16G\""""
    )
    assert (
        pod(volumes={"models": "a"})
        == "volumes: text 'models' does not fit: write an absolute folder, such as /srv/models, without ':'"
    )
    assert pod(gpu=65) == "gpu: must be at most 64, not 65"


def test_a_container_needs_an_image():
    assert problems("agents:\n  train:\n    docker:\n      label: big") == [
        (3, 5, "missing key 'image' in jenkins.agents.train.docker")
    ]
    assert (
        jenkins('agents: {train: {docker: {image: a, label: big, args: "--gpus all"}}}').agents["train"].docker.args
        == "--gpus all"
    )


# --- library and installation -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["jenkins-ml", "a", "A_1"])
@pytest.mark.parametrize("version", ["v1.2.3", "main", "feature/x", "0" * 40, "1.0+2"])
def test_a_library_has_a_name_and_a_version(name, version):
    library = jenkins(one({"style": "library", "library": {"name": name, "version": version}})).library
    assert (library.name, library.version) == (name, version)


@pytest.mark.parametrize("bad", ["", "-a", "a b", "a'", "a\n", "a@b", "$a", "é"])
def test_names_that_would_end_an_annotation_are_refused(bad):
    assert "does not fit: the name of a library has" in message({"library": {"name": bad}})
    assert "does not fit: a tag, branch or commit has" in message({"library": {"version": bad}})
    assert "does not fit: a tag, branch or commit has" in message({"install": {"git": "https://a/b", "tag": bad}})


SHA = "0123456789abcdef" * 4
NO_SHA = "jenkins.install.sha256: text '{}...' does not fit: a SHA-256 has 64 digits, each 0-9 or a-f"


@pytest.mark.parametrize(
    "install",
    [
        {"wheel": "https://example.com/a.whl", "sha256": SHA},
        {"wheel": "/srv/a.whl", "sha256": SHA, "requirements": "requirements.txt"},
        {"git": "https://example.com/a.git", "tag": "v1"},
        {"git": "git@example.com:a/b.git", "tag": "0" * 40},
        {"git": "ssh://git@example.com:22/a.git", "tag": "v1"},
    ],
)
def test_installation_is_a_wheel_or_a_repository(install):
    assert jenkins(one({"install": install})).install.model_dump(exclude_none=True) == install


@pytest.mark.parametrize(
    ("install", "text"),
    [
        ({}, "jenkins.install: give either `wheel` or `git`"),
        ({"requirements": "r.txt"}, "jenkins.install: give either `wheel` or `git`"),
        ({"wheel": "a", "sha256": SHA, "git": "b", "tag": "c"}, "jenkins.install: give either `wheel` or `git`"),
        ({"wheel": "a"}, "jenkins.install: `wheel` needs `sha256`: what is installed must be what was meant"),
        ({"git": "a"}, "jenkins.install: `git` needs `tag`"),
        ({"git": "a", "tag": "b", "sha256": SHA}, "jenkins.install: `sha256` belongs to `wheel`"),
        ({"wheel": "a", "sha256": SHA, "tag": "b"}, "jenkins.install: `tag` belongs to `git`"),
        ({"wheel": "a", "sha256": SHA.upper()}, NO_SHA.format(SHA.upper()[:35])),
        ({"wheel": "a", "sha256": SHA + "\n"}, NO_SHA.format(SHA[:35])),
        ({"wheel": "", "sha256": SHA}, "jenkins.install.wheel: must not be empty"),
    ],
)  # fmt: skip
def test_what_an_installation_lacks(install, text):
    assert message({"install": install}) == text


@pytest.mark.parametrize("address", ["https://me:secret@example.com/a", "http://:t@x/y"])
def test_a_password_does_not_get_into_the_jenkinsfile(address):
    expected = "a password or token here would be in the Jenkinsfile for all to read: let the agent have it"
    assert message({"install": {"git": address, "tag": "v1"}}) == f"jenkins.install.git: {expected}"
    assert message({"install": {"wheel": address, "sha256": SHA}}) == f"jenkins.install.wheel: {expected}"


# --- options and triggers ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", ["builds", "days", "artifact_builds", "artifact_days"])
def test_old_builds_are_removed_by_count_or_age(key):
    assert getattr(jenkins(one({"options": {"discard": {key: 1}}})).options.discard, key) == 1
    assert message({"options": {"discard": {key: 0}}}) == f"jenkins.options.discard.{key}: must be at least 1, not 0"
    assert message({"options": {"discard": {key: 100_001}}}).endswith("must be at most 100000, not 100001")
    assert message({"options": {"discard": {key: True}}}).endswith("a whole number is expected, not true")


def test_discard_says_something():
    assert problems("options:\n  discard: {}") == [
        (2, 3, "jenkins.options.discard: give at least one of `builds`, `days`, `artifact_builds`, `artifact_days`")
    ]


@pytest.mark.parametrize("key", ["timestamps", "abort_previous", "skip_after_unstable"])
def test_options_are_true_or_false(key):
    assert getattr(jenkins(f"options: {{{key}: true}}").options, key)
    assert problems(f"options:\n  {key}: aye") == [
        (2, 3 + len(key) + 2, f"jenkins.options.{key}: true or false is expected, not text 'aye'")
    ]


@pytest.mark.parametrize(
    "trigger",
    [
        {"cron": "H 3 * * *"},
        {"cron": "TZ=UTC\nH 3 * * *\n# noon\n@daily"},
        {"poll": "H/5 * * * *"},
        {"github": "push"},
        {"gitlab": {}},
        {"gitlab": {"push": False}},
    ],
)
def test_one_trigger(trigger):
    section = jenkins(one({"triggers": [trigger]}))
    assert section.triggers[0].kind == next(iter(trigger))


def test_all_kinds_of_triggers_together():
    section = jenkins(one({"triggers": [{"cron": "@daily"}, {"poll": "@daily"}, {"github": "push"}, {"gitlab": {}}]}))
    assert [trigger.kind for trigger in section.triggers] == ["cron", "poll", "github", "gitlab"]


def test_a_trigger_is_one_thing():
    text = "give exactly one of `cron`, `poll`, `github`, `gitlab`"
    assert problems("triggers:\n  - {}") == [(2, 5, f"jenkins.triggers[0]: {text}")]
    assert problems("triggers:\n  - github: push\n  - cron: '@daily'\n    poll: '@daily'") == [
        (3, 5, f"jenkins.triggers[1]: {text}")
    ]


def test_each_kind_of_trigger_once():
    assert problems("triggers:\n  - cron: '@daily'\n  - github: push\n  - cron: '@hourly'") == [
        (4, 5, "jenkins.triggers[2]: a second cron: each kind once, and a schedule may have several lines")
    ]


def test_a_bad_schedule_is_said_at_its_place():
    assert problems("triggers:\n  - cron: 61 * * * *") == [
        (2, 11, "jenkins.triggers[0].cron: `61 * * * *`: minute '61': 61 is not from 0 to 59")
    ]
    assert problems("triggers:\n  - poll: 5") == [
        (2, 11, "jenkins.triggers[0].poll: text is expected, not the number 5: put it in quotes")
    ]


def test_unknown_keys_in_lists_have_a_place_and_a_hint():
    assert problems("triggers:\n  - github: push\n  - crom: '@daily'") == [
        (3, 5, "unknown key 'crom': did you mean 'cron'?")
    ]
    assert problems("parameters:\n  - string: A\n    defualt: b") == [
        (3, 5, "unknown key 'defualt': did you mean 'default'?")
    ]
    assert problems("triggers:\n  - cron") == [
        (2, 5, "jenkins.triggers[0]: a section with keys is expected, not text 'cron'")
    ]
    assert problems("triggers: {cron: '@daily'}") == [(1, 11, "jenkins.triggers: a list is expected, not a section")]


def test_github_has_pushes_only_and_gitlab_something():
    assert problems("triggers:\n  - github: pull") == [
        (2, 13, "jenkins.triggers[0].github: text 'pull' is not known: known are push")
    ]
    assert problems("triggers:\n  - gitlab: {push: false, merge_requests: false}") == [
        (
            2,
            5,
            "jenkins.triggers[0].gitlab: one of `push` and `merge_requests` has to be true, or nothing starts a build",
        )
    ]


VARIABLE = "a variable has letters, digits and '_', does not start with a digit, and is at most 100 characters long"


# --- names of variables -----------------------------------------------------------------------------------------------
GROOVY = [
    "if",
    "class",
    "def",
    "in",
    "as",
    "trait",
    "goto",
    "env",
    "params",
    "docker",
    "currentBuild",
    "pipeline",
    "scm",
]
OURS = ["JENKINS_ML_RUN", "jenkins_ml_run", "JENKINS_ML_PARAM_seed", "JENKINS_ML_", "APPROVER", "Approver"]
JENKINS = [
    "BRANCH_NAME", "branch_name", "BUILD_TAG", "BUILD_NUMBER", "CHANGE_ID", "CHANGE_TARGET", "JOB_NAME", "NODE_NAME",
    "NODE_LABELS", "TAG_NAME", "STAGE_NAME", "WORKSPACE", "WORKSPACE_TMP", "EXECUTOR_NUMBER", "JENKINS_URL",
    "HUDSON_HOME", "RUN_DISPLAY_URL", "CI", "_",
]  # fmt: skip
STEERING = [
    "PATH", "Path", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "PIP_INDEX_URL",
    "GIT_SSH_COMMAND", "BASH_ENV", "ENV", "IFS", "SHELL", "TMPDIR", "HTTPS_PROXY", "https_proxy", "PYTEST_ADDOPTS",
    "AWS_SECRET_ACCESS_KEY", "KUBECONFIG", "SSL_CERT_FILE", "TZ", "LC_ALL", "UV_INDEX_URL", "TF_CPP_MIN_LOG_LEVEL", "PS4",
]  # fmt: skip
FREE = [
    "EPOCHS",
    "epochs",
    "_A",
    "A1",
    "a" * 100,
    "GITHUB",
    "CIRCLE",
    "PATHS",
    "MY_PATH",
    "BUILD",
    "TAG",
    "IF",
    "Environment",
]


@pytest.mark.parametrize("name", FREE)
def test_other_names_are_free(name):
    assert jenkins(one({"environment": {name: "x"}})).environment == {name: "x"}
    assert jenkins(one({"credentials": {name: "x"}})).credentials[name].id == "x"
    for kind in ("string", "text", "boolean"):
        assert jenkins(one({"parameters": [{kind: name}]})).parameters[0].name == name


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (GROOVY, "has a meaning in a Jenkinsfile"),
        (OURS, "is jenkins-ml's own, in any case"),
        (JENKINS, "in any case: choose another name"),
    ],
)
def test_names_that_mean_something_are_refused_everywhere(names, words):
    for name in names:
        for section in (
            {"environment": {name: "x"}},
            {"credentials": {name: "x"}},
            {"parameters": [{"string": name}]},
            {"parameters": [{"choice": name, "choices": ["a"]}]},
        ):
            text = message(section)
            assert words in text, (name, text)
            assert repr(name) in text


@pytest.mark.parametrize("name", STEERING)
def test_whoever_starts_a_build_does_not_steer_it(name):
    """Who writes the file may set such a variable: they choose the commands, too."""
    assert jenkins(one({"environment": {name: "x"}})).environment == {name: "x"}
    assert message({"parameters": [{"text": name}]}) == (
        f"jenkins.parameters[0].text: {name!r} steers what a build runs, and whoever starts a build would set it: "
        "choose another name"
    )


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A.B", "é", "a" * 101, "A\n", "A=", "$A", "A'"])
def test_what_is_no_variable_is_refused(name):
    assert VARIABLE in message({"environment": {name: "x"}})
    assert VARIABLE in message({"credentials": {name: "x"}})
    assert VARIABLE in message({"parameters": [{"string": name}]})


def test_a_bad_name_is_said_where_it_is():
    assert problems("environment:\n  GOOD: a\n  BAD-ONE: b") == [
        (3, 3, "jenkins.environment: text 'BAD-ONE' does not fit: a variable has letters, digits and '_', "
               "does not start with a digit, and is at most 100 characters long")
    ]  # fmt: skip
    assert problems("environment:\n  class: b") == [
        (2, 3, "jenkins.environment: 'class' has a meaning in a Jenkinsfile: choose another name")
    ]


def test_values_of_the_environment_are_text():
    assert jenkins(one({"environment": {"A": "", "B": "x\ny $HOME 'q'"}})).environment == {
        "A": "",
        "B": "x\ny $HOME 'q'",
    }
    assert problems("environment:\n  A: 5") == [
        (2, 6, "jenkins.environment.A: text is expected, not the number 5: put it in quotes")
    ]


@pytest.mark.parametrize(
    ("section", "place", "text"),
    [
        ("environment: {A: x}\nparameters:\n  - string: A", (1, 15), "'A' is in `parameters` already"),
        ("parameters:\n  - string: A\n  - text: A", (3, 11), "'A' is in `parameters` already"),
        ("credentials:\n  A: x\nenvironment:\n  A: x", (2, 3), "'A' is in `environment` already"),
        ("environment:\n  A: x\n  a: x", (3, 3), "'a' and 'A' in `environment` are one variable to Jenkins, which ignores case"),
    ],
)  # fmt: skip
def test_one_name_is_one_variable(section, place, text):
    [(line, _, found)] = problems(section)
    assert line == place[0]
    assert found.endswith(text)


# --- parameters -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("parameter", "initial"),
    [
        ({"string": "A"}, ""),
        ({"string": "A", "default": "x y"}, "x y"),
        ({"text": "A", "default": "x\ny"}, "x\ny"),
        ({"boolean": "A"}, "false"),
        ({"boolean": "A", "default": True}, "true"),
        ({"boolean": "A", "default": False}, "false"),
        ({"choice": "A", "choices": ["b", "a"]}, "b"),
        ({"choice": "A", "choices": ["", "a"]}, ""),
        ({"string": "A", "description": "Shown.", "sets": "name"}, ""),
    ],
)
def test_parameters_and_what_they_are_when_nobody_chooses(parameter, initial):
    [read] = jenkins(one({"parameters": [parameter]})).parameters
    assert (read.name, read.kind, read.initial) == ("A", next(iter(parameter)), initial)


ONE_KIND = "give exactly one of `string`, `text`, `boolean`, `choice`: its value is the name"


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ({}, f": {ONE_KIND}"),
        ({"description": "A"}, f": {ONE_KIND}"),
        ({"string": "A", "text": "B"}, f": {ONE_KIND}"),
        ({"choice": "A"}, ": `choice` and `choices` need each other"),
        ({"choice": "A", "choices": []}, ": `choice` and `choices` need each other"),
        ({"string": "A", "choices": ["a"]}, ": `choice` and `choices` need each other"),
        ({"choice": "A", "choices": ["a"], "default": "a"}, ": the default of a choice is its first: put it there"),
        ({"choice": "A", "choices": ["a", "b\nc"]}, ": a choice is one line"),
        ({"choice": "A", "choices": ["a\rb"]}, ": a choice is one line"),
        ({"choice": "A", "choices": ["a", 5]}, ".choices[1]: text is expected, not the number 5: put it in quotes"),
        ({"boolean": "A", "default": "true"}, ": `default` of a boolean is true or false, of the others a text: quote it"),
        ({"string": "A", "default": True}, ": `default` of a boolean is true or false, of the others a text: quote it"),
        ({"string": "A", "default": 5}, ".default: text, true or false is expected, not the number 5"),
        ({"string": "A", "default": ["a"]}, ".default: text, true or false is expected, not a list"),
        ({"string": "A", "default": "a\nb"}, ": `string` is one line: use `text`"),
        ({"string": "A", "sets": "a b"}, ".sets: text 'a b' does not fit: " + VARIABLE),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_parameter(parameter, text):
    assert message({"parameters": [parameter]}) == f"jenkins.parameters[0]{text}"


@pytest.mark.parametrize(
    "parameter",
    [
        {"string": "A", "sets": "seed", "default": "5"},
        {"string": "A", "sets": "seed"},  # empty leaves what is configured
        {"string": "A", "sets": "rate", "default": "1"},
        {"string": "A", "sets": "name", "default": "5"},
        {"text": "A", "sets": "layers", "default": "[8,\n 4]"},
        {"boolean": "A", "sets": "deep"},
        {"boolean": "A", "sets": "name"},
        {"choice": "A", "sets": "seed", "choices": ["", "1", "2"]},
    ],
)
def test_a_parameter_sets_a_training_parameter_of_its_type(parameter):
    assert jenkins(one({"parameters": [parameter]})).parameters[0].sets == parameter["sets"]


def test_a_parameter_of_another_type_is_said_where_its_text_is():
    assert problems("parameters:\n  - string: A\n    default: fast\n    sets: rate") == [
        (3, 14, "jenkins.parameters[0].default: a number is expected, not 'fast', as train.params.rate is")
    ]
    assert problems("parameters:\n  - boolean: A\n    sets: seed") == [
        (2, 14, "jenkins.parameters[0].boolean: a whole number is expected, not 'false', as train.params.seed is")
    ]
    assert problems("parameters:\n  - choice: A\n    sets: seed\n    choices: ['1', x, '2', y]") == [
        (4, 20, "jenkins.parameters[0].choices[1]: a whole number is expected, not 'x', as train.params.seed is"),
        (4, 28, "jenkins.parameters[0].choices[3]: a whole number is expected, not 'y', as train.params.seed is"),
    ]


def test_a_parameter_sets_what_there_is():
    assert problems("parameters:\n  - string: A\n    sets: sed") == [
        (3, 11, "jenkins.parameters[0].sets: train.params has no 'sed': did you mean 'seed'?")
    ]


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("parameters:\n  - {string: A, sets: seed}\n  - {string: B, sets: seed}", "[1].sets: 'seed' is in `jenkins.parameters` already"),
        ("parameters:\n  - {string: A, sets: seed}\nmatrix: {axes: {seed: [1]}}", "[0].sets: 'seed' is in `jenkins.matrix.axes` already"),
    ],
)  # fmt: skip
def test_a_training_parameter_is_set_once(section, text):
    [(_, _, found)] = problems(section)
    assert found == f"jenkins.parameters{text}"


NO_CREDENTIAL = "jenkins.credentials.A: the id of a credential, or a section with `id` is expected, not "


# --- credentials ------------------------------------------------------------------------------------------------------
def test_a_credential_is_its_id_or_a_section():
    section = jenkins('credentials: {A: "the id", B: {id: x}, C: {id: y, stages: [train, gate]}}')
    assert {name: (each.id, each.stages) for name, each in section.credentials.items()} == {
        "A": ("the id", ()),
        "B": ("x", ()),
        "C": ("y", ("train", "gate")),
    }
    assert digest_of(loads(HEAD + "jenkins: {credentials: {A: x}}")) == digest_of(
        loads(HEAD + "jenkins: {credentials: {A: {id: x}}}")
    )


@pytest.mark.parametrize(
    ("section", "place", "text"),
    [
        ("credentials:\n  A: ''", (2, 6), "jenkins.credentials.A: must not be empty"),
        ("credentials:\n  A: 5", (2, 6), NO_CREDENTIAL + "the number 5"),
        ("credentials:\n  A: [x]", (2, 6), NO_CREDENTIAL + "a list"),
        ("credentials:\n  A: {}", (2, 3), "missing key 'id' in jenkins.credentials.A"),
        ("credentials:\n  A: {ID: x}", (2, 7), "unknown key 'ID': known are id, stages"),
        ("credentials:\n  A:\n    id: x\n    stages: [trian]", (4, 14),
         "jenkins.credentials.A.stages[0]: text 'trian' is not known: did you mean 'train'?"),
        ("credentials:\n  A:\n    id: x\n    stages: []", (4, 13), "jenkins.credentials.A.stages: must not be empty"),
        ("credentials:\n  A:\n    id: x\n    stages: train", (4, 13), "jenkins.credentials.A.stages: a list is expected, not text 'train'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_credential(section, place, text):
    assert (*place, text) in problems(section)
    assert not any("function-" in found for _, _, found in problems(section))


RELEASED = ": the first value of each axis together is what is released: it cannot be excluded"


# --- matrix -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "matrix",
    [
        {"axes": {"seed": [1, 2, 3]}},
        {"axes": {"seed": [1], "name": ["adam", "sgd"], "deep": [True, False], "rate": [0.1, 1]}},
        {"axes": {"name": [1, "x", True]}},
        {"axes": {"layers": ["[1]", "[1, 2]"]}},
        {"axes": {"seed": [1, 2], "deep": [True, False]}, "exclude": [{"seed": 2, "deep": False}, {"seed": 1, "deep": False}]},
        {"axes": {"seed": [1, 2], "deep": [True, False]}, "exclude": [{"seed": 2}]},
        {"axes": {"seed": list(range(256))}, "fail_fast": True},
    ],
)  # fmt: skip
def test_a_matrix_varies_training_parameters(matrix):
    assert jenkins(one({"matrix": matrix})).matrix.model_dump(mode="json", exclude_defaults=True) == matrix


@pytest.mark.parametrize(
    ("matrix", "texts"),
    [
        ({"axes": {}}, [".axes: must not be empty"]),
        ({"axes": {"sed": [1]}}, [".axes.sed: train.params has no 'sed': did you mean 'seed'?"]),
        ({"axes": {"seed": []}}, [".axes.seed: an axis needs values, and values that differ"]),
        ({"axes": {"seed": [1, 2, 1]}}, [".axes.seed: an axis needs values, and values that differ"]),
        ({"axes": {"name": [1, "1"]}}, [".axes.name: an axis needs values, and values that differ"]),
        ({"axes": {"name": [True, "true"]}}, [".axes.name: an axis needs values, and values that differ"]),
        ({"axes": {"name": ["a", ""]}}, [".axes.name[1]: Jenkins takes an empty value for none: leave it out"]),
        ({"axes": {"rate": [1, "1.0"]}}, [".axes.rate[1]: an axis needs values that differ, read as train.params.rate is"]),
        ({"axes": {"layers": ["[1]", "[ 1 ]"]}}, [".axes.layers[1]: an axis needs values that differ, read as train.params.layers is"]),
        ({"axes": {"seed": list(range(257))}}, [".axes: these are more than 256 combinations"]),
        ({"axes": {"seed": list(range(20)), "rate": list(range(20))}}, [".axes: these are more than 256 combinations"]),
        ({"axes": {"seed": [1, 0.5, "x"]}}, [
            ".axes.seed[1]: a whole number is expected, not '0.5', as train.params.seed is",
            ".axes.seed[2]: a whole number is expected, not 'x', as train.params.seed is",
        ]),
        ({"axes": {"deep": [True, 1]}}, [".axes.deep[1]: true or false is expected, not '1', as train.params.deep is"]),
        ({"axes": {"seed": [[1]]}}, [".axes.seed[0]: text, a number, true or false is expected, not a list"]),
        ({"axes": {"seed": [None]}}, [".axes.seed[0]: text, a number, true or false is expected, not nothing"]),
        ({"axes": {"seed": 1}}, [".axes.seed: a list is expected, not the number 1"]),
        ({"axes": {"seed": [1, 2]}, "exclude": [{"seed": 3}]}, [".exclude[0].seed: the axis has no such value"]),
        ({"axes": {"seed": [1, 2]}, "exclude": [{"rate": 1}]}, [".exclude[0].rate: axes are seed"]),
        ({"axes": {"seed": [1, 2]}, "exclude": [{"seed": 2}, {"seed": 1}]}, [".exclude[1]" + RELEASED]),
        ({"axes": {"seed": [1, 2], "rate": [1, 2]}, "exclude": [{"rate": 1}]}, [".exclude[0]" + RELEASED]),
        ({"axes": {"seed": [1, 2]}, "exclude": [{}]}, [".exclude[0]" + RELEASED]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_matrix(matrix, texts):
    assert [text for _, _, text in problems(one({"matrix": matrix}))] == [f"jenkins.matrix{text}" for text in texts]


def test_axes_that_jenkins_takes_for_one_are_refused():
    head = HEAD.replace("Mixed: 1", "SEED: 1")
    assert any(
        text == "jenkins.matrix.axes.SEED: 'SEED' and 'seed' in `axes` are one variable to Jenkins, which ignores case"
        for _, _, text in problems("matrix: {axes: {seed: [1], SEED: [1]}}", head)
    )


def test_problems_of_a_matrix_have_their_places():
    section = """\
    matrix:
      axes:
        seed: [1, x]
        rate:
          - 0.1
          - fast
    """
    assert [(line, column) for line, column, _ in problems(section)] == [(3, 15), (6, 9)]


def test_a_matrix_and_tests_beside_the_training_exclude_each_other():
    assert problems("matrix: {axes: {seed: [1, 2]}}\ntest_beside_train: true") == [
        (2, 20, "jenkins.test_beside_train: a matrix and this exclude each other")
    ]


@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_an_axis_value_is_written_as_json_has_it(value):
    assert json.loads(axis_text(value)) == value


# --- stages that there are --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("section", "place"),
    [
        ("agents:\n  test: {label: small}", (2, 3)),
        ("test_beside_train: true", (1, 20)),
        ("credentials:\n  A: {id: x, stages: [train, test]}", (2, 30)),
    ],
)
def test_who_speaks_of_tests_has_some(section, place):
    assert jenkins(section)
    without = HEAD.replace("test: {command: pytest -q}\n", "")
    [(line, column, text)] = problems(section, without)
    assert (line, column) == place
    assert text.endswith("there is no stage `test`: add a section `test` with its command")


# --- what becomes of a build ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["rejected", "inconclusive", "rolled_back"])
def test_results(code):
    for result in ("failure", "unstable", "success"):
        assert getattr(jenkins(f"results: {{{code}: {result}}}").results, code) == result
    assert message({"results": {code: "aborted"}}) == (
        f"jenkins.results.{code}: text 'aborted' is not known: known are failure, unstable, success"
    )


@pytest.mark.parametrize(("times", "fits"), [(1, True), (10, True), (0, False), (11, False), ("2", False)])
def test_how_often_a_lost_agent_is_replaced(times, fits):
    if fits:
        assert jenkins(one({"retry_lost_agent": times})).retry_lost_agent == times
    else:
        assert message({"retry_lost_agent": times}).startswith("jenkins.retry_lost_agent: ")


@pytest.mark.parametrize("path", [("timeout",), ("approval", "timeout")])
def test_time_limits_are_longer_than_nothing(path):
    def section(value: str) -> dict[str, Any]:
        return {path[0]: {path[1]: value}} if len(path) > 1 else {path[0]: value}

    assert jenkins(one(section("90s")))
    assert message(section("0s")) == f"jenkins.{'.'.join(path)}: must be longer than nothing"
    assert "a number of up to six digits and a unit" in message(section("soon"))


# --- people and forges ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("names", [["alice"], ["alice", "Release Managers"], ["o'brien"]])
def test_who_may_approve_and_who_gets_mail(names):
    assert jenkins(one({"approval": {"submitters": names}})).approval.submitters == tuple(names)
    assert jenkins(one({"notify": {"mail": {"to": names}}})).notify.mail.to == tuple(names)


@pytest.mark.parametrize("name", ["", " ", "alice, bob", ",", "a\nb", "alice\n"])
def test_an_entry_is_one_name(name):
    rule = "one entry is one line with something on it and no comma: write several as a list"
    assert message({"approval": {"submitters": ["x", name]}}).startswith("jenkins.approval.submitters[1]: text ")
    assert message({"approval": {"submitters": ["x", name]}}).endswith(rule)
    assert message({"notify": {"mail": {"to": [name]}}}).endswith(rule)


def test_an_approval_has_defaults_and_a_message():
    assert jenkins("approval: {}").approval.message == "Release this version?"
    assert jenkins("approval: {}").approval.timeout == timedelta(days=1)
    assert message({"approval": {"message": ""}}) == "jenkins.approval.message: must not be empty"
    assert message({"approval": {"submitters": []}}) == "jenkins.approval.submitters: must not be empty"
    assert message({"approval": {"submitters": "alice"}}).endswith("a list is expected, not text 'alice'")


@pytest.mark.parametrize(
    ("notify", "text"),
    [
        ({}, "jenkins.notify: give `mail` or `slack`, or both"),
        ({"on": ["failure"]}, "jenkins.notify: give `mail` or `slack`, or both"),
        ({"mail": {"to": []}}, "jenkins.notify.mail.to: must not be empty"),
        ({"mail": {}}, "missing key 'to' in jenkins.notify.mail"),
        ({"slack": {"channel": ""}}, "jenkins.notify.slack.channel: must not be empty"),
        ({"slack": {"channel": "#ml"}, "on": []}, "jenkins.notify.on: must not be empty"),
        ({"slack": {"channel": "#ml"}, "on": ["failures"]}, "jenkins.notify.on[0]: text 'failures' is not known: did you mean 'failure'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_notifications(notify, text):
    assert message({"notify": notify}) == text


def test_notifications():
    both = jenkins('notify: {mail: {to: [a@b]}, slack: {channel: "#ml"}, on: [recovery]}').notify
    assert (both.mail.to, both.slack.channel, both.on) == (("a@b",), "#ml", ("recovery",))


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("api", [None, "https://git.example.com/api/v4", "http://localhost:8080", "https://h/"])
@pytest.mark.parametrize("repository", [None, "acme/digits", "group/sub/digits"])
def test_a_forge(kind, api, repository):
    given = {"kind": kind, "credentials": "token", "api": api, "repository": repository}
    section = {key: value for key, value in given.items() if value is not None}
    assert jenkins(one({"forge": section})).forge.model_dump(exclude_none=True) == section


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "bitbucket"}, "kind: text 'bitbucket' is not known: known are github, gitlab"),
        ({"credentials": ""}, "credentials: must not be empty"),
        *(({"api": api}, "write an address such as https://git.example.com/api/v4, without a user, a query or blanks")
          for api in ("git.example.com", "ftp://x/y", "https://", "https://u:p@x/y", "https://u@x", "https://x/?a=b",
                      "https://x/#a", "https://x/ y", "https://x\n")),
        *(({"repository": path}, "write the path of a repository, such as acme/digits")
          for path in ("digits", "/digits", "acme/", "a//b", "a b/c", "acme/digits\n", "")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_forge(change, text):
    assert message({"forge": {"kind": "github", "credentials": "token", **change}}).endswith(text)


def test_a_forge_needs_a_kind_and_a_token():
    assert {text for _, _, text in problems("forge: {}")} == {
        "missing key 'kind' in jenkins.forge",
        "missing key 'credentials' in jenkins.forge",
    }


def test_the_style_is_one_of_two():
    assert jenkins("style: library").style == "library"
    assert problems("style: libary") == [(1, 8, "jenkins.style: text 'libary' is not known: did you mean 'library'?")]


def test_the_section_names_its_nearest_keys():
    assert problems("parameter: []") == [(1, 1, "unknown key 'parameter': did you mean 'parameters'?")]
    assert problems("- a") == [(1, 1, "jenkins: a section with keys is expected, not a list")]


def test_all_problems_are_told_at_once():
    section = """\
    agent: {label: ''}
    triggers:
      - cron: 99 * * * *
      - {}
    environment: {class: x}
    forge: {kind: github}
    """
    assert [(line, text.partition(":")[0]) for line, _, text in problems(section)] == [
        (1, "jenkins.agent.label"),
        (3, "jenkins.triggers[0].cron"),
        (4, "jenkins.triggers[1]"),
        (5, "jenkins.environment"),
        (6, "missing key 'credentials' in jenkins.forge"),
    ]
