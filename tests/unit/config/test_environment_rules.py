"""Environments follow each other, and nothing follows itself."""

import re
from pathlib import Path

import pytest

from jenkins_ml.config.loader import loads
from jenkins_ml.errors import ConfigurationError

HEAD = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train"}\n'


def serve(environments, environment="production"):
    return loads(f"{HEAD}serve:\n  environment: {environment}\n  environments: {environments}\n").serve


@pytest.mark.parametrize(
    "environments",
    [
        "{}",
        "{production: {after: staging}, staging: {}}",
        "{staging: {after: production}}",
        "{a: {after: b}, b: {after: c}, c: {after: production}, d: {after: c}}",
    ],
)
def test_chains_and_trees_are_fine(environments):
    serve(environments)


def test_what_comes_first_need_not_be_listed_when_it_is_the_default():
    found = serve("{production: {after: staging, approval: true}}", environment="staging")
    assert (found.environments["production"].after, found.environments["production"].approval) == ("staging", True)
    assert found.of("production").target == "local"


@pytest.mark.parametrize(
    ("environments", "messages"),
    [
        ("{production: {after: stagin}, staging: {}}", ["there is no environment 'stagin': did you mean 'staging'?"]),
        ("{staging: {after: x}}", ["there is no environment 'x': there are production, staging"]),
        ("{staging: {after: staging}}", ["nothing could ever be released: staging after staging"]),
        (
            "{a: {after: b}, b: {after: c}, c: {after: b}}",
            ["nothing could ever be released: b after c after b"],
        ),
        (
            "{a: {after: a}, b: {after: nowhere}}",
            ["nothing could ever be released: a after a", "there is no environment 'nowhere'"],
        ),
    ],
)
def test_what_cannot_be(environments, messages):
    with pytest.raises(ConfigurationError) as caught:
        serve(environments)
    found = [problem.message for problem in caught.value.problems]
    assert len(found) == len(messages)
    assert all(any(f".after: {message}" in text for text in found) for message in messages), found
    assert {problem.line for problem in caught.value.problems} == {6}


def test_the_example_of_the_page_is_one():
    page = (Path(__file__).parents[3] / "docs" / "environments.md").read_text()
    [example] = re.findall(r"(?m)^    serve:\n(?:      .*\n)+", page)
    found = loads(HEAD + re.sub(r"(?m)^    ", "", example)).serve
    production = found.environments["production"]
    assert (found.environment, production.after, production.approval) == ("staging", "staging", True)
    assert (found.of("staging").target, found.of("production").target) == ("local", "kubernetes")


SHADOW = "target: kubernetes, image: {repository: r.example.com/x}, canary: {shadow: 5}"


@pytest.mark.parametrize(
    ("section", "place"),
    [
        (f"{{{SHADOW}}}", "serve.canary.shadow"),
        (
            "{environments: {staging: {target: kubernetes, canary: {shadow: 5}}}}",
            "serve.environments.staging.canary.shadow",
        ),
    ],
)
def test_tensorflow_serving_on_kubernetes_gives_no_sample(section, place):
    with pytest.raises(ConfigurationError) as caught:
        loads(f"{HEAD}serve: {section}\n")
    [problem] = caught.value.problems
    assert problem.message.startswith(f"{place}: users' requests in ")


@pytest.mark.parametrize("section", [f"{{{SHADOW}, server: {{kind: jenkins-ml}}}}", "{canary: {shadow: 5}}"])
def test_our_server_and_the_other_targets_do(section):
    loads(f"{HEAD}serve: {section}\n")
