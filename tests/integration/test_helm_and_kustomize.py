"""What we apply, what Helm makes of the chart and what kustomize makes of the base are equal, object by object."""

import json

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jenkins_ml.config import gitops, loader
from jenkins_ml.config.gitops import Released
from jenkins_ml.errors import UsageError
from jenkins_ml.rendering.kubernetes import chart, kustomize
from jenkins_ml.rendering.kubernetes.objects import Objects
from jenkins_ml.rendering.kubernetes.release import everything, release
from tests.engines import packages
from tests.engines.packages import by_name
from tests.fakes import kubernetes_objects
from tests.fakes.configurations import yaml_text
from tests.fakes.repository import ROOT

pytestmark = [pytest.mark.kubernetes]

FOLDER = ROOT / "tests/golden/kubernetes"
CASES = [(case, name) for case in ("baked", "files") for name in gitops.environments(loader.load(FOLDER / case).serve)]
A, B = "a" * 64, "b" * 64
SEVEN = {"version": 7, "manifest_digest": A}
EIGHT = {"version": 80_000_000, "manifest_digest": B, "beside": 7, "replicas": 1, "commit": "0e5", "by": "a: b #c"}
STATES = {
    "nothing": {},
    "no traffic yet": {"versions": [SEVEN]},
    "production": {"versions": [EIGHT, SEVEN], "stable": 7},
    "a canary without traffic": {"versions": [SEVEN, EIGHT], "stable": 7, "canary": EIGHT["version"]},
    "a canary": {"versions": [SEVEN, EIGHT], "stable": 7, "canary": EIGHT["version"], "weight": 30},
    "a canary with all of it": {"versions": [SEVEN, EIGHT], "stable": 7, "canary": EIGHT["version"], "weight": 100},
}


def objects_of(case, environment):
    config = loader.load(FOLDER / case)
    return Objects(config.model, environment, config.serve.of(environment))


def applied(objects, said):
    wanted = release(objects.serve, Released.model_validate_json(json.dumps(said)))
    return by_name(everything(objects, wanted))


def templated(folder, said, environment):
    values = folder.parent / "values.yaml"
    values.write_text(yaml_text({**said, "environment": environment}))
    return by_name(packages.helm_template(folder, "-f", values))


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("case", "environment"), CASES)
def test_the_three_forms_are_equal(case, environment):
    folder = FOLDER / case
    objects = objects_of(case, environment)
    released = gitops.load(folder, gitops.environments(loader.load(folder).serve))[environment]
    wanted = by_name(everything(objects, release(objects.serve, released)))
    file = folder / gitops.FOLDER / f"{environment}.yaml"
    values = ["-f", file] if file.exists() else []
    [made] = (folder / chart.CHARTS).iterdir()
    assert by_name(packages.helm_template(made, *values, "--set", f"environment={environment}")) == wanted
    assert by_name(packages.kustomize(folder / kustomize.BASES / environment)) == wanted


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("environment", ["production", "weights", "staging"])
def test_the_chart_is_what_we_apply_in_each_state_of_a_release(environment, state, tmp_path):
    objects = objects_of("baked", environment)
    write(tmp_path, chart.chart("digits", [objects], environment))
    assert templated(tmp_path / chart.CHARTS / "digits", STATES[state], environment) == applied(objects, STATES[state])


