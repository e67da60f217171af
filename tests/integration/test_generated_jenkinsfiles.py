"""Generated Jenkinsfiles, executed on Jenkins' own Groovy: they do what `jenkins-ml run` does, in both styles.

The stages are a fake program that notes how it was called and ends as it is told (tests/fakes/program.py).
"""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jenkins_ml import runner
from jenkins_ml.config.jenkins import Agent
from jenkins_ml.config.loader import loads
from jenkins_ml.config.model import Config
from jenkins_ml.pipeline import Pipeline, build
from jenkins_ml.rendering.jenkinsfile import FILE, ROLLBACK_FILE, render
from tests.fakes.configurations import configurations
from tests.fakes.program import Program
from tests.fakes.repository import ROOT
from tests.groovy_harness import run_jenkinsfiles

pytestmark = [pytest.mark.groovy, pytest.mark.xdist_group("groovy-generated")]

TEXT = """\
model: digits
data: {load: "data:load"}
train: {entrypoint: "model:train", params: {seed: 1, lr: 0.1, kind: a}}
serve: {release_branch: main}
"""
TESTED = TEXT + "test: {command: pytest -q}\n"
CODES = st.sampled_from([0, 0, 0, 1, 3, 4, 5, 6, 7])
PLUGINS = "github,gitlab-plugin,mailer,slack"
AGENTS = json.dumps(
    [
        {"name": name, "labels": labels.split(), "executors": 8}
        for name, labels in (("ml-1", "linux"), ("ml-2", "linux gpu"))
    ]
)


@dataclass(frozen=True)
class Case:
    """A configuration, the exit codes that its stages shall have, and what becomes of the build."""

    name: str
    text: str
    codes: dict[str, int] = field(default_factory=dict)
    result: str = "SUCCESS"
    options: tuple[str, ...] = ()
    branch: str = "main"
    chosen: dict[str, str] = field(default_factory=dict)


def jenkins(text: str, base: str = TESTED) -> str:
    return base + f"jenkins: {text}\n"


CASES = [
    Case("plain", TEXT),
    Case("with tests", TESTED),
    Case("another branch", TESTED, branch="feature/x"),
    Case("a failing test", TESTED, {"test": 1}, "FAILURE"),
    Case("rejected", TESTED, {"gate": 3}, "FAILURE"),
    Case("inconclusive", TESTED, {"gate": 4}, "FAILURE"),
    Case("rolled back", TESTED, {"serve": 5}, "FAILURE"),
    Case("an engine that is away", TESTED, {"serve": 6}, "FAILURE"),
    Case("a broken artefact", TESTED, {"gate": 7}, "FAILURE"),
    Case("rejected is unstable", jenkins("{results: {rejected: unstable}}"), {"gate": 3}, "UNSTABLE"),
    Case("rejected is fine", jenkins("{results: {rejected: success}}"), {"gate": 3}, "SUCCESS"),
    Case("inconclusive is unstable", jenkins("{results: {inconclusive: unstable}}"), {"gate": 4}, "UNSTABLE"),
    Case("rolled back is unstable", jenkins("{results: {rolled_back: unstable}}"), {"serve": 5}, "UNSTABLE"),
    Case("results are for their codes only", jenkins("{results: {rejected: success}}"), {"gate": 4}, "FAILURE"),
    Case("agents of their own", jenkins("{agent: {label: linux}, agents: {train: {label: gpu}, serve: {node: ml-1}}}")),
    Case("approved", jenkins("{approval: {submitters: [admin]}}"), options=("--input", "approve")),
    Case("not approved in time", jenkins("{approval: {timeout: 1s}}"), result="ABORTED"),
    Case("tests beside training", jenkins("{test_beside_train: true}")),
    Case("tests beside training fail", jenkins("{test_beside_train: true}"), {"train": 1}, "FAILURE"),
    Case("a lost agent", jenkins("{retry_lost_agent: 1}")),
    Case("a matrix", jenkins("{matrix: {axes: {seed: [1, 2], kind: [a, b]}, exclude: [{seed: 2, kind: b}]}}")),
    Case("a bad cell", jenkins("{matrix: {axes: {seed: [1, 2]}}}"), {"gate seed=2": 3}, "FAILURE"),
    Case(
        "a bad cell is unstable",
        jenkins("{matrix: {axes: {seed: [1, 2]}}, results: {rejected: unstable}}"),
        {"gate seed=2": 3},
        "UNSTABLE",
    ),
    Case(
        "parameters",
        jenkins(
            "{environment: {A: 'it''s $HOME `id`'}, parameters: [{string: LR, default: '0.2', sets: lr}, "
            '{boolean: FULL, default: true}, {choice: SIZE, choices: [small, "l\'arge"]}, {text: NOTE}]}'
        ),
    ),
    Case(
        "parameters that somebody chose",
        jenkins(
            "{parameters: [{string: LR, default: '0.2', sets: lr}, {choice: SIZE, choices: [s, l]}, {text: NOTE}]}"
        ),
        chosen={"LR": "'$(id)' \\ \"$HOME\"", "SIZE": "l", "NOTE": "a\nb `id` ${LR}"},
    ),
    Case(
        "everything at once",
        jenkins(
            "{options: {discard: {builds: 3}, timestamps: true, skip_after_unstable: true}, "
            "triggers: [{cron: 'H 3 * * *'}, {poll: 'H/5 * * * *'}, {github: push}, {gitlab: {}}], "
            "agent: {label: linux}, agents: {serve: {node: ml-1}}, approval: {}, notify: {mail: {to: [a@b.c]}}, "
            "matrix: {axes: {seed: [1, 2]}}, results: {rejected: unstable}, retry_lost_agent: 1}"
        ),
        options=("--input", "approve"),
    ),
]


