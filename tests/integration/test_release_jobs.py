"""The ready-made jobs of jobs.yaml on Jenkins' own Groovy: what a file says is text, whatever is in it."""

import json
import os
import subprocess

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import ValidationError

from jenkins_ml.config.jobs import TYPES
from jenkins_ml.errors import UsageError
from jenkins_ml.rendering.release_job import release_script
from tests.fakes.hostile import PWNED, texts
from tests.fakes.repository import ROOT
from tests.groovy_harness import run_jenkinsfiles

pytestmark = pytest.mark.groovy
SHOW = "jenkins-ml"
COUNT = 24  # of hostile jobs, each a compilation
# No end of a line where one line is asked for, and nothing that Groovy or an environment cannot hold at all.
HOSTILE = texts(without="\0\uffff\r\n\x85\u2028\u2029,", most=5)


def item(kind="promote", **more):
    return TYPES[kind].model_validate({"name": "a", "type": kind, "scm": {"git": "https://git.example.com/x"}, **more})


def hostile_items():
    found = []

    @settings(
        max_examples=COUNT * 10,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(HOSTILE.filter(str.strip), HOSTILE.filter(str.strip), HOSTILE)
    def draw(label, message, value):
        try:
            made = item(
                agent={"label": label},
                approval={"message": message, "submitters": [label]},
                variables={"V": value},
                store="/" + value,
                credentials={"C": message},
            )
        except ValidationError:
            return  # refused, which is as good
        found.append(made)

    draw()
    return found[:COUNT]


def test_hostile_texts_stay_texts_to_the_validator(tmp_path):
    files = []
    for number, made in enumerate(hostile_items()):
        file = tmp_path / f"{number}" / "Jenkinsfile"
        file.parent.mkdir()
        try:
            file.write_text(release_script(made), encoding="utf-8")
        except UsageError:
            continue
        files.append(file)
    outcomes = run_jenkinsfiles(files, options=["--validate-only"])
    assert len(outcomes) > COUNT / 2
    assert [outcome["errors"] for outcome in outcomes] == [[] for _ in outcomes]
    assert not list(tmp_path.rglob(PWNED))


@pytest.mark.parametrize(
    ("kind", "given", "seen"),
    [
        ("promote", {"VERSION": "7; touch PWNED"}, {"JENKINS_ML_PROMOTE_VERSION": "7; touch PWNED"}),
        (
            "rollback",
            {"VERSION": "$(touch PWNED)", "REASON": 'it\'s "slow" ${x} $$ \\ é'},
            {"JENKINS_ML_ROLLBACK_TO": "$(touch PWNED)", "JENKINS_ML_ROLLBACK_REASON": 'it\'s "slow" ${x} $$ \\ é'},
        ),
        ("monitor", {}, {}),
    ],
)
def test_parameters_reach_the_command_by_the_environment(tmp_path, kind, given, seen):
    # A repository to check out, and a command of that name that writes down what it got.
    repository, bin_folder = tmp_path / "repository", tmp_path / "bin"
    for folder in (repository / "models/x", bin_folder):
        folder.mkdir(parents=True)
    (repository / "models/x/jenkins-ml.yaml").write_text("model: x\n")
    git = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    out = tmp_path / "seen.json"
    command = bin_folder / SHOW
    command.write_text(
        f"#!/usr/bin/env python3\nimport json, os, sys\n"
        f"json.dump({{'argv': sys.argv[1:], 'cwd': os.getcwd(), 'env': dict(os.environ)}}, open({str(out)!r}, 'w'))\n"
    )
    command.chmod(0o755)
    value = "a'b\"c $x `y` \\ \t é"
    made = item(
        kind,
        scm={"git": str(repository)},
        directory="models/x",
        environment="staging",
        store="/srv/it's here",
        variables={"EXTRA": value},
        agent={"node": "built-in"},
        **({"approval": {"submitters": ["leads"]}} if kind == "promote" else {}),
    )
    job = tmp_path / "job" / "Jenkinsfile"
    job.parent.mkdir()
    job.write_text(release_script(made), encoding="utf-8")
    options = ["--params", json.dumps(given), "--env", f"PATH={bin_folder}{os.pathsep}{os.environ['PATH']}"]
    [outcome] = run_jenkinsfiles([job], options=[*options, "--input", "approve"])
    assert outcome["result"] == "SUCCESS", outcome
    told = json.loads(out.read_text())
    assert told["argv"] == [kind, "--environment", "staging"]
    assert told["cwd"].endswith("models/x")
    assert {name: told["env"][name] for name in seen} == seen
    assert (told["env"]["EXTRA"], told["env"]["JENKINS_ML_STORE"]) == (value, "/srv/it's here")
    assert told["env"]["GIT_BRANCH"] == "origin/main"
    assert (told["env"].get("JENKINS_ML_APPROVER") is not None) == (kind == "promote")
    assert not list(tmp_path.rglob(PWNED))


def test_the_job_that_applies_the_example_is_accepted():
    [outcome] = run_jenkinsfiles([ROOT / "examples/jobs/Jenkinsfile"], options=["--validate-only"])
    assert outcome["errors"] == []