@pytest.mark.parametrize("case", ["baked", "files"])
def test_helm_has_nothing_to_complain_about(case):
    folder = FOLDER / case
    [made] = (folder / chart.CHARTS).iterdir()
    for values in [None, *sorted((folder / gitops.FOLDER).iterdir())]:
        arguments = [] if values is None else ["-f", values, "--set", f"environment={values.stem}"]
        done = packages.run("helm", "lint", "--strict", made, f"--kube-version={packages.OF_CLUSTER}", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[WARNING]" not in done.stdout + done.stderr


WRONG = {
    "twice": ({"versions": [SEVEN, SEVEN]}, "version 7 is listed twice"),
    "unknown": ({"versions": [SEVEN], "stable": 8}, "version 8 is not in `versions`"),
    "itself": ({"versions": [{**SEVEN, "beside": 7}]}, "version 7 is beside itself"),
    "no stable": ({"versions": [SEVEN], "canary": 7}, "no `stable` version"),
    "same": ({"versions": [SEVEN], "stable": 7, "canary": 7}, "`canary` is the stable version"),
    "no canary": ({"versions": [SEVEN], "stable": 7, "weight": 5}, "no `canary` that could get the weight"),
    "no digest": ({"versions": [{"version": 7}]}, "manifest_digest"),
    "misspelt": ({"stabel": 7}, "stabel"),
    "weight": ({"versions": [SEVEN], "weight": 101}, "weight"),
    "environment": ({"environment": "prod"}, "environment"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_values_are_refused_by_the_chart_as_by_generate(wrong, tmp_path):
    said, words = WRONG[wrong]
    values = tmp_path / "values.json"
    values.write_text(json.dumps(said))
    done = packages.run(
        *("helm", "template", FOLDER / "baked/deploy/helm/digits", f"--kube-version={packages.OF_CLUSTER}"),
        *("-f", values),
    )
    assert done.returncode != 0
    assert words in done.stderr
    if wrong != "environment":  # a file's name says that
        with pytest.raises(ValidationError):
            Released.model_validate_json(json.dumps(said))


CANARIES = {
    "argo": ([SEVEN, EIGHT], "the Rollout makes the canary"),
    "production": ([SEVEN, {**EIGHT, "beside": 6}], "version 80000000 was not released beside version 7"),
    "staging": ([SEVEN, EIGHT, {**SEVEN, "version": 9, "beside": 7}], "version 9 was released beside version 7, too"),
}


@pytest.mark.parametrize("environment", CANARIES)
def test_a_canary_that_cannot_share_the_traffic_is_refused(environment, tmp_path):
    versions, words = CANARIES[environment]
    said = {"versions": versions, "stable": 7, "canary": EIGHT["version"], "weight": 5}
    with pytest.raises(UsageError, match=words):
        applied(objects_of("baked", environment), said)
    values = tmp_path / "values.json"
    values.write_text(json.dumps({**said, "environment": environment}))
    done = packages.run("helm", "template", FOLDER / "baked/deploy/helm/digits", "--kube-version=1.37", "-f", values)
    assert words in done.stderr


# No control characters: kustomize writes some as they are, and does not read them then.
TEXTS = st.text(
    st.sampled_from("{}'\"\\$`#:%-&*!|>?@,[]= \n\té模\U0001f600\u2028y90")
    | st.characters(exclude_categories=["Cc", "Cs"]),
    min_size=1,
)
PARTS = TEXTS | st.sampled_from(["{source}", "--from={source}/x", "{{target}}", "{{- source }}", "{{/*"])


@settings(max_examples=15, phases=[Phase.generate])  # each starts two programs
@given(
    arguments=st.lists(TEXTS, max_size=3),
    command=st.lists(PARTS, min_size=1, max_size=3),
    by=TEXTS,
)
def test_no_text_is_taken_for_anything_else(tmp_path_factory, arguments, command, by):
    folder = tmp_path_factory.mktemp("chart")
    store = {"url": "s3://m/{{s}}", "image": "aws/cli", "command": command}
    serving = {
        "traffic": "httproute",
        "gateway": {"name": "gateway", "hostnames": ["*.example.com"]},
        "object_store": store,
    }
    objects = kubernetes_objects.objects(server={"arguments": arguments}, kubernetes=serving)
    said = {"versions": [{**SEVEN, "by": by}, EIGHT], "stable": 7, "canary": EIGHT["version"], "weight": 1}
    write(folder, chart.chart("digits", [objects], "production"))
    wanted = applied(objects, said)
    assert templated(folder / chart.CHARTS / "digits", said, "production") == wanted
    write(folder, kustomize.base(objects, release(objects.serve, Released.model_validate_json(json.dumps(said)))))
    assert by_name(packages.kustomize(folder / kustomize.BASES / "production")) == wanted