def told(case: Case, style: str) -> str:
    """The case's configuration in a style, with the exit codes where the fake program looks."""
    more = f"style: {style}, library: {{version: v1}}, "
    codes = f"FAKE_CODES: '{json.dumps(case.codes)}'"
    text = case.text if "jenkins: {" in case.text else case.text + "jenkins: {}\n"
    if "environment: {" in text:
        text = text.replace("environment: {", f"environment: {{{codes}, ")
    else:
        more += f"environment: {{{codes}}}, "
    return text.replace("jenkins: {", f"jenkins: {{{more}", 1)


def locally(pipeline: Pipeline, case: Case, run: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[Any]:
    """What the local runner starts: (command, run, its own variables, exit code)."""
    began: list[Any] = []

    def stage(stage: Any, directory: Path, environment: dict[str, str]) -> int:
        codes = json.loads(environment["FAKE_CODES"])
        name, of = stage.command[0], environment["JENKINS_ML_RUN"]
        code: int = codes.get(f"{name} {of.partition(',')[2]}", codes.get(name, 0))
        began.append((name, of, own(environment, pipeline), code))
        return code

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_run_stage", stage)
        patch.setenv("JENKINS_ML_WARM", "none")
        for name, value in case.chosen.items():
            patch.setenv(name, value)
        runner.run(pipeline, run, folder)
    return began


def own(environment: dict[str, str], pipeline: Pipeline) -> dict[str, str]:
    """The variables that the pipeline sets."""
    names = {*pipeline.environment, *(parameter.name for parameter in pipeline.parameters)}
    return {name: value for name, value in environment.items() if name in names or name.startswith("JENKINS_ML_PARAM_")}


def by_run(calls: list[Any]) -> dict[str, list[Any]]:
    """Calls in the order of their run; side by side, runs have no order among each other."""
    ordered: dict[str, list[Any]] = {}
    for call in calls:
        ordered.setdefault(call[1], []).append(call)
    return ordered


@pytest.mark.parametrize("style", ["standalone", "library"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_does_what_the_local_runner_does(case, style, tmp_path, monkeypatch):
    program = Program(tmp_path / "bin")
    jenkinsfile = tmp_path / "job" / FILE
    jenkinsfile.parent.mkdir()
    config = loads(told(case, style))
    pipeline = build(config)
    jenkinsfile.write_text(render(config, pipeline)[FILE])
    options = ["--plugins", PLUGINS, "--env", f"PATH={program.path}", "--agents", AGENTS, "--branch", case.branch]
    if case.chosen:
        options += ["--params", json.dumps(case.chosen)]
    [outcome] = run_jenkinsfiles([jenkinsfile], library=ROOT, options=[*options, *case.options])

    assert outcome["accepted"], outcome["errors"]
    assert outcome["result"] == case.result, outcome
    calls = [
        (call["arguments"][0], call["environment"]["JENKINS_ML_RUN"], own(call["environment"], pipeline), call["code"])
        for call in program.calls()
    ]
    assert calls, outcome
    run = calls[0][1].split(",")[0]
    expected = locally(released(pipeline, case), case, run, monkeypatch, tmp_path)
    if case.name == "tests beside training fail":
        # Side by side, one may have ended the other before it began.
        assert {call[0] for call in calls} <= {"test", "train"}
        return
    if pipeline.fail_fast or len(pipeline.cells) > 1 or config.jenkins.test_beside_train:
        assert by_run(sorted(calls, key=lambda call: call[0] != "test")) == by_run(expected)
    else:
        assert calls == expected


def released(pipeline: Pipeline, case: Case) -> Pipeline:
    """The part that runs on the case's branch, and before nobody approved."""
    stops = case.branch != "main" or case.result == "ABORTED"
    return replace(pipeline, stages=tuple(stage for stage in pipeline.stages if not (stops and stage.release_only)))


@pytest.mark.parametrize("style", ["standalone", "library"])
def test_the_rollback_job_hands_its_parameters_on_as_they_are(style, tmp_path):
    program = Program(tmp_path / "bin")
    config = loads(TEXT + f"jenkins: {{style: {style}, rollback_job: true, agents: {{serve: {{node: ml-1}}}}}}\n")
    jenkinsfile = tmp_path / "job" / ROLLBACK_FILE
    jenkinsfile.parent.mkdir()
    jenkinsfile.write_text(render(config, build(config))[ROLLBACK_FILE])
    chosen = {"VERSION": "3; touch pwned", "REASON": 'it\'s "bad" $(id) `id` $$'}
    options = ["--env", f"PATH={program.path}", "--agents", AGENTS, "--params", json.dumps(chosen)]
    [outcome] = run_jenkinsfiles([jenkinsfile], library=ROOT, options=options)
    assert outcome["result"] == "SUCCESS", outcome
    [call] = program.calls()
    assert call["arguments"][0] == "rollback"
    assert "3; touch pwned" not in call["arguments"]
    assert call["environment"]["JENKINS_ML_ROLLBACK_TO"] == chosen["VERSION"]
    assert call["environment"]["JENKINS_ML_ROLLBACK_REASON"] == chosen["REASON"]
    assert call["environment"]["NODE_NAME"] == "ml-1"


def test_the_steps_answer_with_maps(tmp_path):
    program = Program(tmp_path / "bin")
    jenkinsfile = tmp_path / "job" / FILE
    jenkinsfile.parent.mkdir()
    jenkinsfile.write_text(
        """
@Library('jenkins-ml@v1') _
pipeline {
  agent any
  environment { JENKINS_ML_RUN = 'r-1' }
  stages {
    stage('A') {
      steps {
        script {
          def trained = mlTrain()
          def gate = mlGate()
          sleep 0
          echo "post: ${trained.version} ${gate.version} ${gate.verdict} ${gate.metrics.accuracy} ${gate.exitCode}"
        }
      }
    }
  }
}
"""
    )
    [outcome] = run_jenkinsfiles([jenkinsfile], library=ROOT, options=["--env", f"PATH={program.path}"])
    assert outcome["result"] == "SUCCESS", outcome
    assert outcome["post_order"] == ["post: 7 7 approved 0.9375 0"]


def test_an_unknown_setting_of_a_step_is_an_error(tmp_path):
    program = Program(tmp_path / "bin")
    jenkinsfile = tmp_path / "job" / FILE
    jenkinsfile.parent.mkdir()
    jenkinsfile.write_text("@Library('jenkins-ml@v1') _\nnode {\n  mlTrain(instal: true)\n}\n")
    [outcome] = run_jenkinsfiles([jenkinsfile], library=ROOT, options=["--env", f"PATH={program.path}"])
    assert outcome["result"] == "FAILURE"
    assert program.calls() == []


@pytest.mark.parametrize(
    ("settings", "codes", "branch", "result", "commands"),
    [
        ("label: 'linux'", {}, "main", "SUCCESS", ["test", "train", "gate", "serve"]),
        ("label: 'linux'", {}, "topic", "SUCCESS", ["test", "train", "gate"]),
        ("tests: false, releaseAgent: 'ml-1'", {}, "main", "SUCCESS", ["train", "gate", "serve"]),
        ("results: [rejected: 'unstable']", {"gate": 3}, "main", "UNSTABLE", ["test", "train", "gate"]),
        ("label: 'linux'", {"train": 1}, "main", "FAILURE", ["test", "train"]),
    ],
)
def test_the_whole_pipeline_in_a_line(settings, codes, branch, result, commands, tmp_path):
    program = Program(tmp_path / "bin")
    jenkinsfile = tmp_path / "job" / FILE
    jenkinsfile.parent.mkdir()
    jenkinsfile.write_text(f"@Library('jenkins-ml@v1') _\nmlPipeline({settings})\n")
    options = ["--env", f"PATH={program.path}", "--env", f"FAKE_CODES={json.dumps(codes)}", "--branch", branch]
    [outcome] = run_jenkinsfiles([jenkinsfile], library=ROOT, options=[*options, "--agents", AGENTS])
    assert outcome["result"] == result, outcome
    assert [call["arguments"][0] for call in program.calls()] == commands


# What this test holds still: agents that its server has, and time that is enough.
ANYWHERE = {"agent": Agent(), "agents": {}, "timeout": timedelta(hours=1)}
# What only the server can do: it is rendered and validated elsewhere.
LEFT_OUT = {"credentials": {}, "forge": None, "notify": None, "triggers": (), "install": None}
CELLS = 4


def held_still(config: Config, codes: dict[str, int]) -> Config:
    """The configuration with what the harness's server has, and the exit codes of the fake program."""
    jenkins = config.jenkins
    environment = {name: value for name, value in jenkins.environment.items() if "\0" not in value and name != "PATH"}
    environment["FAKE_CODES"] = json.dumps(codes)
    approval = jenkins.approval and jenkins.approval.model_copy(update={"timeout": timedelta(hours=1)})
    few = jenkins.matrix is None or len(build(config).cells) <= CELLS
    changed = {**ANYWHERE, **LEFT_OUT, "environment": environment, "approval": approval}
    changed["matrix"] = jenkins.matrix if few else None
    return config.model_copy(update={"jenkins": jenkins.model_copy(update=changed)})


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # of the length of what it drew
@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
@given(
    st.lists(
        st.tuples(configurations(), st.dictionaries(st.sampled_from(["test", "train", "gate", "serve"]), CODES)),
        min_size=5,
        max_size=5,
    )
)
def test_any_pipeline_does_what_the_local_runner_does(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("any")
    program = Program(folder / "bin")
    configs, files = [], []
    for number, ((_, config), codes) in enumerate(drawn):
        config = held_still(config, codes)
        path = folder / f"job-{number}" / FILE
        path.parent.mkdir()
        path.write_text(render(config, build(config))[FILE])
        configs.append(config)
        files.append(path)
    branches = {config.serve.release_branch for config in configs}
    for branch in branches:
        chosen = [
            (config, path) for config, path in zip(configs, files, strict=True) if config.serve.release_branch == branch
        ]
        options = ["--plugins", PLUGINS, "--env", f"PATH={program.path}", "--branch", branch, "--input", "approve"]
        outcomes = run_jenkinsfiles([path for _, path in chosen], library=ROOT, options=options)
        calls = program.calls()
        for (config, path), outcome in zip(chosen, outcomes, strict=True):
            assert outcome["accepted"], (outcome["errors"], path.read_text())
            of_job = [call for call in calls if f"{path.parent.name}-" in call["environment"]["JENKINS_ML_RUN"]]
            compare(config, of_job, outcome)


def compare(config: Config, calls: list[dict[str, Any]], outcome: dict[str, Any]) -> None:
    """The calls of one build against what the local runner would start, and the result against the exit codes."""
    pipeline = build(config)
    seen = [
        (call["arguments"][0], call["environment"]["JENKINS_ML_RUN"], own(call["environment"], pipeline), call["code"])
        for call in calls
    ]
    assert seen, outcome
    run = seen[0][1].split(",")[0]
    case = Case("drawn", "")
    with pytest.MonkeyPatch.context() as patch:
        expected = locally(pipeline, case, run, patch, Path())
    first = next((code for *_, code in expected if code), 0)
    results = config.jenkins.results.model_dump()
    result = (
        results.get({3: "rejected", 4: "inconclusive", 5: "rolled_back"}.get(first, ""), "failure")
        if first
        else "success"
    )
    assert outcome["result"] == result.upper(), (first, outcome)
    side_by_side = config.jenkins.test_beside_train or config.jenkins.matrix is not None
    if side_by_side and first:
        assert {call[0] for call in seen} <= {stage.name for stage in pipeline.stages}
    elif side_by_side:
        assert by_run(sorted(seen, key=lambda call: call[0] != "test")) == by_run(expected)
    else:
        assert seen == expected
